// The form for Dropbox and Google Drive: sign in there, or give what a sign-in elsewhere has left.
import { html, useState } from '../lib/ui.js';
import { patch, post, segment } from '../lib/api.js';
import { command } from '../lib/cli.js';
import { t } from '../lib/i18n.js';
import { freeName, isName, kinds, settingsOf } from '../lib/kinds.js';
import { backupTotal, providers, refresh } from '../lib/store.js';
import { Dialog } from '../ui/dialog.js';
import { Button, Choice, Cli, ErrorBox, Field, Notice, Summary, say } from '../ui/parts.js';
import { FieldFor } from './connect-server.js';
import { SignIn } from './sign-in.js';
import { Steps } from './test.js';

// way: what is asked for. mode: the kind of sign-in; without one the secrets are sent as they are.
const ways = {
    dropbox: [
        { way: 'paste', mode: 'paste', asks: ['app_key'] },
        { way: 'refresh_token', asks: ['app_key', 'refresh_token', 'app_secret'] },
        { way: 'token', asks: ['token'] },
    ],
    'google-drive': [
        { way: 'redirect', mode: 'redirect', asks: ['client'] },
        { way: 'device', mode: 'device', asks: ['client'] },
        { way: 'paste', mode: 'paste', asks: ['client'] },
        { way: 'service_account', asks: ['service_account'] },
    ],
};
const optional = ['app_secret'];
const longTexts = ['client', 'service_account'];
const settingKeys = ['app_key'];

const idOf = (key) => `cloud-${key}`;

export function CloudForm({ type, existing, back, close }) {
    const folder = type === 'dropbox' ? '/ORACXPRED' : 'ORACXPRED';
    const [values, setValues] = useState({ folder, name: existing || freeName(type, providers.value.map((provider) => provider.name)) });
    const [way, setWay] = useState(ways[type][0].way);
    const [problems, setProblems] = useState({});
    const [work, setWork] = useState(null); // {doing, error, steps}
    const [attempt, setAttempt] = useState(null); // as POST /oauth/start
    const chosen = ways[type].find((one) => one.way === way);
    const fields = [...kinds[type].fields, ...kinds[type].more];
    const set = (key, value) => setValues((known) => ({ ...known, [key]: value }));
    const busy = Boolean(work?.doing);

    const check = () => {
        const found = {};
        for (const key of chosen.asks) if (!values[key]?.trim() && !optional.includes(key) && !(existing && chosen.mode)) found[idOf(key)] = t('field.missing', { field: t(`field.${key}`) });
        for (const key of chosen.asks.filter((one) => longTexts.includes(one) && values[one]?.trim())) {
            try {
                JSON.parse(values[key]);
            } catch {
                found[idOf(key)] = t('field.json_rule');
            }
        }
        if (!isName(values.name)) found[idOf('name')] = t('field.name_rule');
        else if (!existing && providers.value.some((provider) => provider.name === values.name)) found[idOf('name')] = t('field.name_taken');
        setProblems(found);
        return Object.keys(found).length === 0;
    };

    const done = async () => {
        await refresh().catch(() => {});
        say(t(backupTotal.value > 0 && !existing ? 'connect.done_copying' : 'connect.done', { name: values.name }));
        close(values.name);
    };

    const begin = async () => {
        const body = { mode: chosen.mode };
        if (!existing) Object.assign(body, { type, settings: settingsOf(fields, values) });
        if (values.app_key?.trim()) body.app_key = values.app_key.trim();
        if (values.client?.trim()) body.client = values.client.trim();
        setAttempt(await post(`/providers/${segment(values.name)}/oauth/start`, body));
        setWork(null);
    };

    const save = async () => {
        const settings = settingsOf(fields, values);
        const secrets = {};
        for (const key of chosen.asks) if (values[key]?.trim()) (settingKeys.includes(key) ? settings : secrets)[key] = values[key].trim();
        if (existing) await patch(`/providers/${segment(existing)}`, { secrets, test: true });
        else await post('/providers', { name: values.name, type, settings, secrets, enabled: true, test: true });
        await done();
    };

    const submit = async () => {
        if (!check()) return;
        setWork({ doing: true });
        try {
            await (chosen.mode ? begin() : save());
        } catch (error) {
            setWork({ error, steps: error.data?.steps });
        }
    };

    const title = t(existing ? 'connect.again' : 'connect.one', { kind: t(`kind.${type}`), name: existing });
    if (attempt) return html`<${SignIn} key=${attempt.state} attempt=${attempt} title=${title} type=${type} again=${() => setAttempt(null)} done=${done} close=${close} />`;

    const textOf = (key) => html`<${Field} id=${idOf(key)} label=${t(`field.${key}`)} help=${t(`help.${key}`)} error=${problems[idOf(key)]} optional=${optional.includes(key)}
        type=${settingKeys.includes(key) ? 'text' : 'password'} autocomplete="off" spellcheck=${false} value=${values[key] || ''} onInput=${(event) => set(key, event.target.value)} />`;

    return html`<${Dialog} title=${title} subtitle=${t(`kind.${type}_about`)} close=${close} busy=${busy} onSubmit=${submit}
        footer=${html`${back && html`<button type="button" class="plain push" onClick=${back}>${t('back')}</button>`}
            <button type="button" class="secondary" disabled=${busy} onClick=${() => close()}>${t('cancel')}</button>
            <${Button} type="submit" busy=${busy}>${t(chosen.mode ? 'signin.begin' : 'connect.save')}<//>`}>
        <${Summary} problems=${problems} />
        <${Choice} legend=${t('signin.how')} name="way" value=${way} onChange=${(value) => (setWay(value), setWork(null), setProblems({}))}
            options=${ways[type].map((one) => ({ value: one.way, label: t(`way.${type}.${one.way}`), help: t(`way.${type}.${one.way}_help`) }))} />
        ${way === 'token' && html`<${Notice} tone="warn" icon="alert"><p>${t('signin.short_lived')}</p><//>`}
        ${chosen.asks.map((key) => (longTexts.includes(key) ? html`<${JsonField} key=${key} name=${key} value=${values[key]} problem=${problems[idOf(key)]} set=${(text) => set(key, text)} />` : textOf(key)))}
        ${!existing && html`<div class="fields">
            <div><${Field} id=${idOf('folder')} label=${t('field.folder')} help=${t('help.folder')} value=${values.folder} onInput=${(event) => set('folder', event.target.value)} /></div>
            <div><${Field} id=${idOf('name')} label=${t('field.name')} help=${t('help.name')} error=${problems[idOf('name')]} value=${values.name} spellcheck=${false} onInput=${(event) => set('name', event.target.value)} /></div>
        </div>`}
        ${!existing && html`<details class="more"><summary>${t('connect.more')}</summary>${kinds[type].more.map((field) => html`<${FieldFor} ...${{ field, type, values, set, problems }} />`)}</details>`}
        ${(work?.steps?.length > 0 || (busy && !chosen.mode)) && html`<${Steps} running=${busy} steps=${work.steps} />`}
        <${ErrorBox} error=${work?.error} />
        <${Cli} command=${command(type, ...(existing ? ['connect'] : []), '--name', values.name, ...(existing ? [] : ['--folder', values.folder]))} />
    <//>`;
}

// A file of JSON, chosen or pasted. It stays in this page until it is sent.
function JsonField({ name, value, problem, set }) {
    const read = async (event) => {
        const file = event.target.files[0];
        if (file) set(await file.text());
    };
    return html`<div class="json-field">
        <${Field} id=${idOf(name)} label=${t(`field.${name}`)} help=${t(`help.${name}`)} error=${problem}>
            ${(input) => html`<textarea ...${input} rows="3" spellcheck=${false} autocomplete="off" placeholder='{ "installed": { … } }' value=${value || ''} onInput=${(event) => set(event.target.value)}></textarea>`}
        <//>
        <label class="file-button"><input type="file" accept=".json,application/json" class="visually-hidden" onChange=${read} /><span>${t('field.choose_file')}</span></label>
    </div>`;
}
