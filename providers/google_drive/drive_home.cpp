#include "providers/google_drive/drive_home.h"

#include <algorithm>

#include "providers/wait.h"

namespace oracxfs::drive {
namespace {

constexpr Millis kTrusted{30'000};
// A folder of up to so many entries is listed rather than believed by the change feed, which may lag behind.
constexpr std::size_t kListedAnew = kPageSize;
constexpr int kWaysUpMax = 128;
constexpr std::size_t kRemovedMax = 10'000;

bool older(const Located& a, const Located& b) {
    return a.meta.created != b.meta.created ? a.meta.created < b.meta.created : a.meta.id < b.meta.id;
}

bool lies_in(const FileMeta& meta, const std::string& folder) {
    return std::find(meta.parents.begin(), meta.parents.end(), folder) != meta.parents.end();
}

}  // namespace

bool has_internal_component(std::string_view key) {
    while (!key.empty()) {
        const std::size_t slash = std::min(key.find('/'), key.size());
        if (is_internal_name(key.substr(0, slash))) return true;
        key.remove_prefix(std::min(slash + 1, key.size()));
    }
    return false;
}

DriveHome::DriveHome(std::unique_ptr<DriveApi> api) : api_(std::move(api)), ids_(*api_), root_finder_(*api_, ids_) {}

RemoteObject DriveHome::object_of(ObjectKey key, const FileMeta& meta) {
    RemoteObject object;
    object.key = std::move(key);
    object.id = meta.id;
    object.is_directory = meta.kind == FileKind::folder;
    object.mtime_ns = meta.modified_ns;
    if (object.is_directory) return object;
    object.rev = meta.rev();
    object.size = meta.size;
    object.sha256 = meta.sha256;
    return object;
}

void DriveHome::saw(const FileMeta& meta) {
    tree_.saw(meta);
    if (meta.kind == FileKind::file && !meta.trashed) heads_.put(meta.id, {meta.rev(), meta.size}, clock().steady());
    else heads_.forget(meta.id);
}

// --- root ----------------------------------------------------------------------------------------------------------------

Result<Space> DriveHome::probe(const OpContext& ctx) {
    ORACX_TRY(const About about, api_->about(ctx));
    ORACX_TRYV(find_root(ctx, about));
    {
        // While we could not reach it others could: what is known of the tree is not fresh any more.
        const std::lock_guard lock(mutex_);
        synced_ = clock().steady() - kTrusted;
    }
    Space space;
    if (!api_->config().shared_drive.empty() || !about.limit) return space;
    space.total_bytes = about.limit;
    space.free_bytes = *about.limit - std::min(*about.limit, about.usage.value_or(0));
    return space;
}

Result<std::string> DriveHome::find_root(const OpContext& ctx, const About& about) {
    ORACX_TRY(const KeyedLock::Hold hold, locks_.take(ctx, clock(), "root"));
    ORACX_TRY(std::string id, root_finder_.find(ctx, about.account_id));
    if (tree_.root() == id) return id;
    // Before anything is listed, so that nothing can fall between the listing and the feed.
    ORACX_TRY(std::string token, api_->start_token(ctx));
    const std::lock_guard lock(mutex_);
    tree_.reset(id);
    change_token_ = std::move(token);
    synced_ = clock().steady();
    return id;
}

Result<std::string> DriveHome::root(const OpContext& ctx) {
    ORACX_TRYV(still_wanted(ctx, clock()));
    if (std::string id = tree_.root(); !id.empty()) return id;
    ORACX_TRY(const About about, api_->about(ctx));
    return find_root(ctx, about);
}

Result<std::string> DriveHome::resume(const OpContext& ctx, const std::string& root_id, const std::string& token) {
    if (std::string id = tree_.root(); !id.empty()) return id;
    ORACX_TRY(const About about, api_->about(ctx));
    if (!root_finder_.was(root_id, about.account_id)) return find_root(ctx, about);
    ORACX_TRY(const KeyedLock::Hold hold, locks_.take(ctx, clock(), "root"));
    if (std::string id = tree_.root(); !id.empty()) return id;
    const std::lock_guard lock(mutex_);
    tree_.reset(root_id);
    change_token_ = token;
    synced_ = clock().steady() - kTrusted;
    return root_id;
}

void DriveHome::lose_root() {
    const std::lock_guard lock(mutex_);
    tree_.reset("");
    change_token_.clear();
}

void DriveHome::removes(const std::string& folder, bool gone) {
    const std::lock_guard lock(mutex_);
    if (removed_.size() >= kRemovedMax) removed_.clear();
    if (gone) removed_.insert(folder);
    else removed_.erase(folder);
}

bool DriveHome::removed_by_us(const std::string& folder) const {
    const std::lock_guard lock(mutex_);
    return removed_.contains(folder);
}

// --- keeping the tree ------------------------------------------------------------------------------------------------------

void DriveHome::apply(const ChangeEntry& change) {
    if (change.file) return saw(*change.file);
    tree_.forget(change.id);
    heads_.forget(change.id);
}

Status DriveHome::sync(const OpContext& ctx, Millis max_age) {
    const SteadyTime asked = clock().steady();
    const auto fresh = [&] {
        const std::lock_guard lock(mutex_);
        return !change_token_.empty() && (synced_ >= asked || asked - synced_ < max_age);
    };
    if (fresh()) return {};
    ORACX_TRY(const KeyedLock::Hold hold, locks_.take(ctx, clock(), "changes"));
    if (fresh()) return {};
    std::string token;
    {
        const std::lock_guard lock(mutex_);
        token = change_token_;
    }
    for (;;) {
        const SteadyTime begun = clock().steady();
        auto page = api_->changes(ctx, token);
        if (!page && page.error().code == Errc::changed) {
            tree_.forget_completeness();
            ORACX_TRY(token, api_->start_token(ctx));
            page = ChangesPage{{}, "", token};
        }
        if (!page) return fail(std::move(page).error());
        for (const ChangeEntry& change : page->changes) apply(change);
        token = page->next.empty() ? page->new_start : page->next;
        const std::lock_guard lock(mutex_);
        change_token_ = token;
        if (!page->next.empty()) continue;
        synced_ = begun;
        return {};
    }
}

Status DriveHome::list_into_tree(const OpContext& ctx, const std::string& folder) {
    std::string token;
    do {
        ORACX_TRY(const FilePage page, api_->list(ctx, quote(folder) + " in parents", token, kPageSize));
        for (const FileMeta& file : page.files) tree_.saw(file);
        token = page.next;
    } while (!token.empty());
    tree_.set_complete(folder);
    return {};
}

// What is in the folder is known afterwards, as well as `trust` asks for.
Status DriveHome::make_complete(const OpContext& ctx, const std::string& folder, Trust trust) {
    if (!tree_.is_complete(folder)) {
        ORACX_TRY(const KeyedLock::Hold hold, locks_.take(ctx, clock(), "list " + folder));
        if (!tree_.is_complete(folder)) return list_into_tree(ctx, folder);
    }
    if (trust == Trust::known) return sync(ctx, kTrusted);
    if (tree_.size_of(folder) <= kListedAnew) return list_into_tree(ctx, folder);
    return sync(ctx, Millis(0));
}

void DriveHome::forget_stale(const OpContext& ctx, const std::string& folder) {
    std::string at = folder;
    const std::string root = tree_.root();
    for (int i = 0; i < kWaysUpMax && at != root; ++i) {
        const auto meta = api_->get(ctx, at);
        if (!meta && meta.error().code == Errc::not_found) return tree_.forget(at);
        if (!meta) return;
        saw(*meta);
        if (meta->trashed && (meta->parents.empty() || !tree_.is_folder(meta->parents.front()))) return;
        if (meta->parents.empty()) return tree_.forget(at);
        at = meta->parents.front();
    }
}

// --- keys ------------------------------------------------------------------------------------------------------------------

// The object if it lives under this name; else it is no candidate any more.
Result<std::optional<FileMeta>> DriveHome::look(const OpContext& ctx, const std::string& folder, std::string_view component,
                                                const std::string& id) {
    auto meta = api_->get(ctx, id);
    if (!meta && meta.error().code != Errc::not_found) return fail(std::move(meta).error());
    if (!meta) {
        tree_.forget(id);
        heads_.forget(id);
    } else {
        saw(*meta);
        const bool here = !meta->trashed && lies_in(*meta, folder) && component_of(meta->name) == component;
        if (here && meta->kind != FileKind::special) return std::optional<FileMeta>(std::move(*meta));
    }
    tree_.forget_name(folder, component, id);
    return std::optional<FileMeta>();
}

Result<std::vector<std::string>> DriveHome::folders(const OpContext& ctx, std::string_view directory, Trust trust) {
    ORACX_TRY(const std::string top, root(ctx));
    std::vector<std::string> here{top};
    while (!directory.empty()) {
        const std::size_t slash = std::min(directory.find('/'), directory.size());
        const std::string_view component = directory.substr(0, slash);
        directory.remove_prefix(std::min(slash + 1, directory.size()));
        std::vector<std::string> below;
        const auto collect = [&] {
            for (const std::string& folder : here)
                for (std::string& id : tree_.folders_named(folder, component)) below.push_back(std::move(id));
        };
        collect();
        if (below.empty()) {
            for (const std::string& folder : here) ORACX_TRYV(make_complete(ctx, folder, trust));
            collect();
        }
        if (below.empty()) return below;
        here = std::move(below);
    }
    return here;
}

Result<std::string> DriveHome::make_folders(const OpContext& ctx, std::string_view directory) {
    ORACX_TRY(std::string here, root(ctx));
    while (!directory.empty()) {
        const std::size_t slash = std::min(directory.find('/'), directory.size());
        const std::string component(directory.substr(0, slash));
        directory.remove_prefix(std::min(slash + 1, directory.size()));
        auto known = tree_.folders_named(here, component);
        if (known.empty()) {
            ORACX_TRY(here, make_folder(ctx, here, component));
        } else {
            here = std::move(known.front());
        }
    }
    return here;
}

Result<std::string> DriveHome::make_folder(const OpContext& ctx, const std::string& parent, std::string_view component) {
    ORACX_TRY(const KeyedLock::Hold hold, locks_.take(ctx, clock(), "name " + parent + "/" + std::string(component)));
    ORACX_TRYV(make_complete(ctx, parent, Trust::known));
    if (auto known = tree_.folders_named(parent, component); !known.empty()) return std::move(known.front());
    for (const std::string& id : tree_.candidates(parent, component)) {
        ORACX_TRY(const auto there, look(ctx, parent, component, id));
        if (there && there->kind == FileKind::folder) return id;
        if (there) return fail(Errc::not_directory, "create folder", "a file has this name");
    }
    FileChange change;
    ORACX_TRY(change.id, ids_.take(ctx));
    change.name = component;
    change.parent = parent;
    change.folder = true;
    change.app_properties = {{"ox", "1"}};
    auto made = api_->create(ctx, change);
    if (!made && made.error().code == Errc::exists) made = api_->get(ctx, change.id);
    if (!made) return fail(std::move(made).error());
    if (made->trashed) return fail(Errc::not_found, "create folder", "the folder above is in the trash");
    saw(*made);
    tree_.set_complete(made->id);  // nobody can have put anything there yet
    return made->id;
}

Result<std::vector<Located>> DriveHome::find_all(const OpContext& ctx, const ObjectKey& key, Trust trust) {
    std::vector<Located> found;
    const std::string_view component = base_name(key);
    ORACX_TRY(const std::vector<std::string> parents, folders(ctx, parent_key(key), trust));
    const auto look_at_all = [&]() -> Status {
        for (const std::string& parent : parents)
            for (const std::string& id : tree_.candidates(parent, component)) {
                ORACX_TRY(auto there, look(ctx, parent, component, id));
                if (there) found.push_back({std::move(*there), parent, key});
            }
        return {};
    };
    if (trust == Trust::ask) ORACX_TRYV(look_at_all());
    if (found.empty()) {
        for (const std::string& parent : parents) ORACX_TRYV(make_complete(ctx, parent, trust));
        ORACX_TRYV(look_at_all());
    }
    std::sort(found.begin(), found.end(), older);
    return found;
}

Result<Located> DriveHome::locate(const OpContext& ctx, const RemoteObject& object) {
    if (object.id.empty()) {
        ORACX_TRY(std::vector<Located> found, find_all(ctx, object.key, Trust::ask));
        if (found.empty()) return fail(Errc::not_found, "look at it", "it is not there");
        return std::move(found.front());
    }
    ORACX_TRY(FileMeta meta, api_->get(ctx, object.id));
    saw(meta);
    if (meta.trashed) return fail(Errc::not_found, "look at it", "it is in Drive's trash");
    std::string folder = meta.parents.empty() ? "" : meta.parents.front();
    ORACX_TRY(auto key, key_of(ctx, meta));
    return Located{std::move(meta), std::move(folder), std::move(key)};
}

Result<std::optional<ObjectKey>> DriveHome::key_of_folder(const OpContext& ctx, const std::string& folder) {
    for (int i = 0; i < kWaysUpMax; ++i) {
        std::string unknown;
        if (auto key = tree_.key_of(folder, &unknown)) return key;
        if (unknown.empty()) return std::optional<ObjectKey>();
        auto meta = api_->get(ctx, unknown);
        if (!meta && meta.error().code != Errc::not_found) return fail(std::move(meta).error());
        if (meta && meta->kind == FileKind::folder && !meta->trashed) tree_.saw(*meta);
        else tree_.set_outside(unknown);
    }
    return std::optional<ObjectKey>();
}

Result<std::optional<ObjectKey>> DriveHome::key_of(const OpContext& ctx, const FileMeta& meta) {
    if (meta.parents.empty()) return std::optional<ObjectKey>();
    ORACX_TRY(auto directory, key_of_folder(ctx, meta.parents.front()));
    if (!directory) return directory;
    const std::string component = component_of(meta.name);
    return std::optional<ObjectKey>(directory->empty() ? component : *directory + "/" + component);
}

}  // namespace oracxfs::drive
