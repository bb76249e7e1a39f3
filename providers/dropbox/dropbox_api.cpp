#include "providers/dropbox/dropbox_api.h"

#include <algorithm>
#include <array>

#include "base/log.h"

namespace oracxfs::dropbox {
namespace {

// The service adds up to 90 s of its own to a long poll.
constexpr std::chrono::seconds kLongpollExtra{90 + 15};
constexpr std::uint64_t kAnswerMax = 16u << 20;  // a page of a listing can be long

struct TagCode {
    std::string_view tag;
    Errc code;
    std::string_view words;  // "" = the tags say enough
};
constexpr std::array kTagCodes = {
    TagCode{"not_found", Errc::not_found, {}},
    TagCode{"not_file", Errc::is_directory, {}},
    TagCode{"not_folder", Errc::not_directory, {}},
    TagCode{"malformed_path", Errc::name_refused, {}},
    TagCode{"disallowed_name", Errc::name_refused, "Dropbox does not allow this name"},
    TagCode{"file_ancestor", Errc::not_directory, "a file stands where a folder is needed"},
    TagCode{"restricted_content", Errc::denied, "Dropbox blocks this content for legal reasons"},
    TagCode{"unsupported_content_type", Errc::unsupported, {}},
    TagCode{"unsupported_file", Errc::unsupported, "a cloud document without bytes of its own"},
    TagCode{"locked", Errc::denied, "somebody has locked the file"},
    TagCode{"no_write_permission", Errc::denied, {}},
    TagCode{"access_restricted", Errc::denied, {}},
    TagCode{"team_folder", Errc::denied, {}},
    TagCode{"operation_suppressed", Errc::denied, {}},
    TagCode{"insufficient_space", Errc::quota_full, "the Dropbox is full"},
    TagCode{"insufficient_quota", Errc::quota_full, "the Dropbox is full"},
    TagCode{"too_many_write_operations", Errc::throttled, {}},
    TagCode{"too_many_requests", Errc::throttled, {}},
    TagCode{"too_large", Errc::too_large, {}},
    TagCode{"payload_too_large", Errc::too_large, {}},
    TagCode{"content_hash_mismatch", Errc::corrupt, "the bytes were damaged on the way"},
    TagCode{"cant_move_folder_into_itself", Errc::invalid, {}},
    TagCode{"reset", Errc::changed, "Dropbox has forgotten the cursor"},
    TagCode{"expired_access_token", Errc::unauthenticated, "the token has expired"},
    TagCode{"invalid_access_token", Errc::unauthenticated, "the token is not valid (any more)"},
    TagCode{"user_suspended", Errc::unauthenticated, "the account is suspended"},
    TagCode{"internal_error", Errc::unavailable, {}},
    // Upload sessions that can't be gone on with; the caller starts another.
    TagCode{"incorrect_offset", Errc::unavailable, {}},
    TagCode{"closed", Errc::unavailable, {}},
    TagCode{"not_closed", Errc::unavailable, {}},
};

// Tags without the random tail of the summary, which is for machines only.
std::string own_words(const Reply& reply) {
    std::string words;
    for (const std::string& tag : reply.problem.tags) words += (words.empty() ? "" : "/") + tag;
    if (words.empty()) words = reply.problem.summary;
    if (!reply.problem.user_message.empty()) words += (words.empty() ? "" : ": ") + reply.problem.user_message;
    if (words.empty()) words = "HTTP status " + std::to_string(reply.status);
    return log::redact(words);  // a proxy may have repeated what it was sent
}

Errc code_of_status(int status) {
    switch (status) {
        case 400: return Errc::invalid;
        case 401: return Errc::unauthenticated;
        case 403: return Errc::denied;
        case 409: return Errc::denied;  // a tag we don't know: this file's problem, not the account's
        case 416: return Errc::changed;
        case 422: return Errc::config;
        case 429: return Errc::throttled;
        case 507: return Errc::quota_full;
        default: return Errc::unavailable;
    }
}

// Only an expired or revoked token is worth a new one; a missing permission is not cured by it.
bool is_stale_token(const http::Response& response) {
    if (response.status != 401) return false;
    const ApiProblem problem = parse_problem(response.body);
    return problem.tags.empty() || problem.has("expired_access_token") || problem.has("invalid_access_token");
}

}  // namespace

bool Reply::conflict() const {
    return status == 409 && problem.has("conflict") && (problem.last() == "file" || problem.last() == "folder");
}

Error error_of(const Reply& reply, std::string what) {
    Error error(code_of_status(reply.status), std::move(what), "Dropbox says: " + own_words(reply));
    error.native = reply.status;
    if (reply.conflict()) error.code = Errc::exists;
    for (const TagCode& row : kTagCodes)
        if (reply.problem.has(row.tag) && !reply.conflict()) {
            error.code = row.code;
            if (!row.words.empty()) error.why = std::string(row.words) + " (" + own_words(reply) + ")";
            break;
        }
    if (reply.problem.has("missing_scope")) {
        error.code = Errc::unauthenticated;
        error.why = "the app lacks the permission " + (reply.problem.required_scope.empty() ? "that this call needs" : reply.problem.required_scope) +
                    ": tick it in the App Console (Permissions, then Submit) and sign in again";
    }
    if (reply.status == 400 && reply.problem.summary.find("did not match pattern") != std::string::npos) error.code = Errc::name_refused;
    if (error.code == Errc::throttled) error.retry_after = reply.retry_after.value_or(reply.problem.retry_after.value_or(Millis(1'000)));
    return error;
}

DropboxApi::DropboxApi(const DropboxConfig& config, Clock& clock, std::unique_ptr<http::Client> client)
    : hosts_(config.hosts), clock_(clock), client_(std::move(client)) {
    tokens_ = http::make_token_source(*client_, clock, oauth_endpoints(config.hosts, config.name), config.tokens);
    http::ApiOptions options;
    options.is_stale_token = is_stale_token;
    api_ = http::ApiClient::make(*client_, *tokens_, clock, std::move(options));
}

Result<std::unique_ptr<DropboxApi>> DropboxApi::make(const DropboxConfig& config, Clock& clock) {
    http::ClientOptions options;
    options.ca_file = config.ca_file;
    options.connect_timeout = std::min(options.connect_timeout, config.timeout);
    options.stall_timeout = config.timeout;
    options.connections_max = config.connections + 1;  // small calls find a way past the transfers
    options.clock = &clock;
    ORACX_TRY(auto client, http::Client::create(std::move(options)));
    return std::unique_ptr<DropboxApi>(new DropboxApi(config, clock, std::move(client)));
}

Result<Reply> DropboxApi::finish(Result<http::Response> response) {
    if (!response) return fail(std::move(response).error());
    Reply reply;
    reply.status = response->status;
    reply.request_id = response->header("x-dropbox-request-id");
    if (reply.ok()) {
        if (response->body.empty()) return reply;  // a sink took it
        ORACX_TRY(reply.result, http::json_body(*response));
        return reply;
    }
    reply.problem = parse_problem(response->body);
    reply.retry_after = response->retry_after(clock_.wall());
    if (!reply.not_found() && !reply.conflict())
        log::debug("dropbox", "status " + std::to_string(reply.status) + ", request " + reply.request_id + ": " + own_words(reply));
    return reply;
}

Result<Reply> DropboxApi::rpc(const OpContext& ctx, std::string_view route, const Json& argument, Repeat repeat) {
    const std::string body = argument.dump();
    http::Request request;
    request.method = "POST";
    request.url = hosts_.api + "/2/" + std::string(route);
    request.content_type = "application/json";
    request.body = std::as_bytes(std::span(body));
    request.idempotent = repeat == Repeat::safe;
    request.response_max = kAnswerMax;
    return finish(api_->perform(ctx, std::move(request)));
}

Result<Reply> DropboxApi::upload(const OpContext& ctx, std::string_view route, const Json& argument, std::span<const std::byte> body,
                                 Repeat repeat) {
    http::Request request;
    request.method = "POST";
    request.url = hosts_.content + "/2/" + std::string(route);
    request.headers.push_back({"Dropbox-API-Arg", header_json(argument)});
    request.content_type = "application/octet-stream";
    request.body = body;
    request.idempotent = repeat == Repeat::safe;
    return finish(api_->perform(ctx, std::move(request)));
}

Result<Reply> DropboxApi::download(const OpContext& ctx, const Json& argument,
                                   const std::optional<std::pair<std::uint64_t, std::uint64_t>>& range,
                                   const std::function<bool(std::span<const std::byte>)>& sink) {
    http::Request request;
    request.method = "POST";
    request.url = hosts_.content + "/2/files/download";
    request.headers.push_back({"Dropbox-API-Arg", header_json(argument)});
    request.content_type = "application/octet-stream";
    if (range) {
        // Up to the end where the length is that of "everything".
        const std::uint64_t last = range->second > UINT64_MAX - range->first ? UINT64_MAX : range->first + range->second - 1;
        request.headers.push_back({"Range", "bytes=" + std::to_string(range->first) + "-" + (last == UINT64_MAX ? "" : std::to_string(last))});
    }
    request.sink = sink;
    return finish(api_->perform(ctx, std::move(request)));
}

Result<Reply> DropboxApi::longpoll(const OpContext& ctx, const std::string& cursor, std::chrono::seconds wait) {
    const std::string body = Json::object({{"cursor", cursor}, {"timeout", static_cast<std::int64_t>(wait.count())}}).dump();
    http::Request request;
    request.method = "POST";
    request.url = hosts_.notify + "/2/files/list_folder/longpoll";
    request.content_type = "application/json";
    request.body = std::as_bytes(std::span(body));
    request.stall_timeout = wait + kLongpollExtra;
    return finish(client_->perform(ctx, request));
}

}  // namespace oracxfs::dropbox
