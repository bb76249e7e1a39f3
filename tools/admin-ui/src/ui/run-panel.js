// The run under way, or the one that has just ended: packing, sending to each place, verified.
import { html, useEffect, useRef } from '../lib/ui.js';
import { bytes, clock, number, rate, t } from '../lib/i18n.js';
import { activeProviders, current, finished, latest } from '../lib/store.js';
import { cancelRun } from '../actions.js';
import { go } from '../lib/router.js';
import { Icon } from './icons.js';
import { Meter, say } from './parts.js';
import { State } from './state.js';

// Screen readers hear a quarter, a half ... and no more.
function useQuarters(percent, name) {
    const said = useRef(0);
    useEffect(() => {
        const quarter = Math.floor(percent / 25) * 25;
        if (quarter > said.current) say(t('sync.quarter', { name, percent: quarter }), 'quiet');
        said.current = quarter;
    }, [Math.floor(percent / 25)]);
}

function Lane({ provider, transfer, copy }) {
    const state = copy?.state === 'verified' ? 'verified' : transfer ? 'uploading' : copy?.state || 'queued';
    const total = transfer?.total || 0;
    const percent = state === 'verified' ? 100 : total > 0 ? (100 * transfer.bytes) / total : 0;
    useQuarters(percent, provider.name);
    return html`<li class="lane">
        <span class="lane-name">${provider.name}</span>
        <${Meter} value=${percent} total="100" tone=${state === 'verified' ? 'good' : provider.state === 'active' ? 'busy' : 'quiet'} label=${t('transfer.label', { name: provider.name })} />
        <span class="lane-percent">${number(Math.floor(percent))} %</span>
        <span class="lane-words">${state === 'verified'
            ? html`<${State} state="verified" small />`
            : transfer?.verifying
              ? html`<${State} state="stored" small>${t('transfer.verifying')}<//>`
              : transfer
                ? html`<span>${bytes(transfer.bytes)}${transfer.rate > 0 ? ` · ${rate(transfer.rate)}` : ''}${transfer.eta_ms ? ` · ${t('transfer.left', { time: clock(transfer.eta_ms) })}` : ''}${transfer.attempt > 1 ? ` · ${t('transfer.attempt', { n: transfer.attempt })}` : ''}</span>`
                : html`<${State} state=${provider.state === 'active' ? state : provider.state} kind=${provider.state === 'active' ? 'state' : 'provider_state'} small />`}</span>
    </li>`;
}

function Running({ run }) {
    const sending = run.phase === 'sending';
    const backup = run.package && latest.value?.find((one) => one.name === run.package);
    const verified = backup?.copies.verified || 0;
    return html`<section class="card run" aria-label=${t('run.title')}>
        <header class="run-head">
            <h2>${t(sending ? 'run.sending' : 'run.packing')}</h2>
            <ol class="phases">
                <li class=${sending ? 'past' : 'now'}>${t('run.phase_pack')}</li>
                <li class=${sending ? 'now' : ''}>${t('run.phase_send')}</li>
                <li class="">${t('run.phase_verified')}</li>
            </ol>
            <button type="button" class="small secondary" onClick=${() => cancelRun(run.run)}><${Icon} name="stop" size="15" /><span>${t('sync.cancel')}</span></button>
        </header>
        ${run.package && html`<p class="muted"><code>${run.package}</code> ${run.size ? bytes(run.size) : ''}</p>`}
        ${!sending && html`<div class="packing"><${Meter} value=${run.bytes || 0} total=${run.total || 0} label=${t('run.packing')} />
            <p class="muted">${run.total ? t('run.packed_of', { bytes: bytes(run.bytes || 0), total: bytes(run.total), members: run.members || 0 }) : t('run.starting')}</p></div>`}
        ${sending && html`<ul class="lanes">${activeProviders.value.map((provider) => html`<${Lane} key=${provider.name} provider=${provider}
            transfer=${(run.transfers || []).find((transfer) => transfer.provider === provider.name)} copy=${backup?.replicas.find((copy) => copy.provider === provider.name)} />`)}</ul>
            <p class="muted" role="status">${t('run.safe_so_far', { verified, n: activeProviders.value.length })}</p>`}
    </section>`;
}

function Ended({ run }) {
    return html`<section class="card run" aria-label=${t('run.title')}>
        <header class="run-head"><h2><${State} state=${run.state} kind="run" /></h2>
            <span class="muted">${[run.package, run.bytes_out ? bytes(run.bytes_out) : '', run.took_ms ? clock(run.took_ms) : ''].filter(Boolean).join(' · ')}</span>
            <div class="push">
                <button type="button" class="small secondary" onClick=${() => go('activity', run.run)}>${t('run.details')}</button>
                <button type="button" class="small plain icon-only" aria-label=${t('close')} onClick=${() => (finished.value = null)}><${Icon} name="close" size="16" /></button>
            </div></header>
        <p>${t(`run.${run.state}_text`, { verified: run.verified || 0, n: run.wanted || 0 })}</p>
        ${run.error && html`<p class="tone-bad-text">${run.error}</p>`}
    </section>`;
}

export function RunPanel() {
    if (current.value) return html`<${Running} run=${current.value} />`;
    return finished.value && html`<${Ended} run=${finished.value} />`;
}
