// The first page: am I safe, what is going on, where is what.
import { html } from '../lib/ui.js';
import { t } from '../lib/i18n.js';
import { go, href } from '../lib/router.js';
import { backupTotal, current, events, finished, latest, providers, runs, status } from '../lib/store.js';
import { addProvider } from '../actions.js';
import { Icon } from '../ui/icons.js';
import { Skeleton } from '../ui/parts.js';
import { Matrix } from '../ui/matrix.js';
import { RunPanel } from '../ui/run-panel.js';
import { FirstSteps } from '../ui/first-steps.js';
import { ProviderCard } from '../ui/provider-card.js';
import { Timeline } from '../ui/timeline.js';
import { Verdict } from '../ui/verdict.js';
import { EventRow } from '../ui/event-row.js';

export function Overview() {
    if (!status.value) return html`<h1 class="visually-hidden" tabindex="-1">${t('nav.overview')}</h1><div class="card"><${Skeleton} lines="4" /></div>`;
    const list = providers.value;
    const backups = latest.value || [];
    const fresh = latest.value && runs.value && backups.length === 0 && !current.value && !finished.value;
    return html`
        <h1 class="visually-hidden" tabindex="-1">${t('nav.overview')}</h1>
        <${Verdict} />
        ${(current.value || finished.value) && html`<${RunPanel} />`}
        ${fresh && html`<${FirstSteps} />`}
        ${list.length > 0 && html`<section aria-labelledby="overview-providers">
            <div class="section-head"><h2 id="overview-providers">${t('nav.providers')}</h2>
                <button type="button" class="plain small" onClick=${() => addProvider()}><${Icon} name="plus" size="16" /><span>${t('provider.add')}</span></button></div>
            <div class="cards">${list.map((provider) => html`<${ProviderCard} key=${provider.name} provider=${provider} />`)}</div>
        </section>`}
        ${backups.length > 0 && html`
            <section aria-labelledby="overview-copies">
                <div class="section-head"><h2 id="overview-copies">${t('copies.title')} <span class="section-caption">${t('copies.caption')}</span></h2>
                    <a href=${href('backups')}>${t('copies.all', { n: backupTotal.value })}<${Icon} name="chevron" size="15" /></a></div>
                <div class="card flush"><${Matrix} label=${t('copies.title')} total=${backups.length} rowAt=${(index) => backups[index]} onOpen=${(backup) => go('backups', backup.name)} /></div>
            </section>
            <div class="two">
                <section aria-labelledby="overview-timeline">
                    <div class="section-head"><h2 id="overview-timeline">${t('timeline.title')}</h2></div>
                    <div class="card"><${Timeline} runs=${runs.value || []} /></div>
                </section>
                <section aria-labelledby="overview-activity">
                    <div class="section-head"><h2 id="overview-activity">${t('nav.activity')}</h2><a href=${href('activity')}>${t('activity.all')}<${Icon} name="chevron" size="15" /></a></div>
                    <div class="card flush"><ol class="events short">${(events.value || []).slice(0, 5).map((event) => html`<${EventRow} key=${event.seq} event=${event} brief />`)}</ol></div>
                </section>
            </div>`}`;
}
