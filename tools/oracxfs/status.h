#pragma once
// "Am I safe?" as a pure decision, and the report around it.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "cache/catalog.h"
#include "fs/filesystem.h"
#include "fs/replicator.h"
#include "tools/activity/activity_log.h"
#include "tools/config/config.h"

namespace oracxfs {

enum class Safety : std::uint8_t { protected_everywhere, degraded, at_risk, unprotected, not_configured };
std::string_view to_string(Safety safety);  // "protected", "degraded", ...

// What the decision is taken from. A copy counts only when it was verified at an enabled provider.
struct SafetyFacts {
    std::uint32_t providers = 0;        // enabled
    std::uint32_t providers_down = 0;   // of those: not reachable, sign-in needed, full, blocked
    std::uint64_t files = 0;            // to be replicated
    std::uint64_t files_incomplete = 0; // with fewer verified copies than providers
    std::uint64_t files_without_copy = 0;
    // Of those: the ones of which some copy is under way. That is one that is being sent to a provider that is well, or is due
    // there since a few minutes at most, and did not fail.
    std::uint64_t without_copy_under_way = 0;
};

// not_configured  no enabled provider
// unprotected     files, and not one has a verified copy
// at_risk         some file has no verified copy, and none is under way
// degraded        copies are missing, be it that they are under way, or a provider is down
// protected       every file is verified at every enabled provider, and all of them are up
Safety judge_safety(const SafetyFacts& facts);

// How `status --check` ends: 0 protected (or each file has at least `min_copies` and no provider was silent for longer
// than `max_age`), 3 degraded, 5 files without a copy, 6 the same and damage was found, 10 not configured.
struct CheckLimits {
    std::optional<std::uint32_t> min_copies = {};
    std::optional<Millis> max_age = {};
};
int check_exit_code(const Json& report, const CheckLimits& limits, WallTime now);

// What the report is made from. Everything but the catalogue may be absent when no daemon runs.
struct StateView {
    Catalog& catalog;
    Clock& clock;
    std::shared_ptr<const Config> config;
    Replicator* replicator = nullptr;  // live states, transfers
    Staging* staging = nullptr;
    std::string mount_point;           // "" = not mounted
    bool read_only = false;
    std::function<Json()> schedule = {};  // of the backup job; empty when no daemon runs
    ActivityLog* activity = nullptr;
    Filesystem* filesystem = nullptr;  // what is being closed
};

Result<Json> status_report(const StateView& view);
// Files that are not verified everywhere, newest first, at most `limit`; `data` as in the answer of "pending".
Result<Json> pending_report(const StateView& view, const std::string& path, std::size_t limit);

// Where what a provider holds is found without oracxfs, in words.
std::string place_of(const ProviderEntry& entry);

// "quota_full" -> what to do, with the provider's name in it.
std::string next_step_for(const std::string& provider, const std::string& state, const std::string& reason);

}  // namespace oracxfs
