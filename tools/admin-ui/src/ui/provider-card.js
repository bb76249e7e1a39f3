// One place: how it is, how full, how fast, when last checked, and what can be done.
import { html } from '../lib/ui.js';
import { command } from '../lib/cli.js';
import { ago, bytes, clock, fullTime, number, rate, t } from '../lib/i18n.js';
import { go } from '../lib/router.js';
import { latest, transfers } from '../lib/store.js';
import { lastVerified } from '../lib/verdict.js';
import { changeProvider, disableProvider, enableProvider, removeProvider, signInAgain, testProvider, trustHost } from '../actions.js';
import { Icon, typeIcon } from './icons.js';
import { Menu, Meter } from './parts.js';
import { State } from './state.js';
import { Remedy, explain } from './verdict.js';
import { isCloud } from '../lib/kinds.js';

const errorsOf = ({ read_errors: read = 0, write_errors: write = 0, checksum_errors: sum = 0 }) =>
    read + write + sum === 0 ? t('provider.no_errors') : t('provider.error_counts', { read, write, sum });

const hasQuota = (quota) => quota?.total !== null && quota?.total !== undefined;

function Quota({ quota }) {
    if (!hasQuota(quota)) {
        return html`<div class="quota"><p class="muted">${quota?.free ? t('quota.free', { free: bytes(quota.free) }) : t('quota.unknown')}</p></div>`;
    }
    const used = quota.used ?? quota.total - quota.free;
    const part = used / quota.total;
    return html`<div class="quota">
        <${Meter} value=${used} total=${quota.total} tone=${part > 0.97 ? 'bad' : part > 0.9 ? 'warn' : 'plain'} label=${t('quota.label')} />
        <p class="muted"><span>${t('quota.used', { used: bytes(used), total: bytes(quota.total) })}</span><span>${t('quota.free', { free: bytes(quota.total - used) })}</span></p>
    </div>`;
}

function Sending({ transfer }) {
    const percent = transfer.total > 0 ? Math.floor((100 * transfer.bytes) / transfer.total) : 0;
    return html`<div class="sending">
        <${Meter} value=${transfer.bytes} total=${transfer.total} label=${t('transfer.label', { name: transfer.provider })} />
        <p class="muted"><span class="tone-busy"><${Icon} name="arrowup" size="14" /> ${transfer.verifying ? t('transfer.verifying') : `${percent} %${transfer.rate > 0 ? ` · ${rate(transfer.rate)}` : ''}`}</span>
            <span>${transfer.eta_ms && !transfer.verifying ? t('transfer.left', { time: clock(transfer.eta_ms) }) : ''}</span></p>
    </div>`;
}

export function providerMenu(provider) {
    const { name } = provider;
    return [
        { label: t('provider.test'), icon: 'wrench', cli: command('providers', 'test', name), run: () => testProvider(name) },
        { label: t('provider.browse'), icon: 'archive', cli: command('backups', 'list', '--provider', name), run: () => go('backups', '', `provider=${name}`) },
        { label: t('provider.change'), icon: 'sliders', cli: command('providers', 'show', name), run: () => changeProvider(name) },
        provider.type === 'sftp' && { label: t('provider.review_key'), icon: 'key', cli: command('config', 'set', `providers.${name}.host_key`, 'SHA256:…'), run: () => trustHost(name) },
        isCloud(provider.type) && { label: t('provider.sign_in'), icon: 'user', cli: command(provider.type, 'connect', '--name', name), run: () => signInAgain(provider) },
        provider.enabled
            ? { label: t('provider.disable'), icon: 'pause', cli: command('providers', 'disable', name), run: () => disableProvider(name) }
            : { label: t('provider.enable'), icon: 'play', cli: command('providers', 'enable', name), run: () => enableProvider(name) },
        { label: t('provider.remove'), icon: 'trash', danger: true, cli: command('providers', 'remove', name), run: () => removeProvider(provider) },
    ];
}

export function ProviderCard({ provider, whole }) {
    const { name, type } = provider;
    const sending = provider.enabled && transfers.value.find((transfer) => transfer.provider === name);
    const verified = lastVerified(provider, latest.value);
    const behind = provider.behind || 0;
    const troubled = provider.enabled && !['active', 'inactive'].includes(provider.state);
    return html`<article class=${`card provider${provider.enabled ? '' : ' off'}`} aria-label=${name}>
        <header>
            <span class=${`kind-icon kind-${type}`}><${Icon} name=${typeIcon[type] || 'cloud'} size="20" /></span>
            <${whole ? 'h2' : 'h3'} class="provider-name">${name}<//><${State} state=${provider.state} kind="provider_state" small />
            <p class="muted" title=${provider.place}>${provider.place || t(`kind.${type}`)}</p>
        </header>
        ${troubled && html`<div class="trouble tone-warn"><p>${provider.reason_text || t(`why.${provider.state}`, { name })}</p>
            ${provider.reason && html`<button type="button" class="link" onClick=${() => explain(provider.reason)}>${t('explain.what')}</button>`}</div>`}
        ${sending ? html`<${Sending} transfer=${sending} />` : (!troubled || whole || hasQuota(provider.quota)) && html`<${Quota} quota=${provider.quota} />`}
        <dl class="facts">
            <dt>${t('provider.last_ok')}</dt><dd title=${provider.last_ok && fullTime(provider.last_ok)}>${provider.last_ok ? ago(provider.last_ok) : t('fact.never')}</dd>
            <dt>${t('provider.last_verified')}</dt><dd title=${verified && fullTime(verified)}>${verified ? ago(verified) : t('fact.never')}</dd>
            <dt>${t('provider.holds')}</dt><dd>${number((provider.backups || 0) - behind)}${behind > 0 ? html` · <span class="tone-warn-text">${t('provider.behind', { n: behind })}</span>` : ''}</dd>
            ${whole && html`<dt>${t('provider.kind')}</dt><dd>${t(`kind.${type}`)}</dd>
                <dt>${t('provider.errors')}</dt><dd>${errorsOf(provider)}</dd>`}
        </dl>
        <footer>
            ${!provider.enabled ? html`<button type="button" class="small" onClick=${() => enableProvider(name)}>${t('provider.enable')}</button>` : troubled ? html`<${Remedy} provider=${provider} small />` : ''}
            ${!(troubled && provider.type !== 'sftp' && provider.state !== 'auth_needed') && html`<button type="button" class="small secondary" onClick=${() => testProvider(name)}>${t('provider.test')}</button>`}
            ${provider.enabled && !troubled && html`<button type="button" class="small secondary" onClick=${() => go('backups', '', `provider=${name}`)}>${t('provider.browse')}</button>`}
            <${Menu} label=${t('provider.more', { name })} items=${providerMenu(provider)} class="small secondary" />
        </footer>
    </article>`;
}
