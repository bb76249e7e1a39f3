// A long list, fetched a page at a time as it comes into sight, wherever that is. After a change the pages in sight are
// fetched anew while the old rows stay.
import { signal } from './ui.js';
import { get, query } from './api.js';

const pageSize = 100;

export class BackupList {
    constructor() {
        this.rows = signal(new Map()); // index -> backup
        this.total = signal(null); // null: not known yet
        this.error = signal(null);
        this.filter = {};
        this.round = 0;
        this.seen = { first: 0, last: 0 };
        this.fetched = new Set(); // pages of this round
    }

    // Another filter begins again; the same one fetches again what is in sight.
    async load(filter, keep) {
        this.round += 1;
        this.filter = filter;
        this.fetched.clear();
        if (!keep) {
            this.rows.value = new Map();
            this.total.value = null;
            this.seen = { first: 0, last: 0 };
        }
        await this.need(this.seen.first, this.seen.last);
    }

    async need(first, last) {
        this.seen = { first, last };
        const pages = [];
        for (let page = Math.floor(first / pageSize); page <= Math.floor(last / pageSize); ++page) if (!this.fetched.has(page)) pages.push(page);
        await Promise.all(pages.map((page) => this.fetch(page)));
    }

    async fetch(page) {
        const { round } = this;
        this.fetched.add(page);
        try {
            const answer = await get(query('/backups', { ...this.filter, limit: pageSize, offset: page * pageSize }));
            if (round !== this.round) return;
            const rows = new Map(this.rows.value);
            answer.backups.forEach((backup, index) => rows.set(page * pageSize + index, backup));
            const total = answer.matching ?? answer.total;
            for (const index of rows.keys()) if (index >= total) rows.delete(index);
            this.rows.value = rows;
            this.total.value = total;
            this.error.value = null;
        } catch (error) {
            if (round !== this.round) return;
            this.fetched.delete(page);
            this.error.value = error;
        }
    }
}
