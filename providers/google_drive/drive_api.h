#pragma once
// The methods of Drive's API v3 that are needed, one call each. Reference: developers.google.com/workspace/drive/api.
//
// Idempotent calls are repeated after trouble at the service's side (5xx, lost answers), with growing pauses; calls that
// change something and whose outcome is unknown end with outcome_unknown, unless they may be repeated by nature.
// Thread-safe.

#include <atomic>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "base/clock.h"
#include "providers/google_drive/drive_config.h"
#include "providers/google_drive/drive_errors.h"
#include "providers/google_drive/drive_json.h"
#include "providers/http/api_client.h"

namespace oracxfs::drive {

// What a create or an update says; only what is set is sent.
struct FileChange {
    std::string id;      // create: pre-generated
    std::string name;    // "" = as it is
    std::string parent;  // create only; updates move by add_parent and remove_parents
    bool folder = false; // create only
    std::int64_t modified_ns = 0;
    std::vector<std::pair<std::string, std::string>> app_properties;
    std::optional<bool> trashed;
    std::string add_parent;
    std::string remove_parents;  // separated by commas
    [[nodiscard]] Json body() const;
};

class DriveApi {
  public:
    // Reads the CA file, asks nobody. config if that fails.
    static Result<std::unique_ptr<DriveApi>> make(const DriveConfig& config, Clock& clock);

    Result<About> about(const OpContext& ctx);
    Result<std::vector<std::string>> generate_ids(const OpContext& ctx, int count);
    Result<FileMeta> get(const OpContext& ctx, const std::string& id);
    // `query` without "trashed=...", which is added. changed: the page token is not valid any more.
    Result<FilePage> list(const OpContext& ctx, const std::string& query, const std::string& page_token, int page_size,
                          bool trashed = false);
    // Folders (no content). With an id in `change` it may be repeated: exists = it was made before.
    Result<FileMeta> create(const OpContext& ctx, const FileChange& change);
    // Of metadata: idempotent.
    Result<FileMeta> update(const OpContext& ctx, const std::string& id, const FileChange& change);
    // For good. Absent = success.
    Status erase(const OpContext& ctx, const std::string& id);
    Result<std::string> start_token(const OpContext& ctx);
    // changed: the token is not valid any more.
    Result<ChangesPage> changes(const OpContext& ctx, const std::string& token);
    Result<std::vector<Revision>> revisions(const OpContext& ctx, const std::string& id);
    // revision "" = the present content. Exactly the range, less only at the end of the content; never of an empty file.
    Status download(const OpContext& ctx, const std::string& id, const std::string& revision, std::uint64_t offset,
                    std::uint64_t length, const std::function<bool(std::span<const std::byte>)>& sink);

    // One request of an upload, as it is. `sent`: how much of the body went out, also when it fails.
    Result<http::Response> upload(const OpContext& ctx, http::Request request, std::atomic<std::uint64_t>* sent = nullptr);
    // {upload_url}/files[/id]?uploadType=...
    [[nodiscard]] std::string upload_url(const std::string& id, std::string_view type) const;
    // May the bearer be sent there? Sessions live at the service's own hosts.
    [[nodiscard]] bool is_session_address(const std::string& url) const;

    // Sleeps before attempt number `attempt` (from 1): 0.25, 0.5, 1 ... 16 s, half of it by chance. cancelled, deadline.
    Status pause(const OpContext& ctx, int attempt);
    [[nodiscard]] Clock& clock() const { return clock_; }
    [[nodiscard]] const DriveConfig& config() const { return config_; }

  private:
    DriveApi(DriveConfig config, Clock& clock) : config_(std::move(config)), clock_(clock) {}
    // Repeats what may be repeated. A success or an Error made of the answer.
    Result<http::Response> call(const OpContext& ctx, const char* what, const http::Request& request, bool repeatable);
    Result<Json> call_json(const OpContext& ctx, const char* what, const http::Request& request, bool repeatable);
    [[nodiscard]] std::string files_url(const std::string& id, std::string_view query) const;
    [[nodiscard]] std::string drive_query() const;

    const DriveConfig config_;
    Clock& clock_;
    std::unique_ptr<http::Client> client_;
    std::unique_ptr<http::TokenSource> tokens_;
    std::unique_ptr<http::ApiClient> metadata_;
    std::unique_ptr<http::ApiClient> media_;
};

}  // namespace oracxfs::drive
