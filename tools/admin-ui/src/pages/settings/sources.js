// What is packed into a backup.
import { html, useEffect, useState } from '../../lib/ui.js';
import { command } from '../../lib/cli.js';
import { t } from '../../lib/i18n.js';
import { askSettings, saveSettings, settings, valueOf } from '../../lib/settings.js';
import { PathField } from '../../ui/folder-field.js';
import { Icon } from '../../ui/icons.js';
import { Button, Cli, ErrorBox, Field, Skeleton, Summary, say } from '../../ui/parts.js';

const toRow = (source) => ({ ...source, excludeText: (source.exclude || []).join(', ') });
const fromRow = ({ excludeText, ...source }) => {
    const exclude = excludeText.split(',').map((one) => one.trim()).filter(Boolean);
    const { exclude: _, ...rest } = source;
    return { ...rest, ...(source.path !== undefined ? { path: source.path.trim() } : {}), ...(exclude.length > 0 ? { exclude } : {}) };
};

// What the daemon found wrong with the settings: each problem with its hint.
export function SettingProblems({ error }) {
    if (!error) return null;
    return html`<${ErrorBox} error=${error}>${(error.data?.problems || []).length > 0 && html`<ul>${error.data.problems.map((problem) => html`<li>${problem.message}${problem.hint ? ` (${problem.hint})` : ''}</li>`)}</ul>`}<//>`;
}

export function Sources() {
    const [rows, setRows] = useState(null);
    const [compression, setCompression] = useState('max');
    const [problems, setProblems] = useState({});
    const [error, setError] = useState(null);
    const [busy, setBusy] = useState(false);
    const take = () => {
        setRows((valueOf('backup.sources') || []).map(toRow));
        setCompression(valueOf('backup.compression') || 'max');
    };
    useEffect(() => {
        askSettings().then(take, setError);
    }, []);
    if (!rows) return error ? html`<${ErrorBox} error=${error} />` : html`<${Skeleton} />`;
    const set = (index, key, value) => setRows(rows.map((row, at) => (at === index ? { ...row, [key]: value } : row)));
    const add = (kind) => setRows([...rows, { kind, path: '', excludeText: '' }]);
    const save = async (event) => {
        event.preventDefault();
        const found = {};
        rows.forEach((row, index) => row.kind !== 'command' && !row.path?.trim() && (found[`source-${index}`] = t('field.missing', { field: t('sources.path') })));
        setProblems(found);
        if (Object.keys(found).length > 0) return;
        setBusy(true);
        setError(null);
        try {
            await saveSettings({ 'backup.sources': rows.map(fromRow), ...(compression !== valueOf('backup.compression') ? { 'backup.compression': compression } : {}) });
            take();
            say(t('settings.saved'));
        } catch (failure) {
            setError(failure);
            if (failure.status === 412) askSettings().catch(() => {});
        }
        setBusy(false);
    };
    return html`<form onSubmit=${save} novalidate>
        <${Summary} problems=${problems} />
        ${rows.length === 0 && html`<p class="empty-line">${t('sources.none')}</p>`}
        <ul class="source-list">${rows.map((row, index) => html`<li key=${index}>
            <span class="kind-icon"><${Icon} name=${row.kind === 'sqlite' ? 'archive' : row.kind === 'command' ? 'terminal' : 'folder'} /></span>
            <div class="source-fields">
                ${row.kind === 'command'
                    ? html`<p><strong>${row.name}</strong><br /><code>${[].concat(row.command).join(' ')}</code></p>`
                    : html`<${PathField} id=${`source-${index}`} kind=${row.kind === 'sqlite' ? 'all' : 'dir'} label=${t(`sources.${row.kind}`)} placeholder=${row.kind === 'sqlite' ? '~/data/app.db' : '~/documents'} value=${row.path} error=${problems[`source-${index}`]}
                            choose=${(path) => set(index, 'path', path)} />
                        ${row.kind === 'tree' && html`<${Field} label=${t('sources.exclude')} optional placeholder="*.tmp, cache/" value=${row.excludeText} autocomplete="off" spellcheck=${false} onInput=${(event) => set(index, 'excludeText', event.target.value)} />`}`}
            </div>
            <button type="button" class="plain icon-only" aria-label=${t('sources.remove', { path: row.path || row.name || '' })} title=${t('remove')} onClick=${() => setRows(rows.filter((_, at) => at !== index))}><${Icon} name="trash" /></button>
        </li>`)}</ul>
        <div class="row-actions"><${Button} class="small secondary" icon="plus" onClick=${() => add('tree')}>${t('sources.add_tree')}<//><${Button} class="small secondary" icon="plus" onClick=${() => add('sqlite')}>${t('sources.add_sqlite')}<//></div>
        <${Field} label=${t('sources.compression')}>${(input) => html`<select ...${input} value=${compression} onChange=${(event) => setCompression(event.target.value)}>${['max', 'balanced', 'store'].map((one) => html`<option value=${one}>${t(`sources.compression_${one}`)}</option>`)}</select>`}<//>
        <${SettingProblems} error=${error} />
        <div class="form-foot"><${Cli} command=${command('config', 'set', 'backup.sources', JSON.stringify(rows.map(fromRow)))} /><${Button} type="submit" busy=${busy}>${t('save')}<//></div>
        <p class="help">${settings.value && t('settings.file', { file: settings.value.file })}</p>
    </form>`;
}
