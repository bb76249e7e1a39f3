// When backups are made by themselves; the next five times as they would be.
import { html, useEffect, useState } from '../../lib/ui.js';
import { get, post, put } from '../../lib/api.js';
import { command } from '../../lib/cli.js';
import { t, timeOfDay, until, weekday } from '../../lib/i18n.js';
import { refresh } from '../../lib/store.js';
import { Button, Check, Choice, Cli, ErrorBox, Field, Skeleton, Toggle, say } from '../../ui/parts.js';

const everyChoices = ['1h', '2h', '4h', '6h', '8h', '12h', '1d', '2d', '7d'];

// 43200000 -> "12h", in the largest unit that fits.
const lengthOf = (ms) => {
    const [unit, size] = [['d', 86_400_000], ['h', 3_600_000], ['m', 60_000], ['s', 1000]].find(([, length]) => ms % length === 0) || ['s', 1000];
    return `${Math.round(ms / size)}${unit}`;
};

const timesOf = (text) => text.split(/[\s,;]+/).filter(Boolean);
const isTime = (text) => /^([01]?\d|2[0-3]):[0-5]\d$/.test(text);

export function ScheduleForm() {
    const [values, setValues] = useState(null);
    const [next, setNext] = useState([]);
    const [error, setError] = useState(null);
    const [problem, setProblem] = useState('');
    const [busy, setBusy] = useState(false);
    const take = (schedule) => {
        setValues({ enabled: schedule.enabled, mode: (schedule.at || []).length > 0 ? 'at' : 'every', every: lengthOf(schedule.every_ms), at: (schedule.at || []).join(', '), catch_up: schedule.catch_up, on_battery: schedule.on_battery });
        setNext(schedule.next || []);
    };
    useEffect(() => {
        get('/schedule').then(take, setError);
    }, []);
    const body = (from) => ({ enabled: from.enabled, ...(from.mode === 'at' ? { at: timesOf(from.at) } : { at: [], every: from.every }), catch_up: from.catch_up, on_battery: from.on_battery });
    const valid = (from) => from.mode !== 'at' || (timesOf(from.at).length > 0 && timesOf(from.at).every(isTime));

    useEffect(() => {
        if (!values || !valid(values)) return undefined;
        let asked = true;
        const timer = setTimeout(() => post('/schedule/preview', body(values)).then((answer) => asked && setNext(answer.next), () => {}), 200);
        return () => {
            asked = false;
            clearTimeout(timer);
        };
    }, [values?.enabled, values?.mode, values?.every, values?.at]);

    if (!values) return error ? html`<${ErrorBox} error=${error} />` : html`<${Skeleton} />`;
    const set = (key, value) => {
        setValues({ ...values, [key]: value });
        setProblem('');
    };
    const save = async (event) => {
        event.preventDefault();
        if (!valid(values)) return setProblem(t('schedule.at_rule'));
        setBusy(true);
        setError(null);
        try {
            take(await put('/schedule', body(values)));
            say(t(values.enabled ? 'schedule.saved_on' : 'schedule.saved_off'));
            refresh().catch(() => {});
        } catch (failure) {
            setError(failure);
        }
        setBusy(false);
    };
    const cli = !values.enabled ? command('auto-sync', 'off') : command('auto-sync', 'on', ...(values.mode === 'at' ? ['--at', timesOf(values.at).join(',')] : ['--every', values.every]));
    return html`<form onSubmit=${save} novalidate>
        <${Toggle} label=${t('schedule.enabled')} checked=${values.enabled} onChange=${(event) => set('enabled', event.target.checked)} />
        <div class="two-even"><div>
            <${Choice} legend=${t('schedule.when')} name="mode" value=${values.mode} onChange=${(value) => set('mode', value)} options=${[{ value: 'every', label: t('schedule.every') }, { value: 'at', label: t('schedule.at') }]} />
            ${values.mode === 'every'
                ? html`<${Field} label=${t('schedule.pause')} help=${t('schedule.recommended')}>${(input) => html`<select ...${input} value=${values.every} onChange=${(event) => set('every', event.target.value)}>
                    ${[...new Set([...everyChoices, values.every])].map((one) => html`<option value=${one}>${one.replace(/^(\d+)([hdm])$/, (_, n, unit) => t(`schedule.unit_${unit}`, { n: Number(n) }))}</option>`)}</select>`}<//>`
                : html`<${Field} id="schedule-at" label=${t('schedule.times')} help=${t('schedule.times_help')} placeholder="06:00, 18:00" value=${values.at} error=${problem} onInput=${(event) => set('at', event.target.value)} />`}
            <${Check} label=${t('schedule.catch_up')} checked=${values.catch_up} onChange=${(event) => set('catch_up', event.target.checked)} />
            <${Check} label=${t('schedule.on_battery')} checked=${values.on_battery} onChange=${(event) => set('on_battery', event.target.checked)} />
        </div>
        <div class="next-runs"><h3>${t('schedule.next')}</h3>
            ${!values.enabled || next.length === 0 ? html`<p class="muted">${t('schedule.none')}</p>` : html`<ol>${next.map((time) => html`<li><span>${weekday(time)}</span><strong>${timeOfDay(time)}</strong><span class="muted">${until(time)}</span></li>`)}</ol>`}
        </div></div>
        <${ErrorBox} error=${error} />
        <div class="form-foot"><${Cli} command=${cli} /><${Button} type="submit" busy=${busy}>${t('save')}<//></div>
    </form>`;
}
