// Work on one backup that takes a while: check its copies, or put them right.
import { html, useEffect, useState } from '../lib/ui.js';
import { dateTime, t } from '../lib/i18n.js';
import { Dialog } from '../ui/dialog.js';
import { Icon } from '../ui/icons.js';
import { Cli, ErrorBox } from '../ui/parts.js';
import { State } from '../ui/state.js';

// A check says how each copy was found, a repair how each one is now.
const found = { good: 'verified', damaged: 'damaged', missing: 'missing', put_off: 'paused', gone: 'missing' };
const copiesOf = (result) => (result?.copies?.map ? result.copies : result?.replicas || []).map((copy) => ({ ...copy, state: found[copy.outcome] || copy.outcome || copy.state }));

function Copy({ copy }) {
    const error = copy.error && (typeof copy.error === 'string' ? copy.error : copy.error.message);
    return html`<li><strong>${copy.provider}</strong><${State} state=${copy.state} small>${copy.outcome === 'put_off' ? t('task.put_off') : undefined}<//>
        ${error && html`<span class="muted">${error}</span>`}</li>`;
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
            ${task && !error && (task.result?.code
                ? html`<p class="state tone-warn"><${Icon} name="alert" /><strong>${t(`task.${kind}_not_all`)}</strong></p>`
                : html`<p class="state tone-good"><${Icon} name="checkcircle" /><strong>${t(`task.${kind}_done`)}</strong></p>`)}
        </div>
        ${copiesOf(task?.result).length > 0 && html`<ul class="rows">${copiesOf(task.result).map((copy) => html`<${Copy} copy=${copy} />`)}</ul>`}
        <${ErrorBox} error=${error} />
        <${Cli} command=${command} />
    <//>`;
}
