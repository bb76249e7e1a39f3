#include "providers/google_drive/upload_session.h"

#include "providers/wait.h"

namespace oracxfs::drive {
namespace {

constexpr int kAttemptsMax = 5;
// The words that end a day's uploads are also used for haste: so often they are taken for the latter.
constexpr int kRefusalsMax = 3;

bool is_trouble(const Error& error) { return error.code == Errc::unavailable || error.code == Errc::outcome_unknown; }

std::string range(std::uint64_t offset, std::uint64_t length, std::optional<std::uint64_t> total) {
    const std::string all = total ? std::to_string(*total) : "*";
    if (length == 0) return "bytes */" + all;
    return "bytes " + std::to_string(offset) + "-" + std::to_string(offset + length - 1) + "/" + all;
}

}  // namespace

Status UploadSession::begin(const OpContext& ctx, const FileChange& change, const std::string& replaces,
                            std::optional<std::uint64_t> total) {
    const std::string body = change.body().dump();
    http::Request request;
    request.method = replaces.empty() ? "POST" : "PATCH";
    request.url = api_.upload_url(replaces, "resumable");
    request.content_type = "application/json; charset=UTF-8";
    request.body = std::as_bytes(std::span(body));
    request.headers.push_back({"X-Upload-Content-Type", "application/octet-stream"});
    if (total) request.headers.push_back({"X-Upload-Content-Length", std::to_string(*total)});
    for (int attempt = 1;; ++attempt) {
        auto response = api_.upload(ctx, request);  // a session that nobody uses does no harm
        Error error;
        if (!response) {
            error = std::move(response).error();
        } else if (response->ok()) {
            address_ = std::string(response->header("location"));
            if (api_.is_session_address(address_)) return {};
            return fail(Errc::unavailable, "begin the upload", "Drive gave no address to upload to");
        } else {
            error = error_of(*response, "begin the upload", Purpose::upload, api_.clock().wall());
        }
        const bool again = is_trouble(error) ? attempt < kAttemptsMax && !error.silent
                                             : error.code == Errc::throttled && error.native == 403 && attempt < kRefusalsMax;
        if (!again) return fail(std::move(error));
        ORACX_TRYV(api_.pause(ctx, attempt));
    }
}

Result<std::optional<SessionStep>> UploadSession::meaning_of(const http::Response& response) {
    using Step = std::optional<SessionStep>;
    if (response.status == 308) {
        if (const auto moved = std::string(response.header("location")); api_.is_session_address(moved)) address_ = moved;
        const auto stored = parse_stored_range(response.header("range"));
        if (!stored) return Step();
        return Step(Stored{*stored});
    }
    if (response.ok()) {
        Done done;
        if (const auto json = http::json_body(response))
            if (auto file = parse_file(*json)) done.file = std::move(*file);
        return Step(std::move(done));
    }
    if (response.status == 404 || response.status == 410) return Step(Expired{});
    Error error = error_of(response, "upload", Purpose::upload, api_.clock().wall());
    if (error.code == Errc::unavailable || error.code == Errc::invalid) return Step();
    if (error.code == Errc::throttled && ++refusals_ < kRefusalsMax) return Step();
    return fail(std::move(error));
}

Result<SessionStep> UploadSession::send(const OpContext& ctx, std::span<const std::byte> data, std::uint64_t offset,
                                        std::optional<std::uint64_t> total, bool last) {
    std::atomic<std::uint64_t> sent = 0;
    http::Request request;
    request.method = "PUT";
    request.url = address_;
    request.body = data;
    request.content_type = "application/octet-stream";
    request.idempotent = false;  // not to be repeated before it is known how much was taken
    request.headers.push_back({"Content-Range", range(offset, data.size(), total)});
    const auto response = api_.upload(ctx, request, &sent);
    if (response) {
        ORACX_TRY(auto step, meaning_of(*response));
        if (step) {
            refusals_ = 0;
            return std::move(*step);
        }
    } else if (response.error().silent) {
        Error error = response.error();
        error.code = last && sent == data.size() ? Errc::outcome_unknown : Errc::unavailable;
        return fail(std::move(error));
    } else if (!is_trouble(response.error())) {
        Error error = response.error();
        const bool ended = error.code == Errc::cancelled || error.code == Errc::deadline;
        if (ended && last && sent == data.size()) error.code = Errc::outcome_unknown;
        return fail(std::move(error));
    }
    auto step = ask(ctx, total);
    if (step || !last || sent != data.size()) return step;
    if (is_trouble(step.error()) || step.error().code == Errc::cancelled || step.error().code == Errc::deadline)
        step.error().code = Errc::outcome_unknown;
    return step;
}

Result<SessionStep> UploadSession::ask(const OpContext& ctx, std::optional<std::uint64_t> total) {
    http::Request request;
    request.method = "PUT";
    request.url = address_;
    request.headers.push_back({"Content-Range", range(0, 0, total)});
    for (int attempt = 1;; ++attempt) {
        const auto response = api_.upload(ctx, request);
        if (response) {
            ORACX_TRY(auto step, meaning_of(*response));
            if (step) return std::move(*step);
            // Google: a session that answers with anything else is to be begun anew.
            if (response->status >= 400 && response->status < 500 && response->status != 403 && response->status != 429)
                return SessionStep(Expired{});
            if (attempt == kAttemptsMax) return fail(error_of(*response, "upload", Purpose::upload, api_.clock().wall()));
        } else if (!is_trouble(response.error()) || response.error().silent || attempt == kAttemptsMax) {
            return fail(response.error());
        }
        ORACX_TRYV(api_.pause(ctx, attempt));
    }
}

}  // namespace oracxfs::drive
