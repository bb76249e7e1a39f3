// How it looks and how it is used: both languages, both themes, wide and narrow, by keyboard only, and what axe finds.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { assert, dialogOf, eventually, see, test } from './harness.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const pages = ['overview', 'providers', 'backups', 'activity', 'settings'];

// axe is put in by the debugger, not by the page: the policy of the page does not concern it.
async function violations(page) {
    await page.evaluate(axe);
    const found = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }));
    return found.violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((node) => `${node.target.join(' ')} (${node.failureSummary.split('\n').slice(1, 2).join('').trim()})`).join(' | ')}`);
}

const scrollsSideways = (page) => page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);

// `where`: the page that has just been asked for. It may still be fetched, and then there is nothing that is busy.
async function settled(page, where) {
    if (where) await page.waitForSelector(`main.page-${where} h1`, { state: 'attached' });
    await eventually(async () => (await page.locator('[aria-busy=true]').count()) === 0, 'nothing is being fetched');
}

const several = { kinds: ['local', 'sftp', 'dropbox'] };

for (const [name, context] of [
    ['wide, light, English', {}],
    ['wide, dark, French', { colorScheme: 'dark', locale: 'fr-FR' }],
    ['360 px, light, French', { viewport: { width: 360, height: 740 }, locale: 'fr-FR', hasTouch: true }],
    ['360 px, dark, English', { viewport: { width: 360, height: 740 }, colorScheme: 'dark' }],
]) {
    test(`every page and dialog: ${name}`, { world: several, context }, async ({ world, watched }) => {
        await world.do('backup');
        const { fingerprint } = await world.do('new_host_key');
        assert.match(fingerprint, /^SHA256:/);
        await world.cli('providers', 'test', 'sftp');
        const page = await watched.page();
        await page.waitForSelector('#signin-password');
        const problems = [];
        const look = async (where) => {
            problems.push(...(await violations(page)).map((violation) => `${where}: ${violation}`));
            if (await scrollsSideways(page)) problems.push(`${where} scrolls sideways`);
        };
        await look('sign-in');
        assert.equal(await page.getAttribute('html', 'lang'), context.locale ? 'fr' : 'en');
        assert.equal(await page.getAttribute('html', 'data-theme'), context.colorScheme || 'light');
        await page.fill('#signin-password', world.password);
        await page.click('form [type=submit]');
        await page.waitForSelector('.verdict');
        for (const where of pages) {
            await page.goto(`${world.url}#/${where}`);
            await settled(page, where);
            await look(where);
        }
        await page.goto(`${world.url}#/backups`);
        await page.locator('main.page-backups .matrix-body [data-cell]').first().click();
        await page.waitForSelector('dialog.drawer[open] .files, dialog.drawer[open] [role=alert]'); // a build may not look into packages
        await look('drawer');
        for (const tab of ['copies', 'manifest', 'log']) {
            await page.click(`#tab-${tab}`);
            await settled(page);
            await look(`drawer, ${tab}`);
        }
        await page.keyboard.press('Escape');
        await page.goto(`${world.url}#/providers`);
        for (const index of [0, 1, 2, 3, 4]) {
            await page.click('main.page-providers .page-actions button');
            await page.waitForSelector('dialog[open] .tile');
            if (index === 0) await look('kinds of places');
            await dialogOf(page).locator('.tile').nth(index).click();
            await page.waitForSelector('dialog[open] form');
            await look(`connect ${index}`);
            await page.keyboard.press('Escape');
        }
        await page.keyboard.press('?');
        await page.waitForSelector('dialog[open] kbd');
        await look('help');
        assert.deepEqual(problems, []);
    });
}

test('the other language and the other theme are chosen, and kept', { world: { kinds: ['local'] } }, async ({ watched }) => {
    const page = await watched.signedIn();
    await page.click('header.top [lang=fr]');
    await see(page, 'Aperçu', 'nav');
    assert.equal(await page.getAttribute('html', 'lang'), 'fr');
    await page.click('header.top [aria-label="Couleurs sombres"]');
    assert.equal(await page.getAttribute('html', 'data-theme'), 'dark');
    await page.reload();
    await see(page, 'Aperçu', 'nav');
    assert.equal(await page.getAttribute('html', 'data-theme'), 'dark');
    for (const where of pages) {
        await page.evaluate((hash) => (location.hash = hash), `#/${where}`);
        await settled(page, where);
        assert.doesNotMatch(await page.locator('body').innerText(), /\b[a-z_]+\.[a-z_]+_[a-z_]+\b(?!\.)/, 'no key stands in place of a text');
    }
});

test('by keyboard only: to a provider’s test and back', { world: { kinds: ['local'] } }, async ({ world, watched }) => {
    // "g" and the letter after it belong together for a second and a half, which the test may need between the two.
    await watched.context.addInitScript(() => {
        const now = Date.now();
        Date.now = () => now;
    });
    const page = await watched.page();
    await page.waitForSelector('#signin-password:focus');
    await page.keyboard.type(world.password);
    await page.keyboard.press('Enter');
    await page.waitForSelector('.verdict');
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement.className), 'skip');
    for (const [keys, where] of [['gp', 'providers'], ['gb', 'backups'], ['ga', 'activity'], ['gs', 'settings'], ['go', 'overview'], ['gp', 'providers']]) {
        for (const key of keys) await page.keyboard.press(key);
        await page.waitForSelector(`main.page-${where}`);
        await eventually(() => page.evaluate(() => document.activeElement.tagName === 'H1'), 'the heading of the new page has the focus');
    }
    for (let tabs = 0; tabs < 30 && !(await page.evaluate(() => document.activeElement.closest('.provider') && document.activeElement.innerText === 'Test')); ++tabs) await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await see(page, 'local works.', 'dialog[open]');
    for (let tabs = 0; tabs < 8; ++tabs) {
        await page.keyboard.press('Tab');
        assert.ok(await page.evaluate(() => document.activeElement.closest('dialog[open]')), 'the focus stays in the dialog');
    }
    await page.keyboard.press('Escape');
    await eventually(() => page.evaluate(() => document.activeElement.innerText === 'Test'), 'the focus is where it was');

    await page.keyboard.press('g');
    await page.keyboard.press('a');
    await page.waitForSelector('main.page-activity [type=search]');
    await page.keyboard.press('/');
    assert.equal(await page.evaluate(() => document.activeElement.type), 'search');
    await page.keyboard.type('g s');
    assert.match(page.url(), /#\/activity$/, 'letters that are typed are letters');
    await page.keyboard.press('Shift+Tab');

    await page.evaluate(() => document.querySelector('main h1').focus());
    await page.keyboard.press('?');
    await page.uncheck('dialog[open] input[type=checkbox]');
    await page.keyboard.press('Escape');
    await page.keyboard.press('g');
    await page.keyboard.press('o');
    assert.match(page.url(), /#\/activity$/, 'single keys can be switched off');
});

test('targets are large enough to be hit', { world: { kinds: ['local', 'sftp'] }, context: { viewport: { width: 360, height: 740 } } }, async ({ world, watched }) => {
    await world.do('backup');
    const page = await watched.signedIn();
    for (const where of pages) {
        await page.goto(`${world.url}#/${where}`);
        await settled(page, where);
        const small = await page.evaluate(() => [...document.querySelectorAll('button, a[href], input, select, summary, [role=switch]')]
            .filter((element) => element.offsetParent && !element.closest('.visually-hidden') && !element.classList.contains('visually-hidden') && !element.classList.contains('skip'))
            .map((element) => [element, (/checkbox|radio/.test(element.type) ? element.labels[0] : element).getBoundingClientRect()]) // who hits its label, hits it
            .filter(([, box]) => box.width < 23.5 || box.height < 23.5)
            .map(([element, box]) => `${element.outerHTML.slice(0, 120)} ${Math.round(box.width)}×${Math.round(box.height)}`));
        assert.deepEqual(small, [], where);
    }
});

test('the first load is small, compressed, and under a policy without exceptions', { world: { kinds: ['local'] } }, async ({ world, watched }) => {
    const answers = [];
    watched.context.on('response', (response) => answers.push(response));
    const page = await watched.page();
    await page.waitForSelector('#signin-password');
    const files = answers.filter((response) => !response.url().includes('/api/'));
    let bytes = 0;
    for (const response of files) bytes += (await response.request().sizes()).responseBodySize;
    assert.ok(files.length <= 8, files.map((response) => response.url()).join('\n'));
    assert.ok(bytes <= 60 * 1024, `${bytes} bytes`);
    assert.ok(bytes > 30_000);
    console.log(`first load: ${bytes} bytes in ${files.length} files`);
    const policy = files[0].headers()['content-security-policy'];
    for (const part of ["default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "base-uri 'none'", "frame-ancestors 'none'", "form-action 'self'"]) assert.ok(policy.includes(part), part);
    assert.doesNotMatch(policy, /unsafe|https?:|\*/);
    const script = files.find((response) => response.url().endsWith('/dist/app.js'));
    assert.match(script.headers()['cache-control'], /immutable/);
    const plain = await fetch(script.url());
    assert.match(await plain.text(), /import/);
});
