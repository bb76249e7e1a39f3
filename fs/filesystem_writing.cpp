// Filesystem: writing, and the promises of flush and fsync.

#include <algorithm>

#include "fs/closing_process.h"
#include "fs/filesystem_impl.h"

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

}  // namespace

// Where it is not known, the file is committed at release, for which nobody waits.
bool Filesystem::Impl::is_last_close(const Node& node, std::int32_t pid) {
    std::string name;
    NodeId id;
    {
        const std::shared_lock lock(tree.mutex);
        name = node.row.name;
        id = node.row.id;
    }
    return oracxfs::is_last_close(pid, name, inode_of(0, id)) == LastClose::yes;
}

void Filesystem::write(Handle h, std::uint64_t offset, std::span<const std::byte> data, const std::stop_token& stop,
                       std::function<void(Status)> done) {
    Impl& self = *impl_;
    const auto opened = self.handle(h);
    if (!opened) return done(fail(opened.error()));
    if (!(*opened)->for_write) return done(fail(Errc::invalid, "write", "the file is not open for writing"));
    const NodePtr node = (*opened)->node;
    FileState& state = node->state();
    const auto apply = [&self, node, &state, offset, elsewhere = (*opened)->provider != 0](std::span<const std::byte> bytes) -> Status {
        const Status written = state.writer->write_at(offset, bytes);
        if (!written) {
            state.failed = true;
            return written;
        }
        state.dirty = state.wrote_bytes = true;
        if (elsewhere) state.not_through_root = true;
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
    if (is_virtual(inode)) return done(fail(Errc::read_only, "change a file of a backup"));
    const View view = view_of(inode);
    if (const Status writable = self.check_writable(view.provider); !writable) return done(fail(writable.error()));
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
        impl_->changed_elsewhere(view.provider, {}, {}, view.node);
        const std::shared_lock lock(impl_->tree.mutex);
        done(impl_->attributes_of(*node, view.provider));
    };
    if (!change.size) return answer();
    if (node->directory) return done(fail(Errc::is_directory, "truncate"));
    self.workers.post([this, node, view, size = *change.size, through_handle = h.has_value(), stop, answer, done] {
        Impl& me = *impl_;
        FileState& state = node->state();
        const std::shared_ptr<void> pinned(nullptr, [&me, node](void*) {
            const std::unique_lock lock(me.tree.mutex);
            me.unpin(node);
        });
        Status status;
        bool left_to_others = false;  // whoever writes it just now commits this, too
        {
            const std::lock_guard lock(state.mutex);
            left_to_others = state.dirty && state.writers > 0;
            if (size == 0 && !state.writer) {
                state.truncated = true;
            } else {
                status = me.begin_writer(*node, state, true, stop, nullptr);
                if (status) status = state.writer->truncate(size);
                if (!status) state.failed = true;
            }
            if (status) {
                state.dirty = true;
                if (view.provider != 0) state.not_through_root = true;
                state.live_size = static_cast<std::int64_t>(size);
                state.mtime_ns = nanoseconds_now(me.clock);
                if (size != 0 || !through_handle) state.wrote_bytes = true;
            }
        }
        if (!status) return done(fail(status.error()));
        if (through_handle || left_to_others) return answer();
        // truncate(2) without an open file: nobody will close it, so it is committed and awaited here.
        me.commit_and_acknowledge(node, false, stop, [&me, view, answer, done](const Status& acknowledged) {
            if (!acknowledged) {
                me.changed_elsewhere(view.provider, {}, {}, view.node);
                return done(fail(acknowledged.error()));
            }
            answer();
        });
    });
}

void Filesystem::flush(Handle h, const Caller& caller, const std::stop_token& stop, std::function<void(Status)> done) {
    Impl& self = *impl_;
    const auto opened = self.handle(h);
    if (!opened) return done(fail(opened.error()));
    if (!(*opened)->for_write && !(*opened)->began) return done({});
    const NodePtr node = (*opened)->node;
    FileState& state = node->state();
    bool torn = false, untouched = false;
    {
        const std::lock_guard lock(state.mutex);
        if (!state.dirty) return done({});
        // Empty or merely truncated: that is for whoever made it so to commit, at the last close. Shells close a descriptor
        // before the first byte comes through another one.
        untouched = !state.wrote_bytes;
        if (untouched && !(*opened)->began) return done({});
        torn = state.failed;
    }
    torn = torn || killed_by_signal(caller.pid);
    self.workers.post([this, node, torn, untouched, pid = caller.pid, stop, done = std::move(done)] {
        if (untouched && !impl_->is_last_close(*node, pid)) return done({});
        impl_->commit_and_acknowledge(node, torn, stop, done);
    });
}

void Filesystem::fsync(Handle h, const std::stop_token& stop, std::function<void(Status)> done) {
    Impl& self = *impl_;
    const auto opened = self.handle(h);
    if (!opened) return done(fail(opened.error()));
    if ((*opened)->readme || (*opened)->made_up) return done({});
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
    if (is_virtual(inode)) return done({});
    const auto node = self.node_at(view_of(inode));
    if (!node) return done(fail(node.error()));
    std::string path;
    {
        const std::shared_lock lock(self.tree.mutex);
        path = self.tree.path(**node);
    }
    self.commits.when_left([this, path, stop, done = std::move(done)] {
        impl_->workers.post([this, path, stop, done] {
            impl_->replicator.when_settled(path, stop, [done](Status status) {
                // A provider that is down does not keep sync from returning: `status` shows what is missing.
                if (!status && status.error().code == Errc::partial) status = Status();
                done(std::move(status));
            });
        });
    });
}

void Filesystem::when_closed(std::function<void()> done) { impl_->commits.when_left(std::move(done)); }

}  // namespace oracxfs
