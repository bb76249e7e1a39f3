// The banner that answers "am I safe?", and what to do about it.
import { html } from '../lib/ui.js';
import { command } from '../lib/cli.js';
import { bytes, fullTime, t, until, ago, weekday, timeOfDay } from '../lib/i18n.js';
import { href } from '../lib/router.js';
import { activeProviders, current, latest, providers, status } from '../lib/store.js';
import { checkedAt, settled, verdictOf } from '../lib/verdict.js';
import { addProvider, signInAgain, syncNow, testProvider, trustHost } from '../actions.js';
import { openDialog } from './dialog.js';
import { Icon } from './icons.js';
import { Button, Cli } from './parts.js';
import { stateIcon, tone } from './state.js';
import { later } from '../lib/lazy.js';

const ExplainDialog = later('ExplainDialog');

export const explain = (code) => openDialog(({ close }) => html`<${ExplainDialog} code=${code} close=${close} />`);

// What helps a provider that is not well.
export function Remedy({ provider, small }) {
    const className = small ? 'small' : 'small warnish';
    if (provider.reason === 'E-HOSTKEY-CHANGED' || provider.reason === 'E-HOSTKEY-UNKNOWN' || (provider.type === 'sftp' && provider.state === 'blocked'))
        return html`<button type="button" class=${className} onClick=${() => trustHost(provider.name)}>${t('provider.review_key')}</button>`;
    if (provider.state === 'auth_needed' && (provider.type === 'dropbox' || provider.type === 'google-drive'))
        return html`<button type="button" class=${className} onClick=${() => signInAgain(provider)}>${t('provider.sign_in')}</button>`;
    return html`<button type="button" class=${className} onClick=${() => testProvider(provider.name)}>${t('provider.test')}</button>`;
}

export function Verdict() {
    const verdict = verdictOf(status.value, providers.value, latest.value, current.value?.package);
    const { state, title, text, note, busy, reasons } = verdict;
    const newest = settled(latest.value || [], current.value?.package);
    const next = status.value.auto_sync?.next?.[0];
    const checked = checkedAt(newest);
    const color = busy ? 'busy' : tone(state);
    return html`<section class=${`verdict tone-${color}`} aria-label=${t('verdict.label')}>
        <div class="verdict-main">
            <div class="verdict-icon"><${Icon} name="shield" size="56" /><${Icon} name=${{ good: 'check', quiet: 'plus', busy: 'arrowup' }[color] || stateIcon(state)} size="24" class="verdict-mark" /></div>
            <div class="verdict-words" role="status">
                <p class="verdict-state">${t(`state.${state}`)}</p>
                <p class="verdict-title">${title}</p>
                <p>${text}</p>
                ${note && html`<p class="muted">${note}</p>`}
            </div>
            <div class="verdict-actions">
                ${state === 'not_configured'
                    ? html`<${Button} class="big" icon="plus" onClick=${() => addProvider()}>${t('provider.add')}<//>`
                    : html`<${Button} class="big" icon="refresh" busy=${Boolean(current.value)} disabled=${activeProviders.value.length === 0} onClick=${syncNow} aria-keyshortcuts="s">${t(current.value ? 'sync.running' : 'sync.now')}<//>
                        <${Cli} command=${command('sync')} />`}
            </div>
        </div>
        ${reasons.length > 0 && html`<ul class="reasons">${reasons.map(({ provider, code, text: reason }) => html`<li>
            <${Icon} name="alert" /><span>${reason}</span>
            <span class="reason-actions">${provider && html`<${Remedy} provider=${provider} />`}
                ${code && html`<button type="button" class="plain small" onClick=${() => explain(code)}>${t('explain.what')}</button>`}</span>
        </li>`)}</ul>`}
        ${state !== 'not_configured' && html`<dl class="verdict-facts">
            <div><dt>${t('fact.newest')}</dt><dd title=${newest && fullTime(newest.time)}>${newest ? ago(newest.time) : t('fact.none')}</dd></div>
            <div><dt>${t('fact.copies')}</dt><dd>${newest ? t('fact.copies_of', { verified: newest.copies.verified, wanted: newest.copies.wanted }) : '–'}</dd></div>
            <div><dt>${t('fact.checked')}</dt><dd title=${checked && fullTime(checked)}>${checked ? ago(checked) : t('fact.never')}</dd></div>
            <div><dt>${t('fact.next')}</dt><dd title=${next && fullTime(next)}>${status.value.auto_sync?.enabled && next ? html`${until(next)} <span class="muted">(${nextTime(next)})</span>` : html`<a href=${href('settings', 'schedule')}>${t('fact.schedule_off')}</a>`}</dd></div>
            <div><dt>${t('fact.kept')}</dt><dd>${t('fact.backups', { n: status.value.backups?.count || 0 })}</dd></div>
            <div><dt>${t('fact.size')}</dt><dd>${bytes(status.value.files?.bytes || 0)}</dd></div>
        </dl>`}
    </section>`;
}

const nextTime = (time) => (new Date(time).toDateString() === new Date().toDateString() ? timeOfDay(time) : `${weekday(time)} ${timeOfDay(time)}`);
