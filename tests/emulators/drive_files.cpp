// Files of DriveEmulator: metadata, lists, download.

#include <algorithm>

#include "tests/emulators/drive_state.h"

namespace oracxfs::test {
namespace {

// .../files/ID and so on: the part behind `prefix`.
std::string part_behind(const std::string& path, std::string_view prefix) {
    const auto at = path.find(prefix);
    const std::string rest = path.substr(at + prefix.size());
    return rest.substr(0, rest.find('/'));
}
std::string file_id(const std::string& path) { return part_behind(path, "/files/"); }

Json json_body(const HttpsRequest& request, std::string text) {
    const std::string_view type = request.header("content-type");
    if (type.substr(0, type.find(';')) != "application/json")
        throw DriveError{400, "parseError", "Content-Type must be application/json", {}};
    const auto parsed = parse_json(text);
    if (!parsed || !parsed->is_object()) throw DriveError{400, "parseError", "Parse Error", {}};
    return *parsed;
}

// One that ends inside of `size` bytes; nothing = not satisfiable.
struct ByteRange {
    std::uint64_t first, bytes;
};
std::optional<ByteRange> range_of(std::string_view header, std::uint64_t size) {
    unsigned long long first = 0, last = 0;
    const std::string text(header);
    int used = 0;
    const int count = std::sscanf(text.c_str(), "bytes=%llu-%llu%n", &first, &last, &used);
    const bool open = count == 1 && text == "bytes=" + std::to_string(first) + "-";
    if (!open && (count != 2 || static_cast<std::size_t>(used) != text.size() || first > last))
        throw DriveError{400, "badRequest", "Invalid Range header", {}};
    if (first >= size) return std::nullopt;
    return ByteRange{first, std::min<std::uint64_t>(open ? size - 1 : last, size - 1) - first + 1};
}

HttpsResponse media(const HttpsRequest& request, const Content& content, const std::string& mime_type) {
    HttpsResponse response;
    response.headers.emplace_back("Content-Type", mime_type);
    if (!request.has_header("range")) {
        response.body = content.all();
        return response;
    }
    const auto range = range_of(request.header("range"), content.size());
    if (!range) {
        response = drive_error({416, "requestedRangeNotSatisfiable", "Request range not satisfiable", "Range"});
        response.headers.emplace_back("Content-Range", "bytes */" + std::to_string(content.size()));
        return response;
    }
    response.status = 206;
    response.headers.emplace_back("Content-Range", "bytes " + std::to_string(range->first) + "-" +
                                                       std::to_string(range->first + range->bytes - 1) + "/" +
                                                       std::to_string(content.size()));
    response.body = content.read(range->first, range->bytes);
    return response;
}

const Json& known_list() {
    static const Json sample = [] {
        Json files = Json::array();
        files.push(known_file());
        return Json::object({{"kind", nullptr}, {"nextPageToken", nullptr}, {"incompleteSearch", nullptr}, {"files", files}});
    }();
    return sample;
}

}  // namespace

HttpsResponse DriveEmulator::about(Call& call, const DriveCaller& caller) {
    const DriveParameters parameters(call.http.query, {});
    if (!parameters.find("fields"))
        throw DriveError{400, "required", "The 'fields' parameter is required for this method.", "fields"};
    const std::lock_guard lock(state_->mutex);
    std::uint64_t in_trash = 0;
    for (const auto& [id, file] : state_->files)
        if (state_->is_trashed(file)) in_trash += file.size();
    const Json user = Json::object({{"kind", "drive#user"},
                                    {"displayName", "Ada Test"},
                                    {"me", true},
                                    {"permissionId", "01234567890123456789"},
                                    {"emailAddress", "ada@example.com"}});
    const std::uint64_t limit = caller.without_storage ? 0 : state_->options.quota_bytes;
    const Json quota = Json::object({{"limit", std::to_string(limit)},
                                     {"usage", std::to_string(state_->used)},
                                     {"usageInDrive", std::to_string(state_->used)},
                                     {"usageInDriveTrash", std::to_string(in_trash)}});
    const Json about = Json::object(
        {{"kind", "drive#about"}, {"user", user}, {"storageQuota", quota}, {"maxUploadSize", "5242880000000"}});
    return HttpsResponse::json(parameters.masked(about, about, "*").dump());
}

HttpsResponse DriveEmulator::generate_ids(Call& call, const DriveCaller&) {
    const DriveParameters parameters(call.http.query, {"count", "space", "type"});
    if (parameters.find("space").value_or("drive") != "drive" || parameters.find("type").value_or("files") != "files")
        throw DriveError{400, "invalidParameter", "Invalid value", "space"};
    const std::size_t count = parameters.number("count", 1, 1000, 10);
    const std::lock_guard lock(state_->mutex);
    Json ids = Json::array();
    for (std::size_t i = 0; i < count; ++i) {
        const std::string id = state_->make_id();
        state_->issued_ids.insert(id);
        ids.push(id);
    }
    const Json known = Json::object({{"kind", nullptr}, {"space", nullptr}, {"ids", nullptr}});
    const Json result = Json::object({{"kind", "drive#generatedIds"}, {"space", "drive"}, {"ids", ids}});
    return HttpsResponse::json(parameters.masked(result, known, "*").dump());
}

HttpsResponse DriveEmulator::list(Call& call, const DriveCaller& caller) {
    const DriveParameters parameters(call.http.query, {"q", "pageSize", "pageToken", "spaces", "corpora", "orderBy",
                                                       "includeItemsFromAllDrives", "driveId"});
    const std::string q = parameters.get("q");
    const DriveQuery query = q.empty() ? DriveQuery() : DriveQuery::parse(q);
    if (parameters.find("corpora").value_or("user") != "user")
        throw DriveError{400, "invalidParameter", "Only the user's own drive is emulated", "corpora"};
    if (parameters.find("spaces").value_or("drive") != "drive")
        throw DriveError{400, "invalidParameter", "Invalid value", "spaces"};
    const std::string order = parameters.get("orderBy");
    if (!order.empty() && order != "name" && order != "modifiedTime" && order != "modifiedTime desc" && order != "createdTime")
        throw DriveError{400, "invalid", "Invalid Value", "orderBy"};
    const std::lock_guard lock(state_->mutex);
    State& s = *state_;
    const std::size_t size = std::min(parameters.number("pageSize", 1, 1000, 100), s.options.page_entries);
    State::Listing listing;
    if (const auto token = parameters.find("pageToken")) {
        const auto it = s.page_tokens.find(*token);
        if (it != s.page_tokens.end() && call.has(Fault::Kind::cursor_reset)) it->second.gone = true;
        if (it == s.page_tokens.end() || it->second.gone || it->second.query != q)
            throw DriveError{400, "invalid", "Invalid Value", "pageToken"};
        listing = it->second;
    } else {
        DriveQuery::Context context;
        context.indexed_name = [&](const DriveFile& file) { return s.indexed_name(file); };
        context.trashed = [&](const DriveFile& file) { return s.is_trashed(file); };
        context.root = s.root;
        auto ids = std::make_shared<std::vector<std::string>>();
        const bool broken = query.parents() > 1 && s.options.or_of_parents_is_empty;
        for (const auto& [id, file] : s.files)
            if (!broken && id != s.root && s.is_visible(file, caller) && query.matches(file, context)) ids->push_back(id);
        const auto sort_by = [&](auto key) {
            std::stable_sort(ids->begin(), ids->end(),
                             [&](const auto& a, const auto& b) { return key(s.files.at(a)) < key(s.files.at(b)); });
        };
        if (order == "name") sort_by([](const DriveFile& file) { return file.name; });
        if (order == "createdTime") sort_by([](const DriveFile& file) { return file.created_time; });
        if (order.starts_with("modifiedTime")) sort_by([](const DriveFile& file) { return file.modified_time; });
        if (order.ends_with(" desc")) std::reverse(ids->begin(), ids->end());
        listing.query = q;
        listing.ids = std::move(ids);
    }
    Json files = Json::array();
    const bool empty_page = s.options.empty_pages && listing.page++ % 2 == 0;
    while (!empty_page && listing.next < listing.ids->size() && files.items().size() < size) {
        const DriveFile* const file = s.find((*listing.ids)[listing.next++]);
        if (file != nullptr && s.is_visible(*file, caller)) files.push(s.resource(*file));
    }
    Json result = Json::object({{"kind", "drive#fileList"}, {"incompleteSearch", false}, {"files", std::move(files)}});
    if (listing.next < listing.ids->size()) {
        const std::string token = s.make_name("~!!~", 60);
        s.page_tokens[token] = listing;
        result.set("nextPageToken", token);
    }
    return HttpsResponse::json(
        parameters.masked(result, known_list(), "kind,nextPageToken,incompleteSearch,files(kind,id,name,mimeType)").dump());
}

HttpsResponse DriveEmulator::get(Call& call, const DriveCaller& caller) {
    const DriveParameters parameters(call.http.query, {"acknowledgeAbuse"});
    const std::lock_guard lock(state_->mutex);
    return HttpsResponse::json(
        masked_file(parameters, state_->resource(state_->look_up(file_id(call.path), caller))).dump());
}

HttpsResponse DriveEmulator::download(Call& call, const DriveCaller& caller) {
    const DriveParameters parameters(call.http.query, {"acknowledgeAbuse"});
    Content content;
    std::string mime_type;
    {
        const std::lock_guard lock(state_->mutex);
        const DriveFile& file = state_->look_up(file_id(call.path), caller);
        if (!file.has_content())
            throw DriveError{403, "fileNotDownloadable",
                             "Only files with binary content can be downloaded. Use Export with Docs Editors files.", "alt"};
        if (file.abusive && !parameters.flag("acknowledgeAbuse", false))
            throw DriveError{403, "cannotDownloadAbusiveFile",
                             "This file has been identified as malware or spam and cannot be downloaded.", {}};
        content = file.revisions.back().content;
        mime_type = file.mime_type;
    }
    return media(call.http, content, mime_type);
}

HttpsResponse DriveEmulator::create(Call& call, const DriveCaller& caller) {
    const DriveParameters parameters(call.http.query, {"ignoreDefaultVisibility", "keepRevisionForever"});
    const DriveMetadata metadata = read_metadata(json_body(call.http, call.body(1u << 20)), false);
    const std::lock_guard lock(state_->mutex);
    State& s = *state_;
    DriveMetadata wanted = metadata;
    if (wanted.id) s.check_new_id(*wanted.id);
    if (wanted.parent) wanted.parent = s.look_up_parent(*wanted.parent, caller);
    if (wanted.trashed) throw DriveError{403, "fieldNotWritable", "trashed is not writable here", {}};
    // Content-less files of other types: empty blobs, which count as content.
    const bool folder = wanted.mime_type.value_or("") == kFolderType;
    if (!folder) s.check_space(0, caller, call.has(Fault::Kind::full));
    DriveFile& file = s.create(wanted, Owner::app);
    if (!file.mime_type.starts_with("application/vnd.google-apps.")) {
        DriveRevision empty;
        empty.md5 = Digest("MD5").hex();
        empty.sha1 = Digest("SHA1").hex();
        empty.sha256 = Digest("SHA256").hex();
        s.set_content(file, empty, true);
    }
    s.record(file);
    return HttpsResponse::json(masked_file(parameters, s.resource(file)).dump());
}

HttpsResponse DriveEmulator::update(Call& call, const DriveCaller& caller) {
    const DriveParameters parameters(call.http.query, {"addParents", "removeParents", "keepRevisionForever"});
    std::string text = call.body(1u << 20);
    const DriveMetadata metadata = text.empty() && !call.http.has_header("content-type")
                                       ? DriveMetadata()
                                       : read_metadata(json_body(call.http, text), true);
    const std::lock_guard lock(state_->mutex);
    State& s = *state_;
    DriveFile& file = s.look_up_writable(file_id(call.path), caller);
    s.change_parents(file, parameters, caller);
    s.apply(file, metadata);
    s.record(file);
    return HttpsResponse::json(masked_file(parameters, s.resource(file)).dump());
}

void DriveEmulator::State::change_parents(DriveFile& file, const DriveParameters& parameters, const DriveCaller& caller) {
    const auto added = parameters.find("addParents");
    auto removed = parameters.find("removeParents");
    if (removed == "root") removed = root;
    if (!added && !removed) return;
    if (removed && file.parent != *removed)
        throw DriveError{400, "invalid", "The specified parent is not a parent of the file.", "removeParents"};
    if (!added) throw DriveError{403, "cannotRemoveLastParent", "A file must have exactly one parent.", "removeParents"};
    const std::string parent = look_up_parent(*added, caller);
    if (!removed && parent != file.parent)
        throw DriveError{403, "cannotAddParent",
                         "Increasing the number of parents is not allowed", "addParents"};
    for (std::string above = parent; !above.empty(); above = files.at(above).parent)
        if (above == file.id) throw DriveError{403, "cyclicMembershipsNotAllowed", "A folder can't be moved into itself.", {}};
    set_parent(file, parent);
    ++file.version;
}

HttpsResponse DriveEmulator::remove_file(Call& call, const DriveCaller& caller) {
    const DriveParameters parameters(call.http.query, {});
    const std::lock_guard lock(state_->mutex);
    const std::string id = state_->look_up_writable(file_id(call.path), caller).id;
    state_->erase(id);
    HttpsResponse response;
    response.status = 204;
    return response;
}

HttpsResponse DriveEmulator::copy(Call& call, const DriveCaller& caller) {
    const DriveParameters parameters(call.http.query, {"keepRevisionForever"});
    const DriveMetadata metadata = read_metadata(json_body(call.http, call.body(1u << 20)), false);
    const std::lock_guard lock(state_->mutex);
    State& s = *state_;
    const DriveFile source = s.look_up(file_id(call.path), caller);
    if (source.folder()) throw DriveError{403, "fileNotCopyable", "This file cannot be copied by the user.", {}};
    DriveMetadata wanted = metadata;
    if (wanted.id) s.check_new_id(*wanted.id);
    wanted.parent = s.look_up_parent(wanted.parent.value_or(source.parent.empty() ? s.root : source.parent), caller);
    s.check_space(source.size(), caller, call.has(Fault::Kind::full));
    if (!wanted.name) wanted.name = "Copy of " + source.name;
    if (!wanted.mime_type) wanted.mime_type = source.mime_type;
    if (!wanted.modified_time) wanted.modified_time = source.modified_time;
    DriveFile& file = s.create(wanted, Owner::app);
    if (source.has_content()) s.set_content(file, source.revisions.back(), true);
    s.record(file);
    return HttpsResponse::json(masked_file(parameters, s.resource(file)).dump());
}

HttpsResponse DriveEmulator::empty_trash(Call&, const DriveCaller& caller) {
    if (!caller.everything)
        throw DriveError{403, "insufficientPermissions",
                         "Insufficient Permission: Request had insufficient authentication scopes.", {}};
    const std::lock_guard lock(state_->mutex);
    std::vector<std::string> ids;
    for (const auto& [id, file] : state_->files)
        if (file.trashed) ids.push_back(id);
    for (const std::string& id : ids)
        if (state_->find(id) != nullptr) state_->erase(id);
    HttpsResponse response;
    response.status = 204;
    return response;
}

// ---- revisions ----

namespace {

const Json& known_revision() {
    static const Json sample = Json::object({{"kind", nullptr}, {"id", nullptr}, {"mimeType", nullptr}, {"modifiedTime", nullptr},
                                             {"keepForever", nullptr}, {"size", nullptr}, {"md5Checksum", nullptr},
                                             {"originalFilename", nullptr}, {"published", nullptr}});
    return sample;
}

DriveRevision& revision_at(DriveFile& file, const std::string& path) {
    const std::string id = part_behind(path, "/revisions/");
    for (DriveRevision& revision : file.revisions)
        if (revision.id == id || (id == "head" && &revision == &file.revisions.back())) return revision;
    throw DriveError{404, "notFound", "Revision not found: " + id + ".", "revisionId"};
}

}  // namespace

HttpsResponse DriveEmulator::revisions_list(Call& call, const DriveCaller& caller) {
    const DriveParameters parameters(call.http.query, {"pageSize", "pageToken"});
    const std::size_t size = parameters.number("pageSize", 1, 1000, 200);
    const std::lock_guard lock(state_->mutex);
    State& s = *state_;
    const DriveFile& file = s.look_up(file_id(call.path), caller);
    if (!file.has_content())
        throw DriveError{403, "revisionsNotSupported", "The file does not support revisions.", {}};
    std::size_t next = 0;
    if (const auto token = parameters.find("pageToken")) {
        const auto it = s.page_tokens.find(*token);
        if (it == s.page_tokens.end() || it->second.query != "revisions " + file.id)
            throw DriveError{400, "invalid", "Invalid Value", "pageToken"};
        next = it->second.next;
    }
    Json list = Json::array(), sample = Json::array();
    for (; next < file.revisions.size() && list.items().size() < std::min(size, s.options.page_entries); ++next)
        list.push(s.resource(file.revisions[next]));
    Json result = Json::object({{"kind", "drive#revisionList"}, {"revisions", std::move(list)}});
    if (next < file.revisions.size()) {
        const std::string token = s.make_name("~!!~", 60);
        s.page_tokens[token].query = "revisions " + file.id;
        s.page_tokens[token].next = next;
        result.set("nextPageToken", token);
    }
    sample.push(known_revision());
    const Json known = Json::object({{"kind", nullptr}, {"nextPageToken", nullptr}, {"revisions", sample}});
    return HttpsResponse::json(
        parameters.masked(result, known, "kind,nextPageToken,revisions(kind,id,mimeType,modifiedTime)").dump());
}

HttpsResponse DriveEmulator::revisions_get(Call& call, const DriveCaller& caller) {
    const DriveParameters parameters(call.http.query, {"acknowledgeAbuse"});
    const std::lock_guard lock(state_->mutex);
    const DriveRevision& revision = revision_at(state_->look_up(file_id(call.path), caller), call.path);
    return HttpsResponse::json(
        parameters.masked(state_->resource(revision), known_revision(), "kind,id,mimeType,modifiedTime").dump());
}

HttpsResponse DriveEmulator::revisions_download(Call& call, const DriveCaller& caller) {
    const DriveParameters parameters(call.http.query, {"acknowledgeAbuse"});
    Content content;
    std::string mime_type;
    {
        const std::lock_guard lock(state_->mutex);
        DriveFile& file = state_->look_up(file_id(call.path), caller);
        const DriveRevision& revision = revision_at(file, call.path);
        if (!revision.keep_forever && &revision != &file.revisions.back())
            throw DriveError{403, "cannotDownloadRevision", "Only revisions that are kept forever can be downloaded.", {}};
        content = revision.content;
        mime_type = revision.mime_type;
    }
    return media(call.http, content, mime_type);
}

HttpsResponse DriveEmulator::revisions_update(Call& call, const DriveCaller& caller) {
    const DriveParameters parameters(call.http.query, {});
    const Json body = json_body(call.http, call.body(1u << 20));
    const std::lock_guard lock(state_->mutex);
    State& s = *state_;
    DriveFile& file = s.look_up_writable(file_id(call.path), caller);
    DriveRevision& revision = revision_at(file, call.path);
    for (const auto& [name, value] : body.members())
        if (name != "keepForever" || !value.is_bool())
            throw DriveError{403, "fieldNotWritable", "The resource body includes fields which are not directly writable.", {}};
    const auto pinned = std::count_if(file.revisions.begin(), file.revisions.end(), [](const auto& each) { return each.keep_forever; });
    const bool keep = body["keepForever"].as_bool(revision.keep_forever);
    if (keep && !revision.keep_forever && pinned >= 200)
        throw DriveError{403, "revisionLimitExceeded", "The file has too many revisions that are kept forever.", {}};
    s.pin(file, revision, keep);
    return HttpsResponse::json(parameters.masked(s.resource(revision), known_revision(), "kind,id,mimeType,modifiedTime").dump());
}

HttpsResponse DriveEmulator::revisions_delete(Call& call, const DriveCaller& caller) {
    const std::lock_guard lock(state_->mutex);
    State& s = *state_;
    DriveFile& file = s.look_up_writable(file_id(call.path), caller);
    const DriveRevision& revision = revision_at(file, call.path);
    if (file.revisions.size() == 1)
        throw DriveError{400, "cannotDeleteOnlyRevision", "The last remaining revision can't be deleted.", {}};
    s.drop(file, revision.id);
    HttpsResponse response;
    response.status = 204;
    return response;
}

}  // namespace oracxfs::test
