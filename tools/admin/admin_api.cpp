#include "tools/admin/admin_api.h"

#include <algorithm>

#include "base/log.h"
#include "tools/admin/assets.h"
#include "tools/admin/pages.h"
#include "tools/control/envelope.h"

namespace oracxfs {
namespace {

constexpr std::size_t kBodyMax = 1u << 20;
constexpr std::size_t kStrangerBodyMax = 16u << 10;  // of whoever is not signed in
constexpr JsonLimits kBodyLimits{kBodyMax, 32, false};

std::vector<std::string> split_path(std::string_view path) {
    std::vector<std::string> parts;
    while (!path.empty()) {
        const std::size_t slash = std::min(path.find('/'), path.size());
        if (slash > 0) parts.emplace_back(path.substr(0, slash));
        path.remove_prefix(std::min(slash + 1, path.size()));
    }
    return parts;
}

bool begins_with(const std::vector<std::string>& path, const std::vector<std::string>& with) {
    return path.size() >= with.size() && std::equal(with.begin(), with.end(), path.begin());
}

bool changes_something(std::string_view method) { return method != "GET" && method != "HEAD"; }

// What every answer carries.
HttpResponse guarded(HttpResponse response) {
    const auto add = [&](const char* name, const char* value) {
        if (std::none_of(response.headers.begin(), response.headers.end(), [&](const auto& field) { return field.first == name; })) response.with(name, value);
    };
    add("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'");
    add("Cache-Control", "no-store");
    add("X-Content-Type-Options", "nosniff");
    add("X-Frame-Options", "DENY");
    add("Referrer-Policy", "no-referrer");
    add("Cross-Origin-Opener-Policy", "same-origin");
    add("Cross-Origin-Resource-Policy", "same-origin");
    return response;
}

}  // namespace

int http_status_of(const Error& error) {
    // What a provider refuses is no refusal of ours: who is signed in here stays signed in.
    const bool of_provider = !error.provider.empty();
    switch (error.code) {
        case Errc::usage:
        case Errc::invalid:
        case Errc::name_refused:
        case Errc::name_too_long: return 400;
        case Errc::not_found: return of_provider && error.message.find("find provider") == std::string::npos ? 422 : 404;
        case Errc::exists:
        case Errc::busy:
        case Errc::pending:
        case Errc::refused: return 409;
        case Errc::changed: return 412;
        case Errc::denied: return of_provider ? 422 : 403;
        case Errc::throttled: return of_provider ? 503 : 429;
        case Errc::too_large: return 413;
        case Errc::unsupported: return 501;
        case Errc::unavailable:
        case Errc::deadline:
        case Errc::cancelled:
        case Errc::daemon_unreachable:
        case Errc::local_full: return 503;
        case Errc::internal: return 500;
        default: return 422;
    }
}

HttpResponse json_response(int status, const Json& envelope) {
    HttpResponse response;
    response.status = status;
    response.body = envelope.dump() + "\n";
    response.with("Content-Type", "application/json");
    return response;
}

HttpResponse error_response(const std::string& command, const Error& error, Json data, int status, const TextCatalogue* texts) {
    if (status == 0) status = http_status_of(error);
    Json envelope = make_error_envelope(command, error, std::move(data));
    Json described = envelope["error"];
    described.set("message", log::redact(described["message"].as_string()));
    described.set("why", log::redact(described["why"].as_string()));
    described.set("http", status);
    envelope.set("error", std::move(described));
    if (texts != nullptr) ReplyLanguage::translate(envelope, *texts);
    HttpResponse response = json_response(status, envelope);
    if (error.retry_after && (status == 429 || status == 503)) response.with("Retry-After", std::to_string((error.retry_after->count() + 999) / 1'000));
    return response;
}

AdminApi::AdminApi(const AdminEnvironment& env, Accounts& accounts, EventHub& hub, TaskList& tasks, Executor& readers, ReplyLanguage& language,
                   std::vector<ListenAddress> listen)
    : context_{env, accounts, hub, tasks, readers, saving_, language}, listen_(std::move(listen)), base_(split_path(env.config()->admin.base_path)) {
    for (const std::string& part : base_) base_path_ += "/" + percent_encode(part);
    add_account_routes(router_, context_);
    add_state_routes(router_, context_);
    add_provider_routes(router_, context_);
    add_backup_routes(router_, context_);
    add_package_routes(router_, context_);
    add_settings_routes(router_, context_);
}

// --- the gate ------------------------------------------------------------------------------------------------------------

AdminApi::Verdict AdminApi::judge(const HttpRequest& request) {
    Verdict verdict;
    const auto refuse = [&](int status, const std::string& text) {
        verdict.refusal = text_page(status, text);
        return verdict;
    };
    if (request.count("host") != 1 || !is_allowed_host(*request.header("host"), listen_, context_.env.config()->admin.allowed_hosts)) {
        verdict.refusal = refuse_host(request);
        return verdict;
    }
    const std::vector<std::string>& path = request.segments;
    const std::vector<std::string> rest = begins_with(path, base_) ? std::vector<std::string>(path.begin() + static_cast<std::ptrdiff_t>(base_.size()), path.end()) : path;
    if (begins_with(path, base_) && rest.size() >= 2 && rest[0] == "api" && rest[1] == "v1") return judge_api(request, base_.size() + 2);
    if (changes_something(request.method)) return refuse(405, "Only the interface below " + base_path_ + "/api/v1 takes this method.");
    verdict.who = identify(request, context_.accounts);
    if (!begins_with(path, base_)) {
        if (path.size() == 1 && path[0].empty()) {  // "/"
            verdict.target = Verdict::Target::redirect;
            return verdict;
        }
        return refuse(404, "There is nothing here. The web admin is at " + base_path_ + "/.");
    }
    if (rest.empty()) {
        verdict.target = Verdict::Target::redirect;
    } else if (rest.size() == 1 && (rest[0].empty() || rest[0] == "index.html")) {
        verdict.target = Verdict::Target::page;
    } else if (rest[0] == "assets" || (rest.size() == 1 && find_asset(rest[0]) != nullptr)) {
        verdict.target = Verdict::Target::asset;
    } else if (rest.size() == 2 && rest[0] == "oauth" && rest[1] == "callback") {
        verdict.target = Verdict::Target::callback;
    } else {
        return refuse(404, "There is nothing here. The web admin is at " + base_path_ + "/.");
    }
    return verdict;
}

AdminApi::Verdict AdminApi::judge_api(const HttpRequest& request, std::size_t prefix) {
    Verdict verdict;
    verdict.target = Verdict::Target::api;
    const auto refuse = [&](const Error& error, int status) {
        const auto texts = context_.language.wanted(request);
        verdict.refusal = error_response(verdict.route != nullptr ? verdict.route->command : "api", error, nullptr, status, texts.get());
        return verdict;
    };
    const std::string what = request.method + " " + request.path;
    Router::Match match = router_.find(request.method, {request.segments.begin() + static_cast<std::ptrdiff_t>(prefix), request.segments.end()});
    if (match.route == nullptr) {
        if (match.allowed.empty()) return refuse(Error(Errc::not_found, what, "there is no such address; see openapi.json"), 404);
        refuse(Error(Errc::unsupported, what, "this address does not take that method"), 405);
        std::string allowed;
        for (const std::string& method : match.allowed) allowed += (allowed.empty() ? "" : ", ") + method;
        verdict.refusal->with("Allow", allowed);
        return verdict;
    }
    verdict.route = match.route;
    verdict.params = std::move(match.params);
    verdict.who = identify(request, context_.accounts);
    const Route& route = *verdict.route;
    if (route.scope != Scope::none && verdict.who.scope == Scope::none)
        return refuse(Error(Errc::unauthenticated, what, request.header("authorization") ? "this API token is not known, or it has ended" : "nobody is signed in, or the session has ended"), 401);
    // A page of a stranger gets nothing, not even what it could not read.
    if (const std::string foreign = foreign_origin(request); !foreign.empty()) return refuse(Error(Errc::denied, what, foreign), 403);
    if (changes_something(request.method)) {
        if (verdict.who.token.empty()) {
            // Signing in and setting up are no deeds of the session that the browser may have.
            const Principal guarded_by = route.scope == Scope::none ? Principal{} : verdict.who;
            if (const Status good = check_forgery(request, guarded_by); !good) return refuse(good.error(), 403);
        }
        const bool has_body = request.header("content-length").value_or("0") != "0" || request.header("transfer-encoding");
        if (!is_json(request) && (has_body || request.method != "DELETE"))
            return refuse(Error(Errc::denied, what, "the header Content-Type: application/json is missing"), 403);
    }
    if (verdict.who.scope < route.scope)
        return refuse(Error(Errc::denied, what, "this API token may only " + std::string(to_string(verdict.who.scope)) + "; " + std::string(to_string(route.scope)) + " is needed"), 403);
    return verdict;
}

HttpAdmission AdminApi::admit(const HttpRequest& request) {
    Verdict verdict = judge(request);
    HttpAdmission admission;
    if (verdict.refusal) {
        admission.refusal = guarded(std::move(*verdict.refusal));
        return admission;
    }
    admission.body_max = verdict.who.scope == Scope::none ? kStrangerBodyMax : kBodyMax;
    admission.slow = (verdict.route != nullptr && verdict.route->slow) || verdict.target == Verdict::Target::callback;
    return admission;
}

// --- answers -------------------------------------------------------------------------------------------------------------

HttpResponse AdminApi::handle(HttpRequest request, const std::stop_token& stop) {
    try {
        context_.accounts.note_uses();
        // Judged again: the session may have ended while the body came.
        Verdict verdict = judge(request);
        if (verdict.refusal) return guarded(std::move(*verdict.refusal));
        return guarded(answer(request, std::move(verdict), stop));
    } catch (const std::exception& error) {
        log::error("admin", request.method + " " + request.path + ": " + error.what());
        return guarded(error_response("api", Error(Errc::internal, request.method + " " + request.path, "something went wrong; see the log")));
    }
}

HttpResponse AdminApi::answer(const HttpRequest& request, Verdict verdict, const std::stop_token& stop) {
    switch (verdict.target) {
        case Verdict::Target::redirect: return text_page(302, "See " + base_path_ + "/").with("Location", base_path_ + "/");
        case Verdict::Target::page: return page(request, verdict.who, stop);
        case Verdict::Target::asset: return asset_response(request, {request.segments.begin() + static_cast<std::ptrdiff_t>(base_.size()), request.segments.end()});
        case Verdict::Target::callback: return callback(request, stop);
        case Verdict::Target::api: return answer_api(request, std::move(verdict), stop);
    }
    return text_page(500, "");
}

HttpResponse AdminApi::answer_api(const HttpRequest& request, Verdict verdict, const std::stop_token& stop) {
    const Route& route = *verdict.route;
    const auto texts = context_.language.wanted(request);
    const auto refuse = [&](const Error& error, Json data, int status) { return error_response(route.command, error, std::move(data), status, texts.get()); };
    ApiCall call{request, std::move(verdict.params), nullptr, std::move(verdict.who), stop};
    if (!request.body.empty() && changes_something(request.method)) {
        auto body = parse_json(request.body, kBodyLimits);
        if (!body) return refuse(Error(Errc::invalid, "read the request", body.error().why), nullptr, 400);
        call.body = std::move(*body);
        if (!call.body.is_object()) return refuse(Error(Errc::invalid, "read the request", "its body must be a JSON object"), nullptr, 400);
    }
    auto answer = route.answer(call);
    if (!answer) return refuse(answer.error(), nullptr, 0);
    if (answer->raw) return std::move(*answer->raw);
    if (texts && !answer->error) ReplyLanguage::translate(answer->data, *texts);
    HttpResponse response = answer->error ? refuse(*answer->error, std::move(answer->data), answer->status)
                                          : json_response(answer->status == 0 ? 200 : answer->status, make_envelope(route.command, 0, std::move(answer->data)));
    for (auto& [name, value] : answer->headers) response.with(std::move(name), std::move(value));
    return response;
}

HttpResponse AdminApi::refuse_host(const HttpRequest& request) const {
    const std::string host = request.header("host").value_or("");
    log::info("admin", "refused a request for the host " + host.substr(0, 100));
    return host_refusal_page(host_name_of(host));
}

HttpResponse AdminApi::page(const HttpRequest& request, const Principal& who, const std::stop_token& stop) const {
    std::string table;
    if (who.scope != Scope::none) {
        const ApiCall call{request, {}, nullptr, who, stop};
        if (const auto status = context_.ask(call, "status", nullptr)) table = status_table(*status);
    }
    return index_page(base_path_, context_.env.config()->language, request, table);
}

HttpResponse AdminApi::callback(const HttpRequest& request, const std::stop_token& stop) const {
    const std::string state = request.query_value("state");
    const ApiCall call{request, {}, nullptr, {}, stop};
    // The session's cookie does not come along from another site: the single-use state and what only we know of it must do.
    const auto done = context_.ask(call, "oauth-callback", Json::object({{"state", state}, {"code", request.query_value("code")}, {"error", request.query_value("error")}, {"error_description", request.query_value("error_description")}}));
    if (!done) return text_page(done.error().code == Errc::not_found ? 403 : 422, "This sign-in is not awaited (any more): " + done.error().why + ".");
    return going_on_page(base_path_ + "/#oauth=" + percent_encode(state));
}

}  // namespace oracxfs
