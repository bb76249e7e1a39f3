// The log as it grows, its filters, and the runs.
import { readFileSync } from 'node:fs';
import { assert, dialogOf, eventually, see, test, texts } from './harness.mjs';

test('the log grows by itself, is searched, paused and taken along', { world: { kinds: ['local', 'sftp'] } }, async ({ world, watched }) => {
    await world.do('backup', { label: 'one' });
    const page = await watched.signedIn('#/activity');
    await page.waitForSelector('.events .event');
    await see(page, 'Live', '.live-sign');
    const before = await page.locator('.events .event').count();
    await world.do('backup', { label: 'two' });
    await eventually(async () => (await page.locator('.events .event').count()) > before, 'new lines have come by themselves');

    await page.click('button:has-text("Pause")');
    // Not how its time is shown, which depends on the day.
    const newest = () => page.locator('.events .event').first().evaluate((row) => `${row.querySelector('time').dateTime} ${row.querySelector('.event-text').innerText}`);
    const paused = await newest();
    await world.do('backup', { label: 'three' });
    await see(page, /Go on \([1-9]\d* new\)/, 'main');
    assert.equal(await newest(), paused);
    await page.click('button:has-text("Go on")');
    await eventually(async () => (await newest()) !== paused, 'it goes on');

    await page.fill('main [type=search]', 'no such line anywhere');
    await see(page, 'Nothing here.', 'main');
    await page.fill('main [type=search]', '');
    await page.selectOption('.filters select >> nth=0', 'sftp');
    await eventually(async () => (await texts(page, '.events .event')).every((line) => line.includes('sftp')), 'only what concerns sftp');
    await page.selectOption('.filters select >> nth=1', 'error');
    await eventually(async () => (await page.locator('.events .level-info').count()) === 0, 'only errors');
    await page.selectOption('.filters select >> nth=1', '');
    const [download] = await Promise.all([page.waitForEvent('download'), page.click('a:has-text("Download")')]);
    assert.ok(JSON.parse(readFileSync(await download.path(), 'utf8')).data.events.length > 0);
});

test('a run in detail, and a run that failed', { world: { kinds: ['local', 'sftp'] } }, async ({ world, watched }) => {
    await world.do('down', { kind: 'sftp' });
    await world.do('backup', { label: 'while one was down' });
    const page = await watched.signedIn('#/activity');
    await page.waitForSelector('.runs tbody tr');
    await see(page, 'Partial', '.runs');
    await page.click('.runs tbody tr:first-child button');
    const dialog = dialogOf(page);
    await dialog.locator('.rows li').nth(1).waitFor();
    const lines = await dialog.locator('.rows li').allInnerTexts();
    assert.match(lines.find((line) => line.includes('local')), /Verified/);
    assert.match(lines.find((line) => line.includes('sftp')), /Queued|Failed/);
    await page.waitForURL(/#\/activity\/r-\d+$/);
    await page.keyboard.press('Escape');
    await page.waitForURL(/#\/activity$/);
});

test('what servers and files say is text: nothing of it becomes part of the page', { world: { kinds: ['local'] } }, async ({ world, watched }) => {
    const wicked = '<img src=x onerror="document.title=\'owned\'">';
    await watched.context.route(/\/api\/v1\/(activity|status|providers)/, async (route) => {
        const answer = await route.fetch();
        const json = await answer.json();
        for (const event of json.data.events || []) Object.assign(event, { message: wicked, path: wicked, provider: wicked, code: wicked, kind: wicked });
        for (const provider of json.data.providers || []) Object.assign(provider, { state: 'offline', reason: 'E-UNAVAILABLE', reason_text: wicked, place: wicked, name: wicked });
        await route.fulfill({ response: answer, json });
    });
    const page = await watched.signedIn();
    for (const where of ['overview', 'providers', 'activity']) {
        await page.goto(`${world.url}#/${where}`);
        await page.locator('.events, .cards').getByText(wicked).first().waitFor();
        assert.equal(await page.locator('img').count(), 0);
        assert.notEqual(await page.title(), 'owned');
    }
});

test('the daemon speaks the language of the page: the log, why backups stay, what went wrong', { world: { kinds: ['local'] }, context: { locale: 'fr-FR' } }, async ({ world, watched }) => {
    await world.do('backup', { label: 'un' });
    const page = await watched.signedIn('#/activity');
    await see(page, /exécution r-\d+ réussie/, '.events');
    await world.do('backup', { label: 'deux' });
    await eventually(async () => (await texts(page, '.events .event')).filter((line) => /exécution r-\d+ réussie/.test(line)).length === 2, 'also what comes by itself');
    await page.fill('main [type=search]', 'réussie');
    await eventually(async () => (await page.locator('.events .event').count()) === 2, 'what is searched is what is read');
    await page.fill('main [type=search]', '');
    await page.click('header.top [lang=en]');
    await see(page, /run r-\d+ succeeded/, '.events');
    await page.click('header.top [lang=fr]');
    await page.evaluate(() => (location.hash = '#/backups'));
    await see(page, /\d+ de \d+|dernière|quotidienne|la plus récente/, 'main');
});
