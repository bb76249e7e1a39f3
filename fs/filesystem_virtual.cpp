// Filesystem: the folder in the root that somebody else makes up.

#include "fs/filesystem_impl.h"

namespace oracxfs {

void Filesystem::set_virtual_folder(std::shared_ptr<VirtualFolder> folder) {
    const std::lock_guard lock(impl_->virtual_mutex);
    impl_->made_up_folder.swap(folder);  // the old one goes after the lock
}

std::shared_ptr<VirtualFolder> Filesystem::Impl::virtual_folder() const {
    const std::lock_guard lock(virtual_mutex);
    return made_up_folder && made_up_folder->enabled() ? made_up_folder : nullptr;
}

Result<std::shared_ptr<VirtualFolder>> Filesystem::Impl::virtual_folder_for(Inode) const {
    auto folder = virtual_folder();
    if (!folder) return fail(Errc::not_found, "look into a folder", "it is switched off");
    return folder;
}

bool Filesystem::Impl::is_virtual_name(std::string_view name) const {
    const auto folder = virtual_folder();
    return folder && folder->name() == name;
}

FileAttributes Filesystem::Impl::virtual_attributes(const VirtualItem& item) const {
    FileAttributes attributes;
    attributes.inode = kVirtualBit | item.id;
    attributes.directory = item.directory || item.id == 0;
    attributes.symlink = item.symlink;
    attributes.mode = item.id == 0 ? 0555 : item.symlink ? 0777 : item.mode & 0555;
    attributes.uid = options.uid;
    attributes.gid = options.gid;
    attributes.size = item.size;
    attributes.mtime_ns = attributes.ctime_ns = item.id == 0 ? started_ns : item.mtime_ns;
    attributes.links = attributes.directory ? 2 : 1;
    return attributes;
}

void Filesystem::prepare(Inode inode, const std::stop_token& stop, std::function<void(Status)> done) {
    Impl& self = *impl_;
    const auto folder = is_virtual(inode) ? self.virtual_folder() : nullptr;
    if (!folder || folder->is_ready(virtual_id(inode))) return done({});
    self.virtual_workers.post([folder, id = virtual_id(inode), stop, done = std::move(done)] { done(folder->prepare(id, stop)); });
}

Result<FileAttributes> Filesystem::Impl::look_up_virtual(Inode parent, const std::string& name) {
    ORACX_TRY(const auto folder, virtual_folder_for(parent));
    ORACX_TRY(const VirtualItem item, folder->find(virtual_id(parent), name));
    return virtual_attributes(item);
}

Result<Handle> Filesystem::Impl::open_virtual_directory(Inode inode) {
    ORACX_TRY(const auto folder, virtual_folder_for(inode));
    auto opened = std::make_shared<OpenDirectory>();
    opened->is_made_up = true;
    ORACX_TRY(opened->made_up, folder->list(virtual_id(inode)));
    const std::lock_guard lock(handles_mutex);
    const Handle handle = next_handle++;
    directories[handle] = std::move(opened);
    return handle;
}

Result<Filesystem::Opened> Filesystem::Impl::open_virtual(Inode inode, bool for_write) {
    if (for_write) return fail(Errc::read_only, "open", "backups are browsed, not changed");
    ORACX_TRY(const auto folder, virtual_folder_for(inode));
    ORACX_TRY(const VirtualItem item, folder->item(virtual_id(inode)));
    if (item.directory) return fail(Errc::is_directory, "open " + item.name);
    ORACX_TRY(auto file, folder->open(item.id));
    Opened opened;
    opened.attributes = virtual_attributes(item);
    opened.keep_cache = true;  // an id never stands for other bytes
    const std::lock_guard lock(handles_mutex);
    opened.handle = next_handle++;
    handles[opened.handle] = std::make_shared<OpenHandle>(nullptr, 0, false, false, std::move(file));
    return opened;
}

void Filesystem::read_link(Inode inode, const std::stop_token& stop, std::function<void(Result<std::string>)> done) {
    Impl& self = *impl_;
    const auto folder = is_virtual(inode) ? self.virtual_folder() : nullptr;
    if (!folder) return done(fail(Errc::invalid, "read a link", "it is none"));
    self.virtual_workers.post([folder, id = virtual_id(inode), stop, done = std::move(done)] { done(folder->read_link(id, stop)); });
}

void Filesystem::Impl::read_virtual(const std::shared_ptr<VirtualFile>& file, std::uint64_t offset, std::size_t size, const std::stop_token& stop,
                                    std::function<void(Result<ReadData>)> done) {
    virtual_workers.post([file, offset, size, stop, done = std::move(done)] {
        ReadData data;
        data.bytes.resize(size);
        const auto got = file->read_at(offset, data.bytes, stop);
        if (!got) return done(fail(got.error()));
        data.bytes.resize(*got);
        done(std::move(data));
    });
}

}  // namespace oracxfs
