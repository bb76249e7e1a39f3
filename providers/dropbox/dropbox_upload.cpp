#include "providers/dropbox/dropbox_upload.h"

#include <algorithm>

#include "base/crash_point.h"
#include "base/log.h"
#include "providers/dropbox/content_hash.h"

namespace oracxfs::dropbox {
namespace {

constexpr Millis kReportPause{300};
constexpr std::uint64_t kReportBytes = 4u << 20;  // at the latest, on fast lines
constexpr std::int64_t kSessionLifeMs = 6 * 86'400'000ll + 12 * 3'600'000ll;  // of 7 days
constexpr std::uint64_t kPieceBytes = 4u << 20;
constexpr std::uint64_t kBigPieceBytes = 8u << 20;
constexpr std::uint64_t kBigPiecesFrom = 1u << 30;  // what is under way when the program is killed is sent again
constexpr int kPieceRepeatsMax = 3;
constexpr Millis kPiecePause{500};

Json cursor_json(const std::string& session, std::uint64_t offset) { return Json::object({{"session_id", session}, {"offset", offset}}); }

}  // namespace

std::string SessionState::dump() const {
    if (session.empty()) return {};
    Json json = Json::object({{"dropbox", 1}, {"kind", concurrent ? "concurrent" : "sequential"}, {"session", session},
                              {"piece", piece}, {"started", started_ms}});
    if (size) json.set("size", *size);
    if (!concurrent) {
        json.set("offset", offset);
        return json.dump();
    }
    // Runs of pieces: [first, last].
    Json runs = Json::array();
    for (auto at = done.begin(); at != done.end();) {
        const std::uint64_t first = *at;
        std::uint64_t last = first;
        for (++at; at != done.end() && *at == last + 1; ++at) ++last;
        Json run = Json::array();
        run.push(first);
        run.push(last);
        runs.push(std::move(run));
    }
    json.set("done", std::move(runs));
    return json.dump();
}

std::optional<SessionState> SessionState::parse(const std::string& text) {
    constexpr std::uint64_t kPiecesMax = 1u << 20;
    if (text.empty()) return std::nullopt;
    const auto json = parse_json(text);
    if (!json || (*json)["dropbox"].as_int() != 1) return std::nullopt;
    const auto count = [](const Json& value) { return static_cast<std::uint64_t>(std::max<std::int64_t>(value.as_int(), 0)); };
    SessionState state;
    state.session = (*json)["session"].as_string();
    const std::string& kind = (*json)["kind"].as_string();
    if (kind != "concurrent" && kind != "sequential") return std::nullopt;
    state.concurrent = kind == "concurrent";
    state.piece = count((*json)["piece"]);
    state.offset = count((*json)["offset"]);
    if ((*json)["size"].is_int()) state.size = count((*json)["size"]);
    state.started_ms = (*json)["started"].as_int();
    if (state.session.empty() || state.piece == 0 || state.piece % kBlockBytes != 0) return std::nullopt;
    if (!state.concurrent && !(*json)["done"].items().empty()) return std::nullopt;  // pieces of which it has none
    for (const Json& run : (*json)["done"].items()) {
        if (run.items().size() != 2) return std::nullopt;
        const std::uint64_t first = count(run.items()[0]), last = count(run.items()[1]);
        if (last < first || last > kPiecesMax) return std::nullopt;
        for (std::uint64_t number = first; number <= last; ++number) state.done.insert(number);
    }
    return state;
}

Result<PutResult> FileUpload::run() {
    ORACX_TRYV(home_.check_parents(ctx_, key_));
    const auto size = content_.size();
    if (size && *size > kSingleRequestMax) return send_session();
    // Small, or not known yet: what fits in one request is waited for.
    std::vector<std::byte> data;
    bool ended = false;
    while (!ended && data.size() <= kSingleRequestMax) {
        const std::size_t had = data.size();
        const std::uint64_t room = std::min<std::uint64_t>(size ? *size - had + 1 : kBlockBytes, kSingleRequestMax + 1 - had);
        data.resize(had + room);
        ORACX_TRY(const std::size_t got, fill(had, std::span(data).subspan(had)));
        ended = got < room;
        data.resize(had + got);
    }
    if (!ended) {
        data = {};
        return send_session();
    }
    return send_single(std::move(data));
}

Result<std::size_t> FileUpload::fill(std::uint64_t offset, std::span<std::byte> into) {
    const DeadlineStop stop(ctx_, home_.clock);
    std::size_t filled = 0;
    while (filled < into.size()) {
        ORACX_TRYV(still_wanted(ctx_, home_.clock));
        auto got = content_.read_at(offset + filled, into.subspan(filled), stop.token());
        if (!got) return fail(got.error().code == Errc::cancelled ? stop.reason(got.error()) : got.error());
        if (*got == 0) break;
        filled += *got;
    }
    return filled;
}

// The digests of what was read; they must be those of the blob, where it knows them.
Status FileUpload::keep_blocks(std::uint64_t offset, std::span<const std::byte> data, Sha256& hash) {
    const std::vector<Sha256> blocks = block_digests(data);
    hash = content_hash_of(blocks);
    const auto known = content_.digests();
    const std::size_t first = static_cast<std::size_t>(offset / kBlockBytes);
    blocks_.resize(std::max(blocks_.size(), first + blocks.size()));
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        blocks_[first + i] = blocks[i];
        if (known && first + i < known->blocks.size() && known->blocks[first + i] != blocks[i])
            return fail(Errc::changed, "read the content", "it is not what it was when it was hashed");
    }
    return {};
}

Result<Publication> FileUpload::publication(std::uint64_t size) {
    const auto digests = content_.digests();
    if (!digests || digests->size != size) return fail(Errc::changed, "read the content", "it changed its size");
    Publication what{key_, options_, size, content_hash_of(*digests)};
    if (!what.content_hash && std::all_of(blocks_.begin(), blocks_.end(), [](const auto& block) { return block.has_value(); }) &&
        blocks_.size() == (size + kBlockBytes - 1) / kBlockBytes) {
        std::vector<Sha256> blocks;
        for (const auto& block : blocks_) blocks.push_back(*block);
        what.content_hash = content_hash_of(blocks);
    }
    return what;
}

Result<PutResult> FileUpload::send_single(std::vector<std::byte> data) {
    Sha256 hash{};
    ORACX_TRYV(keep_blocks(0, data, hash));
    ORACX_TRY(const Publication what, publication(data.size()));
    Json argument = commit_info(home_.names.path_of(key_), options_);
    argument.set("content_hash", to_hex(hash));
    for (int repeats = 0;; ++repeats) {
        ORACX_TRY(Published published, publish(home_, ctx_, what, [&] {
            return home_.api->upload(ctx_, "files/upload", argument, data, DropboxApi::Repeat::unsafe);
        }));
        if (published.object) {
            if (options_.on_progress) options_.on_progress(data.size(), {});
            return PutResult{std::move(*published.object), what.content_hash.has_value(), 0};
        }
        if (published.other.problem.has("content_hash_mismatch") && repeats < kPieceRepeatsMax) continue;
        return fail(error_of(published.other, "upload"));
    }
}

Result<PutResult> FileUpload::send_session() {
    taken_up_ = take_up();
    for (bool again = false;; again = true) {
        session_lost_ = false;
        Result<PutResult> result = run_session();
        report(true);
        if (result || !session_lost_ || again) return result;
        log::info("dropbox", home_.config.name + ": the upload of " + key_ + " starts anew: " + result.error().why);
        state_ = {};
        resumed_from_ = 0;
        taken_up_ = false;
        report(true);
    }
}

// True if there is a session to go on with.
bool FileUpload::take_up() {
    auto state = SessionState::parse(options_.resume_state);
    if (!state) return false;
    const auto size = content_.size();
    if (state->size && size && *state->size != *size) return false;
    if (to_ms(home_.clock.wall()) - state->started_ms > kSessionLifeMs) return false;
    if (state->concurrent && (!size || state->size != size)) return false;
    if (state->offset > size.value_or(content_.available(0))) return false;
    state_ = std::move(*state);
    if (state_.concurrent) {
        const std::uint64_t pieces = (*size + state_.piece - 1) / state_.piece;
        if (!state_.done.empty() && *state_.done.rbegin() >= pieces) {
            state_ = {};
            return false;
        }
    }
    resumed_from_ = acknowledged();
    return true;
}

Status FileUpload::start_session() {
    const auto size = content_.size();
    state_ = {};
    state_.size = size;
    state_.concurrent = size.has_value();
    state_.piece = size && *size >= kBigPiecesFrom ? kBigPieceBytes : kPieceBytes;
    state_.started_ms = to_ms(home_.clock.wall());
    Json argument = Json::object({{"close", false}});
    if (state_.concurrent) argument.set("session_type", "concurrent");
    // Without data: this call is limited harder than the appends, and a refusal should cost nothing.
    ORACX_TRY(const Reply reply, home_.repeat(ctx_, [&] { return home_.api->upload(ctx_, "files/upload_session/start", argument, {}); }));
    if (!reply.ok()) return fail(error_of(reply, "start the upload"));
    state_.session = reply.result["session_id"].as_string();
    if (state_.session.empty()) return fail(Errc::unavailable, "start the upload", "the answer names no session");
    report(true);
    return {};
}

Result<PutResult> FileUpload::run_session() {
    if (taken_up_) {
        if (!state_.concurrent) ORACX_TRYV(find_offset());
    } else {
        ORACX_TRYV(start_session());
    }
    ORACX_TRYV(state_.concurrent ? send_in_parallel() : send_in_sequence());
    report(true);
    return finish_session();
}

std::uint64_t FileUpload::acknowledged() const {
    if (!state_.concurrent) return state_.offset;
    std::uint64_t bytes = 0;
    for (const std::uint64_t number : state_.done) bytes += std::min(state_.piece, state_.size.value_or(UINT64_MAX) - number * state_.piece);
    return bytes;
}

void FileUpload::report(bool now) {
    if (!options_.on_progress) return;
    const SteadyTime time = home_.clock.steady();
    if (!now && time - last_report_ < kReportPause && acknowledged() < reported_ + kReportBytes) return;
    last_report_ = time;
    // A session started anew has less than was reported before; numbers that go back would confuse more than they tell.
    reported_ = std::max(reported_, acknowledged());
    options_.on_progress(reported_, state_.dump());
    ORACX_CRASH_POINT("dropbox.progress");
}

// One piece of a session, repeated over hiccups. Several threads may be here at once.
Result<std::optional<std::uint64_t>> FileUpload::send_piece(const OpContext& ctx, const Piece& piece) {
    using Taken = std::optional<std::uint64_t>;
    Json argument = Json::object({{"cursor", cursor_json(state_.session, piece.offset)}, {"close", piece.last && state_.concurrent},
                                  {"content_hash", to_hex(piece.hash)}});
    const std::uint64_t end = piece.offset + piece.data.size();
    for (int repeats = 0;; ++repeats) {
        auto reply = home_.api->upload(ctx, "files/upload_session/append_v2", argument, piece.data);
        if (reply && reply->ok()) return Taken();
        const bool hiccup = reply ? reply->in_doubt() || reply->problem.has("content_hash_mismatch") : is_hiccup(reply.error());
        if (reply && state_.concurrent) {
            // An earlier attempt got through and its answer did not.
            const bool there = reply->problem.has("incorrect_offset") && reply->problem.correct_offset == end;
            const bool closed = reply->problem.has("closed") && piece.last;
            if (there || closed) return Taken();
        }
        if (reply && !hiccup) {
            const ApiProblem& problem = reply->problem;
            if (problem.correct_offset && !state_.concurrent) return problem.correct_offset;
            Error error = error_of(*reply, "send a piece");
            if (reply->status == 409 && error.code != Errc::too_large && error.code != Errc::quota_full && error.code != Errc::throttled) {
                session_lost_ = true;
                error.code = Errc::unavailable;
            }
            return fail(std::move(error));
        }
        if (!hiccup || repeats == kPieceRepeatsMax) return fail(reply ? error_of(*reply, "send a piece") : std::move(reply).error());
        ORACX_TRYV(home_.pause(ctx, home_.jitter(kPiecePause * (1 << repeats))));
    }
}

Result<FileUpload::Piece> FileUpload::read_piece(std::uint64_t number, std::uint64_t size, std::vector<std::byte> buffer) {
    Piece piece;
    piece.number = number;
    piece.offset = number * state_.piece;
    piece.data = std::move(buffer);
    piece.data.resize(static_cast<std::size_t>(std::min(state_.piece, size - piece.offset)));
    piece.last = piece.offset + piece.data.size() == size;
    ORACX_TRY(const std::size_t got, fill(piece.offset, piece.data));
    if (got < piece.data.size()) return fail(Errc::changed, "read the content", "it is shorter than it was");
    ORACX_TRYV(keep_blocks(piece.offset, piece.data, piece.hash));
    return piece;
}

// The commit. Everything has been sent.
Result<PutResult> FileUpload::finish_session() {
    const auto size = content_.size();
    if (!size || (!state_.concurrent && *size != state_.offset)) return fail(Errc::changed, "read the content", "it changed its size");
    ORACX_TRY(const Publication what, publication(*size));
    const Json argument = Json::object({{"cursor", cursor_json(state_.session, *size)}, {"commit", commit_info(home_.names.path_of(key_), options_)}});
    ORACX_TRY(Published published, publish(home_, ctx_, what, [&] {
        return home_.api->upload(ctx_, "files/upload_session/finish", argument, {}, DropboxApi::Repeat::unsafe);
    }));
    if (published.object) {
        state_ = {};
        reported_ = *size;
        return PutResult{std::move(*published.object), what.content_hash.has_value(), resumed_from_};
    }
    Error error = error_of(published.other, "finish the upload");
    // The service has another opinion on what it has got: only a new session helps.
    session_lost_ = published.other.status == 409 && (published.other.problem.has("lookup_failed") ||
                                                      published.other.problem.last().starts_with("concurrent_session_"));
    if (session_lost_) error.code = Errc::unavailable;
    return fail(std::move(error));
}

}  // namespace oracxfs::dropbox
