// The password, who is signed in, and the keys for programs.
import { html, useEffect, useState } from '../../lib/ui.js';
import { del, get, post, segment } from '../../lib/api.js';
import { command } from '../../lib/cli.js';
import { ago, dateTime, t } from '../../lib/i18n.js';
import { confirm } from '../../ui/dialog.js';
import { Icon } from '../../ui/icons.js';
import { Button, Cli, Copy, ErrorBox, Field, Notice, Skeleton, Summary, say, sayError } from '../../ui/parts.js';
import { Strength, shortest } from '../../ui/strength.js';

export function Security() {
    return html`<${Password} /><${Sessions} /><${Tokens} />`;
}

function Password() {
    const [values, setValues] = useState({ old: '', fresh: '' });
    const [problems, setProblems] = useState({});
    const [error, setError] = useState(null);
    const [busy, setBusy] = useState(false);
    const save = async (event) => {
        event.preventDefault();
        const found = {};
        if (!values.old) found['password-old'] = t('field.missing', { field: t('password.old') });
        if (values.fresh.length < shortest) found['password-new'] = t('password.too_short', { n: shortest });
        setProblems(found);
        if (Object.keys(found).length > 0) return;
        setBusy(true);
        setError(null);
        try {
            await post('/password', { old: values.old, new: values.fresh });
            setValues({ old: '', fresh: '' });
            say(t('password.changed'));
        } catch (failure) {
            setError(failure);
        }
        setBusy(false);
    };
    return html`<form class="sub-form first" onSubmit=${save} novalidate>
        <h3>${t('password.title')}</h3>
        <${Summary} problems=${problems} />
        <input type="text" name="username" autocomplete="username" value="admin" hidden readonly />
        <div class="fields two-fields">
            <div><${Field} id="password-old" label=${t('password.old')} type="password" autocomplete="current-password" value=${values.old} error=${problems['password-old']} onInput=${(event) => setValues({ ...values, old: event.target.value })} /></div>
            <div><${Field} id="password-new" label=${t('password.new')} type="password" autocomplete="new-password" value=${values.fresh} error=${problems['password-new']} onInput=${(event) => setValues({ ...values, fresh: event.target.value })} /><${Strength} password=${values.fresh} /></div>
        </div>
        <${ErrorBox} error=${error} />
        <div class="form-foot"><${Cli} command=${command('admin', 'password')} /><${Button} type="submit" class="secondary" busy=${busy}>${t('password.change')}<//></div>
    </form>`;
}

// "Firefox on Linux"
function agentWords(agent) {
    const browser = (/(Firefox|Edg|OPR|Chrome|Safari)\//.exec((agent || '').replace('HeadlessChrome', 'Chrome')) || [])[1];
    const system = (/(Windows|Macintosh|Android|iPhone|iPad|Linux)/.exec(agent || '') || [])[1];
    const names = { Edg: 'Edge', OPR: 'Opera', Macintosh: 'macOS' };
    return browser ? [names[browser] || browser, names[system] || system].filter(Boolean).join(' · ') : agent || t('sessions.unknown');
}

function Sessions() {
    const [list, setList] = useState(null);
    const [error, setError] = useState(null);
    const load = () => get('/sessions').then((answer) => setList(answer.sessions), setError);
    useEffect(() => {
        load();
    }, []);
    const end = async (path, words) => {
        try {
            await del(path);
            say(words);
            await load();
        } catch (failure) {
            sayError(failure);
        }
    };
    return html`<div class="sub-form"><h3>${t('sessions.title')}</h3>
        <${ErrorBox} error=${error} />
        ${!list && !error && html`<${Skeleton} />`}
        ${list && html`<ul class="rows">${list.map((one) => html`<li key=${one.id}>
            <span class="grow"><strong>${agentWords(one.agent)}</strong> ${one.current && html`<span class="tag tag-new">${t('sessions.this')}</span>`}<br /><span class="muted">${one.address} · ${t('sessions.used', { ago: ago(one.last_used) })}</span></span>
            ${!one.current && html`<button type="button" class="small secondary" onClick=${() => end(`/sessions/${segment(one.id)}`, t('sessions.ended'))}>${t('sessions.end')}</button>`}
        </li>`)}</ul>
        ${list.length > 1 && html`<div class="row-actions"><button type="button" class="small secondary" onClick=${() => end('/sessions', t('sessions.all_ended'))}>${t('sessions.end_all')}</button></div>`}`}
        <${Cli} command=${command('admin', 'sessions')} /></div>`;
}

function Tokens() {
    const [list, setList] = useState(null);
    const [error, setError] = useState(null);
    const [adding, setAdding] = useState(null);
    const [problems, setProblems] = useState({});
    const [made, setMade] = useState(null);
    const load = () => get('/tokens').then((answer) => setList(answer.tokens), setError);
    useEffect(() => {
        load();
    }, []);
    const add = async (event) => {
        event.preventDefault();
        const found = adding.name.trim() ? {} : { 'token-name': t('field.missing', { field: t('field.name') }) };
        setProblems(found);
        if (Object.keys(found).length > 0) return;
        setError(null);
        try {
            setMade(await post('/tokens', { name: adding.name.trim(), scope: adding.scope, ...(Number(adding.days) > 0 ? { days: Number(adding.days) } : {}) }));
            setAdding(null);
            await load();
        } catch (failure) {
            setError(failure);
        }
    };
    const remove = async (token) => {
        if (!(await confirm({ title: t('tokens.remove_title', { name: token.name }), text: t('tokens.remove_text'), yes: t('tokens.remove'), danger: true, cli: html`<${Cli} command=${command('admin', 'tokens', 'remove', token.id)} />` }))) return;
        try {
            await del(`/tokens/${segment(token.id)}`);
            await load();
        } catch (failure) {
            sayError(failure);
        }
    };
    return html`<div class="sub-form"><h3>${t('tokens.title')}</h3><p class="muted">${t('tokens.about')}</p>
        ${made && html`<${Notice} tone="good" icon="key"><p>${t('tokens.made', { name: made.name })}</p><p class="token-line"><code class="breakable">${made.token}</code><${Copy} text=${made.token} /></p><//>`}
        <${ErrorBox} error=${error} />
        ${list?.length === 0 && html`<p class="empty-line">${t('tokens.none')}</p>`}
        ${list?.length > 0 && html`<ul class="rows">${list.map((token) => html`<li key=${token.id}>
            <span class="grow"><strong>${token.name}</strong> <span class="tag">${t(`scope.${token.scope}`)}</span><br /><span class="muted">${token.last_used ? t('sessions.used', { ago: ago(token.last_used) }) : t('tokens.never_used')}${token.expires ? ` · ${t('tokens.expires', { time: dateTime(token.expires) })}` : ''}</span></span>
            <button type="button" class="plain icon-only" aria-label=${t('tokens.remove_one', { name: token.name })} title=${t('remove')} onClick=${() => remove(token)}><${Icon} name="trash" size="16" /></button></li>`)}</ul>`}
        ${adding
            ? html`<form onSubmit=${add} novalidate><${Summary} problems=${problems} /><div class="fields three-fields">
                <div><${Field} id="token-name" label=${t('field.name')} value=${adding.name} error=${problems['token-name']} autocomplete="off" onInput=${(event) => setAdding({ ...adding, name: event.target.value })} /></div>
                <div><${Field} label=${t('tokens.scope')}>${(input) => html`<select ...${input} value=${adding.scope} onChange=${(event) => setAdding({ ...adding, scope: event.target.value })}>${['read', 'operate', 'admin'].map((scope) => html`<option value=${scope}>${t(`scope.${scope}`)}</option>`)}</select>`}<//></div>
                <div><${Field} label=${t('tokens.days')}>${(input) => html`<select ...${input} value=${adding.days} onChange=${(event) => setAdding({ ...adding, days: event.target.value })}>${[30, 90, 365, 0].map((days) => html`<option value=${days}>${days === 0 ? t('tokens.for_ever') : t('span.days_long', { n: days })}</option>`)}</select>`}<//></div>
            </div><div class="row-actions"><button type="submit" class="small">${t('tokens.make')}</button><button type="button" class="small secondary" onClick=${() => setAdding(null)}>${t('cancel')}</button></div></form>`
            : html`<div class="row-actions"><${Button} class="small secondary" icon="plus" onClick=${() => (setAdding({ name: '', scope: 'read', days: '90' }), setMade(null))}>${t('tokens.add')}<//></div>`}
        <${Cli} command=${command('admin', 'tokens', 'add', '--name', adding?.name || 'NAME', '--scope', adding?.scope || 'read')} /></div>`;
}
