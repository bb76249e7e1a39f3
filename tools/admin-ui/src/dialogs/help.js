// Which keys there are, and the switch for them.
import { html } from '../lib/ui.js';
import { t } from '../lib/i18n.js';
import { keysOn, setKeys } from '../lib/keys.js';
import { session } from '../lib/store.js';
import { Dialog } from '../ui/dialog.js';
import { Check } from '../ui/parts.js';

const keys = [
    ['s', 'keys.sync'],
    ['/', 'keys.search'],
    ['g o', 'nav.overview'],
    ['g p', 'nav.providers'],
    ['g b', 'nav.backups'],
    ['g a', 'nav.activity'],
    ['g s', 'nav.settings'],
    ['?', 'keys.help'],
    ['Esc', 'keys.close'],
    ['↑ ↓ ← →', 'keys.grid'],
];

export function HelpDialog({ close }) {
    return html`<${Dialog} title=${t('keys.title')} close=${close}
        footer=${html`<button type="button" data-autofocus onClick=${() => close()}>${t('close')}</button>`}>
        <dl class="keys-list">
            ${keys.map(([key, text]) => html`<div><dt>${key.split(' ').map((one) => html`<kbd>${one}</kbd> `)}</dt><dd>${t(text)}</dd></div>`)}
        </dl>
        <${Check} label=${t('keys.on')} help=${t('keys.on_help')} checked=${keysOn.value} onChange=${(event) => setKeys(event.target.checked)} />
        <p class="muted">oracxfs ${session.value?.version}</p>
    <//>`;
}
