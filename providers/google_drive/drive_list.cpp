// GoogleDriveProvider: listings.
//
// With the scope drive.file one query finds everything that this Google Cloud project ever made, whatever folder it is in:
// first all folders, then all files, a thousand in a request. With other scopes that would be the user's whole Drive, so
// there, and below a single directory, folders are read one by one.

#include <algorithm>
#include <deque>

#include "base/log.h"
#include "providers/google_drive/google_drive_provider_impl.h"
#include "providers/wait.h"

namespace oracxfs {

using drive::DriveHome;
using drive::FileKind;
using drive::FileMeta;
using drive::FilePage;
using drive::Trust;
using drive::has_internal_component;

struct GoogleDriveProvider::Cursor {
    struct Folder {
        std::string id;
        ObjectKey key;
    };
    bool sweep = false;
    std::uint64_t number = 0;  // of the sweep
    std::uint64_t page = 0;    // read of it so far
    std::deque<Folder> folders;  // still to be read, the first one from `token` on
    std::string token;

    [[nodiscard]] std::string text() const {
        Json json = Json::object({{"sweep", sweep}, {"number", number}, {"page", page}, {"token", token}});
        Json queue = Json::array();
        for (const Folder& folder : folders) queue.push(Json::array().push(folder.id).push(folder.key));
        return json.set("folders", std::move(queue)).dump();
    }
    static Result<Cursor> read(const std::string& text) {
        ORACX_TRY(const Json json, parse_json(text));
        Cursor cursor;
        cursor.sweep = json["sweep"].as_bool();
        cursor.number = static_cast<std::uint64_t>(json["number"].as_int());
        cursor.page = static_cast<std::uint64_t>(json["page"].as_int());
        cursor.token = json["token"].as_string();
        for (const Json& item : json["folders"].items()) {
            if (item.items().size() != 2) return fail(Errc::invalid, "read cursor");
            cursor.folders.push_back({item.items()[0].as_string(), item.items()[1].as_string()});
        }
        if (!cursor.sweep && cursor.folders.empty()) return fail(Errc::invalid, "read cursor");
        return cursor;
    }
};

namespace {

constexpr std::size_t kPageEntries = 1'000;

void add_to(ListPage& page, ObjectKey key, const FileMeta& meta) {
    if (meta.kind == FileKind::special) return;
    if (!has_internal_component(key)) {
        page.entries.push_back(DriveHome::object_of(std::move(key), meta));
    } else if (meta.kind == FileKind::file && base_name(key).ends_with(".part") && is_internal_name(base_name(key))) {
        page.leftovers.push_back(DriveHome::object_of(std::move(key), meta));
    }
}

ObjectKey join(const ObjectKey& directory, const FileMeta& meta) {
    const std::string component = drive::component_of(meta.name);
    return directory.empty() ? component : directory + "/" + component;
}

// Of several with one name the oldest comes first.
void sort_by_age(std::vector<FileMeta>& files) {
    std::sort(files.begin(), files.end(), [](const FileMeta& a, const FileMeta& b) {
        return a.created != b.created ? a.created < b.created : a.id < b.id;
    });
}

}  // namespace

Result<ListPage> GoogleDriveProvider::list(const OpContext& ctx, const ObjectKey& directory, const std::string& cursor) {
    const auto run = [&]() -> Result<ListPage> {
        ORACX_TRYV(still_wanted(ctx, home_.clock()));
        ORACX_TRYV(check_key(directory));
        ORACX_TRYV(home_.root(ctx));
        if (!cursor.empty()) {
            ORACX_TRY(Cursor going_on, Cursor::read(cursor));
            return going_on.sweep ? sweep(ctx, std::move(going_on)) : list_folders(ctx, std::move(going_on));
        }
        Cursor begin;
        begin.sweep = directory.empty() && sees_only_own_;
        if (begin.sweep) return sweep(ctx, std::move(begin));
        ORACX_TRY(const std::vector<std::string> folders, home_.folders(ctx, directory, Trust::ask));
        if (folders.empty()) return fail(Errc::not_found, "list", "there is no such folder");
        for (const std::string& id : folders) begin.folders.push_back({id, directory});
        return list_folders(ctx, std::move(begin));
    };
    return named("list", directory, run());
}

Result<ListPage> GoogleDriveProvider::list_folders(const OpContext& ctx, Cursor cursor) {
    ListPage page;
    while (!cursor.folders.empty() && page.entries.size() < kPageEntries) {
        const Cursor::Folder folder = cursor.folders.front();
        ORACX_TRY(FilePage files, home_.api().list(ctx, drive::quote(folder.id) + " in parents", cursor.token, drive::kPageSize));
        sort_by_age(files.files);
        for (const FileMeta& meta : files.files) {
            home_.tree().saw(meta);
            ObjectKey key = join(folder.key, meta);
            if (meta.kind == FileKind::folder) cursor.folders.push_back({meta.id, key});
            add_to(page, std::move(key), meta);
        }
        cursor.token = std::move(files.next);
        if (!cursor.token.empty()) continue;
        home_.tree().set_complete(folder.id);
        cursor.folders.pop_front();
    }
    if (!cursor.folders.empty()) page.next = cursor.text();
    return page;
}

// All folders into the tree, and into `page` if there is one.
Status GoogleDriveProvider::sweep_folders(const OpContext& ctx, ListPage* page) {
    std::vector<FileMeta> folders;
    std::string token;
    do {
        ORACX_TRY(FilePage files, home_.api().list(ctx, "mimeType=" + drive::quote(drive::kFolderType), token, drive::kPageSize));
        for (FileMeta& meta : files.files) {
            home_.tree().saw(meta);
            folders.push_back(std::move(meta));
        }
        token = std::move(files.next);
    } while (!token.empty());
    if (page == nullptr) return {};
    sort_by_age(folders);
    const std::string root = home_.tree().root();
    for (const FileMeta& meta : folders) {
        if (meta.id == root) continue;
        ORACX_TRY(auto key, home_.key_of(ctx, meta));
        if (key) add_to(*page, std::move(*key), meta);
    }
    return {};
}

Result<ListPage> GoogleDriveProvider::sweep(const OpContext& ctx, Cursor cursor) {
    ListPage page;
    const bool begins = cursor.page == 0;
    bool gapless = false;
    if (begins) {
        ORACX_TRYV(sweep_folders(ctx, &page));
        const std::lock_guard lock(mutex_);
        cursor.number = ++sweep_;
        sweep_pages_ = 0;
        sweep_covers_ = home_.tree().all_folders();
        gapless = true;
    } else {
        {
            const std::lock_guard lock(mutex_);
            gapless = cursor.number == sweep_ && cursor.page == sweep_pages_;
        }
        // Another process began this listing: its folders are not known here.
        if (!gapless) ORACX_TRYV(sweep_folders(ctx, nullptr));
    }
    FilePage files;
    do {
        ORACX_TRY(files, home_.api().list(ctx, "mimeType!=" + drive::quote(drive::kFolderType), cursor.token, drive::kPageSize));
        cursor.token = files.next;
        ++cursor.page;
        sort_by_age(files.files);
        for (const FileMeta& meta : files.files) {
            home_.tree().saw(meta);
            ORACX_TRY(auto key, home_.key_of(ctx, meta));
            if (key) add_to(page, std::move(*key), meta);
        }
    } while (files.files.empty() && !cursor.token.empty());
    if (!cursor.token.empty()) page.next = cursor.text();
    if (!gapless) return page;
    const std::lock_guard lock(mutex_);
    if (cursor.number != sweep_) return page;
    sweep_pages_ = cursor.page;
    if (!page.next.empty()) return page;
    for (const std::string& folder : sweep_covers_) home_.tree().set_complete(folder);
    sweep_covers_.clear();
    ++sweep_;
    return page;
}

}  // namespace oracxfs
