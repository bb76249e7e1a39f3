// Connecting every kind of place as a person does, and what can be done with it afterwards.
import { answered, assert, dialogOf, eventually, see, test } from './harness.mjs';

async function choose(page, kind) {
    await page.click('.page-actions button:has-text("Add provider")');
    await dialogOf(page).locator('.tile', { hasText: kind }).click();
    await page.waitForSelector('dialog[open] form');
}

test('a folder: mistakes are explained, then it is tested and saved', { world: {} }, async ({ world, watched }) => {
    const page = await watched.signedIn('#/providers');
    watched.expect(answered(422, 400));
    await choose(page, 'Folder or disk');
    await page.click('dialog[open] [type=submit]');
    await see(page, 'Folder on this machine is missing.', 'dialog[open] [role=alert]');
    await page.fill('#connect-path', 'relative');
    await page.click('dialog[open] [type=submit]');
    await see(page, 'Enter an absolute path', 'dialog[open] .field-error');
    await page.fill('#connect-path', `${world.base}/no/such/parent/folder`);
    await page.click('dialog[open] [type=submit]');
    await page.waitForSelector('dialog[open] .steps .tone-bad');
    assert.ok(await dialogOf(page).locator('[role=alert]').isVisible());

    await page.fill('#connect-path', `${world.base}/disk2`);
    await page.fill('#connect-name', 'disk2');
    assert.match(await dialogOf(page).locator('.cli code').last().innerText(), /^oracxfs local --name disk2 --path \S+\/disk2$/);
    await dialogOf(page).locator('button:has-text("Test connection")').click();
    await see(page, 'Nothing has been saved yet', 'dialog[open]');
    assert.equal(await page.locator('.provider').count(), 0);
    await page.click('dialog[open] [type=submit]');
    await page.waitForSelector('.provider:has-text("disk2")');
    await see(page, 'Active', '.provider:has-text("disk2")');
    assert.deepEqual((await world.do('ask', { words: ['providers', 'list'] })).data.map(({ name }) => name), ['disk2']);
});

test('an SFTP server: its key is looked at and compared before anything is sent', { world: {} }, async ({ world, watched }) => {
    const server = await world.do('server', { kind: 'sftp' });
    const page = await watched.signedIn('#/providers');
    await choose(page, 'SFTP server');
    await page.fill('#connect-host', server.host);
    await page.fill('#connect-port', String(server.port));
    await page.fill('#connect-user', server.user);
    await page.fill('#connect-folder', server.folder);
    await page.check('dialog[open] input[value=key]');
    await page.fill('#connect-key_file', server.key);
    await page.fill('#connect-name', 'nas');
    await page.click('dialog[open] [type=submit]');
    await see(page, 'Look at the server’s key and compare it first.', 'dialog[open] [role=alert]');
    await page.click('.hostkey button');
    await page.waitForSelector('.fingerprint');
    assert.match(await page.locator('.fingerprint').innerText(), /^SHA256:/);
    await page.click('dialog[open] [type=submit]');
    await see(page, 'Confirm that you compared', 'dialog[open] [role=alert]');
    await page.check('.hostkey input[type=checkbox]');
    await page.click('dialog[open] [type=submit]');
    await page.waitForSelector('.provider:has-text("nas")');
    await see(page, 'Active', '.provider:has-text("nas")');
});

test('an FTPS server with a certificate of its own', { world: {} }, async ({ world, watched }) => {
    const server = await world.do('server', { kind: 'ftp' });
    const page = await watched.signedIn('#/providers');
    watched.expect(answered(422));
    await choose(page, 'FTPS');
    await page.fill('#connect-host', 'localhost');
    await page.fill('#connect-port', String(server.port));
    await page.fill('#connect-user', server.user);
    await page.fill('#connect-folder', server.folder);
    await page.fill('#connect-password', 'wrong');
    await page.click('dialog[open] [type=submit]');
    await page.waitForSelector('dialog[open] .steps .tone-bad');
    await page.click('dialog[open] .more summary');
    await page.fill('#connect-ca_file', server.ca_file);
    await page.click('dialog[open] [type=submit]');
    await see(page, 'Sign in', 'dialog[open] .steps .tone-bad');
    await page.fill('#connect-password', server.password);
    await page.click('dialog[open] [type=submit]');
    await see(page, 'Active', '.provider:has-text("ftp")');
});

test('test, disable, enable, change and remove', { world: { kinds: ['local', 'sftp'] } }, async ({ world, watched }) => {
    const page = await watched.signedIn('#/providers');
    watched.expect(answered(409));
    const card = (name) => page.locator('.provider', { has: page.locator(`.provider-name:text-is("${name}")`) });
    const menu = async (name, item) => {
        await card(name).locator('[aria-haspopup=menu]').click();
        await card(name).locator(`[role=menuitem]:has-text("${item}")`).click();
    };
    await card('local').locator('footer button:has-text("Test")').click();
    await see(page, 'local works.', 'dialog[open]');
    assert.equal(await dialogOf(page).locator('.steps .tone-good').count(), 5);
    await page.keyboard.press('Escape');
    await eventually(() => page.evaluate(() => document.activeElement.innerText === 'Test'), 'the focus is back');

    await menu('sftp', 'Disable');
    await dialogOf(page).locator('[type=submit]').click();
    await see(page, 'Inactive', '.provider:has(.provider-name:text-is("sftp"))');
    await menu('local', 'Disable');
    await see(page, 'your only active place', 'dialog[open]');
    await dialogOf(page).locator('[type=submit]').click();
    await see(page, 'Inactive', '.provider:has(.provider-name:text-is("local"))');
    for (const name of ['local', 'sftp']) await card(name).locator('footer button:has-text("Enable")').click();
    await eventually(async () => (await page.locator('.provider.off').count()) === 0, 'both are enabled again');

    await menu('local', 'Settings');
    await page.waitForSelector('#connect-path');
    await page.fill('#connect-name', 'renamed');
    await dialogOf(page).locator('[type=submit]').click();
    await card('renamed').waitFor();
    assert.equal((await world.cli('providers', 'show', 'renamed')).exit, 0);

    await menu('renamed', 'Remove');
    assert.ok(await dialogOf(page).locator('[type=submit]').isDisabled(), 'first its name has to be typed');
    await dialogOf(page).locator('input').fill('renamed');
    await dialogOf(page).locator('[type=submit]').click();
    await eventually(async () => (await page.locator('.provider').count()) === 1, 'it is gone');
});

test('a server with another host key is blocked; the reader compares and trusts the new one', { world: { kinds: ['local', 'sftp'] } }, async ({ world, watched }) => {
    const page = await watched.signedIn();
    watched.expect(answered(422));
    const { fingerprint } = await world.do('new_host_key');
    await page.click('.provider:has-text("sftp") footer button:has-text("Test")');
    await page.waitForSelector('dialog[open] .steps .tone-bad');
    await page.keyboard.press('Escape');
    await see(page, /sftp is blocked/, '.reasons');
    await page.click('.reasons button:has-text("Review key")');
    await see(page, fingerprint, 'dialog[open] .keys');
    assert.ok(await dialogOf(page).locator('[type=submit]').isDisabled());
    await page.check('dialog[open] input[type=checkbox]');
    await dialogOf(page).locator('[type=submit]').click();
    await eventually(async () => /Active/.test(await page.locator('.provider:has-text("sftp")').innerText()), 'it is active again', 60_000);
});

test('Dropbox: sign in there, paste the code', { world: { kinds: ['local'] } }, async ({ world, watched }) => {
    const about = await world.do('server', { kind: 'dropbox' });
    const page = await watched.signedIn('#/providers');
    watched.expect(answered(422));
    await choose(page, 'Dropbox');
    await page.fill('#cloud-app_key', about.app_key);
    await page.click('dialog[open] .more summary');
    await page.fill('#connect-base_url', about.base_url);
    await page.fill('#connect-ca_file', about.ca_file);
    await page.click('dialog[open] [type=submit]');
    const link = dialogOf(page).locator('a.button');
    await link.waitFor();
    assert.equal(await link.getAttribute('rel'), 'noopener noreferrer');
    const { answer } = await world.do('emulator', { service: 'dropbox', command: 'browse', url: await link.getAttribute('href') });
    await dialogOf(page).locator('input').fill(answer);
    await dialogOf(page).locator('[type=submit]').click();
    await page.waitForSelector('.provider:has-text("dropbox")');
    await see(page, 'Active', '.provider:has-text("dropbox")');
});

test('Google Drive: the browser is sent back by itself', { world: { kinds: ['local'] } }, async ({ world, watched }) => {
    const about = await world.do('server', { kind: 'google-drive' });
    const page = await watched.signedIn('#/providers');
    await choose(page, 'Google Drive');
    await dialogOf(page).locator('input[type=file]').setInputFiles(about.client_file);
    await page.waitForFunction(() => document.querySelector('#cloud-client').value.includes('client_id'));
    await page.click('dialog[open] .more summary');
    await page.fill('#connect-base_url', about.base_url);
    await page.fill('#connect-ca_file', about.ca_file);
    await page.click('dialog[open] [type=submit]');
    const link = dialogOf(page).locator('a.button');
    await link.waitFor();
    const { answer } = await world.do('emulator', { service: 'google-drive', command: 'browse', url: await link.getAttribute('href') });
    const other = await watched.context.newPage();
    await other.goto(answer);
    await page.waitForSelector('.provider:has-text("google-drive")');
    await see(page, 'Active', '.provider:has-text("google-drive")');
    await other.waitForSelector('header.top');
});

test('Google Drive: a code that is entered on another device, declined, forgotten, and at last approved', { world: { kinds: ['local'] } }, async ({ world, watched }) => {
    const about = await world.do('server', { kind: 'google-drive' });
    const page = await watched.signedIn('#/providers');
    await choose(page, 'Google Drive');
    await page.check('dialog[open] input[value=device]');
    await dialogOf(page).locator('input[type=file]').setInputFiles(about.device_client_file);
    await page.waitForFunction(() => document.querySelector('#cloud-client').value.includes('client_id'));
    await page.click('dialog[open] .more summary');
    await page.fill('#connect-base_url', about.base_url);
    await page.fill('#connect-ca_file', about.ca_file);
    await page.click('dialog[open] [type=submit]');
    const shown = dialogOf(page).locator('.big-code code');
    const codes = new Set();
    const again = async () => {
        await dialogOf(page).locator('footer button:has-text("Try again")').click();
        await page.click('dialog[open] [type=submit]');
    };
    const userDoes = async (command) => {
        await shown.waitFor();
        const code = await shown.innerText();
        codes.add(code);
        await world.do('emulator', { service: 'google-drive', command, user_code: code });
    };
    assert.match(await dialogOf(page).locator('a.button').getAttribute('href'), /^https:/);
    await userDoes('deny_device');
    await see(page, 'it was declined', 'dialog[open]');
    await again();
    await userDoes('expire_device');
    await see(page, 'the code has expired', 'dialog[open]');
    assert.equal(await page.locator('.provider:has-text("google-drive")').count(), 0);
    await again();
    await userDoes('approve_device');
    await page.waitForSelector('.provider:has-text("google-drive")');
    await see(page, 'Active', '.provider:has-text("google-drive")');
    assert.equal(codes.size, 3);
});
