// Which backups stay; what would go is shown before it goes, and only that goes.
import { html, useEffect, useState } from '../../lib/ui.js';
import { get, post, put } from '../../lib/api.js';
import { command } from '../../lib/cli.js';
import { bytes, dateTime, t } from '../../lib/i18n.js';
import { changed, refresh } from '../../lib/store.js';
import { Dialog, openDialog } from '../../ui/dialog.js';
import { Button, Check, Cli, ErrorBox, Field, Notice, Skeleton, say } from '../../ui/parts.js';

const rules = ['keep_last', 'hourly', 'daily', 'weekly', 'monthly', 'yearly'];
const guards = ['min_verified_copies', 'trash_days', 'max_delete_percent'];
const shownMax = 50;

const numbersOf = (values) => Object.fromEntries(Object.entries(values).map(([key, text]) => [key, Number(text)]));
const isNumber = (text) => /^\d+$/.test(String(text));

export function RetentionForm() {
    const [values, setValues] = useState(null);
    const [plan, setPlan] = useState(null);
    const [error, setError] = useState(null);
    const [busy, setBusy] = useState('');
    useEffect(() => {
        get('/retention').then(setValues, setError);
    }, []);
    const valid = values && [...rules, ...guards].every((key) => isNumber(values[key]));
    useEffect(() => {
        if (!valid) return undefined;
        let asked = true;  // an answer to what was typed before must not take the place of the newer one
        const timer = setTimeout(() => post('/retention/preview', numbersOf(values)).then((answer) => asked && (setPlan(answer), setError(null)), (failure) => asked && setError(failure)), 250);
        return () => {
            asked = false;
            clearTimeout(timer);
        };
    }, [JSON.stringify(values), changed.value]);
    if (!values) return error ? html`<${ErrorBox} error=${error} />` : html`<${Skeleton} />`;

    const save = async (prune) => {
        if (!valid) return;
        setBusy(prune ? 'prune' : 'save');
        setError(null);
        try {
            setValues(await put('/retention', numbersOf(values)));
            if (prune) {
                const fresh = await post('/retention/preview', {});
                setPlan(fresh);
                await openDialog(({ close }) => html`<${PruneDialog} plan=${fresh} close=${close} />`);
            } else {
                say(t('settings.saved'));
            }
        } catch (failure) {
            setError(failure);
        }
        setBusy('');
    };
    const field = (key) => html`<${Field} id=${`retention-${key}`} label=${t(`retention.${key}`)} inputmode="numeric" value=${values[key]} error=${isNumber(values[key]) ? '' : t('field.number_rule')}
        onInput=${(event) => setValues({ ...values, [key]: event.target.value.trim() })} />`;
    return html`<form onSubmit=${(event) => (event.preventDefault(), save(false))} novalidate>
        <div class="number-fields">${rules.map(field)}</div>
        <p class="help">${t('retention.help')}</p>
        <details class="more"><summary>${t('retention.guards')}</summary><div class="number-fields">${guards.map(field)}</div><p class="help">${t('retention.guards_help')}</p></details>
        ${plan ? html`<${Plan} plan=${plan} />` : html`<${Skeleton} />`}
        <${ErrorBox} error=${error} />
        <div class="form-foot"><${Cli} command=${command('backups', 'prune', '--dry-run')} />
            <${Button} class="secondary" busy=${busy === 'prune'} disabled=${Boolean(busy) || !valid || !(plan?.remove.length > 0)} onClick=${() => save(true)}>${t('retention.save_prune')}<//>
            <${Button} type="submit" busy=${busy === 'save'} disabled=${Boolean(busy) || !valid}>${t('save')}<//></div>
    </form>`;
}

const freed = (plan) => Object.values(plan.freed_bytes || {}).reduce((sum, one) => sum + one, 0);

export function Plan({ plan }) {
    return html`<div class="plan" aria-live="polite">
        <p><strong>${plan.remove.length === 0 ? t('retention.nothing', { n: plan.keep.length }) : t('retention.would', { keep: plan.keep.length, n: plan.remove.length, bytes: bytes(freed(plan)) })}</strong></p>
        ${plan.holds.length > 0 && html`<${Notice} tone="warn" icon="alert"><p>${t('retention.held')}</p><ul>${plan.holds.map((hold) => html`<li>${hold}</li>`)}</ul><//>`}
        ${plan.remove.length > 0 && html`<ul class="rows scroll" tabindex="0" aria-label=${t('retention.goes')}>${plan.remove.slice(0, shownMax).map((backup) => html`<li><strong>${dateTime(backup.time)}</strong><span>${bytes(backup.size)}</span><span class="muted">${(backup.removed_because || []).join(' · ')}</span></li>`)}
            ${plan.remove.length > shownMax && html`<li class="muted">+ ${plan.remove.length - shownMax}</li>`}</ul>`}
    </div>`;
}

function PruneDialog({ plan, close }) {
    const [force, setForce] = useState(false);
    const [error, setError] = useState(null);
    const [busy, setBusy] = useState(false);
    const held = plan.holds.length > 0;
    const run = async () => {
        setBusy(true);
        setError(null);
        try {
            const planned = force ? await post('/retention/preview', { force: true }) : plan;
            const { removed } = await post('/prune', { plan_id: planned.plan_id, force });
            say(t('retention.pruned', { n: removed.length }));
            await refresh().catch(() => {});
            close(true);
        } catch (failure) {
            setError(failure);
            setBusy(false);
        }
    };
    return html`<${Dialog} title=${t('retention.prune_title', { n: plan.remove.length })} subtitle=${t('retention.prune_about')} close=${close} busy=${busy} onSubmit=${run}
        footer=${html`<button type="button" class="secondary" data-autofocus disabled=${busy} onClick=${() => close()}>${t('cancel')}</button><${Button} type="submit" class="danger" busy=${busy} disabled=${held && !force}>${t('retention.prune', { n: plan.remove.length })}<//>`}>
        <${Plan} plan=${plan} />
        ${held && plan.can_be_forced && html`<${Check} label=${t('retention.force')} checked=${force} onChange=${(event) => setForce(event.target.checked)} />`}
        <${ErrorBox} error=${error} />
        <${Cli} command=${command('backups', 'prune', force && '--force')} />
    <//>`;
}
