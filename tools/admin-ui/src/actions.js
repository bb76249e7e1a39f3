// What the reader can do from several places.
import { html } from './lib/ui.js';
import { del, patch, post, segment } from './lib/api.js';
import { command, shortName } from './lib/cli.js';
import { dateTime, t } from './lib/i18n.js';
import { activeProviders, current, providers, refresh, taskDone } from './lib/store.js';
import { confirm, openDialog } from './ui/dialog.js';
import { later } from './lib/lazy.js';
import { Cli, say, sayError } from './ui/parts.js';

const [ConnectDialog, HelpDialog, RestoreDialog, SettingsDialog, TaskDialog, TestDialog, TrustDialog] = [
    'ConnectDialog', 'HelpDialog', 'RestoreDialog', 'SettingsDialog', 'TaskDialog', 'TestDialog', 'TrustDialog',
].map(later);

const reporting = (action) => async (...args) => {
    try {
        return await action(...args);
    } catch (error) {
        sayError(error);
        return undefined;
    }
};

export const syncNow = reporting(async () => {
    if (current.value) return say(t('sync.already'), 'quiet');
    if (activeProviders.value.length === 0) return say(t('sync.no_provider'), 'bad');
    const { run } = await post('/runs', {}, { headers: { 'Idempotency-Key': crypto.randomUUID?.() || String(Math.random()) } });
    current.value = { run, phase: 'packing', transfers: [], since: Date.now(), ...current.value };
    say(t('sync.started'), 'quiet');
    return run;
});

export const cancelRun = reporting(async (run) => {
    await post(`/runs/${segment(run)}/cancel`);
    say(t('sync.cancelling'), 'quiet');
});

export const addProvider = (type) => openDialog(({ close }) => html`<${ConnectDialog} type=${type} close=${close} />`);
export const testProvider = (name) => openDialog(({ close }) => html`<${TestDialog} name=${name} close=${close} />`);
export const trustHost = (name) => openDialog(({ close }) => html`<${TrustDialog} name=${name} close=${close} />`);
export const changeProvider = (name) => openDialog(({ close }) => html`<${SettingsDialog} name=${name} close=${close} />`);
export const signInAgain = (provider) => openDialog(({ close }) => html`<${ConnectDialog} type=${provider.type} existing=${provider.name} close=${close} />`);
export const showHelp = () => openDialog(({ close }) => html`<${HelpDialog} close=${close} />`);
export const restore = (backup, paths) => openDialog(({ close }) => html`<${RestoreDialog} backup=${backup} paths=${paths || []} close=${close} />`);

export const enableProvider = reporting(async (name) => {
    await post(`/providers/${segment(name)}/enable`);
    say(t('provider.enabled', { name }));
    await refresh();
});

export const disableProvider = reporting(async (name) => {
    const only = activeProviders.value.length === 1;
    const yes = await confirm({
        title: t('provider.disable_title', { name }),
        text: [t('provider.disable_text'), only && t('provider.disable_only')].filter(Boolean),
        yes: t('provider.disable'),
        danger: only,
        cli: html`<${Cli} command=${command('providers', 'disable', name)} />`,
    });
    if (!yes) return;
    await post(`/providers/${segment(name)}/disable`, only ? { confirm: true } : {});
    say(t('provider.disabled', { name }));
    await refresh();
});

export const removeProvider = reporting(async (provider) => {
    const { name } = provider;
    const yes = await confirm({
        title: t('provider.remove_title', { name }),
        text: [t('provider.remove_text', { place: provider.place || name })],
        yes: t('provider.remove'),
        danger: true,
        typed: name,
        cli: html`<${Cli} command=${command('providers', 'remove', name)} />`,
    });
    if (!yes) return;
    await del(`/providers/${segment(name)}`);
    providers.value = providers.value.filter((known) => known.name !== name);
    say(t('provider.removed', { name }));
    await refresh();
});

export const pin = reporting(async (backup, pinned, label) => {
    const after = await patch(`/backups/${segment(backup.name)}`, label === undefined ? { pinned } : { pinned, label });
    say(t(pinned ? 'backup.pinned_now' : 'backup.unpinned_now', { time: dateTime(backup.time) }));
    await refresh();
    return after;
});

const task = (kind, path, commandOf) => (backup) =>
    openDialog(({ close }) => html`<${TaskDialog} kind=${kind} backup=${backup} command=${commandOf(backup)} close=${close}
        begin=${async () => taskDone((await post(path(backup), {})).task)} />`).then(refresh);

export const repair = task('repair', (backup) => `/backups/${segment(backup.name)}/repair`, (backup) => command('backups', 'repair', shortName(backup.name)));
export const verify = task('verify', (backup) => `/backups/${segment(backup.name)}/verify`, (backup) => command('backups', 'verify', shortName(backup.name)));

export const deleteBackup = reporting(async (backup) => {
    const send = (query) => del(`/backups/${segment(backup.name)}${query}`);
    const yes = await confirm({
        title: t('backup.delete_title', { time: dateTime(backup.time) }),
        text: [t('backup.delete_text', { n: backup.copies.wanted })],
        yes: t('backup.delete'),
        danger: true,
        cli: html`<${Cli} command=${command('backups', 'delete', shortName(backup.name))} />`,
    });
    if (!yes) return false;
    try {
        await send('');
    } catch (error) {
        if (error.status !== 409 || backup.pinned) throw error;
        const sure = await confirm({ title: t('backup.delete_last'), text: [error.why || error.message], yes: t('backup.delete'), danger: true, typed: shortName(backup.name) });
        if (!sure) return false;
        await send('?even_the_last=true');
    }
    say(t('backup.deleted', { time: dateTime(backup.time) }));
    await refresh();
    return true;
});
