#include "providers/dropbox/dropbox_names.h"

#include <algorithm>
#include <array>
#include <vector>

#include "providers/dropbox/unicode_nfc.h"

namespace oracxfs::dropbox {
namespace {

constexpr std::size_t kNameBytesMax = 255;  // in characters there; bytes are never fewer

std::vector<std::string_view> components(std::string_view path) {
    std::vector<std::string_view> parts;
    while (!path.empty()) {
        const std::size_t slash = std::min(path.find('/'), path.size());
        if (slash > 0) parts.push_back(path.substr(0, slash));
        path.remove_prefix(std::min(slash + 1, path.size()));
    }
    return parts;
}

// Why a name cannot be stored; "" if it can.
std::string_view refusal(std::string_view name) {
    constexpr std::array<std::string_view, 6> kReserved = {"desktop.ini", "thumbs.db", ".ds_store",
                                                           "icon\r",      ".dropbox",  ".dropbox.attr"};
    if (name.find('\\') != std::string_view::npos) return "Dropbox stores no name with a backslash";
    if (name.find('\x7f') != std::string_view::npos) return "Dropbox stores no name with a DEL character";
    if (name.ends_with(' ')) return "Dropbox cuts off blanks at the end of a name";
    const std::string folded = ascii_lower(name);
    if (std::find(kReserved.begin(), kReserved.end(), folded) != kReserved.end()) return "Dropbox keeps this name for itself";
    if (!is_utf8(name)) return "Dropbox stores only names that are UTF-8";
    if (!is_nfc(name)) return "Dropbox would store it with composed accents (Unicode NFC), as another name";
    return {};
}

}  // namespace

std::string ascii_lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return out;
}

Status check_storable(const ObjectKey& key) {
    ORACX_TRYV(check_key(key));
    for (const std::string_view name : components(key)) {
        if (name.size() > kNameBytesMax) return fail(Errc::name_too_long, "check the name", "a component has more than 255 bytes");
        if (const std::string_view why = refusal(name); !why.empty()) return fail(Errc::name_refused, "check the name", std::string(why));
    }
    return {};
}

Result<std::string> clean_root(const std::string& folder) {
    std::string root;
    for (const std::string_view name : components(folder)) {
        if (name == ".") continue;
        if (name == "..") return fail(Errc::config, "read folder", "'..' is not allowed in it");
        if (name.find('\0') != std::string_view::npos) return fail(Errc::config, "read folder", "NUL in it");
        if (const std::string_view why = refusal(name); !why.empty()) return fail(Errc::config, "read folder", std::string(why));
        root += "/" + std::string(name);
    }
    return root;
}

std::optional<std::string> FolderNames::below_root(std::string_view path) const {
    const auto skip = static_cast<std::size_t>(std::count(root_.begin(), root_.end(), '/'));
    const auto parts = components(path);
    if (parts.size() < skip) return std::nullopt;
    std::string out;
    for (std::size_t i = skip; i < parts.size(); ++i) out += (out.empty() ? "" : "/") + std::string(parts[i]);
    return out;
}

std::optional<ObjectKey> FolderNames::key_of(const Metadata& entry, const ObjectKey& directory) const {
    const auto folded = below_root(entry.path_lower);
    if (!folded) return std::nullopt;
    const auto parts = components(*folded);
    const auto outer = components(directory);
    if (parts.size() <= outer.size()) return std::nullopt;
    const std::string shown = below_root(entry.path_display).value_or("");
    const auto displayed = components(shown);
    ObjectKey key = directory;
    std::string prefix;
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < parts.size(); ++i) {
        prefix += (prefix.empty() ? "" : "/") + std::string(parts[i]);
        if (i < outer.size()) continue;  // as the caller calls it
        if (!key.empty()) key += '/';
        if (i + 1 == parts.size()) {
            key += entry.name;
        } else if (const auto known = names_.find(prefix); known != names_.end()) {
            key += known->second;
        } else {
            key += displayed.size() == parts.size() ? displayed[i] : parts[i];
        }
    }
    return key;
}

bool FolderNames::is_root(const Metadata& entry) const {
    const auto below = below_root(entry.path_lower);
    return !entry.path_lower.empty() && below && below->empty();
}

std::vector<std::string> FolderNames::unknown_parents(const Metadata& entry) const {
    std::vector<std::string> paths;
    const auto folded = below_root(entry.path_lower);
    if (!folded) return paths;
    const std::size_t root_bytes = entry.path_lower.size() - folded->size();
    const std::lock_guard lock(mutex_);
    for (std::size_t slash = folded->find('/'); slash != std::string::npos; slash = folded->find('/', slash + 1))
        if (!names_.contains(folded->substr(0, slash))) paths.push_back(entry.path_lower.substr(0, root_bytes + slash));
    return paths;
}

void FolderNames::add(const ObjectKey& folder) {
    const std::lock_guard lock(mutex_);
    for (std::string_view at = folder; !at.empty(); at = parent_key(at)) names_[ascii_lower(at)] = std::string(base_name(at));
}

void FolderNames::note(const Metadata& folder) {
    const auto folded = below_root(folder.path_lower);
    if (!folded || folded->empty()) return;
    const std::lock_guard lock(mutex_);
    names_[*folded] = folder.name;
}

void FolderNames::forget(const ObjectKey& folder) {
    const std::string folded = ascii_lower(folder);
    const std::lock_guard lock(mutex_);
    names_.erase(folded);
    const std::string below = folded + "/";
    const auto first = names_.lower_bound(below);
    auto last = first;
    while (last != names_.end() && last->first.starts_with(below)) ++last;
    names_.erase(first, last);
}

void FolderNames::forget_folded(const std::string& path_lower) {
    if (const auto folded = below_root(path_lower)) forget(*folded);
}

void FolderNames::forget_all() {
    const std::lock_guard lock(mutex_);
    names_.clear();
    complete_ = false;
}

void FolderNames::set_complete() {
    const std::lock_guard lock(mutex_);
    complete_ = true;
}

FolderNames::Knowledge FolderNames::look_up(const ObjectKey& folder) const {
    if (folder.empty()) return Knowledge::same;
    const std::lock_guard lock(mutex_);
    const auto known = names_.find(ascii_lower(folder));
    if (known != names_.end()) return known->second == base_name(folder) ? Knowledge::same : Knowledge::other_case;
    return complete_ ? Knowledge::absent : Knowledge::unknown;
}

}  // namespace oracxfs::dropbox
