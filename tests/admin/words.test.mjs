// The texts: every language has every key with the same blanks, and the code asks for no key that is not there.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

const src = join(dirname(fileURLToPath(import.meta.url)), '../../tools/admin-ui/src');
const load = async (name) => (await import(join(src, 'lang', `${name}.js`))).default;
const [en, enLater, fr, frLater] = await Promise.all(['en', 'en-later', 'fr', 'fr-later'].map(load));
const all = { en: { ...en, ...enLater }, fr: { ...fr, ...frLater } };

const sources = (function below(folder) {
    return readdirSync(folder).flatMap((name) => {
        const path = join(folder, name);
        if (statSync(path).isDirectory()) return name === 'lang' || name === 'css' ? [] : below(path);
        return name.endsWith('.js') ? [path] : [];
    });
})(src);

const forms = (text) => (typeof text === 'object' ? Object.values(text) : [text]);
const blanks = (text) => [...new Set(forms(text).flatMap((form) => form.match(/\{\w+\}/g) || []))].sort();

test('every language has the same keys', () => {
    assert.deepEqual(Object.keys(all.fr).sort(), Object.keys(all.en).sort());
    assert.deepEqual(Object.keys(fr).sort(), Object.keys(en).sort(), 'and the same ones for the first page');
    assert.ok(Object.keys(all.en).length > 500);
});

test('every text has the same blanks in every language, and says something', () => {
    for (const key of Object.keys(all.en)) {
        assert.deepEqual(blanks(all.fr[key]), blanks(all.en[key]), key);
        for (const form of [...forms(all.en[key]), ...forms(all.fr[key])]) assert.ok(form.trim().length > 0, key);
    }
});

test('French is set as French is', () => {
    for (const [key, text] of Object.entries(all.fr))
        for (const form of forms(text)) {
            assert.doesNotMatch(form, / [:;?!»%]|« /, `${key}: a space that may break: ${form}`);
            assert.doesNotMatch(form, /\w'\w/, `${key}: a straight apostrophe: ${form}`);
        }
});

test('the code asks for no key that is missing', () => {
    for (const path of sources) {
        const text = readFileSync(path, 'utf8');
        for (const [, key] of text.matchAll(/\bt\(\s*'([^']+)'/g)) assert.ok(key in all.en, `${relative(src, path)}: ${key}`);
        for (const [, first, second] of text.matchAll(/\bt\([^'`]*\? '([^']+)' : '([^']+)'/g)) for (const key of [first, second]) assert.ok(key in all.en, `${relative(src, path)}: ${key}`);
    }
});

test('keys that are put together are all there', () => {
    const families = {
        'state.': ['verified', 'stored', 'uploading', 'queued', 'paused', 'missing', 'damaged', 'failed', 'protected', 'degraded', 'at_risk', 'unprotected', 'not_configured'],
        'provider_state.': ['active', 'inactive', 'degraded', 'auth_needed', 'full', 'offline', 'blocked'],
        'why.': ['degraded', 'auth_needed', 'full', 'offline', 'blocked'],
        'verdict.': ['protected', 'degraded', 'at_risk', 'unprotected', 'not_configured', 'coming', 'first'],
        'run.': ['running', 'succeeded', 'partial', 'unchanged', 'failed', 'cancelled', 'interrupted'].flatMap((state) => [state, `${state}_text`]),
        'level.': ['info', 'warning', 'error'],
        'check.': ['ok', 'warning', 'bad', 'skipped'],
        'kind.': ['local', 'sftp', 'ftp', 'dropbox', 'google-drive'].flatMap((kind) => [kind, `${kind}_about`]),
        'step.': ['connect', 'DNS', 'TCP', 'TLS', 'certificate', 'host key', 'sign-in', 'folder', 'write', 'read', 'hash', 'delete'],
        'scope.': ['read', 'operate', 'admin'],
        'connection.': ['polling', 'lost'],
    };
    for (const [family, names] of Object.entries(families)) for (const name of names) assert.ok(family + name in all.en, family + name);
});

test('the first page needs no words of the later ones', () => {
    const first = new Set();
    (function follow(path) {
        if (first.has(path)) return;
        first.add(path);
        for (const [, other] of readFileSync(path, 'utf8').matchAll(/^(?:import|export) [^;]*?from '(\.[^']+)'/gm)) follow(resolve(dirname(path), other));
    })(join(src, 'main.js'));
    assert.ok(first.size > 15);
    for (const path of first)
        for (const [, key] of readFileSync(path, 'utf8').matchAll(/'([a-z_]+\.[A-Za-z0-9_.-]+)'/g)) assert.ok(!(key in enLater), `${relative(src, path)}: ${key} stands in en-later.js`);
});
