#include <algorithm>

#include "providers/directory_cursor.h"
#include "providers/ftp/ftp_provider_impl.h"

namespace oracxfs {

using ftp::CallWait;
using ftp::FtpCall;
using ftp::ListEntry;
using Entries = std::optional<std::vector<ListEntry>>;

namespace {

// A page ends with the directory that takes it over this.
constexpr std::size_t kPageEntries = 2'048;
constexpr int kDepthMax = 256;

ObjectKey join(const ObjectKey& directory, const std::string& name) {
    return directory.empty() ? name : directory + "/" + name;
}

// False for names that no command could carry back: they are nobody's business, like links and devices.
bool add(ListPage& page, const ObjectKey& directory, const ListEntry& entry) {
    if (!ftp::check_name(entry.name)) return false;
    RemoteObject object = ftp::object_of(join(directory, entry.name), entry);
    if (is_internal_name(entry.name)) {
        if (!object.is_directory && entry.name.ends_with(".part")) page.leftovers.push_back(std::move(object));
        return false;
    }
    page.entries.push_back(std::move(object));
    return true;
}

}  // namespace

Result<ListPage> FtpProvider::list(const OpContext& ctx, const ObjectKey& directory, const std::string& cursor) {
    if (const Status usable = ftp::check_names(directory); !usable) return named(usable.error(), "list", directory);
    const CallWait wait(ctx, home_.clock);
    std::deque<ObjectKey> queue{directory};
    if (!cursor.empty()) {
        ORACX_TRY(queue, decode_directories(cursor));
    }
    bool first = cursor.empty();
    ListPage page;
    while (!queue.empty() && page.entries.size() < kPageEntries) {
        const ObjectKey folder = std::move(queue.front());
        queue.pop_front();
        const bool must_exist = std::exchange(first, false);
        // A server that shows every folder in itself would be listed for ever.
        if (std::count(folder.begin(), folder.end(), '/') > kDepthMax)
            return named(Error(Errc::invalid, "folders nested too deep"), "list", folder);
        // Some servers list nothing for what is not there, and a file as itself.
        if (must_exist)
            ORACX_TRYV(call<void>(wait, "list", folder, [&](FtpCall& call) -> Status {
                ORACX_TRY(const auto found, call.find(folder));
                if (!found) return fail(Errc::not_found, "look at it", "it is not there");
                if (!found->is_directory()) return fail(Errc::not_directory, "look at it");
                return {};
            }));
        auto entries = call<Entries>(wait, "list", folder, [&](FtpCall& call) { return call.list_folder(folder); });
        if (!entries && entries.error().code == Errc::denied) {
            // One that went away while the listing was under way is simply not there.
            ORACX_TRY(const auto found, call<std::optional<ListEntry>>(wait, "list", folder, [&](FtpCall& call) { return call.find(folder); }));
            if (!found) entries = Entries();
        }
        ORACX_TRY(const Entries got, std::move(entries));
        if (!got && must_exist) return named(Error(Errc::not_found, "open folder", "it is not there"), "list", folder);
        if (!got) continue;
        for (const ListEntry& entry : *got)
            if (add(page, folder, entry) && entry.is_directory()) queue.push_back(join(folder, entry.name));
    }
    page.next = encode_directories(queue);
    return page;
}

Status FtpProvider::remove_tree(const CallWait& wait, const ObjectKey& key, int depth) {
    if (depth > kDepthMax) return fail(Errc::invalid, "empty the trash", "folders nested too deep");
    ORACX_TRY(const Entries entries, call<Entries>(wait, "empty the trash", key, [&](FtpCall& call) { return call.list_folder(key); }));
    if (!entries) return {};
    std::vector<std::string> lines;
    for (const ListEntry& entry : *entries) {
        const ObjectKey below = join(key, entry.name);
        if (entry.is_directory()) ORACX_TRYV(remove_tree(wait, below, depth + 1));
        else lines.push_back("DELE " + home_.path(below));
    }
    lines.push_back("RMD " + home_.path(key));
    return call<void>(wait, "empty the trash", key, [&](FtpCall& call) -> Status {
        ORACX_TRY(const auto replies, call.connection().commands(wait, lines));
        if (replies.back().ok()) return {};
        ORACX_TRY(const auto found, call.find(key));
        if (!found) return {};
        return fail(error_of(replies.back(), "remove"));
    });
}

Result<std::uint64_t> FtpProvider::purge_trash(const OpContext& ctx, Millis age) {
    const ObjectKey trash(kTrashFolder);
    const CallWait wait(ctx, home_.clock);
    const WallTime oldest = home_.clock.wall() - age;
    ORACX_TRY(const Entries entries, call<Entries>(wait, "empty the trash", trash, [&](FtpCall& call) -> Result<Entries> {
        ORACX_TRY(const auto found, call.find(trash));
        if (!found) return Entries();
        return call.list_folder(trash);
    }));
    std::uint64_t removed = 0;
    if (!entries) return removed;
    for (const ListEntry& entry : *entries) {
        const auto time = trash_entry_time(entry.name);
        if (!time || *time > oldest || !entry.is_directory()) continue;
        home_.directories.forget(join(trash, entry.name));
        ORACX_TRYV(remove_tree(wait, join(trash, entry.name), 0));
        ++removed;
    }
    return removed;
}

}  // namespace oracxfs
