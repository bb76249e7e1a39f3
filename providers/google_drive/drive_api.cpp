#include "providers/google_drive/drive_api.h"

#include <algorithm>

#include "base/log.h"
#include "providers/google_drive/token_choice.h"
#include "providers/wait.h"

namespace oracxfs::drive {
namespace {

constexpr int kAttemptsMax = 4;
constexpr std::string_view kJsonType = "application/json; charset=UTF-8";
// Answers of 1000 entries with long names.
constexpr std::uint64_t kJsonBytesMax = 16u << 20;

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

std::string joined_host(std::string_view url) {
    const std::size_t scheme = url.find("://");
    if (scheme == std::string_view::npos) return "";
    return std::string(url.substr(0, url.find_first_of("/?#", scheme + 3)));
}

}  // namespace

Json FileChange::body() const {
    Json out = Json::object();
    if (!id.empty()) out.set("id", id);
    if (!name.empty()) out.set("name", name);
    if (folder) out.set("mimeType", kFolderType);
    if (!parent.empty()) out.set("parents", Json::array().push(parent));
    if (modified_ns != 0) out.set("modifiedTime", format_time_ns(modified_ns));
    if (trashed) out.set("trashed", *trashed);
    if (!app_properties.empty()) {
        Json properties = Json::object();
        for (const auto& [key, value] : app_properties) properties.set(key, value);
        out.set("appProperties", std::move(properties));
    }
    return out;
}

Result<std::unique_ptr<DriveApi>> DriveApi::make(const DriveConfig& config, Clock& clock) {
    std::unique_ptr<DriveApi> api(new DriveApi(config, clock));
    http::ClientOptions options;
    options.ca_file = config.ca_file;
    options.stall_timeout = std::max(config.timeout, Millis(1'000));
    options.connections_max = config.connections;
    options.clock = &clock;
    ORACX_TRY(api->client_, http::Client::create(options));
    api->tokens_ = choose_tokens(*api->client_, clock, config);
    http::ApiOptions metadata;
    metadata.is_throttle = [](const http::Response& response) {
        return is_rate_limit(response) || (response.status == 403 && parse_error(response.body).reason == "userRateLimitExceeded");
    };
    http::ApiOptions media;
    media.is_throttle = is_rate_limit;
    api->metadata_ = http::ApiClient::make(*api->client_, *api->tokens_, clock, std::move(metadata));
    api->media_ = http::ApiClient::make(*api->client_, *api->tokens_, clock, std::move(media));
    return api;
}

Status DriveApi::pause(const OpContext& ctx, int attempt) {
    ORACX_TRYV(still_wanted(ctx, clock_));
    const std::int64_t upper = std::int64_t{250} << std::clamp(attempt - 1, 0, 6);
    const auto chance = static_cast<std::int64_t>(random_u64() % static_cast<std::uint64_t>(upper / 2 + 1));
    SteadyTime until = clock_.steady() + Millis(upper / 2 + chance);
    if (ctx.deadline) until = std::min(until, *ctx.deadline);
    clock_.sleep_until(until, ctx.stop);
    return still_wanted(ctx, clock_);
}

Result<http::Response> DriveApi::call(const OpContext& ctx, const char* what, const http::Request& request, bool repeatable) {
    http::ApiClient& client = request.sink ? *media_ : *metadata_;
    bool in_doubt = false;  // some attempt may have been acted on
    for (int attempt = 1;; ++attempt) {
        ORACX_TRYV(still_wanted(ctx, clock_));
        auto response = client.perform(ctx, request);
        if (response && response->ok()) return response;
        std::optional<Error> error;
        if (response) error = error_of(*response, what, Purpose::metadata, clock_.wall());
        else error = std::move(response).error().at(what);
        if (!request.idempotent)
            in_doubt = in_doubt || error->code == Errc::outcome_unknown || (response && error->code == Errc::unavailable);
        // What the service says about itself (5xx, HTML) and what got lost may be different the next time.
        const bool hiccup = error->code == Errc::unavailable || error->code == Errc::outcome_unknown;
        if (hiccup && repeatable && attempt < kAttemptsMax && !request.sink && !error->silent) {
            ORACX_TRYV(pause(ctx, attempt));
            continue;
        }
        if (in_doubt && (hiccup || error->code == Errc::throttled)) error->code = Errc::outcome_unknown;
        return fail(std::move(*error));
    }
}

Result<Json> DriveApi::call_json(const OpContext& ctx, const char* what, const http::Request& request, bool repeatable) {
    for (int attempt = 1;; ++attempt) {
        ORACX_TRY(const http::Response response, call(ctx, what, request, repeatable));
        auto json = http::json_body(response);
        if (json) return json;
        // A captive portal, or a proxy in a bad mood.
        if (!repeatable || attempt == 2) return fail(std::move(json).error().at(what));
        ORACX_TRYV(pause(ctx, attempt));
    }
}

std::string DriveApi::files_url(const std::string& id, std::string_view query) const {
    std::string url = config_.api_url + "/files";
    if (!id.empty()) url += "/" + http::percent_encode(id);
    return url + "?supportsAllDrives=true&fields=" + http::percent_encode(kFileFields) + std::string(query);
}

std::string DriveApi::drive_query() const {
    if (config_.shared_drive.empty()) return "&spaces=drive";
    return "&spaces=drive&corpora=drive&includeItemsFromAllDrives=true&driveId=" + http::percent_encode(config_.shared_drive);
}

Result<About> DriveApi::about(const OpContext& ctx) {
    http::Request request;
    request.url = config_.api_url + "/about?fields=" +
                  http::percent_encode("user(displayName,emailAddress,permissionId),storageQuota(limit,usage)");
    ORACX_TRY(const Json json, call_json(ctx, "ask for the account", request, true));
    return parse_about(json);
}

Result<std::vector<std::string>> DriveApi::generate_ids(const OpContext& ctx, int count) {
    http::Request request;
    request.url = config_.api_url + "/files/generateIds?space=drive&type=files&fields=ids&count=" + std::to_string(count);
    ORACX_TRY(const Json json, call_json(ctx, "ask for ids", request, true));
    return parse_ids(json);
}

Result<FileMeta> DriveApi::get(const OpContext& ctx, const std::string& id) {
    http::Request request;
    request.url = files_url(id, "");
    ORACX_TRY(const Json json, call_json(ctx, "look at it", request, true));
    return parse_file(json);
}

Result<FilePage> DriveApi::list(const OpContext& ctx, const std::string& query, const std::string& page_token, int page_size,
                                bool trashed) {
    http::Request request;
    request.url = config_.api_url + "/files?supportsAllDrives=true&pageSize=" + std::to_string(page_size) + drive_query() + "&fields=" +
                  http::percent_encode("nextPageToken,incompleteSearch,files(" + std::string(kFileFields) + ")") +
                  "&q=" + http::percent_encode((query.empty() ? "" : query + " and ") + "trashed=" + (trashed ? "true" : "false"));
    if (!page_token.empty()) request.url += "&pageToken=" + http::percent_encode(page_token);
    request.response_max = kJsonBytesMax;
    auto json = call_json(ctx, "list files", request, true);
    if (!json) {
        if (!page_token.empty() && (json.error().code == Errc::invalid || json.error().code == Errc::not_found))
            return fail(Errc::changed, "list files", "Drive has forgotten where the listing was");
        return fail(std::move(json).error());
    }
    ORACX_TRY(FilePage page, parse_file_page(*json));
    if (page.incomplete) return fail(Errc::unavailable, "list files", "Drive searched only a part");
    return page;
}

Result<FileMeta> DriveApi::create(const OpContext& ctx, const FileChange& change) {
    const std::string body = change.body().dump();
    http::Request request;
    request.method = "POST";
    request.url = files_url("", "");
    request.content_type = kJsonType;
    request.body = bytes_of(body);
    request.idempotent = false;
    // Repeated with its id it can't make a twin.
    ORACX_TRY(const Json json, call_json(ctx, "create", request, !change.id.empty()));
    return parse_file(json);
}

Result<FileMeta> DriveApi::update(const OpContext& ctx, const std::string& id, const FileChange& change) {
    const std::string body = change.body().dump();
    http::Request request;
    request.method = "PATCH";
    std::string query;
    if (!change.add_parent.empty()) query += "&addParents=" + http::percent_encode(change.add_parent);
    if (!change.remove_parents.empty()) query += "&removeParents=" + http::percent_encode(change.remove_parents);
    request.url = files_url(id, query);
    request.content_type = kJsonType;
    request.body = bytes_of(body);
    request.idempotent = false;  // a lost answer is to be told; repeating does no harm
    ORACX_TRY(const Json json, call_json(ctx, "change", request, true));
    return parse_file(json);
}

Status DriveApi::erase(const OpContext& ctx, const std::string& id) {
    http::Request request;
    request.method = "DELETE";
    request.url = config_.api_url + "/files/" + http::percent_encode(id) + "?supportsAllDrives=true";
    request.idempotent = false;
    const auto response = call(ctx, "delete", request, true);
    if (response || response.error().code == Errc::not_found) return {};
    return fail(response.error());
}

Result<std::string> DriveApi::start_token(const OpContext& ctx) {
    http::Request request;
    request.url = config_.api_url + "/changes/startPageToken?supportsAllDrives=true";
    if (!config_.shared_drive.empty()) request.url += "&driveId=" + http::percent_encode(config_.shared_drive);
    ORACX_TRY(const Json json, call_json(ctx, "ask for the present point of the changes", request, true));
    return parse_start_token(json);
}

Result<ChangesPage> DriveApi::changes(const OpContext& ctx, const std::string& token) {
    http::Request request;
    request.url = config_.api_url + "/changes?supportsAllDrives=true&pageSize=1000&includeRemoved=true&spaces=drive&pageToken=" +
                  http::percent_encode(token) + "&fields=" +
                  http::percent_encode("nextPageToken,newStartPageToken,changes(changeType,fileId,removed,file(" +
                                       std::string(kFileFields) + "))");
    if (config_.shared_drive.empty()) request.url += "&restrictToMyDrive=true";
    else request.url += "&includeItemsFromAllDrives=true&driveId=" + http::percent_encode(config_.shared_drive);
    request.response_max = kJsonBytesMax;
    auto json = call_json(ctx, "read changes", request, true);
    if (!json) {
        const Errc code = json.error().code;
        if (code == Errc::invalid || code == Errc::not_found)
            return fail(Errc::changed, "read changes", "Drive has forgotten the point to begin at: " + json.error().why);
        return fail(std::move(json).error());
    }
    return parse_changes(*json);
}

Result<std::vector<Revision>> DriveApi::revisions(const OpContext& ctx, const std::string& id) {
    std::vector<Revision> all;
    std::string token;
    do {
        http::Request request;
        request.url = config_.api_url + "/files/" + http::percent_encode(id) + "/revisions?pageSize=1000&fields=" +
                      http::percent_encode("nextPageToken,revisions(id,modifiedTime,size,md5Checksum)");
        if (!token.empty()) request.url += "&pageToken=" + http::percent_encode(token);
        ORACX_TRY(const Json json, call_json(ctx, "list versions", request, true));
        ORACX_TRY(RevisionPage page, parse_revisions(json));
        for (Revision& revision : page.revisions) all.push_back(std::move(revision));
        token = std::move(page.next);
    } while (!token.empty());
    return all;
}

Status DriveApi::download(const OpContext& ctx, const std::string& id, const std::string& revision, std::uint64_t offset,
                          std::uint64_t length, const std::function<bool(std::span<const std::byte>)>& sink) {
    http::Request request;
    request.url = config_.api_url + "/files/" + http::percent_encode(id);
    if (!revision.empty()) request.url += "/revisions/" + http::percent_encode(revision);
    request.url += "?alt=media&supportsAllDrives=true";
    request.http1_only = true;
    const std::uint64_t end = length > UINT64_MAX - offset ? UINT64_MAX : offset + length;
    const bool ranged = offset != 0 || end != UINT64_MAX;
    if (ranged)
        request.headers.push_back({"Range", "bytes=" + std::to_string(offset) + "-" +
                                                (end == UINT64_MAX ? "" : std::to_string(end - 1))});
    std::uint64_t left = length;
    request.sink = [&](std::span<const std::byte> data) {
        const auto take = data.first(static_cast<std::size_t>(std::min<std::uint64_t>(data.size(), left)));
        left -= take.size();
        if (!take.empty() && !sink(take)) left = 0;
        return left != 0;
    };
    ORACX_TRY(const http::Response response, call(ctx, "read", request, false));
    if (!ranged || offset == 0) return {};
    // A server (or a proxy) that takes no notice of the range would have handed out other bytes.
    const auto start = parse_content_range_start(response.header("content-range"));
    if (response.status == 206 && start == offset) return {};
    return fail(Errc::unavailable, "read", "another range came than was asked for");
}

Result<http::Response> DriveApi::upload(const OpContext& ctx, http::Request request, std::atomic<std::uint64_t>* sent) {
    request.http1_only = true;
    if (sent != nullptr) request.on_sent = [sent](std::uint64_t bytes) { *sent = bytes; };
    return media_->perform(ctx, std::move(request));
}

std::string DriveApi::upload_url(const std::string& id, std::string_view type) const {
    std::string url = config_.upload_url + "/files";
    if (!id.empty()) url += "/" + http::percent_encode(id);
    return url + "?uploadType=" + std::string(type) + "&supportsAllDrives=true&fields=" + http::percent_encode(kFileFields);
}

bool DriveApi::is_session_address(const std::string& url) const {
    const std::string host = joined_host(url);
    if (host.empty()) return false;
    if (host == joined_host(config_.upload_url)) return true;
    return host.starts_with("https://") && host.ends_with(".googleapis.com");
}

}  // namespace oracxfs::drive
