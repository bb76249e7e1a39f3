// What a run did, provider by provider.
import { html, useEffect, useState } from '../lib/ui.js';
import { get, segment } from '../lib/api.js';
import { bytes, clock, dateTime, fullTime, has, number, rate, t } from '../lib/i18n.js';
import { href } from '../lib/router.js';
import { Dialog } from '../ui/dialog.js';
import { ErrorBox, Skeleton } from '../ui/parts.js';
import { State } from '../ui/state.js';
import { explain } from '../ui/verdict.js';

export function RunResult({ run, brief }) {
    const fact = (key, value) => (value || value === 0) && html`<dt>${t(`run_fact.${key}`)}</dt><dd>${value}</dd>`;
    return html`<div class="run-result">
        <p><${State} state=${run.state} kind="run" /> <span class="muted">${run.run} · <span title=${fullTime(run.started)}>${dateTime(run.started)}</span></span></p>
        ${run.error && html`<p class="tone-bad-text">${run.error} ${run.code && html`<button type="button" class="link" onClick=${() => explain(run.code)}>${run.code}</button>`}</p>`}
        <dl class="facts wide-facts">
            ${!brief && fact('package', run.package && html`<a href=${href('backups', run.package)}>${run.package}</a>`)}
            ${fact('took', run.took_ms !== undefined && `${clock(run.took_ms)}${run.rate ? ` · ${rate(run.rate)}` : ''}`)}
            ${fact('packed', run.bytes_out > 0 && t('run.packed_into', { from: bytes(run.bytes_in), to: bytes(run.bytes_out), members: number(run.members || 0) }))}
            ${fact('label', run.label)}
            ${fact('removed', run.removed?.length > 0 && run.removed.join(', '))}
        </dl>
        ${run.providers?.length > 0 && html`<ul class="rows">${run.providers.map((one) => html`<li><strong>${one.provider}</strong><${State} state=${one.state} small />
            ${one.attempts > 1 && html`<span class="muted">${t('transfer.attempt', { n: one.attempts })}</span>`}${one.error && html`<span class="tone-bad-text">${one.error}</span>`}</li>`)}</ul>`}
        ${(run.problems?.length || 0) > 0 && html`<details><summary>${t('run.problems', { n: run.problems.length })}</summary><ul class="rows">${run.problems.map((problem) => html`<li><code>${problem.path || problem.name || problem.what}</code><span class="muted">${problem.why || ''}</span></li>`)}</ul></details>`}
    </div>`;
}

export const kindOf = (run) => (has(`run_kind.${run.kind}`) ? t(`run_kind.${run.kind}`) : run.kind);

export function RunDialog({ name, close }) {
    const [run, setRun] = useState(null);
    const [error, setError] = useState(null);
    useEffect(() => {
        get(`/runs/${segment(name)}`).then(setRun, setError);
    }, [name]);
    return html`<${Dialog} kind="wide" title=${t('run.one', { name })} subtitle=${run && kindOf(run)} close=${close}
        footer=${html`<button type="button" data-autofocus onClick=${() => close()}>${t('close')}</button>`}>
        ${!run && !error && html`<${Skeleton} />`}
        ${run && html`<${RunResult} run=${run} />`}
        <${ErrorBox} error=${error} />
    <//>`;
}
