// Filesystem: handles, reading and writing.

#include <algorithm>
#include <cstdio>
#include <fstream>

#include "fs/filesystem_impl.h"
#include "fs/temp_names.h"

namespace oracxfs {
namespace {

// Calls back exactly once, whoever comes first: the brake's release or an interrupt.
struct Once {
    explicit Once(std::function<void(Status)> callback) : done(std::move(callback)) {}
    void operator()(Status status) {
        if (!used.exchange(true)) done(std::move(status));
    }
    std::function<void(Status)> done;
    std::atomic<bool> used{false};
    std::optional<std::stop_callback<std::function<void()>>> on_stop;
};

// A process that was killed closes its files too; then what it wrote is a torn piece. Linux tells by the flags of the
// closing task: PF_EXITING and PF_SIGNALED (include/linux/sched.h).
bool killed_by_signal(std::int32_t pid) {
    if (pid <= 0) return false;
    std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
    std::string line;
    if (!std::getline(stat, line)) return false;
    const std::size_t end = line.rfind(')');
    if (end == std::string::npos) return false;
    unsigned long flags = 0;
    char state = 0;
    int ppid = 0, pgrp = 0, session = 0, tty = 0, tpgid = 0;
    if (std::sscanf(line.c_str() + end + 1, " %c %d %d %d %d %d %lu", &state, &ppid, &pgrp, &session, &tty, &tpgid, &flags) != 7)
        return false;
    constexpr unsigned long kExiting = 0x4, kSignaled = 0x400;
    return (flags & kExiting) != 0 && (flags & kSignaled) != 0;
}

}  // namespace

Result<std::shared_ptr<OpenHandle>> Filesystem::Impl::handle(Handle h) {
    const std::lock_guard lock(handles_mutex);
    const auto found = handles.find(h);
    if (found == handles.end()) return fail(Errc::invalid, "file handle", "it is not open");
    return found->second;
}

// --- open and close ----------------------------------------------------------------------------------------------------

Result<Filesystem::Opened> Filesystem::create(Inode parent, const std::string& name, std::uint32_t mode, bool exclusive,
                                              bool for_write, const Caller& caller) {
    Impl& self = *impl_;
    const View view = view_of(parent);
    ORACX_TRY(const NodePtr directory, self.node_at(view));
    if (!directory->directory) return fail(Errc::not_directory, "create " + name);
    ORACX_TRYV(self.check_new_name(*directory, view.provider, name));
    if (self.replicator.active().empty())
        return fail(Errc::read_only, "create " + name, "no provider is configured");
    Opened opened;
    NodePtr node;
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
        if (view.provider != 0) node->present |= ProviderMask{1} << view.provider;  // its writer may look at it there
        node->references += 1;
        node->pin();
        opened.attributes = self.attributes_of(*node, view.provider);
        opened.keep_cache = existing == nullptr;
    }
    {
        const std::lock_guard lock(node->state().mutex);
        if (for_write) node->state().writers += 1;
        if (!node->stored) node->state().dirty = true;  // its existence has to be recorded at close
    }
    if (for_write) self.open_writers += 1;
    self.changed_elsewhere(view.provider, directory->row.id, name, {});
    const std::lock_guard lock(self.handles_mutex);
    opened.handle = self.next_handle++;
    self.handles[opened.handle] = std::make_shared<OpenHandle>(OpenHandle{node, view.provider, for_write, false});
    return opened;
}

Result<Filesystem::Opened> Filesystem::open(Inode inode, bool for_read, bool for_write, bool truncate) {
    Impl& self = *impl_;
    (void)for_read;
    Opened opened;
    if (inode == kReadmeInode) {
        if (for_write) return fail(Errc::read_only, "README.txt");
        opened.attributes = self.readme_attributes();
        opened.keep_cache = true;
        const std::lock_guard lock(self.handles_mutex);
        opened.handle = self.next_handle++;
        self.handles[opened.handle] = std::make_shared<OpenHandle>(OpenHandle{nullptr, 0, false, true});
        return opened;
    }
    if (for_write) {
        ORACX_TRYV(self.check_writable());
        if (self.replicator.active().empty()) return fail(Errc::read_only, "open", "no provider is configured");
    }
    const View view = view_of(inode);
    ORACX_TRY(const NodePtr node, self.node_at(view));
    if (node->directory) return fail(Errc::is_directory, "open " + self.name_of(*node));
    {
        const std::unique_lock lock(self.tree.mutex);
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
        if (truncate) {
            // The old content stays current until something is committed: an interrupted overwrite loses nothing.
            if (state.writer && !state.writer->truncate(0)) state.failed = true;
            if (!state.writer) state.truncated = true;
            state.dirty = true;
            state.wrote_bytes = false;
            state.live_size = 0;
            state.mtime_ns = nanoseconds_now(self.clock);
        }
    }
    {
        const std::shared_lock lock(self.tree.mutex);
        opened.attributes = self.attributes_of(*node, view.provider);
    }
    if (for_write) self.open_writers += 1;
    const std::lock_guard lock(self.handles_mutex);
    opened.handle = self.next_handle++;
    self.handles[opened.handle] = std::make_shared<OpenHandle>(OpenHandle{node, view.provider, for_write, false});
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
    if (closed->readme) return;
    if (closed->for_write) self.open_writers -= 1;
    // Commits what was never flushed (an empty file, late mmap pages); may sync, so not in the caller.
    self.workers.post([this, closed] {
        Impl& me = *impl_;
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
            commit = closed->for_write && state.writers == 0 && state.dirty;
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
        if (closed->for_write) me.changed_elsewhere(closed->provider, {}, {}, id);
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

// --- reading -----------------------------------------------------------------------------------------------------------

void Filesystem::read(Handle h, std::uint64_t offset, std::size_t size, const std::stop_token& stop,
                      std::function<void(Result<ReadData>)> done) {
    Impl& self = *impl_;
    const auto opened = self.handle(h);
    if (!opened) return done(fail(opened.error()));
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
                data.file = state.sealed;
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
        if (data.file && data.file->fd() < 0) {
            data.bytes.resize(data.length);
            const auto got = data.file->read_at(data.offset, data.bytes, stop);
            if (!got) return done(fail(got.error()));
            data.bytes.resize(*got);
            data.file.reset();
        }
        return done(std::move(data));
    }
    data.bytes.resize(size);
    if (const auto ready = provider == 0 ? reader->read_ready(offset, data.bytes) : std::nullopt) {
        data.bytes.resize(*ready);
        return done(std::move(data));
    }
    self.workers.post([reader, offset, stop, data = std::move(data), done = std::move(done)]() mutable {
        const auto got = reader->read_at(offset, data.bytes, stop);
        if (!got) return done(fail(got.error()));
        data.bytes.resize(*got);
        done(std::move(data));
    });
}

// --- writing -----------------------------------------------------------------------------------------------------------

void Filesystem::write(Handle h, std::uint64_t offset, std::span<const std::byte> data, const std::stop_token& stop,
                       std::function<void(Status)> done) {
    Impl& self = *impl_;
    const auto opened = self.handle(h);
    if (!opened) return done(fail(opened.error()));
    if (!(*opened)->for_write) return done(fail(Errc::invalid, "write", "the file is not open for writing"));
    const NodePtr node = (*opened)->node;
    FileState& state = node->state();
    const auto apply = [&self, node, &state, offset](std::span<const std::byte> bytes) -> Status {
        const Status written = state.writer->write_at(offset, bytes);
        if (!written) {
            state.failed = true;
            return written;
        }
        state.dirty = state.wrote_bytes = true;
        state.live_size = static_cast<std::int64_t>(state.writer->size());
        state.mtime_ns = nanoseconds_now(self.clock);
        return {};
    };
    bool would_wait = false;
    {
        const std::lock_guard lock(state.mutex);
        Status status = self.begin_writer(*node, state, false, stop, &would_wait);
        if (!would_wait) {
            if (status) status = apply(data);
            if (!status) return done(std::move(status));
        }
    }
    if (!would_wait) return self.after_write(*node, state, std::move(done), stop);
    // The old content has to be copied (or even fetched) first.
    std::vector<std::byte> kept(data.begin(), data.end());
    self.workers.post([this, node, apply, kept = std::move(kept), stop, done = std::move(done)]() mutable {
        FileState& its = node->state();
        Status status;
        {
            const std::lock_guard lock(its.mutex);
            status = impl_->begin_writer(*node, its, true, stop, nullptr);
            if (status) status = apply(kept);
        }
        if (!status) return done(std::move(status));
        impl_->after_write(*node, its, std::move(done), stop);
    });
}

void Filesystem::Impl::after_write(Node& node, FileState& state, std::function<void(Status)> done, const std::stop_token& stop) {
    std::shared_ptr<BlobReader> growing;
    std::optional<VersionId> replaces;
    VersionId version;
    std::string key;
    std::uint64_t written = 0;
    std::int64_t mtime = 0;
    {
        const std::lock_guard lock(state.mutex);
        const std::shared_lock tree_lock(tree.mutex);
        if (!state.writer) return done({});
        version = state.writer_version;
        written = state.writer->size();
        if (!state.streaming && !node.row.local_only && !node.unlinked && options.stream_from_bytes > 0 &&
            state.writer->contiguous() >= options.stream_from_bytes && state.writer->contiguous() == written) {
            state.streaming = true;
            growing = state.writer->growing();
            key = tree.path(node);
            if (node.row.version) replaces = node.row.version;
            mtime = state.mtime_ns;
        }
        if (!state.streaming) return done({});
    }
    if (growing) replicator.begin_stream(version, key, replaces, growing, mtime);
    if (options.ack.mode == AckPolicy::Mode::journal) return done({});
    const auto once = std::make_shared<Once>(std::move(done));
    const std::uint32_t needed = options.ack.mode == AckPolicy::Mode::quorum ? options.ack.quorum : UINT32_MAX;
    if (!replicator.must_pause(version, written, needed, [once] { (*once)(Status()); })) return (*once)(Status());
    // The bytes are taken: an interrupted writer just goes on. Not from inside the stop_callback: libfuse holds its lock.
    once->on_stop.emplace(stop, [this, weak = std::weak_ptr(once)] {
        if (const auto self = weak.lock())
            workers.post([self] { (*self)(Status()); });
    });
}

void Filesystem::set_attributes(Inode inode, std::optional<Handle> h, const AttributeChange& change,
                                const std::stop_token& stop, std::function<void(Result<FileAttributes>)> done) {
    Impl& self = *impl_;
    if (inode == kReadmeInode) return done(fail(Errc::read_only, "README.txt"));
    if (const Status writable = self.check_writable(); !writable) return done(fail(writable.error()));
    const View view = view_of(inode);
    if (view.provider != 0 && view.node == kRootNode) return done(fail(Errc::not_permitted, "change a provider's folder"));
    const auto found = self.node_at(view);
    if (!found) return done(fail(found.error()));
    const NodePtr node = *found;
    {
        const std::unique_lock lock(self.tree.mutex);
        NodeRow row = node->row;
        if (change.mode) row.mode = *change.mode & 07777;
        if (change.uid) row.uid = *change.uid;
        if (change.gid) row.gid = *change.gid;
        if (change.mtime_ns) row.mtime_ns = *change.mtime_ns;
        row.ctime_ns = nanoseconds_now(self.clock);
        const bool other = change.mode || change.uid || change.gid || change.mtime_ns;
        if (other && node->stored)
            if (const Status kept = self.catalog.set_attributes(row); !kept) return done(fail(kept.error()));
        if (other) node->row = row;
        if (change.mtime_ns && node->file && node->file->mtime_ns != 0) node->file->mtime_ns = *change.mtime_ns;
        if (change.size && !node->directory) node->pin();
    }
    const auto answer = [this, node, view, done] {
        const std::shared_lock lock(impl_->tree.mutex);
        done(impl_->attributes_of(*node, view.provider));
    };
    if (!change.size) return answer();
    if (node->directory) return done(fail(Errc::is_directory, "truncate"));
    self.workers.post([this, node, size = *change.size, through_handle = h.has_value(), stop, answer, done] {
        Impl& me = *impl_;
        FileState& state = node->state();
        const std::shared_ptr<void> pinned(nullptr, [&me, node](void*) {
            const std::unique_lock lock(me.tree.mutex);
            me.unpin(node);
        });
        Status status;
        {
            const std::lock_guard lock(state.mutex);
            if (size == 0 && !state.writer) {
                state.truncated = true;
            } else {
                status = me.begin_writer(*node, state, true, stop, nullptr);
                if (status) status = state.writer->truncate(size);
                if (!status) state.failed = true;
            }
            if (status) {
                state.dirty = true;
                state.live_size = static_cast<std::int64_t>(size);
                state.mtime_ns = nanoseconds_now(me.clock);
                if (size != 0 || !through_handle) state.wrote_bytes = true;
            }
        }
        if (!status) return done(fail(status.error()));
        if (through_handle) return answer();
        {
            const std::lock_guard lock(state.mutex);
            if (state.writers > 0) return answer();  // whoever writes closes it
        }
        // truncate(2) without an open file: nobody will close it, so it is committed and awaited here.
        me.commit_and_acknowledge(node, false, stop, [answer, done](const Status& acknowledged) {
            if (!acknowledged) return done(fail(acknowledged.error()));
            answer();
        });
    });
}

void Filesystem::flush(Handle h, const Caller& caller, const std::stop_token& stop, std::function<void(Status)> done) {
    Impl& self = *impl_;
    const auto opened = self.handle(h);
    if (!opened) return done(fail(opened.error()));
    if (!(*opened)->for_write) return done({});
    const NodePtr node = (*opened)->node;
    FileState& state = node->state();
    bool torn = false;
    {
        const std::lock_guard lock(state.mutex);
        // Shells flush before the first byte; an empty or merely truncated file is committed at release.
        if (!state.dirty || !state.wrote_bytes) return done({});
        torn = state.failed;
    }
    torn = torn || killed_by_signal(caller.pid);
    self.workers.post([this, node, torn, stop, done = std::move(done)] {
        impl_->commit_and_acknowledge(node, torn, stop, done);
    });
}

void Filesystem::fsync(Handle h, const std::stop_token& stop, std::function<void(Status)> done) {
    Impl& self = *impl_;
    const auto opened = self.handle(h);
    if (!opened) return done(fail(opened.error()));
    if ((*opened)->readme) return done({});
    const NodePtr node = (*opened)->node;
    self.workers.post([this, node, stop, done = std::move(done)] {
        FileState& state = node->state();
        bool dirty = false, failed = false;
        {
            const std::lock_guard lock(state.mutex);
            dirty = state.dirty;
            failed = state.failed;
        }
        if (dirty) return impl_->commit_and_acknowledge(node, failed, stop, done);
        impl_->acknowledge(node, stop, done);
    });
}

void Filesystem::fsync_directory(Inode inode, const std::stop_token& stop, std::function<void(Status)> done) {
    Impl& self = *impl_;
    const auto node = self.node_at(view_of(inode));
    if (!node) return done(fail(node.error()));
    std::string path;
    {
        const std::shared_lock lock(self.tree.mutex);
        path = self.tree.path(**node);
    }
    self.workers.post([this, path, stop, done = std::move(done)] {
        impl_->replicator.when_settled(path, stop, [done](Status status) {
            // A provider that is down does not keep sync from returning: `status` shows what is missing.
            if (!status && status.error().code == Errc::partial) status = Status();
            done(std::move(status));
        });
    });
}

// --- rename ------------------------------------------------------------------------------------------------------------

void Filesystem::rename(Inode parent, const std::string& name, Inode new_parent, const std::string& new_name, bool no_replace,
                        const std::stop_token& stop, std::function<void(Status)> done) {
    Impl& self = *impl_;
    const View from = view_of(parent), to = view_of(new_parent);
    if (from.provider != to.provider)
        return done(fail(Errc::cross_device, "rename " + name, "provider folders are different places"));
    const auto source_directory = self.node_at(from), target_directory = self.node_at(to);
    if (!source_directory) return done(fail(source_directory.error()));
    if (!target_directory) return done(fail(target_directory.error()));
    if (const Status allowed = self.check_new_name(**target_directory, to.provider, new_name); !allowed)
        return done(fail(allowed.error()));
    if (from.provider == 0 && from.node == kRootNode && self.provider_named(name))
        return done(fail(Errc::not_permitted, "rename " + name, "see `oracxfs providers rename`"));
    self.workers.post([this, name, new_name, no_replace, stop, done = std::move(done), from_directory = *source_directory,
                       to_directory = *target_directory] {
        Impl& me = *impl_;
        NodePtr node;
        {
            const std::unique_lock lock(me.tree.mutex);
            const auto found = me.tree.child(*from_directory, name);
            if (!found) return done(fail(found.error()));
            if (*found == nullptr) return done(fail(Errc::not_found, name));
            node = me.tree.find((*found)->row.id);
            node->pin();
        }
        const std::shared_ptr<void> pinned(nullptr, [&me, node](void*) {
            const std::unique_lock lock(me.tree.mutex);
            me.unpin(node);
        });
        // What was never closed has no row to rename: it is made durable under its old name first.
        if (!node->directory && !node->stored) {
            FileState& state = node->state();
            const std::lock_guard lock(state.mutex);
            if (const Status kept = me.commit(node, state, state.failed); !kept) return done(fail(kept.error()));
        }
        bool replicate = false;
        std::uint64_t size = 0;
        VersionId unwanted;
        {
            const std::unique_lock lock(me.tree.mutex);
            if (node->unlinked || node->parent != from_directory.get() || node->row.name != name)
                return done(fail(Errc::not_found, name));
            if (to_directory->unlinked) return done(fail(Errc::not_found, new_name));
            const auto existing = me.tree.child(*to_directory, new_name);
            if (!existing) return done(fail(existing.error()));
            NodePtr replaced;
            if (*existing != nullptr) {
                if (no_replace) return done(fail(Errc::exists, new_name));
                if (*existing == node.get()) return done({});
                replaced = me.tree.find((*existing)->row.id);
                if (node->directory && !replaced->directory) return done(fail(Errc::not_directory, new_name));
                if (!node->directory && replaced->directory) return done(fail(Errc::is_directory, new_name));
                if (replaced->directory) {
                    if (const Status loaded = me.tree.load_children(*replaced); !loaded) return done(fail(loaded.error()));
                    if (!replaced->directory->children.empty()) return done(fail(Errc::not_empty, new_name));
                }
            }
            for (const Node* at = to_directory.get(); at != nullptr; at = at->parent)
                if (at == node.get()) return done(fail(Errc::invalid, "rename " + name, "a folder can't go into itself"));
            const bool local_only = !node->directory && (node->row.torn || is_temporary_name(new_name));
            // A file that was replicated stays so under any name: a provider must not lose it by a rename.
            const bool stays_local = local_only && node->row.local_only;
            replicate = !node->directory && node->row.local_only && !stays_local && !node->row.torn;
            const std::optional<NodeId> replaced_id = replaced && replaced->stored ? std::optional(replaced->row.id) : std::nullopt;
            if (const Status moved = me.catalog.rename_node(node->row.id, to_directory->row.id, new_name, replaced_id,
                                                            stays_local, me.replicator.active());
                !moved)
                return done(fail(moved.error()));
            if (replaced) {
                unwanted = replaced->row.version;
                me.tree.unlink(*replaced);
                replaced->unlinked = true;
                me.tree.forget_if_unused(replaced);
            }
            me.tree.unlink(*node);
            me.tree.link(*node, *to_directory, new_name);
            node->row.local_only = stays_local;
            size = node->row.size;
            const std::int64_t now = nanoseconds_now(me.clock);
            node->row.ctime_ns = now;
            from_directory->row.mtime_ns = from_directory->row.ctime_ns = now;
            to_directory->row.mtime_ns = to_directory->row.ctime_ns = now;
        }
        if (unwanted) me.replicator.version_unwanted(unwanted);
        me.replicator.nudge(replicate ? std::optional(size) : std::nullopt);
        if (!replicate) return done({});
        me.acknowledge(node, stop, done);
    });
}

}  // namespace oracxfs
