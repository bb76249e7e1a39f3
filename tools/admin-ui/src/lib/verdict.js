// "Am I safe?", in a sentence and the reasons. Pure: what is known goes in, texts by key come out.
import { ago, age, span, t } from './i18n.js';

const isDown = (provider) => provider.enabled && ['offline', 'blocked', 'auth_needed', 'full', 'degraded'].includes(provider.state);

// The oldest check of the verified copies of a backup: as old as that is what we know.
export function checkedAt(backup) {
    const times = (backup?.replicas || []).filter((copy) => copy.state === 'verified' && copy.verified_at).map((copy) => copy.verified_at);
    return times.length > 0 ? times.reduce((a, b) => (a < b ? a : b)) : null;
}

export function lastVerified(provider, backups) {
    if (provider.last_verified) return provider.last_verified;
    const times = (backups || []).flatMap((backup) => backup.replicas.filter((copy) => copy.provider === provider.name && copy.state === 'verified' && copy.verified_at).map((copy) => copy.verified_at));
    return times.length > 0 ? times.reduce((a, b) => (a > b ? a : b)) : null;
}

// {state, title, text, note, busy: what is missing is on its way, reasons: [{provider, text, code}]}
export function verdictOf(status, providers, backups, making) {
    const state = status.state;
    const enabled = providers.filter((provider) => provider.enabled);
    const reasons = enabled.filter(isDown).map((provider) => ({ provider, code: provider.reason, text: t(`why.${provider.state}`, { name: provider.name }) }));
    const damaged = status.backups?.damaged_copies || 0;
    if (damaged > 0) reasons.push({ text: t('why.damaged', { n: damaged }) });
    // What is on its way to places that are well is no fault; the daemon says how many files that are.
    const { incomplete = 0, without_copy: without = 0, under_way: coming = 0 } = status.files || {};
    const first = state === 'unprotected' && coming > 0 && coming === incomplete;
    if (without > 0 && !first && ['at_risk', 'unprotected'].includes(state)) reasons.push({ text: t('why.without_copy', { n: without }) });
    else if (reasons.length === 0 && incomplete > coming) reasons.push({ text: t('why.incomplete', { n: incomplete - coming }) });

    const text = first ? t('verdict.first_text') : sentence(status, state, backups || [], enabled, making);
    // Nothing is missing but what is on its way.
    const arriving = state === 'degraded' && reasons.length === 0 && coming > 0 && coming === incomplete;
    const title = first ? 'first' : arriving ? 'coming' : state;
    return { state, title: t(`verdict.${title}`), text, note: coming > 0 ? t('verdict.under_way', { n: coming }) : '', busy: first || arriving, reasons };
}

// making: the name of the backup that is being made; it is not counted before it is whole.
export const settled = (backups, making) => backups.find((backup) => backup.name !== making) || backups[0];

function sentence(status, state, backups, enabled, making) {
    const newest = settled(backups, making);
    if (state === 'not_configured') return t('verdict.not_configured_text');
    if (!newest) return t(status.files?.total > 0 && state === 'protected' ? 'verdict.files_only' : 'verdict.no_backup', { n: enabled.length });
    const { verified, wanted } = newest.copies;
    const checked = checkedAt(newest);
    if (state === 'at_risk' && ['stale', 'none'].includes(status.backups?.freshness)) {
        return t('verdict.too_old', { span: span(age(newest.time)) });
    }
    if (verified === 0) return t('verdict.no_copy', { ago: ago(newest.time) });
    if (verified === wanted) return t(wanted === 1 ? 'verdict.on_the_one' : 'verdict.on_all', { n: wanted, ago: checked ? ago(checked) : '' });
    return t('verdict.on_some', { verified, n: wanted, ago: checked ? ago(checked) : '' });
}
