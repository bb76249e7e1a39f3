// All places, and a new one.
import { html } from '../lib/ui.js';
import { command } from '../lib/cli.js';
import { t } from '../lib/i18n.js';
import { providers, status } from '../lib/store.js';
import { addProvider } from '../actions.js';
import { Icon } from '../ui/icons.js';
import { Button, Cli, Skeleton } from '../ui/parts.js';
import { ProviderCard } from '../ui/provider-card.js';

export function Providers() {
    return html`
        <div class="page-head"><div><h1 tabindex="-1">${t('nav.providers')}</h1><p class="muted">${t('providers.about')}</p></div>
            <div class="page-actions"><${Button} icon="plus" onClick=${() => addProvider()}>${t('provider.add')}<//><${Cli} command=${command('providers', 'list')} /></div></div>
        ${!status.value
            ? html`<div class="card"><${Skeleton} lines="4" /></div>`
            : html`<div class="cards large">
                ${providers.value.map((provider) => html`<${ProviderCard} key=${provider.name} provider=${provider} whole />`)}
                <button type="button" class="card add-card" onClick=${() => addProvider()}><${Icon} name="plus" size="26" /><strong>${t('provider.add')}</strong><span class="muted">${t('provider.add_about')}</span></button>
            </div>`}`;
}
