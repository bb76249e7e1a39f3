// One line of the activity log. What a server or a file name says is text, never markup.
import { classes, html } from '../lib/ui.js';
import { dateTime, fullTime, has, t, timeExact, wording } from '../lib/i18n.js';
import { shortName } from '../lib/cli.js';
import { explain } from './verdict.js';
import { Icon } from './icons.js';
import { stateIcon, stateWord, tone } from './state.js';

const sameDay = (text) => new Date(text).toDateString() === new Date().toDateString();

export function EventRow({ event, brief }) {
    const who = event.provider || (event.providers || []).join(', ');
    const kind = has(`category.${event.category}`) ? t(`category.${event.category}`) : event.category || event.kind;
    return html`<li class=${classes('event', `level-${event.level}`)}>
        <time datetime=${event.at} title=${fullTime(event.at)}>${sameDay(event.at) ? timeExact(event.at) : dateTime(event.at)}</time>
        <span class=${`tone-${tone(event.level)} event-level`} title=${stateWord(event.level, 'level')}><${Icon} name=${stateIcon(event.level)} size="15" /><span class=${event.level === 'info' ? 'visually-hidden' : ''}>${stateWord(event.level, 'level')}</span></span>
        <span class="event-text">
            ${who && html`<strong>${who}</strong> `}
            ${!brief && html`<span class="tag">${kind}</span> `}
            <span>${wording(event)}</span>
            ${event.path && html` <code title=${event.path}>${brief ? shortName(event.path) : event.path}</code>`}
            ${event.code && !brief && html` <button type="button" class="link" onClick=${() => explain(event.code)}>${event.code}</button>`}
        </span>
    </li>`;
}
