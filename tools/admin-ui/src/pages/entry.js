// Before one is in: the first start with the code from the terminal, and the sign-in.
import { html, useEffect, useRef, useState } from '../lib/ui.js';
import { command } from '../lib/cli.js';
import { chooseLanguage, clock, lang, languages, t } from '../lib/i18n.js';
import { session, setUp, signIn } from '../lib/store.js';
import { Logo } from '../ui/icons.js';
import { Button, Check, Cli, ErrorBox, Field, Notice, Summary } from '../ui/parts.js';
import { Strength, shortest } from '../ui/strength.js';

function Frame({ title, about, children }) {
    const other = Object.keys(languages).find((code) => code !== lang.value);
    return html`<main class="entry" id="main"><div class="card entry-card">
        <div class="entry-brand"><${Logo} size="40" /><span>oracxfs</span><button type="button" class="plain small push" lang=${other} onClick=${() => chooseLanguage(other)}>${languages[other]}</button></div>
        <h1 tabindex="-1">${title}</h1><p class="muted">${about}</p>${children}</div></main>`;
}

// "7kq4m2xd" -> "7KQ4-M2XD", as it stands in the terminal.
const asCode = (text) => {
    const letters = text.toUpperCase().replace(/[^A-Z0-9]/g, '').slice(0, 8);
    return letters.length > 4 ? `${letters.slice(0, 4)}-${letters.slice(4)}` : letters;
};

export function FirstStart() {
    const [values, setValues] = useState({ code: '', password: '' });
    const [problems, setProblems] = useState({});
    const [error, setError] = useState(null);
    const [busy, setBusy] = useState(false);
    const submit = async (event) => {
        event.preventDefault();
        const found = {};
        if (values.code.length < 9) found['setup-code'] = t('setup.code_rule');
        if (values.password.length < shortest) found['setup-password'] = t('password.too_short', { n: shortest });
        setProblems(found);
        if (Object.keys(found).length > 0) return;
        setBusy(true);
        setError(null);
        try {
            await setUp(values.code, values.password);
        } catch (failure) {
            setError(failure);
            setBusy(false);
        }
    };
    return html`<${Frame} title=${t('setup.title')} about=${t('setup.about')}><form onSubmit=${submit} novalidate>
        <${Summary} problems=${problems} />
        <${Field} id="setup-code" class="code-input" label=${t('setup.code')} placeholder="XXXX-XXXX" autocomplete="one-time-code" autocapitalize="characters" spellcheck=${false} value=${values.code} error=${problems['setup-code']} help=${t('setup.code_help')} onInput=${(event) => setValues({ ...values, code: (event.target.value = asCode(event.target.value)) })} />
        <${Cli} command=${command('admin', 'code')} />
        <input type="text" name="username" autocomplete="username" value="admin" hidden readonly />
        <${Field} id="setup-password" label=${t('password.new')} type="password" autocomplete="new-password" value=${values.password} error=${problems['setup-password']} help=${t('password.rule', { n: shortest })} onInput=${(event) => setValues({ ...values, password: event.target.value })} />
        <${Strength} password=${values.password} />
        <${ErrorBox} error=${error}>${error?.data?.tries_left !== undefined && html`<p>${t('setup.tries_left', { n: error.data.tries_left })}</p>`}<//>
        <${Button} type="submit" class="wide" busy=${busy}>${t('setup.create')}<//>
    </form><//>`;
}

export function SignInPage() {
    const [password, setPassword] = useState('');
    const [remember, setRemember] = useState(false);
    const [problems, setProblems] = useState({});
    const [error, setError] = useState(null);
    const [busy, setBusy] = useState(false);
    const [waitUntil, setWaitUntil] = useState(0);
    const input = useRef(null);
    useEffect(() => document.getElementById('signin-password')?.focus(), []);
    useEffect(() => {
        if (!waitUntil) return undefined;
        const timer = setInterval(() => setWaitUntil((until) => (until <= Date.now() ? 0 : until + 0.001)), 500);
        return () => clearInterval(timer);
    }, [waitUntil > 0]);
    const submit = async (event) => {
        event.preventDefault();
        const found = password ? {} : { 'signin-password': t('field.missing', { field: t('field.password') }) };
        setProblems(found);
        if (Object.keys(found).length > 0) return;
        setBusy(true);
        setError(null);
        try {
            await signIn(password, remember);
        } catch (failure) {
            setError(failure.status === 401 ? { ...failure, message: t('signin.wrong'), code: '', why: '', next: [] } : failure);
            if (failure.status === 429) setWaitUntil(Date.now() + (failure.data?.retry_after_ms || 5000));
            setBusy(false);
            document.getElementById('signin-password')?.select();
        }
    };
    const wait = Math.max(0, waitUntil - Date.now());
    return html`<${Frame} title=${t('signin.title')} about=${t('signin.about')}><form ref=${input} onSubmit=${submit} novalidate>
        ${session.value?.expired && !error && html`<${Notice}><p>${t('signin.expired')}</p><//>`}
        <${Summary} problems=${problems} />
        <input type="text" name="username" autocomplete="username" value="admin" hidden readonly />
        <${Field} id="signin-password" label=${t('field.password')} type="password" autocomplete="current-password" value=${password} error=${problems['signin-password']} onInput=${(event) => setPassword(event.target.value)} />
        <${Check} label=${t('signin.remember')} checked=${remember} onChange=${(event) => setRemember(event.target.checked)} />
        <${ErrorBox} error=${error}>${wait > 0 && html`<p>${t('signin.wait', { time: clock(wait) })}</p>`}<//>
        <${Button} type="submit" class="wide" busy=${busy} disabled=${wait > 0}>${t('signin.enter')}<//>
        <details class="more"><summary>${t('signin.forgotten')}</summary><p class="help">${t('signin.forgotten_text')}</p><${Cli} command=${command('admin', 'password')} /></details>
    </form><//>`;
}
