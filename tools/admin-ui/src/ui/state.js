// States are told by an icon and a word, never by colour alone.
import { classes, html } from '../lib/ui.js';
import { t } from '../lib/i18n.js';
import { Icon } from './icons.js';

// state: [icon, tone]
const looks = {
    // of a copy
    verified: ['checkcircle', 'good'],
    stored: ['stored', 'busy'],
    uploading: ['arrowup', 'busy'],
    queued: ['clock', 'quiet'],
    paused: ['pause', 'quiet'],
    missing: ['xcircle', 'bad'],
    damaged: ['octagon', 'bad'],
    failed: ['xcircle', 'bad'],
    // of a provider
    active: ['checkcircle', 'good'],
    inactive: ['circle', 'quiet'],
    degraded: ['alert', 'warn'],
    auth_needed: ['key', 'warn'],
    full: ['disk', 'warn'],
    offline: ['cloudoff', 'bad'],
    blocked: ['lock', 'bad'],
    // of the whole
    protected: ['checkcircle', 'good'],
    at_risk: ['alert', 'warn'],
    unprotected: ['octagon', 'bad'],
    not_configured: ['circle', 'quiet'],
    // of a run or a task
    running: ['refresh', 'busy'],
    succeeded: ['checkcircle', 'good'],
    done: ['checkcircle', 'good'],
    partial: ['alert', 'warn'],
    unchanged: ['checkcircle', 'quiet'],
    cancelled: ['pause', 'quiet'],
    interrupted: ['alert', 'warn'],
    // of an event, of a check
    info: ['info', 'quiet'],
    warning: ['alert', 'warn'],
    error: ['octagon', 'bad'],
    ok: ['checkcircle', 'good'],
    bad: ['octagon', 'bad'],
    skipped: ['circle', 'quiet'],
};

export const tone = (state) => (looks[state] || looks.inactive)[1];
export const stateIcon = (state) => (looks[state] || looks.inactive)[0];
// "run.partial" where a word means something else for one kind of thing.
export const stateWord = (state, kind = 'state') => t(`${kind}.${state}`);

export function State({ state, kind, children, small }) {
    return html`<span class=${classes('state', `tone-${tone(state)}`, small && 'small')}>
        <${Icon} name=${stateIcon(state)} size=${small ? 15 : 17} class=${state === 'running' ? 'spin' : ''} />
        <span>${children ?? stateWord(state, kind)}</span>
    </span>`;
}
