// Looking into a backup, getting files out of it, and putting copies right.
import { readFileSync } from 'node:fs';
import { answered, assert, dialogOf, eventually, see, test, texts } from './harness.mjs';

const two = { kinds: ['local', 'sftp'] };

async function openNewest(page) {
    await page.waitForSelector('.matrix-body [role=row]:not(:has(.ghost))');
    await page.locator('.matrix-body [role=row]').first().locator('[data-cell]').first().click();
    await page.waitForSelector('dialog.drawer[open] .tabs');
}

test('browse, search, download one file', { world: two }, async ({ world, watched }) => {
    await world.do('backup');
    const page = await watched.signedIn('#/backups');
    await openNewest(page);
    await page.waitForSelector('.files');
    const drawer = dialogOf(page);
    const folder = async (name) => {
        await drawer.locator(`.file-name button:text-is("${name}")`).click();
        await drawer.locator(`.crumbs :text-is("${name}")`).waitFor();
    };
    const top = (await texts(page, '.file-name')).map((text) => text.trim());
    assert.ok(top.length >= 2, top.join());

    await drawer.locator('.search input').fill('letter');
    await eventually(async () => (await drawer.locator('.files tbody tr').count()) === 1, 'one file fits');
    const [download] = await Promise.all([page.waitForEvent('download'), drawer.locator('.files .icon-link').click()]);
    assert.equal(readFileSync(await download.path(), 'utf8'), 'Dear reader\n');
    assert.equal(download.suggestedFilename(), 'letter.txt');

    await drawer.locator('.search input').fill('onerror');
    await drawer.locator('.files .file-name', { hasText: '<img src=x onerror=alert(1)>.txt' }).waitFor();
    assert.equal(await page.locator('img').count(), 0, 'a name is a text');
    await drawer.locator('.search input').fill('no such file');
    await see(page, 'No file in this backup has that in its name.', 'dialog[open]');
    await drawer.locator('.search input').fill('');
    await drawer.locator('.files').waitFor();
    const first = await drawer.locator('.file-name button').first().innerText();
    await folder(first);
    assert.match(await drawer.locator('.cli code').last().innerText(), /^oracxfs backups files \d{8}_\d{6} /);
});

test('the whole package, from a place of one’s choice', { world: two }, async ({ world, watched }) => {
    await world.do('backup');
    const page = await watched.signedIn('#/backups');
    await openNewest(page);
    const [download] = await Promise.all([page.waitForEvent('download'), page.locator('.drawer-actions a').click()]);
    assert.match(download.suggestedFilename(), /^oracxpred_backup_\d{8}_\d{6}\.zip$/);
    assert.equal(readFileSync(await download.path()).subarray(0, 2).toString(), 'PK');
    await page.click('#tab-copies');
    await page.waitForSelector('.copies-list li >> nth=1');
    for (const line of await texts(page, '.copies-list li')) assert.match(line, /Verified/);
    const [again] = await Promise.all([page.waitForEvent('download'), page.locator('.copies-list a').nth(1).click()]);
    assert.deepEqual(readFileSync(await again.path()), readFileSync(await download.path()));
});

test('restore: first dry, then for real', { world: two }, async ({ world, watched }) => {
    await world.do('backup');
    const page = await watched.signedIn('#/backups');
    await openNewest(page);
    await page.locator('.search input').last().fill('letter');
    await eventually(async () => (await page.locator('.files tbody tr').count()) === 1, 'one file fits');
    await page.check('.files .tick input');
    await page.click('.files-foot button:has-text("Restore")');
    await dialogOf(page).locator('[type=submit]').click();
    await see(page, 'is missing', 'dialog[open] [role=alert]');
    await page.fill('#restore-to', `${world.base}/restored`);
    await dialogOf(page).locator('button:has-text("Dry run")').click();
    await see(page, 'Nothing was written.', 'dialog[open]');
    assert.equal((await world.do('exists', { path: 'restored' })).exists, false);
    await dialogOf(page).locator('[type=submit]').click();
    await see(page, 'Restored to', 'dialog[open]');
    await page.keyboard.press('Escape');
    await page.waitForSelector('dialog.drawer[open]');
    const found = await world.do('find', { folder: 'restored', name: 'letter.txt' });
    assert.equal(found.text, 'Dear reader\n');
});

test('pin, label, unpin', { world: two }, async ({ world, watched }) => {
    await world.do('backup');
    const page = await watched.signedIn('#/backups');
    await openNewest(page);
    await page.click('.drawer-actions [aria-pressed]');
    await page.waitForSelector('.drawer-actions [aria-pressed=true]');
    await page.click('#tab-manifest');
    await page.fill('.inline-form input', 'before the upgrade');
    await page.click('.inline-form button');
    await eventually(async () => (await world.do('ask', { words: ['backups', 'show', 'latest'] })).data.label === 'before the upgrade', 'the label is kept');
    assert.equal((await world.do('ask', { words: ['backups', 'show', 'latest'] })).data.pinned, true);
    await page.keyboard.press('Escape');
    await see(page, 'pinned', '.matrix');
    await page.waitForURL(/#\/backups$/);
});

test('a damaged copy is found by a check and repaired from the good one', { world: { ...two, settings: { 'scrub.enabled': 'false' } } }, async ({ world, watched }) => {
    await world.do('backup');
    await world.do('damage', { kind: 'local' });
    const page = await watched.signedIn('#/backups');
    await openNewest(page);
    await page.click('#tab-copies');
    await page.click('.row-actions button:has-text("Verify copies now")');
    await see(page, 'Not every copy is good', 'dialog[open]:last-of-type');
    await page.keyboard.press('Escape');
    await page.click('.row-actions button:has-text("Repair copies")');
    await see(page, 'Every copy is in order.', 'dialog[open]:last-of-type');
    await page.keyboard.press('Escape');
    await eventually(async () => (await page.locator('.copies-list .tone-good').count()) === 2, 'both copies are verified', 60_000);
});

test('the last verified backup is deleted only by one who means it', { world: two }, async ({ world, watched }) => {
    await world.do('backup');
    const page = await watched.signedIn('#/backups');
    watched.expect(answered(409));
    await openNewest(page);
    await page.click('.drawer-actions [aria-haspopup=menu]');
    await page.click('[role=menuitem]:has-text("Delete")');
    await dialogOf(page).locator('[type=submit]').click();
    await see(page, 'This is the last verified backup', 'dialog[open]');
    assert.ok(await dialogOf(page).locator('[type=submit]').isDisabled());
    await dialogOf(page).locator('input').fill(await dialogOf(page).locator('.field code').innerText());
    await dialogOf(page).locator('[type=submit]').click();
    await see(page, 'There is no backup yet', 'main');
});

const five = { kinds: ['local'], folders: ['nas', 'office', 'attic', 'shed'], settings: { 'scrub.enabled': 'false' } };

test('ten thousand backups at five places: only what is seen exists, and every row can be reached', { world: five }, async ({ world, watched }) => {
    const count = 10_000;
    await world.do('backup');
    const { oldest } = await world.do('multiply', { count, broken_every: 97 });
    // Each once, however often it was asked for: what happens meanwhile is a reason to ask again for what is in sight.
    const pages = () => [...new Set(watched.requests.flatMap((url) => /\/api\/v1\/backups\?.*\boffset=(\d+)/.exec(url)?.[1] ?? []))];
    const page = await watched.signedIn('#/backups');
    await page.waitForSelector('.matrix-body [role=row]:not(:has(.ghost))');
    assert.deepEqual(pages(), ['0'], 'only the first page was asked for before anybody scrolled');
    assert.equal(await page.locator('.matrix').getAttribute('aria-rowcount'), String(count + 1));
    assert.ok((await page.locator('.matrix-body [role=row]').count()) < 60);
    const began = Date.now();
    await page.locator('.matrix [tabindex="0"]').focus();
    await page.keyboard.press('Control+End');
    await page.waitForSelector(`.matrix-body [aria-rowindex="${count + 1}"]:not(:has(.ghost))`);
    assert.equal(await page.evaluate(() => document.activeElement.closest('[role=row]').getAttribute('aria-rowindex')), String(count + 1));
    assert.ok((await page.locator('.matrix-body [role=row]').count()) < 60);
    console.log(`the last of ${count} rows: ${Date.now() - began} ms, ${pages().length} pages`);

    // A row of the middle says what the catalogue says: one of its five copies is missing.
    const middle = 97 * 52;
    await page.locator('.matrix').evaluate((element, part) => element.scrollTo(0, element.querySelector('.matrix-body').clientHeight * part), middle / count);
    const broken = page.locator(`.matrix-body [aria-rowindex="${middle + 2}"].row-bad`);
    await broken.waitFor();
    assert.equal(await broken.locator('.copy-cell').count(), 5);
    assert.equal(await broken.locator('.copy-cell .tone-good').count(), 4);
    assert.ok((await page.locator('.matrix-body [role=row]').count()) < 60);

    // The oldest opens like the newest.
    await page.locator('.matrix [tabindex="0"]').focus();
    await page.keyboard.press('Control+End');
    await page.locator(`.matrix-body [aria-rowindex="${count + 1}"]:not(:has(.ghost)) [data-cell]`).first().click();
    await page.waitForSelector('dialog.drawer[open] .tabs');
    await see(page, oldest, 'dialog[open]');

    // All of it was real: the daemon looked at its places and misses nothing else.
    const { files } = (await world.do('ask', { words: ['status'] })).data;
    assert.equal(files.total, count);
    assert.equal(files.incomplete, Math.floor((count - 1) / 97));
});
