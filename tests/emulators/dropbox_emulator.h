#pragma once
// Dropbox API v2 with an app folder, as the reference describes it.
//
// Routes lie below base_url() + "/2/" (all hosts in one), and below the hosts' own addresses, where a route of another host
// is not found. Endpoints in fault rules, log and counters are the routes: "files/upload_session/append_v2"; OAuth: oauth.token.
// Paths in the direct interface: "" = the app folder, "/a/b" else; case does not matter.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "tests/emulators/emulator.h"

namespace oracxfs::test {

struct DropboxOptions : EmulatorOptions {
    std::size_t page_entries = 2000;      // of a listing, at most; the argument `limit` can lower it
    bool empty_pages = false;             // every other page of a listing is empty, with has_more
    std::uint64_t quota_bytes = 2ull << 30;
    std::size_t files_per_operation = 10'000;  // more in one move or delete: too_many_files
    // How long a commit, delete, move or mkdir holds the account's write lock; a second one meanwhile is refused with
    // too_many_write_operations (by turns as 429 and as the endpoint's own error).
    std::chrono::milliseconds commit_time{2};
    std::chrono::milliseconds longpoll_wait_max{480'000};  // shortens long polls for tests
    std::optional<int> longpoll_backoff;                   // said in answers
    std::uint64_t request_bytes_max = 157'286'400;
};

// What lies at a path.
struct DropboxEntry {
    std::string path;  // as it was written
    std::string id;    // "id:..."
    bool folder = false;
    std::string rev, content_hash;  // files only
    std::uint64_t size = 0;
    std::string client_modified, server_modified;
    bool downloadable = true;
};

class DropboxEmulator final : public Emulator {
  public:
    explicit DropboxEmulator(DropboxOptions options = {});
    ~DropboxEmulator() override;

    // --- addresses, each to be followed by "/2/..." ---
    [[nodiscard]] std::string api_url() const, content_url() const, notify_url() const;
    [[nodiscard]] std::string account_id() const;

    // --- looking at the tree ---
    [[nodiscard]] std::vector<DropboxEntry> tree() const;  // sorted by path in lower case
    [[nodiscard]] std::optional<DropboxEntry> find(std::string_view path_or_id) const;
    [[nodiscard]] std::optional<std::string> content(std::string_view path_or_id) const;
    [[nodiscard]] std::size_t revisions(std::string_view path) const;
    [[nodiscard]] std::uint64_t used_bytes() const;
    [[nodiscard]] std::size_t open_sessions() const;

    // --- as somebody else; these appear in change feeds. False where there is nothing at the path ---
    DropboxEntry put(std::string_view path, std::string content);  // new content for a file that is there
    DropboxEntry make_folder(std::string_view path);
    bool remove(std::string_view path);
    bool move(std::string_view from, std::string_view to);
    bool make_cloud_document(std::string_view path);  // is_downloadable: false; makes the file if it is not there

    // --- as nobody: not in any feed ---
    // Flips a bit of the stored bytes; metadata and content_hash stay as they were.
    bool damage(std::string_view path_or_id, std::uint64_t offset);
    void reset_cursors();    // all that exist answer `reset`
    void expire_sessions();  // all that exist are not_found
    void set_quota(std::uint64_t bytes);
    void set_page_entries(std::size_t entries);

    struct State;  // the service's insides, in dropbox_state.h

  protected:
    std::string endpoint_of(const HttpsRequest& request, std::string& path) override;
    HttpsResponse handle(Call& call) override;
    HttpsResponse words_for(const Fault& fault, const Call& call) override;

  private:
    struct Route;
    static const std::vector<Route>& routes();
    static const Route* find_route(std::string_view endpoint);
    void check_token(Call& call, const Route& route);
    Json argument_of(Call& call, const Route& route);
    // Runs a change under the write lock of the account. `busy`: the endpoint's own error when it is taken.
    Json commit(Call& call, const Json& busy, const std::function<Json(State&)>& change);
    std::shared_ptr<void> only_listing(const Call& call);
    std::string upload_body(Call& call) const;
    HttpsResponse route_error(int status, const Json& error);

    Json users_get_current_account(Call& call, const Json& argument);
    Json users_get_space_usage(Call& call, const Json& argument);
    Json check_user(Call& call, const Json& argument);
    Json auth_token_revoke(Call& call, const Json& argument);
    Json get_metadata(Call& call, const Json& argument);
    Json list_folder(Call& call, const Json& argument);
    Json list_folder_continue(Call& call, const Json& argument);
    Json get_latest_cursor(Call& call, const Json& argument);
    Json longpoll(Call& call, const Json& argument);
    Json create_folder(Call& call, const Json& argument);
    Json delete_entry(Call& call, const Json& argument);
    Json move_entry(Call& call, const Json& argument);
    Json copy_entry(Call& call, const Json& argument);
    Json list_revisions(Call& call, const Json& argument);
    Json restore(Call& call, const Json& argument);
    Json upload(Call& call, const Json& argument);
    Json session_start(Call& call, const Json& argument);
    Json session_append(Call& call, const Json& argument);
    Json session_finish(Call& call, const Json& argument);
    Json session_start_batch(Call& call, const Json& argument);
    Json session_finish_batch(Call& call, const Json& argument);
    HttpsResponse download(Call& call, const Json& argument);

    std::unique_ptr<State> state_;
};

}  // namespace oracxfs::test
