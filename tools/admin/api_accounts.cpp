// First run, signing in and out, sessions, API tokens.

#include "tools/admin/admin_context.h"

namespace oracxfs {
namespace {

Json session_state(const AdminContext& context, const Principal& who) {
    const auto config = context.env.config();
    Json json = Json::object({{"setup_required", !context.accounts.has_password()},
                              {"signed_in", who.scope != Scope::none},
                              {"version", ORACXFS_VERSION},
                              {"language", config->language}});
    if (who.scope == Scope::none) return json;
    json.set("scope", to_string(who.scope));
    json.set("instance", config->instance);
    json.set("session", who.session.empty() ? Json() : Json(who.session));
    if (who.session.empty()) return json;
    json.set("csrf", who.csrf);
    json.set("idle_ms", config->admin.session_idle.count());
    if (const auto session = context.accounts.session(who.session)) {
        json.set("expires", format_utc(session->expires));
        json.set("remember", session->remember);
    }
    return json;
}

std::string cookie_header(const ApiCall& call, const Config& config, const std::string& value, std::optional<std::int64_t> seconds) {
    std::string text = cookie_name(call.request) + "=" + value + "; Path=" + config.admin.base_path + "; HttpOnly; SameSite=Strict";
    if (seconds) text += "; Max-Age=" + std::to_string(*seconds);
    if (is_secure(call.request, config)) text += "; Secure";
    return text;
}

ApiAnswer signed_in(const AdminContext& context, const ApiCall& call, const Accounts::SignedIn& in) {
    // A session that the browser had before is over: nobody goes on with one that somebody else may have planted.
    if (!call.who.session.empty()) {
        context.hub.close_of(call.who.session);
        (void)context.accounts.end_session(call.who.session);
    }
    ApiAnswer answer(session_state(context, in.who));
    const auto config = context.env.config();
    answer.headers.emplace_back("Set-Cookie", cookie_header(call, *config, in.cookie, in.session.remember ? std::optional<std::int64_t>(7 * 86'400) : std::nullopt));
    return answer;
}

Result<ApiAnswer> set_up(const AdminContext& context, const ApiCall& call) {
    ORACX_TRYV(allow_members(call.body, {"code", "password"}));
    int tries_left = 0;
    const Status done = context.accounts.set_up(call.body["code"].as_string(), call.body["password"].as_string(), tries_left);
    const std::string source = source_of(call.request, *context.env.config());
    if (!done) {
        const Errc code = done.error().code;
        if (code == Errc::denied) context.env.event("warning", "admin", "a wrong first-run code was given, from " + source, "");
        ApiAnswer answer = ApiAnswer::failed(done.error(), code == Errc::denied ? Json::object({{"tries_left", std::int64_t{tries_left}}}) : Json());
        if (code == Errc::pending) answer.status = 423;
        return answer;
    }
    context.audit(call, "the first password was set");
    ORACX_TRY(const auto in, context.accounts.begin_session(false, source, call.request.header("user-agent").value_or("")));
    return signed_in(context, call, in);
}

Result<ApiAnswer> sign_in(const AdminContext& context, const ApiCall& call) {
    ORACX_TRYV(allow_members(call.body, {"password", "remember"}));
    if (!context.accounts.has_password()) return fail(Errc::pending, "sign in", "no password is set yet: begin with the code that `oracxfs admin code` shows");
    const std::string source = source_of(call.request, *context.env.config());
    const auto in = context.accounts.sign_in(call.body["password"].as_string(), call.body["remember"].as_bool(), source, call.request.header("user-agent").value_or(""));
    if (!in) {
        ApiAnswer answer = ApiAnswer::failed(in.error());
        if (in.error().code == Errc::unauthenticated) {
            answer.status = 401;
            context.env.event("warning", "admin", "signing in failed: wrong password, from " + source, "");
        }
        if (in.error().retry_after) answer.data = Json::object({{"retry_after_ms", in.error().retry_after->count()}});
        return answer;
    }
    context.env.event("info", "admin", "signed in, from " + source, "");
    return signed_in(context, call, *in);
}

Result<ApiAnswer> sign_out(const AdminContext& context, const ApiCall& call) {
    if (call.who.session.empty()) return fail(Errc::not_found, "sign out", "this is no session");
    context.hub.close_of(call.who.session);
    ORACX_TRYV(context.accounts.end_session(call.who.session));
    ApiAnswer answer(Json::object({{"signed_in", false}}));
    answer.headers.emplace_back("Set-Cookie", cookie_header(call, *context.env.config(), "", 0));
    return answer;
}

Result<ApiAnswer> change_password(const AdminContext& context, const ApiCall& call) {
    ORACX_TRYV(allow_members(call.body, {"old", "new"}));
    const Status done = context.accounts.change_password(call.body["old"].as_string(), call.body["new"].as_string(), call.who, source_of(call.request, *context.env.config()));
    if (!done) return fail(done.error());
    context.audit(call, "the password of the web admin was changed");
    return ApiAnswer(Json::object({{"changed", true}}));
}

Json session_report(const Accounts::Session& session, const Principal& who) {
    return Json::object({{"id", session.id},
                         {"created", format_utc(session.created)},
                         {"last_used", format_utc(session.last_used)},
                         {"expires", format_utc(session.expires)},
                         {"remember", session.remember},
                         {"address", session.address},
                         {"agent", session.agent},
                         {"current", session.id == who.session}});
}

Result<ApiAnswer> list_sessions(const AdminContext& context, const ApiCall& call) {
    Json list = Json::array();
    for (const Accounts::Session& session : context.accounts.sessions()) list.push(session_report(session, call.who));
    return ApiAnswer(Json::object({{"sessions", std::move(list)}}));
}

Result<ApiAnswer> end_sessions(const AdminContext& context, const ApiCall& call) {
    const std::string& id = call.param("id");
    for (const Accounts::Session& session : context.accounts.sessions())
        if (id.empty() ? session.id != call.who.session : session.id == id) context.hub.close_of(session.id);
    ORACX_TRY(const std::size_t ended, id.empty() ? context.accounts.end_sessions(call.who.session) : context.accounts.end_session(id));
    context.audit(call, id.empty() ? "all other sessions were ended" : "session " + id + " was ended");
    return ApiAnswer(Json::object({{"ended", ended}}));
}

Result<ApiAnswer> list_tokens(const AdminContext& context, const ApiCall&) {
    Json list = Json::array();
    for (const Accounts::Token& token : context.accounts.tokens()) list.push(token_report(token));
    return ApiAnswer(Json::object({{"tokens", std::move(list)}}));
}

Result<ApiAnswer> add_token(const AdminContext& context, const ApiCall& call) {
    ORACX_TRYV(allow_members(call.body, {"name", "scope", "days"}));
    const auto scope = scope_from(call.body["scope"].as_string());
    if (!scope) return fail(Errc::invalid, "make an API token", "its scope is read, operate or admin");
    const std::int64_t days = call.body["days"].as_int();
    if (days < 0 || days > 3'650) return fail(Errc::invalid, "make an API token", "it may last up to 3650 days");
    ORACX_TRY(const auto made, context.accounts.add_token(call.body["name"].as_string(), *scope, days > 0 ? std::optional(Millis(days * 86'400'000)) : std::nullopt));
    context.audit(call, "API token \"" + made.first.name + "\" (" + std::string(to_string(*scope)) + ") was made");
    Json json = token_report(made.first);
    json.set("token", made.second);
    return ApiAnswer::with_status(201, std::move(json));
}

Result<ApiAnswer> remove_token(const AdminContext& context, const ApiCall& call) {
    ORACX_TRYV(context.accounts.remove_token(call.param("id")));
    context.hub.close_of(call.param("id"));
    context.audit(call, "API token " + call.param("id") + " was removed");
    return ApiAnswer(Json::object({{"id", call.param("id")}}));
}

}  // namespace

Json token_report(const Accounts::Token& token) {
    return Json::object({{"id", token.id}, {"name", token.name}, {"scope", to_string(token.scope)}, {"created", format_utc(token.created)}, {"expires", token.expires ? Json(format_utc(*token.expires)) : Json()}, {"last_used", token.last_used ? Json(format_utc(*token.last_used)) : Json()}});
}

void add_account_routes(Router& router, const AdminContext& context) {
    const auto bind = [&context](auto function) { return [&context, function](const ApiCall& call) { return function(context, call); }; };
    router.add({"GET", "/session", Scope::none, [&context](const ApiCall& call) -> Result<ApiAnswer> { return ApiAnswer(session_state(context, call.who)); }});
    // The hash takes a tenth of a second, one at a time: not in the threads that everybody needs.
    router.add({"POST", "/setup", Scope::none, bind(set_up), true});
    router.add({"POST", "/session", Scope::none, bind(sign_in), true});
    router.add({"DELETE", "/session", Scope::read, bind(sign_out)});
    router.add({"POST", "/password", Scope::admin, bind(change_password), true});
    router.add({"GET", "/sessions", Scope::admin, bind(list_sessions)});
    router.add({"DELETE", "/sessions", Scope::admin, bind(end_sessions)});
    router.add({"DELETE", "/sessions/{id}", Scope::admin, bind(end_sessions)});
    router.add({"GET", "/tokens", Scope::admin, bind(list_tokens)});
    router.add({"POST", "/tokens", Scope::admin, bind(add_token)});
    router.add({"DELETE", "/tokens/{id}", Scope::admin, bind(remove_token)});
}

}  // namespace oracxfs
