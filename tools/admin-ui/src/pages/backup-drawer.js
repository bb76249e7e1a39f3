// One backup: what is in it, where its copies are, what its manifest and its run say.
import { html, useEffect, useRef, useState } from '../lib/ui.js';
import { apiBase, get, query, segment } from '../lib/api.js';
import { command, shortName } from '../lib/cli.js';
import { bytes, clock, dateTime, fullTime, number, rate, t, ago } from '../lib/i18n.js';
import { changed } from '../lib/store.js';
import { deleteBackup, pin, repair, restore, verify } from '../actions.js';
import { Dialog } from '../ui/dialog.js';
import { Icon } from '../ui/icons.js';
import { needsRepair } from '../ui/matrix.js';
import { Cli, Copy, ErrorBox, Field, Menu, Skeleton } from '../ui/parts.js';
import { State } from '../ui/state.js';
import { EventRow } from '../ui/event-row.js';
import { BackupFiles } from './backup-files.js';
import { RunResult } from './run-detail.js';

const tabs = ['files', 'copies', 'manifest', 'log'];

export function BackupDrawer({ name, close }) {
    const [backup, setBackup] = useState(null);
    const [error, setError] = useState(null);
    const [tab, setTab] = useState('files');
    const load = () => get(`/backups/${segment(name)}`).then(setBackup, setError);
    useEffect(() => {
        load();
    }, [name, changed.value]);
    const title = backup ? t('backup.title', { time: dateTime(backup.time) }) : name;
    return html`<${Dialog} kind="drawer" title=${title} subtitle=${name} close=${close}>
        ${!backup && !error && html`<${Skeleton} lines="6" />`}
        <${ErrorBox} error=${error} />
        ${backup && html`
            <div class="drawer-facts">
                <span><strong>${bytes(backup.size)}</strong>${backup.members ? html` · ${t('backup.members', { n: backup.members })}` : ''}</span>
                <span class="hash"><code title=${backup.sha256}>sha256 ${backup.sha256?.slice(0, 8)}…${backup.sha256?.slice(-6)}</code>${backup.sha256 && html`<${Copy} text=${backup.sha256} />`}</span>
                <${State} state=${backup.copies.verified === backup.copies.wanted ? 'verified' : 'partial'} kind=${backup.copies.verified === backup.copies.wanted ? 'state' : 'run'} small>${t('copies.some_verified', backup.copies)}<//>
            </div>
            <div class="drawer-actions">
                <a class="button small" role="button" href=${`${apiBase}/backups/${segment(name)}/download`} download><${Icon} name="download" size="16" /><span>${t('backup.download')}</span></a>
                <button type="button" class="small secondary" onClick=${() => restore(backup)}>${t('backup.restore_all')}</button>
                <button type="button" class="small secondary" onClick=${() => pin(backup, !backup.pinned).then(load)} aria-pressed=${backup.pinned ? 'true' : 'false'}><${Icon} name="pin" size="15" /><span>${t(backup.pinned ? 'backup.unpin' : 'backup.pin')}</span></button>
                <${Menu} label=${t('backup.more')} class="small secondary" items=${[
                    { label: t('backup.verify'), icon: 'checkcircle', cli: command('backups', 'verify', shortName(name)), run: () => verify(backup) },
                    { label: t('backup.repair'), icon: 'wrench', cli: command('backups', 'repair', shortName(name)), run: () => repair(backup) },
                    { label: t(backup.pinned ? 'backup.unpin' : 'backup.pin'), icon: 'pin', cli: command('backups', backup.pinned ? 'unpin' : 'pin', shortName(name)), run: () => pin(backup, !backup.pinned).then(load) },
                    { label: t('backup.delete'), icon: 'trash', danger: true, cli: command('backups', 'delete', shortName(name)), run: async () => (await deleteBackup(backup)) && close() },
                ]} />
            </div>
            <${Tabs} tab=${tab} choose=${setTab} />
            <div class="tab-panel" role="tabpanel" id="backup-panel" aria-labelledby=${`tab-${tab}`}>
                ${tab === 'files' && html`<${BackupFiles} backup=${backup} />`}
                ${tab === 'copies' && html`<${Copies} backup=${backup} />`}
                ${tab === 'manifest' && html`<${Manifest} backup=${backup} load=${load} />`}
                ${tab === 'log' && html`<${Log} backup=${backup} />`}
            </div>`}
    <//>`;
}

function Tabs({ tab, choose }) {
    const ref = useRef(null);
    const keys = (event) => {
        const at = tabs.indexOf(tab);
        const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
        if (to === undefined) return;
        event.preventDefault();
        const next = tabs[(to + tabs.length) % tabs.length];
        choose(next);
        ref.current.querySelector(`#tab-${next}`).focus();
    };
    return html`<div class="tabs" role="tablist" ref=${ref} onKeyDown=${keys}>
        ${tabs.map((one) => html`<button type="button" role="tab" id=${`tab-${one}`} aria-selected=${one === tab ? 'true' : 'false'} aria-controls="backup-panel" tabindex=${one === tab ? 0 : -1} onClick=${() => choose(one)}>${t(`tab.${one}`)}</button>`)}
    </div>`;
}

function Copies({ backup }) {
    const download = (provider) => `${apiBase}${query(`/backups/${segment(backup.name)}/download`, { from: provider })}`;
    return html`<ul class="copies-list">
        ${backup.replicas.map((copy) => html`<li>
            <div class="copy-line"><strong>${copy.provider}</strong><${State} state=${copy.state} small /></div>
            <p class="muted">${copy.verified_at ? html`<span title=${fullTime(copy.verified_at)}>${t('copies.verified_at', { time: ago(copy.verified_at) })}</span>` : t('copies.not_verified')}${copy.error ? html`<br />${typeof copy.error === 'string' ? copy.error : copy.error.message}` : ''}</p>
            <div class="copy-actions">
                ${copy.state === 'verified' && html`<a class="button small secondary" role="button" href=${download(copy.provider)} download>${t('copies.download_here')}</a>`}
                ${needsRepair(copy) && html`<button type="button" class="small" onClick=${() => repair(backup)}>${t('backup.repair')}</button>`}
            </div>
        </li>`)}
    </ul>
    <div class="row-actions"><button type="button" class="small secondary" onClick=${() => verify(backup)}>${t('backup.verify')}</button>
        <button type="button" class="small secondary" onClick=${() => repair(backup)}>${t('backup.repair')}</button></div>
    <${Cli} command=${command('backups', 'show', shortName(backup.name))} />`;
}

function Manifest({ backup, load }) {
    const [label, setLabel] = useState(backup.label || '');
    const { run } = backup;
    const fact = (key, value) => (value || value === 0) && html`<dt>${t(`manifest.${key}`)}</dt><dd>${value}</dd>`;
    return html`<dl class="facts wide-facts">
        ${fact('name', html`<code>${backup.name}</code>`)}
        ${fact('made', fullTime(backup.time))}
        ${fact('size', `${bytes(backup.size)} (${t('manifest.bytes', { n: backup.size })})`)}
        ${fact('before', backup.bytes_in && `${bytes(backup.bytes_in)} (${t('manifest.ratio', { percent: number((100 * backup.size) / backup.bytes_in) })})`)}
        ${fact('members', backup.members && number(backup.members))}
        ${fact('encrypted', t(backup.encrypted ? 'yes_aes' : 'no'))}
        ${fact('sha256', html`<code class="breakable">${backup.sha256}</code>`)}
        ${fact('took', run?.took_ms && `${clock(run.took_ms)}${run.rate ? ` · ${rate(run.rate)}` : ''}`)}
        ${fact('kept', backup.pinned ? t('manifest.pinned') : (backup.kept_because || []).join(' · '))}
        ${fact('goes', backup.fate === 'remove' ? (backup.removed_because || []).join(' · ') : '')}
        ${backup.ours === false && fact('foreign', t('manifest.foreign_text'))}
    </dl>
    <form class="inline-form" onSubmit=${(event) => (event.preventDefault(), pin(backup, backup.pinned, label).then(load))}>
        <${Field} label=${t('manifest.label')} help=${t('manifest.label_help')} maxlength="80" value=${label} onInput=${(event) => setLabel(event.target.value)} />
        <button type="submit" class="small secondary">${t('save')}</button>
    </form>`;
}

function Log({ backup }) {
    const [list, setList] = useState(null);
    const [error, setError] = useState(null);
    useEffect(() => {
        get(query('/activity', { path: backup.name, limit: 100 })).then((found) => setList([...found.events].reverse()), setError);
    }, [changed.value]);
    return html`
        ${backup.run && html`<${RunResult} run=${backup.run} brief />`}
        <${ErrorBox} error=${error} />
        ${!list && !error && html`<${Skeleton} />`}
        ${list?.length === 0 && html`<p class="muted">${t('activity.none')}</p>`}
        ${list?.length > 0 && html`<ol class="events">${list.map((event) => html`<${EventRow} key=${event.seq} event=${event} brief />`)}</ol>`}
        <${Cli} command=${command('log', '--path', backup.name)} />`;
}
