#include "providers/local/root_guard.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>

#include "base/hash.h"
#include "base/json.h"
#include "base/log.h"
#include "providers/local/folder.h"
#include "providers/local/path_walk.h"

namespace oracxfs::local {
namespace {

constexpr const char* kGone = "the folder is gone; is its disk mounted? (if it was deleted, create it again: the files come back)";
constexpr const char* kOther =
    "an empty folder on another file system is in its place; is the disk mounted? "
    "(if this is the new disk, put any file into it)";

std::uint64_t file_system_of(int fd) {
    struct statfs status {};
    if (::fstatfs(fd, &status) != 0) return 0;
    std::uint64_t id = 0;
    static_assert(sizeof status.f_fsid == sizeof id);
    std::memcpy(&id, &status.f_fsid, sizeof id);
    return id;
}

Result<RootIdentity> identity_of(int fd) {
    struct statx status {};
    if (::statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &status) != 0)
        return fail(io_error(errno, "look at folder"));
    RootIdentity identity;
    identity.device = makedev(status.stx_dev_major, status.stx_dev_minor);
    identity.file_system = file_system_of(fd);
    if (!has_stable_inodes(fd)) return identity;
    identity.inode = status.stx_ino;
    if ((status.stx_mask & STATX_BTIME) != 0)
        identity.born_ns = status.stx_btime.tv_sec * 1'000'000'000 + status.stx_btime.tv_nsec;
    return identity;
}

bool is_empty(int directory) {
    const int fd = ::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return true;
    const std::unique_ptr<DIR, int (*)(DIR*)> dir(::fdopendir(fd), &::closedir);
    if (!dir) {
        ::close(fd);
        return true;
    }
    while (const dirent* entry = ::readdir(dir.get()))
        if (std::strcmp(entry->d_name, ".") != 0 && std::strcmp(entry->d_name, "..") != 0)
            return false;
    return true;
}

std::string fingerprint(const std::string& path) {
    return to_hex(sha256_of(std::as_bytes(std::span(path))));
}

Error config_error(const std::string& path, std::string why) {
    return Error(Errc::config, "use folder " + path, std::move(why));
}

// unavailable, but with what the call itself said.
Error unavailable(Error error) {
    if (error.code == Errc::not_found) error.why = kGone;
    if (error.code == Errc::not_found || error.code == Errc::not_directory)
        error.code = Errc::unavailable;
    return error;
}

}  // namespace

RootGuard::RootGuard(std::string path, std::vector<std::string> forbidden, std::string record_file)
    : path_(std::move(path)),
      forbidden_(std::move(forbidden)),
      record_file_(std::move(record_file)) {}

Result<UniqueFd> RootGuard::open() {
    const std::lock_guard lock(mutex_);
    if (!known_) return adopt(false);
    if (!trusted_) return fail(Errc::unavailable, "open folder " + path_, kGone);
    UniqueFd fd(::open(path_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!fd) {
        Error error = unavailable(io_error(errno, "open folder " + path_));
        trusted_ = error.code != Errc::unavailable;
        return fail(std::move(error));
    }
    ORACX_TRY(const RootIdentity found, identity_of(fd.get()));
    if (found == *known_) return fd;
    trusted_ = false;
    return fail(Errc::unavailable, "open folder " + path_, "another folder is in its place");
}

Result<UniqueFd> RootGuard::probe() {
    const std::lock_guard lock(mutex_);
    return adopt(true);
}

Result<UniqueFd> RootGuard::adopt(bool create) {
    trusted_ = false;
    if (!path_.starts_with('/')) return fail(config_error(path_, "the path must begin with '/'"));
    std::vector<FileId> stop_at;
    std::vector<FileId> inside_of;  // folders that contain a forbidden one
    for (const std::string& forbidden : forbidden_) {
        if (is_inside(path_, forbidden) || is_inside(forbidden, path_))
            return fail(config_error(path_, "it overlaps with " + forbidden));
        const Result<PathWalk> walk = walk_path(forbidden, {});
        if (!walk) continue;  // what cannot be reached cannot be overlapped
        inside_of.insert(inside_of.end(), walk->visited.begin(), walk->visited.end());
        if (walk->missing.empty()) stop_at.push_back(walk->visited.back());
    }
    Result<PathWalk> walk = walk_path(path_, stop_at);
    if (!walk && walk.error().code == Errc::not_directory)
        return fail(config_error(path_, "it is not a folder"));
    if (!walk) return fail(std::move(walk).error());
    if (walk->blocked) return fail(config_error(path_, "it is inside the mount or the state folder"));

    const bool exists = walk->missing.empty();
    if (exists && std::find(inside_of.begin(), inside_of.end(), walk->visited.back()) != inside_of.end())
        return fail(config_error(path_, "the mount or the state folder is inside it"));
    if (!known_) known_ = load();
    if (!exists) {
        // One that was there once is not made again by ourselves: it may have been moved, or its disk pulled out.
        if (!create || known_ || walk->missing.size() > 1)
            return fail(Errc::unavailable, "open folder " + path_, kGone);
        ORACX_TRY(walk->folder, create_folder(walk->folder.get(), walk->missing.front()));
    }
    ORACX_TRY(const RootIdentity found, identity_of(walk->folder.get()));
    if (!is_expected(found, walk->folder.get()))
        return fail(Errc::unavailable, "open folder " + path_, kOther);
    if (!known_ || known_->file_system != found.file_system) save(found);
    known_ = found;
    trusted_ = true;
    return std::move(walk->folder);
}

Result<UniqueFd> RootGuard::create_folder(int parent, const std::string& name) {
    if (::mkdirat(parent, name.c_str(), 0700) != 0 && errno != EEXIST)
        return fail(io_error(errno, "create folder " + path_));
    const UniqueFd durable(::openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (durable) {
        if (const int err = sync_directory(durable.get()); err != 0)
            return fail(io_error(err, "sync folder above " + path_));
    }
    UniqueFd fd(::openat(parent, name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd) return fail(io_error(errno, "open folder " + path_));
    return fd;
}

// A disk with another number but something on it is the old disk (numbers change) or one that a person prepared.
bool RootGuard::is_expected(const RootIdentity& found, int directory) const {
    return !known_ || known_->file_system == found.file_system || !is_empty(directory);
}

std::optional<RootIdentity> RootGuard::load() const {
    if (record_file_.empty()) return std::nullopt;
    std::ifstream file(record_file_, std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    const Result<Json> json = parse_json(text);
    // The path is part of the record: after a change of configuration the old folder says nothing about the new one.
    if (!json || (*json)["path_sha256"].as_string() != fingerprint(path_)) return std::nullopt;
    RootIdentity identity;
    identity.file_system = static_cast<std::uint64_t>((*json)["file_system"].as_int());
    return identity;
}

// Losing the record only loses the memory of the disk's number, hence no fsync and no error.
void RootGuard::save(const RootIdentity& identity) const {
    if (record_file_.empty()) return;
    const Json json = Json::object(
        {{"path_sha256", fingerprint(path_)}, {"file_system", identity.file_system}});
    const std::string fresh = record_file_ + ".new";
    std::ofstream file(fresh, std::ios::binary | std::ios::trunc);
    file << json.dump_pretty();
    file.close();
    if (!file || ::rename(fresh.c_str(), record_file_.c_str()) != 0)
        log::warn("local", "cannot remember the folder " + path_ + " in " + record_file_);
}

}  // namespace oracxfs::local
