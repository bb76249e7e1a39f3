// GoogleDriveProvider: the change feed.
//
// Drive tells of ids, whatever folder they are in, and of a folder alone when it was moved with all that is in it. What a
// folder's former key was is known only while this process has seen it.

#include "providers/google_drive/google_drive_provider_impl.h"
#include "providers/wait.h"

namespace oracxfs {

using drive::ChangeEntry;
using drive::DriveHome;
using drive::FileKind;

namespace {

struct Position {
    std::string root;  // the folder's id
    std::string token;

    [[nodiscard]] std::string text() const { return Json::object({{"root", root}, {"token", token}}).dump(); }
    static Result<Position> read(const std::string& text) {
        const auto json = parse_json(text);
        Position position;
        if (json) position = {(*json)["root"].as_string(), (*json)["token"].as_string()};
        if (position.root.empty() || position.token.empty()) return fail(Errc::changed, "go on from the cursor", "it is none of ours");
        return position;
    }
};

}  // namespace

Result<ChangePage> GoogleDriveProvider::changes(const OpContext& ctx, const std::string& cursor) {
    const auto run = [&]() -> Result<ChangePage> {
        ORACX_TRYV(still_wanted(ctx, home_.clock()));
        if (!cursor.empty()) return read_feed(ctx, cursor);
        Position position;
        ORACX_TRY(position.root, home_.root(ctx));
        ORACX_TRY(position.token, home_.api().start_token(ctx));
        ChangePage page;
        page.next = position.text();
        return page;
    };
    return named("read changes", "", run());
}

Result<ChangePage> GoogleDriveProvider::read_feed(const OpContext& ctx, const std::string& cursor) {
    ORACX_TRY(const Position from, Position::read(cursor));
    ORACX_TRY(const std::string root, home_.resume(ctx, from.root, from.token));
    if (root != from.root) return fail(Errc::changed, "go on from the cursor", "it belongs to another folder");
    ORACX_TRY(const drive::ChangesPage feed, home_.api().changes(ctx, from.token));
    for (const ChangeEntry& entry : feed.changes) {
        if (entry.id != root || (entry.file && !entry.file->trashed)) continue;
        home_.lose_root();
        return fail(Errc::changed, "go on from the cursor", "the folder was removed");
    }
    std::vector<std::optional<ObjectKey>> former;  // where folders were until now
    for (const ChangeEntry& entry : feed.changes)
        former.push_back(home_.tree().is_folder(entry.id) ? home_.tree().key_of(entry.id) : std::nullopt);
    for (const ChangeEntry& entry : feed.changes) home_.apply(entry);
    ChangePage page;
    for (std::size_t i = 0; i < feed.changes.size(); ++i) {
        ORACX_TRY(auto change, understand(ctx, feed.changes[i], former[i]));
        if (change) page.changes.push_back(std::move(*change));
    }
    page.more = !feed.next.empty();
    page.next = Position{root, page.more ? feed.next : feed.new_start}.text();
    return page;
}

// Nothing: it does not concern anybody.
Result<std::optional<Change>> GoogleDriveProvider::understand(const OpContext& ctx, const ChangeEntry& entry,
                                                              const std::optional<ObjectKey>& former) {
    if (entry.file && entry.file->kind == FileKind::special) return std::optional<Change>();
    std::optional<ObjectKey> key;
    if (entry.file && !entry.file->trashed) {
        ORACX_TRY(key, home_.key_of(ctx, *entry.file));
    }
    Change change;
    if (key) {
        if (entry.id == home_.tree().root() || drive::has_internal_component(*key)) return std::optional<Change>();
        change.object = DriveHome::object_of(std::move(*key), *entry.file);
        change.untold = change.object.is_directory;
        if (change.object.is_directory) home_.removes(entry.id, false);
        return std::optional(std::move(change));
    }
    const bool folder = former || (entry.file && entry.file->kind == FileKind::folder);
    if (folder && home_.removed_by_us(entry.id)) return std::optional<Change>();
    change.gone = true;
    change.object.id = entry.id;
    change.object.is_directory = folder;
    change.object.key = former.value_or("");
    change.untold = (folder && !former) || (!entry.file && !former);
    return std::optional(std::move(change));
}

}  // namespace oracxfs
