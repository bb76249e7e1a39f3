// Changing a provider that exists: its place, its limits, its password.
import { html, useEffect, useState } from '../lib/ui.js';
import { get, patch, segment } from '../lib/api.js';
import { command } from '../lib/cli.js';
import { t } from '../lib/i18n.js';
import { isCloud, isName, kinds, limits, settingsOf, widthOf } from '../lib/kinds.js';
import { refresh } from '../lib/store.js';
import { Dialog } from '../ui/dialog.js';
import { Button, Cli, ErrorBox, Field, Skeleton, Summary, say } from '../ui/parts.js';
import { FieldFor } from './connect-server.js';
import { Steps } from './test.js';

export function SettingsDialog({ name, close }) {
    const [provider, setProvider] = useState(null);
    const [values, setValues] = useState({});
    const [problems, setProblems] = useState({});
    const [work, setWork] = useState(null);
    useEffect(() => {
        get(`/providers/${segment(name)}`).then(
            (found) => {
                setProvider(found);
                setValues({ ...found.settings, name });
            },
            (error) => setWork({ error }),
        );
    }, []);
    const set = (key, value) => setValues((known) => ({ ...known, [key]: value }));

    const { type } = provider || {};
    const kind = kinds[type] || { fields: [], secrets: [] };
    const fields = [...kind.fields, ...(kind.more || []), ...(type === 'local' ? [] : limits)];
    const hasPassword = type === 'sftp' || type === 'ftp';
    const hint = provider?.secrets?.password?.set ? t('secret.set', { hint: provider.secrets.password.hint || '' }) : t('secret.not_set');

    // Only what was changed; a setting that was emptied goes back to its default.
    const changes = () => {
        const settings = {};
        const now = settingsOf(fields, values);
        for (const { key } of fields) {
            const before = provider.settings[key] ?? null;
            const after = now[key] ?? null;
            if (String(before ?? '') !== String(after ?? '')) settings[key] = after;
        }
        const body = { test: provider.enabled };
        if (Object.keys(settings).length > 0) body.settings = settings;
        if (values.password) body.secrets = { password: values.password };
        if (values.name !== name) body.name = values.name;
        return body;
    };
    const save = async () => {
        if (!provider) return;
        const found = {};
        if (!isName(values.name)) found['connect-name'] = t('field.name_rule');
        for (const field of fields) if (field.required && !String(values[field.key] ?? '').trim()) found[`connect-${field.key}`] = t('field.missing', { field: t(`field.${field.key}`) });
        setProblems(found);
        if (Object.keys(found).length > 0) return;
        setWork({ doing: true });
        try {
            await patch(`/providers/${segment(name)}`, changes());
            await refresh().catch(() => {});
            say(t('provider.saved', { name: values.name }));
            close(true);
        } catch (error) {
            setWork({ error, steps: error.data?.steps });
        }
    };
    const busy = Boolean(work?.doing);
    return html`<${Dialog} title=${t('provider.settings_title', { name })} subtitle=${type && t(`kind.${type}`)} close=${close} busy=${busy} onSubmit=${save}
        footer=${html`<button type="button" class="secondary" disabled=${busy} onClick=${() => close()}>${t('cancel')}</button>
            <${Button} type="submit" busy=${busy} disabled=${!provider}>${t('save')}<//>`}>
        ${!provider && !work?.error && html`<${Skeleton} lines="5" />`}
        <${Summary} problems=${problems} />
        ${provider && html`
            <div class="fields">${fields.map((field) => html`<div class=${widthOf(field)}><${FieldFor} ...${{ field: { ...field, fallback: undefined }, type, values, set, problems }} /></div>`)}</div>
            ${hasPassword && html`<${Field} label=${t('field.new_password')} optional help=${hint} type="password" autocomplete="off" value=${values.password || ''} onInput=${(event) => set('password', event.target.value)} />`}
            ${isCloud(type) && html`<p class="help">${t('provider.sign_in_elsewhere')}</p>`}
            <${Field} id="connect-name" label=${t('field.name')} help=${t('help.name')} error=${problems['connect-name']} value=${values.name} spellcheck=${false} autocomplete="off" onInput=${(event) => set('name', event.target.value)} />
            ${(work?.steps || (busy && provider.enabled)) && html`<${Steps} running=${busy} steps=${work.steps} />`}
            <${Cli} command=${command('config', 'set', `providers.${name}.KEY`, 'VALUE')} />`}
        <${ErrorBox} error=${work?.error} />
    <//>`;
}
