// Filesystem: names and attributes. Nothing here waits for the network.

#include <algorithm>

#include "base/log.h"
#include "fs/filesystem_impl.h"
#include "fs/temp_names.h"

namespace oracxfs {
namespace {
constexpr std::string_view kReadmeName = "README.txt";
constexpr Millis kRefusalPause{60'000};
}

std::int64_t nanoseconds_now(const Clock& clock) { return to_ms(clock.wall()) * 1'000'000; }

// --- helpers -----------------------------------------------------------------------------------------------------------

Result<NodePtr> Filesystem::Impl::node_at(const View& view) {
    {
        const std::shared_lock lock(tree.mutex);
        if (NodePtr node = tree.find(view.node)) return node;
    }
    const std::unique_lock lock(tree.mutex);
    return tree.get(view.node);
}

FileAttributes Filesystem::Impl::attributes_of(Node& node, std::int64_t provider) {
    FileAttributes attributes;
    attributes.inode = inode_of(provider, node.row.id);
    attributes.directory = node.row.kind == NodeKind::directory;
    attributes.mode = node.row.mode;
    attributes.uid = node.row.uid;
    attributes.gid = node.row.gid;
    attributes.size = node.row.size;
    attributes.mtime_ns = node.row.mtime_ns;
    attributes.ctime_ns = node.row.ctime_ns;
    attributes.links = attributes.directory ? 2 : (node.unlinked ? 0 : 1);
    if (const FileState* state = node.file.get()) {
        if (const std::int64_t size = state->live_size; size >= 0) attributes.size = static_cast<std::uint64_t>(size);
        if (const std::int64_t written = state->mtime_ns; written != 0) attributes.mtime_ns = attributes.ctime_ns = written;
    }
    return attributes;
}

FileAttributes Filesystem::Impl::readme_attributes() const {
    FileAttributes attributes;
    attributes.inode = kReadmeInode;
    attributes.mode = 0444;
    attributes.uid = options.uid;
    attributes.gid = options.gid;
    attributes.size = options.readme.size();
    attributes.mtime_ns = attributes.ctime_ns = started_ns;
    return attributes;
}

FileAttributes Filesystem::Impl::folder_attributes(std::int64_t provider) const {
    FileAttributes attributes;
    attributes.inode = inode_of(provider, kRootNode);
    attributes.directory = true;
    attributes.mode = 0755;
    attributes.uid = options.uid;
    attributes.gid = options.gid;
    attributes.mtime_ns = attributes.ctime_ns = started_ns;
    attributes.links = 2;
    return attributes;
}

std::optional<std::int64_t> Filesystem::Impl::provider_named(std::string_view name) const {
    const std::lock_guard lock(providers_mutex);
    for (const auto& [id, known] : provider_names)
        if (known == name) return id;
    return std::nullopt;
}

std::string Filesystem::Impl::provider_name(std::int64_t provider) const {
    const std::lock_guard lock(providers_mutex);
    const auto found = provider_names.find(provider);
    return found == provider_names.end() ? std::string() : found->second;
}

void Filesystem::Impl::changed_elsewhere(std::int64_t provider, NodeId parent, const std::string& name, NodeId node) {
    if (provider == 0) return;
    invalidate({name.empty() ? 0 : inode_of(0, parent), name, node ? inode_of(0, node) : 0});
}

void Filesystem::Impl::invalidate(Invalidation change) {
    notifiers.post([this, change = std::move(change)] {
        if (on_invalidate) on_invalidate(change);
    });
}

Status Filesystem::Impl::check_writable(std::int64_t provider) const {
    if (options.read_only) return fail(Errc::read_only, "write", "the mount is read-only");
    if (provider != 0 && !options.provider_folders_writable)
        return fail(Errc::read_only, "write", "the folders of the providers are read-only (mount.provider_dir_write)");
    return {};
}

// What would be written now could go nowhere.
Status Filesystem::Impl::check_any_provider(const std::string& what) {
    if (!replicator.active().empty()) return {};
    bool tell = false;
    {
        const std::lock_guard lock(refusal_mutex);
        const SteadyTime now = clock.steady();
        tell = !refusal_told || now - *refusal_told >= kRefusalPause;  // a copy of many files is told once
        if (tell) refusal_told = now;
    }
    Error error(Errc::read_only, what, "no provider is configured and enabled: add one, for instance with `oracxfs local`");
    if (tell) {
        log::warn("filesystem", error.to_string());
        event("warning", "refused", "", error.code, error.message + ": " + error.why);
    }
    return fail(std::move(error));
}

Status Filesystem::Impl::check_new_name(Node& parent, std::int64_t provider, const std::string& name) const {
    ORACX_TRYV(check_writable(provider));
    if (name.size() > 255) return fail(Errc::name_too_long, "create " + name);
    if (is_internal_name(name)) return fail(Errc::not_permitted, "create " + name, "names like this belong to oracxfs itself");
    if (is_desktop_trash(name))
        return fail(Errc::denied, "create " + name, "deleted files are recoverable without a trash folder here");
    if (provider == 0 && parent.parent == nullptr && provider_named(name))
        return fail(Errc::exists, "create " + name, "that is a provider's folder");
    if (provider == 0 && parent.parent == nullptr && is_virtual_name(name)) {
        const std::shared_lock lock(tree.mutex);
        // What the user had there before stays usable.
        if (!parent.directory->loaded || tree.loaded_child(parent, name) == nullptr)
            return fail(Errc::exists, "create " + name, "that is the folder to browse backups in (mount.browse)");
    }
    return {};
}

Status Filesystem::Impl::ensure_presence(Node& directory) {
    if (directory.directory->presence_loaded) return {};
    ORACX_TRYV(tree.load_children(directory));
    any_presence = true;
    ORACX_TRY(const auto rows, catalog.presence(directory.row.id));
    for (Node* const child : directory.directory->children) child->present = 0;
    for (const auto& row : rows)
        if (const NodePtr node = tree.find(row.node)) node->present = row.present;
    directory.directory->presence_loaded = true;
    return {};
}

bool Filesystem::Impl::visible(const Node& node, std::int64_t provider) const {
    if (provider == 0 || node.row.kind == NodeKind::directory) return true;
    return (node.present & (ProviderMask{1} << provider)) != 0;
}

// --- lookup and attributes ---------------------------------------------------------------------------------------------

Result<FileAttributes> Filesystem::lookup(Inode parent, const std::string& name) {
    Impl& self = *impl_;
    if (is_virtual(parent)) return self.look_up_virtual(parent, name);
    const View view = view_of(parent);
    if (view.provider == 0 && view.node == kRootNode)
        if (const auto provider = self.provider_named(name)) return self.folder_attributes(*provider);
    ORACX_TRY(const NodePtr directory, self.node_at(view));
    if (!directory->directory) return fail(Errc::not_directory, "lookup " + name);
    {
        const std::shared_lock lock(self.tree.mutex);
        if (directory->directory->loaded && (view.provider == 0 || directory->directory->presence_loaded)) {
            Node* node = self.tree.loaded_child(*directory, name);
            if (node != nullptr && self.visible(*node, view.provider)) {
                node->references += 1;
                return self.attributes_of(*node, view.provider);
            }
            if (node == nullptr && view.provider == 0 && view.node == kRootNode && name == kReadmeName)
                return self.readme_attributes();
            if (node == nullptr && view.provider == 0 && view.node == kRootNode && self.is_virtual_name(name))
                return self.virtual_attributes({});
            return fail(Errc::not_found, name);
        }
    }
    {
        const std::unique_lock lock(self.tree.mutex);
        ORACX_TRYV(self.tree.load_children(*directory));
        if (view.provider != 0) ORACX_TRYV(self.ensure_presence(*directory));
    }
    return lookup(parent, name);
}

void Filesystem::forget(Inode inode, std::uint64_t count) {
    const View view = view_of(inode);
    if (inode == kReadmeInode || is_virtual(inode) || view.node == kRootNode) return;
    NodePtr node;
    {
        const std::shared_lock lock(impl_->tree.mutex);
        node = impl_->tree.find(view.node);
    }
    if (!node) return;
    const std::uint64_t before = node->references.fetch_sub(std::min(count, node->references.load()));
    if (before <= count && node->unlinked) {
        const std::unique_lock lock(impl_->tree.mutex);
        impl_->tree.forget_if_unused(node);
    }
}

Result<FileAttributes> Filesystem::attributes(Inode inode) {
    if (inode == kReadmeInode) return impl_->readme_attributes();
    if (is_virtual(inode)) {
        ORACX_TRY(const auto folder, impl_->virtual_folder_for(inode));
        ORACX_TRY(const VirtualItem item, folder->item(virtual_id(inode)));
        return impl_->virtual_attributes(item);
    }
    const View view = view_of(inode);
    if (view.provider != 0 && view.node == kRootNode) return impl_->folder_attributes(view.provider);
    ORACX_TRY(const NodePtr node, impl_->node_at(view));
    const std::shared_lock lock(impl_->tree.mutex);
    return impl_->attributes_of(*node, view.provider);
}

// --- directories -------------------------------------------------------------------------------------------------------

Result<FileAttributes> Filesystem::make_directory(Inode parent, const std::string& name, std::uint32_t mode,
                                                  const Caller& caller) {
    Impl& self = *impl_;
    if (is_virtual(parent)) return fail(Errc::read_only, "mkdir " + name, "backups are browsed, not changed");
    const View view = view_of(parent);
    ORACX_TRY(const NodePtr directory, self.node_at(view));
    ORACX_TRYV(self.check_new_name(*directory, view.provider, name));
    ORACX_TRYV(self.check_any_provider("mkdir " + name));
    ORACX_TRY(const NodeId id, self.catalog.reserve_node());
    FileAttributes attributes;
    {
        const std::unique_lock lock(self.tree.mutex);
        if (directory->unlinked) return fail(Errc::not_found, "mkdir " + name);
        ORACX_TRY(Node* const existing, self.tree.child(*directory, name));
        if (existing != nullptr) return fail(Errc::exists, "mkdir " + name);
        NodeRow row;
        row.id = id;
        row.parent = directory->row.id;
        row.name = name;
        row.kind = NodeKind::directory;
        row.mode = mode & 07777;
        row.uid = caller.uid;
        row.gid = caller.gid;
        row.mtime_ns = row.ctime_ns = row.created_ns = nanoseconds_now(self.clock);
        ORACX_TRYV(self.catalog.make_directory(row, self.replicator.active()));
        const NodePtr node = self.tree.add(row, directory.get());
        node->stored = true;
        node->directory->loaded = true;
        node->references = 1;
        directory->row.mtime_ns = directory->row.ctime_ns = row.mtime_ns;
        attributes = self.attributes_of(*node, view.provider);
    }
    self.changed_elsewhere(view.provider, directory->row.id, name, {});
    self.replicator.nudge(0);
    return attributes;
}

Status Filesystem::remove(Inode parent, const std::string& name) {
    Impl& self = *impl_;
    if (is_virtual(parent)) return fail(Errc::read_only, "remove " + name, "backups are browsed, not changed");
    const View view = view_of(parent);
    ORACX_TRYV(self.check_writable(view.provider));
    ORACX_TRY(const NodePtr directory, self.node_at(view));
    if (view.provider == 0) self.hold_content(*directory, name);
    VersionId unwanted;
    {
        const std::unique_lock lock(self.tree.mutex);
        ORACX_TRY(Node* const found, self.tree.child(*directory, name));
        if (found == nullptr) {
            if (view.node == kRootNode && (name == kReadmeName || self.provider_named(name) || (view.provider == 0 && self.is_virtual_name(name))))
                return fail(Errc::not_permitted, "remove " + name, "it belongs to the file system");
            return fail(Errc::not_found, name);
        }
        if (found->directory) return fail(Errc::is_directory, name);
        if (view.provider != 0)
            return fail(Errc::not_permitted, "remove " + name, "a replicated file is removed in the root, from all providers at once");
        const NodePtr node = self.tree.find(found->row.id);
        if (node->stored) ORACX_TRYV(self.catalog.remove_node(node->row.id));
        unwanted = node->row.version;
        self.tree.unlink(*node);
        node->unlinked = true;
        directory->row.mtime_ns = directory->row.ctime_ns = nanoseconds_now(self.clock);
        self.tree.forget_if_unused(node);
    }
    if (unwanted) self.replicator.version_unwanted(unwanted);
    self.replicator.nudge(0);
    return {};
}

Status Filesystem::remove_directory(Inode parent, const std::string& name) {
    Impl& self = *impl_;
    if (is_virtual(parent)) return fail(Errc::read_only, "rmdir " + name, "backups are browsed, not changed");
    const View view = view_of(parent);
    ORACX_TRYV(self.check_writable(view.provider));
    if (view.provider == 0 && view.node == kRootNode && self.provider_named(name))
        return fail(Errc::not_permitted, "rmdir " + name, "it is a provider's folder; see `oracxfs providers remove`");
    if (view.provider != 0)
        return fail(Errc::not_permitted, "rmdir " + name, "folders are removed in the root, from all providers at once");
    ORACX_TRY(const NodePtr directory, self.node_at(view));
    {
        const std::unique_lock lock(self.tree.mutex);
        ORACX_TRY(Node* const found, self.tree.child(*directory, name));
        if (found == nullptr && view.node == kRootNode && self.is_virtual_name(name))
            return fail(Errc::not_permitted, "rmdir " + name, "it belongs to the file system; see mount.browse");
        if (found == nullptr) return fail(Errc::not_found, name);
        if (!found->directory) return fail(Errc::not_directory, name);
        ORACX_TRYV(self.tree.load_children(*found));
        if (!found->directory->children.empty()) return fail(Errc::not_empty, name);
        const NodePtr node = self.tree.find(found->row.id);
        ORACX_TRYV(self.catalog.remove_node(node->row.id));
        self.tree.unlink(*node);
        node->unlinked = true;
        directory->row.mtime_ns = directory->row.ctime_ns = nanoseconds_now(self.clock);
        self.tree.forget_if_unused(node);
    }
    self.replicator.nudge(0);
    return {};
}

Result<Handle> Filesystem::open_directory(Inode inode) {
    Impl& self = *impl_;
    if (is_virtual(inode)) return self.open_virtual_directory(inode);
    const View view = view_of(inode);
    ORACX_TRY(const NodePtr node, self.node_at(view));
    if (!node->directory) return fail(Errc::not_directory, "opendir");
    auto opened = std::make_shared<OpenDirectory>();
    opened->node = node;
    opened->provider = view.provider;
    const auto snapshot = [&] {
        opened->children.reserve(node->directory->children.size());
        for (const Node* const child : node->directory->children)
            if (self.visible(*child, view.provider)) opened->children.push_back(child->row.id);
    };
    bool taken = false;
    {
        const std::shared_lock lock(self.tree.mutex);
        taken = node->directory->loaded && (view.provider == 0 || node->directory->presence_loaded);
        if (taken) snapshot();
    }
    if (!taken) {
        const std::unique_lock lock(self.tree.mutex);
        ORACX_TRYV(self.tree.load_children(*node));
        if (view.provider != 0) ORACX_TRYV(self.ensure_presence(*node));
        snapshot();
    }
    std::sort(opened->children.begin(), opened->children.end());
    if (view.provider == 0 && view.node == kRootNode) {
        const std::lock_guard lock(self.providers_mutex);
        for (const auto& [id, name] : self.provider_names) opened->folders.push_back(id);
        opened->readme = true;
        if (const auto folder = self.virtual_folder()) {
            opened->folder.emplace();
            opened->folder->name = folder->name();
        }
    }
    const std::lock_guard lock(self.handles_mutex);
    const Handle handle = self.next_handle++;
    self.directories[handle] = std::move(opened);
    return handle;
}

Status Filesystem::read_directory(Handle handle, std::uint64_t from, bool references,
                                  const std::function<bool(const DirectoryItem&)>& take) {
    Impl& self = *impl_;
    std::shared_ptr<OpenDirectory> opened;
    {
        const std::lock_guard lock(self.handles_mutex);
        const auto found = self.directories.find(handle);
        if (found == self.directories.end()) return fail(Errc::invalid, "readdir", "no such handle");
        opened = found->second;
    }
    DirectoryItem item;
    if (opened->is_made_up) {
        for (std::uint64_t position = from; position < opened->made_up.size(); ++position) {
            item.name = opened->made_up[position].name;
            item.attributes = self.virtual_attributes(opened->made_up[position]);
            if (!take(item)) break;
        }
        return {};
    }
    const std::shared_lock lock(self.tree.mutex);
    const std::uint64_t children = opened->children.size();
    const std::uint64_t readme = children + opened->folders.size();
    const std::uint64_t end = readme + (opened->readme ? 1 : 0) + (opened->folder ? 1 : 0);
    for (std::uint64_t position = from; position < end; ++position) {
        item.name.clear();
        if (position < children) {
            // Removed since: skipped. A provider's folder of the same name hides it.
            const NodePtr node = self.tree.find(opened->children[position]);
            if (node && !node->unlinked && node->parent == opened->node.get() &&
                !(opened->readme && self.provider_named(node->row.name))) {
                item.name = node->row.name;
                item.attributes = self.attributes_of(*node, opened->provider);
                if (references) node->references += 1;
            }
        } else if (position < children + opened->folders.size()) {
            const std::int64_t provider = opened->folders[position - children];
            item.name = self.provider_name(provider);
            item.attributes = self.folder_attributes(provider);
        } else if (position > readme) {
            if (self.tree.loaded_child(*opened->node, opened->folder->name) == nullptr) {
                item.name = opened->folder->name;
                item.attributes = self.virtual_attributes(*opened->folder);
            }
        } else if (self.tree.loaded_child(*opened->node, kReadmeName) == nullptr) {
            item.name = kReadmeName;
            item.attributes = self.readme_attributes();
        }
        // An empty name keeps the position (the caller counts) but is not shown.
        if (!take(item)) {
            if (references && position < children && !item.name.empty())
                if (const NodePtr node = self.tree.find(opened->children[position])) node->references -= 1;
            break;
        }
    }
    return {};
}

void Filesystem::close_directory(Handle handle) {
    const std::lock_guard lock(impl_->handles_mutex);
    impl_->directories.erase(handle);
}

Result<VolumeSpace> Filesystem::space(Inode inode) {
    Impl& self = *impl_;
    const View view = is_virtual(inode) ? View{0, kRootNode} : view_of(inode);
    constexpr std::uint64_t kUnknown = std::uint64_t{1} << 50;  // 1 PiB, as others show it
    VolumeSpace space{kUnknown, kUnknown, 0};
    bool known = false;
    for (const ProviderStatus& provider : self.replicator.provider_status()) {
        if (view.provider != 0 ? provider.row.id.value != view.provider : !provider.health.active) continue;
        const std::uint64_t free = provider.health.state == ProviderState::full ? 0 : provider.row.free_bytes.value_or(kUnknown);
        if (!known || free < space.free_bytes) {
            space.free_bytes = free;
            space.total_bytes = std::max(provider.row.total_bytes.value_or(kUnknown), free);
            known = true;
        }
    }
    const auto counts = self.catalog.tree_counts();
    if (counts) space.files = counts->files;
    return space;
}

}  // namespace oracxfs
