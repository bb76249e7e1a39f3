// Filesystem: handles and reading.

#include <algorithm>

#include "fs/filesystem_impl.h"
#include "fs/temp_names.h"

namespace oracxfs {
Result<std::shared_ptr<OpenHandle>> Filesystem::Impl::handle(Handle h) {
    const std::lock_guard lock(handles_mutex);
    const auto found = handles.find(h);
    if (found == handles.end()) return fail(Errc::invalid, "file handle", "it is not open");
    return found->second;
}

// --- open and close ----------------------------------------------------------------------------------------------------

Result<Filesystem::Opened> Filesystem::create(Inode parent, const std::string& name, std::uint32_t mode, bool exclusive,
                                              bool for_write, const Caller& caller, bool truncate) {
    Impl& self = *impl_;
    if (is_virtual(parent)) return fail(Errc::read_only, "create " + name, "backups are browsed, not changed");
    const View view = view_of(parent);
    ORACX_TRY(const NodePtr directory, self.node_at(view));
    if (!directory->directory) return fail(Errc::not_directory, "create " + name);
    ORACX_TRYV(self.check_new_name(*directory, view.provider, name));
    ORACX_TRYV(self.check_any_provider("create " + name));
    Opened opened;
    NodePtr node;
    bool made = false;
    {
        const std::unique_lock lock(self.tree.mutex);
        if (directory->unlinked) return fail(Errc::not_found, "create " + name);
        ORACX_TRY(Node* const existing, self.tree.child(*directory, name));
        if (existing != nullptr) {
            // Also a file that this provider's folder does not show yet: it exists.
            if (exclusive || existing->directory) return fail(Errc::exists, "create " + name);
            node = self.tree.find(existing->row.id);
        } else {
            ORACX_TRY(const NodeId id, self.catalog.reserve_node());
            NodeRow row;
            row.id = id;
            row.parent = directory->row.id;
            row.name = name;
            row.mode = mode & 07777;
            row.uid = caller.uid;
            row.gid = caller.gid;
            row.mtime_ns = row.ctime_ns = row.created_ns = nanoseconds_now(self.clock);
            row.local_only = is_temporary_name(name);
            node = self.tree.add(row, directory.get());
            directory->row.mtime_ns = directory->row.ctime_ns = row.mtime_ns;
        }
        made = existing == nullptr;
        if (view.provider != 0) node->present |= ProviderMask{1} << view.provider;  // its writer may look at it there
        node->references += 1;
        node->pin();
        opened.keep_cache = made;
    }
    const bool emptied = !made && truncate && for_write;
    {
        FileState& state = node->state();
        const std::lock_guard lock(state.mutex);
        if (for_write) state.writers += 1;
        if (emptied) self.empty(state, view.provider);
        if (!node->stored) state.dirty = true;  // its existence has to be recorded at close
    }
    {
        const std::shared_lock lock(self.tree.mutex);
        opened.attributes = self.attributes_of(*node, view.provider);
    }
    if (for_write) self.open_writers += 1;
    self.changed_elsewhere(view.provider, directory->row.id, name, {});
    const std::lock_guard lock(self.handles_mutex);
    opened.handle = self.next_handle++;
    const auto handle = std::make_shared<OpenHandle>(node, view.provider, for_write, false, nullptr);
    handle->began = made || emptied;
    self.handles[opened.handle] = handle;
    return opened;
}

void Filesystem::Impl::empty(FileState& state, std::int64_t provider) {
    // The old content stays current until something is committed: an interrupted overwrite loses nothing.
    if (state.writer && !state.writer->truncate(0)) state.failed = true;
    if (!state.writer) state.truncated = true;
    state.dirty = true;
    state.wrote_bytes = false;
    if (provider != 0) state.not_through_root = true;
    state.live_size = 0;
    state.mtime_ns = nanoseconds_now(clock);
}

Result<Filesystem::Opened> Filesystem::open(Inode inode, bool for_read, bool for_write, bool truncate) {
    Impl& self = *impl_;
    if (is_virtual(inode)) return self.open_virtual(inode, for_write);
    Opened opened;
    if (inode == kReadmeInode) {
        if (for_write) return fail(Errc::read_only, "README.txt");
        opened.attributes = self.readme_attributes();
        opened.keep_cache = true;
        const std::lock_guard lock(self.handles_mutex);
        opened.handle = self.next_handle++;
        self.handles[opened.handle] = std::make_shared<OpenHandle>(nullptr, 0, false, true, nullptr);
        return opened;
    }
    const View view = view_of(inode);
    ORACX_TRY(const NodePtr node, self.node_at(view));
    if (node->directory) return fail(Errc::is_directory, "open " + self.name_of(*node));
    if (for_write) {
        ORACX_TRYV(self.check_writable(view.provider));
        ORACX_TRYV(self.check_any_provider("write " + self.name_of(*node)));
    }
    if (for_read) ORACX_TRYV(self.check_online(*node, view.provider));
    {
        const std::unique_lock lock(self.tree.mutex);
        // Replaced or removed through another view, which the kernel does not know yet. (Of what is open, another descriptor
        // may be had, by /proc.)
        if (node->unlinked && node->handles == 0) return fail(Errc::not_found, "open " + node->row.name);
        node->pin();
        // The kernel's pages are good while the content is the one it read; a provider's folder shows what that provider
        // holds now, so it is never served from the kernel's memory.
        opened.keep_cache = view.provider == 0 && node->state().live_size < 0 && node->kernel_version == node->row.version;
        if (view.provider == 0) node->kernel_version = node->row.version;
    }
    if (for_write) {
        FileState& state = node->state();
        const std::lock_guard lock(state.mutex);
        state.writers += 1;
        if (truncate) self.empty(state, view.provider);
    }
    {
        const std::shared_lock lock(self.tree.mutex);
        opened.attributes = self.attributes_of(*node, view.provider);
    }
    if (for_write) self.open_writers += 1;
    const std::lock_guard lock(self.handles_mutex);
    opened.handle = self.next_handle++;
    const auto handle = std::make_shared<OpenHandle>(node, view.provider, for_write, false, nullptr);
    handle->began = for_write && truncate;
    self.handles[opened.handle] = handle;
    return opened;
}

void Filesystem::release(Handle h) {
    Impl& self = *impl_;
    std::shared_ptr<OpenHandle> closed;
    {
        const std::lock_guard lock(self.handles_mutex);
        const auto found = self.handles.find(h);
        if (found == self.handles.end()) return;
        closed = std::move(found->second);
        self.handles.erase(found);
    }
    if (closed->made_up) {
        // Closing may come back to us, so not in the caller.
        self.virtual_workers.post([closed]() mutable { closed.reset(); });
        return;
    }
    if (closed->readme) return;
    if (closed->for_write) self.open_writers -= 1;
    // Commits what was never flushed (late mmap pages, an empty file of a process that is not known); may sync, so not in
    // the caller.
    const bool may_commit = closed->for_write || closed->began;
    const auto ticket = may_commit ? std::optional(self.commits.enter()) : std::nullopt;
    self.workers.post([this, closed, may_commit, ticket] {
        Impl& me = *impl_;
        const std::shared_ptr<void> through(nullptr, [&me, &ticket](void*) {
            if (ticket) me.commits.leave(*ticket);
        });
        Node& node = *closed->node;
        FileState& state = node.state();
        bool commit = false;
        VersionId given_up;
        NodeId id;
        {
            const std::lock_guard lock(state.mutex);
            {
                const std::shared_lock tree_lock(me.tree.mutex);
                id = node.row.id;
            }
            if (closed->for_write) state.writers -= 1;
            commit = may_commit && state.writers == 0 && state.dirty;
            if (state.writers == 0 && node.unlinked) {
                given_up = state.writer_version;
                state.writer.reset();  // nobody can reach it any more; a running upload of it ends
                commit = false;
                state.dirty = false;
            }
        }
        if (given_up) me.replicator.end_stream(given_up);
        if (commit) {
            const std::lock_guard lock(state.mutex);
            if (state.dirty)
                if (const Status status = me.commit(closed->node, state, state.failed); !status)
                    me.event("error", "commit", me.name_of(node), status.error().code, status.error().to_string());
        }
        if (may_commit) me.changed_elsewhere(closed->provider, {}, {}, id);
        bool temporary = false;
        {
            const std::unique_lock lock(me.tree.mutex);
            temporary = node.handles == 1 && node.row.local_only && !node.row.torn && !node.unlinked;
            me.unpin(closed->node);
        }
        if (temporary) {
            const std::lock_guard lock(me.temporaries_mutex);
            me.temporaries[id] = me.clock.steady();
        }
    });
}

void Filesystem::read_in_pieces(Handle h, bool in_pieces) {
    if (const auto opened = impl_->handle(h)) (*opened)->in_pieces = in_pieces;
}

// --- reading -----------------------------------------------------------------------------------------------------------

void Filesystem::read(Handle h, std::uint64_t offset, std::size_t size, const std::stop_token& stop,
                      std::function<void(Result<ReadData>)> done) {
    Impl& self = *impl_;
    const auto opened = self.handle(h);
    if (!opened) return done(fail(opened.error()));
    if ((*opened)->made_up) return self.read_virtual((*opened)->made_up, offset, size, stop, std::move(done));
    ReadData data;
    if ((*opened)->readme) {
        const std::string& text = self.options.readme;
        if (offset < text.size()) {
            const auto part = std::as_bytes(std::span(text)).subspan(offset, std::min(size, text.size() - static_cast<std::size_t>(offset)));
            data.bytes.assign(part.begin(), part.end());
        }
        return done(std::move(data));
    }
    const NodePtr node = (*opened)->node;
    const std::int64_t provider = (*opened)->provider;
    FileState& state = node->state();
    std::shared_ptr<ReplicaReader> reader;
    std::shared_ptr<StagedBlob> staged;
    {
        const std::lock_guard lock(state.mutex);
        if (state.writer) {
            data.bytes.resize(size);
            const auto got = state.writer->read_at(offset, data.bytes);
            if (!got) return done(fail(got.error()));
            data.bytes.resize(*got);
            return done(std::move(data));
        }
        if (state.truncated) return done(std::move(data));
        if (const Status loaded = self.load_content(*node, state); !loaded) return done(fail(loaded.error()));
        if (provider == 0)
            if (const Status good = self.check_sealed(*node, state, offset, size); !good) return done(fail(good.error()));
        if (provider != 0) {
            const auto found = state.provider_readers.find(provider);
            if (found != state.provider_readers.end()) reader = found->second;
        } else if (state.sealed) {
            const std::uint64_t length = state.sealed->size().value_or(0);
            if (offset < length) {
                data.offset = offset;
                data.length = static_cast<std::size_t>(std::min<std::uint64_t>(size, length - offset));
                staged = state.sealed;
                data.fd = staged->fd();
                data.keeps_open = staged;
            }
        } else {
            reader = state.reader;
        }
    }
    if (provider != 0 && !reader) {
        // A provider's folder shows exactly that provider's bytes.
        VersionId version;
        {
            const std::shared_lock lock(self.tree.mutex);
            version = node->row.version;
        }
        if (!version) return done(std::move(data));
        auto digests = self.catalog.digests(version);
        if (!digests) return done(fail(digests.error()));
        reader = self.make_reader(version, std::make_shared<const ContentDigests>(std::move(*digests)), ProviderId{provider});
        const std::lock_guard lock(state.mutex);
        reader = state.provider_readers.try_emplace(provider, reader).first->second;
    }
    if (!reader) {
        if (staged && data.fd < 0) {
            data.bytes.resize(data.length);
            const auto got = staged->read_at(data.offset, data.bytes, stop);
            if (!got) return done(fail(got.error()));
            data.bytes.resize(*got);
        }
        return done(std::move(data));
    }
    if (auto ready = provider == 0 ? reader->ready_file(offset, size) : std::nullopt) {
        data.fd = ready->file->fd();
        data.keeps_open = std::move(ready->file);
        data.offset = offset;
        data.length = ready->length;
        return done(std::move(data));
    }
    data.bytes.resize(size);
    if (const auto ready = provider == 0 ? reader->read_ready(offset, data.bytes) : std::nullopt) {
        data.bytes.resize(*ready);
        return done(std::move(data));
    }
    self.workers.post([reader, offset, stop, in_pieces = (*opened)->in_pieces.load(), data = std::move(data), done = std::move(done)]() mutable {
        const auto got = reader->read_at(offset, data.bytes, stop, in_pieces);
        if (!got) return done(fail(got.error()));
        data.bytes.resize(*got);
        done(std::move(data));
    });
}

}  // namespace oracxfs
