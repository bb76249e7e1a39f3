// Who is told when the state changes.
import { html, useEffect, useState } from '../../lib/ui.js';
import { get, post, segment } from '../../lib/api.js';
import { command } from '../../lib/cli.js';
import { ago, t } from '../../lib/i18n.js';
import { askSettings, saveSettings, settings, valueOf } from '../../lib/settings.js';
import { Icon } from '../../ui/icons.js';
import { Button, Check, Cli, ErrorBox, Field, Skeleton, Summary, say, sayError } from '../../ui/parts.js';
import { State } from '../../ui/state.js';
import { SettingProblems } from './sources.js';

// What the daemon can tell of; it says itself which of these words it knows.
const words = ['degraded', 'at_risk', 'unprotected', 'recovered', 'provider', 'run', 'damage'];
const usual = words.slice(0, 4);
const kinds = { json: { type: 'webhook' }, ntfy: { type: 'webhook', style: 'ntfy' }, gotify: { type: 'webhook', style: 'gotify' }, slack: { type: 'webhook', style: 'slack' }, heartbeat: { type: 'heartbeat' } };

const arrived = (delivery) => delivery.ok ?? delivery.delivered;

export function Notifications() {
    const [known, setKnown] = useState(null);
    const [error, setError] = useState(null);
    const [testing, setTesting] = useState('');
    const [adding, setAdding] = useState(null); // {id, kind, url}
    const [problems, setProblems] = useState({});
    const load = () => get('/notifications').then(setKnown, setError);
    useEffect(() => {
        load();
        if (!settings.value) askSettings().catch(() => {}); // saving asks again, and says what is wrong
    }, []);
    if (!known) return error ? html`<${ErrorBox} error=${error} />` : html`<${Skeleton} />`;

    const save = async (changes) => {
        setError(null);
        try {
            if (!settings.value) await askSettings();
            await saveSettings(changes());
            await load();
            say(t('settings.saved'));
            return true;
        } catch (failure) {
            setError(failure);
            return false;
        }
    };
    const knownWords = settings.value?.list['notify.on']?.choices;
    const states = words.filter((word) => known.on.includes(word) || (knownWords?.length ? knownWords : usual).includes(word));
    const toggle = (state, on) => save(() => ({ 'notify.on': words.filter((one) => (one === state ? on : known.on.includes(one))) }));
    const add = async (event) => {
        event.preventDefault();
        const found = {};
        if (!/^[a-z0-9-]{1,32}$/.test(adding.id)) found['notify-id'] = t('field.name_rule');
        if (!/^https?:\/\/./.test(adding.url)) found['notify-url'] = t('notify.url_rule');
        setProblems(found);
        if (Object.keys(found).length > 0) return;
        if (await save(() => ({ 'notify.targets': [...(valueOf('notify.targets') || []), { id: adding.id, ...kinds[adding.kind], url: adding.url, ...(adding.url.startsWith('http://') ? { allow_plain_http: true } : {}) }] }))) setAdding(null);
    };
    const remove = (id) => save(() => ({ 'notify.targets': (valueOf('notify.targets') || []).filter((target) => target.id !== id) }));
    const test = async (id) => {
        setTesting(id);
        try {
            const answer = await post(`/notifications/${segment(id)}/test`);
            if (arrived(answer) !== false) say(t('notify.delivered', { id }));
            else say(t('notify.not_delivered', { id, why: answer.error?.message || answer.error || '' }), 'bad');
        } catch (failure) {
            sayError(failure);
        }
        await load();
        setTesting('');
    };
    return html`
        <fieldset class="checks"><legend>${t('notify.when')}</legend>${states.map((state) => html`<${Check} label=${t(`notify.${state}`)} checked=${known.on.includes(state)} onChange=${(event) => toggle(state, event.target.checked)} />`)}</fieldset>
        <h3>${t('notify.targets')}</h3>
        ${known.targets.length === 0 && html`<p class="empty-line">${t('notify.none')}</p>`}
        <ul class="rows">${known.targets.map((target) => html`<li key=${target.id}>
            <strong>${target.id}</strong><span class="tag">${target.style && target.style !== 'json' ? target.style : target.type}</span><span class="muted grow">${target.place || ''}</span>
            ${target.last ? html`<${State} state=${arrived(target.last) ? 'ok' : 'bad'} kind="check" small>${t(arrived(target.last) ? 'notify.last_good' : 'notify.last_bad', { ago: target.last.at ? ago(target.last.at) : '' })}<//>` : html`<span class="muted">${t('notify.never')}</span>`}
            <${Button} class="small secondary" busy=${testing === target.id} onClick=${() => test(target.id)}>${t('notify.test')}<//>
            <button type="button" class="plain icon-only" aria-label=${t('notify.remove', { id: target.id })} title=${t('remove')} onClick=${() => remove(target.id)}><${Icon} name="trash" size="16" /></button>
        </li>`)}</ul>
        <${SettingProblems} error=${error} />
        ${adding
            ? html`<form class="sub-form" onSubmit=${add} novalidate><${Summary} problems=${problems} />
                <div class="fields"><div class="narrow-field"><${Field} label=${t('notify.kind')}>${(input) => html`<select ...${input} value=${adding.kind} onChange=${(event) => setAdding({ ...adding, kind: event.target.value })}>${Object.keys(kinds).map((kind) => html`<option value=${kind}>${t(`notify.kind_${kind}`)}</option>`)}</select>`}<//></div>
                <div class="wide-field"><${Field} id="notify-id" label=${t('field.name')} value=${adding.id} error=${problems['notify-id']} autocomplete="off" onInput=${(event) => setAdding({ ...adding, id: event.target.value })} /></div>
                <div class="whole-field"><${Field} id="notify-url" label=${t('notify.url')} help=${t('notify.url_help')} placeholder="https://ntfy.example.org/backups" value=${adding.url} error=${problems['notify-url']} autocomplete="off" onInput=${(event) => setAdding({ ...adding, url: event.target.value })} /></div></div>
                <div class="row-actions"><button type="submit" class="small">${t('notify.add_now')}</button><button type="button" class="small secondary" onClick=${() => setAdding(null)}>${t('cancel')}</button></div></form>`
            : html`<div class="row-actions"><${Button} class="small secondary" icon="plus" onClick=${() => setAdding({ id: 'ops', kind: 'json', url: '' })}>${t('notify.add')}<//></div>`}
        <${Cli} command=${command('notifications', 'list')} />`;
}
