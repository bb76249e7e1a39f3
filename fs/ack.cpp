#include "fs/ack.h"

#include <charconv>

namespace oracxfs {

Result<AckPolicy> parse_ack_policy(std::string_view text) {
    AckPolicy policy;
    if (text == "all") return policy;
    if (text == "journal") {
        policy.mode = AckPolicy::Mode::journal;
        return policy;
    }
    constexpr std::string_view kQuorum = "quorum=";
    if (text.starts_with(kQuorum)) {
        const std::string_view number = text.substr(kQuorum.size());
        std::uint32_t value = 0;
        const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
        if (error == std::errc{} && end == number.data() + number.size() && value >= 1 && value <= 63) {
            policy.mode = AckPolicy::Mode::quorum;
            policy.quorum = value;
            return policy;
        }
    }
    return fail(Errc::invalid, "close_waits_for \"" + std::string(text) + "\"", "use all, quorum=N or journal");
}

std::string to_string(const AckPolicy& policy) {
    switch (policy.mode) {
        case AckPolicy::Mode::all: return "all";
        case AckPolicy::Mode::journal: return "journal";
        case AckPolicy::Mode::quorum: return "quorum=" + std::to_string(policy.quorum);
    }
    return "all";
}

namespace {

// Why fewer replicas than promised: the reason that all failing providers share, else "partial".
Errc common_reason(const std::vector<ProviderHealth>& down, bool row_failures) {
    if (down.empty() || row_failures) return Errc::partial;
    bool all_full = true, all_auth = true, all_offline = true;
    for (const ProviderHealth& provider : down) {
        all_full &= provider.state == ProviderState::full;
        all_auth &= provider.state == ProviderState::auth_needed || provider.state == ProviderState::blocked;
        all_offline &= provider.state == ProviderState::offline;
    }
    if (all_full) return Errc::quota_full;
    if (all_auth) return Errc::unauthenticated;
    if (all_offline) return Errc::unavailable;
    return Errc::partial;
}

}  // namespace

AckDecision judge(const AckPolicy& policy, const std::vector<ReplicaRow>& replicas,
                  const std::vector<ProviderHealth>& providers) {
    AckDecision decision;
    if (policy.mode == AckPolicy::Mode::journal) {
        decision.verdict = AckVerdict::kept;
        return decision;
    }
    std::uint32_t open = 0;
    bool row_failures = false;
    std::vector<ProviderHealth> down;
    for (const ProviderHealth& provider : providers) {
        if (!provider.active) continue;
        decision.wanted += 1;
        const ReplicaRow* row = nullptr;
        for (const ReplicaRow& candidate : replicas)
            if (candidate.provider == provider.id) row = &candidate;
        const bool moving = policy.in_place && row != nullptr && row->due && row->error_text.empty() && !provider.down;
        if (row != nullptr && row->state == ReplicaState::verified && row->intent_key.empty() && !moving)
            decision.verified += 1;
        else if (provider.down)
            down.push_back(provider);
        else if (row != nullptr && (row->state == ReplicaState::failed ||
                                    // Nobody waits for ever for a copy that nothing good is left to heal from.
                                    (policy.in_place && row->state == ReplicaState::damaged && row->attempts >= 5)))
            row_failures = true;
        else if (row != nullptr)
            open += 1;
    }
    decision.code = common_reason(down, row_failures);
    if (policy.mode == AckPolicy::Mode::quorum) {
        const std::uint32_t needed = policy.quorum;
        if (decision.verified >= needed)
            decision.verdict = AckVerdict::kept;
        else if (decision.verified + open < needed)
            decision.verdict = AckVerdict::broken;
        return decision;
    }
    if (open > 0) return decision;
    decision.verdict = decision.verified >= policy.min_replicas ? AckVerdict::kept : AckVerdict::broken;
    return decision;
}

}  // namespace oracxfs
