// From nothing to the first protected backup: four steps, each with its button and its command.
import { classes, html, useEffect } from '../lib/ui.js';
import { command } from '../lib/cli.js';
import { t } from '../lib/i18n.js';
import { go } from '../lib/router.js';
import { activeProviders, latest, status } from '../lib/store.js';
import { askSettings, settings, sources } from '../lib/settings.js';
import { addProvider, syncNow } from '../actions.js';
import { Icon } from './icons.js';
import { Cli } from './parts.js';

export function FirstSteps() {
    useEffect(() => {
        if (!settings.value) askSettings().catch(() => {}); // the settings page says what is wrong
    }, []);
    const hasSources = (sources.value || []).length > 0;
    const steps = [
        { key: 'place', done: activeProviders.value.length > 0, run: () => addProvider(), cli: command('google-drive') },
        { key: 'sources', done: hasSources, run: () => go('settings', 'sources'), cli: command('config', 'set', 'backup.sources', '[…]') },
        { key: 'first', done: (latest.value || []).length > 0, blocked: !hasSources || activeProviders.value.length === 0, run: syncNow, cli: command('sync') },
        { key: 'schedule', done: Boolean(status.value?.auto_sync?.enabled), run: () => go('settings', 'schedule'), cli: command('auto-sync', 'on', '--every', '6h') },
    ];
    const now = steps.findIndex((step) => !step.done);
    return html`<section class="card first-steps" aria-labelledby="first-steps">
        <h2 id="first-steps">${t('first.title')}</h2>
        <p class="muted">${t('first.about')}</p>
        <ol>
            ${steps.map((step, index) => html`<li class=${classes(step.done ? 'done' : index === now ? 'now' : 'later')}>
                <span class="first-mark">${step.done ? html`<${Icon} name="check" size="16" /><span class="visually-hidden">${t('first.done')}</span>` : index + 1}</span>
                <div><h3>${t(`first.${step.key}`)}</h3><p class="muted">${t(`first.${step.key}_about`)}</p>
                    ${!step.done && html`<div class="first-do"><button type="button" class=${index === now ? '' : 'secondary'} disabled=${step.blocked} onClick=${step.run}>${t(`first.${step.key}_do`)}</button><${Cli} command=${step.cli} /></div>`}</div>
            </li>`)}
        </ol>
    </section>`;
}
