// Writes files of a backup to a folder of the machine where oracxfs runs; first it can be shown what would happen.
import { html, useState } from '../lib/ui.js';
import { post, segment } from '../lib/api.js';
import { command, shortName } from '../lib/cli.js';
import { bytes, dateTime, has, t } from '../lib/i18n.js';
import { taskDone } from '../lib/store.js';
import { Dialog } from '../ui/dialog.js';
import { PathField } from '../ui/folder-field.js';
import { Icon } from '../ui/icons.js';
import { Button, Choice, Cli, ErrorBox, Field, Notice, Summary } from '../ui/parts.js';

const rowsShown = 200;

export function RestoreDialog({ backup, paths, close }) {
    const [values, setValues] = useState({ to: '', from: '', overwrite: 'never', passphrase: '' });
    const [problems, setProblems] = useState({});
    const [work, setWork] = useState(null); // {doing, task, dry, error}
    const set = (key, value) => setValues((known) => ({ ...known, [key]: value }));

    const run = async (dry) => {
        const found = values.to.trim() ? {} : { 'restore-to': t('field.missing', { field: t('restore.to') }) };
        setProblems(found);
        if (Object.keys(found).length > 0) return;
        setWork({ doing: dry ? 'dry' : 'real' });
        try {
            const body = { to: values.to.trim(), overwrite: values.overwrite, verify: true, dry_run: dry };
            if (paths.length > 0) body.paths = paths;
            if (values.from) body.from = values.from;
            if (values.passphrase) body.passphrase = values.passphrase;
            const { task: id } = await post(`/backups/${segment(backup.name)}/restore`, body);
            const task = await taskDone(id);
            setWork({ task, dry, error: task.error });
        } catch (error) {
            setWork({ error });
        }
    };
    const busy = Boolean(work?.doing);
    const ended = work?.task && !work.error;
    const what = paths.length === 0 ? t('restore.everything') : t('restore.some', { n: paths.length });
    return html`<${Dialog} title=${t('restore.title', { time: dateTime(backup.time) })} subtitle=${what} close=${close} busy=${busy} onSubmit=${() => run(false)}
        footer=${html`<button type="button" class="secondary push" disabled=${busy} onClick=${() => close()}>${t(ended && !work.dry ? 'close' : 'cancel')}</button>
            <${Button} class="secondary" busy=${work?.doing === 'dry'} disabled=${busy} onClick=${() => run(true)}>${t('restore.dry')}<//>
            <${Button} type="submit" busy=${work?.doing === 'real'} disabled=${busy}>${t('restore.now')}<//>`}>
        <${Summary} problems=${problems} />
        ${paths.length > 0 && html`<ul class="chips">${paths.slice(0, 8).map((path) => html`<li><code>${path}</code></li>`)}${paths.length > 8 && html`<li>+ ${paths.length - 8}</li>`}</ul>`}
        <${PathField} id="restore-to" label=${t('restore.to')} help=${t('restore.to_help')} placeholder="/srv/restored" error=${problems['restore-to']} value=${values.to} choose=${(path) => set('to', path)} />
        <div class="fields">
            <div><${Field} label=${t('restore.from')}>${(input) => html`<select ...${input} value=${values.from} onChange=${(event) => set('from', event.target.value)}>
                <option value="">${t('restore.fastest')}</option>
                ${backup.replicas.filter((copy) => copy.state === 'verified').map((copy) => html`<option value=${copy.provider}>${copy.provider}</option>`)}
            </select>`}<//></div>
            ${backup.encrypted && html`<div><${Field} label=${t('field.passphrase')} help=${t('restore.passphrase_help')} optional type="password" autocomplete="off" value=${values.passphrase} onInput=${(event) => set('passphrase', event.target.value)} /></div>`}
        </div>
        <${Choice} legend=${t('restore.overwrite')} name="overwrite" value=${values.overwrite} onChange=${(value) => set('overwrite', value)}
            options=${['never', 'if-newer', 'always'].map((value) => ({ value, label: t(`restore.overwrite_${value}`) }))} />
        <div aria-live="polite">
            ${busy && html`<p class="state tone-busy"><${Icon} name="refresh" class="spin" /><span>${t('task.running')}</span></p>`}
            ${ended && (work.task.result?.problem_count > 0
                ? html`<${Notice} tone="warn" icon="alert"><p>${t('restore.problems', { n: work.task.result.problem_count })}</p>
                    <ul>${work.task.result.problems.slice(0, 20).map((problem) => html`<li><code>${problem.name || problem.path || ''}</code> ${problem.why || ''}</li>`)}</ul><//>`
                : html`<${Notice} tone=${work.dry ? 'quiet' : 'good'} icon=${work.dry ? 'eye' : 'checkcircle'}><p>${t(work.dry ? 'restore.dry_done' : 'restore.done', { to: values.to })}</p><//>`)}
        </div>
        ${ended && work.task.rows?.length > 0 && html`<ul class="rows scroll" tabindex="0" aria-label=${t('restore.rows')}>
            ${work.task.rows.slice(0, rowsShown).map((row) => html`<li><code>${row.path || row.name}</code><span class="muted">${[has(`restored.${row.what}`) ? t(`restored.${row.what}`) : row.what, row.size === undefined ? '' : bytes(row.size)].filter(Boolean).join(' · ')}</span></li>`)}
            ${work.task.rows.length > rowsShown && html`<li class="muted">+ ${work.task.rows.length - rowsShown}</li>`}
        </ul>`}
        <${ErrorBox} error=${work?.error} />
        <${Cli} command=${command('backups', 'restore', shortName(backup.name), ...paths, '--to', values.to || 'DIR', ...(values.from ? ['--from', values.from] : []), ...(values.overwrite === 'never' ? [] : ['--overwrite', values.overwrite]))} />
    <//>`;
}
