// The identity of a server has changed, or was never seen: the reader compares, and decides.
import { html, useEffect, useState } from '../lib/ui.js';
import { post, segment } from '../lib/api.js';
import { command } from '../lib/cli.js';
import { t } from '../lib/i18n.js';
import { refresh } from '../lib/store.js';
import { Dialog } from '../ui/dialog.js';
import { Button, Check, Cli, ErrorBox, Notice, Skeleton, say } from '../ui/parts.js';

export function TrustDialog({ name, close }) {
    const [keys, setKeys] = useState(null);
    const [compared, setCompared] = useState(false);
    const [error, setError] = useState(null);
    const [busy, setBusy] = useState(false);
    const address = `/providers/${segment(name)}/trust-host`;
    useEffect(() => {
        post(address, {}).then(setKeys, setError);
    }, []);
    const accept = async () => {
        if (!compared || !keys) return;
        setBusy(true);
        setError(null);
        try {
            await post(address, { fingerprint: keys.offered });
            say(t('trust.done', { name }));
            await refresh();
            close(true);
        } catch (failure) {
            setError(failure);
            setBusy(false);
        }
    };
    const same = keys && keys.known === keys.offered;
    return html`<${Dialog} title=${t('trust.title', { name })} subtitle=${t('trust.about')} close=${close} busy=${busy} onSubmit=${accept}
        footer=${html`<button type="button" class="secondary" disabled=${busy} onClick=${() => close()}>${t('cancel')}</button>
            <${Button} type="submit" class="danger" busy=${busy} disabled=${!compared || !keys}>${t('trust.accept')}<//>`}>
        ${!keys && !error && html`<${Skeleton} />`}
        ${keys && html`
            <dl class="facts keys">
                <dt>${t('trust.known')}</dt><dd><code>${keys.known || t('trust.none')}</code></dd>
                <dt>${t('trust.offered')}</dt><dd><code class=${same ? '' : 'differs'}>${keys.offered}</code></dd>
            </dl>
            ${same
                ? html`<${Notice} tone="good" icon="checkcircle"><p>${t('trust.same')}</p><//>`
                : html`<${Notice} tone="warn" icon="alert"><p>${t('trust.warning')}</p><//>`}
            <p>${t('trust.how')}</p>
            <${Cli} label=${false} command="ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub" />
            <${Check} label=${t('trust.compared')} checked=${compared} onChange=${(event) => setCompared(event.target.checked)} data-autofocus />
            <${Cli} command=${command('config', 'set', `providers.${name}.host_key`, keys.offered)} />`}
        <${ErrorBox} error=${error} />
    <//>`;
}
