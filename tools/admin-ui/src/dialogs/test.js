// Tests a provider and shows how far it came.
import { html, useEffect, useState } from '../lib/ui.js';
import { post, segment } from '../lib/api.js';
import { command } from '../lib/cli.js';
import { has, number, t } from '../lib/i18n.js';
import { refresh } from '../lib/store.js';
import { Dialog } from '../ui/dialog.js';
import { Icon } from '../ui/icons.js';
import { Button, Cli, ErrorBox } from '../ui/parts.js';

const stepWord = (step) => (has(`step.${step}`) ? t(`step.${step}`) : step);

// A list of what a test did; while it runs, what it is going to do.
export function Steps({ steps, running }) {
    const expected = ['connect', 'write', 'read', 'hash', 'delete'];
    const shown = running ? expected.map((step) => ({ step })) : steps || [];
    return html`<ol class="steps" aria-live="polite">
        ${shown.map((step) => html`<li class=${step.ok === undefined ? 'tone-quiet' : step.ok ? 'tone-good' : 'tone-bad'}>
            <${Icon} name=${step.ok === undefined ? 'refresh' : step.ok ? 'checkcircle' : 'xcircle'} class=${step.ok === undefined ? 'spin' : ''} />
            <span>${stepWord(step.step)}</span>
            <span class="muted">${step.ok === undefined ? '' : step.ok ? t('step.ms', { ms: number(step.ms) }) : t('step.failed')}</span>
        </li>`)}
    </ol>`;
}

export function TestDialog({ name, close }) {
    const [result, setResult] = useState(null);
    const run = async () => {
        setResult(null);
        try {
            setResult(await post(`/providers/${segment(name)}/test`)); // a test that fails is an answer as well
        } catch (error) {
            setResult({ error, steps: error.data?.steps || [] });
        }
        refresh().catch(() => {});
    };
    useEffect(() => {
        run();
    }, []);
    return html`<${Dialog} title=${t('test.title', { name })} subtitle=${t('test.about')} close=${close}
        footer=${html`<${Button} class="secondary" icon="refresh" busy=${!result} onClick=${run}>${t('test.again')}<//>
            <button type="button" data-autofocus onClick=${() => close()}>${t('close')}</button>`}>
        <${Steps} running=${!result} steps=${result?.steps} />
        ${result && !result.error && html`<p class="state tone-good"><${Icon} name="checkcircle" /><strong>${t('test.good', { name })}</strong></p>`}
        <${ErrorBox} error=${result?.error} />
        <${Cli} command=${command('providers', 'test', name)} />
    <//>`;
}
