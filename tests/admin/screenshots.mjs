// The pictures of the documents: a machine with a month of backups at five places. Needs faketime (Debian: faketime).
//   node tests/admin/screenshots.mjs docs/images
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { World } from './harness.mjs';

const target = process.argv[2] || 'docs/images';
mkdirSync(target, { recursive: true });
// Twice a day, but for a weekend without power.
const history = Array.from({ length: 44 }, (_, index) => 9.4 + index * 12).filter((hours) => hours < 240 || hours > 340);
const names = { local: 'usb-disk', sftp: 'nas', ftp: 'office-ftp' };
const world = await World.start({ kinds: ['google-drive', 'dropbox', 'sftp', 'ftp', 'local'], history, names, settings: { instance: 'atlas' } });
if (world.skip) throw new Error(world.skip);
await world.do('backup');
await world.cli('wait', '--timeout', '120s');
await world.cli('auto-sync', 'on', '--every', '12h'); // only now: it makes one at once when none was made for so long
await world.cli('backups', 'pin', 'latest', '--label', 'before the upgrade');

const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--font-render-hinting=none'] });
async function shoot(name, { hash = '', width = 1280, height = 860, act, whole = false, ...options } = {}) {
    const context = await browser.newContext({ viewport: { width, height }, locale: 'en-GB', reducedMotion: 'reduce', ...options });
    const page = await context.newPage();
    await page.goto(world.url + hash);
    await page.fill('#signin-password', world.password);
    await page.click('form [type=submit]');
    await page.waitForSelector('.verdict, .page-head');
    await page.waitForFunction(() => document.querySelectorAll('[aria-busy=true]').length === 0);
    await act?.(page);
    await page.evaluate(() => document.activeElement?.blur?.());
    await page.screenshot({ path: join(target, `${name}.png`), fullPage: whole });
    await context.close();
    console.log(name);
}

const openNewest = async (page) => {
    await page.locator('.matrix-body [data-cell]').first().click();
    await page.waitForSelector('dialog.drawer[open] .files');
};
await shoot('admin-overview', { whole: true });
await shoot('admin-backup', { hash: '#/backups', height: 760, act: async (page) => {
    await openNewest(page);
    await page.click('#tab-copies');
    await page.waitForSelector('.copies-list');
} });
const server = await world.do('server', { kind: 'sftp' });
await shoot('admin-connect', { hash: '#/providers', height: 1000, act: async (page) => {
    await page.click('.page-actions button');
    await page.locator('.tile', { hasText: 'SFTP' }).click();
    await page.fill('#connect-host', server.host);
    await page.fill('#connect-port', String(server.port));
    await page.fill('#connect-user', 'backup');
    await page.fill('#connect-password', 'not a password');
    await page.fill('#connect-name', 'attic');
    await page.click('.hostkey button');
    await page.waitForSelector('.fingerprint');
} });
await shoot('admin-dark-fr', { locale: 'fr-FR', colorScheme: 'dark', height: 960 });
await shoot('admin-360', { width: 360, height: 780 });
await shoot('admin-settings', { hash: '#/settings/retention', height: 900, act: async (page) => {
    await page.fill('#retention-daily', '7');
    await page.waitForTimeout(800);
} });
await shoot('admin-sync', { height: 700, act: async (page) => {
    await world.do('write', { path: 'source/large.txt', text: Array.from({ length: 400_000 }, (_, n) => String(Math.sin(n))).join('\n') });
    await world.cli('config', 'set', 'replication.upload_limit', '600KiB/s');
    await page.click('.verdict-actions button.big');
    await page.waitForSelector('.lane .lane-words:has-text("/s")');
    await page.waitForTimeout(3000);
} });
await browser.close();
await world.close();
