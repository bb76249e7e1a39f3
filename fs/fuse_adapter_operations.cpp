#include <fcntl.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "fs/fuse_adapter_reply.h"

namespace oracxfs::fuse {
namespace {

void on_init(void*, fuse_conn_info* connection) {
    const auto want = [&](unsigned flag) {
        if ((connection->capable & flag) != 0) connection->want |= flag;
    };
    want(FUSE_CAP_SPLICE_WRITE);
    want(FUSE_CAP_SPLICE_MOVE);
    want(FUSE_CAP_PARALLEL_DIROPS);
    connection->want &= ~static_cast<unsigned>(FUSE_CAP_WRITEBACK_CACHE);  // write(2) must have reached staging
    connection->max_background = 64;
    connection->congestion_threshold = 48;
}

void reply_entry(fuse_req_t request, const Result<FileAttributes>& attributes) {
    if (!attributes) return void(fuse_reply_err(request, errno_of(attributes.error())));
    const fuse_entry_param entry = entry_of(*attributes);
    fuse_reply_entry(request, &entry);
}

void answer_lookup(fuse_req_t request, fuse_ino_t parent, const std::string& name) {
    const auto found = filesystem_of(request).lookup(parent, name);
    if (!found && found.error().code == Errc::not_found) {
        fuse_entry_param absent{};
        absent.entry_timeout = name_seconds(parent);
        return void(fuse_reply_entry(request, &absent));  // remembered by the kernel
    }
    reply_entry(request, found);
}

// Folders of the virtual one may have to be fetched before anything can be told of them: then the answer comes later.
template <class Answer>
void when_prepared(fuse_req_t request, fuse_ino_t inode, Answer answer) {
    Filesystem& filesystem = filesystem_of(request);
    const auto pending = std::make_shared<Pending>(request);
    filesystem.prepare(inode, pending->token(), [pending, answer](const Status& ready) {
        pending->answer([&](fuse_req_t answered) {
            if (!ready) return void(fuse_reply_err(answered, errno_of(ready.error())));
            guarded(answered, [&] { answer(answered); });
        });
    });
    pending->arm();
}

void on_lookup(fuse_req_t request, fuse_ino_t parent, const char* name) {
    guarded(request, [&] {
        if (!is_virtual(parent)) return answer_lookup(request, parent, name);
        when_prepared(request, parent, [parent, name = std::string(name)](fuse_req_t answered) { answer_lookup(answered, parent, name); });
    });
}

void on_forget(fuse_req_t request, fuse_ino_t inode, std::uint64_t count) {
    filesystem_of(request).forget(inode, count);
    fuse_reply_none(request);
}

void on_forget_multi(fuse_req_t request, std::size_t count, fuse_forget_data* forgets) {
    for (std::size_t i = 0; i < count; ++i) filesystem_of(request).forget(forgets[i].ino, forgets[i].nlookup);
    fuse_reply_none(request);
}

void on_getattr(fuse_req_t request, fuse_ino_t inode, fuse_file_info*) {
    guarded(request, [&] {
        const auto attributes = filesystem_of(request).attributes(inode);
        if (!attributes) return void(fuse_reply_err(request, errno_of(attributes.error())));
        const struct stat result = stat_of(*attributes);
        fuse_reply_attr(request, &result, changes_by_itself(inode) ? kShortSeconds : kLongSeconds);
    });
}

void on_setattr(fuse_req_t request, fuse_ino_t inode, struct stat* wanted, int to_set, fuse_file_info* file) {
    guarded(request, [&] {
        AttributeChange change;
        if ((to_set & FUSE_SET_ATTR_MODE) != 0) change.mode = wanted->st_mode & 07777;
        if ((to_set & FUSE_SET_ATTR_UID) != 0) change.uid = wanted->st_uid;
        if ((to_set & FUSE_SET_ATTR_GID) != 0) change.gid = wanted->st_gid;
        if ((to_set & FUSE_SET_ATTR_SIZE) != 0) change.size = static_cast<std::uint64_t>(wanted->st_size);
        if ((to_set & FUSE_SET_ATTR_MTIME) != 0)
            change.mtime_ns = static_cast<std::int64_t>(wanted->st_mtim.tv_sec) * 1'000'000'000 + wanted->st_mtim.tv_nsec;
        if ((to_set & FUSE_SET_ATTR_MTIME_NOW) != 0) {
            timespec now{};
            ::clock_gettime(CLOCK_REALTIME, &now);
            change.mtime_ns = static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
        }
        const auto pending = std::make_shared<Pending>(request);
        filesystem_of(request).set_attributes(
            inode, file != nullptr ? std::optional<Handle>(file->fh) : std::nullopt, change, pending->token(),
            [pending, inode](const Result<FileAttributes>& attributes) {
                pending->answer([&](fuse_req_t answered) {
                    if (!attributes) return void(fuse_reply_err(answered, errno_of(attributes.error())));
                    const struct stat result = stat_of(*attributes);
                    fuse_reply_attr(answered, &result, changes_by_itself(inode) ? kShortSeconds : kLongSeconds);
                });
            });
        pending->arm();
    });
}

void on_mkdir(fuse_req_t request, fuse_ino_t parent, const char* name, mode_t mode) {
    guarded(request, [&] {
        reply_entry(request, filesystem_of(request).make_directory(parent, name, mode, caller_of(request)));
    });
}

void reply_status(fuse_req_t request, const Status& status) { fuse_reply_err(request, status ? 0 : errno_of(status.error())); }

void on_unlink(fuse_req_t request, fuse_ino_t parent, const char* name) {
    guarded(request, [&] { reply_status(request, filesystem_of(request).remove(parent, name)); });
}

void on_rmdir(fuse_req_t request, fuse_ino_t parent, const char* name) {
    guarded(request, [&] { reply_status(request, filesystem_of(request).remove_directory(parent, name)); });
}

void on_rename(fuse_req_t request, fuse_ino_t parent, const char* name, fuse_ino_t new_parent, const char* new_name, unsigned flags) {
    guarded(request, [&] {
        if ((flags & ~static_cast<unsigned>(RENAME_NOREPLACE)) != 0) return void(fuse_reply_err(request, EINVAL));
        const auto pending = std::make_shared<Pending>(request);
        filesystem_of(request).rename(parent, name, new_parent, new_name, (flags & RENAME_NOREPLACE) != 0, pending->token(),
                                      [pending](const Status& status) { pending->answer_status(status); });
        pending->arm();
    });
}

void on_symlink(fuse_req_t request, const char*, fuse_ino_t, const char*) { fuse_reply_err(request, EPERM); }
void on_link(fuse_req_t request, fuse_ino_t, fuse_ino_t, const char*) { fuse_reply_err(request, EPERM); }

void on_readlink(fuse_req_t request, fuse_ino_t inode) {
    guarded(request, [&] {
        const auto pending = std::make_shared<Pending>(request);
        filesystem_of(request).read_link(inode, pending->token(), [pending](const Result<std::string>& target) {
            pending->answer([&](fuse_req_t answered) {
                if (!target) return void(fuse_reply_err(answered, errno_of(target.error())));
                fuse_reply_readlink(answered, target->c_str());
            });
        });
        pending->arm();
    });
}

void on_mknod(fuse_req_t request, fuse_ino_t parent, const char* name, mode_t mode, dev_t) {
    guarded(request, [&] {
        if (!S_ISREG(mode)) return void(fuse_reply_err(request, EPERM));
        Filesystem& filesystem = filesystem_of(request);
        const auto created = filesystem.create(parent, name, mode, true, true, caller_of(request));
        if (!created) return void(fuse_reply_err(request, errno_of(created.error())));
        filesystem.release(created->handle);
        reply_entry(request, created->attributes);
    });
}

void on_create(fuse_req_t request, fuse_ino_t parent, const char* name, mode_t mode, fuse_file_info* file) {
    guarded(request, [&] {
        const bool write = (file->flags & O_ACCMODE) != O_RDONLY;
        const auto created = filesystem_of(request).create(parent, name, mode, (file->flags & O_EXCL) != 0, write, caller_of(request),
                                                          (file->flags & O_TRUNC) != 0);
        if (!created) return void(fuse_reply_err(request, errno_of(created.error())));
        file->fh = created->handle;
        file->keep_cache = created->keep_cache;
        const fuse_entry_param entry = entry_of(created->attributes);
        if (fuse_reply_create(request, &entry, file) == -ENOENT) filesystem_of(request).release(created->handle);
    });
}

void on_open(fuse_req_t request, fuse_ino_t inode, fuse_file_info* file) {
    guarded(request, [&] {
        const int access = file->flags & O_ACCMODE;
        const auto opened = filesystem_of(request).open(inode, access != O_WRONLY, access != O_RDONLY,
                                                        (file->flags & O_TRUNC) != 0 && access != O_RDONLY);
        // The kernel found the name in its memory: after ESTALE it asks for it again.
        if (!opened) return void(fuse_reply_err(request, opened.error().code == Errc::not_found ? ESTALE : errno_of(opened.error())));
        file->fh = opened->handle;
        file->keep_cache = opened->keep_cache;
        file->noflush = access == O_RDONLY;
        if (fuse_reply_open(request, file) == -ENOENT) filesystem_of(request).release(opened->handle);
    });
}

void on_release(fuse_req_t request, fuse_ino_t, fuse_file_info* file) {
    guarded(request, [&] {
        filesystem_of(request).release(file->fh);
        fuse_reply_err(request, 0);
    });
}

void on_read(fuse_req_t request, fuse_ino_t, std::size_t size, off_t offset, fuse_file_info* file) {
    guarded(request, [&] {
        const auto pending = std::make_shared<Pending>(request);
        filesystem_of(request).read(file->fh, static_cast<std::uint64_t>(offset), size, pending->token(), [pending](const Result<ReadData>& data) {
            pending->answer([&](fuse_req_t answered) {
                if (!data) return void(fuse_reply_err(answered, errno_of(data.error())));
                if (data->fd < 0) return void(fuse_reply_buf(answered, reinterpret_cast<const char*>(data->bytes.data()), data->bytes.size()));
                fuse_bufvec buffer{};
                buffer.count = 1;
                buffer.buf[0].size = data->length;
                buffer.buf[0].flags = static_cast<fuse_buf_flags>(FUSE_BUF_IS_FD | FUSE_BUF_FD_SEEK);
                buffer.buf[0].fd = data->fd;
                buffer.buf[0].pos = static_cast<off_t>(data->offset);
                fuse_reply_data(answered, &buffer, FUSE_BUF_SPLICE_MOVE);
            });
        });
        pending->arm();
    });
}

void on_write(fuse_req_t request, fuse_ino_t, const char* data, std::size_t size, off_t offset, fuse_file_info* file) {
    guarded(request, [&] {
        const auto pending = std::make_shared<Pending>(request);
        filesystem_of(request).write(file->fh, static_cast<std::uint64_t>(offset), std::as_bytes(std::span(data, size)), pending->token(),
                                     [pending, size](const Status& status) {
                                         pending->answer([&](fuse_req_t answered) {
                                             if (status)
                                                 fuse_reply_write(answered, size);
                                             else
                                                 fuse_reply_err(answered, errno_of(status.error()));
                                         });
                                     });
        pending->arm();
    });
}

void on_flush(fuse_req_t request, fuse_ino_t, fuse_file_info* file) {
    guarded(request, [&] {
        const auto pending = std::make_shared<Pending>(request);
        filesystem_of(request).flush(file->fh, caller_of(request), pending->token(),
                                     [pending](const Status& status) { pending->answer_status(status); });
        pending->arm();
    });
}

void on_fsync(fuse_req_t request, fuse_ino_t, int, fuse_file_info* file) {
    guarded(request, [&] {
        const auto pending = std::make_shared<Pending>(request);
        filesystem_of(request).fsync(file->fh, pending->token(), [pending](const Status& status) { pending->answer_status(status); });
        pending->arm();
    });
}

void on_fsyncdir(fuse_req_t request, fuse_ino_t inode, int, fuse_file_info*) {
    guarded(request, [&] {
        const auto pending = std::make_shared<Pending>(request);
        filesystem_of(request).fsync_directory(inode, pending->token(), [pending](const Status& status) { pending->answer_status(status); });
        pending->arm();
    });
}

void answer_opendir(fuse_req_t request, fuse_ino_t inode, fuse_file_info* file) {
    Filesystem& filesystem = filesystem_of(request);  // the reply ends the request
    const auto opened = filesystem.open_directory(inode);
    if (!opened) return void(fuse_reply_err(request, errno_of(opened.error())));
    file->fh = *opened;
    file->cache_readdir = file->keep_cache = !changes_by_itself(inode);
    if (fuse_reply_open(request, file) == -ENOENT) filesystem.close_directory(*opened);
}

void on_opendir(fuse_req_t request, fuse_ino_t inode, fuse_file_info* file) {
    guarded(request, [&] {
        if (!is_virtual(inode)) return answer_opendir(request, inode, file);
        when_prepared(request, inode, [inode, info = *file](fuse_req_t answered) {
            fuse_file_info opened = info;
            answer_opendir(answered, inode, &opened);
        });
    });
}

void read_directory(fuse_req_t request, fuse_ino_t inode, std::size_t size, off_t offset, fuse_file_info* file, bool plus) {
    guarded(request, [&] {
        std::vector<char> buffer(size);
        std::size_t used = 0;
        // Positions: 0 ".", 1 "..", then the directory's items; an entry's offset is that of the next one.
        off_t position = offset;
        bool full = false;
        const auto add = [&](const char* name, const FileAttributes& attributes) {
            std::size_t length = 0;
            if (plus) {
                const fuse_entry_param entry = entry_of(attributes);
                length = fuse_add_direntry_plus(request, buffer.data() + used, size - used, name, &entry, position + 1);
            } else {
                const struct stat result = stat_of(attributes);
                length = fuse_add_direntry(request, buffer.data() + used, size - used, name, &result, position + 1);
            }
            if (length > size - used) {
                full = true;
                return false;
            }
            used += length;
            return true;
        };
        for (const char* dots : {".", ".."}) {
            if (position > (dots[1] == '.' ? 1 : 0)) continue;
            FileAttributes attributes;
            attributes.inode = inode;
            attributes.directory = true;
            if (!add(dots, attributes)) break;
            position += 1;
        }
        if (!full) {
            const Status status = filesystem_of(request).read_directory(
                file->fh, static_cast<std::uint64_t>(position - 2), plus, [&](const DirectoryItem& item) {
                    if (!item.name.empty() && !add(item.name.c_str(), item.attributes)) return false;
                    position += 1;
                    return true;
                });
            if (!status) return void(fuse_reply_err(request, errno_of(status.error())));
        }
        fuse_reply_buf(request, buffer.data(), used);
    });
}

void on_readdir(fuse_req_t request, fuse_ino_t inode, std::size_t size, off_t offset, fuse_file_info* file) {
    read_directory(request, inode, size, offset, file, false);
}
void on_readdirplus(fuse_req_t request, fuse_ino_t inode, std::size_t size, off_t offset, fuse_file_info* file) {
    read_directory(request, inode, size, offset, file, true);
}

void on_releasedir(fuse_req_t request, fuse_ino_t, fuse_file_info* file) {
    filesystem_of(request).close_directory(file->fh);
    fuse_reply_err(request, 0);
}

void on_statfs(fuse_req_t request, fuse_ino_t inode) {
    guarded(request, [&] {
        const auto space = filesystem_of(request).space(inode);
        if (!space) return void(fuse_reply_err(request, errno_of(space.error())));
        struct statvfs result {};
        constexpr std::uint64_t kUnit = 4096;
        result.f_bsize = result.f_frsize = kUnit;
        result.f_blocks = space->total_bytes / kUnit;
        result.f_bfree = result.f_bavail = space->free_bytes / kUnit;
        result.f_files = space->files + 1'000'000'000;
        result.f_ffree = result.f_favail = 1'000'000'000;
        result.f_namemax = 255;
        fuse_reply_statfs(request, &result);
    });
}

void reply_bytes(fuse_req_t request, const std::string& value, std::size_t size) {
    if (size == 0)
        fuse_reply_xattr(request, value.size());
    else if (value.size() > size)
        fuse_reply_err(request, ERANGE);
    else
        fuse_reply_buf(request, value.data(), value.size());
}

void on_getxattr(fuse_req_t request, fuse_ino_t inode, const char* name, std::size_t size) {
    guarded(request, [&] {
        // Asked before every write(2) and by every `ls -l`: answered without a look at anything.
        if (std::strncmp(name, "user.", 5) != 0) return void(fuse_reply_err(request, EOPNOTSUPP));
        const auto value = filesystem_of(request).xattr(inode, name);
        if (!value) return void(fuse_reply_err(request, xattr_errno(value.error())));
        reply_bytes(request, *value, size);
    });
}

void on_listxattr(fuse_req_t request, fuse_ino_t inode, std::size_t size) {
    guarded(request, [&] {
        const auto names = filesystem_of(request).xattr_names(inode);
        if (!names) return void(fuse_reply_err(request, errno_of(names.error())));
        std::string list;
        for (const std::string& name : *names) list.append(name).push_back('\0');
        reply_bytes(request, list, size);
    });
}

void on_setxattr(fuse_req_t request, fuse_ino_t inode, const char* name, const char* value, std::size_t size, int flags) {
    guarded(request, [&] {
        const Status status = filesystem_of(request).set_xattr(inode, name, std::string(value, size), (flags & XATTR_CREATE) != 0,
                                                               (flags & XATTR_REPLACE) != 0);
        fuse_reply_err(request, status ? 0 : xattr_errno(status.error()));
    });
}

void on_removexattr(fuse_req_t request, fuse_ino_t inode, const char* name) {
    guarded(request, [&] {
        const Status status = filesystem_of(request).remove_xattr(inode, name);
        fuse_reply_err(request, status ? 0 : xattr_errno(status.error()));
    });
}

}  // namespace

fuse_lowlevel_ops operations() {
    fuse_lowlevel_ops ops{};
    ops.init = on_init;
    ops.lookup = on_lookup;
    ops.forget = on_forget;
    ops.forget_multi = on_forget_multi;
    ops.getattr = on_getattr;
    ops.setattr = on_setattr;
    ops.mkdir = on_mkdir;
    ops.mknod = on_mknod;
    ops.unlink = on_unlink;
    ops.rmdir = on_rmdir;
    ops.rename = on_rename;
    ops.symlink = on_symlink;
    ops.link = on_link;
    ops.readlink = on_readlink;
    ops.create = on_create;
    ops.open = on_open;
    ops.release = on_release;
    ops.read = on_read;
    ops.write = on_write;
    ops.flush = on_flush;
    ops.fsync = on_fsync;
    ops.fsyncdir = on_fsyncdir;
    ops.opendir = on_opendir;
    ops.readdir = on_readdir;
    ops.readdirplus = on_readdirplus;
    ops.releasedir = on_releasedir;
    ops.statfs = on_statfs;
    ops.getxattr = on_getxattr;
    ops.listxattr = on_listxattr;
    ops.setxattr = on_setxattr;
    ops.removexattr = on_removexattr;
    return ops;
}

}  // namespace oracxfs::fuse
