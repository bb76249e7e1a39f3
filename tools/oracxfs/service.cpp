#include "tools/oracxfs/service.h"

#include <algorithm>
#include <condition_variable>
#include <memory>
#include <mutex>

#include "tools/activity/activity_handlers.h"
#include "tools/backup/backup_views.h"
#include "tools/control/envelope.h"

namespace oracxfs {
namespace {

constexpr std::size_t kRowsAtOnce = 200;     // rows in one event line
constexpr std::size_t kPendingMax = 1'000;   // files named in an answer
constexpr Millis kProgressPause{200};

Status check_path(Catalog& catalog, const std::string& path) {
    if (path.empty()) return {};
    ORACX_TRY(const auto node, catalog.find(path));
    if (!node) return fail(Error(Errc::not_found, "find " + path, "there is no such file or folder in the mount").with_path(path));
    return {};
}

Result<Json> replicas(const StateView& view, const Json& args, const Emit& emit) {
    const std::string path = get_bytes(args, "path");
    ORACX_TRYV(check_path(view.catalog, path));
    ORACX_TRY(const auto rows, view.catalog.list_replicas(path));
    Json batch = Json::array();
    std::uint64_t count = 0;
    for (const ReplicaListing& row : rows) {
        batch.push(replica_report(row));
        count += 1;
        if (batch.items().size() < kRowsAtOnce) continue;
        emit(Json::object({{"type", "rows"}, {"rows", std::move(batch)}}));
        batch = Json::array();
    }
    if (!batch.items().empty()) emit(Json::object({{"type", "rows"}, {"rows", std::move(batch)}}));
    return Json::object({{"count", count}});
}

Json event_report(const EventRow& event) {
    Json json = Json::object({{"id", event.id}, {"at", format_utc(event.at)}, {"level", event.level}, {"kind", event.kind}});
    // Of several ("a,b") each counts; `provider` is for those that concern one.
    Json providers = Json::array();
    for (std::size_t begin = 0; begin < event.provider.size();) {
        const std::size_t end = std::min(event.provider.find(',', begin), event.provider.size());
        providers.push(event.provider.substr(begin, end - begin));
        begin = end + 1;
    }
    json.set("provider", providers.items().size() == 1 ? Json(event.provider) : Json());
    json.set("providers", std::move(providers));
    if (event.path.empty())
        json.set("path", nullptr);
    else
        set_bytes(json, "path", event.path);
    json.set("code", event.code.empty() ? Json() : Json(event.code));
    json.set("message", event.message);
    return json;
}

// The last failure on a path: what is wrong with its replicas now, and the last events about it.
Result<Json> explain_path(const StateView& view, const Json& args) {
    const std::string path = get_bytes(args, "path");
    ORACX_TRYV(check_path(view.catalog, path));
    Json data = Json::object();
    set_bytes(data, "path", path);
    ORACX_TRY(const auto rows, view.catalog.list_replicas(path));
    Json list = Json::array();
    for (const ReplicaListing& row : rows) {
        if (row.path != path) continue;
        list.push(replica_report(row));
    }
    data.set("replicas", std::move(list));
    EventQuery query;
    query.path = path;
    query.limit = 10;
    ORACX_TRY(const auto events, view.catalog.events(query));
    Json event_list = Json::array();
    for (const EventRow& event : events) event_list.push(event_report(event));
    data.set("events", std::move(event_list));
    return data;
}

}  // namespace

Json replica_report(const ReplicaListing& row) {
    Json json = Json::object();
    set_bytes(json, "path", row.path);
    json.set("size", row.size);
    json.set("sha256", to_hex(row.sha256));
    json.set("provider", row.provider);
    json.set("state", to_string(row.replica.state));
    // The provider's own identity; where the key is the identity, the key.
    const std::string& id = row.replica.remote_id.empty() ? row.replica.key : row.replica.remote_id;
    if (id.empty())
        json.set("remote_id", nullptr);
    else
        set_bytes(json, "remote_id", id);
    json.set("verified_at", row.replica.verified_at ? Json(format_utc(*row.replica.verified_at)) : Json());
    std::string error = row.replica.error_code;
    if (!row.replica.error_text.empty()) error += (error.empty() ? "" : " ") + row.replica.error_text;
    json.set("error", error.empty() ? Json() : Json(error));
    json.set("attempts", std::int64_t{row.replica.attempts});
    json.set("next_try", row.replica.due ? Json(format_utc(*row.replica.due)) : Json());
    return json;
}

namespace {

enum class Waited { settled, partly, timed_out };

// For what is pending now.
Result<Waited> wait_once(const StateView& view, const std::string& path, const Json& args, std::optional<SteadyTime> deadline, const OpContext& ctx, const Emit& emit) {
    struct Shared {
        std::mutex mutex;
        std::condition_variable_any changed;
        std::optional<Status> outcome;
        std::stop_source stop;
    };
    const auto shared = std::make_shared<Shared>();
    const auto ask = [shared, path, replicator = view.replicator] {
        replicator->when_settled(path, shared->stop.get_token(), [shared](Status status) {
            {
                const std::lock_guard lock(shared->mutex);
                shared->outcome = std::move(status);
            }
            shared->changed.notify_all();
        });
    };
    if (view.filesystem != nullptr)
        view.filesystem->when_closed(ask);  // what was closed before counts, too
    else
        ask();
    bool timed_out = false;
    std::unique_lock lock(shared->mutex);
    while (!shared->outcome && !timed_out) {
        if (ctx.stop.stop_requested()) break;
        SteadyTime until = view.clock.steady() + kProgressPause;
        if (deadline) until = std::min(until, *deadline);
        shared->changed.wait_until(lock, ctx.stop, until, [&] { return shared->outcome.has_value(); });
        if (shared->outcome) break;
        timed_out = deadline && view.clock.steady() >= *deadline;
        if (timed_out || !args["progress"].as_bool()) continue;
        lock.unlock();
        const auto report = status_report(view);
        if (report) emit(Json::object({{"type", "progress"}, {"transfers", (*report)["transfers"]}, {"files", (*report)["files"]}, {"pending_bytes", (*report)["pending_bytes"]}}));
        lock.lock();
    }
    const std::optional<Status> outcome = shared->outcome;
    lock.unlock();
    shared->stop.request_stop();
    if (ctx.stop.stop_requested()) return fail(Errc::cancelled, "wait", "interrupted; the upload goes on");
    if (!outcome) return Waited::timed_out;
    if (*outcome) return Waited::settled;
    if (outcome->error().code != Errc::partial) return fail(outcome->error());
    return Waited::partly;
}

}  // namespace

Result<Json> wait_for_replicas(const StateView& view, const Json& args, const OpContext& ctx, const Emit& emit) {
    if (view.replicator == nullptr) return fail(Errc::daemon_unreachable, "wait", "no daemon runs, so nothing is uploaded");
    const std::string path = get_bytes(args, "path");
    ORACX_TRYV(check_path(view.catalog, path));
    std::optional<SteadyTime> deadline;
    if (const Json* timeout = args.find("timeout_ms")) deadline = view.clock.steady() + Millis(timeout->as_int());
    Waited waited = Waited::settled;
    for (bool more = true; more;) {
        ORACX_TRY(std::vector<VersionId> asked, view.catalog.pending_versions(path));
        std::sort(asked.begin(), asked.end());
        ORACX_TRY(waited, wait_once(view, path, args, deadline, ctx, emit));
        ORACX_TRY(const auto left, view.catalog.pending_versions(path));
        // What was written meanwhile is no failure: it is waited for too.
        more = waited != Waited::timed_out &&
               std::any_of(left.begin(), left.end(), [&](VersionId version) { return !std::binary_search(asked.begin(), asked.end(), version); });
    }
    ORACX_TRY(Json data, pending_report(view, path, kPendingMax));
    const bool any = data["pending_files"].as_int() > 0;
    const bool timed_out = waited == Waited::timed_out;
    std::string state = !any ? "settled" : timed_out ? "pending" : data["without_copy"].as_int() > 0 ? "at_risk" : "partial";
    data.set("state", std::move(state));
    return data;
}

void add_state_handlers(HandlerRegistry& registry, std::function<StateView()> view) {
    add_backup_views(registry, view);
    registry.add("status", [view](const Json&, const OpContext&, const Emit&) -> Result<Json> {
        const StateView state = view();
        ORACX_TRY(Json report, status_report(state));
        ORACX_TRYV(add_backup_status(report, state));
        return report;
    });
    registry.add("replicas", [view](const Json& args, const OpContext&, const Emit& emit) -> Result<Json> { return replicas(view(), args, emit); });
    registry.add("pending", [view](const Json& args, const OpContext&, const Emit&) -> Result<Json> {
        const std::string path = get_bytes(args, "path");
        const StateView state = view();
        ORACX_TRYV(check_path(state.catalog, path));
        return pending_report(state, path, kPendingMax);
    });
    registry.add("log", [view](const Json& args, const OpContext&, const Emit& emit) -> Result<Json> {
        const StateView state = view();
        if (state.activity == nullptr) return fail(Errc::internal, "read the log", "it is not open");
        return answer_log(*state.activity, args, emit);
    });
    registry.add("explain-path", [view](const Json& args, const OpContext&, const Emit&) -> Result<Json> { return explain_path(view(), args); });
    registry.add("wait", [view](const Json& args, const OpContext& ctx, const Emit& emit) -> Result<Json> { return wait_for_replicas(view(), args, ctx, emit); });
}

}  // namespace oracxfs
