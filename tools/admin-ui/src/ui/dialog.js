// Dialogs: one list for the whole page, so that they outlive what opened them. The focus stays inside and goes back.
import { classes, html, signal, useEffect, useId, useLayoutEffect, useRef } from '../lib/ui.js';
import { t } from '../lib/i18n.js';
import { Icon } from './icons.js';

const open = signal([]);
let nextId = 1;

// view({close}) draws the dialog. The promise is fulfilled with what close() was given.
export function openDialog(view) {
    return new Promise((done) => {
        const id = nextId++;
        const opener = document.activeElement;
        const close = (value) => {
            if (!open.value.some((entry) => entry.id === id)) return;
            open.value = open.value.filter((entry) => entry.id !== id);
            done(value);
            // What opened it may be gone, as a row that was deleted.
            queueMicrotask(() => (opener?.isConnected && opener !== document.body ? opener : document.querySelector('main h1'))?.focus?.());
        };
        open.value = [...open.value, { id, view, close }];
    });
}

export const dialogIsOpen = () => open.value.length > 0;
export const closeAllDialogs = () => open.value.forEach((entry) => entry.close());

export const DialogHost = () => open.value.map((entry) => html`<${entry.view} key=${entry.id} close=${entry.close} />`);

const focusable = 'a[href], button:not([disabled]), input:not([disabled]), select:not([disabled]), textarea:not([disabled]), summary, [tabindex="0"]';

function keepFocusInside(event) {
    if (event.key !== 'Tab') return;
    const dialog = event.currentTarget;
    const all = [...dialog.querySelectorAll(focusable)].filter((element) => element.offsetParent !== null && element.tabIndex >= 0);
    if (all.length === 0) return event.preventDefault();
    const [first, last] = [all[0], all[all.length - 1]];
    const at = document.activeElement;
    if (event.shiftKey ? at === first || !dialog.contains(at) || at === dialog : at === last) {
        event.preventDefault();
        (event.shiftKey ? last : first).focus();
    }
}

// kind: undefined, "wide", "drawer". busy: Escape does nothing.
export function Dialog({ title, subtitle, close, kind, busy, children, footer, onSubmit, label }) {
    const ref = useRef(null);
    const shown = useRef(true);
    const id = useId();
    useLayoutEffect(() => {
        const dialog = ref.current;
        dialog.showModal();
        const wanted = dialog.querySelector('[data-autofocus]') || dialog.querySelector('.dialog-body input:not([type=hidden]), .dialog-body select, .dialog-body textarea');
        (wanted || dialog.querySelector('h2')).focus();
        return () => {
            shown.current = false;
            if (dialog.open) dialog.close();
        };
    }, []);
    const cancel = (event) => {
        event.preventDefault();
        if (!busy) close();
    };
    const inside = html`
        <header class="dialog-head">
            <div>
                <h2 id=${id} tabindex="-1">${title}</h2>
                ${subtitle && html`<p class="muted">${subtitle}</p>`}
            </div>
            <button type="button" class="plain icon-only" aria-label=${t('close')} disabled=${busy} onClick=${() => close()}><${Icon} name="close" /></button>
        </header>
        <div class="dialog-body">${children}</div>
        ${footer && html`<footer class="dialog-foot">${footer}</footer>`}`;
    return html`<dialog ref=${ref} class=${classes('dialog', kind)} aria-labelledby=${id} onCancel=${cancel} onClose=${() => shown.current && close()} onKeyDown=${keepFocusInside}>
        ${onSubmit
            ? html`<form class="dialog-box" novalidate aria-label=${label} onSubmit=${(event) => (event.preventDefault(), onSubmit(event))}>${inside}</form>`
            : html`<div class="dialog-box">${inside}</div>`}
    </dialog>`;
}

// Asks; fulfilled with true after the yes. `typed`: what has to be typed first, where there is no way back.
export function confirm({ title, text, yes, danger, typed, cli }) {
    return openDialog(({ close }) => html`<${Confirm} ...${{ title, text, yes, danger, typed, cli, close }} />`);
}

function Confirm({ title, text, yes, danger, typed, cli, close }) {
    const value = useSignalOnce('');
    const id = useId();
    return html`<${Dialog} title=${title} close=${close} onSubmit=${() => (!typed || value.value === typed) && close(true)}
        footer=${html`<button type="button" class="secondary" data-autofocus=${!typed} onClick=${() => close()}>${t('cancel')}</button>
            <button type="submit" class=${danger ? 'danger' : ''} disabled=${typed && value.value !== typed}>${yes}</button>`}>
        ${[].concat(text).map((line) => html`<p>${line}</p>`)}
        ${typed && html`<div class="field"><label for=${id}>${t('confirm.type')} <code>${typed}</code></label>
            <input id=${id} autocomplete="off" spellcheck=${false} onInput=${(event) => (value.value = event.target.value)} /></div>`}
        ${cli}
    <//>`;
}

export function useSignalOnce(initial) {
    const ref = useRef(null);
    if (!ref.current) ref.current = signal(initial);
    return ref.current;
}

// Closes a menu when the reader goes elsewhere.
export function useOutside(ref, isOpen, onOutside) {
    useEffect(() => {
        if (!isOpen) return undefined;
        const listen = (event) => !ref.current?.contains(event.target) && onOutside();
        document.addEventListener('pointerdown', listen);
        document.addEventListener('focusin', listen);
        return () => {
            document.removeEventListener('pointerdown', listen);
            document.removeEventListener('focusin', listen);
        };
    }, [isOpen]);
}
