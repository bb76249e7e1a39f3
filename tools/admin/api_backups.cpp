// Runs, backup packages, retention.

#include <algorithm>
#include <map>
#include <mutex>

#include "tools/admin/admin_context.h"
#include "tools/control/envelope.h"

namespace oracxfs {
namespace {

constexpr Millis kKeysKept{86'400'000};
constexpr std::size_t kKeysMax = 1'000;

// What was answered to requests that may come twice.
class IdempotencyKeys {
  public:
    std::optional<std::string> find(const std::string& key, WallTime now) {
        const std::lock_guard lock(mutex_);
        std::erase_if(runs_, [&](const auto& entry) { return now - entry.second.first > kKeysKept; });
        const auto found = runs_.find(key);
        return found == runs_.end() ? std::nullopt : std::optional(found->second.second);
    }
    void put(const std::string& key, const std::string& run, WallTime now) {
        const std::lock_guard lock(mutex_);
        if (runs_.size() >= kKeysMax) runs_.erase(std::min_element(runs_.begin(), runs_.end(), [](const auto& a, const auto& b) { return a.second.first < b.second.first; }));
        runs_[key] = {now, run};
    }
    std::mutex& one_at_a_time() { return starting_; }

  private:
    std::mutex starting_, mutex_;
    std::map<std::string, std::pair<WallTime, std::string>> runs_;
};

Result<ApiAnswer> start_run(const AdminContext& context, const ApiCall& call, IdempotencyKeys& keys) {
    ORACX_TRYV(allow_members(call.body, {"label", "force"}));
    const std::lock_guard one(keys.one_at_a_time());
    std::string key = call.request.header("idempotency-key").value_or("");
    if (key.size() > 200) return fail(Errc::invalid, "read Idempotency-Key", "it is too long");
    if (!key.empty()) {
        key = (call.who.session.empty() ? call.who.token : call.who.session) + " " + key;
        if (const auto before = keys.find(key, context.env.clock.wall())) return ApiAnswer::with_status(202, Json::object({{"run", *before}}));
    }
    const auto begun = context.tasks.start_until("sync", Json::object({{"label", call.body["label"].as_string()}, {"force", call.body["force"].as_bool()}}), "run_started");
    if (!begun) {
        Json data = nullptr;
        if (begun.error().code == Errc::busy)
            if (const auto schedule = context.ask(call, "schedule", nullptr)) data = Json::object({{"run", (*schedule)["run"]}});
        return ApiAnswer::failed(begun.error(), std::move(data));
    }
    const std::string run = (*begun)["run"].as_string();
    if (!key.empty()) keys.put(key, run, context.env.clock.wall());
    context.audit(call, "run " + run + " was started");
    return ApiAnswer::with_status(202, Json::object({{"run", run}}));
}

Result<ApiAnswer> list_runs(const AdminContext& context, const ApiCall& call) {
    ORACX_TRY(const std::int64_t limit, query_number(call.request, "limit", 50, 1, 1'000));
    Json args = Json::object({{"limit", limit}, {"kind", call.request.query_value("kind")}});
    if (std::string before = call.request.query_value("before"); !before.empty()) {
        if (before.starts_with("r-")) before.erase(0, 2);
        if (before.empty() || before.size() > 18 || before.find_first_not_of("0123456789") != std::string::npos) return fail(Errc::invalid, "read before", "runs are called r-1, r-2, ...");
        args.set("before", static_cast<std::int64_t>(std::stoll(before)));
    }
    ORACX_TRY(Json report, context.ask(call, "runs", std::move(args)));
    return ApiAnswer(std::move(report));
}

Result<ApiAnswer> show_run(const AdminContext& context, const ApiCall& call) {
    ORACX_TRY(Json report, context.ask(call, "runs", Json::object({{"run", call.param("run")}})));
    return ApiAnswer(std::move(report));
}

Result<ApiAnswer> cancel_run(const AdminContext& context, const ApiCall& call) {
    ORACX_TRYV(allow_members(call.body, {}));
    ORACX_TRYV(context.ask(call, "run-cancel", Json::object({{"run", call.param("run")}})));
    context.audit(call, "run " + call.param("run") + " was cancelled");
    return ApiAnswer(Json::object({{"run", call.param("run")}}));
}

Result<ApiAnswer> list_backups(const AdminContext& context, const ApiCall& call) {
    const HttpRequest& request = call.request;
    ORACX_TRY(const std::int64_t limit, query_number(request, "limit", 100, 1, 1'000));
    ORACX_TRY(std::int64_t offset, query_number(request, "offset", 0, 0, 100'000'000));
    if (request.has_query("cursor")) {
        ORACX_TRY(offset, query_number(request, "cursor", 0, 0, 100'000'000));
    }
    Json args = Json::object({{"limit", limit}, {"offset", offset}});
    for (const char* key : {"provider", "state", "since", "q"}) args.set(key, request.query_value(key));
    Json rows = Json::array();
    ORACX_TRY(const Json answer, context.ask(call, "backups-list", std::move(args), &rows));
    const std::int64_t end = offset + static_cast<std::int64_t>(rows.items().size());
    const bool more = answer["more"].as_bool();
    return ApiAnswer(Json::object({{"backups", std::move(rows)}, {"count", answer["count"]}, {"matching", answer["matching"]}, {"total", answer["total"]}, {"next", more ? Json(std::to_string(end)) : Json()}}));
}

Result<ApiAnswer> show_backup(const AdminContext& context, const ApiCall& call) {
    ORACX_TRY(Json report, context.ask(call, "backups-show", Json::object({{"backup", call.param("id")}})));
    return ApiAnswer(std::move(report));
}

Result<ApiAnswer> mark_backup(const AdminContext& context, const ApiCall& call) {
    ORACX_TRYV(allow_members(call.body, {"pinned", "label"}));
    const Json* pinned = call.body.find("pinned");
    const Json* label = call.body.find("label");
    if (pinned != nullptr && !pinned->is_bool()) return fail(Errc::invalid, "read the request", "pinned is true or false");
    if (label != nullptr && (!label->is_string() || label->as_string().size() > 1'000)) return fail(Errc::invalid, "read the request", "label is a text of at most 1000 bytes");
    Json args = Json::object({{"backup", call.param("id")}});
    if (pinned != nullptr) args.set("pinned", *pinned);
    if (label != nullptr) args.set("label", *label);
    ORACX_TRY(Json report, context.ask(call, "backups-mark", std::move(args)));
    if (pinned != nullptr) context.audit(call, "backup " + report["name"].as_string() + (pinned->as_bool() ? " was pinned" : " was unpinned"));
    if (label != nullptr) context.audit(call, "backup " + report["name"].as_string() + " got another label");
    return ApiAnswer(std::move(report));
}

Result<ApiAnswer> delete_backup(const AdminContext& context, const ApiCall& call) {
    // A destructive step names the whole thing: a part that fits today may fit another one tomorrow.
    ORACX_TRY(const Json package, context.ask(call, "backups-show", Json::object({{"backup", call.param("id")}})));
    if (get_bytes(package, "name") != call.param("id")) return fail(Errc::invalid, "delete " + call.param("id"), "give its whole name: " + package["name"].as_string());
    ORACX_TRY(Json report, context.ask(call, "backups-delete", Json::object({{"backup", call.param("id")}, {"even_the_last", call.request.query_value("even_the_last") == "true"}})));
    context.audit(call, "backup " + call.param("id") + " was deleted");
    return ApiAnswer(std::move(report));
}

// --- work that takes its time --------------------------------------------------------------------------------------------

Result<ApiAnswer> start_task(const AdminContext& context, const ApiCall& call, const std::string& kind, const std::string& command, Json args) {
    std::string backup;
    if (!call.param("id").empty()) {
        // Whether there is such a thing is known at once; the rest is told by the task.
        ORACX_TRY(const Json package, context.ask(call, "backups-show", Json::object({{"backup", call.param("id")}})));
        backup = get_bytes(package, "name");
        args.set("backup", backup);
    }
    ORACX_TRY(const std::string task, context.tasks.start(kind, backup, command, std::move(args)));
    context.audit(call, kind + (backup.empty() ? "" : " of " + backup) + " was started as " + task);
    return ApiAnswer::with_status(202, Json::object({{"task", task}}));
}

Result<ApiAnswer> restore(const AdminContext& context, const ApiCall& call) {
    ORACX_TRYV(allow_members(call.body, {"to", "paths", "from", "overwrite", "verify", "dry_run", "passphrase"}));
    const std::string& to = call.body["to"].as_string();
    ORACX_TRY(const std::string folder, expand_path(to, context.env.variables));
    if (!folder.starts_with('/')) return fail(Errc::invalid, "restore to " + to, "give the whole path of a folder on the machine where oracxfs runs");
    Json args = call.body;
    args.set("to", absolute_path(folder, "/"));
    Json paths = Json::array();
    for (const Json& path : call.body["paths"].items()) paths.push(path.is_object() ? path : Json::object({{"path", path.as_string()}}));
    args.set("paths", std::move(paths));
    return start_task(context, call, "restore", "backups-restore", std::move(args));
}

Result<ApiAnswer> verify(const AdminContext& context, const ApiCall& call) {
    ORACX_TRYV(allow_members(call.body, {"provider", "download"}));
    return start_task(context, call, "verify", "backups-verify", call.body.is_object() ? call.body : Json::object());
}

Result<ApiAnswer> repair(const AdminContext& context, const ApiCall& call) {
    ORACX_TRYV(allow_members(call.body, {}));
    return start_task(context, call, "repair", "backups-repair", Json::object());
}

Result<ApiAnswer> scrub(const AdminContext& context, const ApiCall& call) {
    ORACX_TRYV(allow_members(call.body, {"download", "repair", "provider", "sample_percent"}));
    return start_task(context, call, "scrub", "scrub", call.body.is_object() ? call.body : Json::object());
}

}  // namespace

void add_backup_routes(Router& router, const AdminContext& context) {
    const auto bind = [&context](auto function) { return [&context, function](const ApiCall& call) { return function(context, call); }; };
    const auto keys = std::make_shared<IdempotencyKeys>();
    router.add({"POST", "/runs", Scope::operate, [&context, keys](const ApiCall& call) { return start_run(context, call, *keys); }, true});
    router.add({"GET", "/runs", Scope::read, bind(list_runs)});
    router.add({"GET", "/runs/{run}", Scope::read, bind(show_run)});
    router.add({"POST", "/runs/{run}/cancel", Scope::operate, bind(cancel_run)});
    router.add({"GET", "/backups", Scope::read, bind(list_backups)});
    router.add({"GET", "/backups/{id}", Scope::read, bind(show_backup)});
    router.add({"PATCH", "/backups/{id}", Scope::operate, bind(mark_backup)});
    router.add({"DELETE", "/backups/{id}", Scope::admin, bind(delete_backup)});
    router.add({"POST", "/backups/{id}/restore", Scope::admin, bind(restore)});
    router.add({"POST", "/backups/{id}/verify", Scope::operate, bind(verify)});
    router.add({"POST", "/backups/{id}/repair", Scope::operate, bind(repair)});
    router.add({"POST", "/scrub", Scope::operate, bind(scrub)});
}

}  // namespace oracxfs
