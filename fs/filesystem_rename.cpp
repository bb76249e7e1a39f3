// Filesystem: rename.

#include <algorithm>

#include "fs/filesystem_impl.h"
#include "fs/temp_names.h"

namespace oracxfs {

void Filesystem::rename(Inode parent, const std::string& name, Inode new_parent, const std::string& new_name, bool no_replace,
                        const std::stop_token& stop, std::function<void(Status)> done) {
    Impl& self = *impl_;
    if (is_virtual(parent) || is_virtual(new_parent)) return done(fail(Errc::read_only, "rename " + name, "backups are browsed, not changed"));
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
    self.workers.post([this, name, new_name, no_replace, stop, done = std::move(done), provider = from.provider, from_directory = *source_directory,
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
        if (!no_replace) me.hold_content(*to_directory, new_name);
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
            if (replicate) node->present = 0;  // a name that no provider has yet
            size = node->row.size;
            const std::int64_t now = nanoseconds_now(me.clock);
            node->row.ctime_ns = now;
            from_directory->row.mtime_ns = from_directory->row.ctime_ns = now;
            to_directory->row.mtime_ns = to_directory->row.ctime_ns = now;
        }
        if (unwanted) me.replicator.version_unwanted(unwanted);
        me.replicator.nudge(replicate ? std::optional(size) : std::nullopt);
        const auto answer = [&me, node, replicate, stop, done] {
            if (!replicate) return done({});
            me.acknowledge(node, stop, done);
        };
        if (provider == 0) return answer();
        // Before the answer, or the root would give the old file to whoever looks there next.
        me.notifiers.post([&me, name, new_name, answer, from = inode_of(0, from_directory->row.id), to = inode_of(0, to_directory->row.id)] {
            if (me.on_invalidate) {
                me.on_invalidate({from, name, 0});
                me.on_invalidate({to, new_name, 0});
            }
            answer();
        });
    });
}

}  // namespace oracxfs
