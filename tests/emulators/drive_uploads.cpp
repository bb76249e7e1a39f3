// Uploads to DriveEmulator: multipart/related, and resumable sessions.

#include <algorithm>
#include <charconv>

#include "tests/emulators/drive_state.h"

namespace oracxfs::test {
namespace {

constexpr std::uint64_t kFileBytesMax = 5'497'558'138'880ull;
constexpr std::chrono::hours kSessionLife{7 * 24};
constexpr std::size_t kPieceBytes = 8u << 20;  // a multiple of kChunkBytes

std::optional<std::uint64_t> number_of(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

DriveError bad_request(std::string why) { return {400, "badRequest", std::move(why), {}}; }

struct Part {
    std::string content_type, body;
};

Part part_of(std::string_view text) {
    Part part;
    const auto blank = text.find("\r\n\r\n");
    if (blank == std::string_view::npos) throw bad_request("Malformed multipart body.");
    std::string_view head = text.substr(0, blank);
    while (!head.empty()) {
        const std::string_view line = head.substr(0, head.find("\r\n"));
        head.remove_prefix(std::min(line.size() + 2, head.size()));
        std::string name(line.substr(0, line.find(':')));
        std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        if (name != "content-type") continue;
        part.content_type = line.substr(std::min(line.find_first_not_of(" ", name.size() + 1), line.size()));
    }
    if (part.content_type.empty()) throw bad_request("A part has no Content-Type.");
    part.body = text.substr(blank + 4);
    return part;
}

// RFC 2387: exactly two parts.
std::pair<Part, Part> parts_of(std::string_view content_type, const std::string& body) {
    constexpr std::string_view kType = "multipart/related";
    const auto at = content_type.find("boundary=");
    if (!content_type.starts_with(kType) || at == std::string_view::npos)
        throw bad_request("Content-Type must be multipart/related with a boundary.");
    std::string boundary(content_type.substr(at + 9));
    boundary = boundary.substr(0, boundary.find(';'));
    if (boundary.size() > 1 && boundary.front() == '"') boundary = boundary.substr(1, boundary.size() - 2);
    const std::string open = "--" + boundary + "\r\n", between = "\r\n--" + boundary + "\r\n", end = "\r\n--" + boundary + "--";
    const auto middle = body.find(between);
    const auto last = body.rfind(end);
    if (boundary.empty() || !body.starts_with(open) || middle == std::string::npos || last == std::string::npos || last < middle)
        throw bad_request("Malformed multipart body.");
    const std::string_view view(body);
    if (const std::string_view rest = view.substr(last + end.size()); !rest.empty() && rest != "\r\n")
        throw bad_request("Malformed multipart body.");
    const std::size_t second = middle + between.size();
    if (body.find(between, second) != std::string::npos) throw bad_request("More than two parts.");
    // Between an opening line and the next one there is at least a part's head.
    return {part_of(view.substr(open.size(), middle - open.size())), part_of(view.substr(second, last - second))};
}

struct ContentRange {
    std::optional<std::uint64_t> first, last, total;
};

// "bytes a-b/total", "bytes a-b/*", "bytes */total", "bytes */*".
ContentRange content_range_of(std::string_view text) {
    const auto bad = bad_request("Failed to parse Content-Range header.");
    if (!text.starts_with("bytes ")) throw bad;
    text.remove_prefix(6);
    const auto slash = text.find('/');
    if (slash == std::string_view::npos) throw bad;
    ContentRange range;
    const std::string_view span = text.substr(0, slash), total = text.substr(slash + 1);
    if (total != "*" && !(range.total = number_of(total))) throw bad;
    if (span == "*") return range;
    const auto dash = span.find('-');
    if (dash == std::string_view::npos) throw bad;
    range.first = number_of(span.substr(0, dash));
    range.last = number_of(span.substr(dash + 1));
    if (!range.first || !range.last || *range.last < *range.first || (range.total && *range.last >= *range.total)) throw bad;
    return range;
}

HttpsResponse incomplete(std::uint64_t stored) {
    HttpsResponse response;
    response.status = 308;
    if (stored > 0) response.headers.emplace_back("Range", "bytes=0-" + std::to_string(stored - 1));
    return response;
}

void store(DriveSession& session, std::string bytes) {
    for (Digest* digest : {&session.md5, &session.sha1, &session.sha256}) digest->update(bytes);
    session.content.append(std::make_shared<const std::string>(std::move(bytes)));
}

DriveRevision revision_of(const DriveSession& session) {
    DriveRevision revision;
    revision.md5 = session.md5.hex();
    revision.sha1 = session.sha1.hex();
    revision.sha256 = session.sha256.hex();
    revision.content = session.content;
    return revision;
}

std::string updated_id(const std::string& path) {
    constexpr std::string_view kFiles = "/upload/drive/v3/files";
    return path.size() > kFiles.size() ? path.substr(kFiles.size() + 1) : std::string();
}

}  // namespace

// What is wrong with the metadata is said before any content is taken.
void DriveEmulator::State::check_upload(DriveSession& session, const DriveCaller& caller, bool full) {
    if (session.file_id.empty()) {
        if (session.metadata.id) check_new_id(*session.metadata.id);
        if (session.metadata.parent) session.metadata.parent = look_up_parent(*session.metadata.parent, caller);
        if (session.metadata.mime_type.value_or("").starts_with("application/vnd.google-apps."))
            throw DriveError{400, "invalidContentType", "Content can't be converted to this type.", {}};
    } else {
        const DriveFile& file = look_up_writable(session.file_id, caller);
        if (!file.has_content()) throw DriveError{403, "fileNotUpdatable", "This file has no content of its own.", {}};
    }
    const std::uint64_t bytes = session.total.value_or(session.content.size());
    if (bytes > kFileBytesMax) throw DriveError{400, "uploadTooLarge", "The file is larger than 5,120 GB.", {}};
    check_space(bytes, caller, full);
}

Json DriveEmulator::State::commit_upload(DriveSession& session, const DriveCaller& caller, bool full) {
    const DriveParameters parameters(session.query, {"uploadType", "addParents", "removeParents", "keepRevisionForever",
                                                     "ignoreDefaultVisibility", "useContentAsIndexableText"});
    check_upload(session, caller, full);
    DriveMetadata metadata = session.metadata;
    if (!metadata.mime_type && session.file_id.empty())
        metadata.mime_type = session.content_type.empty() ? "application/octet-stream" : session.content_type;
    DriveFile* file = session.file_id.empty() ? nullptr : find(session.file_id);
    if (file == nullptr) {
        file = &create(metadata, Owner::app);
    } else {
        change_parents(*file, parameters, caller);
        apply(*file, metadata);
    }
    set_content(*file, revision_of(session), metadata.modified_time.has_value());
    if (parameters.flag("keepRevisionForever", false)) pin(*file, file->revisions.back(), true);
    record(*file);
    session.finished = masked_file(parameters, resource(*file));
    return *session.finished;
}

HttpsResponse DriveEmulator::upload_multipart(Call& call, const DriveCaller& caller) {
    const std::string body = call.body();
    if (body.size() > state_->options.multipart_bytes_max)
        throw DriveError{413, "uploadTooLarge", "Multipart uploads are limited to 5 MB.", {}};
    auto [json, content] = parts_of(call.http.header("content-type"), body);
    if (!json.content_type.starts_with("application/json")) throw bad_request("The first part must be application/json.");
    const auto parsed = parse_json(json.body);
    if (!parsed) throw DriveError{400, "parseError", "Parse Error", {}};
    DriveSession session;
    session.file_id = updated_id(call.path);
    session.metadata = read_metadata(*parsed, !session.file_id.empty());
    session.query = call.http.query;
    session.content_type = content.content_type;
    call.damage(content.body);
    store(session, std::move(content.body));
    const std::lock_guard lock(state_->mutex);
    return HttpsResponse::json(state_->commit_upload(session, caller, call.has(Fault::Kind::full)).dump());
}

HttpsResponse DriveEmulator::upload_start(Call& call, const DriveCaller& caller) {
    const std::string body = call.body(1u << 20);
    const std::string_view type = call.http.header("content-type");
    if (!body.empty() && !type.starts_with("application/json"))
        throw bad_request("Content-Type must be application/json.");
    const auto parsed = parse_json(body.empty() ? "{}" : body);
    if (!parsed) throw DriveError{400, "parseError", "Parse Error", {}};
    DriveSession session;
    session.file_id = updated_id(call.path);
    session.metadata = read_metadata(*parsed, !session.file_id.empty());
    session.query = call.http.query;
    session.content_type = call.http.header("x-upload-content-type");
    if (call.http.has_header("x-upload-content-length")) {
        session.total = number_of(call.http.header("x-upload-content-length"));
        if (!session.total) throw bad_request("X-Upload-Content-Length");
    }
    // Mistakes in the query show here, not at the end.
    (void)masked_file(DriveParameters(session.query, {"uploadType", "addParents", "removeParents", "keepRevisionForever",
                                                      "ignoreDefaultVisibility", "useContentAsIndexableText"}),
                      Json::object());
    const std::lock_guard lock(state_->mutex);
    State& s = *state_;
    s.check_upload(session, caller, call.has(Fault::Kind::full));
    session.created = now();
    const std::string id = s.make_name("AD", 60);
    s.sessions.emplace(id, std::move(session));
    HttpsResponse response;
    response.headers.emplace_back("X-GUploader-UploadID", id);
    // Under the name by which the client reached us: there may be a gateway in between.
    response.headers.emplace_back("Location", "https://" + std::string(call.http.header("host")) +
                                                  "/upload/drive/v3/files?uploadType=resumable&upload_id=" + id);
    return response;
}

DriveSession& DriveEmulator::session_of(Call& call) {
    const auto it = state_->sessions.find(call.http.parameter("upload_id").value_or(""));
    if (it != state_->sessions.end() && call.has(Fault::Kind::session_gone)) it->second.gone = call.fault->status;
    if (it == state_->sessions.end()) throw Refused{HttpsResponse::text("Not Found", 404)};
    DriveSession& session = it->second;
    if (session.gone == 0 && session.created + kSessionLife <= now()) session.gone = 404;
    if (session.gone != 0) throw Refused{HttpsResponse::text(session.gone == 410 ? "Gone" : "Not Found", session.gone)};
    return session;
}

HttpsResponse DriveEmulator::finish_upload(Call& call, DriveSession& session, const DriveCaller& caller) {
    return HttpsResponse::json(state_->commit_upload(session, caller, call.has(Fault::Kind::full)).dump());
}

HttpsResponse DriveEmulator::upload_query(Call& call, const DriveCaller& caller) {
    if (!call.body(1).empty()) throw bad_request("A query has no body.");
    if (!call.http.has_header("content-length")) throw DriveError{411, "badRequest", "Content-Length: 0 is missing.", {}};
    const ContentRange range = content_range_of(call.http.header("content-range"));
    const std::lock_guard lock(state_->mutex);
    DriveSession& session = session_of(call);
    if (session.finished) return HttpsResponse::json(session.finished->dump());
    if (session.total && range.total && *session.total != *range.total)
        throw bad_request("The total size differs from what was said before.");
    const std::uint64_t stored = session.content.size();
    if (range.total && *range.total < stored) throw bad_request("The total size is less than what is stored.");
    // Also how an upload of unknown size ends at the border of a chunk, and how an empty file is made.
    if (range.total && *range.total == stored && !session.at_work) return finish_upload(call, session, caller);
    return incomplete(stored);
}

HttpsResponse DriveEmulator::upload_put(Call& call, const DriveCaller& caller) {
    const auto length = number_of(call.http.header("content-length"));
    if (!length) throw DriveError{411, "badRequest", "Content-Length is missing.", {}};
    ContentRange range;
    if (call.http.has_header("content-range")) {
        range = content_range_of(call.http.header("content-range"));
    } else {
        range = {0, *length - 1, *length};
        if (*length == 0) range.first.reset();
    }
    const std::uint64_t first = range.first.value_or(0);
    if (range.first && *range.last - first + 1 != *length) throw bad_request("Content-Length does not fit Content-Range.");
    const bool last = range.total && first + *length == *range.total;
    if (!last && *length % kChunkBytes != 0)
        throw bad_request("The size of a chunk must be a multiple of 262144 bytes, except for the last one.");
    DriveSession* session = nullptr;
    {
        const std::lock_guard lock(state_->mutex);
        session = &session_of(call);
        if (session->finished) throw bad_request("The upload is complete.");
        if (session->at_work) throw DriveError{503, "backendError", "Another request is at work on this upload.", {}};
        if (range.total && session->total && *range.total != *session->total)
            throw bad_request("The total size differs from what was said before.");
        if (first != session->content.size())
            throw bad_request("Invalid request.  The upload continues at " + std::to_string(session->content.size()) + ".");
        if (range.total) session->total = range.total;
        session->at_work = true;
    }
    // Nobody else touches the session until at_work ends.
    struct AtEnd {
        State& state;
        DriveSession& session;
        ~AtEnd() {
            const std::lock_guard lock(state.mutex);
            session.at_work = false;
        }
    };
    {
        const AtEnd at_end{*state_, *session};
        receive(call, *session, last);
    }
    const std::lock_guard lock(state_->mutex);
    const std::uint64_t stored = session->content.size();
    if (!last || stored < *range.total) return incomplete(stored);
    return finish_upload(call, *session, caller);
}

// Whole multiples of 256 KiB stay also when the client goes away in the middle.
void DriveEmulator::receive(Call& call, DriveSession& session, bool last) {
    std::uint64_t room = ~std::uint64_t{0};
    if (call.has(Fault::Kind::partial_store)) {
        room = call.fault->bytes / kChunkBytes * kChunkBytes;
        last = false;
    }
    std::string held;
    std::uint64_t at = 0;
    const auto keep = [&](std::size_t bytes) {
        bytes = static_cast<std::size_t>(std::min<std::uint64_t>(bytes, room));
        room -= bytes;
        std::string piece = held.substr(0, bytes);
        held.erase(0, bytes);
        call.damage(piece, at);
        at += bytes;
        const std::lock_guard lock(state_->mutex);
        store(session, std::move(piece));
    };
    std::vector<char> buffer(kChunkBytes);
    try {
        while (const std::size_t n = call.read(buffer)) {
            if (room > 0) held.append(buffer.data(), n);
            if (held.size() >= kPieceBytes) keep(kPieceBytes);
            if (room == 0) held.clear();
        }
    } catch (...) {
        keep(held.size() / kChunkBytes * kChunkBytes);
        throw;
    }
    keep(last ? held.size() : held.size() / kChunkBytes * kChunkBytes);
}

}  // namespace oracxfs::test
