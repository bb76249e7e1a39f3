// A long list, fetched a page at a time as it comes into sight. After a change the pages that were there are fetched anew
// while the old rows stay.
import { signal } from './ui.js';
import { get, query } from './api.js';

const pageSize = 200;

export class BackupList {
    constructor() {
        this.rows = signal([]);
        this.total = signal(null); // null: not known yet
        this.error = signal(null);
        this.filter = {};
        this.round = 0;
    }

    // Another filter begins again; the same one fetches again what was there.
    async load(filter, keep) {
        const round = ++this.round;
        const wanted = keep ? Math.max(pageSize, this.rows.value.length) : pageSize;
        if (!keep) {
            this.rows.value = [];
            this.total.value = null;
        }
        this.filter = filter;
        this.cursor = '';
        await this.fetch(round, wanted, []);
    }

    async fetch(round, wanted, rows) {
        try {
            while (rows.length < wanted && this.cursor !== null) {
                const page = await get(query('/backups', { ...this.filter, limit: pageSize, cursor: this.cursor }));
                if (round !== this.round) return;
                rows = [...rows, ...page.backups];
                this.cursor = page.next ?? null;
                if (rows.length >= this.rows.value.length || this.cursor === null) this.rows.value = rows;
                const filtered = this.filter.provider || this.filter.state || this.filter.since;
                this.total.value = this.cursor === null ? rows.length : filtered ? rows.length + pageSize : page.total;
            }
            this.error.value = null;
        } catch (error) {
            if (round === this.round) this.error.value = error;
        }
    }

    async need(last) {
        if (this.busy || this.cursor === null || last < this.rows.value.length) return;
        this.busy = true;
        await this.fetch(this.round, last + 1, this.rows.value);
        this.busy = false;
    }
}
