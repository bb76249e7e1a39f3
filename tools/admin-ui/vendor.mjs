// What the page takes from others, and what it is served as.
//
//   node vendor.mjs --from NODE_MODULES   take the libraries named below anew from a node_modules folder
//   node vendor.mjs --bundle              make dist/ from src/ and vendor/ (needs esbuild)
//   node vendor.mjs --check               are vendor/ and dist/ what vendor.json says, and is dist/ made from src/?
//
// vendor/ and dist/ are committed, so that neither building nor installing oracxfs needs Node. esbuild is looked for in
// tests/admin/node_modules (npm ci there) or in the folder that ORACXFS_NODE_MODULES names; without it --check compares
// checksums only, and says so.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { bundleInto, bundler, findBundler, firstLoad, withScratch, writeAssets } from './bundle.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const recordFile = join(here, 'vendor.json');
const firstLoadMax = 60 * 1024; // compressed: what a first visit fetches

const libraries = [
    { name: 'preact', files: { 'dist/preact.mjs': 'preact.mjs', 'hooks/dist/hooks.mjs': 'preact-hooks.mjs', LICENSE: 'preact.LICENSE' } },
    { name: '@preact/signals-core', files: { 'dist/signals-core.mjs': 'signals-core.mjs', LICENSE: 'signals-core.LICENSE' } },
    { name: '@preact/signals', files: { 'dist/signals.mjs': 'signals.mjs', LICENSE: 'signals.LICENSE' } },
    { name: 'htm', files: { 'dist/htm.mjs': 'htm.mjs', LICENSE: 'htm.LICENSE' } },
    { name: '@picocss/pico', files: { 'css/pico.min.css': 'pico.min.css', 'LICENSE.md': 'pico.LICENSE' } },
];

const sha256 = (path) => createHash('sha256').update(readFileSync(path)).digest('hex');

function filesBelow(folder) {
    return readdirSync(folder)
        .sort()
        .flatMap((name) => (statSync(join(folder, name)).isDirectory() ? filesBelow(join(folder, name)) : [join(folder, name)]));
}

function checksums(folder) {
    return Object.fromEntries(filesBelow(join(here, folder)).map((path) => [relative(here, path), sha256(path)]));
}

function sourcesChecksum() {
    const hash = createHash('sha256');
    for (const [path, sum] of Object.entries(checksums('src'))) hash.update(`${path} ${sum}\n`);
    return hash.digest('hex');
}

const readRecord = () => JSON.parse(readFileSync(recordFile, 'utf8'));
const writeRecord = (record) => writeFileSync(recordFile, JSON.stringify(record, null, 2) + '\n');

function takeFrom(modules) {
    const record = existsSync(recordFile) ? readRecord() : {};
    rmSync(join(here, 'vendor'), { recursive: true, force: true });
    mkdirSync(join(here, 'vendor'));
    record.libraries = libraries.map(({ name, files }) => {
        const about = JSON.parse(readFileSync(join(modules, name, 'package.json'), 'utf8'));
        const taken = {};
        for (const [from, to] of Object.entries(files)) {
            const target = join(here, 'vendor', to);
            // Their source maps are not taken, so nothing should ask for them.
            const text = readFileSync(join(modules, name, from), 'utf8').replace(/\n?\/\/# sourceMappingURL=.*\n?$/, '\n');
            writeFileSync(target, text);
            taken[`vendor/${to}`] = { from, sha256: sha256(target) };
        }
        return { name, version: about.version, licence: about.license, files: taken };
    });
    writeRecord(record);
}

async function bundle() {
    const esbuild = await findBundler();
    if (!esbuild) throw new Error('esbuild was not found: run `npm ci` in tests/admin');
    rmSync(join(here, 'dist'), { recursive: true, force: true });
    mkdirSync(join(here, 'dist'));
    await bundleInto(esbuild, join(here, 'dist'));
    writeAssets();
    writeRecord({ ...readRecord(), bundle: { made_with: bundler, sources: sourcesChecksum(), files: checksums('dist') } });
    console.log(`first load: ${firstLoadBytes()} bytes compressed in ${firstLoad(join(here, 'dist')).length} files`);
}

const firstLoadBytes = () => firstLoad(join(here, 'dist')).reduce((sum, path) => sum + gzipSync(readFileSync(path), { level: 9 }).length, 0);

async function check() {
    const problems = [];
    const record = readRecord();
    const listed = new Map(record.libraries.flatMap((library) => Object.entries(library.files).map(([path, file]) => [path, file.sha256])));
    for (const [path, sum] of Object.entries(checksums('vendor')))
        if (listed.get(path) !== sum) problems.push(`${path} is not what vendor.json says`);
    for (const path of listed.keys()) if (!existsSync(join(here, path))) problems.push(`${path} is missing`);
    const made = checksums('dist');
    for (const path of new Set([...Object.keys(record.bundle.files), ...Object.keys(made)]))
        if (record.bundle.files[path] !== made[path]) problems.push(`${path} is not what vendor.json says`);
    if (record.bundle.sources !== sourcesChecksum()) problems.push('src/ has changed since dist/ was made: node vendor.mjs --bundle');
    const served = readFileSync(join(here, 'assets.txt'), 'utf8').split('\n').filter((line) => line && !line.startsWith('#'));
    for (const path of Object.keys(made)) if (!served.includes(path)) problems.push(`${path} is not in assets.txt`);
    for (const path of served) if (!existsSync(join(here, path))) problems.push(`${path} of assets.txt is not there`);
    const bytes = firstLoadBytes();
    if (bytes > firstLoadMax) problems.push(`the first load is ${bytes} bytes compressed, allowed are ${firstLoadMax}`);

    const esbuild = await findBundler();
    if (esbuild)
        await withScratch(async (scratch) => {
            await bundleInto(esbuild, scratch);
            for (const path of Object.keys(made)) {
                const again = join(scratch, relative('dist', path));
                if (!existsSync(again) || sha256(again) !== made[path]) problems.push(`${path} is not what ${bundler} makes of src/`);
            }
        });
    for (const problem of problems) console.error(problem);
    if (problems.length > 0) process.exit(1);
    console.log(`vendor/ and dist/ are as recorded${esbuild ? ', and made again the same' : '; esbuild is not here, so dist/ was not made again'}; first load ${bytes} bytes`);
}

const [action, argument] = process.argv.slice(2);
if (action === '--from' && argument) takeFrom(argument);
else if (action === '--bundle') await bundle();
else if (action === '--check') await check();
else {
    console.error('usage: node vendor.mjs --from NODE_MODULES | --bundle | --check');
    process.exit(2);
}
