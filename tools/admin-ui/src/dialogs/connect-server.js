// The form for a folder, an SFTP or an FTP server.
import { html, useState } from '../lib/ui.js';
import { post } from '../lib/api.js';
import { addCommand } from '../lib/cli.js';
import { t } from '../lib/i18n.js';
import { freeName, isName, kinds, settingsOf, widthOf } from '../lib/kinds.js';
import { backupTotal, providers, refresh } from '../lib/store.js';
import { Dialog } from '../ui/dialog.js';
import { PathField } from '../ui/folder-field.js';
import { Icon } from '../ui/icons.js';
import { Button, Check, Choice, Cli, ErrorBox, Field, Notice, Summary, say } from '../ui/parts.js';
import { Steps } from './test.js';

const idOf = (key) => `connect-${key}`;

export function FieldFor({ field, type, values, set, problems }) {
    const { key, number, example, choices, optional, fallback } = field;
    const shared = {
        id: idOf(key),
        label: t(`field.${key}`),
        help: ['path', 'folder', 'tls', 'base_url', 'ca_file', 'upload_limit'].includes(key) ? t(`help.${key}`, { type: t(`kind.${type}`) }) : undefined,
        error: problems[idOf(key)],
        optional,
    };
    const value = values[key] ?? fallback ?? '';
    if (key === 'path') return html`<${PathField} ...${shared} value=${value} placeholder=${example} choose=${(path) => set(key, path)} />`;
    if (choices) {
        return html`<${Field} ...${shared}>${(input) => html`<select ...${input} onChange=${(event) => set(key, event.target.value)}>
            ${choices.map((choice) => html`<option value=${choice} selected=${choice === value}>${t(`choice.${key}.${choice}`)}</option>`)}</select>`}<//>`;
    }
    return html`<${Field} ...${shared} value=${value} placeholder=${example} inputmode=${number ? 'numeric' : undefined} autocomplete="off" spellcheck=${false}
        autocapitalize="none" onInput=${(event) => set(key, event.target.value)} />`;
}

export function ServerForm({ type, back, close }) {
    const kind = kinds[type];
    const fields = [...kind.fields, ...(kind.more || [])];
    const [values, setValues] = useState(() => ({
        name: freeName(type, providers.value.map((provider) => provider.name)),
        signIn: 'password',
        ...Object.fromEntries(fields.filter((field) => field.fallback).map((field) => [field.key, field.fallback])),
    }));
    const [hostKey, setHostKey] = useState(null); // {fingerprint, type, compared}
    const [problems, setProblems] = useState({});
    const [work, setWork] = useState(null); // {doing, steps, error, good}
    const set = (key, value) => {
        setValues((known) => ({ ...known, [key]: value }));
        if (key === 'host' || key === 'port') setHostKey(null);
        setWork(null);
    };

    const isSftp = type === 'sftp';
    const byKey = isSftp && values.signIn === 'key';
    const needsPassword = type === 'ftp' || (isSftp && !byKey);
    const busy = Boolean(work?.doing);

    const check = () => {
        const found = {};
        if (!isName(values.name)) found[idOf('name')] = t('field.name_rule');
        else if (providers.value.some((provider) => provider.name === values.name)) found[idOf('name')] = t('field.name_taken');
        for (const field of fields) if (field.required && !String(values[field.key] ?? '').trim()) found[idOf(field.key)] = t('field.missing', { field: t(`field.${field.key}`) });
        if (type === 'local' && values.path && !/^[/~$]/.test(values.path.trim())) found[idOf('path')] = t('field.path_rule');
        if (values.port && !(Number(values.port) >= 1 && Number(values.port) <= 65535)) found[idOf('port')] = t('field.port_rule');
        if (byKey && !values.key_file?.trim()) found[idOf('key_file')] = t('field.missing', { field: t('field.key_file') });
        if (needsPassword && !values.password) found[idOf('password')] = t('field.missing', { field: t('field.password') });
        if (isSftp && !hostKey?.compared) found[idOf('hostkey')] = t(hostKey ? 'hostkey.compare_first' : 'hostkey.fetch_first');
        setProblems(found);
        return Object.keys(found).length === 0;
    };

    const body = () => {
        const settings = settingsOf(fields, values);
        if (isSftp) settings.host_key = hostKey.fingerprint;
        if (byKey) settings.key_file = values.key_file.trim();
        const secrets = {};
        if (needsPassword) secrets.password = values.password;
        if (byKey && values.key_passphrase) secrets.key_passphrase = values.key_passphrase;
        return { name: values.name, type, settings, secrets };
    };

    const run = async (doing) => {
        if (!check()) return;
        setWork({ doing });
        try {
            if (doing === 'test') {
                const { steps, error } = await post('/provider-test', body());
                setWork({ steps, error, good: !error });
            } else {
                await post('/providers', { ...body(), enabled: true, test: true });
                await refresh().catch(() => {});
                say(t(backupTotal.value > 0 ? 'connect.done_copying' : 'connect.done', { name: values.name }));
                close(values.name);
            }
        } catch (error) {
            setWork({ error, steps: error.data?.steps });
        }
    };

    const fetchKey = async () => {
        if (!values.host?.trim()) {
            setProblems({ [idOf('host')]: t('field.missing', { field: t('field.host') }) });
            return;
        }
        setWork({ doing: 'key' });
        try {
            setHostKey(await post('/provider-host-key', { host: values.host.trim(), port: Number(values.port) || 22 }));
            setWork(null);
            setProblems({});
        } catch (error) {
            setWork({ error });
        }
    };

    const footer = html`
        ${back && html`<button type="button" class="plain push" disabled=${busy} onClick=${back}>${t('back')}</button>`}
        <${Button} class="secondary" busy=${work?.doing === 'test'} disabled=${busy} onClick=${() => run('test')}>${t('connect.test')}<//>
        <${Button} type="submit" busy=${work?.doing === 'save'} disabled=${busy}>${t('connect.save')}<//>`;

    return html`<${Dialog} title=${t('connect.one', { kind: t(`kind.${type}`) })} subtitle=${t(`kind.${type}_about`)} close=${close} busy=${busy} onSubmit=${() => run('save')} footer=${footer}>
        <${Summary} problems=${problems} />
        <div class="fields">
            ${kind.fields.map((field) => html`<div class=${widthOf(field)}><${FieldFor} ...${{ field, type, values, set, problems }} /></div>`)}
        </div>
        ${isSftp && html`<${Choice} legend=${t('signin.how')} name="signin" value=${values.signIn} onChange=${(value) => set('signIn', value)}
            options=${[{ value: 'password', label: t('signin.password') }, { value: 'key', label: t('signin.key'), help: t('signin.key_help') }]} />`}
        ${needsPassword && html`<${Field} id=${idOf('password')} label=${t('field.password')} type="password" autocomplete="off" error=${problems[idOf('password')]}
            help=${t('help.password')} value=${values.password || ''} onInput=${(event) => set('password', event.target.value)} />`}
        ${byKey && html`<${Field} id=${idOf('key_file')} label=${t('field.key_file')} placeholder="~/.ssh/id_ed25519" autocomplete="off" error=${problems[idOf('key_file')]}
                value=${values.key_file || ''} onInput=${(event) => set('key_file', event.target.value)} />
            <${Field} label=${t('field.key_passphrase')} optional type="password" autocomplete="off" value=${values.key_passphrase || ''} onInput=${(event) => set('key_passphrase', event.target.value)} />`}
        ${isSftp && html`<${HostKey} hostKey=${hostKey} problem=${problems[idOf('hostkey')]} busy=${busy} fetching=${work?.doing === 'key'} fetch=${fetchKey}
            compared=${(compared) => setHostKey({ ...hostKey, compared })} />`}
        <${Field} id=${idOf('name')} label=${t('field.name')} help=${t('help.name')} error=${problems[idOf('name')]} value=${values.name} autocomplete="off" spellcheck=${false}
            onInput=${(event) => set('name', event.target.value)} />
        ${kind.more && html`<details class="more"><summary>${t('connect.more')}</summary>
            ${kind.more.map((field) => html`<${FieldFor} ...${{ field, type, values, set, problems }} />`)}</details>`}
        ${(work?.doing === 'test' || work?.doing === 'save' || work?.steps) && html`<${Steps} running=${busy} steps=${work.steps} />`}
        ${work?.good && html`<${Notice} tone="good" icon="checkcircle"><p>${t('connect.tested')}</p><//>`}
        <${ErrorBox} error=${work?.error} />
        <${Cli} command=${addCommand({ ...values, type, key_file: byKey && (values.key_file || 'FILE'), host_key: isSftp && (hostKey?.fingerprint || 'SHA256:…') })} />
    <//>`;
}

function HostKey({ hostKey, problem, busy, fetching, fetch, compared }) {
    return html`<fieldset class="hostkey" id=${idOf('hostkey')} tabindex="-1">
        <legend>${t('hostkey.title')}</legend>
        ${!hostKey && html`<p class="help">${t('hostkey.about')}</p>
            <${Button} class="secondary" icon="key" busy=${fetching} disabled=${busy} onClick=${fetch}>${t('hostkey.fetch')}<//>`}
        ${hostKey && html`<p class="muted">${t('hostkey.shows')}</p>
            <p><code class="fingerprint">${hostKey.fingerprint}</code></p>
            <p class="help">${t('hostkey.compare')} <code>ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub</code></p>
            <${Check} label=${t('trust.compared')} checked=${Boolean(hostKey.compared)} onChange=${(event) => compared(event.target.checked)} />`}
        ${problem && html`<p class="field-error"><${Icon} name="alert" size="15" />${problem}</p>`}
    </fieldset>`;
}
