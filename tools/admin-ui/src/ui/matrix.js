// Which copy of which backup is in which state: a grid that is walked with the arrow keys. Only the rows in sight exist, so
// that ten thousand backups cost no more than ten.
import { classes, html, useEffect, useLayoutEffect, useRef, useState } from '../lib/ui.js';
import { bytes, dateTime, fullTime, shortAge, t } from '../lib/i18n.js';
import { activeProviders } from '../lib/store.js';
import { narrow } from '../lib/theme.js';
import { repair } from '../actions.js';
import { Icon } from './icons.js';
import { State, stateWord, tone } from './state.js';

const rowHeight = () => (narrow.value ? 64 : 48);
const spare = 8; // rows beyond what is seen

export const needsRepair = (copy) => ['missing', 'damaged', 'failed'].includes(copy?.state);

// In one place for all: the state of the whole backup, from its worst copy.
export function summaryOf(backup) {
    const bad = backup.replicas.find(needsRepair);
    if (bad) return { state: bad.state, text: `${bad.provider}: ${stateWord(bad.state)}` };
    const { verified, wanted } = backup.copies;
    if (verified >= wanted) return { state: 'verified', text: t('copies.all_verified', { n: wanted }) };
    const open = backup.replicas.find((copy) => copy.state !== 'verified');
    return { state: open?.state || 'queued', text: t('copies.some_verified', { verified, wanted }) };
}

function CopyCell({ backup, copy }) {
    if (!copy) return html`<span class="muted">–</span>`;
    if (copy.state === 'verified') return html`<span class="copy-cell" title=${copy.verified_at && t('copies.verified_at', { time: fullTime(copy.verified_at) })}><${State} state="verified" small>
        ${copy.verified_at ? shortAge(copy.verified_at) : stateWord('verified')}<span class="visually-hidden"> ${stateWord('verified')}</span><//></span>`;
    return html`<span class="copy-cell"><${State} state=${copy.state} small />
        ${needsRepair(copy) && html`<button type="button" class="fix" tabindex="-1" title=${t('backup.repair_one', { provider: copy.provider })} onClick=${(event) => (event.stopPropagation(), repair(backup))}>${t('copies.fix')}</button>`}</span>`;
}

function TimeCell({ backup, isNewest }) {
    return html`<span class="time-cell" title=${fullTime(backup.time)}>
        <span class="when">${dateTime(backup.time)}</span>
        ${isNewest && html`<span class="tag tag-new">${t('copies.latest')}</span>`}
        ${backup.pinned && html`<span class="tag" title=${backup.label}><${Icon} name="pin" size="12" />${t('copies.pinned')}</span>`}
        ${!backup.pinned && backup.label && backup.label !== 'scheduled' && html`<span class="tag">${backup.label}</span>`}
    </span>`;
}

// [{key, head, cell(backup, index), act(backup)}]
function columnsFor(providers, onOpen) {
    const time = { key: 'time', head: t('copies.backup'), cell: (backup, index) => html`<${TimeCell} backup=${backup} isNewest=${index === 0} />`, act: onOpen };
    if (narrow.value) {
        return [
            { ...time, cell: (backup, index) => html`<span class="stack"><${TimeCell} backup=${backup} isNewest=${index === 0} /><span class="muted">${bytes(backup.size)}</span></span>` },
            { key: 'copies', head: t('copies.copies'), class: 'compact', act: onOpen, cell: (backup) => {
                const { state, text } = summaryOf(backup);
                return html`<${State} state=${state} small>${text}<//>`;
            } },
        ];
    }
    return [
        time,
        { key: 'size', head: t('copies.size'), class: 'number', cell: (backup) => bytes(backup.size), act: onOpen },
        ...providers.map(({ name }) => {
            const copyOf = (backup) => backup.replicas.find((copy) => copy.provider === name);
            return { key: `at-${name}`, head: name, cell: (backup) => html`<${CopyCell} backup=${backup} copy=${copyOf(backup)} />`, act: (backup) => (needsRepair(copyOf(backup)) ? repair(backup) : onOpen(backup)) };
        }),
        { key: 'kept', head: t('copies.kept'), class: 'kept', act: onOpen, cell: (backup) => {
            const why = backup.pinned ? [] : backup.kept_because || [];
            const text = why[0] || (backup.fate === 'remove' ? t('copies.goes') : '');
            return html`<span class="muted" title=${why.join('; ')}>${text}</span>`;
        } },
    ];
}

const template = (count) => (narrow.value ? 'minmax(0, 1fr) minmax(0, 1.1fr)' : `minmax(12.5rem, 1.5fr) 6.25rem repeat(${count}, minmax(7.5rem, 1fr)) minmax(8rem, 1.2fr)`);

// rowAt(index): a backup, or undefined while it is fetched; need(first, last) is told what is in sight.
export function Matrix({ label, total, rowAt, need, onOpen, virtual }) {
    const box = useRef(null);
    const [inSight, setSeen] = useState({ first: 0, last: 20 });
    const seen = virtual ? inSight : { first: 0, last: total - 1 };
    const [at, setAt] = useState({ row: 0, column: 0 });
    const wantsFocus = useRef(false);
    const columns = columnsFor(activeProviders.value, onOpen);
    const height = rowHeight();

    const look = () => {
        if (!virtual || !box.current) return;
        const first = Math.max(0, Math.floor(box.current.scrollTop / height) - spare);
        const last = Math.min(total - 1, Math.ceil((box.current.scrollTop + box.current.clientHeight) / height) + spare);
        if (first !== seen.first || last !== seen.last) setSeen({ first, last });
        need?.(first, last);
    };
    useEffect(look, [total, height]);
    useLayoutEffect(() => {
        if (!wantsFocus.current) return;
        wantsFocus.current = false;
        const cell = box.current.querySelector('[tabindex="0"][data-cell]');
        cell?.focus({ preventScroll: Boolean(virtual) });
    });

    const moveTo = (row, column) => {
        const next = { row: Math.max(0, Math.min(total - 1, row)), column: Math.max(0, Math.min(columns.length - 1, column)) };
        wantsFocus.current = true;
        setAt(next);
        if (!virtual) return;
        const area = box.current;
        const head = 40; // the row of headings lies over the first row
        const top = next.row * height;
        if (top < area.scrollTop) area.scrollTop = top;
        else if (top + height + head > area.scrollTop + area.clientHeight) area.scrollTop = top + height + head - area.clientHeight;
        look();
    };
    const keys = (event) => {
        const page = virtual ? Math.max(1, Math.floor(box.current.clientHeight / height) - 1) : 5;
        const { row, column } = at;
        const to = {
            ArrowDown: [row + 1, column], ArrowUp: [row - 1, column], ArrowRight: [row, column + 1], ArrowLeft: [row, column - 1],
            PageDown: [row + page, column], PageUp: [row - page, column],
            Home: event.ctrlKey ? [0, 0] : [row, 0], End: event.ctrlKey ? [total - 1, columns.length - 1] : [row, columns.length - 1],
        }[event.key];
        if (to) moveTo(...to);
        else if ((event.key === 'Enter' || event.key === ' ') && event.target.dataset.cell && rowAt(row)) columns[column].act(rowAt(row));
        else return;
        event.preventDefault();
    };

    const wanted = [];
    for (let index = seen.first; index <= Math.min(seen.last, total - 1); ++index) wanted.push(index);
    const focusRow = Math.min(at.row, total - 1);
    if (focusRow >= 0 && !wanted.includes(focusRow)) wanted.push(focusRow);
    const places = activeProviders.value.length;
    const style = { gridTemplateColumns: template(places), minWidth: narrow.value ? undefined : `${27 + 7.5 * places}rem` };
    return html`<div class=${classes('matrix', virtual && 'virtual')} ref=${box} role="grid" aria-label=${label} aria-rowcount=${total + 1} aria-colcount=${columns.length}
        onKeyDown=${keys} onScroll=${virtual ? look : undefined}>
        <div role="row" aria-rowindex="1" class="matrix-row matrix-head" style=${style}>
            ${columns.map((column) => html`<div role="columnheader" key=${column.key} class=${column.class}>${column.head}</div>`)}
        </div>
        <div role="rowgroup" class="matrix-body" style=${virtual ? { height: `${total * height}px` } : undefined}>
            ${wanted.map((index) => {
                const backup = rowAt(index);
                const place = virtual ? { ...style, height: `${height}px`, transform: `translateY(${index * height}px)` } : { ...style, minHeight: `${height}px` };
                // By its place: the row stays, and with it the focus, when what was asked for arrives.
                return html`<div role="row" key=${virtual ? index : backup?.name || index} aria-rowindex=${index + 2} class=${classes('matrix-row', backup && `row-${tone(summaryOf(backup).state)}`)} style=${place}>
                    ${columns.map((column, number) => html`<div key=${column.key} role=${number === 0 ? 'rowheader' : 'gridcell'} class=${column.class} data-cell=${`${index}/${number}`}
                        tabindex=${index === focusRow && number === Math.min(at.column, columns.length - 1) ? 0 : -1}
                        onFocus=${() => (index !== at.row || number !== at.column) && setAt({ row: index, column: number })}
                        onClick=${() => backup && onOpen(backup)}>
                        ${backup ? column.cell(backup, index) : html`<span class="ghost"></span>`}</div>`)}
                </div>`;
            })}
        </div>
    </div>`;
}
