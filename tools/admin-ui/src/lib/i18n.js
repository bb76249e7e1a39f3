// Words, numbers and times in the language of the reader.
import { signal } from './ui.js';

export const languages = { en: 'English', fr: 'Français' };
export const lang = signal('en');
const words = signal({});

const wordsOf = { en: () => import('../lang/en.js'), fr: () => import('../lang/fr.js') };
const moreWordsOf = { en: () => import('../lang/en-later.js'), fr: () => import('../lang/fr-later.js') };
let wanted = 'en';
let wantsMore = false;

const chosen = () => localStorage.getItem('oracxfs.language');

// The reader's choice, else what the daemon was configured to, else the browser's wish.
export function preferredLanguage(configured) {
    const wishes = [chosen(), configured, ...(navigator.languages || [navigator.language])];
    for (const wish of wishes) {
        const code = (wish || '').slice(0, 2).toLowerCase();
        if (wordsOf[code]) return code;
    }
    return 'en';
}

// Takes what is wanted when the words have come, which may be more, or another language, than was wanted before.
async function takeWords() {
    for (;;) {
        const [code, all] = [wanted, wantsMore];
        const [first, more] = await Promise.all([wordsOf[code](), all && moreWordsOf[code]()]);
        if (code !== wanted || all !== wantsMore) continue;
        words.value = { ...first.default, ...more?.default };
        lang.value = code;
        document.documentElement.lang = code;
        return;
    }
}

export function useLanguage(code) {
    wanted = code;
    return takeWords();
}

// What the other pages and the dialogs say, fetched together with them.
export function moreWords() {
    wantsMore = true;
    return takeWords();
}

export async function chooseLanguage(code) {
    localStorage.setItem('oracxfs.language', code);
    await useLanguage(code);
}

// A text by its key. {name} is replaced by values.name; a text that depends on a number is {one, other}.
export function t(key, values) {
    let text = words.value[key];
    if (text === undefined) {
        console.error(`no text for ${key}`);
        return key;
    }
    if (typeof text === 'object') text = text[new Intl.PluralRules(lang.value).select(values?.n ?? 0)] ?? text.other;
    return text.replace(/\{(\w+)\}/g, (_, name) => {
        const value = values?.[name];
        return typeof value === 'number' ? number(value) : (value ?? '');
    });
}

// What an event says: the daemon's sentence, in the reader's language where it has one.
export const wording = (event) => event.translations?.[lang.value] ?? event.message;

export const has = (key) => words.value[key] !== undefined;

export const number = (value, digits = 0) => new Intl.NumberFormat(lang.value, { maximumFractionDigits: digits, minimumFractionDigits: digits }).format(value);

const unitNames = { en: ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'], fr: ['o', 'Kio', 'Mio', 'Gio', 'Tio', 'Pio'] };

export function bytes(value) {
    if (value === null || value === undefined) return '';
    let unit = 0;
    while (value >= 1024 && unit < 5) {
        value /= 1024;
        unit += 1;
    }
    const digits = unit === 0 ? 0 : value < 10 ? 2 : value < 100 ? 1 : 0;
    return `${number(value, digits)} ${unitNames[lang.value][unit]}`;
}

export const rate = (value) => `${bytes(value)}/s`;

// 161000 -> "2:41"
export function clock(ms) {
    const seconds = Math.max(0, Math.round(ms / 1000));
    const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
    const two = (n) => String(n).padStart(2, '0');
    return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

// The length of a time in its largest unit: "45 s", "2 h", "8 d".
export function span(ms) {
    const minutes = Math.floor(ms / 60_000);
    if (minutes < 1) return t('span.seconds', { n: Math.max(0, Math.round(ms / 1000)) });
    if (minutes < 60) return t('span.minutes', { n: minutes });
    if (minutes < 48 * 60) return t('span.hours', { n: Math.floor(minutes / 60) });
    return t('span.days', { n: Math.floor(minutes / 1440) });
}

// Looked at again every few seconds by whoever shows an age.
export const now = signal(Date.now());
setInterval(() => (now.value = Date.now()), 10_000);

export const parseTime = (text) => (text ? new Date(text) : null);
export const age = (text) => Math.max(0, now.value - parseTime(text).getTime());
export const ago = (text) => (age(text) < 45_000 ? t('ago.now') : t('ago.past', { span: span(age(text)) }));
export const shortAge = (text) => (age(text) < 60_000 ? t('ago.short_now') : span(age(text)));
export function until(text) {
    const left = parseTime(text).getTime() - now.value;
    return left < 45_000 ? t('until.now') : t('until.in', { span: span(left) });
}

const format = (options) => (text) => new Intl.DateTimeFormat(lang.value === 'en' ? 'en-GB' : lang.value, options).format(parseTime(text));
export const timeOfDay = format({ hour: '2-digit', minute: '2-digit' });
export const timeExact = format({ hour: '2-digit', minute: '2-digit', second: '2-digit' });
export const day = format({ day: 'numeric', month: 'short' });
export const weekday = format({ weekday: 'short', day: 'numeric', month: 'short' });
const dayThisYear = format({ day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' });
const dayOtherYear = format({ day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit' });
export const fullTime = format({ dateStyle: 'full', timeStyle: 'medium' });
export const dateTime = (text) => (parseTime(text).getFullYear() === new Date(now.value).getFullYear() ? dayThisYear(text) : dayOtherYear(text)).replace(',', '');
