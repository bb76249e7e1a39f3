#pragma once
// What close() promises, as a pure decision: given the replicas of one version and the health of the providers, is the
// promise kept, still open, or broken?

#include <cstdint>
#include <optional>
#include <vector>

#include "base/result.h"
#include "cache/catalog.h"

namespace oracxfs {

struct AckPolicy {
    enum class Mode : std::uint8_t { all, quorum, journal } mode = Mode::all;
    std::uint32_t quorum = 1;        // for Mode::quorum
    std::uint32_t min_replicas = 1;  // fewer verified replicas than this is an error (all)
    bool in_place = false;           // moves and folders under way count as open, too
    bool operator==(const AckPolicy&) const = default;
};

// "all", "journal", "quorum=2"; invalid otherwise.
Result<AckPolicy> parse_ack_policy(std::string_view text);
std::string to_string(const AckPolicy& policy);

// How a provider takes part right now.
struct ProviderHealth {
    ProviderId id;
    bool active = false;  // enabled
    bool down = false;    // found down: offline, sign-in needed, blocked, full
    ProviderState state = ProviderState::active;
};

enum class AckVerdict : std::uint8_t { pending, kept, broken };

struct AckDecision {
    AckVerdict verdict = AckVerdict::pending;
    std::uint32_t verified = 0;  // replicas at active providers
    std::uint32_t wanted = 0;    // active providers
    Errc code = Errc::partial;   // when broken: quota_full, unauthenticated, unavailable or partial
};

AckDecision judge(const AckPolicy& policy, const std::vector<ReplicaRow>& replicas,
                  const std::vector<ProviderHealth>& providers);

}  // namespace oracxfs
