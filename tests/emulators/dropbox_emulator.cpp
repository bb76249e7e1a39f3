#include "tests/emulators/dropbox_emulator.h"

#include <algorithm>

#include "tests/emulators/dropbox_state.h"

namespace oracxfs::test {
namespace {

enum class Host { api, content, notify };
enum class Style { rpc, rpc_without_argument, rpc_without_token, upload, download };

constexpr std::string_view kAccount = "dbid:AAtest0000000000000000000000000000000";

std::string_view prefix_of(Host host) {
    return host == Host::api ? "/api" : host == Host::content ? "/content" : "/notify";
}

bool is_ascii(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7F; });
}

}  // namespace

struct DropboxEmulator::Route {
    std::string_view endpoint;
    Host host;
    Style style;
    std::string_view scope;
    Json (DropboxEmulator::*handler)(Call& call, const Json& argument);
};

const std::vector<DropboxEmulator::Route>& DropboxEmulator::routes() {
    using D = DropboxEmulator;
    static const std::vector<Route> all{
        {"users/get_current_account", Host::api, Style::rpc_without_argument, "account_info.read",
         &D::users_get_current_account},
        {"users/get_space_usage", Host::api, Style::rpc_without_argument, "account_info.read", &D::users_get_space_usage},
        {"check/user", Host::api, Style::rpc, "account_info.read", &D::check_user},
        {"auth/token/revoke", Host::api, Style::rpc_without_argument, "", &D::auth_token_revoke},
        {"files/get_metadata", Host::api, Style::rpc, "files.metadata.read", &D::get_metadata},
        {"files/list_folder", Host::api, Style::rpc, "files.metadata.read", &D::list_folder},
        {"files/list_folder/continue", Host::api, Style::rpc, "files.metadata.read", &D::list_folder_continue},
        {"files/list_folder/get_latest_cursor", Host::api, Style::rpc, "files.metadata.read", &D::get_latest_cursor},
        {"files/list_folder/longpoll", Host::notify, Style::rpc_without_token, "", &D::longpoll},
        {"files/create_folder_v2", Host::api, Style::rpc, "files.content.write", &D::create_folder},
        {"files/delete_v2", Host::api, Style::rpc, "files.content.write", &D::delete_entry},
        {"files/move_v2", Host::api, Style::rpc, "files.content.write", &D::move_entry},
        {"files/copy_v2", Host::api, Style::rpc, "files.content.write", &D::copy_entry},
        {"files/list_revisions", Host::api, Style::rpc, "files.metadata.read", &D::list_revisions},
        {"files/restore", Host::api, Style::rpc, "files.content.write", &D::restore},
        {"files/upload", Host::content, Style::upload, "files.content.write", &D::upload},
        {"files/upload_session/start", Host::content, Style::upload, "files.content.write", &D::session_start},
        {"files/upload_session/append_v2", Host::content, Style::upload, "files.content.write", &D::session_append},
        {"files/upload_session/finish", Host::content, Style::upload, "files.content.write", &D::session_finish},
        {"files/upload_session/start_batch", Host::api, Style::rpc, "files.content.write", &D::session_start_batch},
        {"files/upload_session/finish_batch_v2", Host::api, Style::rpc, "files.content.write", &D::session_finish_batch},
        {"files/download", Host::content, Style::download, "files.content.read", nullptr},
    };
    return all;
}

const DropboxEmulator::Route* DropboxEmulator::find_route(std::string_view endpoint) {
    for (const Route& route : routes())
        if (route.endpoint == endpoint) return &route;
    return nullptr;
}

DropboxEmulator::DropboxEmulator(DropboxOptions options)
    : Emulator(options, OAuthDialect::dropbox), state_(std::make_unique<State>(options)) {
    start();
}

DropboxEmulator::~DropboxEmulator() { stop(); }

std::string DropboxEmulator::api_url() const { return base_url() + "/api"; }
std::string DropboxEmulator::content_url() const { return base_url() + "/content"; }
std::string DropboxEmulator::notify_url() const { return base_url() + "/notify"; }
std::string DropboxEmulator::account_id() const { return std::string(kAccount); }

std::string DropboxEmulator::endpoint_of(const HttpsRequest& request, std::string& path) {
    std::optional<Host> host;
    for (const Host each : {Host::api, Host::content, Host::notify}) {
        if (!request.path.starts_with(std::string(prefix_of(each)) + "/")) continue;
        host = each;
        path = request.path.substr(prefix_of(each).size());
    }
    if (host == Host::api && !oauth().endpoint_of(path).empty()) return oauth().endpoint_of(path);
    if (!path.starts_with("/2/")) return "unknown";
    const Route* const route = find_route(std::string_view(path).substr(3));
    if (route == nullptr || (host && *host != route->host)) return "unknown";
    return std::string(route->endpoint);
}

HttpsResponse DropboxEmulator::route_error(int status, const Json& error) {
    const std::lock_guard lock(state_->mutex);
    return dropbox_error(status, error, state_->random);
}

HttpsResponse DropboxEmulator::handle(Call& call) {
    HttpsResponse response;
    const Route* const route = find_route(call.endpoint);
    try {
        if (route == nullptr) {
            (void)call.body();
            return HttpsResponse::text("Not found: " + call.path, 404);
        }
        check_token(call, *route);
        const Json argument = argument_of(call, *route);
        if (call.has(Fault::Kind::session_gone)) {
            const std::lock_guard lock(state_->mutex);
            for (auto& [id, session] : state_->sessions)
                if (argument["cursor"]["session_id"].as_string() == id) session.gone = true;
        }
        const std::shared_ptr<void> alone = call.endpoint == "files/list_folder" ? only_listing(call) : nullptr;
        response = route->handler == nullptr ? download(call, argument)
                                             : HttpsResponse::json((this->*route->handler)(call, argument).dump());
        response.until_answer = alone;
    } catch (const BadCall& bad) {
        response = HttpsResponse::text("Error in call to API function \"" + call.endpoint + "\": " + bad.why, 400);
    } catch (const RouteError& wrong) {
        response = route_error(409, wrong.error);
    } catch (Refused& refused) {
        response = std::move(refused.response);
    }
    response.headers.emplace_back("X-Dropbox-Request-Id", random_name(32));
    return response;
}

// Two identical listings with one token at the same time are refused. Ends with what is returned.
std::shared_ptr<void> DropboxEmulator::only_listing(const Call& call) {
    std::string name = std::string(call.http.header("authorization")) + " " + call.argument;
    State& s = *state_;
    const std::lock_guard lock(s.mutex);
    if (!s.listings.insert(name).second) {
        const Json error = Json::object({{"reason", tag("too_many_requests")}, {"retry_after", 1}});
        throw Refused{dropbox_error(429, error, s.random).with("Retry-After", "1")};
    }
    return {nullptr, [&s, name = std::move(name)](void*) {
                const std::lock_guard inner(s.mutex);
                s.listings.erase(name);
            }};
}

void DropboxEmulator::check_token(Call& call, const Route& route) {
    const bool has = call.http.has_header("authorization");
    if (route.style == Style::rpc_without_token) {
        if (has) throw BadCall{"This function does not take an access token"};
        return;
    }
    if (!has) throw BadCall{"Must provide HTTP header \"Authorization\" or URL parameter \"authorization\"."};
    const std::string_view header = call.http.header("authorization");
    if (!header.starts_with("Bearer "))
        throw BadCall{"Invalid authorization value in HTTP header \"Authorization\": expected \"Bearer <access token>\""};
    const OAuthEmulator::TokenInfo token = oauth().look_up(header.substr(7));
    using Now = OAuthEmulator::TokenState;
    if (token.state == Now::expired) throw Refused{route_error(401, tag("expired_access_token"))};
    if (token.state == Now::invalid) throw Refused{route_error(401, tag("invalid_access_token"))};
    if (route.scope.empty() || token.scopes.contains(std::string(route.scope))) return;
    throw Refused{
        route_error(401, Json::object({{".tag", "missing_scope"}, {"required_scope", std::string(route.scope)}}))};
}

Json DropboxEmulator::argument_of(Call& call, const Route& route) {
    const std::string_view type = call.http.header("content-type");
    const bool in_header = route.style == Style::upload || route.style == Style::download;
    const bool by_get = route.style == Style::download && call.http.method == "GET";
    if (call.http.method != "POST" && !by_get) throw BadCall{"Your request method must be POST"};
    const auto wrong_type = [&](std::string_view expected) {
        return BadCall{"Bad HTTP \"Content-Type\" header: \"" + std::string(type) + "\".  Expecting one of " +
                       std::string(expected) + "."};
    };
    std::string text;
    if (in_header) {
        const bool octets = type == "application/octet-stream";
        if (!octets && !(route.style == Style::download && type.empty())) throw wrong_type("\"application/octet-stream\"");
        const auto parameter = call.http.parameter("arg");
        if (parameter && call.http.has_header("dropbox-api-arg")) throw BadCall{"the argument was given twice"};
        if (!parameter && !call.http.has_header("dropbox-api-arg"))
            throw BadCall{"Must provide HTTP header \"Dropbox-API-Arg\" or URL parameter \"arg\"."};
        text = parameter ? *parameter : std::string(call.http.header("dropbox-api-arg"));
        if (!parameter && !is_ascii(text))
            throw BadCall{"HTTP header \"Dropbox-API-Arg\": could not decode input as JSON: not printable ASCII"};
        if (route.style == Style::download && !call.body().empty()) throw BadCall{"This function takes no body"};
    } else {
        if (!call.http.query.empty()) throw BadCall{"Unexpected URL parameters"};
        if (call.http.has_header("dropbox-api-arg")) throw BadCall{"Unexpected HTTP header \"Dropbox-API-Arg\""};
        text = call.body(4u << 20);
        const bool json = type == "application/json" || type == "application/json; charset=utf-8";
        if (route.style == Style::rpc_without_argument && text.empty() && type.empty()) return {};
        if (!json) throw wrong_type("\"application/json\", \"application/json; charset=utf-8\"");
    }
    call.argument = text;
    const auto parsed = parse_json(text);
    const std::string where = in_header ? "HTTP header \"Dropbox-API-Arg\"" : "request body";
    if (!parsed) throw BadCall{where + ": could not decode input as JSON"};
    if (route.style == Style::rpc_without_argument && !parsed->is_null()) throw BadCall{where + ": expected null"};
    return *parsed;
}

Json DropboxEmulator::commit(Call& call, const Json& busy, const std::function<Json(State&)>& change) {
    State& s = *state_;
    std::unique_lock lock(s.mutex);
    if (s.committing) {
        if (++s.refused_commits % 2 == 0) throw RouteError{busy};
        const Json error = Json::object({{"reason", tag("too_many_write_operations")}, {"retry_after", 1}});
        throw Refused{dropbox_error(429, error, s.random).with("Retry-After", "1")};
    }
    s.committing = true;
    s.now = format_utc(now());
    const auto release = [&] {
        // The lock of the account is held for a while, also when nothing came of it.
        s.changed.wait_for(lock, call.http.stop, s.options.commit_time, [] { return false; });
        s.committing = false;
    };
    try {
        Json result = change(s);
        release();
        return result;
    } catch (...) {
        release();
        throw;
    }
}

HttpsResponse DropboxEmulator::words_for(const Fault& fault, const Call&) {
    if (fault.kind == Fault::Kind::throttle || fault.status == 429) {
        const std::int64_t seconds = fault.retry_after ? fault.retry_after->count() : 1;
        HttpsResponse response =
            fault.as_text ? HttpsResponse::text("too_many_requests", 429, "text/plain; charset=utf-8")
                          : route_error(429, Json::object({{"reason", tag("too_many_requests")}, {"retry_after", seconds}}));
        if (!fault.retry_after) response.headers.emplace_back("Retry-After", "1");
        return response;
    }
    if (fault.status == 401) return route_error(401, tag("expired_access_token"));
    if (fault.status == 400) return HttpsResponse::text("Error in call to API function: bad request", 400);
    if (fault.status == 403 || fault.status == 409) return route_error(fault.status, tag("other"));
    return HttpsResponse::text("<html><body><h1>Error</h1></body></html>", fault.status, "text/html");
}

Json DropboxEmulator::users_get_current_account(Call&, const Json&) {
    return Json::object(
        {{"account_id", kAccount},
         {"name", Json::object({{"given_name", "Ada"}, {"surname", "Test"}, {"familiar_name", "Ada"},
                                {"display_name", "Ada Test"}, {"abbreviated_name", "AT"}})},
         {"email", "ada@example.com"},
         {"email_verified", true},
         {"disabled", false},
         {"locale", "en"},
         {"is_paired", false},
         {"account_type", tag("basic")},
         {"root_info", Json::object({{".tag", "user"}, {"root_namespace_id", "1234567890"},
                                     {"home_namespace_id", "1234567890"}})}});
}

Json DropboxEmulator::users_get_space_usage(Call&, const Json&) {
    const std::lock_guard lock(state_->mutex);
    return Json::object(
        {{"used", state_->used},
         {"allocation", Json::object({{".tag", "individual"}, {"allocated", state_->options.quota_bytes}})}});
}

Json DropboxEmulator::check_user(Call&, const Json& argument) {
    Arguments arguments(argument, "request body");
    const std::string query = arguments.text("query", "");
    arguments.done();
    return Json::object({{"result", query}});
}

Json DropboxEmulator::auth_token_revoke(Call& call, const Json&) {
    oauth().revoke(call.http.header("authorization").substr(7));
    return {};
}

}  // namespace oracxfs::test
