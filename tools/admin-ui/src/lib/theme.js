// Light, dark, or as the system says.
import { signal } from './ui.js';

const dark = matchMedia('(prefers-color-scheme: dark)');
export const theme = signal(localStorage.getItem('oracxfs.theme') || 'auto'); // auto | light | dark
export const isDark = signal(false);

function apply() {
    isDark.value = theme.value === 'dark' || (theme.value === 'auto' && dark.matches);
    document.documentElement.dataset.theme = isDark.value ? 'dark' : 'light';
}

export function toggleTheme() {
    theme.value = isDark.value ? 'light' : 'dark';
    localStorage.setItem('oracxfs.theme', theme.value);
    apply();
}

dark.addEventListener('change', apply);
apply();

// Too narrow for a column per provider.
const narrowQuery = matchMedia('(max-width: 46rem)');
export const narrow = signal(narrowQuery.matches);
narrowQuery.addEventListener('change', () => (narrow.value = narrowQuery.matches));
