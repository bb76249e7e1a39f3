// Connecting a new place: first what kind, then the form of that kind.
import { html, useState } from '../lib/ui.js';
import { t } from '../lib/i18n.js';
import { isCloud, kinds } from '../lib/kinds.js';
import { Dialog } from '../ui/dialog.js';
import { Icon, typeIcon } from '../ui/icons.js';
import { CloudForm } from './connect-cloud.js';
import { ServerForm } from './connect-server.js';

export function ConnectDialog({ type: wanted, existing, close }) {
    const [type, setType] = useState(wanted);
    const back = wanted ? undefined : () => setType(undefined);
    if (!type) return html`<${ChooseKind} choose=${setType} close=${close} />`;
    if (isCloud(type)) return html`<${CloudForm} key=${type} type=${type} existing=${existing} back=${back} close=${close} />`;
    return html`<${ServerForm} key=${type} type=${type} back=${back} close=${close} />`;
}

function ChooseKind({ choose, close }) {
    return html`<${Dialog} title=${t('connect.title')} subtitle=${t('connect.about')} kind="wide" close=${close}>
        <div class="tiles">
            ${['google-drive', 'dropbox', 'sftp', 'ftp', 'local'].filter((type) => kinds[type]).map((type) => html`<button type="button" class="tile" onClick=${() => choose(type)}>
                <span class=${`kind-icon kind-${type}`}><${Icon} name=${typeIcon[type]} size="22" /></span>
                <span><strong>${t(`kind.${type}`)}</strong><span class="help">${t(`kind.${type}_about`)}</span></span>
                <${Icon} name="chevron" class="tile-arrow" />
            </button>`)}
        </div>
    <//>`;
}
