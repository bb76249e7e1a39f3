#include "providers/google_drive/drive_root.h"

#include <algorithm>
#include <fstream>
#include <iterator>

#include "base/disk.h"
#include "base/log.h"
#include "providers/google_drive/google_drive_provider.h"

namespace oracxfs {

std::string google_drive_root_file(const std::string& state_directory, const std::string& provider_name) {
    return state_directory + "/google-drive-" + provider_name + ".root";
}

namespace drive {
namespace {

constexpr const char* kMark = "ox";
constexpr const char* kRootMark = "oxroot";
constexpr int kLooksMax = 6;
constexpr int kPageSize = 100;
constexpr Millis kNew{86'400'000};

bool older(const FileMeta& a, const FileMeta& b) { return a.created != b.created ? a.created < b.created : a.id < b.id; }

std::string readable(const std::string& path) {
    std::ifstream stream(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

}  // namespace

std::string DriveRoot::file() const { return google_drive_root_file(api_.config().state_directory, api_.config().name); }

DriveRoot::Record DriveRoot::load() const {
    Record record;
    if (api_.config().state_directory.empty()) return record;
    const auto json = parse_json(readable(file()));
    if (!json || (*json)["folder"].as_string() != api_.config().folder_path()) return record;
    record.id = (*json)["id"].as_string();
    record.account_id = (*json)["account"].as_string();
    return record;
}

// Losing it costs a search at the next start, so a failure is no fault of the provider.
void DriveRoot::store(const Record& record) const {
    if (api_.config().state_directory.empty()) return;
    const std::string text =
        Json::object({{"id", record.id}, {"account", record.account_id}, {"folder", api_.config().folder_path()}}).dump_pretty();
    SystemDisk disk;
    const std::string fresh = file() + "." + random_hex(4) + ".new";
    const Status stored = [&]() -> Status {
        ORACX_TRYV(disk.make_directories(api_.config().state_directory));
        ORACX_TRY(const auto out, disk.open(fresh, OpenMode::create_new));
        ORACX_TRYV(out->write_at(0, std::as_bytes(std::span(text))));
        ORACX_TRYV(out->sync());
        return disk.rename(fresh, file());
    }();
    if (stored) return;
    log::warn("google-drive", api_.config().name + ": the folder's id is not kept: " + stored.error().to_string());
    (void)disk.remove(fresh);
}

std::string DriveRoot::mark_of(std::size_t depth) const {
    std::string path;
    for (std::size_t i = 0; i <= depth; ++i) path += "/" + api_.config().folder[i];
    return to_hex(sha256_of(std::as_bytes(std::span(path)))).substr(0, 32);
}

Result<std::string> DriveRoot::find(const OpContext& ctx, const std::string& account_id) {
    const Record known = load();
    const std::string path = api_.config().folder_path();
    if (!known.account_id.empty() && !account_id.empty() && known.account_id != account_id)
        return fail(Errc::config, "use folder " + path,
                    "this sign-in belongs to another Google account than before; the files are in the other one. " +
                        api_.config().endpoints.sign_in_command + " --new-folder begins anew with this account");
    if (!known.id.empty()) {
        auto folder = api_.get(ctx, known.id);
        if (folder && folder->kind == FileKind::folder && !folder->trashed) return settle_again(ctx, *folder, known);
        if (folder)
            return fail(Errc::unavailable, "use folder " + path, "it is in Drive's trash: restore it there");
        if (folder.error().code != Errc::not_found) return fail(std::move(folder).error());
        return fail(Errc::unavailable, "use folder " + path,
                    "it is gone, or this Google Cloud project may not see it any more (access was withdrawn, or the OAuth "
                    "client belongs to another project); " +
                        api_.config().endpoints.sign_in_command + " --new-folder makes a new one");
    }
    std::string parent = api_.config().shared_drive.empty() ? "root" : api_.config().shared_drive;
    for (std::size_t depth = 0; depth < api_.config().folder.size(); ++depth) {
        ORACX_TRY(parent, find_or_make(ctx, depth, parent));
    }
    store({parent, account_id, {}});
    return parent;
}

bool DriveRoot::was(const std::string& id, const std::string& account_id) const {
    const Record known = load();
    return !id.empty() && known.id == id && !account_id.empty() && known.account_id == account_id;
}

// All with our mark, the oldest first.
Result<std::vector<FileMeta>> DriveRoot::marked(const OpContext& ctx, const std::string& mark) {
    std::vector<FileMeta> found;
    std::string token;
    const std::string query = "mimeType=" + quote(kFolderType) + " and appProperties has { key='" + kRootMark + "' and value=" +
                              quote(mark) + " }";
    do {
        ORACX_TRY(FilePage page, api_.list(ctx, query, token, kPageSize));
        for (FileMeta& file : page.files)
            if (file.kind == FileKind::folder && !file.trashed && file.property(kRootMark) == mark) found.push_back(std::move(file));
        token = std::move(page.next);
    } while (!token.empty());
    std::sort(found.begin(), found.end(), older);
    return found;
}

Result<bool> DriveRoot::is_empty(const OpContext& ctx, const std::string& id) {
    std::string token;
    do {
        ORACX_TRY(FilePage page, api_.list(ctx, quote(id) + " in parents", token, 1));
        if (!page.files.empty()) return false;
        token = std::move(page.next);
    } while (!token.empty());
    return true;
}

Result<std::string> DriveRoot::find_or_make(const OpContext& ctx, std::size_t depth, const std::string& parent) {
    const std::string mark = mark_of(depth);
    const std::string& name = api_.config().folder[depth];
    ORACX_TRY(const std::vector<FileMeta> found, marked(ctx, mark));
    if (found.size() > 1)
        log::warn("google-drive", api_.config().name + ": several folders are marked as " + name + "; the oldest is used");
    if (!found.empty()) return found.front().id;
    if (api_.config().scope == Scope::everything) {
        // With this scope the user may point to a folder of his own.
        std::vector<FileMeta> own;
        std::string token;
        do {
            ORACX_TRY(FilePage page, api_.list(ctx, "mimeType=" + quote(kFolderType) + " and " + quote(parent) + " in parents", token, 1000));
            for (FileMeta& file : page.files)
                if (file.name == name) own.push_back(std::move(file));
            token = std::move(page.next);
        } while (!token.empty());
        std::sort(own.begin(), own.end(), older);
        if (!own.empty()) return own.front().id;
    }
    FileChange change;
    ORACX_TRY(change.id, ids_.take(ctx));
    change.name = name;
    change.parent = parent;
    change.folder = true;
    change.app_properties = {{kMark, depth + 1 == api_.config().folder.size() ? "root" : "path"}, {kRootMark, mark}};
    auto made = api_.create(ctx, change);
    if (!made && made.error().code == Errc::exists) made = api_.get(ctx, change.id);  // an answer was lost on the way
    if (!made) return fail(std::move(made).error());
    return settle(ctx, *made, mark);
}

// Looks again until our own folder is found by its mark: then so is any that another machine made before.
Result<std::string> DriveRoot::settle(const OpContext& ctx, const FileMeta& made, const std::string& mark) {
    for (int look = 1;; ++look) {
        ORACX_TRY(const std::vector<FileMeta> found, marked(ctx, mark));
        const bool seen = std::any_of(found.begin(), found.end(), [&](const FileMeta& file) { return file.id == made.id; });
        if (!found.empty() && found.front().id != made.id && older(found.front(), made)) {
            ORACX_TRY(const bool empty, is_empty(ctx, made.id));
            if (empty) {
                ORACX_TRYV(api_.erase(ctx, made.id));
                return found.front().id;
            }
        }
        if (seen || look == kLooksMax) return made.id;
        ORACX_TRYV(api_.pause(ctx, look));
    }
}

// A twin that was not visible yet when ours was made is seen now: while ours is new and empty it gives way.
Result<std::string> DriveRoot::settle_again(const OpContext& ctx, const FileMeta& ours, const Record& known) {
    const bool is_new = api_.clock().wall() - ours.created < kNew;
    if (settled_ || !is_new || ours.property(kRootMark) != mark_of(api_.config().folder.size() - 1)) return ours.id;
    ORACX_TRY(const bool empty, is_empty(ctx, ours.id));
    std::string id = ours.id;
    if (empty) {
        ORACX_TRY(id, settle(ctx, ours, mark_of(api_.config().folder.size() - 1)));
        if (id != ours.id) store({id, known.account_id, {}});
    }
    settled_ = true;
    return id;
}

}  // namespace drive
}  // namespace oracxfs
