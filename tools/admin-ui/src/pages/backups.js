// All backups: the timeline, the grid, and one of them in detail beside it.
import { html, useEffect, useState } from '../lib/ui.js';
import { command } from '../lib/cli.js';
import { t } from '../lib/i18n.js';
import { go, replace, route } from '../lib/router.js';
import { activeProviders, backupTotal, changed, current, runs } from '../lib/store.js';
import { BackupList } from '../lib/backup-list.js';
import { syncNow } from '../actions.js';
import { closeAllDialogs, openDialog, useSignalOnce } from '../ui/dialog.js';
import { Icon } from '../ui/icons.js';
import { Matrix } from '../ui/matrix.js';
import { Button, Cli, ErrorBox, Skeleton } from '../ui/parts.js';
import { RunPanel } from '../ui/run-panel.js';
import { Timeline } from '../ui/timeline.js';
import { BackupDrawer } from './backup-drawer.js';

const periods = { '7d': 7, '30d': 30, '365d': 365 };
const states = ['verified', 'queued', 'uploading', 'stored', 'missing', 'damaged', 'failed'];

// "provider=nas" of the address.
const filterOf = (part) => Object.fromEntries(new URLSearchParams(part));

export function Backups() {
    const { detail, part } = route.value;
    const [filter, setFilter] = useState(() => filterOf(detail ? '' : part));
    const holder = useSignalOnce(null);
    if (!holder.value) holder.value = new BackupList();
    const list = holder.value;

    useEffect(() => {
        if (!detail && part) setFilter(filterOf(part));
    }, [part]);
    const asked = { provider: filter.provider, state: filter.state, q: filter.q, since: filter.period && new Date(Date.now() - periods[filter.period] * 86_400_000).toISOString().replace(/\.\d+Z/, 'Z') };
    useEffect(() => {
        list.load(asked, false);
    }, [filter.provider, filter.state, filter.period, filter.q]);
    useEffect(() => {
        if (list.total.value !== null) list.load(asked, true);
    }, [changed.value]);

    // The address says which one is open, so that it can be kept and walked back from.
    useEffect(() => {
        if (!detail || detail === '') return undefined;
        let here = true;
        openDialog(({ close }) => html`<${BackupDrawer} name=${detail} close=${close} />`).then(() => here && route.value.page === 'backups' && go('backups'));
        return () => {
            here = false;
            closeAllDialogs();
        };
    }, [detail]);

    const set = (key, value) => {
        setFilter({ ...filter, [key]: value });
        if (part) replace('backups');
    };
    const total = list.total.value;
    const filtered = Boolean(filter.provider || filter.state || filter.period || filter.q);
    const select = (key, label, options) => html`<label class="filter"><span>${label}</span><select value=${filter[key] || ''} onChange=${(event) => set(key, event.target.value)}>
        <option value="">${t('filter.all')}</option>${options.map(([value, text]) => html`<option value=${value}>${text}</option>`)}</select></label>`;
    return html`
        <div class="page-head"><div><h1 tabindex="-1">${t('nav.backups')}</h1><p class="muted">${t('backups.about')}</p></div>
            <div class="page-actions"><${Button} icon="refresh" busy=${Boolean(current.value)} disabled=${activeProviders.value.length === 0} onClick=${syncNow}>${t('sync.now')}<//><${Cli} command=${command('sync')} /></div></div>
        ${current.value && html`<${RunPanel} />`}
        ${(runs.value || []).length > 0 && html`<section class="card" aria-label=${t('timeline.title')}><${Timeline} runs=${runs.value} days="60" /></section>`}
        <div class="filters" role="search" aria-label=${t('filter.title')}>
            <label class="search"><span class="visually-hidden">${t('filter.search')}</span><${Icon} name="search" size="16" />
                <input type="search" placeholder=${t('filter.search')} value=${filter.q || ''} onInput=${(event) => set('q', event.target.value.trim())} /></label>
            ${select('provider', t('filter.provider'), activeProviders.value.map(({ name }) => [name, name]))}
            ${select('state', t('filter.state'), states.map((state) => [state, t(`state.${state}`)]))}
            ${select('period', t('filter.period'), Object.keys(periods).map((period) => [period, t(`filter.${period}`)]))}
            ${filtered && html`<button type="button" class="plain small" onClick=${() => (setFilter({}), part && replace('backups'))}>${t('filter.reset')}</button>`}
            <span class="muted push" role="status">${total === null ? '' : t('filter.count', { n: total })}</span>
        </div>
        <${ErrorBox} error=${list.error.value} />
        ${total === null && !list.error.value && html`<div class="card"><${Skeleton} lines="6" /></div>`}
        ${total === 0 && html`<div class="card empty"><p>${t(filtered && backupTotal.value > 0 ? 'filter.nothing' : 'backups.none')}</p></div>`}
        ${total > 0 && html`<div class="card flush"><${Matrix} virtual label=${t('backups.grid')} total=${total} rowAt=${(index) => list.rows.value.get(index)}
            need=${(first, last) => list.need(first, last)} onOpen=${(backup) => go('backups', backup.name)} /></div>
            <${Cli} command=${command('backups', 'list', ...(filter.provider ? ['--provider', filter.provider] : []), ...(filter.state ? ['--state', filter.state] : []), ...(filter.period ? ['--since', filter.period] : []))} />`}`;
}
