// Language, the mount, checks of old copies, the log; and a look at the health of this machine.
import { html, useEffect, useState } from '../../lib/ui.js';
import { apiBase, post } from '../../lib/api.js';
import { command } from '../../lib/cli.js';
import { chooseLanguage, lang, languages, t } from '../../lib/i18n.js';
import { askSettings, saveSettings, settings, valueOf } from '../../lib/settings.js';
import { Icon } from '../../ui/icons.js';
import { Button, Check, Choice, Cli, ErrorBox, Field, Skeleton, say } from '../../ui/parts.js';
import { State } from '../../ui/state.js';
import { SettingProblems } from './sources.js';

const texts = ['replication.min_replicas', 'replication.upload_limit', 'mount.dir', 'mount.cache_size', 'scrub.every', 'scrub.sample_percent', 'log.keep_days'];
const numbers = ['replication.min_replicas', 'scrub.sample_percent', 'log.keep_days'];
const choices = { 'mount.close_waits_for': ['all', 'journal'], 'log.level': ['debug', 'info', 'warning', 'error'] };
const checks = ['scrub.enabled', 'scrub.repair'];

export function General() {
    const [values, setValues] = useState({});
    const [error, setError] = useState(null);
    const [busy, setBusy] = useState(false);
    useEffect(() => {
        if (!settings.value) askSettings().catch(setError);
    }, []);
    const shown = (path) => values[path] ?? valueOf(path) ?? '';
    const set = (path, value) => setValues({ ...values, [path]: value });
    const keyOf = (path) => path.replace('.', '_');
    const save = async (event) => {
        event.preventDefault();
        setBusy(true);
        setError(null);
        try {
            const changes = Object.fromEntries(Object.entries(values).map(([path, value]) => [path, value === '' ? null : numbers.includes(path) && value !== '' ? Number(value) : value]));
            const answer = await saveSettings(changes);
            setValues({});
            say(t(answer.needs_new_mount ? 'settings.saved_new_mount' : 'settings.saved'));
        } catch (failure) {
            setError(failure);
            if (failure.status === 412) askSettings().catch(() => {});
        }
        setBusy(false);
    };
    const field = (path) => html`<div><${Field} label=${t(`setting.${keyOf(path)}`)} help=${settings.value.list[path]?.overridden ? t('settings.overridden') : t(`setting.${keyOf(path)}_help`)} value=${shown(path)} disabled=${settings.value.list[path]?.overridden} inputmode=${numbers.includes(path) ? 'numeric' : undefined} autocomplete="off" spellcheck=${false} onInput=${(event) => set(path, event.target.value)} /></div>`;
    const select = (path) => html`<div><${Field} label=${t(`setting.${keyOf(path)}`)} help=${t(`setting.${keyOf(path)}_help`)}>${(input) => html`<select ...${input} value=${shown(path)} onChange=${(event) => set(path, event.target.value)}>${[...new Set([...choices[path], shown(path)])].map((one) => html`<option value=${one}>${one}</option>`)}</select>`}<//></div>`;
    const dirty = Object.keys(values);
    return html`
        <${Choice} legend=${t('setting.language')} name="language" value=${lang.value} onChange=${chooseLanguage} options=${Object.entries(languages).map(([value, label]) => ({ value, label }))} />
        ${!settings.value ? error ? html`<${ErrorBox} error=${error} />` : html`<${Skeleton} />` : html`<form onSubmit=${save} novalidate>
            <div class="fields two-fields">${texts.map(field)}${Object.keys(choices).map(select)}</div>
            ${checks.map((path) => html`<${Check} label=${t(`setting.${keyOf(path)}`)} checked=${Boolean(shown(path))} onChange=${(event) => set(path, event.target.checked)} />`)}
            <${SettingProblems} error=${error} />
            <div class="form-foot"><${Cli} command=${dirty.length > 0 ? command('config', 'set', dirty[0], String(values[dirty[0]])) : command('config', 'show')} />
                <a class="button secondary" role="button" href=${`${apiBase}/settings/download`} download><${Icon} name="download" size="16" /><span>${t('settings.download')}</span></a>
                <${Button} type="submit" busy=${busy} disabled=${dirty.length === 0}>${t('save')}<//></div>
        </form>`}
        <${Doctor} />`;
}

function Doctor() {
    const [checksDone, setChecks] = useState(null);
    const [error, setError] = useState(null);
    const [busy, setBusy] = useState(false);
    const run = async () => {
        setBusy(true);
        setError(null);
        try {
            setChecks((await post('/doctor', {})).checks);
        } catch (failure) {
            setError(failure);
        }
        setBusy(false);
    };
    return html`<div class="sub-form"><h3>${t('doctor.title')}</h3><p class="muted">${t('doctor.about')}</p>
        ${checksDone && html`<ul class="rows" aria-live="polite">${checksDone.map((check) => html`<li><${State} state=${check.state} kind="check" small /><strong>${check.check}</strong><span class="grow">${check.message}${check.fix ? html`<br /><span class="muted">${check.fix}</span>` : ''}</span></li>`)}</ul>`}
        <${ErrorBox} error=${error} />
        <div class="form-foot"><${Cli} command=${command('doctor')} /><${Button} class="secondary" icon="wrench" busy=${busy} onClick=${run}>${t('doctor.run')}<//></div></div>`;
}
