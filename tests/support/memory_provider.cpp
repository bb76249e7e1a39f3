#include "tests/support/memory_provider.h"

#include <algorithm>

#include "providers/wait.h"
#include "tests/support/memory_number.h"

namespace oracxfs::test {
namespace {

constexpr std::size_t kNameBytesMax = 255;
const std::string kInTrash = "trash-";  // begins the ids of what versions() tells

Error error(Errc code, std::string what, const ObjectKey& key) {
    return Error(code, std::move(what)).with_path(key);
}

bool keeps_leftover(Errc code) {
    return code == Errc::unavailable || code == Errc::outcome_unknown || code == Errc::cancelled ||
           code == Errc::deadline;
}

}  // namespace

MemoryProvider::MemoryProvider(Clock& clock, MemoryOptions options)
    : clock_(clock), options_(options), quota_bytes_(options.quota_bytes) {
    capabilities_.resumable = options.resumable;
    capabilities_.keeps_versions = options.keeps_versions;
    capabilities_.duplicate_names = options.duplicate_names;
    capabilities_.case_insensitive = options.case_insensitive;
    capabilities_.reads_on = options.reads_on;
    capabilities_.verifies_in_put = options.verifies_in_put;
    capabilities_.sets_mtime = true;
    capabilities_.parallel_max = options.parallel_max;
    capabilities_.batch_max = options.batch_max;
    capabilities_.small_bytes = options.small_bytes;
    capabilities_.max_object_bytes = options.max_object_bytes;
    capabilities_.change_feed = options.change_feed;
}

std::string MemoryProvider::fold(const ObjectKey& key) const {
    std::string folded = key;
    if (options_.case_insensitive)
        std::transform(folded.begin(), folded.end(), folded.begin(), [](char c) {
            return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        });
    return folded;
}

MemoryProvider::Objects::iterator MemoryProvider::find(const ObjectKey& key, const std::string& id) {
    const std::string folded = fold(key);
    if (!id.empty()) return objects_.find({folded, number_in(id)});
    const auto found = objects_.lower_bound({folded, 0});
    return found != objects_.end() && found->first.first == folded ? found : objects_.end();
}

MemoryProvider::Objects::const_iterator MemoryProvider::find(const ObjectKey& key,
                                                             const std::string& id) const {
    return const_cast<MemoryProvider*>(this)->find(key, id);
}

bool MemoryProvider::has_children(const ObjectKey& key) const {
    const std::string prefix = fold(key) + "/";
    const auto below = objects_.lower_bound({prefix, 0});
    return below != objects_.end() && below->first.first.starts_with(prefix);
}

Status MemoryProvider::make_parents(const ObjectKey& key) {
    const ObjectKey parent(parent_key(key));
    if (parent.empty()) return {};
    const auto found = find(parent);
    if (found != objects_.end()) {
        if (found->second.remote.is_directory) return {};
        return fail(error(Errc::not_directory, "create folder", parent));
    }
    ORACX_TRYV(make_parents(parent));
    insert(parent, nullptr);
    return {};
}

MemoryProvider::Object& MemoryProvider::insert(const ObjectKey& key,
                                               std::shared_ptr<const Content> content,
                                               const std::optional<Sha256>& sha256) {
    const std::uint64_t number = next_number_++;
    Object& object = objects_[{fold(key), number}];
    object.remote.key = key;
    object.remote.id = std::to_string(number);
    object.remote.is_directory = content == nullptr;
    object.listed_from = clock_.steady() + options_.listing_delay;
    if (content != nullptr) {
        object.remote.size = content->size();
        object.remote.rev = "r" + std::to_string(number);
        object.remote.mtime_ns = to_ms(clock_.wall()) * 1'000'000;
        if (options_.gives_digests) object.remote.sha256 = sha256 ? *sha256 : content->sha256();
    }
    object.content = std::move(content);
    tell_of(object.remote);
    return object;
}

std::uint64_t MemoryProvider::used_bytes() const {
    std::uint64_t bytes = 0;
    for (const auto& [key, object] : objects_) bytes += object.remote.size;
    return bytes;
}

Status MemoryProvider::check_new_key(const ObjectKey& key) const {
    ORACX_TRYV(check_key(key));
    if (key.empty()) return fail(error(Errc::invalid, "check key", key));
    for (std::string_view rest = key; !rest.empty();) {
        const std::size_t slash = std::min(rest.find('/'), rest.size());
        if (slash > kNameBytesMax) return fail(error(Errc::name_too_long, "check key", key));
        rest.remove_prefix(std::min(slash + 1, rest.size()));
    }
    return {};
}

// exists or changed, before anything is done.
Status MemoryProvider::check_target(const ObjectKey& key,
                                    const std::optional<RemoteObject>& replaces) {
    const auto found = find(key, replaces ? replaces->id : std::string());
    if (!replaces && found != objects_.end()) return fail(error(Errc::exists, "put", key));
    if (replaces && (found == objects_.end() || found->second.remote.rev != replaces->rev))
        return fail(error(Errc::changed, "replace", key));
    return {};
}

void MemoryProvider::displace(const ObjectKey& key, const std::optional<RemoteObject>& replaces,
                              bool keep) {
    if (!replaces) return;
    const auto found = find(key, replaces->id);
    if (keep && !options_.keeps_versions) trash_.emplace_back(clock_.wall(), found->second);
    if (options_.feed_by_id) tell_gone(found->second.remote, true);  // else the new one is told under the same key
    objects_.erase(found);
}

Result<Space> MemoryProvider::probe(const OpContext& ctx) {
    ORACX_TRYV(still_wanted(ctx, clock_));
    const std::lock_guard lock(mutex_);
    if (quota_bytes_ == UINT64_MAX) return Space{};
    const std::uint64_t used = std::min(quota_bytes_, used_bytes());
    return Space{.total_bytes = quota_bytes_, .free_bytes = quota_bytes_ - used};
}

Status MemoryProvider::receive(const OpContext& ctx, BlobReader& source, const PutOptions& options,
                               Content& content) {
    const DeadlineStop deadline(ctx, clock_);
    Bytes buffer(Content::kPieceBytes);
    std::uint64_t part_end = content.size() + options_.part_bytes;
    for (;;) {
        ORACX_TRYV(still_wanted(ctx, clock_));
        // A whole part is kept or nothing of it, as with a real upload session.
        const std::size_t want = std::min<std::uint64_t>(buffer.size(), part_end - content.size());
        const auto got =
            source.read_at(content.size(), std::span(buffer).first(want), deadline.token());
        if (!got) return fail(deadline.reason(got.error()));
        if (*got == 0) return {};
        content.append(std::span(buffer).first(*got));
        if (content.size() > options_.max_object_bytes) return fail(Errc::too_large, "put");
        if (content.size() < part_end) continue;
        part_end += options_.part_bytes;
        std::string state;
        if (options_.resumable) {
            const std::lock_guard lock(mutex_);
            parts_[options.upload_id] = content;
            state = std::to_string(content.size());
        }
        if (options.on_progress) options.on_progress(content.size(), state);
    }
}

Result<PutResult> MemoryProvider::put(const OpContext& ctx, const ObjectKey& key, BlobReader& source,
                                      const PutOptions& options) {
    ORACX_TRYV(still_wanted(ctx, clock_));
    ORACX_TRYV(check_new_key(key));
    PutResult result;
    auto content = std::make_shared<Content>();
    {
        const std::lock_guard lock(mutex_);
        ORACX_TRYV(check_target(key, options.replaces));
        const auto part = parts_.find(options.upload_id);
        if (part != parts_.end() && !options.resume_state.empty()) {
            *content = part->second;
            content->shrink(number_in(options.resume_state));
            result.resumed_from = content->size();
        }
    }
    const auto failed = [&](Error why) -> Result<PutResult> {
        const std::lock_guard lock(mutex_);
        if (!keeps_leftover(why.code)) parts_.erase(options.upload_id);
        return fail(std::move(why).with_path(key));
    };
    if (Status received = receive(ctx, source, options, *content); !received)
        return failed(std::move(received).error());
    const auto digests = source.digests();
    std::optional<Sha256> sha256;
    if (options_.verifies_in_put || options_.gives_digests) sha256 = content->sha256();
    if (options_.verifies_in_put) {
        if (!digests || *sha256 != digests->sha256)
            return failed(Error(Errc::corrupt, "put", "the digests differ"));
        result.verified = true;
    }
    const std::uint64_t size = content->size();
    {
        const std::lock_guard lock(mutex_);
        Status ready = check_target(key, options.replaces);
        if (ready) ready = make_parents(key);
        if (ready && used_bytes() + size > quota_bytes_)
            ready = fail(error(Errc::quota_full, "put", key));
        parts_.erase(options.upload_id);
        if (!ready) return fail(std::move(ready).error());
        displace(key, options.replaces, options.keep_replaced);
        Object& object = insert(key, std::move(content), sha256);
        if (options.mtime_ns != 0) object.remote.mtime_ns = options.mtime_ns;
        result.object = object.remote;
    }
    if (options.on_progress) options.on_progress(size, "");
    return result;
}

Status MemoryProvider::discard_upload(const OpContext& ctx, const ObjectKey&,
                                      const std::string& upload_id, const std::string&) {
    ORACX_TRYV(still_wanted(ctx, clock_));
    const std::lock_guard lock(mutex_);
    parts_.erase(upload_id);
    return {};
}

Result<RemoteObject> MemoryProvider::stat(const OpContext& ctx, const ObjectKey& key) {
    ORACX_TRYV(still_wanted(ctx, clock_));
    ORACX_TRYV(check_key(key));
    const std::lock_guard lock(mutex_);
    if (key.empty()) {
        RemoteObject root;
        root.is_directory = true;
        return root;
    }
    const auto found = find(key);
    if (found == objects_.end()) return fail(error(Errc::not_found, "stat", key));
    return found->second.remote;
}

Status MemoryProvider::stream(const OpContext& ctx, const Clock& clock, const Content& content,
                              std::uint64_t offset, std::uint64_t length, const ByteSink& sink) {
    const std::uint64_t end =
        offset + std::min(length, content.size() - std::min(content.size(), offset));
    while (offset < end) {
        ORACX_TRYV(still_wanted(ctx, clock));
        const auto piece = content.piece_at(offset);
        const std::size_t count = std::min<std::uint64_t>(piece.size(), end - offset);
        if (!sink(piece.first(count))) return {};
        offset += count;
    }
    return {};
}

Status MemoryProvider::read(const OpContext& ctx, const RemoteObject& object, std::uint64_t offset,
                            std::uint64_t length, const ByteSink& sink) {
    ORACX_TRYV(still_wanted(ctx, clock_));
    std::shared_ptr<const Content> content;
    {
        const std::lock_guard lock(mutex_);
        if (object.id.starts_with(kInTrash)) {
            const auto kept = std::find_if(trash_.begin(), trash_.end(), [&](const auto& entry) { return kInTrash + entry.second.remote.id == object.id; });
            if (kept == trash_.end()) return fail(error(Errc::not_found, "read", object.key));
            content = kept->second.content;
        }
    }
    if (content) return stream(ctx, clock_, *content, offset, length, sink);
    {
        const std::lock_guard lock(mutex_);
        const auto found = find(object.key, object.id);
        if (found == objects_.end() && find(object.key) != objects_.end())
            return fail(error(Errc::changed, "read", object.key));
        if (found == objects_.end()) return fail(error(Errc::not_found, "read", object.key));
        if (found->second.remote.is_directory)
            return fail(error(Errc::is_directory, "read", object.key));
        if (!object.rev.empty() && found->second.remote.rev != object.rev)
            return fail(error(Errc::changed, "read", object.key));
        content = found->second.content;
    }
    return stream(ctx, clock_, *content, offset, length, sink);
}

Status MemoryProvider::verify(const OpContext& ctx, const RemoteObject& object,
                              const ContentDigests& expected) {
    ORACX_TRYV(still_wanted(ctx, clock_));
    std::shared_ptr<const Content> content;
    {
        const std::lock_guard lock(mutex_);
        auto found = find(object.key, object.id);
        if (found == objects_.end()) found = find(object.key);
        if (found == objects_.end()) return fail(error(Errc::not_found, "verify", object.key));
        content = found->second.content;
    }
    if (content == nullptr) return fail(error(Errc::is_directory, "verify", object.key));
    Sha256Hasher hasher;
    ORACX_TRYV(stream(ctx, clock_, *content, 0, content->size(), [&](auto data) {
        hasher.update(data);
        return true;
    }));
    if (content->size() == expected.size && hasher.finish() == expected.sha256) return {};
    return fail(error(Errc::corrupt, "verify", object.key));
}

Result<ListPage> MemoryProvider::list(const OpContext& ctx, const ObjectKey& directory,
                                      const std::string& cursor) {
    ORACX_TRYV(still_wanted(ctx, clock_));
    ORACX_TRYV(check_key(directory));
    const std::lock_guard lock(mutex_);
    if (!directory.empty() && find(directory) == objects_.end())
        return fail(error(Errc::not_found, "list", directory));
    ListPage page;
    if (cursor.empty() && directory.empty()) {
        for (const auto& [upload_id, content] : parts_) {
            RemoteObject leftover;
            leftover.key = part_name(upload_id);
            leftover.rev = "part";
            leftover.size = content.size();
            page.leftovers.push_back(std::move(leftover));
        }
    }
    const std::string prefix = directory.empty() ? "" : fold(directory) + "/";
    // The cursor is "id key": what was given out last.
    auto next = objects_.lower_bound({prefix, 0});
    if (!cursor.empty()) {
        const std::size_t space = cursor.find(' ');
        next = objects_.upper_bound({cursor.substr(space + 1), number_in(cursor)});
    }
    for (; next != objects_.end() && next->first.first.starts_with(prefix); ++next) {
        const Object& object = next->second;
        if (clock_.steady() < object.listed_from) continue;
        if (is_internal_name(base_name(object.remote.key))) continue;
        if (page.entries.size() == options_.page_entries) {
            const auto& last = page.entries.back();
            page.next = last.id + " " + fold(last.key);
            break;
        }
        page.entries.push_back(object.remote);
    }
    return page;
}

Status MemoryProvider::remove(const OpContext& ctx, const RemoteObject& object, RemoveMode mode) {
    ORACX_TRYV(still_wanted(ctx, clock_));
    const std::lock_guard lock(mutex_);
    auto found = find(object.key, object.id);
    // An id that is gone: another object of that name is there now, or nothing.
    if (found == objects_.end() && !object.rev.empty() && find(object.key) != objects_.end())
        return options_.duplicate_names ? Status() : fail(error(Errc::changed, "remove", object.key));
    if (found == objects_.end()) return {};
    if (found->second.remote.is_directory)
        return fail(error(Errc::is_directory, "remove", object.key));
    if (!object.rev.empty() && found->second.remote.rev != object.rev)
        return fail(error(Errc::changed, "remove", object.key));
    if (mode == RemoveMode::trash && !options_.keeps_versions)
        trash_.emplace_back(clock_.wall(), found->second);
    tell_gone(found->second.remote, true);
    objects_.erase(found);
    return {};
}

Result<RemoteObject> MemoryProvider::rename(const OpContext& ctx, const RemoteObject& object,
                                            const ObjectKey& to,
                                            const std::optional<RemoteObject>& replaces) {
    ORACX_TRYV(still_wanted(ctx, clock_));
    ORACX_TRYV(check_new_key(to));
    const std::lock_guard lock(mutex_);
    const auto source = find(object.key, object.id);
    if (source == objects_.end() && find(object.key) != objects_.end())
        return fail(error(Errc::changed, "rename", object.key));
    if (source == objects_.end()) return fail(error(Errc::not_found, "rename", object.key));
    const bool is_directory = source->second.remote.is_directory;
    if (!is_directory && !object.rev.empty() && source->second.remote.rev != object.rev)
        return fail(error(Errc::changed, "rename", object.key));
    if (to == source->second.remote.key) return source->second.remote;
    if (fold(to).starts_with(fold(object.key) + "/") || (is_directory && replaces))
        return fail(error(Errc::invalid, "rename", object.key));
    // "a" -> "A" where both are the same name: the object is not in its own way.
    if (fold(to) != fold(object.key)) ORACX_TRYV(check_target(to, replaces));
    ORACX_TRYV(make_parents(to));
    displace(to, replaces, true);

    return move_to(source, to);
}

RemoteObject MemoryProvider::move_to(Objects::iterator source, const ObjectKey& to) {
    Objects moved;
    const RemoteObject old = source->second.remote;
    const std::string prefix = fold(old.key) + "/";
    const std::size_t cut = old.key.size();
    if (!options_.feed_by_id) tell_gone(old, true);
    const auto move = [&](Objects::iterator at) {
        auto node = objects_.extract(at);
        ObjectKey& key = node.mapped().remote.key;
        key = to + key.substr(cut);
        node.key().first = fold(key);
        if (!options_.feed_by_id || moved.empty()) tell_of(node.mapped().remote);
        moved.insert(std::move(node));
    };
    move(source);
    if (old.is_directory) {
        for (auto at = objects_.lower_bound({prefix, 0});
             at != objects_.end() && at->first.first.starts_with(prefix);) {
            const auto next = std::next(at);
            move(at);
            at = next;
        }
    }
    objects_.merge(moved);
    return find(to, old.id)->second.remote;
}

Result<RemoteObject> MemoryProvider::make_directory(const OpContext& ctx, const ObjectKey& key) {
    ORACX_TRYV(still_wanted(ctx, clock_));
    ORACX_TRYV(check_new_key(key));
    const std::lock_guard lock(mutex_);
    const auto found = find(key);
    if (found != objects_.end() && found->second.remote.is_directory) return found->second.remote;
    if (found != objects_.end()) return fail(error(Errc::exists, "create folder", key));
    ORACX_TRYV(make_parents(key));
    return insert(key, nullptr).remote;
}

Status MemoryProvider::remove_directory(const OpContext& ctx, const ObjectKey& key) {
    ORACX_TRYV(still_wanted(ctx, clock_));
    const std::lock_guard lock(mutex_);
    const auto found = find(key);
    if (found == objects_.end()) return {};
    if (!found->second.remote.is_directory)
        return fail(error(Errc::not_directory, "remove folder", key));
    if (has_children(key)) return fail(error(Errc::not_empty, "remove folder", key));
    tell_gone(found->second.remote, true);
    objects_.erase(found);
    return {};
}

Result<std::uint64_t> MemoryProvider::purge_trash(const OpContext& ctx, Millis age) {
    ORACX_TRYV(still_wanted(ctx, clock_));
    const std::lock_guard lock(mutex_);
    const WallTime before = clock_.wall() - age;
    return std::erase_if(trash_, [&](const auto& entry) { return entry.first <= before; });
}

Result<std::vector<RemoteObject>> MemoryProvider::versions(const OpContext& ctx, const RemoteObject& object) {
    ORACX_TRYV(still_wanted(ctx, clock_));
    if (options_.keeps_versions) return fail(Errc::unsupported, "list versions");
    const std::lock_guard lock(mutex_);
    std::vector<RemoteObject> kept;
    for (const auto& [since, entry] : trash_) {
        if (fold(entry.remote.key) != fold(object.key)) continue;
        kept.push_back(entry.remote);
        kept.back().id = kInTrash + kept.back().id;
    }
    std::reverse(kept.begin(), kept.end());
    return kept;
}

}  // namespace oracxfs::test
