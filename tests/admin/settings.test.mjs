// What can be set, and that it is kept.
import { createServer } from 'node:http';
import { answered, assert, dialogOf, eventually, see, test, texts } from './harness.mjs';

const part = (page, name) => page.locator(`#settings-${name}`);
const save = (page, name) => part(page, name).locator('.form-foot [type=submit]').first().click();

test('from nothing to the first protected backup, in the browser only', { world: { sources: false, password: false } }, async ({ world, watched }) => {
    const began = Date.now();
    const page = await watched.page();
    await page.fill('#setup-code', (await world.do('code')).code);
    await page.fill('#setup-password', 'correct horse battery');
    await page.click('form [type=submit]');
    await page.waitForSelector('.first-steps');
    for (const [index, name] of ['disk1', 'disk2'].entries()) {
        await page.click(index === 0 ? '.first-steps .now button:not(.copy)' : '.section-head button:has-text("Add provider")');
        await dialogOf(page).locator('.tile', { hasText: 'Folder or disk' }).click();
        await page.fill('#connect-path', `${world.base}/${name}`);
        await page.fill('#connect-name', name);
        await dialogOf(page).locator('[type=submit]').click();
        await page.waitForSelector(`.provider:has-text("${name}")`);
    }
    await page.click('.first-steps .now button:not(.copy)');
    await part(page, 'sources').locator('button:has-text("Add a folder")').click();
    await page.fill('#source-0', world.source);
    await save(page, 'sources');
    await see(page, 'Saved.', '.toasts');
    await page.goto(`${world.url}#/overview`);
    await page.click('.first-steps .now button:not(.copy)');
    await see(page, 'Everything is safe', '.verdict');
    await see(page, 'All 2 copies are verified.', '.run');
    console.log(`first protected backup after ${Date.now() - began} ms`);
});

test('schedule: the next five runs are shown as one types, and kept', { world: { kinds: ['local'] } }, async ({ world, watched }) => {
    const page = await watched.signedIn('#/settings/schedule');
    await part(page, 'schedule').locator('[role=switch]').check();
    await part(page, 'schedule').locator('select').selectOption('6h');
    await eventually(async () => (await part(page, 'schedule').locator('.next-runs li').count()) === 5, 'five times are shown');
    assert.equal(await part(page, 'schedule').locator('.cli code').innerText(), 'oracxfs auto-sync on --every 6h');
    await save(page, 'schedule');
    await see(page, 'Automatic backups are on.', '.toasts');
    assert.equal((await world.do('ask', { words: ['auto-sync', 'status'] })).data.every_ms, 6 * 3_600_000);
    await part(page, 'schedule').locator('input[value=at]').check();
    await page.fill('#schedule-at', '25:00');
    await save(page, 'schedule');
    await see(page, 'Enter times like', '#settings-schedule');
    await page.fill('#schedule-at', '06:00, 18:30');
    await save(page, 'schedule');
    await eventually(async () => (await world.do('ask', { words: ['auto-sync', 'status'] })).data.at?.join() === '06:00,18:30', 'the times are kept');
});

test('retention: a preview, and exactly what it showed is pruned', { world: { kinds: ['local', 'sftp'] } }, async ({ world, watched }) => {
    for (let count = 0; count < 4; ++count) await world.do('backup', { label: `number ${count}` });
    const page = await watched.signedIn('#/settings/retention');
    await see(page, /4 backups stay/, '#settings-retention');
    // The answer to what was typed first comes last, and counts no more.
    const first = new Promise((held) => page.route('**/retention/preview', held, { times: 1 }));
    await page.fill('#retention-daily', '0');
    const route = await first;
    for (const [rule, value] of [['weekly', 0], ['monthly', 0], ['keep_last', 3]]) await page.fill(`#retention-${rule}`, String(value));
    await see(page, /Would keep 3 and remove 1/, '#settings-retention');
    const late = page.waitForResponse((answer) => answer.request() === route.request());
    await route.continue();
    await (await late).finished();
    await page.evaluate(() => new Promise((painted) => requestAnimationFrame(() => requestAnimationFrame(painted))));
    await see(page, /Would keep 3 and remove 1/, '#settings-retention');
    assert.equal((await world.do('ask', { words: ['backups', 'list'] })).data.backups.length, 4, 'a preview removes nothing');
    await part(page, 'retention').locator('button:has-text("Save and prune")').click();
    await dialogOf(page).locator('[type=submit]').click();
    await see(page, '1 backup was pruned.', '.toasts');
    assert.equal((await world.do('ask', { words: ['backups', 'list'] })).data.backups.length, 3);
    await see(page, /3 backups stay/, '#settings-retention');
    await page.fill('#retention-keep_last', 'x');
    await see(page, 'Enter a whole number.', '#settings-retention');
});

test('notifications: a webhook is added and tested', { world: { kinds: ['local'] } }, async ({ world, watched }) => {
    const received = [];
    const server = createServer((request, response) => {
        let body = '';
        request.on('data', (data) => (body += data));
        request.on('end', () => {
            received.push(body);
            response.end('ok');
        });
    }).listen(0, '127.0.0.1');
    await new Promise((ready) => server.on('listening', ready));
    try {
        // Nothing on this machine is told of anything unless its owner has said so.
        await world.cli('config', 'set', 'notify.allowed_local', JSON.stringify([`127.0.0.1:${server.address().port}`]));
        const page = await watched.signedIn('#/settings/notifications');
        await part(page, 'notifications').locator('button:has-text("Add a receiver")').click();
        await page.fill('#notify-url', 'not an address');
        await part(page, 'notifications').locator('button:text-is("Add")').click();
        await see(page, 'The address begins with', '#settings-notifications');
        await page.fill('#notify-url', `http://127.0.0.1:${server.address().port}/hook`);
        await part(page, 'notifications').locator('button:text-is("Add")').click();
        await page.waitForSelector('#settings-notifications .rows li');
        await part(page, 'notifications').locator('.rows button:has-text("Test")').click();
        await see(page, 'The test reached ops.', '.toasts');
        assert.ok(received.some((body) => JSON.parse(body).kind === 'test'), received.join());
        await see(page, 'Delivered', '#settings-notifications .rows');
        await part(page, 'notifications').locator('[aria-label="Remove ops"]').click();
        await see(page, 'Nobody is told yet', '#settings-notifications');
    } finally {
        server.close();
    }
    assert.equal((await world.cli('status')).exit, 0);
});

test('password, sessions and keys for programs', { world: { kinds: ['local'] } }, async ({ world, watched }) => {
    const page = await watched.signedIn('#/settings/security');
    watched.expect(answered(400, 401, 403, 422));
    await page.fill('#password-old', 'wrong');
    await page.fill('#password-new', 'another good password');
    await part(page, 'security').locator('button:has-text("Change password")').click();
    await part(page, 'security').locator('[role=alert]').first().waitFor();
    await page.fill('#password-old', world.password);
    await part(page, 'security').locator('button:has-text("Change password")').click();
    await see(page, 'The password is changed', '.toasts');

    await part(page, 'security').locator('button:has-text("New key")').click();
    await page.fill('#token-name', 'grafana');
    await part(page, 'security').locator('button:has-text("Make the key")').click();
    const token = await part(page, 'security').locator('.token-line code').innerText();
    assert.match(token, /^oxt_/);
    const ask = (path, method = 'GET') => fetch(`${world.url}api/v1${path}`, { method, headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' }, body: method === 'GET' ? undefined : '{}' });
    assert.equal((await ask('/status')).status, 200);
    assert.equal((await ask('/runs', 'POST')).status, 403, 'it may only look');
    await page.reload();
    await page.waitForSelector('#settings-security .rows');
    assert.equal(await page.getByText(token).count(), 0, 'it is shown once');
    await part(page, 'security').locator('[aria-label="Revoke grafana"]').click();
    await dialogOf(page).locator('[type=submit]').click();
    await see(page, 'There are no keys.', '#settings-security');
    assert.equal((await ask('/status')).status, 401);

    const other = await (await import('./harness.mjs')).Watched.open(world);
    await other.signedIn('', 'another good password');
    await page.reload();
    await eventually(async () => /Sign out everywhere else/.test(await part(page, 'security').innerText()), 'the other session is seen');
    await part(page, 'security').locator('button:has-text("Sign out everywhere else")').click();
    await see(page, 'All other sessions have ended.', '.toasts');
    await other.close();
});

test('settings: changed by somebody else meanwhile, wrong, and right', { world: { kinds: ['local'] } }, async ({ world, watched }) => {
    const page = await watched.signedIn('#/settings/general');
    watched.expect(answered(412, 422));
    const field = (label) => part(page, 'general').getByLabel(label, { exact: true });
    await field('Cache for reading').fill('a lot');
    await save(page, 'general');
    await part(page, 'general').locator('[role=alert]').waitFor();
    await field('Cache for reading').fill('3GiB');
    await world.cli('config', 'set', 'log.keep_days', '30');
    await save(page, 'general');
    await part(page, 'general').locator('[role=alert]').waitFor();
    await eventually(async () => (await field('Keep the log for (days)').inputValue()) === '30', 'the other change is taken over');
    await save(page, 'general');
    await see(page, /^Saved/, '.toasts');
    assert.match((await world.cli('config', 'get', 'mount.cache_size')).out, /3\s*GiB/);
    await part(page, 'general').locator('button:has-text("Check this machine")').click();
    await eventually(async () => (await part(page, 'general').locator('.sub-form .rows li').count()) > 3, 'the doctor has looked');
    assert.ok((await texts(page, '#settings-general .sub-form .rows .state')).every((text) => /OK|Warning|Problem|Skipped/.test(text)));
});
