#include "tools/oracxfs/status.h"

#include <unistd.h>

#include <algorithm>
#include <map>
#include <set>

#include "tools/control/envelope.h"

namespace oracxfs {
namespace {

// More files than this are not looked at one by one; what is not known counts as unsafe.
constexpr std::size_t kLookMax = 50'000;
// A new file may wait for its turn so long before that is a fault. One that is being sent may take as long as it takes.
constexpr Millis kTurnMax{600'000};

Json time_or_null(const std::optional<WallTime>& time) { return time ? Json(format_utc(*time)) : Json(); }

Json size_or_null(const std::optional<std::uint64_t>& size) { return size ? Json(*size) : Json(); }

// "E-AUTH token refused" -> code and words.
std::pair<std::string, std::string> split_reason(const std::string& reason) {
    if (!reason.starts_with("E-")) return {"", reason};
    const std::size_t space = std::min(reason.find(' '), reason.size());
    return {reason.substr(0, space), reason.substr(std::min(space + 1, reason.size()))};
}

struct KnownProvider {
    const ProviderEntry* entry = nullptr;
    std::optional<ProviderRow> row;  // nothing: never used yet
    std::optional<ProviderStatus> live;
};

Result<std::vector<KnownProvider>> known_providers(const StateView& view) {
    ORACX_TRY(const auto rows, view.catalog.providers());
    std::vector<ProviderStatus> live;
    if (view.replicator != nullptr) live = view.replicator->provider_status();
    std::vector<KnownProvider> list;
    for (const ProviderEntry& entry : view.config->providers) {
        KnownProvider known;
        known.entry = &entry;
        for (const ProviderRow& row : rows)
            if (row.name == entry.name) known.row = row;
        for (const ProviderStatus& status : live)
            if (status.row.name == entry.name) known.live = status;
        list.push_back(std::move(known));
    }
    return list;
}

bool is_down(const KnownProvider& provider) {
    if (provider.live) return provider.live->health.down;
    if (!provider.row) return false;
    const ProviderState state = provider.row->state;
    return state == ProviderState::offline || state == ProviderState::auth_needed || state == ProviderState::full ||
           state == ProviderState::blocked;
}

std::string state_word(const KnownProvider& provider) {
    if (!provider.entry->enabled) return "inactive";
    if (provider.live) return std::string(to_string(provider.live->row.state == ProviderState::inactive ? ProviderState::active : provider.live->row.state));
    if (!provider.row || provider.row->state == ProviderState::inactive) return "active";
    return std::string(to_string(provider.row->state));
}

Json provider_report(const KnownProvider& provider, const std::map<ProviderId, ProviderCounts>& counts) {
    const ProviderRow row = provider.live ? provider.live->row : provider.row.value_or(ProviderRow{});
    const bool enabled = provider.entry->enabled;
    const auto [code, words] = enabled ? split_reason(row.reason) : std::pair<std::string, std::string>{};
    Json files = Json::object();
    ProviderCounts none;
    const auto found = counts.find(row.id);
    const ProviderCounts& count = found == counts.end() ? none : found->second;
    for (std::size_t i = 0; i < std::size(count.files_by_state); ++i)
        files.set(to_string(static_cast<ReplicaState>(i)), count.files_by_state[i]);
    Json quota = Json::object({{"total", size_or_null(row.total_bytes)}, {"free", size_or_null(row.free_bytes)}, {"used", nullptr}});
    if (row.total_bytes && row.free_bytes && *row.total_bytes >= *row.free_bytes) quota.set("used", *row.total_bytes - *row.free_bytes);
    Json json = Json::object({{"name", provider.entry->name},
                              {"type", provider.entry->type},
                              {"enabled", enabled},
                              {"place", place_of(*provider.entry)},
                              {"state", state_word(provider)},
                              {"reason", code.empty() ? Json() : Json(code)},
                              {"reason_text", words.empty() ? Json() : Json(words)},
                              {"files", std::move(files)},
                              {"pending_files", count.pending_files},
                              {"pending_bytes", count.pending_bytes},
                              {"stored_bytes", count.stored_bytes},
                              {"quota", std::move(quota)},
                              {"last_ok", time_or_null(row.last_ok)},
                              {"checked_at", time_or_null(row.checked_at)},
                              {"read_errors", row.read_errors},
                              {"write_errors", row.write_errors},
                              {"checksum_errors", row.checksum_errors}});
    if (provider.live) {
        json.set("rate_up", provider.live->rate_up);
        json.set("bytes_up", provider.live->bytes_up);
        json.set("bytes_down", provider.live->bytes_down);
        json.set("next_probe", time_or_null(provider.live->next_probe));
    }
    return json;
}

// Which missing copies only take their time: nothing failed.
class UnderWay {
  public:
    UnderWay(const StateView& view, const std::vector<KnownProvider>& providers) : catalog_(view.catalog), now_(view.clock.wall()) {
        if (view.replicator == nullptr) return;  // nobody sends anything
        for (const KnownProvider& provider : providers)
            if (provider.live && !provider.live->health.down && provider.live->health.state == ProviderState::active) well_ |= mask_of(provider.live->row.id);
        for (const TransferProgress& transfer : view.replicator->transfers()) sending_.emplace(transfer.version, transfer.provider);
    }
    // `due_lately`: asked when it is needed, and once for all copies of a version.
    bool operator()(const ReplicaRow& row, std::optional<bool>& due_lately) const {
        if ((well_ & mask_of(row.provider)) == 0 || !row.error_code.empty()) return false;
        if (row.state != ReplicaState::queued && row.state != ReplicaState::uploading && row.state != ReplicaState::stored) return false;
        if (sending_.contains({row.version, row.provider})) return true;
        if (!due_lately) {
            const auto version = catalog_.version(row.version);
            due_lately = version && now_ - version->created < kTurnMax && version->created - now_ < kTurnMax;
        }
        return *due_lately;
    }

  private:
    Catalog& catalog_;
    const WallTime now_;
    ProviderMask well_ = 0;
    std::set<std::pair<VersionId, ProviderId>> sending_;
};

struct FileCounts {
    std::uint64_t incomplete = 0, incomplete_under_way = 0;
    std::uint64_t without_copy = 0, without_copy_under_way = 0;
    std::uint32_t fewest = 0;  // verified copies of the file that has the fewest
};

// `wanted`: enabled providers; `known`: their rows in the catalogue.
Result<FileCounts> count_files(Catalog& catalog, std::uint32_t wanted, ProviderMask known, std::uint64_t files, const UnderWay& under_way) {
    FileCounts counts;
    counts.fewest = wanted;
    ORACX_TRY(const auto pending, catalog.pending_versions(""));
    std::size_t looked = 0;
    for (const VersionId version : pending) {
        if (++looked > kLookMax) {
            counts.incomplete += pending.size() - kLookMax;
            counts.without_copy += pending.size() - kLookMax;
            counts.fewest = 0;
            break;
        }
        ORACX_TRY(const auto replicas, catalog.replicas(version));
        std::uint32_t verified = 0, coming = 0;
        std::optional<bool> due_lately;
        for (const ReplicaRow& row : replicas) {
            if ((mask_of(row.provider) & known) == 0) continue;
            if (row.state == ReplicaState::verified)
                ++verified;
            else if (under_way(row, due_lately))
                ++coming;
        }
        if (verified >= wanted) continue;  // only to be moved
        counts.incomplete += 1;
        counts.incomplete_under_way += verified + coming >= wanted ? 1u : 0u;
        counts.without_copy += verified == 0 ? 1u : 0u;
        counts.without_copy_under_way += verified == 0 && coming > 0 ? 1u : 0u;
        counts.fewest = std::min(counts.fewest, verified);
    }
    // A provider that was configured but never opened holds nothing yet.
    const auto opened = static_cast<std::uint32_t>(__builtin_popcountll(known));
    if (opened < wanted && files > 0) {
        counts.incomplete = files;
        counts.incomplete_under_way = 0;
        counts.fewest = std::min(counts.fewest, opened);
        if (opened == 0) counts.without_copy = files;
    }
    return counts;
}

Json transfer_reports(const StateView& view) {
    Json list = Json::array();
    if (view.replicator == nullptr) return list;
    std::map<ProviderId, std::string> names;
    std::map<ProviderId, double> rates;
    for (const ProviderStatus& status : view.replicator->provider_status()) {
        names[status.row.id] = status.row.name;
        rates[status.row.id] = status.rate_up;
    }
    for (const TransferProgress& transfer : view.replicator->transfers()) {
        Json json = Json::object({{"provider", names[transfer.provider]}});
        set_bytes(json, "path", transfer.path);
        json.set("bytes", transfer.bytes);
        json.set("total", transfer.total);
        json.set("attempt", std::int64_t{transfer.attempt});
        json.set("verifying", transfer.verifying);
        json.set("started", format_utc(transfer.started));
        const double rate = rates[transfer.provider];
        json.set("rate", rate);
        if (rate > 0 && transfer.total > transfer.bytes)
            json.set("eta_ms", static_cast<std::int64_t>(1000.0 * static_cast<double>(transfer.total - transfer.bytes) / rate));
        list.push(std::move(json));
    }
    return list;
}

}  // namespace

std::string_view to_string(Safety safety) {
    switch (safety) {
        case Safety::protected_everywhere: return "protected";
        case Safety::degraded: return "degraded";
        case Safety::at_risk: return "at_risk";
        case Safety::unprotected: return "unprotected";
        case Safety::not_configured: return "not_configured";
    }
    return "unprotected";
}

Safety judge_safety(const SafetyFacts& facts) {
    if (facts.providers == 0) return Safety::not_configured;
    if (facts.files > 0 && facts.files_without_copy >= facts.files) return Safety::unprotected;
    if (facts.files_without_copy > facts.without_copy_under_way) return Safety::at_risk;
    if (facts.files_incomplete > 0 || facts.providers_down > 0) return Safety::degraded;
    return Safety::protected_everywhere;
}

std::string next_step_for(const std::string& provider, const std::string& state, const std::string& reason) {
    if (reason == "E-HOSTKEY-CHANGED" || reason == "E-HOSTKEY-UNKNOWN")
        return "compare the server's key with `ssh-keygen -lf`, then oracxfs config set providers." + provider + ".host_key SHA256:...";
    if (state == "full") return "free space at " + provider;
    if (state == "auth_needed" || state == "blocked" || state == "offline") return "oracxfs providers test " + provider;
    return "";
}

std::string place_of(const ProviderEntry& entry) {
    const Json& values = entry.values;
    if (entry.type == "local") return values["path"].as_string();
    const std::string folder = values["folder"].as_string();
    if (entry.type == "dropbox" || entry.type == "google-drive")
        return "folder " + folder + " at " + (entry.type == "dropbox" ? "Dropbox" : "Google Drive");
    return "folder " + folder + " at " + values["host"].as_string();
}

Result<Json> status_report(const StateView& view) {
    ORACX_TRY(const auto providers, known_providers(view));
    ORACX_TRY(const auto count_rows, view.catalog.counts());
    ORACX_TRY(const Catalog::Counts tree, view.catalog.tree_counts());
    std::map<ProviderId, ProviderCounts> counts;
    for (const ProviderCounts& row : count_rows) counts[row.provider] = row;

    SafetyFacts facts;
    facts.files = tree.files;
    ProviderMask known = 0;
    std::uint64_t damaged = 0, pending_bytes = 0;
    Json provider_list = Json::array();
    std::vector<std::string> next;
    for (const KnownProvider& provider : providers) {
        Json report = provider_report(provider, counts);
        if (provider.entry->enabled) {
            facts.providers += 1;
            facts.providers_down += is_down(provider) ? 1 : 0;
            if (provider.row && provider.row->active) known |= mask_of(provider.row->id);
            damaged += static_cast<std::uint64_t>(report["files"]["damaged"].as_int());
            pending_bytes += static_cast<std::uint64_t>(report["pending_bytes"].as_int());
            if (is_down(provider))
                if (std::string step = next_step_for(provider.entry->name, report["state"].as_string(), report["reason"].as_string()); !step.empty())
                    next.push_back(std::move(step));
        }
        provider_list.push(std::move(report));
    }
    ORACX_TRY(const FileCounts files, count_files(view.catalog, facts.providers, known, tree.files, UnderWay(view, providers)));
    facts.files_incomplete = files.incomplete;
    facts.without_copy_under_way = files.without_copy_under_way;
    facts.files_without_copy = std::min(files.without_copy, tree.files);
    const Safety safety = judge_safety(facts);
    if (safety == Safety::not_configured) next.emplace_back("oracxfs local --name disk2 --path DIR   or   oracxfs sftp --help");
    if (view.mount_point.empty() && safety != Safety::not_configured) next.emplace_back("oracxfs mount");
    if (next.empty() && files.incomplete > 0) next.emplace_back("oracxfs wait");

    Json next_json = Json::array();
    for (std::string& step : next) next_json.push(std::move(step));
    Json data = Json::object(
        {{"state", to_string(safety)},
         {"copies", Json::object({{"wanted", std::int64_t{facts.providers}}, {"verified", std::int64_t{tree.files == 0 ? facts.providers : files.fewest}}})},
         {"files", Json::object({{"total", tree.files},
                                 {"bytes", tree.bytes},
                                 {"incomplete", files.incomplete},
                                 {"under_way", files.incomplete_under_way},
                                 {"without_copy", facts.files_without_copy},
                                 {"damaged_copies", damaged}})},
         {"pending_bytes", pending_bytes},
         {"providers_down", std::int64_t{facts.providers_down}},
         {"mount", Json::object({{"mounted", !view.mount_point.empty()},
                                 {"dir", view.mount_point.empty() ? view.config->mount.dir : view.mount_point},
                                 {"read_only", view.read_only},
                                 {"close_waits_for", to_string(view.config->mount.close_waits_for)}})},
         {"providers", std::move(provider_list)},
         {"transfers", transfer_reports(view)},
         {"next", std::move(next_json)},
         {"at", format_utc(view.clock.wall())}});
    if (view.staging != nullptr) {
        const StagingUsage usage = view.staging->usage();
        data.set("staging", Json::object({{"bytes", usage.bytes}, {"files", usage.files}, {"disk_free", usage.disk_free_bytes}}));
    }
    return data;
}

Result<Json> pending_report(const StateView& view, const std::string& path, std::size_t limit) {
    ORACX_TRY(auto pending, view.catalog.pending_versions(path));
    ORACX_TRY(const auto rows, view.catalog.providers());
    std::map<ProviderId, const ProviderRow*> names;
    for (const ProviderRow& row : rows) names[row.id] = &row;
    std::map<ProviderId, ProviderHealth> health;
    if (view.replicator != nullptr)
        for (const ProviderHealth& one : view.replicator->health()) health[one.id] = one;
    std::reverse(pending.begin(), pending.end());
    Json files = Json::array();
    std::uint64_t incomplete = 0, unsafe = 0, waiting = 0, moving = 0;
    for (const VersionId id : pending) {
        const auto version = view.catalog.version(id);
        if (!version) continue;  // gone meanwhile
        ORACX_TRY(const auto replicas, view.catalog.replicas(id));
        Json missing = Json::array();
        std::uint32_t verified = 0;
        bool only_down = true;
        for (const ReplicaRow& row : replicas) {
            const auto provider = names.find(row.provider);
            if (provider == names.end() || !provider->second->active) continue;
            if (row.state == ReplicaState::verified) {
                verified += 1;
                continue;
            }
            const bool down = health.contains(row.provider) && health[row.provider].down;
            only_down &= down;
            missing.push(Json::object({{"provider", provider->second->name},
                                       {"state", to_string(row.state)},
                                       {"down", down},
                                       {"error", row.error_code.empty() ? Json() : Json(row.error_code + " " + row.error_text)}}));
        }
        if (missing.items().empty()) {  // safe everywhere, under its old name here or there
            moving += 1;
            continue;
        }
        incomplete += 1;
        unsafe += verified == 0 ? 1 : 0;
        waiting += only_down ? 0 : 1;
        if (files.items().size() >= limit) continue;
        Json file = Json::object();
        set_bytes(file, "path", view.catalog.path_of(version->node).value_or("?"));
        file.set("size", version->size);
        file.set("verified", std::int64_t{verified});
        file.set("missing", std::move(missing));
        files.push(std::move(file));
    }
    return Json::object({{"pending_files", incomplete},
                         {"moving", moving},
                         {"without_copy", unsafe},
                         {"in_progress", waiting},  // not only held up by providers that are down
                         {"files", std::move(files)}});
}

int check_exit_code(const Json& report, const CheckLimits& limits, WallTime now) {
    const std::string& state = report["state"].as_string();
    if (state == "not_configured") return info(Errc::not_configured).exit_code;
    if (state == "at_risk" || state == "unprotected")
        return report["files"]["damaged_copies"].as_int() > 0 ? info(Errc::corrupt).exit_code : info(Errc::unavailable).exit_code;
    if (limits.max_age) {
        const std::string oldest_allowed = format_utc(now - *limits.max_age);
        for (const Json& provider : report["providers"].items())
            // Times in this form sort as texts.
            if (provider["enabled"].as_bool() && provider["last_ok"].as_string() < oldest_allowed) return info(Errc::partial).exit_code;
    }
    if (limits.min_copies) {
        const bool enough = report["copies"]["verified"].as_int() >= std::int64_t{*limits.min_copies};
        return enough ? 0 : info(Errc::partial).exit_code;
    }
    return state == "protected" ? 0 : info(Errc::partial).exit_code;
}

}  // namespace oracxfs
