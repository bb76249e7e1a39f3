#pragma once
// Google Drive API v3, My Drive of one user, as the reference describes it.
//
// Below base_url(): /drive/v3/..., /upload/drive/v3/..., /token, /device/code, /revoke, /o/oauth2/v2/auth. Endpoints in fault
// rules, log and counters: about.get, files.generateIds, files.list, files.get, files.download, files.create, files.update,
// files.delete, files.copy, files.emptyTrash, upload.multipart, upload.start, upload.put (content), upload.query (the state
// of a session), revisions.list|get|download|update|delete, changes.getStartPageToken, changes.list, oauth.*.
//
// A token with the scope drive.file sees only what the app made; what `Owner::somebody` made is 404 for it, and so is
// files/root.

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "tests/emulators/emulator.h"

namespace oracxfs::test {

struct DriveOptions : EmulatorOptions {
    std::size_t page_entries = 1000;  // of any list, at most; pageSize can lower it
    bool empty_pages = false;         // every other page of a list is empty, with a nextPageToken
    std::uint64_t quota_bytes = 15ull << 30;
    std::uint64_t multipart_bytes_max = 5'000'000;
    // Queries by name see new names only so much later; nothing = at once. Millis::max() = when index_names() is called.
    std::optional<Millis> name_lag;
    bool or_of_parents_is_empty = true;  // the known fault: `('A' in parents) or ('B' in parents)` finds nothing
    bool service_account_storage = false;  // true: as if a service account had a My Drive of its own
    bool sha_checksums = true;             // false: only md5Checksum, as for files before 2018
    std::size_t children_max = 500'000;    // of one folder
};

enum class Owner {
    app,       // made by this app: visible with the scope drive.file
    somebody,  // the user or another app: needs the scope drive
};

struct DriveEntry {
    std::string id, name, mime_type, parent;  // parent: "" = none
    bool folder = false, trashed = false, explicitly_trashed = false;
    Owner owner = Owner::app;
    std::uint64_t size = 0;
    std::string md5, sha256, head_revision;  // files with content only
    std::string modified_time, created_time;
    std::map<std::string, std::string> app_properties;
    std::uint64_t version = 0;
};

struct DriveCaller;
struct DriveFile;
struct DriveSession;

class DriveEmulator final : public Emulator {
  public:
    explicit DriveEmulator(DriveOptions options = {});
    ~DriveEmulator() override;

    // --- looking at the tree ---
    [[nodiscard]] std::string root_id() const;
    [[nodiscard]] std::vector<DriveEntry> tree() const;                      // all, trashed ones too; sorted by id
    [[nodiscard]] std::optional<DriveEntry> find(std::string_view id) const;
    // By names from the root: "ORACXPRED/a.zip"; not trashed; all that have this name.
    [[nodiscard]] std::vector<DriveEntry> find_path(std::string_view path) const;
    [[nodiscard]] std::string path_of(std::string_view id) const;
    [[nodiscard]] std::optional<std::string> content(std::string_view id) const;
    [[nodiscard]] std::size_t revisions(std::string_view id) const;
    [[nodiscard]] std::uint64_t used_bytes() const;
    [[nodiscard]] std::size_t open_sessions() const;

    // --- as somebody else (a browser, another machine); these appear in the change feed. parent "" = the root ---
    DriveEntry put(std::string_view parent, std::string_view name, std::string content, Owner owner = Owner::app);  // always a new file
    bool replace(std::string_view id, std::string content);
    DriveEntry make_folder(std::string_view parent, std::string_view name, Owner owner = Owner::app);
    DriveEntry make_shortcut(std::string_view parent, std::string_view name, std::string_view target);
    DriveEntry make_native_document(std::string_view parent, std::string_view name,
                                    std::string_view mime_type = "application/vnd.google-apps.document");
    bool rename(std::string_view id, std::string_view name);
    bool move(std::string_view id, std::string_view parent);
    bool trash(std::string_view id, bool trashed = true);
    bool remove(std::string_view id);     // for good, with everything below
    bool set_writable(std::string_view id, bool writable);  // false: insufficientFilePermissions
    bool set_abusive(std::string_view id, bool abusive);    // true: cannotDownloadAbusiveFile
    bool hide(std::string_view id);       // the app loses access: removed in the feed, 404 with drive.file

    // --- as nobody: not in the feed ---
    bool damage(std::string_view id, std::uint64_t offset);  // flips a bit of the stored bytes; checksums stay
    void index_names();           // queries by name see all names of now
    void expire_sessions(int status = 404);
    void expire_page_tokens();    // of files.list; those of changes do not expire
    void set_quota(std::uint64_t bytes);
    void set_page_entries(std::size_t entries);

    struct State;  // the service's insides, in drive_state.h

  protected:
    std::string endpoint_of(const HttpsRequest& request, std::string& path) override;
    HttpsResponse handle(Call& call) override;
    HttpsResponse words_for(const Fault& fault, const Call& call) override;

  private:
    DriveCaller caller_of(const Call& call) const;
    // A change by somebody else; `step` gives the file, or nothing where there is none.
    DriveEntry change(const std::function<DriveFile*(State&)>& step);
    bool edit(std::string_view id, const std::function<void(State&, DriveFile&)>& step);
    DriveEntry make(std::string_view parent, std::string_view name, std::string_view mime_type, Owner owner,
                    const std::function<void(State&, DriveFile&)>& fill);
    DriveSession& session_of(Call& call);
    void receive(Call& call, DriveSession& session, bool last);
    HttpsResponse finish_upload(Call& call, DriveSession& session, const DriveCaller& caller);

    HttpsResponse about(Call& call, const DriveCaller& caller);
    HttpsResponse generate_ids(Call& call, const DriveCaller& caller);
    HttpsResponse list(Call& call, const DriveCaller& caller);
    HttpsResponse get(Call& call, const DriveCaller& caller);
    HttpsResponse download(Call& call, const DriveCaller& caller);
    HttpsResponse create(Call& call, const DriveCaller& caller);
    HttpsResponse update(Call& call, const DriveCaller& caller);
    HttpsResponse remove_file(Call& call, const DriveCaller& caller);
    HttpsResponse copy(Call& call, const DriveCaller& caller);
    HttpsResponse empty_trash(Call& call, const DriveCaller& caller);
    HttpsResponse upload_multipart(Call& call, const DriveCaller& caller);
    HttpsResponse upload_start(Call& call, const DriveCaller& caller);
    HttpsResponse upload_put(Call& call, const DriveCaller& caller);
    HttpsResponse upload_query(Call& call, const DriveCaller& caller);
    HttpsResponse revisions_list(Call& call, const DriveCaller& caller);
    HttpsResponse revisions_get(Call& call, const DriveCaller& caller);
    HttpsResponse revisions_download(Call& call, const DriveCaller& caller);
    HttpsResponse revisions_update(Call& call, const DriveCaller& caller);
    HttpsResponse revisions_delete(Call& call, const DriveCaller& caller);
    HttpsResponse start_page_token(Call& call, const DriveCaller& caller);
    HttpsResponse changes(Call& call, const DriveCaller& caller);

    std::unique_ptr<State> state_;
};

}  // namespace oracxfs::test
