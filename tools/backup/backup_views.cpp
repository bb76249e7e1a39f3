#include "tools/backup/backup_views.h"

#include <algorithm>
#include <map>
#include <optional>

#include "tools/backup/backup_run.h"
#include "tools/backup/package_access.h"
#include "tools/backup/packages.h"
#include "tools/backup/prune.h"
#include "tools/backup/recovery_kit.h"
#include "tools/control/envelope.h"
#include "tools/scheduler/freshness.h"
#include "tools/scheduler/schedule.h"

namespace oracxfs {
namespace {

constexpr std::size_t kRowsAtOnce = 100;  // in one event line

// {"provider", "state", "since_ms" or "since" (RFC 3339), "q", "offset", "limit"}: newest first. Answers also how many fit in all.
Result<Json> list(const StateView& view, const Json& args, const Emit& emit) {
    ORACX_TRY(const PrunePlan prune, plan_prune(view.catalog, *view.config, view.clock.wall(), false));
    const std::string& provider = args["provider"].as_string();
    const std::string& state = args["state"].as_string();
    const std::string& words = args["q"].as_string();
    const std::string& since_text = args["since"].as_string();
    const auto limit = static_cast<std::uint64_t>(std::max<std::int64_t>(args["limit"].as_int(1'000'000), 0));
    const auto offset = static_cast<std::uint64_t>(std::max<std::int64_t>(args["offset"].as_int(), 0));
    Json batch = Json::array();
    std::uint64_t count = 0, matching = 0;
    const auto send = [&] {
        if (!batch.items().empty()) emit(Json::object({{"type", "rows"}, {"rows", std::exchange(batch, Json::array())}}));
    };
    for (const PackageInfo& package : prune.packages) {
        if (!since_text.empty() && format_utc(package.time) < since_text) break;  // times in this form sort as texts
        if (const Json* since = args.find("since_ms"); since != nullptr && to_ms(package.time) < since->as_int()) break;
        const bool wanted = (provider.empty() && state.empty()) ||
                            std::any_of(package.copies.begin(), package.copies.end(), [&](const PackageCopyInfo& copy) {
                                return (provider.empty() || copy.provider == provider) && (state.empty() || to_string(copy.row.state) == state);
                            });
        if (!wanted) continue;
        if (!words.empty() && package.node.name.find(words) == std::string::npos && (!package.row || package.row->label.find(words) == std::string::npos)) continue;
        if (matching++ < offset || count == limit) continue;
        batch.push(package_report(package, prune.decision(package.node.name)));
        ++count;
        if (batch.items().size() == kRowsAtOnce) send();
    }
    send();
    return Json::object({{"count", count}, {"matching", matching}, {"total", prune.packages.size()}, {"more", offset + count < matching}});
}

Result<Json> show(const StateView& view, const Json& args) {
    ORACX_TRY(const PackageInfo package, find_package(view.catalog, *view.config, args["backup"].as_string()));
    ORACX_TRY(const PrunePlan prune, plan_prune(view.catalog, *view.config, view.clock.wall(), false));
    Json report = package_report(package, prune.decision(package.node.name));
    ORACX_TRY(const VersionRow version, view.catalog.version(package.node.version));
    report.set("sha256", to_hex(version.sha256));
    if (package.row && package.row->run > 0) {
        ORACX_TRY(const auto run, view.catalog.run(package.row->run));
        if (run) report.set("run", run_report(*run));
    }
    return report;
}

Result<Json> mark(const StateView& view, const Json& args) {
    ORACX_TRY(const PackageInfo package, find_package(view.catalog, *view.config, args["backup"].as_string()));
    if (!package.row) {
        // Found at a provider: to be pinned, it has to be known. It stays a stranger's, so it is not pruned either way.
        PackageRow row;
        row.node = package.node.id;
        row.version = package.node.version;
        row.made = package.time;
        ORACX_TRYV(view.catalog.record_package(row));
    }
    std::optional<bool> pinned;
    std::optional<std::string> label;
    if (const Json* value = args.find("pinned")) pinned = value->as_bool();
    if (const Json* value = args.find("label")) label = value->as_string();
    ORACX_TRYV(view.catalog.mark_package(package.node.id, pinned, label));
    ORACX_TRY(const PackageInfo after, find_package(view.catalog, *view.config, package.node.name));
    return package_report(after, nullptr);
}

Result<Json> runs(const StateView& view, const Json& args) {
    RunQuery query;
    query.kind = args["kind"].as_string();
    query.limit = static_cast<std::size_t>(std::clamp<std::int64_t>(args["limit"].as_int(50), 1, 1'000));
    if (const Json* before = args.find("before")) query.before = before->as_int();
    if (const std::string& name = args["run"].as_string(); !name.empty()) {
        const auto id = parse_run_name(name);
        if (!id) return fail(Errc::invalid, "find run " + name, "runs are called r-1, r-2, ...");
        ORACX_TRY(const auto row, view.catalog.run(*id));
        if (!row) return fail(Errc::not_found, "find run " + name, "there is no such run");
        return run_report(*row);
    }
    ORACX_TRY(const auto rows, view.catalog.runs(query));
    Json json = Json::array();
    for (const RunRow& row : rows) json.push(run_report(row));
    return Json::object({{"runs", std::move(json)}});
}

// {"kit_at", "drill": {"at", "state", "package", "from", "files", "bytes", "took_ms", "error"}, "tried": false until a drill succeeded}
Result<Json> recovery_status(const StateView& view) {
    ORACX_TRY(const auto kit, view.catalog.meta(kKitTimeKey));
    ORACX_TRY(const auto drills, view.catalog.runs({.kind = "drill", .before = {}, .limit = 50}));
    Json drill;
    bool tried = false;
    for (const RunRow& row : drills) {
        tried = tried || row.state == RunState::succeeded;
        if (drill.is_object() || row.state == RunState::running || row.state == RunState::cancelled) continue;
        const Json run = run_report(row);
        drill = Json::object({{"at", run["started"]}, {"state", run["state"]}, {"from", run["from"]}, {"files", run["files"]}, {"bytes", run["bytes"]}, {"took_ms", run["took_ms"]}, {"error", run["error"]}});
        set_bytes(drill, "package", row.package);
    }
    return Json::object({{"kit_at", kit ? Json(*kit) : Json()}, {"drill", std::move(drill)}, {"tried", tried}});
}

}  // namespace

namespace {

// To each provider's report: how many backups it should hold, how many of them are not verified there, and the newest check.
void add_provider_facts(Json& report, const std::vector<PackageInfo>& packages) {
    struct Facts {
        std::uint64_t backups = 0, behind = 0;
        std::optional<WallTime> verified;
    };
    std::map<std::string, Facts> facts;
    for (const PackageInfo& package : packages)
        for (const PackageCopyInfo& copy : package.copies) {
            Facts& of_one = facts[copy.provider];
            ++of_one.backups;
            of_one.behind += copy.row.state == ReplicaState::verified ? 0 : 1;
            if (copy.row.state == ReplicaState::verified) of_one.verified = std::max(of_one.verified, copy.row.verified_at);
        }
    Json providers = Json::array();
    for (Json provider : report["providers"].items()) {
        const Facts& of_one = facts[provider["name"].as_string()];
        provider.set("backups", of_one.backups);
        provider.set("behind", of_one.behind);
        provider.set("last_verified", of_one.verified ? Json(format_utc(*of_one.verified)) : Json());
        providers.push(std::move(provider));
    }
    report.set("providers", std::move(providers));
}

}  // namespace

Status add_backup_status(Json& report, const StateView& view) {
    const Config& config = *view.config;
    const WallTime now = view.clock.wall();
    ORACX_TRY(const auto packages, list_packages(view.catalog, config));
    Json schedule = view.schedule ? view.schedule() : Json::object({{"enabled", config.auto_sync.enabled}, {"every_ms", config.auto_sync.every.count()}, {"next", Json::array()}});
    std::uint64_t damaged = 0;
    std::vector<WallTime> verified;
    for (const PackageInfo& package : packages) {
        if (package.verified() >= config.replication.min_replicas) verified.push_back(package.time);
        damaged += static_cast<std::uint64_t>(std::count_if(package.copies.begin(), package.copies.end(), [](const PackageCopyInfo& c) { return c.row.state == ReplicaState::damaged; }));
    }
    add_provider_facts(report, packages);
    FreshnessFacts facts;
    facts.scheduled = config.auto_sync.enabled;
    facts.interval = longest_pause(schedule_of(config.auto_sync, 0));
    facts.verified = verified;
    if (const Json* since = schedule.find("since_ms"); since != nullptr && since->is_int()) facts.since = wall_from_ms(since->as_int());
    facts.running = schedule["run"].is_string();
    const FreshnessVerdict freshness = judge_freshness(facts, now);
    report.set("auto_sync", std::move(schedule));
    report.set("backups", Json::object({{"count", packages.size()},
                                        {"verified", verified.size()},
                                        {"newest_verified", verified.empty() ? Json() : Json(format_utc(verified.front()))},
                                        {"damaged_copies", damaged},
                                        {"oldest", packages.empty() ? Json() : Json(format_utc(packages.back().time))},
                                        {"freshness", to_string(freshness.state)},
                                        {"text", freshness.text}}));
    if (packages.empty())
        report.set("newest_backup", nullptr);
    else {
        Json newest = Json::object();
        set_bytes(newest, "name", packages.front().node.name);
        newest.set("time", format_utc(packages.front().time));
        newest.set("age_ms", (now - packages.front().time).count());
        report.set("newest_backup", std::move(newest));
    }
    ORACX_TRY(Json recovery, recovery_status(view));
    report.set("recovery", std::move(recovery));
    if (!freshness.at_risk) return {};
    const std::string& state = report["state"].as_string();
    if (state == "protected" || state == "degraded") report.set("state", to_string(Safety::at_risk));
    Json next = report["next"];
    if (!freshness.next.empty()) next.push(freshness.next);
    report.set("next", std::move(next));
    return {};
}

void add_backup_views(HandlerRegistry& registry, std::function<StateView()> view) {
    registry.add("backups-list", [view](const Json& args, const OpContext&, const Emit& emit) { return list(view(), args, emit); });
    registry.add("backups-show", [view](const Json& args, const OpContext&, const Emit&) { return show(view(), args); });
    registry.add("backups-mark", [view](const Json& args, const OpContext&, const Emit&) { return mark(view(), args); });
    // Without reading the package: whoever can do that answers it in place of this.
    registry.add("backups-files", [view](const Json& args, const OpContext&, const Emit& emit) -> Result<Json> {
        const StateView state = view();
        ORACX_TRY(const PackageInfo package, find_package(state.catalog, *state.config, args["backup"].as_string()));
        ORACX_TRY(const auto reader, open_known_index(state.catalog, package.node));
        if (!reader) return fail(Errc::unavailable, "look into " + package.node.name, "its list of members has to be read from the package");
        return report_members(*reader, package, get_bytes(args, "path"), emit);
    });
    registry.add("runs", [view](const Json& args, const OpContext&, const Emit&) { return runs(view(), args); });
    registry.add("recovery-kit", [view](const Json&, const OpContext&, const Emit&) -> Result<Json> {
        const StateView state = view();
        ORACX_TRY(Json facts, kit_facts(state.catalog, *state.config, state.clock.wall()));
        ORACX_TRYV(state.catalog.set_meta(kKitTimeKey, facts["made"].as_string()));
        return facts;
    });
    registry.add("prune-preview", [view](const Json& args, const OpContext&, const Emit&) -> Result<Json> {
        const StateView state = view();
        Config config = *state.config;
        // Rules that are not saved yet, to see what they would do.
        const Json& rules = args["retention"];
        const auto take = [&](const char* key, std::uint32_t& value) { value = static_cast<std::uint32_t>(rules[key].as_int(value)); };
        take("keep_last", config.retention.keep_last);
        take("hourly", config.retention.hourly);
        take("daily", config.retention.daily);
        take("weekly", config.retention.weekly);
        take("monthly", config.retention.monthly);
        take("yearly", config.retention.yearly);
        take("min_verified_copies", config.retention.min_verified_copies);
        take("trash_days", config.retention.trash_days);
        take("max_delete_percent", config.retention.max_delete_percent);
        ORACX_TRY(const PrunePlan prune, plan_prune(state.catalog, config, state.clock.wall(), args["force"].as_bool()));
        return prune_report(prune);
    });
}

}  // namespace oracxfs
