#include "tools/backup/prune.h"

#include <algorithm>

#include "base/log.h"
#include "tools/control/envelope.h"

namespace oracxfs {
namespace {

CopyState copy_state(const ReplicaRow& row) {
    if (row.state == ReplicaState::verified) return CopyState::verified;
    return row.key.empty() ? CopyState::absent : CopyState::stored;
}

// The latest time that was ever written down here: a clock that shows less was put back.
Result<std::optional<WallTime>> latest_known(Catalog& catalog) {
    std::optional<WallTime> latest;
    ORACX_TRY(const auto runs, catalog.runs({.kind = "", .before = {}, .limit = 20}));
    for (const RunRow& run : runs) latest = std::max(latest.value_or(run.started), run.ended.value_or(run.started));
    return latest;
}

Status remove_file(const BackupEnvironment& env, const std::string& name) {
    return env.filesystem.remove(kRootInode, name);
}

void tell(const BackupEnvironment& env, const std::string& name, const std::string& message) {
    EventRow event;
    event.level = "info";
    event.kind = "prune";
    event.path = name;
    event.message = message;
    if (const Status kept = env.catalog.append_event(event); !kept) log::warn("backup", "event not kept: " + kept.error().to_string());
}

std::string in_words(const std::vector<RetentionNote>& notes) {
    std::string text;
    for (const RetentionNote& note : notes) text += (text.empty() ? "" : "; ") + note.text;
    return text;
}

}  // namespace

const PackageDecision* PrunePlan::decision(const std::string& name) const {
    const auto found = by_name.find(name);
    return found == by_name.end() ? nullptr : &plan.decisions[found->second];
}

Result<PrunePlan> plan_prune(Catalog& catalog, const Config& config, WallTime now, bool force) {
    PrunePlan prune;
    ORACX_TRY(prune.packages, list_packages(catalog, config));
    RetentionInput input;
    input.rules = config.retention;
    input.series = catalog.instance();
    input.name_prefix = config.backup.name_prefix;
    input.now = now;
    ORACX_TRY(const auto latest, latest_known(catalog));
    input.clock_doubt = doubt_about_clock(input.now, latest);
    input.force = force;
    for (const PackageInfo& package : prune.packages) {
        RetentionPackage& entry = input.packages.emplace_back();
        entry.name = package.node.name;
        entry.time = package.time;
        entry.size_bytes = package.node.size;
        entry.pinned = package.row && package.row->pinned;
        entry.series = package.row ? package.row->series : std::string();
        for (const PackageCopyInfo& copy : package.copies) entry.copies.push_back({copy.provider, copy_state(copy.row)});
    }
    prune.plan = plan_retention(input);
    for (std::size_t i = 0; i < prune.plan.decisions.size(); ++i) prune.by_name.emplace(prune.plan.decisions[i].name, i);
    return prune;
}

Json prune_report(const PrunePlan& prune) {
    Json keep = Json::array(), remove = Json::array(), holds = Json::array(), freed = Json::object();
    for (const PackageInfo& package : prune.packages) {
        const PackageDecision* decision = prune.decision(package.node.name);
        if (decision == nullptr) continue;
        Json item = package_report(package, decision);
        item.erase("replicas");
        (decision->fate == PackageFate::keep ? keep : remove).push(std::move(item));
    }
    for (const RetentionNote& note : prune.plan.holds) holds.push(note.text);
    for (const auto& [provider, bytes] : prune.plan.freed_bytes) freed.set(provider, bytes);
    return Json::object({{"plan_id", prune.plan.id},
                         {"keep", std::move(keep)},
                         {"remove", std::move(remove)},
                         {"holds", std::move(holds)},
                         {"can_be_forced", prune.plan.can_be_forced()},
                         {"freed_bytes", std::move(freed)}});
}

Result<Json> carry_out_prune(const BackupEnvironment& env, const std::string& plan_id, bool force, const OpContext& ctx) {
    ORACX_TRY(const PrunePlan prune, plan_prune(env.catalog, *env.config(), env.clock.wall(), force));
    if (!plan_id.empty() && plan_id != prune.plan.id)
        return fail(Errc::refused, "prune", "since it was shown the plan has changed; look at it again");
    Json report = prune_report(prune);
    if (!prune.plan.holds.empty()) {
        if (prune.plan.count(PackageFate::held) == 0) {
            report.set("removed", Json::array());
            return report;
        }
        return fail(Errc::refused, "prune", in_words(prune.plan.holds));
    }
    Json removed = Json::array();
    const std::vector<std::string> names = prune.plan.removals();
    if (names.empty()) {
        report.set("removed", std::move(removed));
        return report;
    }
    RunRow run;
    run.kind = "prune";
    run.started = env.clock.wall();
    ORACX_TRY(run.id, env.catalog.begin_run(run));
    Status done;
    for (const std::string& name : names) {
        if (ctx.stop.stop_requested()) done = fail(Errc::cancelled, "prune");
        if (done) done = remove_file(env, name);
        if (!done) break;
        removed.push(name);
        const PackageDecision* decision = prune.decision(name);
        tell(env, name, "removed by retention: " + (decision != nullptr ? in_words(decision->notes) : std::string()));
    }
    run.ended = env.clock.wall();
    run.members = removed.items().size();
    run.state = done ? RunState::succeeded : done.error().code == Errc::cancelled ? RunState::cancelled : RunState::failed;
    if (!done) {
        run.error_code = info(done.error().code).e_code;
        run.error_text = log::redact(done.error().to_string());
    }
    run.detail = Json::object({{"removed", removed}}).dump();
    ORACX_TRYV(env.catalog.update_run(run));
    if (!done) return fail(std::move(done).error());
    report.set("removed", std::move(removed));
    return report;
}

Status delete_package(const BackupEnvironment& env, const PackageInfo& package, bool even_the_last) {
    if (package.row && package.row->pinned) return fail(Error(Errc::refused, "delete " + package.node.name, "it is pinned").with_next("`oracxfs backups unpin` first"));
    if (package.verified() > 0 && !even_the_last) {
        ORACX_TRY(const auto all, list_packages(env.catalog, *env.config()));
        const bool another = std::any_of(all.begin(), all.end(), [&](const PackageInfo& other) { return other.node.id != package.node.id && other.verified() > 0; });
        if (!another) return fail(Errc::refused, "delete " + package.node.name, "it is the last backup of which a verified copy exists");
    }
    ORACX_TRYV(remove_file(env, package.node.name));
    tell(env, package.node.name, "deleted by hand");
    return {};
}

}  // namespace oracxfs
