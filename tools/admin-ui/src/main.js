// The page: who is signed in decides what is drawn.
import { html, render, useEffect } from './lib/ui.js';
import { del } from './lib/api.js';
import { chooseLanguage, lang, languages, preferredLanguage, t, useLanguage } from './lib/i18n.js';
import { later } from './lib/lazy.js';
import { listenToKeys } from './lib/keys.js';
import { connection } from './lib/live.js';
import { go, href, pages, route } from './lib/router.js';
import { askSession, events, moreEvents, refresh, session, status, takeSession } from './lib/store.js';
import { isDark, toggleTheme } from './lib/theme.js';
import { showHelp, syncNow } from './actions.js';
import { DialogHost, openDialog } from './ui/dialog.js';
import { Icon, Logo } from './ui/icons.js';
import { Button, ErrorBox, Menu, Messages, sayError } from './ui/parts.js';
import { FirstStart, SignInPage } from './pages/entry.js';
import { Overview } from './pages/overview.js';

const [Activity, Backups, Providers, Settings, SignIn] = ['Activity', 'Backups', 'Providers', 'Settings', 'SignIn'].map(later);
const pageOf = { overview: Overview, providers: Providers, backups: Backups, activity: Activity, settings: Settings };
const iconOf = { overview: 'home', providers: 'cloud', backups: 'archive', activity: 'activity', settings: 'sliders' };

async function signOut() {
    try {
        await del('/session');
        takeSession({ ...session.value, signed_in: false });
    } catch (error) {
        sayError(error);
    }
}

function Nav({ className }) {
    return html`<nav class=${className} aria-label=${t('nav.label')}><ul>${pages.map((page) => html`<li><a href=${href(page)} aria-current=${route.value.page === page ? 'page' : undefined}><${Icon} name=${iconOf[page]} size="18" /><span>${t(`nav.${page}`)}</span></a></li>`)}</ul></nav>`;
}

function Header() {
    const other = Object.keys(languages).find((code) => code !== lang.value);
    return html`<header class="top"><div class="top-inside">
        <a class="brand" href=${href('overview')}><${Logo} size="28" /><span class="brand-name">oracxfs</span>${session.value.instance && html`<span class="brand-host" title=${t('nav.host')}>${session.value.instance}</span>`}</a>
        <${Nav} className="nav" />
        <div class="top-tools">
            ${connection.value !== 'off' && connection.value !== 'live' && html`<span class=${`connection ${connection.value}`} role="status"><span class="dot"></span><span>${t(`connection.${connection.value}`)}</span></span>`}
            <button type="button" class="plain tool" lang=${other} title=${languages[other]} aria-label=${`${other.toUpperCase()} – ${languages[other]}`} onClick=${() => chooseLanguage(other)}>${other.toUpperCase()}</button>
            <button type="button" class="plain tool icon-only" aria-label=${t(isDark.value ? 'theme.light' : 'theme.dark')} title=${t(isDark.value ? 'theme.light' : 'theme.dark')} onClick=${toggleTheme}><${Icon} name=${isDark.value ? 'sun' : 'moon'} /></button>
            <${Menu} label=${t('nav.account')} icon="user" class="plain tool" items=${[
                { label: t('settings.security'), icon: 'lock', run: () => go('settings', 'security') },
                { label: t('keys.title'), icon: 'keyboard', run: showHelp },
                { label: t('nav.sign_out'), icon: 'logout', run: signOut },
            ]} />
        </div>
    </div></header>`;
}

// A page that is still being fetched has none yet.
function focusHeading(left = 100) {
    const heading = document.querySelector('main h1');
    if (heading) heading.focus({ preventScroll: true });
    else if (left > 0) setTimeout(() => focusHeading(left - 1), 50);
}

function SignedIn() {
    const { page } = route.value;
    const Page = pageOf[page];
    useEffect(() => {
        document.title = `${t(`nav.${page}`)} · oracxfs`;
        // Another page is announced by its heading. The first one is not: the reader has not asked for it.
        if (SignedIn.page && SignedIn.page !== page) {
            scrollTo(0, 0);
            focusHeading();
        }
        SignedIn.page = page;
    }, [page, lang.value]);
    return html`<a class="skip" href="#main" onClick=${(event) => (event.preventDefault(), document.querySelector('main h1')?.focus())}>${t('nav.skip')}</a>
        <${Header} />
        <main id="main" class=${`page-${page}`}><${Page} key=${page} /></main>
        <${Nav} className="bottom-nav" />`;
}

function App() {
    const known = session.value;
    if (!known) return null;
    if (known.failed) {
        return html`<main class="entry"><div class="card entry-card"><div class="entry-brand"><${Logo} size="40" /><span>oracxfs</span></div><h1>${t('start.failed')}</h1><${ErrorBox} error=${known.failed} /><${Button} onClick=${begin}>${t('start.again')}<//></div></main>`;
    }
    if (known.setup_required) return html`<${FirstStart} /><${Messages} />`;
    if (!known.signed_in) return html`<${SignInPage} /><${Messages} />`;
    return html`<${SignedIn} /><${DialogHost} /><${Messages} />`;
}

// What only those who are signed in may see, once they are.
async function lookAround() {
    if (!session.value?.signed_in) return;
    if (events.value === null) events.value = await moreEvents({}).then((page) => page.list, () => []);
}

// The browser comes back from a sign-in at Dropbox or Google: "#oauth=STATE".
function comeBack() {
    const state = /^#oauth=([\w.~-]+)$/.exec(location.hash)?.[1];
    if (!state) return;
    go('providers');
    openDialog(({ close }) => html`<${SignIn} attempt=${{ state }} title=${t('signin.coming_back')} type="" done=${() => (refresh().catch(() => {}), close())} close=${close} />`);
}

async function begin() {
    const returning = location.hash.startsWith('#oauth=');
    try {
        await askSession();
        await useLanguage(preferredLanguage(session.value.language));
    } catch (error) {
        await useLanguage(preferredLanguage());
        session.value = { failed: error };
    }
    if (returning && session.value.signed_in) comeBack();
}

session.subscribe(() => void lookAround());
listenToKeys({ help: showHelp, sync: () => session.value?.signed_in && status.value && syncNow() });
await begin();
render(html`<${App} />`, document.getElementById('app'));
