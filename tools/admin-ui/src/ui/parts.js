// Small parts that every page uses.
import { classes, html, signal, useEffect, useId, useRef, useState } from '../lib/ui.js';
import { has, lang, t } from '../lib/i18n.js';
import { useOutside } from './dialog.js';
import { Icon } from './icons.js';

// --- what one would type instead --------------------------------------------------------------------------------------

async function copyText(text, element) {
    try {
        await navigator.clipboard.writeText(text);
        return true;
    } catch {
        // Not a secure context, or not allowed: select it, so that Ctrl-C does the rest.
        const range = document.createRange();
        range.selectNodeContents(element);
        getSelection().removeAllRanges();
        getSelection().addRange(range);
        return false;
    }
}

export function Copy({ text, from }) {
    const [done, setDone] = useState(false);
    useEffect(() => {
        if (!done) return undefined;
        const timer = setTimeout(() => setDone(false), 2000);
        return () => clearTimeout(timer);
    }, [done]);
    const copy = async (event) => {
        event.stopPropagation();
        if (await copyText(text, from?.current || event.currentTarget)) {
            setDone(true);
            say(t('copied'), 'quiet');
        }
    };
    return html`<button type="button" class="plain icon-only copy" title=${t('copy')} aria-label=${t('copy.what', { what: text })} onClick=${copy}>
        <${Icon} name=${done ? 'check' : 'copy'} size="15" />
    </button>`;
}

export function Cli({ command, label = true }) {
    const code = useRef(null);
    return html`<div class="cli">
        ${label && html`<span class="cli-label" title=${t('cli.title')}><${Icon} name="terminal" size="15" /><span class="visually-hidden">${t('cli.title')}</span></span>`}
        <code ref=${code} title=${command}>${command}</code>
        <${Copy} text=${command} from=${code} />
    </div>`;
}

// --- messages ---------------------------------------------------------------------------------------------------------

const messages = signal([]);
const spoken = signal('');
let messageId = 1;

// tone: good, bad, quiet (only for screen readers)
export function say(text, tone = 'good') {
    spoken.value = spoken.value === text ? `${text} ` : text;
    if (tone === 'quiet') return;
    const id = messageId++;
    messages.value = [...messages.value.slice(-2), { id, text, tone }];
    setTimeout(() => (messages.value = messages.value.filter((message) => message.id !== id)), tone === 'bad' ? 12_000 : 5_000);
}

export const sayError = (error) => say(errorText(error), 'bad');

export function Messages() {
    return html`<div class="toasts">
        ${messages.value.map(({ id, text, tone }) => html`<div key=${id} class=${`toast tone-${tone}`}>
            <${Icon} name=${tone === 'bad' ? 'octagon' : 'checkcircle'} /><span>${text}</span>
        </div>`)}
    </div>
    <div class="visually-hidden" role="status" aria-live="polite">${spoken.value}</div>`;
}

// What a code means in the reader's language, else what the daemon said.
export function errorText(error) {
    const key = `code.${error.code}`;
    if (error.code && has(key) && (lang.value !== 'en' || !error.message)) return t(key);
    return error.message || error.code || t('error.unknown');
}

export function ErrorBox({ error, children }) {
    const ref = useRef(null);
    useEffect(() => ref.current?.focus(), [error]);
    if (!error) return null;
    const text = errorText(error);
    const detail = [text === error.message ? '' : error.message, error.why].filter(Boolean);
    return html`<div ref=${ref} class="notice tone-bad" role="alert" tabindex="-1">
        <${Icon} name="octagon" />
        <div>
            <p><strong>${text}</strong></p>
            ${detail.map((line) => html`<p>${line}</p>`)}
            ${children}
            ${(error.next || []).filter(Boolean).map((step) => (step.startsWith('oracxfs ') ? html`<${Cli} command=${step} />` : html`<p class="next">${t('error.next')} ${step}</p>`))}
            ${error.code && html`<p class="code-line"><code>${error.code}</code></p>`}
        </div>
    </div>`;
}

export function Notice({ tone = 'quiet', icon = 'info', children }) {
    return html`<div class=${`notice tone-${tone}`}><${Icon} name=${icon} /><div>${children}</div></div>`;
}

// --- forms ------------------------------------------------------------------------------------------------------------

export function Field({ label, help, error, children, optional, ...input }) {
    const own = useId();
    const id = input.id || own;
    const described = [help && `${id}-help`, error && `${id}-error`].filter(Boolean).join(' ') || undefined;
    const shared = { id, 'aria-describedby': described, 'aria-invalid': error ? 'true' : undefined, ...input };
    return html`<div class=${classes('field', error && 'wrong')}>
        <label for=${id}>${label}${optional && html` <span class="muted">${t('optional')}</span>`}</label>
        ${children ? children(shared) : html`<input ...${shared} />`}
        ${error && html`<p class="field-error" id=${`${id}-error`}><${Icon} name="alert" size="15" />${error}</p>`}
        ${help && html`<p class="help" id=${`${id}-help`}>${help}</p>`}
    </div>`;
}

export function Check({ label, help, ...input }) {
    const id = useId();
    return html`<div class="check">
        <input type="checkbox" id=${id} aria-describedby=${help ? `${id}-help` : undefined} ...${input} />
        <div><label for=${id}>${label}</label>${help && html`<p class="help" id=${`${id}-help`}>${help}</p>`}</div>
    </div>`;
}

export function Toggle({ label, ...input }) {
    return html`<label class="toggle"><input type="checkbox" role="switch" ...${input} /><span>${label}</span></label>`;
}

export function Choice({ legend, name, value, options, onChange }) {
    return html`<fieldset class="choice">
        <legend>${legend}</legend>
        ${options.map((option) => html`<label class=${classes('choice-option', value === option.value && 'chosen')}>
            <input type="radio" name=${name} value=${option.value} checked=${value === option.value} onChange=${() => onChange(option.value)} />
            <span><strong>${option.label}</strong>${option.help && html`<span class="help">${option.help}</span>`}</span>
        </label>`)}
    </fieldset>`;
}

// The errors of a form, with links to the fields. It takes the focus when it appears.
export function Summary({ problems }) {
    const ref = useRef(null);
    const list = Object.entries(problems || {}).filter(([, text]) => text);
    useEffect(() => {
        if (list.length > 0) ref.current?.focus();
    }, [problems]);
    if (list.length === 0) return null;
    const jump = (event, id) => {
        event.preventDefault();
        document.getElementById(id)?.focus();
    };
    return html`<div ref=${ref} class="notice tone-bad" role="alert" tabindex="-1">
        <${Icon} name="octagon" />
        <div><p><strong>${t('form.problems', { n: list.length })}</strong></p>
            <ul>${list.map(([id, text]) => html`<li><a href=${`#${id}`} onClick=${(event) => jump(event, id)}>${text}</a></li>`)}</ul></div>
    </div>`;
}

export function Button({ busy, disabled, icon, children, class: className, ...rest }) {
    return html`<button type="button" class=${className} aria-busy=${busy ? 'true' : undefined} disabled=${busy || disabled} ...${rest}>
        ${icon && !busy && html`<${Icon} name=${icon} />`}<span>${children}</span>
    </button>`;
}

export function Meter({ value, total, tone = 'busy', label }) {
    const percent = total > 0 ? Math.min(100, (100 * value) / total) : 0;
    return html`<div class=${`meter tone-${tone}`} role="progressbar" aria-label=${label} aria-valuemin="0" aria-valuemax="100" aria-valuenow=${Math.floor(percent)}>
        <div style=${{ width: `${percent}%` }}></div>
    </div>`;
}

export const Skeleton = ({ lines = 3 }) => html`<div class="skeleton" aria-busy="true"><span class="visually-hidden">${t('loading')}</span>
    ${Array.from({ length: lines }, () => html`<div></div>`)}</div>`;

// --- a menu of actions, each with its command -------------------------------------------------------------------------

export function Menu({ label, items, icon = 'dots', text, class: className = 'secondary' }) {
    const [isOpen, setOpen] = useState(false);
    const ref = useRef(null);
    const button = useRef(null);
    const id = useId();
    useOutside(ref, isOpen, () => setOpen(false));
    useEffect(() => {
        if (isOpen) ref.current.querySelector('[role=menuitem]')?.focus();
    }, [isOpen]);
    const keys = (event) => {
        const all = [...ref.current.querySelectorAll('[role=menuitem]')];
        const at = all.indexOf(document.activeElement);
        const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
        if (event.key === 'Escape' && isOpen) {
            event.preventDefault();
            event.stopPropagation();
            setOpen(false);
            button.current.focus();
        } else if (isOpen && to !== undefined) {
            event.preventDefault();
            all[(to + all.length) % all.length].focus();
        }
    };
    const choose = (item) => {
        setOpen(false);
        button.current.focus();
        item.run();
    };
    return html`<div class="menu" ref=${ref} onKeyDown=${keys}>
        <button ref=${button} type="button" class=${classes(className, !text && 'icon-only')} aria-haspopup="menu" aria-expanded=${isOpen ? 'true' : 'false'} aria-controls=${id}
            aria-label=${text ? undefined : label} title=${text ? undefined : label} onClick=${() => setOpen(!isOpen)}><${Icon} name=${icon} />${text && html`<span>${text}</span>`}</button>
        ${isOpen && html`<div class="menu-list" id=${id} role="menu" aria-label=${label}>
            ${items.filter(Boolean).map((item) => html`<button type="button" role="menuitem" tabindex="-1" class=${classes('menu-item', item.danger && 'danger-text')} onClick=${() => choose(item)}>
                <${Icon} name=${item.icon} /><span><span>${item.label}</span>${item.cli && html`<code>${item.cli}</code>`}</span>
            </button>`)}
        </div>`}
    </div>`;
}
