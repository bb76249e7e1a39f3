// Work on one backup that takes a while: check its copies, or put them right.
import { html, useEffect, useState } from '../lib/ui.js';
import { dateTime, t } from '../lib/i18n.js';
import { Dialog } from '../ui/dialog.js';
import { Icon } from '../ui/icons.js';
import { Cli, ErrorBox } from '../ui/parts.js';
import { State } from '../ui/state.js';

// What a row of a task says; the daemon's words where we have none of our own.
function Row({ row }) {
    const state = row.state || (row.ok === false ? 'failed' : 'done');
    const error = row.error && (typeof row.error === 'string' ? row.error : row.error.message);
    return html`<li>
        <strong>${row.provider || row.path || row.name}</strong>
        <${State} state=${state} small />
        ${error && html`<span class="muted">${error}</span>`}
    </li>`;
}

export function TaskDialog({ kind, backup, begin, command, close }) {
    const [task, setTask] = useState(null);
    const [error, setError] = useState(null);
    useEffect(() => {
        begin().then((ended) => {
            setTask(ended);
            if (ended.error) setError(ended.error);
        }, setError);
    }, []);
    const running = !task && !error;
    return html`<${Dialog} title=${t(`task.${kind}_title`, { time: dateTime(backup.time) })} subtitle=${t(`task.${kind}_about`)} close=${close}
        footer=${html`<button type="button" data-autofocus onClick=${() => close()}>${t(running ? 'task.background' : 'close')}</button>`}>
        <div aria-live="polite">
            ${running && html`<p class="state tone-busy"><${Icon} name="refresh" class="spin" /><span>${t('task.running')}</span></p>`}
            ${task && !error && html`<p class="state tone-good"><${Icon} name="checkcircle" /><strong>${t(`task.${kind}_done`)}</strong></p>`}
        </div>
        ${task?.rows?.length > 0 && html`<ul class="rows">${task.rows.map((row) => html`<${Row} row=${row} />`)}</ul>`}
        <${ErrorBox} error=${error} />
        <${Cli} command=${command} />
    <//>`;
}
