// Providers, and signing in at those that want a browser.

#include "tools/admin/admin_context.h"

namespace oracxfs {
namespace {

Result<ApiAnswer> answer_of(Result<Json> result) {
    if (!result) return fail(std::move(result).error());
    return ApiAnswer(std::move(*result));
}

// Commands that test answer what came of it, whatever that is: {"ok", "steps", "error"}. Where nothing was done because of it,
// that is an error with the steps beside it.
ApiAnswer tested(Json report, int status) {
    if (report["error"].is_null()) return ApiAnswer::with_status(status, std::move(report));
    ApiAnswer answer(std::move(report));
    answer.status = status;
    return answer;
}

std::string names_of(const Json& object) {
    std::string names;
    for (const auto& [key, value] : object.members()) names += (names.empty() ? "" : ", ") + key;
    return names;
}

Result<ApiAnswer> list(const AdminContext& context, const ApiCall& call) { return answer_of(context.ask(call, "provider-list", nullptr)); }

Result<ApiAnswer> show(const AdminContext& context, const ApiCall& call) {
    return answer_of(context.ask(call, "provider-show", Json::object({{"name", call.param("name")}})));
}

// {"ok": false, "error": ...} of an adding or changing that came to nothing.
Result<ApiAnswer> saved_or_not(Json report, int status) {
    if (report["saved"].as_bool()) return ApiAnswer::with_status(status, std::move(report));
    ApiAnswer answer(std::move(report));
    answer.status = 422;
    return answer;
}

Result<ApiAnswer> add(const AdminContext& context, const ApiCall& call) {
    ORACX_TRYV(allow_members(call.body, {"name", "type", "settings", "secrets", "enabled", "test", "replace", "drop_comments"}));
    Json args = call.body.is_object() ? call.body : Json::object();
    args.set("confirm", args["drop_comments"].as_bool());  // the one question that it may ask
    ORACX_TRY(Json report, context.ask(call, "provider-add", std::move(args)));
    if (report["saved"].as_bool()) context.audit(call, "provider " + call.body["name"].as_string() + " (" + call.body["type"].as_string() + ") was added");
    return saved_or_not(std::move(report), 201);
}

Result<ApiAnswer> change(const AdminContext& context, const ApiCall& call) {
    ORACX_TRYV(allow_members(call.body, {"name", "settings", "secrets", "enabled", "test", "drop_comments"}));
    Json args = call.body;
    const std::string& name = call.param("name");
    const std::string new_name = args["name"].as_string();
    args.set("name", name);
    args.set("confirm", args["drop_comments"].as_bool());  // the one question that it may ask
    if (!new_name.empty() && new_name != name) args.set("new_name", new_name);
    ORACX_TRY(Json report, context.ask(call, "provider-change", std::move(args)));
    if (report["saved"].as_bool()) {
        std::string what = "provider " + name + " was changed";
        if (!new_name.empty() && new_name != name) what += ", renamed to " + new_name;
        if (const std::string keys = names_of(call.body["settings"]); !keys.empty()) what += ", settings: " + keys;
        if (const std::string keys = names_of(call.body["secrets"]); !keys.empty()) what += ", new secrets: " + keys;
        context.audit(call, what);
    }
    return saved_or_not(std::move(report), 200);
}

Result<ApiAnswer> remove(const AdminContext& context, const ApiCall& call) {
    ORACX_TRY(Json report, context.ask(call, "provider-remove", Json::object({{"name", call.param("name")}})));
    context.audit(call, "provider " + call.param("name") + " was removed; its files stay");
    return ApiAnswer(std::move(report));
}

Result<ApiAnswer> test(const AdminContext& context, const ApiCall& call) {
    ORACX_TRYV(allow_members(call.body, {}));
    ORACX_TRY(Json report, context.ask(call, "provider-test", Json::object({{"name", call.param("name")}})));
    return tested(std::move(report), 200);
}

Result<ApiAnswer> test_unsaved(const AdminContext& context, const ApiCall& call) {
    ORACX_TRYV(allow_members(call.body, {"name", "type", "settings", "secrets"}));
    ORACX_TRY(Json report, context.ask(call, "provider-try", call.body));
    return tested(std::move(report), 200);
}

Result<ApiAnswer> enable(const AdminContext& context, const ApiCall& call, bool on) {
    ORACX_TRYV(allow_members(call.body, {"confirm"}));
    ORACX_TRY(Json report, context.ask(call, "provider-enable", Json::object({{"name", call.param("name")}, {"enabled", on}, {"confirm", call.body["confirm"].as_bool()}})));
    context.audit(call, "provider " + call.param("name") + " was " + (on ? "enabled" : "disabled"));
    return ApiAnswer(std::move(report));
}

Result<ApiAnswer> host_key(const AdminContext& context, const ApiCall& call) {
    ORACX_TRYV(allow_members(call.body, {"host", "port"}));
    return answer_of(context.ask(call, "provider-host-key", call.body));
}

Result<ApiAnswer> trust_host(const AdminContext& context, const ApiCall& call) {
    ORACX_TRYV(allow_members(call.body, {"fingerprint"}));
    const std::string& fingerprint = call.body["fingerprint"].as_string();
    ORACX_TRY(Json report, context.ask(call, "provider-trust-host", Json::object({{"name", call.param("name")}, {"fingerprint", fingerprint}})));
    if (!fingerprint.empty()) context.audit(call, "the host key " + fingerprint + " of provider " + call.param("name") + " is trusted from now on");
    return ApiAnswer(std::move(report));
}

Result<ApiAnswer> sign_out(const AdminContext& context, const ApiCall& call) {
    ORACX_TRYV(allow_members(call.body, {"revoke"}));
    ORACX_TRY(Json report, context.ask(call, "provider-sign-out", Json::object({{"name", call.param("name")}, {"revoke", call.body["revoke"].as_bool()}})));
    context.audit(call, "provider " + call.param("name") + " was signed out");
    return ApiAnswer(std::move(report));
}

// --- OAuth ---------------------------------------------------------------------------------------------------------------

// Attempts belong to whoever began them.
std::string owner_of(const ApiCall& call) { return call.who.session.empty() ? call.who.token : call.who.session; }

Result<ApiAnswer> oauth_start(const AdminContext& context, const ApiCall& call) {
    ORACX_TRYV(allow_members(call.body, {"mode", "type", "settings", "app_key", "client", "confirm"}));
    Json args = call.body;
    args.set("name", call.param("name"));
    args.set("owner", owner_of(call));
    const auto config = context.env.config();
    args.set("redirect_uri", std::string(is_secure(call.request, *config) ? "https://" : "http://") + call.request.header("host").value_or("") + config->admin.base_path + "/oauth/callback");
    ORACX_TRY(Json report, context.ask(call, "oauth-start", std::move(args)));
    context.audit(call, "signing in was begun for provider " + call.param("name"));
    return ApiAnswer(std::move(report));
}

Result<ApiAnswer> oauth_finish(const AdminContext& context, const ApiCall& call) {
    ORACX_TRYV(allow_members(call.body, {"state", "code"}));
    Json args = call.body;
    args.set("owner", owner_of(call));
    return answer_of(context.ask(call, "oauth-finish", std::move(args)));
}

Result<ApiAnswer> oauth_look(const AdminContext& context, const ApiCall& call) {
    return answer_of(context.ask(call, "oauth-look", Json::object({{"state", call.param("state")}, {"owner", owner_of(call)}})));
}

Result<ApiAnswer> oauth_drop(const AdminContext& context, const ApiCall& call) {
    return answer_of(context.ask(call, "oauth-drop", Json::object({{"state", call.param("state")}, {"owner", owner_of(call)}})));
}

}  // namespace

void add_provider_routes(Router& router, const AdminContext& context) {
    const auto bind = [&context](auto function) { return [&context, function](const ApiCall& call) { return function(context, call); }; };
    router.add({"GET", "/providers", Scope::read, bind(list)});
    router.add({"GET", "/provider-types", Scope::read, [&context](const ApiCall& call) { return answer_of(context.ask(call, "provider-types", nullptr)); }});
    router.add({"GET", "/providers/{name}", Scope::read, bind(show)});
    router.add({"POST", "/providers", Scope::admin, bind(add), true});
    router.add({"POST", "/provider-test", Scope::admin, bind(test_unsaved), true});
    router.add({"POST", "/provider-host-key", Scope::admin, bind(host_key), true});
    router.add({"PATCH", "/providers/{name}", Scope::admin, bind(change), true});
    router.add({"DELETE", "/providers/{name}", Scope::admin, bind(remove), true});
    router.add({"POST", "/providers/{name}/test", Scope::operate, bind(test), true});
    router.add({"POST", "/providers/{name}/enable", Scope::operate, [&context](const ApiCall& call) { return enable(context, call, true); }, true});
    router.add({"POST", "/providers/{name}/disable", Scope::operate, [&context](const ApiCall& call) { return enable(context, call, false); }, true});
    router.add({"POST", "/providers/{name}/trust-host", Scope::admin, bind(trust_host), true});
    router.add({"POST", "/providers/{name}/sign-out", Scope::admin, bind(sign_out), true});
    router.add({"POST", "/providers/{name}/oauth/start", Scope::admin, bind(oauth_start), true});
    router.add({"POST", "/oauth/finish", Scope::admin, bind(oauth_finish), true});
    router.add({"GET", "/oauth/{state}", Scope::admin, bind(oauth_look)});
    router.add({"DELETE", "/oauth/{state}", Scope::admin, bind(oauth_drop)});
}

}  // namespace oracxfs
