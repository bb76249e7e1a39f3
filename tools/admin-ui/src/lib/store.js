// What the page knows about the daemon, kept up to date by its events.
import { batch, computed, signal } from './ui.js';
import { csrf, get, onSignedOut, post, query } from './api.js';
import { Live } from './live.js';

export const session = signal(null); // as GET /session
export const status = signal(null); // as GET /status, without providers
export const providers = signal([]);
export const latest = signal(null); // the newest backups
export const backupTotal = signal(0);
export const runs = signal(null); // the newest first
export const events = signal(null); // of the activity log, the newest first
export const current = signal(null); // the run under way: {run, phase, bytes, total, members, package, transfers, since}
export const finished = signal(null); // the run that ended while we looked
export const transfers = signal([]); // whatever is being sent, also without a run
export const tasks = signal({}); // by id
export const changed = signal(0); // counts what may have changed a list of backups

export const activeProviders = computed(() => providers.value.filter((provider) => provider.enabled));
export const providerOf = (name) => providers.value.find((provider) => provider.name === name);

const latestShown = 10;
const runsShown = 180;
const eventsKept = 500;

// --- asking -----------------------------------------------------------------------------------------------------------

function takeStatus(data) {
    const { providers: list, transfers: moving, ...rest } = data;
    status.value = { ...status.value, ...rest };
    if (list) providers.value = list.map((provider) => ({ ...providerOf(provider.name), ...provider }));
    if (moving) transfers.value = moving;
    const running = rest.auto_sync?.run;
    if (running && current.value?.run !== running) current.value = { run: running, transfers: [] };
    if (!running && current.value && rest.auto_sync) current.value = null;
}

async function askBackups() {
    const page = await get(query('/backups', { limit: latestShown }));
    batch(() => {
        latest.value = page.backups;
        backupTotal.value = page.total;
    });
}

const askRuns = async () => (runs.value = (await get(query('/runs', { limit: runsShown }))).runs);
const askProviders = async () => (providers.value = (await get('/providers')).providers);

export async function refresh() {
    await Promise.all([get('/status').then(takeStatus), askBackups(), askRuns()]);
    changed.value += 1;
}

async function poll() {
    if (!session.value?.signed_in) return false;
    try {
        await refresh();
        return true;
    } catch {
        return false; // said by the sign of the connection
    }
}

// {list, older}: newest first; older: where the page before begins, null at the end.
export async function moreEvents(filter, before) {
    const page = await get(query('/activity', { limit: 100, ...filter, before }));
    return { list: [...page.events].reverse(), older: page.older ?? null };
}

// --- news -------------------------------------------------------------------------------------------------------------

let asked = 0;
// Many events come at once: one look after them is enough.
function askSoon() {
    clearTimeout(asked);
    asked = setTimeout(async () => {
        try {
            await Promise.all([askBackups(), askRuns()]);
            changed.value += 1;
        } catch {
            // the next event, or the poll, asks again
        }
    }, 400);
}

function replaceCopy(list, event) {
    const now = new Date().toISOString();
    return list?.map((backup) => {
        if (backup.name !== event.package) return backup;
        const replicas = backup.replicas.map((copy) =>
            copy.provider === event.provider ? { ...copy, state: event.state, error: event.error, verified_at: event.state === 'verified' ? now : copy.verified_at } : copy,
        );
        return { ...backup, replicas, copies: { ...backup.copies, verified: replicas.filter((copy) => copy.state === 'verified').length } };
    });
}

const onEvent = {
    hello: () => {},
    state: takeStatus,
    provider: (event) => {
        const known = providerOf(event.name);
        if (event.removed) providers.value = providers.value.filter((provider) => provider.name !== event.name);
        else if (known) providers.value = providers.value.map((provider) => (provider === known ? { ...known, ...event } : provider));
        else askProviders().catch(() => {});
    },
    run: (event) => {
        if (event.type === 'run_started') {
            finished.value = null;
            current.value = { run: event.run, phase: 'packing', transfers: [], since: Date.now() };
        } else if (event.type === 'packed') {
            current.value = { ...current.value, run: event.run, phase: 'sending', package: event.package, size: event.bytes };
            askSoon();
        } else if (event.type === 'run_ended') {
            finished.value = event;
            current.value = null;
            askSoon();
        } else {
            askSoon();
        }
    },
    progress: (event) => {
        transfers.value = event.transfers;
        if (event.run) current.value = { ...current.value, ...event };
    },
    replica: (event) => {
        latest.value = replaceCopy(latest.value, event);
        askSoon();
    },
    task: (event) => {
        tasks.value = { ...tasks.value, [event.task]: event };
        if (event.state !== 'running') askSoon();
    },
    log: (event) => {
        if (events.value) events.value = [event, ...events.value.filter((known) => known.seq !== event.seq)].slice(0, eventsKept);
    },
    reset: () => poll(),
};

export const live = new Live((name, data) => batch(() => onEvent[name]?.(data)), poll);

// --- signing in and out -----------------------------------------------------------------------------------------------

export function takeSession(data) {
    csrf.value = data.csrf || '';
    session.value = data;
    if (!data.signed_in) {
        live.stop();
        return;
    }
    live.start();
    poll();
}

export const askSession = async () => takeSession(await get('/session'));
export const signIn = async (password, remember) => takeSession(await post('/session', { password, remember }));
export const setUp = async (code, password) => takeSession(await post('/setup', { code, password }));

onSignedOut.call = () => {
    if (session.value?.signed_in) takeSession({ ...session.value, signed_in: false, expired: true });
};

// --- waiting for a task -----------------------------------------------------------------------------------------------

// Asks until it is over; the event of its end only makes that quicker.
export async function taskDone(id) {
    for (;;) {
        const task = await get(`/tasks/${id}`);
        tasks.value = { ...tasks.value, [id]: task };
        if (task.state !== 'running') return task;
        await new Promise((next) => setTimeout(next, 700));
    }
}
