// "Am I safe?", Sync now with its progress, and a part that fails.
import { assert, eventually, see, test, texts } from './harness.mjs';

const every = ['local', 'sftp', 'ftp', 'dropbox', 'google-drive'];

test('a backup to all kinds of places, watched from the first byte to the verdict', { world: { kinds: every } }, async ({ watched }) => {
    const page = await watched.signedIn();
    await page.waitForSelector('.first-steps');
    await page.click('.verdict-actions button.big');
    await page.waitForSelector('.run');
    await page.waitForSelector('.run .lanes .lane, .run .state.tone-good');
    await see(page, 'All 5 copies are verified.', '.run');
    await see(page, 'Everything is safe', '.verdict');
    await see(page, 'Your newest backup is on all 5 places', '.verdict');
    await page.waitForSelector('.matrix-body [role=row]');
    assert.deepEqual((await texts(page, '.matrix-head [role=columnheader]')).slice(2, 7), every);
    await eventually(async () => (await page.locator('.matrix-body [role=row] .tone-good').count()) === 5, 'five copies are verified');
    assert.equal(await page.locator('.provider').count(), 5);
    for (const card of await texts(page, '.provider')) assert.match(card, /Active/);
    await eventually(async () => (await page.locator('.events .event').count()) > 0, 'the log has lines');
    await page.waitForSelector('.timeline .bar', { state: 'attached' });
    assert.equal(await page.locator('.first-steps').count(), 0);
});

test('one place is down: the others go on, and the page says what is missing and heals', { world: { kinds: ['local', 'sftp', 'ftp'] } }, async ({ world, watched }) => {
    await world.do('down', { kind: 'sftp' });
    const page = await watched.signedIn();
    await page.keyboard.press('s');
    await page.waitForSelector('.run');
    await eventually(async () => /2 of 3/.test(await page.locator('.verdict').innerText()) && /Degraded/i.test(await page.locator('.verdict').innerText()), 'two of three copies');
    await see(page, /sftp cannot be reached/, '.reasons');
    await see(page, 'Offline', '.provider:has-text("sftp")');
    await page.waitForSelector('.matrix-body .tone-quiet');
    await world.do('up', { kind: 'sftp' });
    await page.click('.provider:has-text("sftp") footer button:has-text("Test")');
    await see(page, 'sftp works.', 'dialog[open]');
    await page.keyboard.press('Escape');
    await eventually(async () => /Everything is safe/.test(await page.locator('.verdict').innerText()), 'it is healed, and the page saw it without being reloaded', 60_000);
});

test('a run is stopped from the page', { world: { kinds: ['local', 'sftp'], settings: { 'replication.upload_limit': '4KiB/s' } } }, async ({ world, watched }) => {
    await world.do('write', { path: 'source/large.txt', text: Array.from({ length: 60_000 }, (_, n) => String(Math.sin(n))).join('\n') });
    const page = await watched.signedIn();
    await page.click('.verdict-actions button.big');
    await page.waitForSelector('.lane .lane-words:has-text("/s")');
    const percent = await page.locator('.lane .meter').first().getAttribute('aria-valuenow');
    assert.ok(Number(percent) >= 0 && Number(percent) <= 100);
    await page.click('.run-head button:has-text("Cancel")');
    await see(page, 'Cancelled', '.run');
});

test('a backup on its way is no alarm, and the command line says the same', { world: { kinds: ['local', 'sftp'], settings: { 'replication.upload_limit': '8KiB/s' } } }, async ({ world, watched }) => {
    const large = () => Array.from({ length: 60_000 }, () => String(Math.random())).join('\n');
    await world.do('write', { path: 'source/large.txt', text: large() });
    const page = await watched.signedIn();
    await page.click('.verdict-actions button.big');
    await see(page, 'Your first copies are on their way', '.verdict');
    await see(page, '1 file is on its way.', '.verdict');
    assert.equal(await page.locator('.verdict .reasons').count(), 0);
    assert.match((await world.cli('status')).out, /UNPROTECTED .*0 of 2 copies[^]*Files: 1 .*, 1 under way, 1 without a verified copy/);
    await page.click('.run-head button:has-text("Cancel")'); // it goes on to its places all the same
    await see(page, 'Cancelled', '.run');
    await world.cli('config', 'set', 'replication.upload_limit', '100MiB/s');
    await eventually(async () => /Everything is safe/.test(await page.locator('.verdict').innerText()), 'the first one has arrived', 180_000); // what is being sent may keep its pace to its end: about a minute
    await world.cli('config', 'set', 'replication.upload_limit', '8KiB/s');
    await world.do('write', { path: 'source/large.txt', text: large() });
    await page.click('.verdict-actions button.big');
    await see(page, 'The newest is on its way, the rest is safe', '.verdict');
    assert.match(await page.locator('.verdict-state').innerText(), /^degraded$/i);
    assert.equal(await page.locator('.verdict .reasons').count(), 0);
    assert.match((await world.cli('status')).out, /DEGRADED .*0 of 2 copies[^]*Files: 2 .*, 1 under way, 1 without a verified copy/);
});

test('the grid of copies is walked with the keys, and opens what it stands on', { world: { kinds: ['local', 'sftp'] } }, async ({ world, watched }) => {
    await world.do('backup');
    await world.do('backup', { label: 'second' });
    const page = await watched.signedIn();
    await page.waitForSelector('.matrix-body [role=row] >> nth=1');
    await page.locator('.matrix [tabindex="0"]').focus();
    const at = () => page.evaluate(() => document.activeElement.dataset.cell);
    assert.equal(await at(), '0/0');
    for (const [key, where] of [['ArrowDown', '1/0'], ['ArrowDown', '1/0'], ['ArrowRight', '1/1'], ['End', '1/4'], ['ArrowRight', '1/4'], ['Control+Home', '0/0'], ['Control+End', '1/4'], ['Home', '1/0'], ['ArrowUp', '0/0']]) {
        await page.keyboard.press(key);
        assert.equal(await at(), where, key);
    }
    assert.equal(await page.locator('.matrix [tabindex="0"]').count(), 1);
    assert.equal(await page.locator('.matrix').getAttribute('aria-rowcount'), '3');
    await page.keyboard.press('Enter');
    await page.waitForSelector('dialog.drawer[open]');
    await page.waitForURL(/#\/backups\/oracxpred_backup_/);
});
