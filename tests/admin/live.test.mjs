// News without a reload: one stream for all tabs, also when it is cut, when there is none, and when nobody looks.
import { assert, cutOff, eventually, see, test } from './harness.mjs';

const isStream = (url) => url.includes('/api/v1/events');

test('eight tabs share one stream, and all of them see a backup', { world: { kinds: ['local', 'sftp'] } }, async ({ world, watched }) => {
    const first = await watched.signedIn();
    const tabs = [first];
    while (tabs.length < 8) {
        const tab = await watched.page();
        await tab.waitForSelector('.verdict');
        tabs.push(tab);
    }
    await world.do('backup');
    for (const tab of tabs) await eventually(async () => (await tab.locator('.matrix-body [role=row]').count()) === 1, 'each tab shows it');
    assert.equal(watched.requests.filter(isStream).length, 1, 'one stream');
    await first.close();
    await eventually(() => watched.requests.filter(isStream).length === 2, 'another tab has taken over');
    assert.match(watched.requests.filter(isStream)[1], /last_event_id=\d+/, 'from where the first one was');
    await world.do('backup', { label: 'second' });
    for (const tab of tabs.slice(1)) await eventually(async () => (await tab.locator('.matrix-body [role=row]').count()) === 2, 'and each tab shows the next one');
});

test('the daemon is restarted: the page says so, comes back and shows what it missed', { world: { kinds: ['local'] } }, async ({ world, watched }) => {
    const page = await watched.signedIn();
    watched.expect(cutOff, /EventSource/);
    await world.do('stop_daemon');
    await page.waitForSelector('.connection.lost');
    await world.do('start_daemon');
    await world.do('backup');
    await eventually(async () => (await page.locator('.connection').count()) === 0, 'it is connected again', 60_000);
    await eventually(async () => (await page.locator('.matrix-body [role=row]').count()) === 1, 'the backup is there');
});

test('without a stream it asks every few seconds', { world: { kinds: ['local'] } }, async ({ world, watched }) => {
    watched.expect(cutOff, /EventSource/);
    await watched.context.route(/\/api\/v1\/events/, (route) => route.abort());
    const page = await watched.signedIn();
    await see(page, 'Updates every 5 s', '.connection');
    await world.do('backup');
    await eventually(async () => (await page.locator('.matrix-body [role=row]').count()) === 1, 'the backup is there');
});

test('a tab that nobody sees lets go of the stream after half a minute', { world: { kinds: ['local'] } }, async ({ world, watched }) => {
    await watched.context.addInitScript(() => {
        globalThis.pretendHidden = (hidden) => {
            Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
            document.dispatchEvent(new Event('visibilitychange'));
        };
        globalThis.streams = [];
        const Own = globalThis.EventSource;
        globalThis.EventSource = class extends Own {
            constructor(...all) {
                super(...all);
                globalThis.streams.push(this);
            }
        };
    });
    await watched.context.clock.install();
    const page = await watched.signedIn();
    const open = () => page.evaluate(() => globalThis.streams.filter((stream) => stream.readyState !== 2).length);
    await eventually(async () => (await open()) === 1, 'there is a stream');
    // From here on its time stands still but for what is said: the test itself takes some, too.
    await watched.context.clock.pauseAt(Date.now() + 600_000);
    await page.evaluate(() => globalThis.pretendHidden(true));
    await watched.context.clock.runFor(29_000);
    assert.equal(await open(), 1);
    await watched.context.clock.runFor(2_000);
    assert.equal(await open(), 0);
    await world.do('backup');
    await page.evaluate(() => globalThis.pretendHidden(false));
    await eventually(async () => (await open()) === 1, 'there is a stream again');
    await eventually(async () => {
        await watched.context.clock.runFor(500);
        return (await page.locator('.matrix-body [role=row]').count()) === 1;
    }, 'and what was missed is there');
});
