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

// {state, title, text, reasons: [{provider, text, code}]}
export function verdictOf(status, providers, backups, making) {
    const state = status.state;
    const enabled = providers.filter((provider) => provider.enabled);
    const reasons = enabled.filter(isDown).map((provider) => ({ provider, code: provider.reason, text: t(`why.${provider.state}`, { name: provider.name }) }));
    const damaged = status.backups?.damaged_copies || 0;
    if (damaged > 0) reasons.push({ text: t('why.damaged', { n: damaged }) });
    // A backup that is just being sent is not on its places yet: that is no alarm as long as nothing else is wrong.
    if (making && reasons.length === 0 && status.files?.incomplete <= 1 && ['degraded', 'at_risk'].includes(state))
        return { state: 'making', title: t('verdict.making'), text: sentence(status, state, backups || [], enabled, making), reasons };
    if (status.files?.without_copy > 0) reasons.push({ text: t('why.without_copy', { n: status.files.without_copy }) });
    else if (reasons.length === 0 && status.files?.incomplete > 0) reasons.push({ text: t('why.incomplete', { n: status.files.incomplete }) });

    return { state, title: t(`verdict.${state}`), text: sentence(status, state, backups || [], enabled, making), reasons };
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
