// Looking: status, activity, what an error means, folders of this machine, metrics, live events.

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "base/log.h"
#include "tools/admin/admin_context.h"
#include "tools/admin/assets.h"
#include "tools/admin/live_watch.h"
#include "tools/admin/metrics.h"
#include "tools/control/envelope.h"

namespace oracxfs {
namespace {

constexpr std::size_t kFolderEntriesMax = 5'000;

Result<ApiAnswer> status(const AdminContext& context, const ApiCall& call) {
    ORACX_TRY(Json report, context.ask(call, "status", nullptr));
    report.set("instance", context.env.config()->instance);
    report.set("version", ORACXFS_VERSION);
    return ApiAnswer(std::move(report));
}

Result<ApiAnswer> metrics(const AdminContext& context, const ApiCall& call) {
    ORACX_TRY(const Json report, context.ask(call, "status", nullptr));
    HttpResponse response;
    response.body = metrics_text(report);
    response.with("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
    return ApiAnswer(std::move(response));
}

Result<ApiAnswer> pending(const AdminContext& context, const ApiCall& call) {
    Json args = Json::object();
    set_bytes(args, "path", query_bytes(call.request, "path"));
    ORACX_TRY(Json report, context.ask(call, "pending", std::move(args)));
    return ApiAnswer(std::move(report));
}

Result<ApiAnswer> activity(const AdminContext& context, const ApiCall& call) {
    const HttpRequest& request = call.request;
    ORACX_TRY(const std::int64_t limit, query_number(request, "limit", 100, 1, 5'000));
    ORACX_TRY(const std::int64_t before, query_number(request, "before", 0, 0, INT64_MAX));
    const std::string level = request.query_value("level");
    if (!level.empty() && level != "info" && level != "warning" && level != "error") return fail(Errc::invalid, "read level", "it is info, warning or error");
    Json args = Json::object({{"limit", limit}, {"before", before}, {"level", level}});
    for (const char* key : {"provider", "category", "run"}) args.set(key, request.query_value(key));
    set_bytes(args, "path", query_bytes(request, "path"));
    Json events = Json::array();
    ORACX_TRY(const Json answer, context.ask(call, "log", std::move(args), &events));
    Json list = Json::array();
    for (const Json& event : events.items()) {
        Json view = activity_view(event);
        context.language.add_translations(view);
        list.push(std::move(view));
    }
    if (request.header("accept").value_or("").find("application/x-ndjson") != std::string::npos) {
        HttpResponse response;
        for (const Json& event : list.items()) response.body += event.dump() + "\n";
        response.with("Content-Type", "application/x-ndjson");
        return ApiAnswer(std::move(response));
    }
    Json older = answer["older"];
    return ApiAnswer(Json::object({{"events", std::move(list)}, {"older", std::move(older)}}));
}

Result<ApiAnswer> explain(const AdminContext&, const ApiCall& call) {
    const std::string word = call.request.query_value("code");
    const auto code = errc_from_name(word);
    if (!code) return fail(Errc::not_found, "explain " + word, "there is no such code");
    const ErrcInfo& row = info(*code);
    const char* retry = row.retry == RetryClass::later ? "it is tried again by itself" : row.retry == RetryClass::look ? "the next attempt looks first" : "it needs a change";
    return ApiAnswer(Json::object({{"code", row.e_code}, {"name", row.name}, {"exit_code", row.exit_code}, {"retry", retry}, {"next", row.hint}}));
}

// For choosing a folder: names only, never content.
Result<ApiAnswer> folders(const AdminContext& context, const ApiCall& call) {
    namespace fs = std::filesystem;
    const std::string typed = query_bytes(call.request, "path");
    ORACX_TRY(const std::string expanded, expand_path(typed.empty() ? "~" : typed, context.env.variables));
    const std::string path = absolute_path(expanded, "/");
    const bool files = call.request.query_value("kind") == "all";
    std::error_code error;
    Json entries = Json::array();
    bool cut = false;
    for (fs::directory_iterator it(path, fs::directory_options::skip_permission_denied, error), end; !error && it != end; it.increment(error)) {
        if (cut = entries.items().size() >= kFolderEntriesMax; cut) break;
        std::error_code ignored;
        const bool folder = it->is_directory(ignored);
        if (!folder && !files) continue;
        Json entry = Json::object();
        set_bytes(entry, "name", it->path().filename().string());
        set_bytes(entry, "path", it->path().string());
        entry.set("dir", folder);
        entry.set("size", folder || !it->is_regular_file(ignored) ? Json() : Json(static_cast<std::uint64_t>(it->file_size(ignored))));
        entries.push(std::move(entry));
    }
    if (error) return fail(error_from_errno(error.value(), "look into " + path));
    Json::Array sorted = entries.items();
    std::sort(sorted.begin(), sorted.end(), [](const Json& a, const Json& b) {
        if (a["dir"].as_bool() != b["dir"].as_bool()) return a["dir"].as_bool();
        return a["name"].as_string() < b["name"].as_string();
    });
    Json list = Json::array();
    for (Json& entry : sorted) list.push(std::move(entry));
    Json json = Json::object();
    set_bytes(json, "path", path);
    if (path == "/")
        json.set("parent", nullptr);
    else
        set_bytes(json, "parent", fs::path(path).parent_path().string());
    json.set("writable", ::access(path.c_str(), W_OK) == 0);
    json.set("entries", std::move(list));
    json.set("complete", !cut);
    return ApiAnswer(std::move(json));
}

Result<ApiAnswer> events(const AdminContext& context, const ApiCall& call) {
    std::string last = call.request.header("last-event-id").value_or("");
    if (last.empty()) last = call.request.query_value("last_event_id");
    std::optional<std::uint64_t> seen;
    std::uint64_t number = 0;
    if (const auto [end, error] = std::from_chars(last.data(), last.data() + last.size(), number); !last.empty() && error == std::errc() && end == last.data() + last.size()) seen = number;
    Json hello = Json::object({{"version", ORACXFS_VERSION}, {"instance", context.env.config()->instance}, {"at", format_utc(context.env.clock.wall())}});
    auto stream = context.hub.open(call.who.session.empty() ? call.who.token : call.who.session, std::move(hello), seen);
    if (!stream) return fail(Error(Errc::throttled, "open a stream of events", "there are as many as there may be").with_retry_after(Millis(5'000)));
    HttpResponse response;
    response.stream = std::move(stream);
    response.with("Content-Type", "text/event-stream").with("X-Accel-Buffering", "no");
    return ApiAnswer(std::move(response));
}

Result<ApiAnswer> openapi(const AdminContext&, const ApiCall&) {
    const Asset* document = find_asset("openapi.json");
    if (document == nullptr) return fail(Errc::not_found, "describe the interface", "this program was built without its description");
    HttpResponse response;
    response.fixed = document->plain;
    response.with("Content-Type", "application/json");
    return ApiAnswer(std::move(response));
}

}  // namespace

void add_state_routes(Router& router, const AdminContext& context) {
    const auto bind = [&context](auto function) { return [&context, function](const ApiCall& call) { return function(context, call); }; };
    router.add({"GET", "/health", Scope::none, [](const ApiCall&) -> Result<ApiAnswer> {
                    HttpResponse response;
                    response.body = "{\"ok\":true}\n";
                    response.with("Content-Type", "application/json");
                    return ApiAnswer(std::move(response));
                }});
    router.add({"GET", "/status", Scope::read, bind(status)});
    router.add({"GET", "/metrics", Scope::read, bind(metrics)});
    router.add({"GET", "/pending", Scope::read, bind(pending)});
    router.add({"GET", "/activity", Scope::read, bind(activity), false, "log"});
    router.add({"GET", "/explain", Scope::read, bind(explain)});
    router.add({"GET", "/folders", Scope::admin, bind(folders)});
    router.add({"GET", "/events", Scope::read, bind(events)});
    router.add({"GET", "/openapi.json", Scope::none, bind(openapi), false, "openapi"});
    router.add({"POST", "/doctor", Scope::admin, [&context](const ApiCall& call) -> Result<ApiAnswer> {
                    ORACX_TRYV(allow_members(call.body, {}));
                    ORACX_TRY(Json report, context.ask(call, "doctor", nullptr));
                    return ApiAnswer(std::move(report));
                }, true});
    router.add({"GET", "/tasks", Scope::read, [&context](const ApiCall&) -> Result<ApiAnswer> { return ApiAnswer(context.tasks.list()); }});
    router.add({"GET", "/tasks/{id}", Scope::read, [&context](const ApiCall& call) -> Result<ApiAnswer> {
                    ORACX_TRY(Json task, context.tasks.get(call.param("id")));
                    return ApiAnswer(std::move(task));
                }});
    router.add({"POST", "/tasks/{id}/cancel", Scope::operate, [&context](const ApiCall& call) -> Result<ApiAnswer> {
                    ORACX_TRYV(context.tasks.cancel(call.param("id")));
                    context.audit(call, "task " + call.param("id") + " was cancelled");
                    return ApiAnswer(Json::object({{"task", call.param("id")}}));
                }});
}

}  // namespace oracxfs
