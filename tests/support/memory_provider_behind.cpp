// MemoryProvider: what others do behind the product's back, and what a test sees without asking the product.

#include "tests/support/memory_provider.h"

namespace oracxfs::test {

bool MemoryProvider::damage(const ObjectKey& key, std::uint64_t offset) {
    const std::lock_guard lock(mutex_);
    const auto found = find(key);
    if (found == objects_.end() || !found->second.content) return false;
    if (offset >= found->second.content->size()) return false;
    auto content = std::make_shared<Content>(*found->second.content);
    content->flip(offset);
    found->second.content = std::move(content);
    return true;
}

bool MemoryProvider::remove_behind(const ObjectKey& key) {
    const std::lock_guard lock(mutex_);
    const auto found = find(key);
    if (found == objects_.end()) return false;
    tell_gone(found->second.remote, false);
    const std::string prefix = fold(key) + "/";
    objects_.erase(found);
    std::erase_if(objects_, [&](const auto& entry) { return entry.first.first.starts_with(prefix); });
    return true;
}

bool MemoryProvider::rename_behind(const ObjectKey& from, const ObjectKey& to) {
    const std::lock_guard lock(mutex_);
    const auto found = find(from);
    if (found == objects_.end() || find(to) != objects_.end() || !make_parents(to)) return false;
    move_to(found, to);
    return true;
}

void MemoryProvider::add_directory_behind(const ObjectKey& key) {
    const std::lock_guard lock(mutex_);
    if (find(key) == objects_.end() && make_parents(key)) insert(key, nullptr);
}

void MemoryProvider::add_behind(const ObjectKey& key, Bytes data) {
    const std::lock_guard lock(mutex_);
    const auto found = find(key);
    if (found != objects_.end() && !options_.duplicate_names) {
        if (options_.feed_by_id) tell_gone(found->second.remote, false);
        objects_.erase(found);
    }
    auto content = std::make_shared<Content>();
    content->append(data);
    static_cast<void>(make_parents(key).has_value());
    insert(key, std::move(content));
}

void MemoryProvider::set_quota(std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    quota_bytes_ = bytes;
}

std::optional<Bytes> MemoryProvider::content(const ObjectKey& key) const {
    const std::lock_guard lock(mutex_);
    const auto found = find(key);
    if (found == objects_.end() || !found->second.content) return std::nullopt;
    return found->second.content->bytes();
}

std::vector<ObjectKey> MemoryProvider::files() const {
    const std::lock_guard lock(mutex_);
    std::vector<ObjectKey> keys;
    for (const auto& [key, object] : objects_)
        if (!object.remote.is_directory) keys.push_back(object.remote.key);
    return keys;
}

std::size_t MemoryProvider::trash_count() const {
    const std::lock_guard lock(mutex_);
    return trash_.size();
}

std::size_t MemoryProvider::leftover_count() const {
    const std::lock_guard lock(mutex_);
    return parts_.size();
}

}  // namespace oracxfs::test
