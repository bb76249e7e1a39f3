// What the page says one may type can be typed: every command and every option of it exists in the program.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const src = join(here, '../../tools/admin-ui/src');
const binary = process.env.ORACXFS_BINARY || join(here, '../../build/release/bin/oracxfs');

const sources = (function below(folder) {
    return readdirSync(folder).flatMap((name) => (statSync(join(folder, name)).isDirectory() ? below(join(folder, name)) : name.endsWith('.js') ? [join(folder, name)] : []));
})(src);

// command('backups', 'prune', force && '--force') -> {words: ['backups', 'prune'], options: ['--force']}
function commandsOf(text) {
    const found = [];
    for (let at = text.indexOf('command('); at >= 0; at = text.indexOf('command(', at + 1)) {
        if (/[\w.]/.test(text[at - 1] || ' ')) continue;
        let depth = 0;
        let end = at + 'command'.length;
        do {
            if (text[end] === '(') depth += 1;
            if (text[end] === ')') depth -= 1;
            end += 1;
        } while (depth > 0 && end < text.length);
        const inside = text.slice(at + 'command('.length, end - 1);
        const words = [];
        for (const part of inside.split(',')) {
            const word = /^\s*'([a-z][a-z-]*)'\s*$/.exec(part);
            if (!word) break;
            words.push(word[1]);
        }
        const options = [...inside.matchAll(/'(--?[a-z][a-z-]*)'/g)].map(([, option]) => option);
        if (words.length > 0) found.push({ words, options });
    }
    return found;
}

const help = (...words) => spawnSync(binary, [...words, '--help'], { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C.UTF-8' } });

test('every command that the page shows exists, with its options', { skip: existsSync(binary) ? false : `no oracxfs at ${binary} (set ORACXFS_BINARY)` }, () => {
    const problems = [];
    let seen = 0;
    for (const path of sources) {
        for (const { words, options } of commandsOf(readFileSync(path, 'utf8'))) {
            seen += 1;
            const name = [words.join(' '), ...options].join(' ');
            const [first, second] = words;
            // A second word may be a value: "config set mount.dir", "providers test nas".
            const whole = help(first).stdout;
            const group = /Subcommands|SUBCOMMAND/i.test(whole);
            const answer = group && second ? help(first, second) : help(first);
            // A group answers for what it does not know with its own help.
            if (group && second && answer.stdout === whole) problems.push(`${relative(src, path)}: there is no oracxfs ${first} ${second}`);
            if (answer.status !== 0) problems.push(`${relative(src, path)}: oracxfs ${name}: ${answer.stderr.trim()}`);
            for (const option of options) if (!answer.stdout.includes(option)) problems.push(`${relative(src, path)}: oracxfs ${name}: there is no ${option}`);
        }
    }
    assert.ok(seen > 30, `${seen} commands were found`);
    assert.deepEqual(problems, []);
});
