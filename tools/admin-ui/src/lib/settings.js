// The settings of cloud_config.json, as the page needs them: read once, saved with the version that was read.
import { computed, signal } from './ui.js';
import { get, put } from './api.js';

export const settings = signal(null); // {list: {path: setting}, file, etag}

function take(envelope) {
    settings.value = {
        list: Object.fromEntries(envelope.data.settings.map((setting) => [setting.path, setting])),
        file: envelope.data.file,
        etag: envelope.headers.get('ETag') || settings.value?.etag || '*',
    };
    return envelope.data;
}

export const askSettings = async () => take(await get('/settings', { whole: true }));
export const valueOf = (path) => settings.value?.list[path]?.value;
export const sources = computed(() => valueOf('backup.sources'));

// {path: value}. The file as it was read must still be the one that is there.
export const saveSettings = async (set, options = {}) => take(await put('/settings', { set, ...options }, { whole: true, headers: { 'If-Match': settings.value.etag } }));
