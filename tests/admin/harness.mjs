// A daemon of its own and a browser for each test. What a page says on its console, or asks of another host, fails the test.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, unlinkSync, writeSync } from 'node:fs';
import { loadavg, cpus, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, test as declare } from 'node:test';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const here = dirname(fileURLToPath(import.meta.url));
export const root = join(here, '../..');
export const binary = () => process.env.ORACXFS_BINARY || join(root, 'build/release/bin/oracxfs');

// By the kernel's pressure, which is quicker than the load average and knows a container's quota.
function waitingForProcessors() {
    const shares = ['/proc/pressure/cpu', '/sys/fs/cgroup/cpu.pressure'].map((path) => {
        try {
            return Number(/avg10=([\d.]+)/.exec(readFileSync(path, 'utf8'))[1]) / 100;
        } catch {
            return 0;
        }
    });
    return 1 / (1 - Math.min(Math.max(...shares), 0.9));
}

const synced = { at: -Infinity, ms: 0 };
function fsyncMs() {
    if (performance.now() - synced.at < 5_000) return synced.ms;
    const path = join(tmpdir(), `oracxfs-fsync-${process.pid}`);
    const file = openSync(path, 'w');
    const took = [0, 1, 2].map(() => {
        writeSync(file, Buffer.alloc(4096));
        const began = performance.now();
        fsyncSync(file);
        return performance.now() - began;
    });
    closeSync(file);
    unlinkSync(path);
    Object.assign(synced, { at: performance.now(), ms: took.sort((a, b) => a - b)[1] });
    return synced.ms;
}

// What times are multiplied by, as in tests/fuse/processes.py: sanitizers make programs slower, other programs on the machine
// and a disk whose fsync takes more than a millisecond too.
export const patience = () => Number(process.env.ORACXFS_PATIENCE || 1) * Math.max(1, loadavg()[0] / cpus().length, waitingForProcessors(), Math.min(10, fsyncMs()));
const longest = () => 60_000 * patience();

const browsers = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const browserPath = () => process.env.ORACXFS_CHROMIUM || browsers.find(existsSync);

// --- the daemon -------------------------------------------------------------------------------------------------------

export class World {
    static async start(options = {}) {
        const world = new World();
        world.child = spawn('python3', ['-B', join(here, 'world.py')], { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, ORACXFS_BINARY: binary() } });
        world.waiting = [];
        createInterface({ input: world.child.stdout }).on('line', (line) => world.waiting.shift()?.(JSON.parse(line)));
        world.child.on('exit', () => world.waiting.splice(0).forEach((answer) => answer({ ok: false, error: 'world.py ended' })));
        try {
            Object.assign(world, await world.do('start', options));
        } catch (error) {
            await world.close(); // or the child would keep this program from ending
            throw error;
        }
        world.url = `http://localhost:${world.port}/admin/cloud/`;
        return world;
    }

    async do(what, values = {}) {
        const answer = await new Promise((done) => {
            this.waiting.push(done);
            this.child.stdin.write(`${JSON.stringify({ do: what, ...values })}\n`);
        });
        if (!answer.ok) throw new Error(`${what}: ${answer.error}`);
        return answer.answer;
    }

    async cli(...words) {
        return this.do('cli', { words });
    }

    async close() {
        if (this.child.exitCode !== null) return;
        const gone = new Promise((done) => this.child.on('exit', done));
        this.child.stdin.end();
        await gone;
    }
}

// --- the browser ------------------------------------------------------------------------------------------------------

let browser;
async function launch() {
    browser ??= await chromium.launch({
        executablePath: browserPath(),
        args: ['--no-sandbox', '--disable-dev-shm-usage', '--font-render-hinting=none', '--disable-background-networking', '--disable-component-update'],
    });
    return browser;
}
after(async () => browser?.close());

// A context that watches: everything that its pages say and ask for. `expected`: patterns of what may be said.
export class Watched {
    static async open(world, options = {}) {
        const watched = new Watched();
        const { expected = [], ...rest } = options;
        watched.world = world;
        watched.expected = [...expected];
        watched.said = [];
        watched.requests = [];
        watched.context = await (await launch()).newContext({ viewport: { width: 1280, height: 900 }, locale: 'en-GB', reducedMotion: 'reduce', acceptDownloads: true, ...rest });
        watched.context.setDefaultTimeout(longest());
        watched.context.on('console', (message) => ['error', 'warning'].includes(message.type()) && watched.said.push(`${message.type()}: ${message.text()}`));
        watched.context.on('weberror', (error) => watched.said.push(`uncaught: ${error.error().stack}`));
        watched.context.on('request', (request) => watched.requests.push(request.url()));
        return watched;
    }

    async page(hash = '') {
        const page = await this.context.newPage();
        await page.goto(this.world.url + hash);
        return page;
    }

    // The page as somebody sees it who has signed in.
    async signedIn(hash = '', password = this.world.password) {
        const page = await this.page(hash);
        await page.fill('#signin-password', password);
        await page.click('form [type=submit]');
        await page.waitForSelector('header.top');
        await page.waitForSelector('.verdict, .page-head');
        return page;
    }

    // What is said of answers that a test provokes ("wrong password") is not a fault of the page.
    expect(...patterns) {
        this.expected.push(...patterns);
    }

    problems() {
        const foreign = this.requests.filter((url) => !url.startsWith(`http://localhost:${this.world.port}/`) && !url.startsWith('data:') && !url.startsWith('blob:'));
        return [...this.said.filter((line) => !this.expected.some((pattern) => pattern.test(line))), ...foreign.map((url) => `asks another host: ${url}`)];
    }

    async close() {
        await this.context.unrouteAll({ behavior: 'ignoreErrors' }); // what is asked for in this moment is nobody's fault
        await this.context.close();
    }
}

// "Failed to load resource: the server responded with a status of 422": the browser says so of every answer that is no success.
export const answered = (...codes) => new RegExp(`status of (${codes.join('|')})`);
export const cutOff = /ERR_(FAILED|CONNECTION_(REFUSED|RESET|CLOSED|ABORTED)|SOCKET_NOT_CONNECTED|CONTENT_LENGTH_MISMATCH|INCOMPLETE_CHUNKED_ENCODING|EMPTY_RESPONSE|NETWORK_IO_SUSPENDED|ABORTED)|status of 50\d/;

// --- tests ------------------------------------------------------------------------------------------------------------

const keep = process.env.ORACXFS_KEEP_SHOTS;

// A test with a world and a watched browser. world: as World.start; context: as Watched.open.
export function test(name, { world: worldOptions = {}, context = {} }, body) {
    declare(name, { timeout: 600_000 * patience() }, async (t) => {
        if (!browserPath()) return t.skip('Chromium is needed (Debian: chromium)');
        if (!existsSync(binary())) return t.skip(`no oracxfs at ${binary()} (set ORACXFS_BINARY)`);
        const world = await World.start(worldOptions);
        let watched;
        try {
            if (world.skip) return t.skip(world.skip);
            watched = await Watched.open(world, context);
            await body({ world, watched, t });
            assert.deepEqual(watched.problems(), [], 'the console is clean and no other host was asked');
        } catch (error) {
            const { text } = await world.do('log').catch(() => ({ text: '' }));
            console.error(`--- ${name}: the daemon's log\n${text}\n--- said: ${watched?.said.join('\n')}`);
            if (keep) for (const [index, page] of (watched?.context.pages() || []).entries()) await page.screenshot({ path: join(keep, `${name.replace(/\W+/g, '-')}-${index}.png`) }).catch(() => {});
            throw error;
        } finally {
            await watched?.close();
            await world.close();
        }
        return undefined;
    });
}

export async function eventually(check, what, ms = 60_000) {
    const end = performance.now() + ms * patience();
    for (;;) {
        const value = await check();
        if (value) return value;
        if (performance.now() > end) assert.fail(`not within ${ms} ms: ${what}`);
        await new Promise((next) => setTimeout(next, 100));
    }
}

// Waits for a text to be somewhere in what is seen.
export const see = (page, text, scope = 'body') => page.locator(scope).getByText(text).first().waitFor();
export const texts = (page, selector) => page.locator(selector).allInnerTexts();
export const dialogOf = (page) => page.locator('dialog[open]').last();
export { assert };
