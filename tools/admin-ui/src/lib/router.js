// Where the reader is: #/page/detail/part. The address can be kept, shared between tabs, and walked back.
import { signal } from './ui.js';

export const pages = ['overview', 'providers', 'backups', 'activity', 'settings'];

function read() {
    const parts = location.hash.replace(/^#\/?/, '').split('/').map((part) => {
        try {
            return decodeURIComponent(part);
        } catch {
            return part;
        }
    });
    return { page: pages.includes(parts[0]) ? parts[0] : 'overview', detail: parts[1] || '', part: parts[2] || '' };
}

export const route = signal(read());
addEventListener('hashchange', () => (route.value = read()));

export const href = (...parts) => `#/${parts.filter((part) => part !== '').map(encodeURIComponent).join('/')}`;
export const go = (...parts) => (location.hash = href(...parts));
// The same page with another detail, without a step of its own in the history.
export function replace(...parts) {
    history.replaceState(null, '', href(...parts));
    route.value = read();
}
