#include "tests/emulators/drive_emulator.h"

#include <algorithm>

#include "tests/emulators/drive_state.h"

namespace oracxfs::test {
namespace {

constexpr std::string_view kFiles = "/drive/v3/files";
constexpr std::string_view kUpload = "/upload/drive/v3/files";
constexpr std::string_view kScope = "https://www.googleapis.com/auth/drive";

// What follows `prefix` and a slash: "ID" or "ID/revisions/REV"; nothing = another path.
std::optional<std::vector<std::string>> below(std::string_view path, std::string_view prefix) {
    if (!path.starts_with(prefix)) return std::nullopt;
    path.remove_prefix(prefix.size());
    std::vector<std::string> parts;
    while (!path.empty()) {
        if (path.front() != '/') return std::nullopt;
        path.remove_prefix(1);
        parts.emplace_back(path.substr(0, path.find('/')));
        if (parts.back().empty()) return std::nullopt;
        path.remove_prefix(parts.back().size());
    }
    return parts;
}

std::string file_endpoint(const HttpsRequest& request, const std::vector<std::string>& parts) {
    const std::string& method = request.method;
    const bool media = request.parameter("alt") == "media";
    if (parts.empty()) return method == "GET" ? "files.list" : method == "POST" ? "files.create" : "";
    if (parts.size() == 1) {
        if (parts[0] == "generateIds" && method == "GET") return "files.generateIds";
        if (parts[0] == "trash" && method == "DELETE") return "files.emptyTrash";
        if (method == "GET") return media ? "files.download" : "files.get";
        return method == "PATCH" ? "files.update" : method == "DELETE" ? "files.delete" : "";
    }
    if (parts.size() == 2 && parts[1] == "copy") return method == "POST" ? "files.copy" : "";
    if (parts[1] != "revisions") return "";
    if (parts.size() == 2) return method == "GET" ? "revisions.list" : "";
    if (parts.size() != 3) return "";
    if (method == "GET") return media ? "revisions.download" : "revisions.get";
    return method == "PATCH" ? "revisions.update" : method == "DELETE" ? "revisions.delete" : "";
}

std::string upload_endpoint(const HttpsRequest& request, const std::vector<std::string>& parts) {
    if (request.parameter("upload_id")) {
        if (request.method != "PUT") return "";
        return request.header("content-range").starts_with("bytes */") ? "upload.query" : "upload.put";
    }
    const bool fits = (parts.empty() && request.method == "POST") || (parts.size() == 1 && request.method == "PATCH");
    if (!fits) return "";
    const auto type = request.parameter("uploadType");
    return type == "multipart" ? "upload.multipart" : type == "resumable" ? "upload.start" : "";
}

}  // namespace

DriveEmulator::DriveEmulator(DriveOptions options)
    : Emulator(options, OAuthDialect::google), state_(std::make_unique<State>(options)) {
    State& s = *state_;
    s.root = s.make_name("0A", 17);
    DriveFile& root = s.files[s.root];
    root.id = s.root;
    root.name = "My Drive";
    root.mime_type = kFolderType;
    root.owner = Owner::somebody;
    root.created_time = root.modified_time = rfc3339(now());
    s.used_ids.insert(s.root);
    start();
}

DriveEmulator::~DriveEmulator() { stop(); }

std::string DriveEmulator::endpoint_of(const HttpsRequest& request, std::string& path) {
    std::string endpoint;
    if (path == "/drive/v3/about" && request.method == "GET") endpoint = "about.get";
    if (path == "/drive/v3/changes" && request.method == "GET") endpoint = "changes.list";
    if (path == "/drive/v3/changes/startPageToken" && request.method == "GET") endpoint = "changes.getStartPageToken";
    if (const auto parts = below(path, kFiles)) endpoint = file_endpoint(request, *parts);
    if (const auto parts = below(path, kUpload)) endpoint = upload_endpoint(request, *parts);
    return endpoint.empty() ? "unknown" : endpoint;
}

DriveCaller DriveEmulator::caller_of(const Call& call) const {
    const std::string_view header = call.http.header("authorization");
    if (!header.starts_with("Bearer "))
        throw DriveError{401, "required", "Login Required.", "Authorization"};
    const OAuthEmulator::TokenInfo token = const_cast<DriveEmulator*>(this)->oauth().look_up(header.substr(7));
    if (token.state != OAuthEmulator::TokenState::good)
        throw DriveError{401, "authError", "Invalid Credentials", "Authorization"};
    const auto has = [&](const char* suffix) { return token.scopes.contains(std::string(kScope) + suffix); };
    DriveCaller caller;
    caller.everything = has("") || has(".readonly") || has(".metadata.readonly");
    caller.can_write = has("") || has(".file");
    caller.without_storage =
        !token.service_account.empty() && token.subject.empty() && !state_->options.service_account_storage;
    const bool writes = call.http.method != "GET";
    if ((!caller.everything && !caller.can_write) || (writes && !caller.can_write))
        throw DriveError{403, "insufficientPermissions",
                         "Insufficient Permission: Request had insufficient authentication scopes.", {}};
    return caller;
}

HttpsResponse DriveEmulator::handle(Call& call) {
    using D = DriveEmulator;
    using Handler = HttpsResponse (D::*)(Call&, const DriveCaller&);
    static const std::map<std::string_view, Handler> handlers{
        {"about.get", &D::about},
        {"files.generateIds", &D::generate_ids},
        {"files.list", &D::list},
        {"files.get", &D::get},
        {"files.download", &D::download},
        {"files.create", &D::create},
        {"files.update", &D::update},
        {"files.delete", &D::remove_file},
        {"files.copy", &D::copy},
        {"files.emptyTrash", &D::empty_trash},
        {"upload.multipart", &D::upload_multipart},
        {"upload.start", &D::upload_start},
        {"upload.put", &D::upload_put},
        {"upload.query", &D::upload_query},
        {"revisions.list", &D::revisions_list},
        {"revisions.get", &D::revisions_get},
        {"revisions.download", &D::revisions_download},
        {"revisions.update", &D::revisions_update},
        {"revisions.delete", &D::revisions_delete},
        {"changes.getStartPageToken", &D::start_page_token},
        {"changes.list", &D::changes},
    };
    call.argument = call.http.query.substr(0, call.http.query.find("upload_id="));
    try {
        const auto it = handlers.find(call.endpoint);
        if (it == handlers.end()) throw DriveError{404, "notFound", "Not Found", {}};
        const DriveCaller caller = caller_of(call);
        {
            const std::lock_guard lock(state_->mutex);
            state_->now = rfc3339(now());
            state_->steady = clock_.steady();
        }
        return (this->*it->second)(call, caller);
    } catch (const DriveError& error) {
        return drive_error(error);
    }
}

HttpsResponse DriveEmulator::words_for(const Fault& fault, const Call&) {
    if (!fault.reason.empty()) {
        std::string message = fault.message;
        if (message.empty() && fault.reason == "userRateLimitExceeded") message = "User Rate Limit Exceeded. Rate of requests for user exceed configured project quota.";
        if (message.empty() && fault.reason == "rateLimitExceeded") message = "Rate Limit Exceeded";
        return drive_error({fault.status, fault.reason, message, {}});
    }
    switch (fault.status) {
        case 400: return drive_error({400, "badRequest", "Bad Request", {}});
        case 401: return drive_error({401, "authError", "Invalid Credentials", "Authorization"});
        case 403: return drive_error({403, "userRateLimitExceeded", "User Rate Limit Exceeded", {}});
        case 404: return drive_error({404, "notFound", "File not found: .", "fileId"});
        case 429: return drive_error({429, "rateLimitExceeded", "Rate Limit Exceeded", {}});
        case 500: return drive_error({500, "internalError", "Internal Error", {}});
        case 503: return drive_error({503, "backendError", "Backend Error", {}});
        default:
            return HttpsResponse::text("<!DOCTYPE html><html><title>Error</title></html>", fault.status,
                                       "text/html; charset=UTF-8");
    }
}

// ---- as somebody else ----

std::string DriveEmulator::root_id() const { return state_->root; }

std::vector<DriveEntry> DriveEmulator::tree() const {
    const std::lock_guard lock(state_->mutex);
    std::vector<DriveEntry> entries;
    for (const auto& [id, file] : state_->files)
        if (id != state_->root) entries.push_back(state_->entry(file));
    return entries;
}

std::optional<DriveEntry> DriveEmulator::find(std::string_view id) const {
    const std::lock_guard lock(state_->mutex);
    const DriveFile* const file = state_->find(id);
    if (file == nullptr) return std::nullopt;
    return state_->entry(*file);
}

std::vector<DriveEntry> DriveEmulator::find_path(std::string_view path) const {
    const std::lock_guard lock(state_->mutex);
    std::vector<std::string> at{state_->root};
    while (!path.empty()) {
        const std::string_view name = path.substr(0, path.find('/'));
        path.remove_prefix(std::min(name.size() + 1, path.size()));
        std::vector<std::string> next;
        for (const std::string& parent : at)
            for (const std::string& child : state_->children[parent]) {
                const DriveFile& file = state_->files.at(child);
                if (file.name == name && !state_->is_trashed(file)) next.push_back(child);
            }
        at = std::move(next);
    }
    std::vector<DriveEntry> found;
    for (const std::string& id : at) found.push_back(state_->entry(state_->files.at(id)));
    return found;
}

std::string DriveEmulator::path_of(std::string_view id) const {
    const std::lock_guard lock(state_->mutex);
    std::string path;
    for (const DriveFile* file = state_->find(id); file != nullptr && file->id != state_->root; file = state_->find(file->parent))
        path = file->name + (path.empty() ? "" : "/" + path);
    return path;
}

std::optional<std::string> DriveEmulator::content(std::string_view id) const {
    const std::lock_guard lock(state_->mutex);
    const DriveFile* const file = state_->find(id);
    if (file == nullptr || !file->has_content()) return std::nullopt;
    return file->revisions.back().content.all();
}

std::size_t DriveEmulator::revisions(std::string_view id) const {
    const std::lock_guard lock(state_->mutex);
    const DriveFile* const file = state_->find(id);
    return file == nullptr ? 0 : file->revisions.size();
}

std::uint64_t DriveEmulator::used_bytes() const {
    const std::lock_guard lock(state_->mutex);
    return state_->used;
}

std::size_t DriveEmulator::open_sessions() const {
    const std::lock_guard lock(state_->mutex);
    return static_cast<std::size_t>(std::count_if(state_->sessions.begin(), state_->sessions.end(), [](const auto& pair) {
        return !pair.second.finished && pair.second.gone == 0;
    }));
}

void DriveEmulator::index_names() {
    const std::lock_guard lock(state_->mutex);
    for (auto& [id, file] : state_->files) {
        file.indexed_name = file.name;
    }
}

void DriveEmulator::expire_sessions(int status) {
    const std::lock_guard lock(state_->mutex);
    for (auto& [id, session] : state_->sessions) session.gone = status;
}

void DriveEmulator::expire_page_tokens() {
    const std::lock_guard lock(state_->mutex);
    for (auto& [token, listing] : state_->page_tokens) listing.gone = true;
}

void DriveEmulator::set_quota(std::uint64_t bytes) {
    const std::lock_guard lock(state_->mutex);
    state_->options.quota_bytes = bytes;
}

void DriveEmulator::set_page_entries(std::size_t entries) {
    const std::lock_guard lock(state_->mutex);
    state_->options.page_entries = entries;
}

}  // namespace oracxfs::test
