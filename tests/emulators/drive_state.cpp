#include "tests/emulators/drive_state.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "providers/http/http_client.h"

namespace oracxfs::test {
namespace {

std::uint64_t quota_of(const DriveFile& file) {
    std::uint64_t bytes = file.size();
    for (std::size_t i = 0; i + 1 < file.revisions.size(); ++i)
        if (file.revisions[i].keep_forever) bytes += file.revisions[i].content.size();
    return bytes;
}

template <class Map>
void merge(Map& into, const std::vector<std::pair<std::string, std::optional<std::string>>>& pairs) {
    for (const auto& [key, value] : pairs) {
        if (value)
            into[key] = *value;
        else
            into.erase(key);
    }
}

}  // namespace

DriveParameters::DriveParameters(std::string_view query, std::initializer_list<std::string_view> allowed) {
    static constexpr std::array<std::string_view, 6> kCommon{"fields", "alt", "prettyPrint", "quotaUser", "supportsAllDrives",
                                                             "supportsTeamDrives"};
    while (!query.empty()) {
        const std::string_view pair = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(pair.size() + 1, query.size()));
        const auto equals = pair.find('=');
        const auto name = http::percent_decode(pair.substr(0, equals), http::Decoding::form);
        const auto value = http::percent_decode(equals == std::string_view::npos ? "" : pair.substr(equals + 1),
                                                http::Decoding::form);
        if (!name || !value) throw DriveError{400, "badRequest", "Bad Request", {}};
        if (std::find(kCommon.begin(), kCommon.end(), *name) == kCommon.end() &&
            std::find(allowed.begin(), allowed.end(), *name) == allowed.end())
            throw DriveError{400, "badRequest", "Unknown name \"" + *name + "\": Cannot bind query parameter.", *name};
        if (!values_.emplace(*name, *value).second) throw DriveError{400, "invalidParameter", "given twice", *name};
    }
}

std::optional<std::string> DriveParameters::find(std::string_view name) const {
    const auto it = values_.find(name);
    if (it == values_.end()) return std::nullopt;
    return it->second;
}

bool DriveParameters::flag(std::string_view name, bool fallback) const {
    const auto value = find(name);
    if (!value) return fallback;
    if (*value != "true" && *value != "false")
        throw DriveError{400, "invalidParameter", "Invalid boolean value: " + *value, std::string(name)};
    return *value == "true";
}

std::size_t DriveParameters::number(std::string_view name, std::size_t least, std::size_t most, std::size_t fallback) const {
    const auto value = find(name);
    if (!value) return fallback;
    std::size_t number = 0;
    const auto [end, error] = std::from_chars(value->data(), value->data() + value->size(), number);
    if (error != std::errc() || end != value->data() + value->size() || number < least)
        throw DriveError{400, "invalidParameter", "Invalid value '" + *value + "'.", std::string(name)};
    return std::min(number, most);
}

Json DriveParameters::masked(const Json& resource, const Json& known, std::string_view defaults) const {
    const auto fields = find("fields");
    return FieldMask::parse(fields ? std::string_view(*fields) : defaults, known).apply(resource);
}

std::string DriveEmulator::State::make_name(std::string_view prefix, std::size_t characters) {
    static constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    std::string name(prefix);
    for (std::size_t i = 0; i < characters; ++i) name += kAlphabet[random() % kAlphabet.size()];
    return name;
}

std::string DriveEmulator::State::make_id() { return make_name("1", 32); }

DriveFile* DriveEmulator::State::find(std::string_view id) {
    const auto it = files.find(id);
    return it == files.end() ? nullptr : &it->second;
}

bool DriveEmulator::State::is_trashed(const DriveFile& file) const {
    for (const DriveFile* at = &file;;) {
        if (at->trashed) return true;
        const auto it = files.find(at->parent);
        if (it == files.end()) return false;
        at = &it->second;
    }
}

bool DriveEmulator::State::is_visible(const DriveFile& file, const DriveCaller& caller) const {
    return caller.everything || file.owner == Owner::app;
}

DriveFile& DriveEmulator::State::look_up(std::string_view id, const DriveCaller& caller) {
    if (id == "root" && caller.everything) id = root;
    DriveFile* const file = find(id);
    if (file == nullptr || !is_visible(*file, caller)) throw_not_found(id);
    return *file;
}

DriveFile& DriveEmulator::State::look_up_writable(std::string_view id, const DriveCaller& caller) {
    DriveFile& file = look_up(id, caller);
    if (!caller.can_write)
        throw DriveError{403, "insufficientPermissions",
                         "Insufficient Permission: Request had insufficient authentication scopes.", {}};
    if (!file.writable || file.id == root)
        throw DriveError{403, "insufficientFilePermissions", "The user does not have sufficient permissions for this file.", {}};
    return file;
}

std::string DriveEmulator::State::look_up_parent(std::string_view id, const DriveCaller& caller) {
    if (id == "root" || id == root) return root;
    const DriveFile& folder = look_up(id, caller);
    if (!folder.folder()) throw DriveError{403, "parentNotAFolder", "The specified parent is not a folder.", "parents"};
    if (!folder.writable)
        throw DriveError{403, "insufficientParentPermissions", "Insufficient permissions for the specified parent.", {}};
    const auto it = children.find(folder.id);
    if (it != children.end() && it->second.size() >= options.children_max)
        throw DriveError{403, "numChildrenInNonRootLimitExceeded", "The limit for this folder's number of children has been exceeded.", {}};
    return folder.id;
}

void DriveEmulator::State::check_new_id(const std::string& id) {
    if (used_ids.contains(id)) throw DriveError{409, "fileIdInUse", "A file already exists with the provided ID.", {}};
    if (!issued_ids.contains(id)) throw DriveError{400, "invalid", "The provided file ID is not usable.", "file.id"};
}

void DriveEmulator::State::check_space(std::uint64_t bytes, const DriveCaller& caller, bool full) const {
    if (caller.without_storage)
        throw DriveError{403, "storageQuotaExceeded",
                         "Service Accounts do not have storage quota. Leverage shared drives, or use OAuth delegation instead.", {}};
    if (full || used + bytes > options.quota_bytes)
        throw DriveError{403, "storageQuotaExceeded", "The user's Drive storage quota has been exceeded.", {}};
}

DriveFile& DriveEmulator::State::create(const DriveMetadata& metadata, Owner owner) {
    const std::string id = metadata.id ? *metadata.id : make_id();
    used_ids.insert(id);
    DriveFile& file = files[id];
    file.id = id;
    file.name = "Untitled";
    file.mime_type = "application/octet-stream";
    file.owner = owner;
    file.created_time = metadata.created_time.value_or(now);
    file.modified_time = now;
    file.named = steady;
    set_parent(file, metadata.parent && *metadata.parent != "root" ? *metadata.parent : root);
    apply(file, metadata);
    file.version = 1;
    return file;
}

void DriveEmulator::State::apply(DriveFile& file, const DriveMetadata& metadata) {
    if (metadata.name && *metadata.name != file.name) {
        file.indexed_name = file.version == 1 && file.name == "Untitled" ? std::string() : indexed_name(file);
        file.name = *metadata.name;
        file.named = steady;
    }
    if (metadata.mime_type) file.mime_type = *metadata.mime_type;
    if (metadata.modified_time) file.modified_time = *metadata.modified_time;
    if (metadata.description) file.description = *metadata.description;
    if (metadata.trashed) file.trashed = *metadata.trashed;
    if (metadata.starred) file.starred = *metadata.starred;
    merge(file.app_properties, metadata.app_properties);
    merge(file.properties, metadata.properties);
    ++file.version;
}

void DriveEmulator::State::set_content(DriveFile& file, DriveRevision revision, bool keeps_time) {
    used -= quota_of(file);
    revision.id = make_name("0B", 26);
    revision.mime_type = file.mime_type;
    if (!keeps_time) file.modified_time = now;
    revision.modified_time = file.modified_time;
    file.revisions.push_back(std::move(revision));
    used += quota_of(file);
    ++file.version;
}

void DriveEmulator::State::pin(DriveFile& file, DriveRevision& revision, bool keep) {
    used -= quota_of(file);
    revision.keep_forever = keep;
    used += quota_of(file);
}

void DriveEmulator::State::drop(DriveFile& file, std::string_view revision) {
    used -= quota_of(file);
    std::erase_if(file.revisions, [&](const DriveRevision& each) { return each.id == revision; });
    used += quota_of(file);
}

void DriveEmulator::State::set_parent(DriveFile& file, const std::string& parent) {
    if (!file.parent.empty()) children[file.parent].erase(file.id);
    file.parent = parent;
    if (!parent.empty()) children[parent].insert(file.id);
}

void DriveEmulator::State::erase(const std::string& id) {
    if (const auto it = children.find(id); it != children.end())
        for (const std::string& child : std::set<std::string>(it->second)) erase(child);
    DriveFile& file = files.at(id);
    used -= quota_of(file);
    set_parent(file, {});
    record(file, true);
    files.erase(id);
    children.erase(id);
}

void DriveEmulator::State::record(const DriveFile& file, bool removed) {
    last_change[file.id] = changes.size();
    changes.push_back({file.id, now, removed, file.owner});
    changed.notify_all();
}

std::string DriveEmulator::State::indexed_name(const DriveFile& file) const {
    if (!options.name_lag) return file.name;
    if (*options.name_lag == Millis::max()) return file.indexed_name;
    return steady - file.named >= *options.name_lag ? file.name : file.indexed_name;
}

Json DriveEmulator::State::resource(const DriveFile& file) const {
    Json json = Json::object({{"kind", "drive#file"},
                              {"id", file.id},
                              {"name", file.name},
                              {"mimeType", file.mime_type},
                              {"createdTime", file.created_time},
                              {"modifiedTime", file.modified_time},
                              {"trashed", is_trashed(file)},
                              {"explicitlyTrashed", file.trashed},
                              {"version", std::to_string(file.version)},
                              {"ownedByMe", true},
                              {"starred", file.starred},
                              {"quotaBytesUsed", std::to_string(quota_of(file))},
                              {"capabilities", Json::object({{"canEdit", file.writable}, {"canDelete", file.writable},
                                                             {"canDownload", true}, {"canTrash", file.writable},
                                                             {"canRename", file.writable}, {"canAddChildren", file.folder()}})}});
    Json spaces = Json::array();
    spaces.push("drive");
    json.set("spaces", std::move(spaces));
    if (!file.parent.empty()) {
        Json parents = Json::array();
        parents.push(file.parent);
        json.set("parents", std::move(parents));
    }
    if (!file.description.empty()) json.set("description", file.description);
    const auto map = [&](const char* name, const auto& values) {
        if (values.empty()) return;
        Json object = Json::object();
        for (const auto& [key, value] : values) object.set(key, value);
        json.set(name, std::move(object));
    };
    map("appProperties", file.app_properties);
    map("properties", file.properties);
    if (file.mime_type == kShortcutType)
        json.set("shortcutDetails",
                 Json::object({{"targetId", file.shortcut_target}, {"targetMimeType", file.shortcut_type}}));
    if (file.has_content()) {
        const DriveRevision& head = file.revisions.back();
        json.set("size", std::to_string(head.content.size()));
        json.set("md5Checksum", head.md5);
        if (options.sha_checksums) {
            json.set("sha1Checksum", head.sha1);
            json.set("sha256Checksum", head.sha256);
        }
        json.set("headRevisionId", head.id);
        json.set("originalFilename", file.name);
    }
    return json;
}

Json DriveEmulator::State::resource(const DriveRevision& revision) const {
    return Json::object({{"kind", "drive#revision"},
                         {"id", revision.id},
                         {"mimeType", revision.mime_type},
                         {"modifiedTime", revision.modified_time},
                         {"keepForever", revision.keep_forever},
                         {"size", std::to_string(revision.content.size())},
                         {"md5Checksum", revision.md5}});
}

DriveEntry DriveEmulator::State::entry(const DriveFile& file) const {
    DriveEntry entry;
    entry.id = file.id;
    entry.name = file.name;
    entry.mime_type = file.mime_type;
    entry.parent = file.parent;
    entry.folder = file.folder();
    entry.trashed = is_trashed(file);
    entry.explicitly_trashed = file.trashed;
    entry.owner = file.owner;
    entry.size = file.size();
    if (file.has_content()) {
        entry.md5 = file.revisions.back().md5;
        entry.sha256 = file.revisions.back().sha256;
        entry.head_revision = file.revisions.back().id;
    }
    entry.modified_time = file.modified_time;
    entry.created_time = file.created_time;
    entry.app_properties = file.app_properties;
    entry.version = file.version;
    return entry;
}

}  // namespace oracxfs::test
