// Single keys. They can be switched off, for those whose speech input types letters.
import { signal } from './ui.js';
import { go } from './router.js';
import { dialogIsOpen } from '../ui/dialog.js';

export const keysOn = signal(localStorage.getItem('oracxfs.keys') !== 'off');
export function setKeys(on) {
    keysOn.value = on;
    localStorage.setItem('oracxfs.keys', on ? 'on' : 'off');
}

const places = { o: 'overview', p: 'providers', b: 'backups', a: 'activity', s: 'settings' };
let wentAt = 0;

const isTyping = (element) => element.closest?.('input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]');

// actions: {help, sync}
export function listenToKeys(actions) {
    addEventListener('keydown', (event) => {
        if (!keysOn.value || event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return;
        if (isTyping(event.target) || dialogIsOpen()) return;
        const afterG = Date.now() - wentAt < 1500;
        wentAt = 0;
        if (afterG && places[event.key]) go(places[event.key]);
        else if (event.key === 'g') wentAt = Date.now();
        else if (event.key === '?') actions.help();
        else if (event.key === 's') actions.sync();
        else if (event.key === '/') document.querySelector('main [type=search]')?.focus();
        else return;
        event.preventDefault();
    });
}
