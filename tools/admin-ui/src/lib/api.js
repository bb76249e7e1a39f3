// Requests to the daemon. Every answer is the envelope that the command line prints with --json.
import { signal } from './ui.js';

const scripts = new URL('.', import.meta.url).pathname; // "/admin/cloud/assets/<digest>/dist/"
export const base = scripts.replace(/\/assets\/.*$/, '');
export const apiBase = `${base}/api/v1`;

export const csrf = signal('');
// Called when the daemon no longer knows us; set by the store, which shows the sign-in.
export const onSignedOut = { call: () => {} };

export class ApiError extends Error {
    constructor(error, status, data) {
        super(error.message || error.code || String(status));
        Object.assign(this, { code: error.code || '', why: error.why || '', next: [].concat(error.next || []), provider: error.provider || '' });
        this.status = status;
        this.data = data;
    }
}

const unreachable = () => new ApiError({ code: 'E-DAEMON', message: '', next: ['oracxfs mount'] }, 0);

async function request(method, path, body, options = {}) {
    const headers = { Accept: 'application/json', 'Accept-Language': document.documentElement.lang };
    if (method !== 'GET') {
        headers['X-Oracxfs-CSRF'] = csrf.value;
        headers['Content-Type'] = 'application/json';
    }
    Object.assign(headers, options.headers);
    let answer;
    let text;
    try {
        answer = await fetch(apiBase + path, {
            method,
            headers,
            credentials: 'same-origin',
            cache: 'no-store',
            signal: options.signal,
            body: method === 'GET' ? undefined : JSON.stringify(body ?? {}),
        });
        text = await answer.text();
    } catch (error) {
        if (error.name === 'AbortError') throw error;
        throw unreachable();
    }
    let envelope = {};
    try {
        envelope = text ? JSON.parse(text) : {};
    } catch {
        throw new ApiError({ code: 'E-INTERNAL', message: `${answer.status} ${answer.statusText}` }, answer.status);
    }
    if (answer.ok && !envelope.error) return options.whole ? { ...envelope, headers: answer.headers } : envelope.data;
    if (answer.status === 401 && path !== '/session' && path !== '/setup') onSignedOut.call();
    throw new ApiError(envelope.error || { message: `${answer.status} ${answer.statusText}` }, answer.status, envelope.data);
}

export const get = (path, options) => request('GET', path, undefined, options);
export const post = (path, body, options) => request('POST', path, body, options);
export const put = (path, body, options) => request('PUT', path, body, options);
export const patch = (path, body, options) => request('PATCH', path, body, options);
export const del = (path, body, options) => request('DELETE', path, body, options);

// "/backups" and {limit: 10, state: ""} -> "/backups?limit=10"
export function query(path, values) {
    const parts = new URLSearchParams();
    for (const [name, value] of Object.entries(values)) if (value !== '' && value !== undefined && value !== null) parts.set(name, value);
    const text = parts.toString();
    return text ? `${path}?${text}` : path;
}

export const segment = (text) => encodeURIComponent(text);
