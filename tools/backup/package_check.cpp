#include "tools/backup/package_check.h"

#include <algorithm>
#include <mutex>
#include <thread>

#include "base/log.h"
#include "tools/backup/backup_run.h"
#include "tools/backup/copy_check.h"
#include "tools/backup/wait_for_copies.h"
#include "tools/control/envelope.h"

namespace oracxfs {

Result<Json> verify_package(const BackupEnvironment& env, const PackageInfo& package, const std::string& provider, bool download, const OpContext& ctx, const Emit& emit) {
    if (!provider.empty() && std::none_of(package.copies.begin(), package.copies.end(), [&](const PackageCopyInfo& copy) { return copy.provider == provider; }))
        return fail(Errc::not_found, "verify at " + provider, "there is no active provider of that name");
    RunRow row;
    row.kind = "scrub";
    row.package = package.node.name;
    row.started = env.clock.wall();
    ORACX_TRY(row.id, env.catalog.begin_run(row));
    struct Copy {
        std::string provider;
        ReplicaState state;
        CopyCheck check;
    };
    std::vector<Copy> copies;
    for (const PackageCopyInfo& copy : package.copies)
        if (provider.empty() || copy.provider == provider) copies.push_back({copy.provider, copy.row.state, {}});
    std::mutex emit_mutex;
    {
        std::vector<std::jthread> threads;
        for (Copy& copy : copies)
            threads.emplace_back([&env, &ctx, &emit, &emit_mutex, &copy, &package, download] {
                const auto row_of = std::find_if(package.copies.begin(), package.copies.end(), [&](const PackageCopyInfo& c) { return c.provider == copy.provider; });
                if (!row_of->row.version) return;  // nothing was ever sent there
                copy.check = check_copy(env, package.node.version, row_of->row.provider, download ? ScrubMethod::download : ScrubMethod::hash, ctx);
                const std::lock_guard lock(emit_mutex);
                emit(Json::object({{"type", "checked"}, {"provider", copy.provider}, {"outcome", word_for(copy.check.outcome)}}));
            });
    }
    Json list = Json::array();
    std::optional<Errc> code;
    for (const Copy& copy : copies) {
        // A copy that is known to be bad or not there yet was not asked about; it is no good copy either.
        std::string outcome(word_for(copy.check.outcome));
        if (copy.check.outcome == ScrubOutcome::gone) outcome = std::string(to_string(copy.state));
        const bool bad = copy.check.outcome == ScrubOutcome::damaged || copy.check.outcome == ScrubOutcome::missing || outcome == "damaged" || outcome == "missing";
        if (bad)
            code = Errc::corrupt;
        else if (copy.check.outcome != ScrubOutcome::good && !code)
            code = Errc::partial;
        list.push(Json::object({{"provider", copy.provider}, {"outcome", outcome}, {"error", copy.check.error ? Json(log::redact(copy.check.error->to_string())) : Json()}, {"downloaded_bytes", copy.check.downloaded_bytes}}));
        row.bytes_in += copy.check.downloaded_bytes;
        row.members += copy.check.outcome == ScrubOutcome::good ? 1 : 0;
    }
    row.ended = env.clock.wall();
    row.state = ctx.stop.stop_requested() ? RunState::cancelled : code ? RunState::partial : RunState::succeeded;
    if (code) row.error_code = info(*code).e_code;
    row.detail = Json::object({{"copies", list}}).dump();
    ORACX_TRYV(env.catalog.update_run(row));
    if (ctx.stop.stop_requested()) return fail(Errc::cancelled, "verify " + package.node.name);
    Json report = Json::object({{"run", run_name(row.id)}, {"copies", std::move(list)}, {"code", code ? Json(info(*code).e_code) : Json()}});
    set_bytes(report, "package", package.node.name);
    return report;
}

Result<Json> repair_package(const BackupEnvironment& env, const PackageInfo& package, const OpContext& ctx) {
    ORACX_TRYV(env.catalog.add_replicas(package.node.version, env.replicator.active()));
    ORACX_TRY(const auto rows, env.catalog.replicas(package.node.version));
    for (const ReplicaRow& row : rows) {
        if (row.state == ReplicaState::verified && !row.due) continue;
        ORACX_TRYV(env.catalog.make_replica_due(row.version, row.provider, env.clock.wall()));
        env.replicator.probe_now(row.provider);
    }
    env.replicator.nudge();
    if (!wait_for_copies(env, package.node.version, ctx)) return fail(Errc::cancelled, "repair " + package.node.name, "it goes on by itself");
    ORACX_TRY(const PackageInfo after, find_package(env.catalog, *env.config(), package.node.name));
    Json report = package_report(after, nullptr);
    const std::uint32_t verified = after.verified();
    const auto wanted = static_cast<std::uint32_t>(after.copies.size());
    report.set("code", verified == wanted ? Json() : Json(info(verified > 0 ? Errc::partial : Errc::unavailable).e_code));
    return report;
}

}  // namespace oracxfs
