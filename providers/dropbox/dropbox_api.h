#pragma once
// Calls of Dropbox API v2 in their three styles (RPC, upload, download) and the long poll. Thread-safe.
// Source of the protocol: Dropbox's HTTP documentation and its Stone specification (files.stone, users.stone, auth.stone).

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "providers/dropbox/dropbox_config.h"
#include "providers/dropbox/dropbox_json.h"
#include "providers/http/api_client.h"

namespace oracxfs::dropbox {

// What the service said: a result, or a problem to look at.
struct Reply {
    int status = 0;
    Json result;         // of a 2xx
    ApiProblem problem;  // of everything else
    std::optional<Millis> retry_after;
    std::string request_id;

    [[nodiscard]] bool ok() const { return status >= 200 && status < 300; }
    // It may have been done all the same: the service broke down while it answered.
    [[nodiscard]] bool in_doubt() const { return status >= 500 && status != 507; }
    // "path/not_found" and the like, whatever lies around it.
    [[nodiscard]] bool not_found() const { return status == 409 && problem.last() == "not_found"; }
    [[nodiscard]] bool conflict() const;  // with a file or a folder at the very path
};

// The words for people and the code that callers react to.
Error error_of(const Reply& reply, std::string what);

class DropboxApi {
  public:
    // config when the CA file can't be read.
    static Result<std::unique_ptr<DropboxApi>> make(const DropboxConfig& config, Clock& clock);

    enum class Repeat : std::uint8_t { safe, unsafe };  // unsafe: a lost answer is outcome_unknown

    // `route`: "files/get_metadata". A null argument is sent as such.
    Result<Reply> rpc(const OpContext& ctx, std::string_view route, const Json& argument, Repeat repeat = Repeat::safe);
    // On the content host, with `body` as it is.
    Result<Reply> upload(const OpContext& ctx, std::string_view route, const Json& argument, std::span<const std::byte> body,
                         Repeat repeat = Repeat::safe);
    // The bytes go to `sink`. `range`: first byte and length, at least 1.
    Result<Reply> download(const OpContext& ctx, const Json& argument,
                           const std::optional<std::pair<std::uint64_t, std::uint64_t>>& range,
                           const std::function<bool(std::span<const std::byte>)>& sink);
    // Without the token, on a host of its own; the service answers after `wait` and a random time on top.
    Result<Reply> longpoll(const OpContext& ctx, const std::string& cursor, std::chrono::seconds wait);

    [[nodiscard]] http::TokenSource& tokens() { return *tokens_; }

  private:
    DropboxApi(const DropboxConfig& config, Clock& clock, std::unique_ptr<http::Client> client);
    Result<Reply> finish(Result<http::Response> response);

    const Hosts hosts_;
    Clock& clock_;
    std::unique_ptr<http::Client> client_;
    std::unique_ptr<http::TokenSource> tokens_;
    std::unique_ptr<http::ApiClient> api_;
};

}  // namespace oracxfs::dropbox
