#include "providers/local/publish.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace oracxfs::local {
namespace {

bool unsupported(int err) { return err == EINVAL || err == ENOSYS || err == EOPNOTSUPP; }

int move(const Place& from, const Place& to) {
    const int result = ::renameat(from.directory.get(), from.name.c_str(), to.directory.get(),
                                  to.name.c_str());
    return result == 0 ? 0 : errno;
}

int move_no_replace(const Folder& folder, const Place& from, const Place& to) {
    return rename_no_replace(folder.features(), from.directory.get(), from.name,
                             to.directory.get(), to.name);
}

int exchange(const Place& a, const Place& b) {
    const int result = ::renameat2(a.directory.get(), a.name.c_str(), b.directory.get(),
                                   b.name.c_str(), RENAME_EXCHANGE);
    return result == 0 ? 0 : errno;
}

void unlink(const Place& place) { ::unlinkat(place.directory.get(), place.name.c_str(), 0); }

Error changed(const ObjectKey& key) {
    return Error(Errc::changed, "replace", "something else is there now").with_path(key);
}

Result<Place> trash_place(const Folder& folder, const Clock& clock, const ObjectKey& key,
                          DirtyDirectories& dirty) {
    return make_place(folder, std::string(kTrashFolder) + "/" + trash_entry(clock.wall(), key),
                      dirty);
}

Result<Place> part_place(const Folder& folder, const std::string& upload_id, const ObjectKey& key) {
    Place place{UniqueFd(::openat(folder.root(), ".", O_PATH | O_DIRECTORY | O_CLOEXEC)),
                part_name(upload_id), key};
    if (!place.directory) return fail(io_error(errno, "open folder", key));
    return place;
}

// Moves first and looks afterwards what it was: so nothing foreign can get lost in between.
Status move_checked(const Folder& folder, const Place& place, const Place& trash,
                    const std::string& rev) {
    if (const int err = move_no_replace(folder, place, trash); err != 0) {
        if (err == ENOENT && !rev.empty()) return fail(changed(place.key));
        return fail(io_error(err, "move to trash", place.key));
    }
    if (rev.empty() || check_unchanged(folder, trash, rev)) return {};
    if (const int err = move_no_replace(folder, trash, place); err != 0) {
        Error error = io_error(err, "undo move to trash", place.key);
        error.code = Errc::outcome_unknown;
        return fail(std::move(error));
    }
    return fail(changed(place.key));
}

// Where a file went that had to make room.
struct Kept {
    Place place;
    bool still_there = false;  // under its old name too
};

Result<Kept> keep_in_trash(const Folder& folder, const Clock& clock, const Place& place,
                           const std::string& rev, DirtyDirectories& dirty) {
    ORACX_TRYV(check_unchanged(folder, place, rev));
    ORACX_TRY(Place trash, trash_place(folder, clock, place.key, dirty));
    if (folder.features().hard_links) {
        if (::linkat(place.directory.get(), place.name.c_str(), trash.directory.get(),
                     trash.name.c_str(), 0) == 0) {
            // The link cannot be swapped any more: what it shows is what is kept.
            if (const Status same = check_unchanged(folder, trash, rev); !same) {
                unlink(trash);
                return fail(changed(place.key));
            }
            return Kept{std::move(trash), true};
        }
        if (errno == ENOENT) return fail(changed(place.key));
        if (errno != EPERM && errno != EMLINK && !unsupported(errno))
            return fail(io_error(errno, "move to trash", place.key));
        if (errno != EMLINK) folder.features().hard_links = false;
    }
    ORACX_TRYV(move_checked(folder, place, trash, rev));
    return Kept{std::move(trash), false};
}

// The new file waits at `stage` under a name that nobody looks at. Swapping the two names in one step and looking
// afterwards what came out closes the gap between the look and the act.
Status replace_by_exchange(const Folder& folder, const Place& stage, const Place& target, const std::string& rev) {
    if (const int err = exchange(stage, target); err != 0) {
        if (err == ENOENT) return fail(changed(target.key));
        return fail(io_error(err, "replace", target.key));
    }
    if (check_unchanged(folder, stage, rev)) return {};
    if (const int err = exchange(stage, target); err != 0) {
        Error error = io_error(err, "undo replace", target.key);
        error.code = Errc::outcome_unknown;
        return fail(std::move(error));
    }
    return fail(changed(target.key));
}

Status replace(const Folder& folder, const Clock& clock, PartFile& part, const Place& target,
               const PutOptions& options, DirtyDirectories& dirty) {
    const std::string& rev = options.replaces->rev;
    ORACX_TRYV(check_unchanged(folder, target, rev));
    ORACX_TRY(const Place waiting, part_place(folder, options.upload_id, target.key));
    if (folder.features().exchange) {
        // Staged in the trash, the swap is at once the move to the trash.
        Result<Place> stage = options.keep_replaced
                                  ? trash_place(folder, clock, target.key, dirty)
                                  : part_place(folder, options.upload_id, target.key);
        if (!stage) return fail(std::move(stage).error());
        const int staged = options.keep_replaced
                               ? part.publish(stage->directory.get(), stage->name)
                               : part.publish_as_part(options.upload_id);
        if (staged != 0) return fail(io_error(staged, "replace", target.key));
        Status done = replace_by_exchange(folder, *stage, target, rev);
        if (done && !options.keep_replaced) unlink(*stage);
        if (done) return {};
        if (!unsupported(done.error().native)) {
            if (done.error().code != Errc::outcome_unknown) unlink(*stage);
            return done;
        }
        folder.features().exchange = false;
        if (const int err = options.keep_replaced ? move(*stage, waiting) : 0; err != 0) {
            unlink(*stage);
            return fail(io_error(err, "replace", target.key));
        }
    } else if (const int err = part.publish_as_part(options.upload_id); err != 0) {
        return fail(io_error(err, "replace", target.key));
    }
    Status done;
    if (options.keep_replaced) {
        done = rename_over(folder, clock, waiting, target, rev, dirty);
    } else if (const int err = move(waiting, target); err != 0) {
        done = fail(io_error(err, "replace", target.key));
    }
    if (!done) unlink(waiting);
    return done;
}

}  // namespace

Result<Place> find_place(const Folder& folder, const ObjectKey& key) {
    ORACX_TRY(UniqueFd directory, folder.open_directory(ObjectKey(parent_key(key))));
    return Place{std::move(directory), std::string(base_name(key)), key};
}

Result<Place> make_place(const Folder& folder, const ObjectKey& key, DirtyDirectories& dirty) {
    const ObjectKey parent(parent_key(key));
    ORACX_TRY(UniqueFd directory, folder.make_directories(parent, dirty));
    ORACX_TRYV(dirty.add(parent, directory.get()));
    return Place{std::move(directory), std::string(base_name(key)), key};
}

Status check_unchanged(const Folder& folder, const Place& place, const std::string& rev) {
    const Result<struct stat> status = status_of(place.directory.get(), place.name, place.key);
    if (!status && status.error().code != Errc::not_found) return fail(status.error());
    if (!status || !S_ISREG(status->st_mode) || rev_of(*status, folder.features()) != rev)
        return fail(changed(place.key));
    return {};
}

Status publish(const Folder& folder, const Clock& clock, PartFile& part, const ObjectKey& key,
               const PutOptions& options, DirtyDirectories& dirty) {
    ORACX_TRY(const Place target, make_place(folder, key, dirty));
    if (options.replaces) return replace(folder, clock, part, target, options, dirty);
    if (const int err = part.publish(target.directory.get(), target.name); err != 0)
        return fail(io_error(err, "publish", key));
    return {};
}

Status move_to_trash(const Folder& folder, const Clock& clock, const Place& place,
                     const std::string& rev, DirtyDirectories& dirty) {
    ORACX_TRY(const Place trash, trash_place(folder, clock, place.key, dirty));
    return move_checked(folder, place, trash, rev);
}

Status rename_over(const Folder& folder, const Clock& clock, const Place& from, const Place& to,
                   const std::string& rev, DirtyDirectories& dirty) {
    ORACX_TRY(const Kept kept, keep_in_trash(folder, clock, to, rev, dirty));
    const int err = kept.still_there ? move(from, to) : move_no_replace(folder, from, to);
    if (err == 0) return {};
    if (kept.still_there) {
        unlink(kept.place);
    } else if (move_no_replace(folder, kept.place, to) != 0) {
        Error error = io_error(err, "replace", to.key);
        error.code = Errc::outcome_unknown;
        return fail(std::move(error));
    }
    return fail(io_error(err, "replace", to.key));
}

}  // namespace oracxfs::local
