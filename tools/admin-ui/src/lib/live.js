// News from the daemon. A browser opens few connections to one place, so of all tabs one holds the stream and tells the
// others. A tab that nobody sees for half a minute lets go. Without a stream the state is asked for every few seconds.
import { signal } from './ui.js';
import { apiBase } from './api.js';

const hiddenMax = 30_000;
const pollEvery = 5_000;
const streamAgain = 30_000;
const names = ['hello', 'state', 'provider', 'run', 'progress', 'replica', 'task', 'log', 'reset'];

// live: by stream, own or another tab's. polling: asked every few seconds. off: nobody looks, or not signed in.
export const connection = signal('off');

export class Live {
    // onEvent(name, data) for each event; onPoll() asks for everything anew, and tells whether that went well.
    constructor(onEvent, onPoll) {
        Object.assign(this, { onEvent, onPoll, running: false, wanted: false, lastId: 0, source: null });
        this.channel = 'BroadcastChannel' in globalThis ? new BroadcastChannel('oracxfs-live') : null;
        if (this.channel) this.channel.onmessage = ({ data }) => this.heard(data);
        document.addEventListener('visibilitychange', () => this.looked());
        addEventListener('pagehide', () => this.letGo());
        addEventListener('pageshow', (event) => event.persisted && this.running && this.take());
    }

    start() {
        this.running = true;
        if (!document.hidden) this.take();
    }

    stop() {
        this.running = false;
        this.letGo();
    }

    // --- who holds the stream ------------------------------------------------------------------------------------------

    take() {
        if (this.wanted || !this.running) return;
        this.wanted = true;
        this.listened = Date.now();
        this.watch();
        if (!navigator.locks || !this.channel) {
            this.open();
            return;
        }
        this.queue = new AbortController();
        navigator.locks
            .request('oracxfs-live', { signal: this.queue.signal }, () => {
                if (!this.wanted) return undefined;
                this.open();
                return new Promise((release) => (this.release = release));
            })
            .catch((error) => {
                if (error.name !== 'AbortError') throw error;
            });
    }

    letGo() {
        this.wanted = false;
        this.queue?.abort();
        this.close();
        this.release?.();
        this.release = null;
        clearInterval(this.watcher);
        connection.value = 'off';
    }

    looked() {
        clearTimeout(this.hiddenTimer);
        if (document.hidden) {
            this.hiddenTimer = setTimeout(() => this.letGo(), hiddenMax);
        } else if (this.running && !this.wanted) {
            this.take();
            this.onPoll();
        }
    }

    // --- the stream ----------------------------------------------------------------------------------------------------

    open() {
        this.close();
        const after = this.lastId > 0 ? `?last_event_id=${this.lastId}` : '';
        const source = new EventSource(`${apiBase}/events${after}`);
        this.source = source;
        for (const name of names)
            source.addEventListener(name, (event) => {
                if (this.source !== source) return;
                const message = { name, data: JSON.parse(event.data), id: Number(event.lastEventId) || 0 };
                this.heard(message);
                this.channel?.postMessage(message);
            });
        source.onerror = () => {
            if (this.source !== source) return;
            this.tell('lost');
            // The browser tries again by itself unless it was refused.
            if (source.readyState === EventSource.CLOSED) {
                this.close();
                this.again = setTimeout(() => this.wanted && this.open(), streamAgain);
            }
        };
    }

    close() {
        clearTimeout(this.again);
        this.source?.close();
        this.source = null;
    }

    tell(name) {
        this.heard({ name });
        this.channel?.postMessage({ name });
    }

    heard({ name, data, id }) {
        if (!this.wanted) return;
        if (name === 'who') {
            if (this.source?.readyState === EventSource.OPEN) this.channel.postMessage({ name: 'here', id: this.lastId });
            return;
        }
        if (name === 'lost') {
            this.listened = 0;
            this.look();
            return;
        }
        if (name === 'hello' && data && id < this.lastId) this.lastId = 0; // another daemon, which counts anew
        if (id > this.lastId) this.lastId = id;
        // What was said while nobody listened may be lost, with the daemon that said it.
        const missed = connection.value === 'lost' || connection.value === 'polling';
        this.listened = Infinity;
        connection.value = 'live';
        this.onEvent(name, data);
        if (missed) this.onPoll();
    }

    // --- without a stream ----------------------------------------------------------------------------------------------

    // Another tab's stream said hello before this tab came: so it asks whether there is one.
    watch() {
        clearInterval(this.watcher);
        this.watcher = setInterval(() => this.look(), pollEvery);
        this.channel?.postMessage({ name: 'who' });
    }

    async look() {
        if (this.listened === Infinity) return;
        const well = await this.onPoll();
        if (this.listened !== Infinity) connection.value = well ? 'polling' : 'lost';
    }
}
