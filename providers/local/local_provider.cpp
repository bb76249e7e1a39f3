#include "providers/local/local_provider.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "base/assert.h"
#include "providers/local/lister.h"
#include "providers/local/local_provider_impl.h"
#include "providers/local/part_file.h"
#include "providers/local/publish.h"
#include "providers/wait.h"

namespace oracxfs {
namespace {

constexpr std::uint64_t kPieceBytes = 1u << 20;

bool is_absent(const Error& error) {
    return error.code == Errc::not_found || error.code == Errc::not_directory ||
           error.code == Errc::name_too_long;
}

Error changed(const ObjectKey& key) {
    return Error(Errc::changed, "compare", "another content is there now").with_path(key);
}

std::string record_file(const ProviderConfig& config) {
    return config.state_directory.empty() ? std::string()
                                          : config.state_directory + "/local-" + config.name + ".root";
}

Capabilities local_capabilities() {
    Capabilities capabilities;
    capabilities.verifies_in_put = true;
    capabilities.reads_back = true;
    capabilities.sets_mtime = true;
    capabilities.parallel_max = 4;
    capabilities.batch_max = 16;
    capabilities.small_bytes = 1u << 20;
    capabilities.poll_interval = Millis(10'000);  // listing a disk costs little
    return capabilities;
}

// not_found for everything that cannot be an object here, so that callers have one case.
Result<struct stat> status_at(const local::Folder& folder, const ObjectKey& key) {
    Result<struct stat> status;
    if (key.empty()) {
        status = local::status_of(folder.root(), ".", key);
    } else {
        const Result<local::Place> place = local::find_place(folder, key);
        status = place ? local::status_of(place->directory.get(), place->name, key)
                       : Result<struct stat>(fail(place.error()));
    }
    if (!status && is_absent(status.error())) status.error().code = Errc::not_found;
    return status;
}

Result<RemoteObject> object_at(const local::Folder& folder, const ObjectKey& key) {
    ORACX_TRY(const struct stat status, status_at(folder, key));
    if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode))
        return fail(Error(Errc::denied, "look at", "neither a file nor a folder").with_path(key));
    return local::object_of(key, status, folder.features());
}

struct OpenFile {
    UniqueFd fd;
    struct stat status {};
};

Result<OpenFile> open_object(const local::Folder& folder, const ObjectKey& key) {
    ORACX_TRYV(check_key(key));
    if (key.empty()) return fail(Errc::is_directory, "open", "the root folder");
    Result<local::Place> place = local::find_place(folder, key);
    if (!place && is_absent(place.error())) place.error().code = Errc::not_found;
    if (!place) return fail(std::move(place).error());
    OpenFile file;
    ORACX_TRY(file.fd, local::open_file(place->directory.get(), place->name, key));
    if (::fstat(file.fd.get(), &file.status) != 0)
        return fail(local::io_error(errno, "look at", key));
    return file;
}

}  // namespace

LocalProvider::LocalProvider(const ProviderConfig& config)
    : name_(config.name),
      clock_(*config.clock),
      guard_(config.config["path"].as_string(), config.forbidden_paths, record_file(config)),
      capabilities_(local_capabilities()) {
    // A file without a name gets one through /proc.
    features_.tmpfile = ::access("/proc/self/fd", X_OK) == 0;
}

Result<std::unique_ptr<Provider>> make_local_provider(const ProviderConfig& config) {
    ORACX_ASSERT(config.clock != nullptr);
    if (config.config["path"].as_string().empty())
        return fail(Error(Errc::config, "read configuration", "\"path\" is missing")
                        .with_provider(config.name));
    return std::make_unique<LocalProvider>(config);
}

Result<local::Folder> LocalProvider::enter(const OpContext& ctx) {
    ORACX_TRYV(still_wanted(ctx, clock_));
    ORACX_TRY(UniqueFd root, guard_.open());
    if (!local::has_stable_inodes(root.get())) features_.stable_inodes = false;
    return local::Folder(std::move(root), features_);
}

Result<Space> LocalProvider::probe(const OpContext& ctx) {
    return named([&]() -> Result<Space> {
        ORACX_TRYV(still_wanted(ctx, clock_));
        ORACX_TRY(UniqueFd root, guard_.probe());
        if (!local::has_stable_inodes(root.get())) features_.stable_inodes = false;
        const local::Folder folder(std::move(root), features_);
        // Permission bits do not tell everything; a file that is thrown away at once does.
        const auto attempt = local::PartFile::create(folder, "probe-" + random_hex(8), "");
        if (!attempt && attempt.error().code != Errc::quota_full) return fail(attempt.error());
        return space_of(folder);
    });
}

Result<Space> LocalProvider::space_of(const local::Folder& folder) const {
    struct statvfs status {};
    if (::fstatvfs(folder.root(), &status) != 0) return fail(local::io_error(errno, "ask for space"));
    if (status.f_blocks == 0) return Space{};
    return Space{.total_bytes = std::uint64_t{status.f_blocks} * status.f_frsize,
                 .free_bytes = std::uint64_t{status.f_bavail} * status.f_frsize};
}

Status LocalProvider::discard_upload(const OpContext& ctx, const ObjectKey& key,
                                     const std::string& upload_id, const std::string&) {
    return named([&]() -> Status {
        ORACX_TRY(const local::Folder folder, enter(ctx));
        const std::string name = part_name(upload_id);
        if (!is_internal_name(name)) return fail(Errc::invalid, "discard upload", "bad upload id");
        if (::unlinkat(folder.root(), name.c_str(), 0) == 0 || errno == ENOENT) return {};
        return fail(local::io_error(errno, "discard upload", key));
    });
}

Result<RemoteObject> LocalProvider::stat(const OpContext& ctx, const ObjectKey& key) {
    return named([&]() -> Result<RemoteObject> {
        ORACX_TRYV(check_key(key));
        ORACX_TRY(const local::Folder folder, enter(ctx));
        return object_at(folder, key);
    });
}

Status LocalProvider::read(const OpContext& ctx, const RemoteObject& object, std::uint64_t offset,
                           std::uint64_t length, const ByteSink& sink) {
    return named([&]() -> Status {
        ORACX_TRY(const local::Folder folder, enter(ctx));
        ORACX_TRY(const OpenFile file, open_object(folder, object.key));
        if (!object.rev.empty() && local::rev_of(file.status, features_) != object.rev)
            return fail(changed(object.key));
        const auto size = static_cast<std::uint64_t>(file.status.st_size);
        const std::uint64_t end = offset + std::min(length, size - std::min(size, offset));
        const auto buffer_bytes = static_cast<std::size_t>(std::min(kPieceBytes, end - offset));
        const auto buffer = std::make_unique_for_overwrite<std::byte[]>(buffer_bytes);
        while (offset < end) {
            ORACX_TRYV(still_wanted(ctx, clock_));
            const ssize_t got = ::pread(file.fd.get(), buffer.get(),
                                        std::min<std::uint64_t>(buffer_bytes, end - offset),
                                        static_cast<off_t>(offset));
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) return fail(local::io_error(errno, "read", object.key));
            if (got == 0) return fail(changed(object.key));  // cut off under our hands
            if (!sink({buffer.get(), static_cast<std::size_t>(got)})) return {};
            offset += static_cast<std::uint64_t>(got);
        }
        return {};
    });
}

Status LocalProvider::verify(const OpContext& ctx, const RemoteObject& object,
                             const ContentDigests& expected) {
    return named([&]() -> Status {
        ORACX_TRY(const local::Folder folder, enter(ctx));
        ORACX_TRY(const OpenFile file, open_object(folder, object.key));
        const Error differs =
            Error(Errc::corrupt, "verify", "the stored bytes differ").with_path(object.key);
        const auto size = static_cast<std::uint64_t>(file.status.st_size);
        if (size != expected.size) return fail(differs);
        const auto buffer = std::make_unique_for_overwrite<std::byte[]>(kPieceBytes);
        Sha256Hasher hasher;
        for (std::uint64_t from = 0; from < size; from += kPieceBytes) {
            ORACX_TRYV(still_wanted(ctx, clock_));
            ORACX_TRYV(local::hash_range(file.fd.get(), from, std::min(size, from + kPieceBytes),
                                         {buffer.get(), kPieceBytes}, hasher, object.key));
        }
        if (hasher.finish() != expected.sha256) return fail(differs);
        return {};
    });
}

Result<ListPage> LocalProvider::list(const OpContext& ctx, const ObjectKey& directory,
                                     const std::string& cursor) {
    return named([&]() -> Result<ListPage> {
        ORACX_TRYV(check_key(directory));
        ORACX_TRY(const local::Folder folder, enter(ctx));
        return local::list_page(ctx, clock_, folder, directory, cursor);
    });
}

Status LocalProvider::remove(const OpContext& ctx, const RemoteObject& object, RemoveMode mode) {
    return named([&]() -> Status {
        ORACX_TRYV(check_key(object.key));
        ORACX_TRY(const local::Folder folder, enter(ctx));
        const Result<struct stat> status = status_at(folder, object.key);
        if (!status && status.error().code == Errc::not_found) return {};
        if (!status) return fail(status.error());
        if (S_ISDIR(status->st_mode)) return fail(local::io_error(EISDIR, "remove", object.key));
        if (!object.rev.empty() && local::rev_of(*status, features_) != object.rev)
            return fail(changed(object.key));
        local::DirtyDirectories dirty;
        ORACX_TRY(const local::Place place, local::find_place(folder, object.key));
        ORACX_TRYV(dirty.add(ObjectKey(parent_key(object.key)), place.directory.get()));
        if (mode == RemoveMode::trash) {
            ORACX_TRYV(local::move_to_trash(folder, clock_, place, object.rev, dirty));
        } else if (::unlinkat(place.directory.get(), place.name.c_str(), 0) != 0 &&
                   errno != ENOENT) {
            return fail(local::io_error(errno, "remove", object.key));
        }
        return dirty.sync();
    });
}

Result<RemoteObject> LocalProvider::rename(const OpContext& ctx, const RemoteObject& object,
                                           const ObjectKey& to,
                                           const std::optional<RemoteObject>& replaces) {
    return named([&]() -> Result<RemoteObject> {
        ORACX_TRYV(local::check_new_key(to));
        ORACX_TRYV(local::check_new_key(object.key));
        ORACX_TRY(const local::Folder folder, enter(ctx));
        ORACX_TRY(const struct stat status, status_at(folder, object.key));
        const bool is_directory = S_ISDIR(status.st_mode);
        if (!is_directory && !object.rev.empty() && local::rev_of(status, features_) != object.rev)
            return fail(changed(object.key));
        if (to == object.key) return object_at(folder, to);
        if (to.starts_with(object.key + "/") || (replaces && is_directory))
            return fail(local::io_error(EINVAL, "rename to " + to, object.key));

        local::DirtyDirectories dirty;
        ORACX_TRY(const local::Place source, local::find_place(folder, object.key));
        ORACX_TRY(const local::Place target, local::make_place(folder, to, dirty));
        ORACX_TRYV(dirty.add(ObjectKey(parent_key(object.key)), source.directory.get()));
        if (replaces) {
            ORACX_TRYV(local::rename_over(folder, clock_, source, target, replaces->rev, dirty));
        } else if (const int err = local::rename_no_replace(features_, source.directory.get(),
                                                            source.name, target.directory.get(),
                                                            target.name);
                   err != 0) {
            return fail(local::io_error(err, "rename to " + to, object.key));
        }
        ORACX_TRYV(dirty.sync());
        return object_at(folder, to);
    });
}

Result<RemoteObject> LocalProvider::make_directory(const OpContext& ctx, const ObjectKey& key) {
    return named([&]() -> Result<RemoteObject> {
        ORACX_TRYV(local::check_new_key(key));
        ORACX_TRY(const local::Folder folder, enter(ctx));
        local::DirtyDirectories dirty;
        ORACX_TRY(const local::Place place, local::make_place(folder, key, dirty));
        if (::mkdirat(place.directory.get(), place.name.c_str(), 0777) != 0 && errno != EEXIST)
            return fail(local::io_error(errno, "create folder", key));
        ORACX_TRYV(dirty.sync());
        ORACX_TRY(RemoteObject object, object_at(folder, key));
        if (!object.is_directory) return fail(local::io_error(EEXIST, "create folder", key));
        return object;
    });
}

Status LocalProvider::remove_directory(const OpContext& ctx, const ObjectKey& key) {
    return named([&]() -> Status {
        ORACX_TRYV(local::check_new_key(key));
        ORACX_TRY(const local::Folder folder, enter(ctx));
        const Result<local::Place> place = local::find_place(folder, key);
        if (!place && place.error().code == Errc::not_found) return {};
        if (!place) return fail(place.error());
        if (::unlinkat(place->directory.get(), place->name.c_str(), AT_REMOVEDIR) != 0) {
            if (errno == ENOENT) return {};
            return fail(local::io_error(errno == EEXIST ? ENOTEMPTY : errno, "remove folder", key));
        }
        local::DirtyDirectories dirty;
        ORACX_TRYV(dirty.add(ObjectKey(parent_key(key)), place->directory.get()));
        return dirty.sync();
    });
}

Result<std::uint64_t> LocalProvider::purge_trash(const OpContext& ctx, Millis age) {
    return named([&]() -> Result<std::uint64_t> {
        ORACX_TRY(const local::Folder folder, enter(ctx));
        const Result<UniqueFd> trash = folder.open_directory(ObjectKey(kTrashFolder));
        if (!trash && trash.error().code == Errc::not_found) return 0;
        if (!trash) return fail(trash.error());
        ORACX_TRY(const auto names, local::names_in(trash->get(), ObjectKey(kTrashFolder)));
        std::uint64_t purged = 0;
        for (const local::DirectoryName& entry : names) {
            const auto since = trash_entry_time(entry.name);
            if (!since || *since > clock_.wall() - age) continue;
            ORACX_TRYV(local::remove_tree(ctx, clock_, trash->get(), entry.name));
            ++purged;
        }
        return purged;
    });
}

}  // namespace oracxfs
