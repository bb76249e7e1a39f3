// What happened: the log as it grows, and the runs.
import { html, useEffect, useState } from '../lib/ui.js';
import { apiBase, query } from '../lib/api.js';
import { command } from '../lib/cli.js';
import { bytes, clock, dateTime, fullTime, t, wording } from '../lib/i18n.js';
import { go, route } from '../lib/router.js';
import { connection } from '../lib/live.js';
import { events, moreEvents, providers, runs } from '../lib/store.js';
import { closeAllDialogs, openDialog } from '../ui/dialog.js';
import { EventRow } from '../ui/event-row.js';
import { Icon } from '../ui/icons.js';
import { Button, Cli, ErrorBox, Skeleton } from '../ui/parts.js';
import { State } from '../ui/state.js';
import { RunDialog, kindOf } from './run-detail.js';

const shownMax = 1000;
const levels = ['info', 'warning', 'error'];

const matches = (event, { provider, level, text }) =>
    (!provider || event.provider === provider || (event.providers || []).includes(provider)) &&
    (!level || levels.indexOf(event.level) >= levels.indexOf(level)) &&
    (!text || `${wording(event)} ${event.path || ''} ${event.code || ''} ${event.provider || ''}`.toLowerCase().includes(text.toLowerCase()));

export function Activity() {
    const { detail } = route.value;
    const [filter, setFilter] = useState({ provider: '', level: '', text: '' });
    const [older, setOlder] = useState([]);
    const [before, setBefore] = useState(undefined); // where older ones begin; null: there are none
    const [paused, setPaused] = useState(null); // the newest event when it was paused
    const [error, setError] = useState(null);
    const [busy, setBusy] = useState(false);
    const set = (key, value) => setFilter({ ...filter, [key]: value });
    const asked = { provider: filter.provider, level: filter.level };

    useEffect(() => {
        setOlder([]);
        setBefore(undefined);
        moreEvents(asked).then((page) => {
            setOlder(page.list);
            setBefore(page.older);
        }, setError);
    }, [filter.provider, filter.level]);
    useEffect(() => {
        if (!detail) return undefined;
        let here = true;
        openDialog(({ close }) => html`<${RunDialog} name=${detail} close=${close} />`).then(() => here && go('activity'));
        return () => {
            here = false;
            closeAllDialogs();
        };
    }, [detail]);

    const seen = new Set();
    const all = [...(events.value || []), ...older].filter((event) => !seen.has(event.seq) && seen.add(event.seq)).sort((a, b) => b.seq - a.seq);
    const fresh = paused === null ? 0 : all.filter((event) => event.seq > paused && matches(event, filter)).length;
    const shown = all.filter((event) => matches(event, filter) && (paused === null || event.seq <= paused)).slice(0, shownMax);
    const more = async () => {
        setBusy(true);
        try {
            const page = await moreEvents(asked, before);
            setOlder([...older, ...page.list]);
            setBefore(page.older);
        } catch (failure) {
            setError(failure);
        }
        setBusy(false);
    };
    return html`
        <div class="page-head"><div><h1 tabindex="-1">${t('nav.activity')}</h1><p class="muted">${t('activity.about')}</p></div>
            <div class="page-actions"><${Cli} command=${command('log', '-f')} /></div></div>
        <section aria-labelledby="runs-title"><h2 id="runs-title">${t('activity.runs')}</h2><div class="card flush"><${Runs} /></div></section>
        <section aria-labelledby="log-title">
            <div class="section-head"><h2 id="log-title">${t('activity.log')}</h2>
                ${connection.value === 'live' && paused === null && html`<span class="live-sign"><span class="dot"></span>${t('activity.live')}</span>`}</div>
            <div class="filters" role="search" aria-label=${t('filter.title')}>
                <label class="search"><span class="visually-hidden">${t('activity.search')}</span><${Icon} name="search" size="16" /><input type="search" placeholder=${t('activity.search')} value=${filter.text} onInput=${(event) => set('text', event.target.value)} /></label>
                <label class="filter"><span>${t('filter.provider')}</span><select value=${filter.provider} onChange=${(event) => set('provider', event.target.value)}><option value="">${t('filter.all')}</option>${providers.value.map(({ name }) => html`<option value=${name}>${name}</option>`)}</select></label>
                <label class="filter"><span>${t('filter.level')}</span><select value=${filter.level} onChange=${(event) => set('level', event.target.value)}><option value="">${t('filter.all')}</option><option value="warning">${t('level.warning_up')}</option><option value="error">${t('level.error')}</option></select></label>
                <div class="push row-actions"><button type="button" class="small secondary" aria-pressed=${paused !== null} onClick=${() => setPaused(paused === null ? (all[0]?.seq ?? 0) : null)}><${Icon} name=${paused === null ? 'pause' : 'play'} size="15" /><span>${paused === null ? t('activity.pause') : t('activity.resume', { n: fresh })}</span></button>
                    <a class="button small secondary" role="button" href=${`${apiBase}${query('/activity', { limit: 1000, ...asked })}`} download="oracxfs-activity.json"><${Icon} name="download" size="15" /><span>${t('activity.download')}</span></a></div>
            </div>
            <${ErrorBox} error=${error} />
            <div class="card flush">
                ${all.length === 0 && !error && before === undefined && html`<${Skeleton} lines="6" />`}
                ${shown.length === 0 && (before !== undefined || all.length > 0) && html`<p class="muted empty">${t('activity.none')}</p>`}
                <ol class="events" aria-label=${t('activity.log')}>${shown.map((event) => html`<${EventRow} key=${event.seq} event=${event} />`)}</ol>
            </div>
            ${typeof before === 'number' && html`<p class="row-actions"><${Button} class="secondary small" busy=${busy} onClick=${more}>${t('activity.older')}<//></p>`}
        </section>`;
}

function Runs() {
    const [count, setCount] = useState(6);
    const list = runs.value;
    if (!list) return html`<${Skeleton} />`;
    if (list.length === 0) return html`<p class="muted empty">${t('activity.no_runs')}</p>`;
    return html`<table class="runs"><thead><tr><th scope="col">${t('run_fact.started')}</th><th scope="col">${t('run_fact.result')}</th><th scope="col" class="copies-column">${t('copies.copies')}</th><th scope="col" class="number">${t('copies.size')}</th><th scope="col" class="number took">${t('run_fact.took')}</th><th scope="col"><span class="visually-hidden">${t('run.details')}</span></th></tr></thead>
        <tbody>${list.slice(0, count).map((run) => html`<tr key=${run.run}>
            <td title=${fullTime(run.started)}>${dateTime(run.started)}${run.kind === 'backup' ? '' : html` <span class="tag">${kindOf(run)}</span>`}</td>
            <td><${State} state=${run.state} kind="run" small /></td>
            <td class="copies-column">${run.wanted ? t('fact.copies_of', { verified: run.verified, wanted: run.wanted }) : '–'}</td>
            <td class="number">${run.bytes_out ? bytes(run.bytes_out) : '–'}</td><td class="number took">${run.took_ms === undefined ? '–' : clock(run.took_ms)}</td>
            <td class="number"><button type="button" class="link" onClick=${() => go('activity', run.run)}>${t('run.details')}<span class="visually-hidden"> ${run.run}</span></button></td></tr>`)}</tbody></table>
        ${list.length > count && html`<p class="row-actions table-foot"><button type="button" class="small plain" onClick=${() => setCount(count + 20)}>${t('activity.more_runs')}</button></p>`}`;
}
