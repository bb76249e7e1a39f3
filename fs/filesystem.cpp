#include "fs/filesystem.h"

#include "base/log.h"
#include "fs/filesystem_impl.h"
#include "fs/replication_plan.h"

namespace oracxfs {

Filesystem::Impl::Impl(Catalog& c, Staging& s, BlockCache& b, Replicator& r, Clock& k, FilesystemOptions o)
    : catalog(c), staging(s), cache(b), replicator(r), clock(k), options(std::move(o)), leaf_key(c.leaf_key()), tree(c) {
    started_ns = nanoseconds_now(clock);
}

Filesystem::Filesystem(Catalog& catalog, Staging& staging, BlockCache& cache, Replicator& replicator, Clock& clock,
                       FilesystemOptions options)
    : impl_(std::make_unique<Impl>(catalog, staging, cache, replicator, clock, std::move(options))) {
    const std::unique_lock lock(impl_->tree.mutex);
    if (const Status loaded = impl_->tree.load_root(); !loaded) log::error("filesystem", loaded.error().to_string());
    Impl* self = impl_.get();
    replicator.set_open_remote([self](VersionId version, ProviderId but) { return self->open_remote(version, but); });
    replicator.set_rescue([self](VersionId version, const std::stop_token& stop) { return self->rescue(version, stop); });
    replicator.set_on_change([self](VersionId version, ProviderId provider) { self->note_change(version, provider); });
    replicator.set_on_foreign([self](ProviderId provider, const RemoteObject& object) {
        self->workers.post([self, provider, object] { self->adopt(provider, object); });
    });
    if (const auto waiting = catalog.temporary_files())
        for (const NodeId node : *waiting) impl_->temporaries[node] = clock.steady();
    impl_->maintainer = std::jthread([self](const std::stop_token& stop) { self->maintain(stop); });
    providers_changed();
}

Filesystem::~Filesystem() { stop(); }

void Filesystem::stop() {
    impl_->maintainer.request_stop();
    if (impl_->maintainer.joinable()) impl_->maintainer.join();
    impl_->stopping.request_stop();
    set_virtual_folder(nullptr);
    {
        // Files that are still open hold their maker's means, which may need us.
        std::vector<std::shared_ptr<OpenHandle>> open_ones;
        {
            const std::lock_guard lock(impl_->handles_mutex);
            for (const auto& [handle, opened] : impl_->handles)
                if (opened->made_up) open_ones.push_back(opened);
            std::erase_if(impl_->handles, [](const auto& entry) { return entry.second->made_up != nullptr; });
        }
    }
    impl_->virtual_workers.stop();  // before those that it waits for
    impl_->workers.stop();
    impl_->notifiers.stop();
    impl_->fetchers.stop();
}

void Filesystem::set_on_invalidate(std::function<void(const Invalidation&)> on_invalidate) {
    impl_->on_invalidate = std::move(on_invalidate);
}

void Filesystem::providers_changed() {
    const auto rows = impl_->catalog.providers();
    if (!rows) return;
    std::vector<std::string> names;
    {
        const std::lock_guard lock(impl_->providers_mutex);
        for (const auto& [id, name] : impl_->provider_names) names.push_back(name);
        impl_->provider_names.clear();
        for (const ProviderRow& row : *rows) {
            impl_->provider_names[row.id.value] = row.name;
            names.push_back(row.name);
        }
    }
    if (impl_->on_invalidate)
        for (const std::string& name : names) impl_->on_invalidate({kRootInode, name, 0});
}

std::uint64_t Filesystem::open_writers() const { return impl_->open_writers; }

void Filesystem::make_room(std::uint64_t bytes) { impl_->make_room(bytes); }

// --- files that others put at a provider -------------------------------------------------------------------------------

Status Filesystem::Impl::adopt_directory(const std::string& key) {
    NodePtr parent;
    {
        const std::shared_lock lock(tree.mutex);
        parent = tree.find(kRootNode);
    }
    std::size_t begin = 0;
    while (begin < key.size()) {
        const std::size_t end = std::min(key.find('/', begin), key.size());
        const std::string name = key.substr(begin, end - begin);
        begin = end + 1;
        ORACX_TRY(const NodeId id, catalog.reserve_node());
        const std::unique_lock lock(tree.mutex);
        ORACX_TRY(Node* const existing, tree.child(*parent, name));
        if (existing != nullptr) {
            if (!existing->directory) return fail(Errc::not_directory, "adopt " + key);
            parent = tree.find(existing->row.id);
            continue;
        }
        NodeRow row;
        row.id = id;
        row.parent = parent->row.id;
        row.name = name;
        row.kind = NodeKind::directory;
        row.mode = 0755;
        row.uid = options.uid;
        row.gid = options.gid;
        row.mtime_ns = row.ctime_ns = row.created_ns = nanoseconds_now(clock);
        ORACX_TRYV(catalog.make_directory(row, replicator.active()));
        parent = tree.add(row, parent.get());
        parent->stored = true;
        parent->directory->loaded = true;
    }
    return {};
}

void Filesystem::Impl::adopt(ProviderId provider, const RemoteObject& object) {
    const auto taken = take_over(provider, object, stopping.get_token());
    // busy: the same name at another provider; the next look finds both.
    if (!taken && taken.error().code != Errc::cancelled && taken.error().code != Errc::busy)
        log::warn("filesystem", "not taken over from " + provider_name(provider.value) + ": " + taken.error().to_string());
    replicator.adoption_ended(provider, object.key, taken.has_value());
}

Result<bool> Filesystem::adopt(ProviderId provider, const RemoteObject& object, const std::stop_token& stop) {
    std::stop_source either;
    const std::stop_callback by_caller(stop, [&] { either.request_stop(); });
    const std::stop_callback by_end(impl_->stopping.get_token(), [&] { either.request_stop(); });
    return impl_->take_over(provider, object, either.get_token());
}

// False: it is none of ours to take.
Result<bool> Filesystem::Impl::take_over(ProviderId provider, const RemoteObject& object, const std::stop_token& stop) {
    if (!check_key(object.key) || object.key.empty()) return false;
    if (parent_key(object.key).empty() && (provider_named(object.key) || object.key.starts_with(".oracxfs"))) return false;
    {
        const std::lock_guard lock(adopt_mutex);
        if (!adopting.insert(object.key).second) return fail(Errc::busy, "take over " + object.key, "it is just being taken over");
    }
    const std::shared_ptr<void> finally(nullptr, [this, &object](void*) {
        const std::lock_guard lock(adopt_mutex);
        adopting.erase(object.key);
    });
    if (object.is_directory) {
        ORACX_TRYV(adopt_directory(object.key));
        replicator.nudge(0);
        return true;
    }
    const std::string directory(parent_key(object.key));
    const std::string name(base_name(object.key));
    ORACX_TRYV(adopt_directory(directory));
    ORACX_TRY(const auto known, catalog.find(object.key));
    if (known) return false;  // the replicator compares it with what we have under that name
    const auto via = replicator.provider(provider);
    if (!via) return false;
    ORACX_TRY(const VersionId version, catalog.reserve_version());
    ORACX_TRY(const NodeId id, catalog.reserve_node());
    ORACX_TRY(const auto writer, staging.begin(version));
    Status written;
    std::uint64_t offset = 0;
    ORACX_TRYV(via->read({stop, std::nullopt}, object, 0, object.size, [&](std::span<const std::byte> data) {
        written = writer->write_at(offset, data);
        offset += data.size();
        return written.has_value();
    }));
    ORACX_TRYV(written);
    if (offset != object.size) return fail(Errc::changed, "take over " + object.key, "it is still changing");
    ORACX_TRY(const auto sealed, writer->seal({version, object.key, 0, {}, object.mtime_ns, false}));
    {
        const std::unique_lock lock(tree.mutex);
        ORACX_TRY(const auto parent_row, directory.empty() ? catalog.find("") : catalog.find(directory));
        if (!parent_row) return fail(Errc::changed, "take over " + object.key, "its folder was removed");
        ORACX_TRY(const auto parent, tree.get(parent_row->id));
        ORACX_TRY(Node* const existing, tree.child(*parent, name));
        if (existing != nullptr) return false;
        VersionCommit commit;
        commit.node.id = id;
        commit.node.parent = parent->row.id;
        commit.node.name = name;
        commit.node.mode = 0644;
        commit.node.uid = options.uid;
        commit.node.gid = options.gid;
        commit.node.mtime_ns = object.mtime_ns != 0 ? object.mtime_ns : nanoseconds_now(clock);
        commit.node.ctime_ns = commit.node.created_ns = nanoseconds_now(clock);
        commit.node.version = version;
        commit.node.size = object.size;
        commit.version = version;
        commit.digests = *sealed;
        commit.staged = writer->name();
        commit.wanted = replicator.active();
        ORACX_TRYV(catalog.commit_version(commit));
        tree.add(commit.node, parent.get())->stored = true;
    }
    (void)writer->publish();
    // This provider has it already: only to be verified. Should this fail, it is found there when it is to be uploaded.
    if (const auto job = catalog.replica_job(version, provider); job && *job) {
        if (const auto row = row_of_taken_over(**job, object, clock.wall()))
            if (const Status kept = catalog.record({{ReplicaChange::Kind::store, *row, (*job)->row.state}}, false); !kept)
                log::info("filesystem", object.key + ": " + kept.error().to_string());
    }
    event("info", "adopted", object.key, Errc::exists, "a file found at " + provider_name(provider.value) + " is now kept everywhere");
    replicator.nudge();
    Inode parent_inode = kRootInode;
    if (const auto row = catalog.find(directory); !directory.empty() && row && *row) parent_inode = inode_of(0, (*row)->id);
    invalidate({parent_inode, name, 0});
    return true;
}

}  // namespace oracxfs
