// The first start, signing in and out, and what happens when a session ends.
import { answered, assert, dialogOf, see, test } from './harness.mjs';

test('first start: the code of the terminal, a password, and one is in', { world: { password: false } }, async ({ world, watched }) => {
    const page = await watched.page();
    watched.expect(answered(403));
    await see(page, 'First start');
    await page.click('form [type=submit]');
    await page.waitForSelector('[role=alert]:focus'); // the summary of errors has the focus
    await page.click('[role=alert] a >> nth=0');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'setup-code', 'its links lead to the fields');

    await page.fill('#setup-code', 'aaaabbbb');
    assert.equal(await page.inputValue('#setup-code'), 'AAAA-BBBB');
    await page.fill('#setup-password', 'short');
    await page.click('form [type=submit]');
    await see(page, 'at least 8 characters', '.field-error');
    await page.fill('#setup-password', 'correct horse battery');
    await see(page, 'good', '.strength');
    await world.do('code');
    await page.click('form [type=submit]');
    await see(page, /tries left/);

    const { code } = await world.do('code');
    await page.fill('#setup-code', code);
    await page.click('form [type=submit]');
    await page.waitForSelector('header.top');
    await see(page, 'From nothing to your first protected backup');
});

test('first start: after five wrong codes a new one has to be asked for', { world: { password: false } }, async ({ world, watched }) => {
    const page = await watched.page();
    watched.expect(answered(403, 423));
    const { code } = await world.do('code');
    await page.fill('#setup-password', 'correct horse battery');
    for (let tries = 0; tries < 5; ++tries) {
        await page.fill('#setup-code', `WRNG-000${tries}`);
        const answer = page.waitForResponse((response) => response.url().endsWith('/setup'));
        await page.click('form [type=submit]');
        assert.ok([403, 423].includes((await answer).status()));
        await page.waitForSelector('form [type=submit]:not([disabled])');
    }
    await page.fill('#setup-code', code);
    const refused = page.waitForResponse((response) => response.url().endsWith('/setup'));
    await page.click('form [type=submit]');
    assert.equal((await refused).status(), 423, 'also the right one is refused by then');
    await page.fill('#setup-code', (await world.do('code')).code);
    await page.click('form [type=submit]');
    await page.waitForSelector('header.top');
});

test('a wrong password is refused, many are slowed down, the right one is let in', { world: { kinds: ['local'] } }, async ({ world, watched }) => {
    const page = await watched.page();
    watched.expect(answered(401, 429));
    // Each wait is twice as long as the one before, so one of them is longer than the next try and a look at the page take.
    let told = false;
    for (let tries = 0; !told && tries < 10; ++tries) {
        await page.fill('#signin-password', `wrong ${tries}`);
        await page.click('form [type=submit]');
        await page.waitForSelector('form [role=alert]');
        told = /You can try again in/.test(await page.locator('form').innerText());
    }
    assert.ok(told, 'it says how long to wait');
    await page.waitForSelector('form [type=submit]:not([disabled])');
    await page.fill('#signin-password', world.password);
    await page.click('form [type=submit]');
    await page.waitForSelector('header.top');
    assert.match(await page.title(), /Overview · oracxfs/);
});

test('signing out, and being signed out by somebody else', { world: { kinds: ['local'] } }, async ({ world, watched }) => {
    const page = await watched.signedIn();
    await page.click('header.top [aria-haspopup=menu]');
    await page.click('[role=menuitem]:has-text("Sign out")');
    await see(page, 'Sign in', 'h1');
    await page.fill('#signin-password', world.password);
    await page.check('#main input[type=checkbox]');
    await page.click('form [type=submit]');
    await page.waitForSelector('header.top');
    const [cookie] = await watched.context.cookies();
    assert.ok(cookie.httpOnly && cookie.sameSite === 'Strict');
    assert.ok(cookie.expires > Date.now() / 1000 + 6 * 86_400, 'it is remembered for a week');

    watched.expect(answered(401));
    await page.goto(`${world.url}#/providers`);
    await page.waitForSelector('.provider');
    const ended = await world.cli('admin', 'sessions', '--end-all');
    assert.equal(ended.exit, 0, ended.err);
    await see(page, 'You were signed out'); // the stream has ended: nobody had to try something first
    assert.equal(await dialogOf(page).count(), 0);
    await page.fill('#signin-password', world.password);
    await page.click('form [type=submit]');
    await page.waitForSelector('.provider', { state: 'attached' });
    assert.match(page.url(), /#\/providers$/, 'one is back where one was');
});
