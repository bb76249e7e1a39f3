// How hard a password is to guess, roughly: by its length and by how many kinds of characters it has.
import { html } from '../lib/ui.js';
import { t } from '../lib/i18n.js';

export const shortest = 8;

export function strengthOf(password) {
    if (password.length < shortest) return 0;
    const kinds = [/[a-z]/, /[A-Z]/, /\d/, /[^a-zA-Z\d]/].filter((kind) => kind.test(password)).length;
    const different = new Set(password).size;
    if (different < 5) return 1;
    return Math.min(4, 1 + (password.length >= 12) + (password.length >= 16) + (kinds >= 3));
}

export function Strength({ password }) {
    if (!password) return null;
    const strength = strengthOf(password);
    return html`<div class="strength" role="status"><div class=${`strength-bar level-${strength}`} aria-hidden="true">${[1, 2, 3, 4].map((step) => html`<span class=${step <= strength ? 'on' : ''}></span>`)}</div><span>${t(`strength.${strength}`)}</span></div>`;
}
