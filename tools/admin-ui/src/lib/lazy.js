// Parts of the page that are fetched when they are first wanted.
import { html, useEffect, useState } from './ui.js';
import { moreWords, t } from './i18n.js';
import { say } from '../ui/parts.js';

function lazy(load, name) {
    let known;
    return function Later(props) {
        const [view, setView] = useState(() => known);
        useEffect(() => {
            if (view) return;
            load().then(
                (module) => {
                    known = module[name];
                    setView(() => known);
                },
                () => say(t('code.E-DAEMON'), 'bad'), // as good as any request that fails
            );
        }, []);
        return view ? html`<${view} ...${props} />` : null;
    };
}

const loadLater = async () => (await Promise.all([import('../later.js'), moreWords()]))[0];
export const later = (name) => lazy(loadLater, name);
