// Waiting for a sign-in at Dropbox or Google: by the browser coming back, by a code to paste, or by a code to type there.
import { html, useEffect, useState } from '../lib/ui.js';
import { del, get, post, segment } from '../lib/api.js';
import { t } from '../lib/i18n.js';
import { Dialog } from '../ui/dialog.js';
import { Icon } from '../ui/icons.js';
import { Button, Copy, ErrorBox, Field, Notice } from '../ui/parts.js';
import { Steps } from './test.js';

const askEvery = 1000;

// attempt: as POST /oauth/start answers; only {state} when the browser just came back.
export function SignIn({ attempt, title, type, again, done, close }) {
    const [code, setCode] = useState('');
    const [problem, setProblem] = useState('');
    const [report, setReport] = useState({ status: attempt.mode === 'paste' ? 'asking' : 'waiting' });
    const paste = attempt.mode === 'paste';
    const over = report.status === 'done' || report.status === 'failed';

    const take = (answer) => {
        setReport(answer);
        if (answer.status === 'done') done(answer);
    };
    useEffect(() => {
        if (over || (paste && report.status === 'asking')) return undefined;
        const timer = setInterval(async () => {
            try {
                take(await get(`/oauth/${segment(attempt.state)}`));
            } catch (error) {
                if (error.status !== 0) setReport({ status: 'failed', error });
            }
        }, askEvery);
        return () => clearInterval(timer);
    }, [over, report.status]);

    const finish = async () => {
        if (!paste || report.status !== 'asking') return;
        if (!code.trim()) return setProblem(t('field.missing', { field: t('signin.code') }));
        setProblem('');
        setReport({ status: 'working' });
        try {
            take(await post('/oauth/finish', { state: attempt.state, code: code.trim() }));
        } catch (error) {
            setReport({ status: 'failed', error, steps: error.data?.steps });
        }
    };
    const giveUp = () => {
        if (!over) del(`/oauth/${segment(attempt.state)}`).catch(() => {}); // it ends by itself in ten minutes
        close();
    };

    const where = t(type === 'dropbox' ? 'kind.dropbox' : 'kind.google-drive');
    const address = attempt.mode === 'device' ? attempt.verification_url || attempt.url : attempt.url;
    return html`<${Dialog} title=${title} close=${giveUp} onSubmit=${finish}
        footer=${html`${report.status === 'failed' && again && html`<button type="button" class="secondary push" onClick=${again}>${t('signin.again')}</button>`}
            <button type="button" class="secondary" onClick=${giveUp}>${t('cancel')}</button>
            ${paste && !over && html`<${Button} type="submit" busy=${report.status === 'working'}>${t('signin.finish')}<//>`}`}>
        ${attempt.mode && !over && html`<ol class="numbered">
            <li><p>${t('signin.open_text', { where })}</p>
                <a class="button" href=${address} target="_blank" rel="noopener noreferrer" data-autofocus role="button"><span>${t('signin.open', { where })}</span><${Icon} name="external" size="16" /></a></li>
            ${attempt.mode === 'device' && html`<li><p>${t('signin.type_code')}</p><p class="big-code"><code>${attempt.user_code}</code><${Copy} text=${attempt.user_code} /></p></li>`}
            ${paste && html`<li><${Field} label=${t('signin.paste_code')} help=${t('signin.paste_help')} error=${problem} autocomplete="off" spellcheck=${false} value=${code} onInput=${(event) => setCode(event.target.value)} /></li>`}
            ${!paste && html`<li><p class="state tone-busy"><${Icon} name="refresh" class="spin" /><span aria-live="polite">${t(report.status === 'working' ? 'signin.working' : 'signin.waiting')}</span></p></li>`}
        </ol>`}
        ${!attempt.mode && !over && html`<p class="state tone-busy"><${Icon} name="refresh" class="spin" /><span>${t('signin.working')}</span></p>`}
        ${report.steps?.length > 0 && html`<${Steps} steps=${report.steps} />`}
        ${report.status === 'done' && html`<${Notice} tone="good" icon="checkcircle"><p>${t('signin.done')}</p><//>`}
        <${ErrorBox} error=${report.error} />
    <//>`;
}
