// One mark for each run, as high as its package is large; what is missing between them is shown as missing.
import { html, useLayoutEffect, useRef, useState } from '../lib/ui.js';
import { bytes, dateTime, day, span, t } from '../lib/i18n.js';
import { go } from '../lib/router.js';
import { status } from '../lib/store.js';
import { State, stateWord } from './state.js';

const dayMs = 86_400_000;
const height = 168;
const base = 144; // where the bars stand
const highest = 116;

function useWidth(ref) {
    const [width, setWidth] = useState(600);
    useLayoutEffect(() => {
        const watch = new ResizeObserver(([entry]) => setWidth(Math.max(240, entry.contentRect.width)));
        watch.observe(ref.current);
        return () => watch.disconnect();
    }, []);
    return width;
}

const usual = (times) => {
    const gaps = times.slice(1).map((time, index) => time - times[index]).sort((a, b) => a - b);
    return gaps[Math.floor(gaps.length / 2)] || dayMs / 2;
};

export function Timeline({ runs, days = 30 }) {
    const ref = useRef(null);
    const width = useWidth(ref);
    const now = Date.now();
    const shown = runs.filter((run) => run.kind === 'backup' && now - Date.parse(run.started) < days * dayMs).reverse();
    const times = shown.map((run) => Date.parse(run.started));
    const first = Math.min(times[0] ?? now - dayMs, now - dayMs);
    const next = (status.value?.auto_sync?.enabled && status.value.auto_sync.next?.[0] && Date.parse(status.value.auto_sync.next[0])) || null;
    const end = Math.max(now, next || 0);
    const xOf = (time) => 8 + ((time - first) / (end - first)) * (width - 16);
    const largest = Math.max(1, ...shown.map((run) => run.bytes_out || 0));
    const pause = status.value?.auto_sync?.enabled ? status.value.auto_sync.every_ms : usual(times);
    const gaps = [...times, now].map((time, index) => [times[index - 1], time]).filter(([from, to]) => from && to - from > 2.2 * pause);
    const bar = Math.max(2, Math.min(9, (width / Math.max(10, shown.length)) * 0.55));
    const count = (state) => shown.filter((run) => run.state === state).length;
    const words = t('timeline.summary', { n: shown.length, good: count('succeeded') + count('unchanged'), partial: count('partial'), failed: count('failed') + count('interrupted'), gaps: gaps.length });
    const ticks = [];
    const step = Math.max(1, Math.ceil((end - first) / dayMs / Math.max(2, Math.floor(width / 90))));
    for (let time = new Date(end).setHours(0, 0, 0, 0); time > first; time -= step * dayMs) ticks.push(time);

    return html`<div class="timeline" ref=${ref}>
        <svg width=${width} height=${height} role="img" aria-label=${words}>
            <line x1="0" x2=${width} y1=${base + 0.5} y2=${base + 0.5} class="axis" />
            ${ticks.map((time) => html`<g><line x1=${xOf(time)} x2=${xOf(time)} y1=${base} y2=${base + 4} class="axis" /><text x=${xOf(time)} y=${height - 6} text-anchor="middle">${day(new Date(time).toISOString())}</text></g>`)}
            ${gaps.map(([from, to]) => html`<g><title>${t('timeline.gap', { span: span(to - from) })}</title><rect x=${xOf(from) + bar} y="14" width=${Math.max(1, xOf(to) - xOf(from) - 2 * bar)} height=${base - 14} class="gap" />
                ${xOf(to) - xOf(from) > 70 && html`<text x=${(xOf(from) + xOf(to)) / 2} y="34" text-anchor="middle" class="gap-word">${t('timeline.gap_short', { span: span(to - from) })}</text>`}</g>`)}
            ${shown.map((run, index) => {
                const size = run.bytes_out ? Math.max(6, (run.bytes_out / largest) * highest) : 12;
                const x = xOf(times[index]);
                const open = () => go('activity', run.run);
                return html`<g key=${run.run} class=${`bar bar-${run.state}`} onClick=${open}><title>${`${dateTime(run.started)} · ${stateWord(run.state, 'run')}${run.bytes_out ? ` · ${bytes(run.bytes_out)}` : ''}`}</title>
                    <rect x=${x - Math.max(bar, 8) / 2} y="0" width=${Math.max(bar, 8)} height=${base} class="hit" />
                    <rect x=${x - bar / 2} y=${base - size} width=${bar} height=${size} rx=${Math.min(2.5, bar / 2)} class="fill" />
                    ${run.state === 'failed' && html`<path d=${`M${x - 4} ${base - size - 12}l8 8m0-8l-8 8`} class="cross" />`}
                    ${run.state === 'partial' && html`<path d=${`M${x} ${base - size - 12}l5 8h-10z`} class="warnmark" />`}
                </g>`;
            })}
            ${next && html`<g class="coming"><title>${t('timeline.next', { time: dateTime(new Date(next).toISOString()) })}</title><line x1=${xOf(next)} x2=${xOf(next)} y1="18" y2=${base} /></g>`}
        </svg>
        <p class="legend"><${State} state="succeeded" kind="run" small /><${State} state="partial" kind="run" small /><${State} state="failed" kind="run" small />
            ${gaps.length > 0 && html`<span class="state small tone-quiet"><span class="gap-swatch"></span><span>${t('timeline.gap_word')}</span></span>`}
            ${next && html`<span class="state small tone-quiet"><span class="next-swatch"></span><span>${t('timeline.next_word')}</span></span>`}</p>
    </div>`;
}
