// Everything that can be set here, one part after the other.
import { html, useEffect } from '../lib/ui.js';
import { t } from '../lib/i18n.js';
import { href, route } from '../lib/router.js';
import { Sources } from './settings/sources.js';
import { ScheduleForm } from './settings/schedule.js';
import { RetentionForm } from './settings/retention.js';
import { Notifications } from './settings/notifications.js';
import { Security } from './settings/security.js';
import { General } from './settings/general.js';

const parts = { sources: Sources, schedule: ScheduleForm, retention: RetentionForm, notifications: Notifications, security: Security, general: General };

export function Settings() {
    const { detail } = route.value;
    useEffect(() => {
        if (!parts[detail]) return;
        const section = document.getElementById(`settings-${detail}`);
        section?.scrollIntoView({ block: 'start' });
        section?.querySelector('h2')?.focus({ preventScroll: true });
    }, [detail]);
    return html`
        <div class="page-head"><div><h1 tabindex="-1">${t('nav.settings')}</h1><p class="muted">${t('settings.about')}</p></div></div>
        <div class="settings">
            <nav class="settings-nav" aria-label=${t('nav.settings')}><ul>${Object.keys(parts).map((part) => html`<li><a href=${href('settings', part)} aria-current=${detail === part ? 'true' : undefined}>${t(`settings.${part}`)}</a></li>`)}</ul></nav>
            <div class="settings-parts">${Object.entries(parts).map(([part, Part]) => html`<section class="card" id=${`settings-${part}`} aria-labelledby=${`settings-${part}-title`} key=${part}>
                <h2 id=${`settings-${part}-title`} tabindex="-1">${t(`settings.${part}`)}</h2><p class="muted">${t(`settings.${part}_about`)}</p><${Part} /></section>`)}</div>
        </div>`;
}
