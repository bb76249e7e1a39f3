// What an error code means and what helps.
import { html, useEffect, useState } from '../lib/ui.js';
import { get, query } from '../lib/api.js';
import { command } from '../lib/cli.js';
import { has, t } from '../lib/i18n.js';
import { Dialog } from '../ui/dialog.js';
import { Cli, ErrorBox } from '../ui/parts.js';

export function ExplainDialog({ code, close }) {
    const [known, setKnown] = useState(null);
    const [error, setError] = useState(null);
    useEffect(() => {
        get(query('/explain', { code })).then(setKnown, setError);
    }, []);
    const next = has(`code.${code}_next`) ? t(`code.${code}_next`) : known?.next;
    return html`<${Dialog} title=${has(`code.${code}`) ? t(`code.${code}`) : code} subtitle=${code} close=${close}
        footer=${html`<button type="button" data-autofocus onClick=${() => close()}>${t('close')}</button>`}>
        ${has(`code.${code}_why`) && html`<p>${t(`code.${code}_why`)}</p>`}
        ${next && html`<p><strong>${t('error.next')}</strong> ${next}</p>`}
        <${ErrorBox} error=${error} />
        <${Cli} command=${command('explain', code)} />
    <//>`;
}
