// Uploads of DropboxEmulator: in one request, by sessions and in batches.

#include <algorithm>

#include "tests/emulators/dropbox_state.h"

namespace oracxfs::test {
namespace {

constexpr std::uint64_t kFileBytesMax = (1ull << 41) - (1ull << 22);
constexpr std::chrono::hours kSessionLife{7 * 24};
const std::string kHeader = "HTTP header \"Dropbox-API-Arg\"";

struct SentBytes {
    Content::Piece piece;
    std::vector<Sha256> blocks;  // of what is stored
};

struct SessionCursor {
    std::string id;
    std::uint64_t offset = 0;
};

SessionCursor read_cursor(Arguments arguments) {
    SessionCursor cursor;
    cursor.id = arguments.text("session_id");
    cursor.offset = static_cast<std::uint64_t>(arguments.number("offset", 0, std::int64_t{1} << 42));
    arguments.done();
    return cursor;
}

Json wrong_offset(std::uint64_t right) {
    return Json::object({{".tag", "incorrect_offset"}, {"correct_offset", right}});
}

DropboxSession& session_of(DropboxEmulator::State& s, const std::string& id, WallTime now) {
    const auto it = s.sessions.find(id);
    if (it == s.sessions.end() || it->second.gone || it->second.created + kSessionLife <= now)
        throw RouteError{tag("not_found")};
    return it->second;
}

// All bytes and their hash; they are complete.
std::pair<Content, std::string> content_of(const DropboxSession& session) {
    Content content;
    std::vector<Sha256> blocks;
    bool aligned = true;
    for (const auto& [offset, piece] : session.pieces) {
        content.append(piece);
        aligned = aligned && offset % kBlockBytes == 0;
        const auto& digests = session.blocks.at(offset);
        blocks.insert(blocks.end(), digests.begin(), digests.end());
    }
    std::string hash = aligned ? content_hash_of(blocks) : content_hash_of(content);
    return {std::move(content), std::move(hash)};
}

void add(DropboxSession& session, std::uint64_t offset, const SentBytes& sent) {
    if (sent.piece->empty()) return;
    session.pieces[offset] = sent.piece;
    session.blocks[offset] = sent.blocks;
}

// Errors are UploadSessionFinishError.
void check_finished(const DropboxSession& session, std::uint64_t offset, bool must_be_closed) {
    const auto lookup = [](Json error) { return RouteError{tag("lookup_failed", std::move(error))}; };
    if (!session.concurrent) {
        if (offset != session.size) throw lookup(wrong_offset(session.size));
        if (must_be_closed && !session.closed) throw lookup(tag("not_closed"));
        return;
    }
    if (!session.closed) throw RouteError{tag("concurrent_session_not_closed")};
    std::uint64_t end = 0;
    for (const auto& [at, piece] : session.pieces) {
        if (at != end) break;
        end = at + piece->size();
    }
    if (end != session.size) throw RouteError{tag("concurrent_session_missing_data")};
    if (offset != session.size) throw lookup(wrong_offset(session.size));
}

// The body: checked against the hash that was announced, then (perhaps) damaged.
SentBytes take(const std::string& announced, std::string data, const std::function<void(std::string&)>& damage) {
    if (!announced.empty() && content_hash_of(block_digests(data)) != announced)
        throw RouteError{tag("content_hash_mismatch")};
    damage(data);
    SentBytes sent;
    sent.blocks = block_digests(data);
    sent.piece = std::make_shared<const std::string>(std::move(data));
    return sent;
}

}  // namespace

std::string DropboxEmulator::upload_body(Call& call) const {
    std::string data = call.body(state_->options.request_bytes_max + 1);
    if (data.size() > state_->options.request_bytes_max) throw RouteError{tag("payload_too_large")};
    return data;
}

Json DropboxEmulator::upload(Call& call, const Json& argument) {
    const DropboxCommit wanted = read_commit(Arguments(argument, kHeader), true);
    const SentBytes sent = take(argument["content_hash"].as_string(), upload_body(call),
                                [&](std::string& data) { call.damage(data); });
    const Json busy = Json::object({{".tag", "path"}, {"reason", tag("too_many_write_operations")}});
    return commit(call, busy, [&](State& s) {
        Content content;
        content.append(sent.piece);
        try {
            const VersionHandle made = s.commit(wanted, content, content_hash_of(sent.blocks), call.has(Fault::Kind::full));
            return s.metadata(*made, s.find(lower_case(made->display))->display, false);
        } catch (const RouteError& error) {
            // The data is kept: another commit needs not send it again.
            const std::string id = s.make_name("pid_upload_session:", 40);
            DropboxSession& session = s.sessions[id];
            session.closed = true;
            session.size = content.size();
            session.created = now();
            add(session, 0, sent);
            throw RouteError{
                Json::object({{".tag", "path"}, {"reason", error.error}, {"upload_session_id", id}})};
        }
    });
}

Json DropboxEmulator::session_start(Call& call, const Json& argument) {
    Arguments arguments(argument, kHeader);
    const bool close = arguments.flag("close", false);
    const std::string kind = arguments.choice("session_type", {"sequential", "concurrent"}, "sequential");
    const std::string hash = read_hash(arguments);
    arguments.done();
    const SentBytes sent = take(hash, upload_body(call), [&](std::string& data) { call.damage(data); });
    if (kind == "concurrent" && !sent.piece->empty()) throw RouteError{tag("concurrent_session_data_not_allowed")};
    if (kind == "concurrent" && close) throw RouteError{tag("concurrent_session_close_not_allowed")};
    const std::lock_guard lock(state_->mutex);
    State& s = *state_;
    const std::string id = s.make_name("pid_upload_session:", 40);
    DropboxSession& session = s.sessions[id];
    session.concurrent = kind == "concurrent";
    session.closed = close;
    session.created = now();
    session.size = sent.piece->size();
    add(session, 0, sent);
    return Json::object({{"session_id", id}});
}

Json DropboxEmulator::session_append(Call& call, const Json& argument) {
    Arguments arguments(argument, kHeader);
    const SessionCursor cursor = read_cursor(arguments.structure("cursor"));
    const bool close = arguments.flag("close", false);
    const std::string hash = read_hash(arguments);
    arguments.done();
    const SentBytes sent = take(hash, upload_body(call), [&](std::string& data) { call.damage(data); });
    const std::uint64_t bytes = sent.piece->size();
    const std::lock_guard lock(state_->mutex);
    DropboxSession& session = session_of(*state_, cursor.id, now());
    if (!session.concurrent) {
        if (session.closed) throw RouteError{tag("closed")};
        if (cursor.offset != session.size) throw RouteError{wrong_offset(session.size)};
        if (session.size + bytes > kFileBytesMax) throw RouteError{tag("too_large")};
        add(session, cursor.offset, sent);
        session.size += bytes;
        session.closed = close;
        return {};
    }
    if (cursor.offset % kBlockBytes != 0) throw RouteError{tag("concurrent_session_invalid_offset")};
    if (bytes % kBlockBytes != 0 && !close) throw RouteError{tag("concurrent_session_invalid_data_size")};
    if (cursor.offset + bytes > kFileBytesMax) throw RouteError{tag("too_large")};
    if (session.closed && (close || cursor.offset + bytes > session.size)) throw RouteError{tag("closed")};
    for (const auto& [at, piece] : session.pieces) {
        if (at == cursor.offset && piece->size() == bytes) throw RouteError{wrong_offset(cursor.offset + bytes)};
        if (at < cursor.offset + bytes && cursor.offset < at + piece->size())
            throw RouteError{tag("concurrent_session_invalid_offset")};
        if (close && at >= cursor.offset + bytes) throw RouteError{tag("concurrent_session_invalid_offset")};
    }
    add(session, cursor.offset, sent);
    if (!close) return {};
    session.closed = true;
    session.size = cursor.offset + bytes;
    return {};
}

Json DropboxEmulator::session_finish(Call& call, const Json& argument) {
    Arguments arguments(argument, kHeader);
    const SessionCursor cursor = read_cursor(arguments.structure("cursor"));
    const DropboxCommit wanted = read_commit(arguments.structure("commit"), false);
    const std::string hash = read_hash(arguments);
    arguments.done();
    const SentBytes sent = take(hash, upload_body(call), [&](std::string& data) { call.damage(data); });
    return commit(call, tag("too_many_write_operations"), [&](State& s) {
        DropboxSession& session = [&]() -> DropboxSession& {
            try {
                return session_of(s, cursor.id, now());
            } catch (const RouteError& error) {
                throw RouteError{tag("lookup_failed", error.error)};
            }
        }();
        std::uint64_t offset = cursor.offset;
        if (!sent.piece->empty()) {
            if (session.concurrent) throw RouteError{tag("concurrent_session_data_not_allowed")};
            if (offset != session.size) throw RouteError{tag("lookup_failed", wrong_offset(session.size))};
            if (session.closed) throw RouteError{tag("lookup_failed", tag("closed"))};
            // Stays when the commit fails: it is repeated with an empty body at the total offset.
            add(session, offset, sent);
            offset = session.size += sent.piece->size();
        }
        check_finished(session, offset, false);
        session.closed = true;
        const auto [content, whole_hash] = content_of(session);
        try {
            const VersionHandle made = s.commit(wanted, content, whole_hash, call.has(Fault::Kind::full));
            session.finished = true;
            return s.metadata(*made, s.find(lower_case(made->display))->display, false);
        } catch (const RouteError& error) {
            throw RouteError{tag("path", error.error)};
        }
    });
}

Json DropboxEmulator::session_start_batch(Call&, const Json& argument) {
    Arguments arguments(argument, "request body");
    const std::int64_t count = arguments.number("num_sessions", 1, 1000);
    const std::string kind = arguments.choice("session_type", {"sequential", "concurrent"}, "sequential");
    arguments.done();
    const std::lock_guard lock(state_->mutex);
    Json ids = Json::array();
    for (std::int64_t i = 0; i < count; ++i) {
        const std::string id = state_->make_name("pid_upload_session:", 40);
        DropboxSession& session = state_->sessions[id];
        session.concurrent = kind == "concurrent";
        session.created = now();
        ids.push(id);
    }
    return Json::object({{"session_ids", std::move(ids)}});
}

Json DropboxEmulator::session_finish_batch(Call& call, const Json& argument) {
    struct Entry {
        SessionCursor cursor;
        DropboxCommit commit;
    };
    Arguments arguments(argument, "request body");
    const Json& list = arguments.value("entries");
    arguments.done();
    if (!list.is_array() || list.items().empty() || list.items().size() > 1000)
        arguments.refuse("entries", "expected a list of 1 to 1000 entries");
    std::vector<Entry> entries;
    for (const Json& item : list.items()) {
        Arguments fields(item, "request body: entries");
        entries.push_back({read_cursor(fields.structure("cursor")), read_commit(fields.structure("commit"), false)});
        fields.done();
    }
    const auto finish_one = [&](State& s, const Entry& entry) -> Json {
        try {
            DropboxSession* session = nullptr;
            try {
                session = &session_of(s, entry.cursor.id, now());
            } catch (const RouteError& error) {
                throw RouteError{tag("lookup_failed", error.error)};
            }
            check_finished(*session, entry.cursor.offset, true);
            const auto [content, hash] = content_of(*session);
            try {
                const VersionHandle made = s.commit(entry.commit, content, hash, call.has(Fault::Kind::full));
                session->finished = true;
                Json result = Json::object({{".tag", "success"}});
                const Json metadata = s.metadata(*made, made->display, false);
                for (const auto& [name, value] : metadata.members()) result.set(name, value);
                return result;
            } catch (const RouteError& error) {
                throw RouteError{tag("path", error.error)};
            }
        } catch (const RouteError& error) {
            return tag("failure", error.error);
        }
    };
    const auto all = [&](const std::function<Json(const Entry&)>& one) {
        Json results = Json::array();
        for (const Entry& entry : entries) results.push(one(entry));
        return Json::object({{"entries", std::move(results)}});
    };
    try {
        return commit(call, tag("too_many_write_operations"),
                      [&](State& s) { return all([&](const Entry& entry) { return finish_one(s, entry); }); });
    } catch (const RouteError& error) {
        // The route itself has no errors: each entry says it.
        return all([&](const Entry&) { return tag("failure", error.error); });
    }
}

}  // namespace oracxfs::test
