// A path on the machine where oracxfs runs: typed, or chosen by walking through its folders.
import { html, useEffect, useState } from '../lib/ui.js';
import { get, query } from '../lib/api.js';
import { bytes, t } from '../lib/i18n.js';
import { Dialog, openDialog } from './dialog.js';
import { Icon } from './icons.js';
import { ErrorBox, Field, Notice, Skeleton } from './parts.js';

// kind: "dir" for folders, "all" for files as well. choose(path) is told what was chosen.
export function PathField({ kind = 'dir', value, choose, ...field }) {
    const browse = async () => {
        const path = await openDialog(({ close }) => html`<${PathDialog} kind=${kind} start=${value} close=${close} />`);
        if (path) choose(path);
    };
    return html`<div class="path-field"><${Field} ...${field} value=${value} autocomplete="off" spellcheck=${false} autocapitalize="none" onInput=${(event) => choose(event.target.value)} />
        <button type="button" class="link path-browse" onClick=${browse}>${t('path.browse')}<span class="visually-hidden"> ${field.label}</span></button></div>`;
}

function PathDialog({ kind, start, close }) {
    const [folder, setFolder] = useState(null);
    const [error, setError] = useState(null);
    const go = (path) => get(query('/folders', { path, kind })).then(
        (found) => {
            setFolder(found);
            setError(null);
        },
        (failure) => {
            // What was typed may not be there yet: begin at home.
            if (path && !folder) go('');
            else setError(failure);
        },
    );
    useEffect(() => {
        go(start && /^[/~]/.test(start) ? start : '');
    }, []);
    return html`<${Dialog} title=${t(kind === 'dir' ? 'path.title' : 'path.title_file')} subtitle=${folder?.path} close=${close}
        footer=${html`<button type="button" class="secondary" onClick=${() => close()}>${t('cancel')}</button>
            ${kind === 'dir' && html`<button type="button" disabled=${!folder} onClick=${() => close(folder.path)}>${t('path.this')}</button>`}`}>
        ${!folder && !error && html`<${Skeleton} lines="5" />`}
        <${ErrorBox} error=${error} />
        ${folder && html`<ul class="paths" aria-label=${folder.path}>
            ${folder.parent && html`<li><button type="button" class="plain" onClick=${() => go(folder.parent)}><${Icon} name="folder" size="17" /><span>${t('path.up')}</span></button></li>`}
            ${folder.entries.map((entry) => html`<li key=${entry.path}><button type="button" class="plain" onClick=${() => (entry.dir ? go(entry.path) : close(entry.path))}>
                <${Icon} name=${entry.dir ? 'folder' : 'file'} size="17" /><span>${entry.name}</span><span class="muted push">${entry.dir ? '' : bytes(entry.size)}</span></button></li>`)}
        </ul>
        ${folder.entries.length === 0 && html`<p class="muted">${t('path.empty')}</p>`}
        ${folder.complete === false && html`<p class="help">${t('path.incomplete')}</p>`}
        ${kind === 'dir' && folder.writable === false && html`<${Notice} tone="warn" icon="alert"><p>${t('path.read_only')}</p><//>`}`}
    <//>`;
}
