// What is served is made from what is there, from libraries of known versions, and small enough.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const ui = join(here, '../../tools/admin-ui');

test('vendor/ and dist/ are as recorded, and are made again the same', () => {
    const done = spawnSync(process.execPath, [join(ui, 'vendor.mjs'), '--check'], { encoding: 'utf8' });
    assert.equal(done.status, 0, done.stderr);
    assert.match(done.stdout, /made again the same/);
});

test('nothing is fetched from anywhere else, or said inline', () => {
    const index = readFileSync(join(ui, 'index.html'), 'utf8');
    assert.doesNotMatch(index, /https?:|<style|style=|onload=|<script(?![^>]* src=)/);
    const style = readFileSync(join(ui, 'dist/app.css'), 'utf8');
    for (const [address] of style.matchAll(/url\([^)]{0,40}/g)) assert.match(address, /^url\("?data:image/);
});

test('package-lock.json names no host', () => {
    assert.doesNotMatch(readFileSync(join(here, 'package-lock.json'), 'utf8'), /https?:/);
});
