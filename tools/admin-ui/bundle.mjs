// Makes dist/ out of src/ and vendor/, always the same from the same sources.

import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
export const bundler = 'esbuild 0.28.2';

const aliases = {
    preact: 'vendor/preact.mjs',
    'preact/hooks': 'vendor/preact-hooks.mjs',
    '@preact/signals-core': 'vendor/signals-core.mjs',
    '@preact/signals': 'vendor/signals.mjs',
    htm: 'vendor/htm.mjs',
};

// What is not needed for the first look is fetched when it is: the dialogs, the other pages, the other language.
const languages = ['en', 'en-later', 'fr', 'fr-later'];
const scripts = { app: 'src/main.js', later: 'src/later.js', ...Object.fromEntries(languages.map((name) => [name, `src/lang/${name}.js`])) };

export async function findBundler() {
    for (const folder of [process.env.ORACXFS_NODE_MODULES, join(here, '../../tests/admin/node_modules')]) {
        if (!folder || !existsSync(join(folder, 'esbuild'))) continue;
        const require = createRequire(join(resolve(folder), 'x.js'));
        const version = `esbuild ${require('esbuild/package.json').version}`;
        if (version !== bundler) throw new Error(`${folder} has ${version}, but dist/ is made with ${bundler}`);
        return require('esbuild');
    }
    return null;
}

// htm drops spaces around line breaks itself; without the indentation there is less to fetch.
const withoutIndentation = {
    name: 'without-indentation',
    setup(build) {
        build.onLoad({ filter: /[\\/]src[\\/].*\.js$/ }, ({ path }) => ({ contents: readFileSync(path, 'utf8').replace(/\n +/g, '\n'), loader: 'js' }));
    },
};

// Parts of Pico that the page has no use for: a rule goes when all its selectors are about them.
const unused = new RegExp(
    [
        /tooltip|dropdown|role="?group|role="?search|type="?(range|date|datetime-local|month|week|time|color|file|reset)\b/,
        /progress|hgroup|blockquote|figure|article|aside|picture|iframe|embed|canvas|object|audio|video|\bsamp\b|\bmark\b|\bins\b|\bdel\b/,
        /\.container|\.grid\b|\.contrast|\.outline|modal-is|\.close|rel="?prev|aria-invalid="?false|-ms-|:host|\bnav\b|\bh[456]\b|dir="?rtl/,
    ]
        .map((part) => part.source)
        .join('|'),
);

function splitAt(text, separator, open, close) {
    const parts = [];
    let depth = 0;
    let from = 0;
    let quote = '';
    for (let at = 0; at < text.length; ++at) {
        const letter = text[at];
        if (quote) {
            if (letter === '\\') at += 1;
            else if (letter === quote) quote = '';
        } else if (letter === '"' || letter === "'") quote = letter;
        else if (open.includes(letter)) depth += 1;
        else if (close.includes(letter)) depth -= 1;
        if (!quote && depth === 0 && letter === separator) {
            parts.push(text.slice(from, at + (separator === '}' ? 1 : 0)));
            from = at + 1;
        }
    }
    return [...parts, text.slice(from)].filter((part) => part.trim());
}

export function purge(css) {
    return splitAt(css.replace(/\/\*[^]*?\*\//g, '').replace('@charset "UTF-8";', ''), '}', '{', '}')
        .map((rule) => {
            const brace = rule.indexOf('{');
            const head = rule.slice(0, brace);
            const body = rule.slice(brace + 1, -1);
            if (/^@(media|supports)/.test(head)) {
                if (/prefers-color-scheme|reduced-motion/.test(head)) return ''; // both are said in our own style
                const inner = purge(body);
                return inner ? `${head}{${inner}}` : '';
            }
            if (head.startsWith('@')) return rule;
            const kept = splitAt(head, ',', '([', ')]').filter((selector) => !unused.test(selector.replace(/:not\([^)]*\)/g, '')) || selector.startsWith(':root') || selector.startsWith('[data-theme'));
            return kept.length > 0 ? `${kept.filter((selector) => !selector.includes(':host')).join(',')}{${body}}` : '';
        })
        .filter((rule) => rule && !rule.startsWith('{'))
        .join('\n');
}

const leanPico = {
    name: 'lean-pico',
    setup(build) {
        build.onLoad({ filter: /pico\.min\.css$/ }, ({ path }) => ({ contents: purge(readFileSync(path, 'utf8')), loader: 'css' }));
    },
};

export async function bundleInto(esbuild, target) {
    const common = {
        absWorkingDir: here,
        bundle: true,
        minify: true,
        charset: 'utf8',
        legalComments: 'none', // the licences lie in vendor/
        logLevel: 'warning',
        target: ['chrome111', 'firefox115', 'safari16.4'],
        outdir: target,
    };
    await esbuild.build({
        ...common,
        entryPoints: scripts,
        alias: Object.fromEntries(Object.entries(aliases).map(([name, path]) => [name, join(here, path)])),
        format: 'esm',
        splitting: true,
        chunkNames: 'shared', // there is one: what the first page and the later ones have in common
        plugins: [withoutIndentation],
    });
    await esbuild.build({ ...common, entryPoints: { app: 'src/css/app.css' }, loader: { '.css': 'css' }, plugins: [leanPico] });
    cpSync(join(here, 'src/icon.svg'), join(target, 'icon.svg'));
}

// What the daemon is to serve; with the names of the shared parts, which change with their contents.
export function writeAssets() {
    const lines = ['# What the web admin serves, one file a line; index.html is the page itself. Written by vendor.mjs.', 'index.html'];
    writeFileSync(join(here, 'assets.txt'), [...lines, ...readdirSync(join(here, 'dist')).sort().map((name) => `dist/${name}`), ''].join('\n'));
}

// The page, the style, the icon, one language, and the script with all that it imports at once.
export function firstLoad(dist) {
    const wanted = ['app.js'];
    for (const name of wanted)
        for (const [, other] of readFileSync(join(dist, name), 'utf8').matchAll(/(?:from|import)"\.\/([\w-]+\.js)"/g)) if (!wanted.includes(other)) wanted.push(other);
    const longer = ['en.js', 'fr.js'].sort((a, b) => readFileSync(join(dist, b)).length - readFileSync(join(dist, a)).length)[0];
    return [join(here, 'index.html'), ...['app.css', 'icon.svg', longer, ...wanted].map((name) => join(dist, name))];
}

export function withScratch(work) {
    const scratch = mkdtempSync(join(here, '.bundle-'));
    return Promise.resolve(work(scratch)).finally(() => rmSync(scratch, { recursive: true, force: true }));
}
