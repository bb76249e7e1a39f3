// Filesystem: where content comes from and how it is committed.

#include <algorithm>

#include "base/crash_point.h"
#include "base/log.h"
#include "fs/filesystem_impl.h"
#include "fs/temp_names.h"

namespace oracxfs {

void Filesystem::Impl::unpin(const NodePtr& node) {
    if (node->handles.fetch_sub(1) != 1) return;
    // Nobody has it open: its content is opened again when needed. Unfinished writes keep their state.
    if (node->file && !node->file->writer && !node->file->dirty) node->file.reset();
    tree.forget_if_unused(node);
}

std::string Filesystem::Impl::name_of(const Node& node) const {
    const std::shared_lock lock(tree.mutex);
    return node.row.name;
}

std::shared_ptr<ReplicaReader> Filesystem::Impl::make_reader(VersionId version, std::shared_ptr<const ContentDigests> digests,
                                                             std::optional<ProviderId> only) {
    return std::make_shared<ReplicaReader>(ReaderEnvironment{replicator, cache, clock, fetchers, read_watch, leaf_key, buffered}, version,
                                           std::move(digests), only);
}

// From what the catalogue and the lanes know: no request. What no provider has yet is only here, and readable.
Status Filesystem::Impl::check_online(const Node& node, std::int64_t provider) {
    if (options.offline_reads) return {};
    VersionId version;
    std::string name;
    {
        const std::shared_lock lock(tree.mutex);
        if (node.row.local_only || (node.file && node.file->live_size >= 0)) return {};
        version = node.row.version;
        name = node.row.name;
    }
    if (!version) return {};
    ORACX_TRY(const std::vector<ReplicaRow> rows, catalog.replicas(version));
    bool held = false;
    for (const ProviderHealth& health : replicator.health()) {
        const bool here = std::any_of(rows.begin(), rows.end(), [&](const ReplicaRow& row) {
            return row.provider == health.id && !row.key.empty();
        });
        if (!here) continue;
        held = true;
        if (health.active && !health.down && (provider == 0 || health.id.value == provider)) return {};
    }
    if (!held) return {};
    return fail(Errc::unavailable, "open " + name, "the providers that hold it are offline, and mount.offline_reads is off");
}

Result<std::shared_ptr<BlobReader>> Filesystem::Impl::open_remote(VersionId version, ProviderId but) {
    ORACX_TRY(ContentDigests taken, catalog.digests(version));
    auto digests = std::make_shared<const ContentDigests>(std::move(taken));
    const auto candidates = replicator.read_candidates(version, std::nullopt);
    const bool any = std::any_of(candidates.begin(), candidates.end(), [&](const ReadCandidate& c) { return c.provider != but; });
    if (!any) return fail(Errc::not_found, "heal", "no other provider holds this file");
    auto reader = make_reader(version, digests, std::nullopt);
    reader->except(but);
    return std::shared_ptr<BlobReader>(std::make_shared<ReplicaBlob>(std::move(reader), std::move(digests)));
}

Status Filesystem::Impl::rescue(VersionId version, const std::stop_token& stop) {
    ORACX_TRY(ContentDigests taken, catalog.digests(version));
    const auto digests = std::make_shared<const ContentDigests>(std::move(taken));
    const auto reader = make_reader(version, digests, std::nullopt);
    ORACX_TRY(const auto writer, staging.begin(version));
    std::vector<std::byte> buffer(1u << 20);
    for (std::uint64_t offset = 0; offset < digests->size;) {
        ORACX_TRY(const std::size_t got, reader->read_at(offset, buffer, stop));
        if (got == 0) return fail(Errc::corrupt, "gather content", "every replica is too short");
        ORACX_TRYV(writer->write_at(offset, std::span(buffer).first(got)));
        offset += got;
    }
    StagedMeta meta;
    meta.version = version;
    ORACX_TRY(const auto sealed, writer->seal(meta));
    if (sealed->sha256 != digests->sha256) return fail(Errc::corrupt, "gather content", "the whole does not match its hash");
    ORACX_TRYV(catalog.set_staged(version, writer->name()));
    (void)writer->publish();
    return {};
}

Status Filesystem::Impl::load_content(Node& node, FileState& state) {
    VersionId version;
    {
        const std::shared_lock lock(tree.mutex);
        version = node.row.version;
    }
    if (state.content_version == version && (state.sealed || state.reader)) return {};
    state.sealed.reset();
    state.reader.reset();
    state.provider_readers.clear();
    state.content_version = version;
    if (!version) return {};  // empty, never committed
    ORACX_TRY(const VersionRow row, catalog.version(version));
    ORACX_TRY(ContentDigests taken, catalog.digests(version));
    auto digests = std::make_shared<const ContentDigests>(std::move(taken));
    if (!row.staged.empty()) {
        auto blob = staging.open(row.staged, digests);
        if (blob) {
            state.sealed = std::move(*blob);
            state.checked.assign(digests->leaves.size(), false);
            return {};
        }
        log::warn("filesystem", "local copy of " + name_of(node) + " can't be used: " + blob.error().to_string());
    }
    state.reader = make_reader(version, std::move(digests), std::nullopt);
    return {};
}

void Filesystem::Impl::hold_content(Node& directory, const std::string& name) {
    NodePtr node;
    {
        const std::unique_lock lock(tree.mutex);
        const auto found = tree.child(directory, name);
        if (!found || *found == nullptr || (*found)->directory || (*found)->handles == 0) return;
        node = tree.find((*found)->row.id);
        node->pin();
    }
    FileState& state = node->state();
    {
        // Held by somebody else, it is being read or written, so its content is known.
        const std::unique_lock lock(state.mutex, std::try_to_lock);
        if (lock.owns_lock() && !state.writer && !state.truncated)
            if (const Status loaded = load_content(*node, state); !loaded) log::warn("filesystem", name + ": " + loaded.error().to_string());
    }
    const std::unique_lock lock(tree.mutex);
    unpin(node);
}

// A local copy that an earlier run left is compared with its tags once before its bytes leave; a damaged one is given up
// for the replicas.
Status Filesystem::Impl::check_sealed(Node& node, FileState& state, std::uint64_t offset, std::uint64_t length) {
    if (!state.sealed || state.checked.empty() || length == 0) return {};
    const auto digests = state.sealed->digests();
    const std::uint64_t last = std::min<std::uint64_t>((offset + length - 1) / kLeafBytes, state.checked.size() - 1);
    std::vector<std::byte> leaf;
    for (std::uint64_t i = offset / kLeafBytes; i <= last; ++i) {
        if (state.checked[i]) continue;
        leaf.resize(std::min(kLeafBytes, digests->size - i * kLeafBytes));
        const auto got = state.sealed->read_at(i * kLeafBytes, leaf, {});
        if (got && *got == leaf.size() && LeafChecker(leaf_key).matches(digests->leaf_salt, i, leaf, digests->leaves[i])) {
            state.checked[i] = true;
            continue;
        }
        event("error", "staging", name_of(node), Errc::corrupt, "the local copy is damaged; it is read from a provider");
        state.sealed.reset();
        state.checked.clear();
        state.reader = make_reader(state.content_version, digests, std::nullopt);
        return {};
    }
    return {};
}

Status Filesystem::Impl::begin_writer(Node& node, FileState& state, bool may_fetch, const std::stop_token& stop, bool* would_wait) {
    constexpr std::uint64_t kCopyInline = 1u << 20;
    if (state.writer) return {};
    std::uint64_t size = 0;
    {
        const std::shared_lock lock(tree.mutex);
        size = node.row.version ? node.row.size : 0;
    }
    const bool from_scratch = state.truncated || size == 0;
    if (!from_scratch) {
        ORACX_TRYV(load_content(node, state));
        if (may_fetch) ORACX_TRYV(check_sealed(node, state, 0, size));
        if (!may_fetch && (!state.sealed || size > kCopyInline || !state.checked.empty())) {
            *would_wait = true;
            return {};
        }
    }
    ORACX_TRY(const VersionId version, catalog.reserve_version());
    std::unique_ptr<StagedWriter> writer;
    if (from_scratch || !state.sealed) {
        ORACX_TRY(writer, staging.begin(version));
    } else {
        ORACX_TRY(writer, staging.begin(version, state.sealed.get(), size));
    }
    if (!from_scratch && !state.sealed) {
        std::vector<std::byte> buffer(std::min<std::uint64_t>(size, 1u << 20));
        for (std::uint64_t offset = 0; offset < size;) {
            ORACX_TRY(const std::size_t got, state.reader->read_at(offset, buffer, stop));
            if (got == 0) return fail(Errc::corrupt, "copy before write", "the content is shorter than recorded");
            ORACX_TRYV(writer->write_at(offset, std::span(buffer).first(got)));
            offset += got;
        }
    }
    state.writer = std::move(writer);
    state.writer_version = version;
    state.truncated = false;
    state.streaming = false;
    state.live_size = static_cast<std::int64_t>(state.writer->size());
    return {};
}

// Seals and records; the caller holds the state's mutex, so nothing is written meanwhile.
Status Filesystem::Impl::commit(const NodePtr& node, FileState& state, bool torn) {
    if (!state.writer) {
        // Created or truncated, never written: an empty version.
        ORACX_TRY(const VersionId version, catalog.reserve_version());
        ORACX_TRY(state.writer, staging.begin(version));
        state.writer_version = version;
        state.truncated = false;
        state.streaming = false;
    }
    StagedMeta meta;
    meta.version = state.writer_version;
    {
        const std::shared_lock lock(tree.mutex);
        if (node->unlinked) return {};
        meta.path = tree.path(*node);
        meta.mtime_ns = state.mtime_ns != 0 ? state.mtime_ns.load() : node->row.mtime_ns;
        meta.local_only = torn || is_temporary_name(node->row.name);
    }
    if (meta.local_only && state.streaming) {
        // Uploads that began must not end as if this were the whole file: touching a byte they have makes them give up.
        std::byte first{};
        if (const auto got = state.writer->read_at(0, std::span(&first, 1)); got && *got == 1)
            (void)state.writer->write_at(0, std::span(&first, 1));  // a failure has the same effect
    }
    const auto sealed = state.writer->seal(meta);
    if (!sealed) {
        state.failed = true;
        return fail(sealed.error());
    }
    ORACX_CRASH_POINT("filesystem.commit.sealed");
    const std::uint64_t size = (*sealed)->size;
    VersionId replaced;
    {
        const std::unique_lock lock(tree.mutex);
        if (node->unlinked) return {};
        VersionCommit commit;
        commit.node = node->row;
        commit.node.version = state.writer_version;
        commit.node.size = size;
        // Not meta's: utimens may have come while the content was sealed.
        commit.node.mtime_ns = state.mtime_ns != 0 ? state.mtime_ns.load() : node->row.mtime_ns;
        commit.node.ctime_ns = nanoseconds_now(clock);
        commit.node.local_only = meta.local_only;
        commit.node.torn = torn;
        commit.version = state.writer_version;
        commit.digests = **sealed;
        commit.staged = state.writer->name();
        commit.torn = torn;
        if (!meta.local_only) commit.wanted = replicator.active();
        ORACX_TRYV(catalog.commit_version(commit));
        replaced = node->row.version;
        node->row = commit.node;
        // Of the new content, nothing is anywhere yet. A temporary name stays where it was made: it is renamed there.
        if (!meta.local_only) node->present = 0;
        node->stored = true;
        // The kernel saw every byte of it pass, where it keeps them.
        node->kernel_version = state.not_through_root ? VersionId() : commit.node.version;
        state.live_size = -1;
        state.mtime_ns = 0;
    }
    ORACX_CRASH_POINT("filesystem.commit.recorded");
    state.sealed = state.writer->publish();
    state.checked.clear();
    state.content_version = state.writer_version;
    state.reader.reset();
    state.provider_readers.clear();
    state.writer.reset();
    if (state.streaming) replicator.end_stream(state.writer_version);
    state.streaming = false;
    state.dirty = state.wrote_bytes = state.failed = state.not_through_root = false;
    std::map<std::string, std::string> xattrs;
    {
        const std::unique_lock lock(tree.mutex);
        xattrs.swap(state.xattrs);
    }
    for (const auto& [name, value] : xattrs) ORACX_TRYV(catalog.set_xattr(node->row.id, name, value));
    if (replaced) {
        cache.drop(replaced);
        replicator.version_unwanted(replaced);
    }
    if (torn)
        event("error", "torn", meta.path, Errc::torn,
              "its writer died or a write failed: kept on this machine only, not sent to any provider");
    else if (!meta.local_only)
        replicator.nudge(size);
    return {};
}

void Filesystem::Impl::acknowledge(const NodePtr& node, const std::stop_token& stop, std::function<void(Status)> done) {
    VersionId version;
    bool local_only = false, unlinked = false;
    {
        const std::shared_lock lock(tree.mutex);
        version = node->row.version;
        local_only = node->row.local_only;
        unlinked = node->unlinked;
    }
    if (!version || local_only || unlinked || options.ack.mode == AckPolicy::Mode::journal) return done({});
    replicator.when_acked(version, options.ack, stop, [this, node, done = std::move(done)](Status status) {
        if (!status && status.error().code != Errc::cancelled) {
            const std::shared_lock lock(tree.mutex);
            event("error", "close", tree.path(*node), status.error().code, status.error().to_string());
        }
        done(std::move(status));
    });
}

void Filesystem::Impl::commit_and_acknowledge(const NodePtr& node, bool torn, const std::stop_token& stop,
                                              std::function<void(Status)> done) {
    FileState& state = node->state();
    {
        const std::lock_guard lock(state.mutex);
        if (state.dirty) {
            if (const Status committed = commit(node, state, torn); !committed) {
                event("error", "commit", name_of(*node), committed.error().code, committed.error().to_string());
                return done(fail(committed.error()));
            }
            // What a failed write left is not what the program meant: it must not hear success.
            if (torn) return done(fail(Errc::torn, "close " + name_of(*node), "the file is incomplete and stays local"));
        }
    }
    acknowledge(node, stop, std::move(done));
}

void Filesystem::Impl::note_change(VersionId version, ProviderId provider) {
    if (!any_presence) return;
    const auto row = catalog.version(version);
    if (!row || !row->node || row->fate != VersionFate::current) return;
    const auto job = catalog.replica_job(version, provider);
    const bool present = job && *job && !(*job)->row.key.empty() &&
                         ((*job)->row.state == ReplicaState::stored || (*job)->row.state == ReplicaState::verified);
    const std::unique_lock lock(tree.mutex);
    const NodePtr node = tree.find(row->node);
    if (!node) return;
    if (present)
        node->present |= mask_of(provider);
    else
        node->present &= ~mask_of(provider);
}

void Filesystem::Impl::make_room(std::uint64_t bytes) {
    const std::lock_guard one_at_a_time(room_mutex);
    const auto dead = catalog.collect_dead_versions();
    std::uint64_t freed = 0;
    if (dead)
        for (const std::string& name : *dead)
            if (const Status gone = staging.remove(name); !gone) log::warn("filesystem", gone.error().to_string());
    const auto versions = catalog.staged_versions();
    if (!versions) return;
    for (const VersionRow& version : *versions) {
        if (freed >= bytes) return;
        // Only what enough providers hold verified may go; the catalogue refuses the rest.
        if (!catalog.mark_evicted(version.id, std::max(1u, options.ack.min_replicas))) continue;
        if (staging.remove(version.staged)) freed += version.size;
    }
}

void Filesystem::Impl::maintain(const std::stop_token& stop) {
    while (clock.sleep_for(Millis(5'000), stop)) {
        if (const auto dead = catalog.collect_dead_versions())
            for (const std::string& name : *dead)
                if (const Status gone = staging.remove(name); !gone) log::warn("filesystem", gone.error().to_string());
        const StagingUsage usage = staging.usage();
        if (usage.bytes > options.cache_bytes) make_room(usage.bytes - options.cache_bytes);
        settle_temporaries();
        (void)catalog.checkpoint();  // only housekeeping: the next one does it
    }
}

// Files that keep a temporary-looking name are files after all: after a rest they are replicated under it.
void Filesystem::Impl::settle_temporaries() {
    constexpr Millis kRest{600'000};
    std::vector<NodeId> rested;
    {
        const std::lock_guard lock(temporaries_mutex);
        for (auto it = temporaries.begin(); it != temporaries.end();) {
            if (clock.steady() - it->second < kRest) {
                ++it;
                continue;
            }
            rested.push_back(it->first);
            it = temporaries.erase(it);
        }
    }
    for (const NodeId id : rested) {
        const std::unique_lock lock(tree.mutex);
        const auto loaded = tree.get(id);
        if (!loaded) continue;
        const NodePtr node = *loaded;
        if (node->unlinked || !node->row.local_only || node->row.torn || node->handles != 0 || !node->stored) continue;
        const Status kept = catalog.rename_node(id, node->row.parent, node->row.name, std::nullopt, false, replicator.active());
        if (!kept) {
            log::warn("filesystem", kept.error().to_string());
            continue;
        }
        node->row.local_only = false;
        replicator.nudge(node->row.size);
    }
}

void Filesystem::Impl::event(std::string level, std::string kind, const std::string& path, Errc code, std::string message) {
    EventRow row;
    row.at = clock.wall();
    row.level = std::move(level);
    row.kind = std::move(kind);
    row.path = path;
    row.code = info(code).e_code;
    row.message = std::move(message);
    if (const Status kept = catalog.append_event(row); !kept) log::error("filesystem", row.message);
}

}  // namespace oracxfs
