#include "tools/backup/package_browser.h"

#include <algorithm>

#include "base/log.h"
#include "tools/backup/member_file.h"
#include "tools/scheduler/package_name.h"

namespace oracxfs {
namespace {

constexpr std::size_t kIndexesKept = 4;  // in memory; the others are made again from the catalogue
constexpr std::size_t kTimeLength = 15;  // YYYYMMDD_HHMMSS
constexpr std::string_view kEnding = ".zip";
constexpr std::uint64_t kNodeMask = 0xffffffff;
constexpr std::uint64_t kTargetBytesMax = 4'095;  // PATH_MAX without its end

std::uint64_t slot_in(std::uint64_t id) { return id >> 32; }

// What is never extracted is not offered.
bool is_shown(const PackageEntry& entry) { return entry.refused.empty() && entry.kind != PackageEntry::Kind::other; }

// May a link in a folder that lies `depth` folders deep in its package be followed? The way out is only at the front, where
// it leads up from the link's real place: after a name, which may be a link itself, nobody knows where ".." ends.
bool stays_inside(std::string_view target, std::size_t depth) {
    if (target.empty() || target.front() == '/' || target.find('\0') != std::string_view::npos) return false;
    bool named = false;
    while (!target.empty()) {
        const std::size_t slash = std::min(target.find('/'), target.size());
        const std::string_view part = target.substr(0, slash);
        target.remove_prefix(std::min(slash + 1, target.size()));
        if (part.empty() || part == ".") continue;
        if (part != "..") {
            named = true;
            continue;
        }
        if (named || depth == 0) return false;
        --depth;
    }
    return true;
}

}  // namespace

PackageBrowser::PackageBrowser(BackupEnvironment environment)
    : env_(std::move(environment)), enabled_(env_.config()->mount.browse), pool_(std::make_shared<OpenPackages>(env_)) {}

// --- which packages there are ------------------------------------------------------------------------------------------

std::uint64_t PackageBrowser::slot_of(const NodeRow& node, WallTime time) {
    const auto [slot, is_new] = slots_.try_emplace(node.version.value, next_slot_);
    if (is_new) ++next_slot_;
    Package& package = packages_[slot->second];
    package.node = node;
    package.time = time;
    package.label = node.name.substr(node.name.size() - kTimeLength - kEnding.size(), kTimeLength);
    return slot->second;
}

Result<PackageBrowser::Package> PackageBrowser::package_at(std::uint64_t slot) const {
    const std::lock_guard lock(mutex_);
    const auto found = packages_.find(slot);
    if (found == packages_.end()) return fail(Errc::not_found, "browse backups");
    return found->second;
}

VirtualItem PackageBrowser::describe(const Package& package, std::uint64_t slot) {
    VirtualItem item;
    item.id = slot << 32;
    item.name = package.label;
    item.directory = true;
    item.mode = 0555;
    item.mtime_ns = to_ms(package.time) * 1'000'000;
    return item;
}

VirtualItem PackageBrowser::describe(const Package& package, std::uint64_t slot, const Index& index, std::uint32_t at) {
    if (at == 0) return describe(package, slot);
    const Node& node = index.nodes[at];
    VirtualItem item;
    item.id = slot << 32 | at;
    item.name = node.name;
    item.directory = node.directory;
    item.mode = node.directory ? 0555 : 0444;
    item.mtime_ns = to_ms(package.time) * 1'000'000;
    if (node.entry < 0) return item;
    const PackageEntry& entry = index.entries[static_cast<std::size_t>(node.entry)];
    item.mtime_ns = entry.mtime_s * 1'000'000'000;
    if (node.directory) return item;
    item.size = entry.size;
    item.symlink = entry.kind == PackageEntry::Kind::symlink;
    if (entry.mode != 0) item.mode = (entry.mode & 0555) | 0444;
    return item;
}

// --- what is in one ----------------------------------------------------------------------------------------------------

std::shared_ptr<const PackageBrowser::Index> PackageBrowser::make_index(const PackageReader& reader) {
    auto index = std::make_shared<Index>();
    index->nodes.push_back({"", true, -1, 0, {}});
    std::unordered_map<std::string, std::uint32_t> folders{{"", 0}};
    const auto add = [&](std::uint32_t parent, std::string name, bool directory) {
        const auto at = static_cast<std::uint32_t>(index->nodes.size());
        index->nodes.push_back({std::move(name), directory, -1, parent, {}});
        index->nodes[parent].children.push_back(at);
        return at;
    };
    // The folder of that path, made with all that lead to it.
    const auto folder = [&](const std::string& path) {
        std::uint32_t at = 0;
        for (std::size_t begin = 0; begin < path.size();) {
            const std::size_t end = std::min(path.find('/', begin), path.size());
            const auto [found, is_new] = folders.try_emplace(path.substr(0, end), 0);
            if (is_new) found->second = add(at, path.substr(begin, end - begin), true);
            at = found->second;
            begin = end + 1;
        }
        return at;
    };
    for (const PackageEntry& entry : reader.entries()) {
        if (!is_shown(entry)) continue;
        const auto place = static_cast<std::int32_t>(index->entries.size());
        index->entries.push_back(entry);
        std::string path = entry.name;
        if (path.ends_with('/')) path.pop_back();
        if (entry.kind == PackageEntry::Kind::folder) {
            index->nodes[folder(path)].entry = place;
            continue;
        }
        const std::size_t slash = path.rfind('/');
        const std::uint32_t parent = slash == std::string::npos ? 0 : folder(path.substr(0, slash));
        index->nodes[add(parent, path.substr(slash == std::string::npos ? 0 : slash + 1), false)].entry = place;
    }
    for (Node& node : index->nodes) {
        std::sort(node.children.begin(), node.children.end(), [&](std::uint32_t a, std::uint32_t b) { return index->nodes[a].name < index->nodes[b].name; });
        // Of two with one name the first is shown; a hostile package may hold such.
        node.children.erase(std::unique(node.children.begin(), node.children.end(), [&](std::uint32_t a, std::uint32_t b) { return index->nodes[a].name == index->nodes[b].name; }), node.children.end());
    }
    return index;
}

void PackageBrowser::keep(std::uint64_t slot, std::shared_ptr<const Index> index) {
    const std::lock_guard lock(mutex_);
    const auto found = packages_.find(slot);
    if (found == packages_.end()) return;
    found->second.index = std::move(index);
    found->second.used = ++uses_;
    std::vector<Package*> kept;
    for (auto& [other, package] : packages_)
        if (package.index) kept.push_back(&package);
    if (kept.size() <= kIndexesKept) return;
    std::sort(kept.begin(), kept.end(), [](const Package* a, const Package* b) { return a->used > b->used; });
    for (std::size_t i = kIndexesKept; i < kept.size(); ++i) kept[i]->index.reset();
}

Result<std::shared_ptr<const PackageBrowser::Index>> PackageBrowser::index_of(std::uint64_t slot) {
    NodeRow node;
    {
        const std::lock_guard lock(mutex_);
        const auto found = packages_.find(slot);
        if (found == packages_.end()) return fail(Errc::not_found, "browse backups");
        if (found->second.index) {
            found->second.used = ++uses_;
            return found->second.index;
        }
        node = found->second.node;
    }
    ORACX_TRY(const auto reader, open_known_index(env_.catalog, node));
    if (!reader) return fail(Errc::unavailable, "browse " + node.name, "its list of members has to be read first");
    auto index = make_index(*reader);
    keep(slot, index);
    return index;
}

// --- the folder --------------------------------------------------------------------------------------------------------

bool PackageBrowser::is_ready(std::uint64_t id) {
    // Loads from the catalogue what is known there: no more than what follows would do.
    return id == 0 || index_of(slot_in(id)).has_value();
}

Status PackageBrowser::prepare(std::uint64_t id, const std::stop_token& stop) {
    if (id == 0) return {};
    ORACX_TRY(const Package package, package_at(slot_in(id)));
    PackageInfo info;
    info.node = package.node;
    info.time = package.time;
    ORACX_TRY(const auto reader, open_package(env_, info, "", std::nullopt, {stop, std::nullopt}));
    keep(slot_in(id), make_index(*reader));
    return {};
}

Result<VirtualItem> PackageBrowser::find(std::uint64_t folder, const std::string& name) {
    pool_->drop_old();
    if (folder == 0) {
        const std::string& prefix = env_.config()->backup.name_prefix;
        const auto sample = package_name(prefix, env_.clock.wall());
        if (!sample || name.size() != kTimeLength) return fail(Errc::not_found, name);
        const std::string full = sample->substr(0, sample->size() - kTimeLength - kEnding.size()) + name + std::string(kEnding);
        const auto time = parse_package_name(prefix, full);
        if (!time) return fail(Errc::not_found, name);
        ORACX_TRY(const auto node, env_.catalog.child(kRootNode, full));
        if (!node || node->kind != NodeKind::file || !node->version || node->torn || node->local_only) return fail(Errc::not_found, name);
        const std::lock_guard lock(mutex_);
        const std::uint64_t slot = slot_of(*node, *time);
        return describe(packages_[slot], slot);
    }
    ORACX_TRY(const Package package, package_at(slot_in(folder)));
    ORACX_TRY(const auto index, index_of(slot_in(folder)));
    const auto at = static_cast<std::uint32_t>(folder & kNodeMask);
    if (at >= index->nodes.size()) return fail(Errc::not_found, name);
    if (!index->nodes[at].directory) return fail(Errc::not_directory, name);
    const auto& children = index->nodes[at].children;
    const auto found = std::lower_bound(children.begin(), children.end(), name, [&](std::uint32_t child, const std::string& wanted) { return index->nodes[child].name < wanted; });
    if (found == children.end() || index->nodes[*found].name != name) return fail(Errc::not_found, name);
    return describe(package, slot_in(folder), *index, *found);
}

Result<std::vector<VirtualItem>> PackageBrowser::list(std::uint64_t folder) {
    pool_->drop_old();
    std::vector<VirtualItem> items;
    if (folder == 0) {
        const std::string& prefix = env_.config()->backup.name_prefix;
        ORACX_TRY(const auto children, env_.catalog.children(kRootNode));
        const std::lock_guard lock(mutex_);
        for (const NodeRow& node : children) {
            if (node.kind != NodeKind::file || !node.version || node.torn || node.local_only) continue;
            const auto time = parse_package_name(prefix, node.name);
            if (!time) continue;
            const std::uint64_t slot = slot_of(node, *time);
            items.push_back(describe(packages_[slot], slot));
        }
        return items;
    }
    ORACX_TRY(const Package package, package_at(slot_in(folder)));
    ORACX_TRY(const auto index, index_of(slot_in(folder)));
    const auto at = static_cast<std::uint32_t>(folder & kNodeMask);
    if (at >= index->nodes.size()) return fail(Errc::not_found, "browse " + package.node.name);
    if (!index->nodes[at].directory) return fail(Errc::not_directory, index->nodes[at].name);
    for (const std::uint32_t child : index->nodes[at].children) items.push_back(describe(package, slot_in(folder), *index, child));
    return items;
}

Result<VirtualItem> PackageBrowser::item(std::uint64_t id) {
    if (id == 0) return VirtualItem{};
    ORACX_TRY(const Package package, package_at(slot_in(id)));
    const auto at = static_cast<std::uint32_t>(id & kNodeMask);
    if (at == 0) return describe(package, slot_in(id));
    ORACX_TRY(const auto index, index_of(slot_in(id)));
    if (at >= index->nodes.size()) return fail(Errc::not_found, "browse " + package.node.name);
    return describe(package, slot_in(id), *index, at);
}

Result<std::shared_ptr<VirtualFile>> PackageBrowser::open(std::uint64_t id) {
    ORACX_TRY(const Package package, package_at(slot_in(id)));
    ORACX_TRY(const auto index, index_of(slot_in(id)));
    const auto at = static_cast<std::uint32_t>(id & kNodeMask);
    if (at >= index->nodes.size() || index->nodes[at].entry < 0) return fail(Errc::not_found, "browse " + package.node.name);
    if (index->nodes[at].directory) return fail(Errc::is_directory, index->nodes[at].name);
    const PackageEntry& entry = index->entries[static_cast<std::size_t>(index->nodes[at].entry)];
    if (entry.aes_strength != 0) {
        ORACX_TRY(const auto passphrase, stored_passphrase(env_));
        if (!passphrase) return fail(Errc::key_unavailable, "open " + entry.name, "it is encrypted, and no passphrase is stored: `oracxfs secrets set backup/passphrase`");
    }
    return std::shared_ptr<VirtualFile>(std::make_shared<MemberFile>(pool_, package.node, entry));
}

Result<std::string> PackageBrowser::read_link(std::uint64_t id, const std::stop_token& stop) {
    ORACX_TRY(const VirtualItem link, item(id));
    if (!link.symlink) return fail(Errc::invalid, "read link " + link.name, "it is none");
    if (link.size > kTargetBytesMax) return fail(Errc::name_too_long, "read link " + link.name);
    ORACX_TRY(const auto index, index_of(slot_in(id)));
    std::size_t depth = 0;
    for (std::uint32_t at = index->nodes[id & kNodeMask].parent; at != 0; at = index->nodes[at].parent) ++depth;
    ORACX_TRY(const auto file, open(id));
    std::string target(link.size, '\0');
    ORACX_TRY(const std::size_t got, file->read_at(0, std::as_writable_bytes(std::span(target.data(), target.size())), stop));
    target.resize(got);
    if (!stays_inside(target, depth)) return fail(Errc::denied, "follow link " + link.name, "it leads out of its package");
    return target;
}

}  // namespace oracxfs
