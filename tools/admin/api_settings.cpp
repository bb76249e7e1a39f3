// Schedule, retention, the settings themselves, notifications.

#include <array>
#include <fstream>
#include <sstream>

#include "base/hash.h"
#include "tools/admin/admin_context.h"
#include "tools/config/schema.h"
#include "tools/scheduler/schedule.h"

namespace oracxfs {
namespace {

constexpr std::array<std::string_view, 6> kScheduleKeys{"enabled", "every", "at", "jitter", "catch_up", "on_battery"};
constexpr std::array<std::string_view, 9> kRetentionKeys{"keep_last", "hourly", "daily", "weekly", "monthly", "yearly", "min_verified_copies", "trash_days", "max_delete_percent"};

std::string_view kind_word(Kind kind) {
    switch (kind) {
        case Kind::boolean: return "boolean";
        case Kind::integer: return "integer";
        case Kind::number: return "number";
        case Kind::text: return "text";
        case Kind::name: return "name";
        case Kind::choice: return "choice";
        case Kind::ack_policy: return "ack_policy";
        case Kind::size: return "size";
        case Kind::rate: return "rate";
        case Kind::duration: return "duration";
        case Kind::duration_range: return "duration_range";
        case Kind::path: return "path";
        case Kind::url: return "url";
        case Kind::secret_ref: return "secret_ref";
        case Kind::clock_list: return "clock_list";
        case Kind::text_list: return "text_list";
        case Kind::command_line: return "command_line";
        case Kind::rate_by_hours: return "rate_by_hours";
        case Kind::source_list: return "source_list";
        case Kind::target_list: return "target_list";
    }
    return "text";
}

Json fallback_of(const Setting& setting) {
    if (setting.fallback.empty()) return nullptr;
    const auto value = parse_json(setting.fallback);
    return value ? *value : Json();
}

// The whole file as a browser may have it: the tag changes with every change, whoever makes it.
std::string tag_of(const ConfigDocument& document) {
    const std::string text = document.exists() ? document.root().dump() : "";
    return "\"" + to_hex(sha256_of(std::as_bytes(std::span(text.data(), text.size())))).substr(0, 24) + "\"";
}

Json describe(const Setting& setting) {
    Json json = Json::object({{"kind", kind_word(setting.kind)}, {"default", fallback_of(setting)}, {"nullable", setting.nullable}});
    Json choices = Json::array();
    for (std::string_view words = setting.choices; !words.empty();) {
        const std::size_t bar = std::min(words.find('|'), words.size());
        choices.push(words.substr(0, bar));
        words.remove_prefix(std::min(bar + 1, words.size()));
    }
    json.set("choices", choices.items().empty() ? Json() : std::move(choices));
    const bool numeric = setting.kind == Kind::integer || setting.kind == Kind::number;
    json.set("min", numeric ? Json(setting.min) : Json());
    json.set("max", numeric && setting.max < 1e15 ? Json(setting.max) : Json());
    return json;
}

Json settings_view(const AdminContext& context, const ConfigDocument& document) {
    Json list = Json::array();
    for (const EffectiveSetting& effective : effective_settings(document, context.env.variables)) {
        const Setting* setting = find_setting(effective.path);
        if (setting == nullptr || effective.path == "version") continue;  // providers have a place of their own
        Json item = Json::object({{"path", effective.path}, {"value", effective.value}, {"origin", effective.origin}, {"overridden", effective.origin.starts_with("environment")}});
        const Json described = describe(*setting);
        for (const auto& [key, value] : described.members()) item.set(key, value);
        list.push(std::move(item));
    }
    return Json::object({{"settings", std::move(list)}, {"file", document.file()}, {"has_comments", document.has_comments()}});
}

Json problem_list(const std::vector<ConfigProblem>& problems) {
    Json list = Json::array();
    for (const ConfigProblem& problem : problems) list.push(Json::object({{"message", problem.message}, {"hint", problem.hint}}));
    return list;
}

// Checks, saves, and has the program take it over. Answers what the reload said, or an answer that says what is wrong.
Result<ApiAnswer> save(const AdminContext& context, const ApiCall& call, ConfigDocument& document, bool drop_comments) {
    if (const auto problems = check_config(document, context.env.variables); !problems.empty())
        return ApiAnswer::failed(Error(Errc::config, problems.front().message, problems.front().hint), Json::object({{"problems", problem_list(problems)}}));
    if (!document.exists()) document.set("version", 1);
    const Status saved = document.save(drop_comments ? ConfigDocument::Comments::drop : ConfigDocument::Comments::keep);
    if (!saved) return fail(saved.error());
    ORACX_TRY(Json reloaded, context.ask(call, "reload", nullptr));
    return ApiAnswer(std::move(reloaded));
}

Result<ApiAnswer> get_settings(const AdminContext& context, const ApiCall&) {
    ORACX_TRY(const ConfigDocument document, ConfigDocument::load(context.env.config_file));
    ApiAnswer answer(settings_view(context, document));
    answer.headers.emplace_back("ETag", tag_of(document));
    return answer;
}

Result<ApiAnswer> put_settings(const AdminContext& context, const ApiCall& call) {
    ORACX_TRYV(allow_members(call.body, {"set", "unset", "drop_comments"}));
    const auto expected = call.request.header("if-match");
    if (!expected) {
        ApiAnswer answer = ApiAnswer::failed(Error(Errc::invalid, "save the settings", "the header If-Match is missing: give the ETag of what was shown"));
        answer.status = 428;
        return answer;
    }
    const std::lock_guard one(context.saving);
    ORACX_TRY(ConfigDocument document, ConfigDocument::load(context.env.config_file));
    if (*expected != "*" && *expected != tag_of(document)) return fail(Errc::changed, "save the settings", "somebody else changed them meanwhile; look at them again");
    std::string names;
    for (const auto& [path, value] : call.body["set"].members()) {
        if (find_setting(path) == nullptr || path == "version") return fail(Errc::invalid, "set " + path, "there is no such setting");
        document.set(path, value);
        names += (names.empty() ? "" : ", ") + path;
    }
    for (const Json& path : call.body["unset"].items()) {
        if (find_setting(path.as_string()) == nullptr) return fail(Errc::invalid, "unset " + path.as_string(), "there is no such setting");
        document.erase(path.as_string());
        names += (names.empty() ? "" : ", ") + path.as_string();
    }
    ORACX_TRY(ApiAnswer saved, save(context, call, document, call.body["drop_comments"].as_bool()));
    if (saved.error) return saved;
    context.audit(call, "settings were changed: " + names);
    ORACX_TRY(const ConfigDocument now, ConfigDocument::load(context.env.config_file));
    ApiAnswer answer(settings_view(context, now));
    answer.data.set("changes", saved.data["changes"]);
    answer.data.set("needs_new_mount", saved.data["needs_new_mount"]);
    answer.headers.emplace_back("ETag", tag_of(now));
    return answer;
}

Result<ApiAnswer> download_settings(const AdminContext& context, const ApiCall&) {
    std::ifstream file(context.env.config_file, std::ios::binary);
    std::ostringstream text;
    if (file) text << file.rdbuf();
    if (!file) return fail(Errc::not_found, "read " + context.env.config_file, "there is no such file yet: all settings have their defaults");
    HttpResponse response;
    response.body = text.str();
    response.with("Content-Type", "application/json").with("Content-Disposition", "attachment; filename=\"cloud_config.json\"");
    return ApiAnswer(std::move(response));
}

// `section`.key = value for each member; saved at once.
Result<ApiAnswer> put_section(const AdminContext& context, const ApiCall& call, const std::string& section) {
    const std::lock_guard one(context.saving);
    ORACX_TRY(ConfigDocument document, ConfigDocument::load(context.env.config_file));
    std::string names;
    for (const auto& [key, value] : call.body.members()) {
        document.set(section + "." + key, value);
        names += (names.empty() ? "" : ", ") + section + "." + key;
    }
    ORACX_TRY(ApiAnswer saved, save(context, call, document, false));
    if (!saved.error) context.audit(call, "settings were changed: " + names);
    return saved;
}

Result<Json> schedule_view(const AdminContext& context, const ApiCall& call) {
    ORACX_TRY(Json report, context.ask(call, "schedule", nullptr));
    const auto config = context.env.config();
    report.set("jitter", format_duration(config->auto_sync.jitter));
    report.set("catch_up", config->auto_sync.catch_up);
    report.set("on_battery", config->auto_sync.on_battery);
    return report;
}

Result<ApiAnswer> get_schedule(const AdminContext& context, const ApiCall& call) {
    ORACX_TRY(Json report, schedule_view(context, call));
    return ApiAnswer(std::move(report));
}

Result<ApiAnswer> put_schedule(const AdminContext& context, const ApiCall& call) {
    ORACX_TRYV(allow_members(call.body, kScheduleKeys));
    ORACX_TRY(ApiAnswer saved, put_section(context, call, "auto_sync"));
    if (saved.error) return saved;
    return get_schedule(context, call);
}

Result<ApiAnswer> preview_schedule(const AdminContext& context, const ApiCall& call) {
    ORACX_TRYV(allow_members(call.body, kScheduleKeys));
    ORACX_TRY(ConfigDocument document, ConfigDocument::load(context.env.config_file));
    for (const auto& [key, value] : call.body.members()) document.set("auto_sync." + key, value);
    if (const auto problems = check_config(document, context.env.variables); !problems.empty())
        return ApiAnswer::failed(Error(Errc::config, problems.front().message, problems.front().hint), Json::object({{"problems", problem_list(problems)}}));
    ORACX_TRY(const Config config, make_config(document, context.env.variables));
    Json at = Json::array();
    for (const std::string& time : config.auto_sync.at) at.push(time);
    Json args = Json::object({{"every_ms", config.auto_sync.every.count()}, {"jitter_ms", config.auto_sync.jitter.count()}, {"catch_up", config.auto_sync.catch_up}});
    args.set("at", std::move(at));
    ORACX_TRY(Json report, context.ask(call, "schedule-preview", std::move(args)));
    return ApiAnswer(std::move(report));
}

Json retention_view(const RetentionConfig& rules) {
    return Json::object({{"keep_last", std::int64_t{rules.keep_last}},
                         {"hourly", std::int64_t{rules.hourly}},
                         {"daily", std::int64_t{rules.daily}},
                         {"weekly", std::int64_t{rules.weekly}},
                         {"monthly", std::int64_t{rules.monthly}},
                         {"yearly", std::int64_t{rules.yearly}},
                         {"min_verified_copies", std::int64_t{rules.min_verified_copies}},
                         {"trash_days", std::int64_t{rules.trash_days}},
                         {"max_delete_percent", std::int64_t{rules.max_delete_percent}}});
}

Result<ApiAnswer> put_retention(const AdminContext& context, const ApiCall& call) {
    ORACX_TRYV(allow_members(call.body, kRetentionKeys));
    ORACX_TRY(ApiAnswer saved, put_section(context, call, "retention"));
    if (saved.error) return saved;
    return ApiAnswer(retention_view(context.env.config()->retention));
}

Result<ApiAnswer> preview_retention(const AdminContext& context, const ApiCall& call) {
    Json rules = call.body.is_object() ? call.body : Json::object();
    const bool force = rules["force"].as_bool();
    rules.erase("force");
    ORACX_TRYV(allow_members(rules, kRetentionKeys));
    ORACX_TRY(ConfigDocument document, ConfigDocument::load(context.env.config_file));
    for (const auto& [key, value] : rules.members()) document.set("retention." + key, value);
    if (const auto problems = check_config(document, context.env.variables); !problems.empty())
        return ApiAnswer::failed(Error(Errc::config, problems.front().message, problems.front().hint), Json::object({{"problems", problem_list(problems)}}));
    ORACX_TRY(Json report, context.ask(call, "prune-preview", Json::object({{"force", force}, {"retention", std::move(rules)}})));
    return ApiAnswer(std::move(report));
}

Result<ApiAnswer> prune(const AdminContext& context, const ApiCall& call) {
    ORACX_TRYV(allow_members(call.body, {"plan_id", "force"}));
    const std::string& plan = call.body["plan_id"].as_string();
    if (plan.empty()) return fail(Errc::invalid, "prune", "give the plan_id of the preview");
    ORACX_TRY(Json report, context.ask(call, "backups-prune", Json::object({{"plan_id", plan}, {"force", call.body["force"].as_bool()}})));
    context.audit(call, std::to_string(report["removed"].items().size()) + " backups were pruned");
    return ApiAnswer(std::move(report));
}

}  // namespace

void add_settings_routes(Router& router, const AdminContext& context) {
    const auto bind = [&context](auto function) { return [&context, function](const ApiCall& call) { return function(context, call); }; };
    router.add({"GET", "/settings", Scope::read, bind(get_settings)});
    router.add({"PUT", "/settings", Scope::admin, bind(put_settings), true});
    router.add({"GET", "/settings/download", Scope::admin, bind(download_settings)});
    router.add({"GET", "/schedule", Scope::read, bind(get_schedule)});
    router.add({"PUT", "/schedule", Scope::admin, bind(put_schedule), true});
    router.add({"POST", "/schedule/preview", Scope::read, bind(preview_schedule)});
    router.add({"GET", "/retention", Scope::read, [&context](const ApiCall&) -> Result<ApiAnswer> { return ApiAnswer(retention_view(context.env.config()->retention)); }});
    router.add({"PUT", "/retention", Scope::admin, bind(put_retention), true});
    router.add({"POST", "/retention/preview", Scope::read, bind(preview_retention)});
    router.add({"POST", "/prune", Scope::admin, bind(prune), true});
    // Passphrases and tokens that settings name; they go in and never come out.
    router.add({"GET", "/secrets", Scope::admin, [&context](const ApiCall& call) -> Result<ApiAnswer> {
                    ORACX_TRY(Json report, context.ask(call, "secret-list", nullptr));
                    return ApiAnswer(std::move(report));
                }});
    router.add({"PUT", "/secrets/{name}", Scope::admin, [&context](const ApiCall& call) -> Result<ApiAnswer> {
                    ORACX_TRYV(allow_members(call.body, {"value"}));
                    ORACX_TRY(Json report, context.ask(call, "secret-set", Json::object({{"name", call.param("name")}, {"value", call.body["value"].as_string()}})));
                    context.audit(call, "secret " + call.param("name") + " was stored");
                    return ApiAnswer(std::move(report));
                }, true});
    router.add({"DELETE", "/secrets/{name}", Scope::admin, [&context](const ApiCall& call) -> Result<ApiAnswer> {
                    ORACX_TRY(Json report, context.ask(call, "secret-remove", Json::object({{"name", call.param("name")}})));
                    context.audit(call, "secret " + call.param("name") + " was forgotten");
                    return ApiAnswer(std::move(report));
                }});
    // Where they are sent, and whether that works.
    router.add({"GET", "/notifications", Scope::read, [&context](const ApiCall& call) -> Result<ApiAnswer> {
                    ORACX_TRY(Json report, context.ask(call, "notifications", nullptr));
                    return ApiAnswer(std::move(report));
                }});
    router.add({"POST", "/notifications/{id}/test", Scope::admin, [&context](const ApiCall& call) -> Result<ApiAnswer> {
                    ORACX_TRYV(allow_members(call.body, {}));
                    ORACX_TRY(Json report, context.ask(call, "notification-test", Json::object({{"id", call.param("id")}})));
                    context.audit(call, "a test notification was sent to " + call.param("id"));
                    return ApiAnswer(std::move(report));
                }, true});
}

}  // namespace oracxfs
