// Looking into a backup: its folders, a search through all of it, one file out of it.
import { html, useEffect, useState } from '../lib/ui.js';
import { apiBase, get, query, segment } from '../lib/api.js';
import { command, shortName } from '../lib/cli.js';
import { bytes, dateTime, t } from '../lib/i18n.js';
import { restore } from '../actions.js';
import { Icon } from '../ui/icons.js';
import { Button, Cli, ErrorBox, Skeleton } from '../ui/parts.js';

const pageSize = 200;
const leaf = (path) => path.replace(/\/$/, '').split('/').pop();

function useFiles(name, path, q) {
    const [state, setState] = useState({ files: null, next: null, count: 0, error: null });
    const ask = (cursor) => get(query(`/backups/${segment(name)}/files`, { path, q, limit: pageSize, cursor }));
    useEffect(() => {
        let here = true;
        const timer = setTimeout(async () => {
            try {
                const page = await ask('');
                if (here) setState({ files: page.files, next: page.next, count: page.count, error: null });
            } catch (error) {
                if (here) setState({ files: null, next: null, count: 0, error });
            }
        }, q ? 250 : 0);
        return () => {
            here = false;
            clearTimeout(timer);
        };
    }, [name, path, q]);
    const more = async () => {
        const page = await ask(state.next);
        setState({ ...state, files: [...state.files, ...page.files], next: page.next });
    };
    return { ...state, more };
}

export function BackupFiles({ backup }) {
    const [path, setPath] = useState('');
    const [search, setSearch] = useState('');
    const [chosen, setChosen] = useState([]);
    const { files, next, count, error, more } = useFiles(backup.name, path, search.trim());
    const parts = path ? path.replace(/\/$/, '').split('/') : [];
    const open = (to) => {
        setPath(to);
        setSearch('');
        document.getElementById('files-here')?.focus();
    };
    const choose = (name, on) => setChosen(on ? [...chosen, name] : chosen.filter((one) => one !== name));
    const link = (file) => `${apiBase}${query(`/backups/${segment(backup.name)}/file`, file.name_b64 ? { path_b64: file.name_b64 } : { path: file.name })}`;
    return html`
        <div class="files-bar">
            <nav class="crumbs" aria-label=${t('files.where')}><button type="button" class="link" id="files-here" onClick=${() => open('')}>${t('files.root')}</button>
                ${parts.map((part, index) => html`<span aria-hidden="true">/</span><button type="button" class="link" onClick=${() => open(parts.slice(0, index + 1).join('/'))}>${part}</button>`)}</nav>
            <label class="search"><span class="visually-hidden">${t('files.search')}</span><${Icon} name="search" size="16" />
                <input type="search" placeholder=${t('files.search')} value=${search} onInput=${(event) => setSearch(event.target.value)} /></label>
        </div>
        <${ErrorBox} error=${error} />
        ${!files && !error && html`<${Skeleton} lines="5" />`}
        ${files?.length === 0 && html`<p class="muted empty">${t(search ? 'files.nothing' : 'files.empty')}</p>`}
        ${files?.length > 0 && html`<table class="files">
            <thead><tr><th scope="col"><span class="visually-hidden">${t('files.choose')}</span></th><th scope="col">${t('files.name')}</th><th scope="col" class="number">${t('copies.size')}</th><th scope="col" class="date">${t('files.changed')}</th><th scope="col"><span class="visually-hidden">${t('files.actions')}</span></th></tr></thead>
            <tbody>${files.map((file) => html`<tr key=${file.name}>
                <td><label class="tick"><input type="checkbox" checked=${chosen.includes(file.name)} onChange=${(event) => choose(file.name, event.target.checked)} /><span class="visually-hidden">${t('files.choose_one', { name: leaf(file.name) })}</span></label></td>
                <td class="file-name"><${Icon} name=${file.kind === 'folder' ? 'folder' : 'file'} size="17" />
                    ${file.kind === 'folder' ? html`<button type="button" class="link" onClick=${() => open(file.name.replace(/\/$/, ''))}>${leaf(file.name)}</button>` : html`<span title=${file.name}>${search ? file.name : leaf(file.name)}</span>`}
                    ${file.encrypted && html`<${Icon} name="lock" size="14" /><span class="visually-hidden">${t('files.encrypted')}</span>`}</td>
                <td class="number">${file.kind === 'folder' ? '' : bytes(file.size)}</td>
                <td class="date muted">${file.mtime ? dateTime(file.mtime) : ''}</td>
                <td class="number">${file.kind === 'file' && !file.refused && !file.encrypted && html`<a class="icon-link" href=${link(file)} download=${leaf(file.name)} aria-label=${t('files.download', { name: leaf(file.name) })} title=${t('files.download', { name: leaf(file.name) })}><${Icon} name="download" size="17" /></a>`}</td>
            </tr>`)}</tbody>
        </table>
        <p class="row-actions">${next && html`<${Button} class="small secondary" onClick=${more}>${t('files.more', { shown: files.length, n: count })}<//>`}</p>`}
        <div class=${`files-foot${chosen.length > 0 ? ' some' : ''}`}>
            <span role="status">${chosen.length > 0 ? t('files.chosen', { n: chosen.length }) : t('files.hint')}</span>
            ${chosen.length > 0 && html`<button type="button" class="small plain" onClick=${() => setChosen([])}>${t('files.none')}</button>
                <button type="button" class="small" onClick=${() => restore(backup, chosen)}>${t('files.restore')}</button>`}
        </div>
        <${Cli} command=${chosen.length > 0 ? command('backups', 'restore', shortName(backup.name), ...chosen.slice(0, 3), '--to', 'DIR') : command('backups', 'files', shortName(backup.name), path)} />`;
}
