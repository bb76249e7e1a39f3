#include "providers/google_drive/drive_put.h"

#include <algorithm>

#include "base/crash_point.h"
#include "base/log.h"
#include "providers/wait.h"

namespace oracxfs::drive {
namespace {

constexpr std::uint64_t kChunkBytes = 8u << 20;
// Each chunk costs a round trip, which counts for more the faster the line is; together with what else is held, a put
// stays below 16 MiB.
constexpr std::uint64_t kLargeChunkBytes = 15u << 20;
constexpr std::uint64_t kLargeFrom = 64u << 20;
// A writer that waits for us to catch up may be no more than this ahead.
constexpr std::uint64_t kSendEarlyBytes = 1u << 20;
// A session lives for a week.
constexpr Millis kSessionLife{6 * 86'400'000LL};
constexpr int kAttemptsMax = 4;
constexpr int kWithoutProgressMax = 10;
constexpr int kRestartsMax = 3;
constexpr std::size_t kPendingMax = 4'096;

bool is_trouble(Errc code) { return code == Errc::unavailable || code == Errc::outcome_unknown; }

}  // namespace

std::string PendingIds::find(const std::string& upload_id) const {
    const std::lock_guard lock(mutex_);
    const auto found = ids_.find(upload_id);
    return found == ids_.end() ? "" : found->second;
}

void PendingIds::keep(const std::string& upload_id, const std::string& id) {
    const std::lock_guard lock(mutex_);
    if (!ids_.insert_or_assign(upload_id, id).second) return;
    order_.push_back(upload_id);
    if (order_.size() <= kPendingMax) return;
    ids_.erase(order_.front());
    order_.pop_front();
}

void PendingIds::drop(const std::string& upload_id) {
    const std::lock_guard lock(mutex_);
    if (ids_.erase(upload_id) != 0) std::erase(order_, upload_id);
}

DrivePut::DrivePut(DriveHome& home, SessionSeal& seal, PendingIds& pending, const OpContext& ctx, const ObjectKey& key,
                   BlobReader& content, const PutOptions& options)
    : home_(home), seal_(seal), pending_(pending), ctx_(ctx), key_(key), content_(content), options_(options), session_(home.api()) {}

Result<PutResult> DrivePut::run() {
    ORACX_TRYV(home_.root(ctx_));
    const bool known_small = content_.size().value_or(UINT64_MAX) <= kSmallMax;
    if (const auto state = seal_.open(options_.resume_state);
        state && state->key == key_ && state->replaces == options_.replaces.has_value()) {
        state_ = *state;
        if (!state_.replaces) id_ = state_.id;
    }
    if (!options_.replaces && id_.empty()) id_ = pending_.find(options_.upload_id);
    // Before anything is sent. A small file is sent in a moment: for it the last look is the first one too.
    if (!known_small || options_.replaces) {
        ORACX_TRY(auto done, check_target(Trust::known));
        if (done) return finish(std::move(*done));
    }
    if (!options_.replaces && id_.empty()) {
        ORACX_TRY(id_, home_.ids().take(ctx_));
    }
    if (!options_.replaces) pending_.keep(options_.upload_id, id_);

    auto meta = known_small ? put_small() : put_large();
    if (!meta) {
        const Errc code = meta.error().code;
        // Only what may be gone on with needs the id again.
        const bool goes_on = is_trouble(code) || code == Errc::cancelled || code == Errc::deadline || code == Errc::throttled;
        if (!goes_on) pending_.drop(options_.upload_id);
        return fail(std::move(meta).error());
    }
    return finish(std::move(*meta));
}

// --- what is there -------------------------------------------------------------------------------------------------------

// The same bytes under the id of this very upload: an earlier attempt succeeded, and nobody heard.
bool DrivePut::is_ours(const FileMeta& meta) const {
    const auto digests = content_.digests();
    if (!digests || meta.size != digests->size) return false;
    if (meta.sha256) return *meta.sha256 == digests->sha256;
    return meta.md5 && digests->md5 && *meta.md5 == *digests->md5;
}

// A file if the work is done already; exists, changed if it must not be done.
Result<std::optional<FileMeta>> DrivePut::check_target(Trust trust) {
    if (options_.replaces) return check_replaced();
    ORACX_TRY(const std::vector<Located> there, home_.find_all(ctx_, key_, trust));
    for (const Located& object : there)
        if (object.meta.id == id_ && is_ours(object.meta)) return std::optional<FileMeta>(object.meta);
    if (!there.empty()) return fail(Errc::exists, "put", "the name is taken");
    return std::optional<FileMeta>();
}

Result<std::optional<FileMeta>> DrivePut::check_replaced() {
    const RemoteObject& expected = *options_.replaces;
    auto there = home_.locate(ctx_, expected);
    if (!there && there.error().code == Errc::not_found) return fail(Errc::changed, "replace", "it is gone");
    if (!there) return fail(std::move(there).error());
    const FileMeta& meta = there->meta;
    if (meta.kind != FileKind::file) return fail(Errc::changed, "replace", "something else is there");
    if (there->key != key_) return fail(Errc::changed, "replace", "it was moved or renamed");
    id_ = meta.id;
    expected_rev_ = expected.rev.empty() ? meta.rev() : expected.rev;
    if (meta.rev() == expected_rev_) return std::optional<FileMeta>();
    if (state_.id == meta.id && is_ours(meta)) return std::optional<FileMeta>(meta);
    return fail(Errc::changed, "replace", "somebody changed it");
}

// From the last look until the name is given, nobody else in this process gives it.
Result<KeyedLock::Hold> DrivePut::claim_name() {
    if (options_.replaces) return home_.locks().take(ctx_, home_.clock(), "file " + id_);
    return home_.locks().take(ctx_, home_.clock(), "name " + folder_ + "/" + std::string(base_name(key_)));
}

FileChange DrivePut::metadata() const {
    FileChange change;
    change.modified_ns = options_.mtime_ns;
    if (options_.replaces) return change;
    change.id = id_;
    change.name = std::string(base_name(key_));
    change.parent = folder_;
    change.app_properties = {{"ox", "1"}};
    return change;
}

// --- the content -----------------------------------------------------------------------------------------------------------

std::optional<std::uint64_t> DrivePut::known_total() const {
    if (const auto size = content_.size()) return size;
    if (buffer_.ended) return buffer_.offset + buffer_.data.size();
    return std::nullopt;
}

std::uint64_t DrivePut::chunk_bytes(std::uint64_t offset) const {
    const std::uint64_t expected = std::max(offset, content_.size().value_or(0));
    return expected >= kLargeFrom ? kLargeChunkBytes : kChunkBytes;
}

// What is before `offset` is not needed any more.
void DrivePut::advance(std::uint64_t offset) {
    if (offset == buffer_.offset) return;
    const std::uint64_t end = buffer_.offset + buffer_.data.size();
    if (offset > buffer_.offset && offset <= end) {
        buffer_.data.erase(buffer_.data.begin(), buffer_.data.begin() + static_cast<std::ptrdiff_t>(offset - buffer_.offset));
    } else {
        buffer_.data.clear();  // read again from there
        buffer_.ended = false;
    }
    buffer_.offset = offset;
}

// Reads until `want` bytes are held or the content ends; from a growing content also less, if its writer pauses.
Status DrivePut::fill(std::uint64_t want) {
    std::optional<DeadlineStop> deadline;
    if (!content_.size()) deadline.emplace(ctx_, home_.clock());
    const std::stop_token stop = deadline ? deadline->token() : ctx_.stop;
    buffer_.data.reserve(want);
    while (!buffer_.ended && buffer_.data.size() < want) {
        ORACX_TRYV(still_wanted(ctx_, home_.clock()));
        const std::size_t held = buffer_.data.size();
        const std::uint64_t at = buffer_.offset + held;
        if (const auto size = content_.size(); size && at == *size) {
            buffer_.ended = true;
            break;
        }
        if (!content_.size() && held >= kSendEarlyBytes && content_.available(at) == 0) break;
        constexpr std::uint64_t kPiece = 1u << 20;
        buffer_.data.resize(held + std::min(want - held, kPiece));
        const auto got = content_.read_at(at, std::span(buffer_.data).subspan(held), stop);
        buffer_.data.resize(held + got.value_or(0));
        if (!got) return fail(deadline ? deadline->reason(got.error()) : got.error());
        if (*got == 0) buffer_.ended = true;
    }
    if (const auto size = content_.size(); size && buffer_.offset + buffer_.data.size() == *size) buffer_.ended = true;
    return {};
}

void DrivePut::report(std::uint64_t bytes) {
    if (!options_.on_progress) return;
    options_.on_progress(bytes, state_.address.empty() ? "" : seal_.close(state_));
}

// --- small contents: one request ---------------------------------------------------------------------------------------

Result<FileMeta> DrivePut::put_small() {
    ORACX_TRYV(fill(kSmallMax));
    for (int attempt = 1;; ++attempt) {
        if (!options_.replaces) {
            ORACX_TRY(folder_, home_.make_folders(ctx_, parent_key(key_)));
        }
        ORACX_TRY(name_, claim_name());
        ORACX_TRY(auto done, check_target(Trust::known));
        if (done) return std::move(*done);
        const std::string boundary = random_hex(16);
        std::string body = "--" + boundary + "\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n" + metadata().body().dump() +
                           "\r\n--" + boundary + "\r\nContent-Type: application/octet-stream\r\n\r\n";
        body.reserve(body.size() + buffer_.data.size() + boundary.size() + 16);
        body.append(reinterpret_cast<const char*>(buffer_.data.data()), buffer_.data.size());
        body += "\r\n--" + boundary + "--\r\n";
        ORACX_CRASH_POINT("google_drive.put.before_publish");
        auto meta = send_small(body, boundary);
        ORACX_CRASH_POINT("google_drive.put.published");
        if (meta) return in_live_folder(std::move(*meta));
        const bool lost_folder = meta.error().code == Errc::not_found && !options_.replaces;
        if (!lost_folder || attempt == 2) {
            if (meta.error().code == Errc::not_found) meta.error().code = options_.replaces ? Errc::changed : Errc::unavailable;
            return fail(std::move(meta).error());
        }
        name_.release();
        home_.forget_stale(ctx_, folder_);
    }
}

Result<FileMeta> DrivePut::send_small(const std::string& body, const std::string& boundary) {
    bool doubt = false;
    for (int attempt = 1;; ++attempt) {
        std::atomic<std::uint64_t> sent = 0;
        http::Request request;
        request.method = options_.replaces ? "PATCH" : "POST";
        request.url = home_.api().upload_url(options_.replaces ? id_ : "", "multipart");
        request.content_type = "multipart/related; boundary=" + boundary;
        request.body = std::as_bytes(std::span(body));
        request.idempotent = false;
        auto response = home_.api().upload(ctx_, request, &sent);
        Error error;
        if (!response) {
            error = std::move(response).error();
            const bool ended = error.code == Errc::cancelled || error.code == Errc::deadline;
            if (ended) return fail(doubt || sent == body.size() ? in_doubt(std::move(error)) : std::move(error));
            doubt = doubt || error.code == Errc::outcome_unknown;
        } else if (response->ok()) {
            const auto json = http::json_body(*response);
            auto meta = json ? parse_file(*json) : Result<FileMeta>(fail(json.error()));
            if (meta) return meta;
            error = std::move(meta).error();
            doubt = true;
        } else {
            error = error_of(*response, "upload", Purpose::upload, home_.clock().wall());
            // Its id is in use: by an earlier attempt of this put.
            if (error.code == Errc::exists && !options_.replaces) return home_.api().get(ctx_, id_);
            doubt = doubt || error.code == Errc::unavailable;
        }
        // Looking would meet the same silence; whoever comes back later looks.
        if (error.silent) return fail(doubt ? in_doubt(std::move(error)) : std::move(error));
        const bool again = is_trouble(error.code) ? attempt < kAttemptsMax
                                                  : error.code == Errc::throttled && error.native == 403 && attempt < kAttemptsMax - 1;
        if (doubt) {
            auto found = look_after_doubt();
            if (!found && (is_trouble(found.error().code) || found.error().code == Errc::cancelled || found.error().code == Errc::deadline))
                return fail(in_doubt(std::move(found).error()));
            if (!found) return fail(std::move(found).error());
            if (*found) return std::move(**found);
            doubt = false;
            if (error.code == Errc::outcome_unknown) error.code = Errc::unavailable;  // now it is known: it did not happen
        }
        if (!again) return fail(std::move(error));
        ORACX_TRYV(home_.api().pause(ctx_, attempt));
    }
}

Error DrivePut::in_doubt(Error error) {
    error.code = Errc::outcome_unknown;
    if (!folder_.empty()) home_.tree().may_hold(folder_, base_name(key_), id_);
    return error;
}

// After an answer was lost. Reading by id is up to date at once.
Result<std::optional<FileMeta>> DrivePut::look_after_doubt() {
    auto meta = home_.api().get(ctx_, id_);
    if (!meta && meta.error().code != Errc::not_found) return fail(std::move(meta).error());
    if (!meta && options_.replaces) return fail(Errc::changed, "replace", "it is gone");
    if (!meta) return std::optional<FileMeta>();
    if (!options_.replaces) return std::optional<FileMeta>(std::move(*meta));
    if (is_ours(*meta)) return std::optional<FileMeta>(std::move(*meta));
    if (meta->rev() == expected_rev_) return std::optional<FileMeta>();
    return fail(Errc::changed, "replace", "somebody changed it");
}

// --- large and growing contents: a session -----------------------------------------------------------------------------

bool DrivePut::resume_session() {
    if (state_.address.empty() || home_.clock().wall() - state_.begun > kSessionLife) return false;
    if (!home_.api().is_session_address(state_.address)) return false;
    const auto size = content_.size();
    if (state_.total && state_.total != size) return false;
    if (state_.replaces && state_.id != id_) return false;
    session_.resume(state_.address);
    folder_ = state_.folder;
    return true;
}

// A file if the id is used: an earlier attempt of this put came through.
Result<std::optional<FileMeta>> DrivePut::begin_session() {
    state_ = {};
    for (int attempt = 1;; ++attempt) {
        if (!options_.replaces) {
            ORACX_TRY(folder_, home_.make_folders(ctx_, parent_key(key_)));
        }
        Status begun = session_.begin(ctx_, metadata(), options_.replaces ? id_ : "", content_.size());
        if (begun) break;
        if (begun.error().code == Errc::exists && !options_.replaces) return existing();
        const bool lost_folder = begun.error().code == Errc::not_found && !options_.replaces;
        if (!lost_folder || attempt == 2) {
            if (begun.error().code == Errc::not_found) begun.error().code = options_.replaces ? Errc::changed : Errc::unavailable;
            return fail(std::move(begun).error());
        }
        home_.forget_stale(ctx_, folder_);
    }
    state_.address = session_.address();
    state_.id = id_;
    state_.folder = folder_;
    state_.key = key_;
    state_.replaces = options_.replaces.has_value();
    state_.total = content_.size();
    state_.begun = home_.clock().wall();
    report(0);  // before the first byte: a session that nobody remembers cannot be resumed
    return std::optional<FileMeta>();
}

Result<std::optional<FileMeta>> DrivePut::existing() {
    ORACX_TRY(FileMeta meta, home_.api().get(ctx_, id_));
    ORACX_TRY(meta, in_live_folder(std::move(meta)));
    return std::optional<FileMeta>(std::move(meta));
}

Result<FileMeta> DrivePut::put_large() {
    bool resumed = resume_session();
    if (resumed) {
        ORACX_TRY(const SessionStep step, session_.ask(ctx_, content_.size()));
        if (std::holds_alternative<Done>(step)) {
            resumed_from_ = content_.size().value_or(0);
            ORACX_TRY(auto meta, existing());
            return std::move(*meta);
        }
        const auto* stored = std::get_if<Stored>(&step);
        resumed = stored != nullptr && stored->bytes <= content_.size().value_or(UINT64_MAX);
        if (resumed) {
            resumed_from_ = stored->bytes;
            advance(stored->bytes);
            report(stored->bytes);
        }
    }
    if (!resumed) {
        // What is complete before it is worth a session goes in one request.
        if (!content_.size()) {
            ORACX_TRYV(fill(kSmallMax));
            if (buffer_.ended && buffer_.data.size() <= kSmallMax) return put_small();
        }
        ORACX_TRY(auto meta, begin_session());
        if (meta) return std::move(*meta);
    }
    return run_session();
}

Result<FileMeta> DrivePut::run_session() {
    int without_progress = 0, restarts = 0;
    for (;;) {
        const std::uint64_t offset = buffer_.offset;
        ORACX_TRYV(fill(chunk_bytes(offset)));
        const bool last = buffer_.ended;
        std::uint64_t count = buffer_.data.size();
        if (!last) count -= count % kChunkUnit;
        if (last) {
            ORACX_TRY(name_, claim_name());
            ORACX_TRY(auto done, check_target(Trust::known));
            if (done) return std::move(*done);
            ORACX_CRASH_POINT("google_drive.session.before_publish");
        }
        auto step = session_.send(ctx_, std::span(buffer_.data).first(count), offset, known_total(), last);
        ORACX_CRASH_POINT("google_drive.session.sent");
        if (!step && step.error().code == Errc::exists && !options_.replaces) {
            ORACX_TRY(auto meta, existing());
            return std::move(*meta);
        }
        if (!step) return fail(step.error().code == Errc::outcome_unknown ? in_doubt(std::move(step).error()) : std::move(step).error());
        if (const auto* done = std::get_if<Done>(&*step)) {
            if (done->file) return in_live_folder(*done->file);
            auto meta = home_.api().get(ctx_, id_);
            if (!meta) return fail(in_doubt(std::move(meta).error()));
            return in_live_folder(std::move(*meta));
        }
        name_.release();
        if (const auto* stored = std::get_if<Stored>(&*step); stored != nullptr && stored->bytes <= offset + count) {
            state_.address = session_.address();
            advance(stored->bytes);
            if (stored->bytes > offset) {
                without_progress = 0;
                report(stored->bytes);
                continue;
            }
        } else {
            // Expired, or a nonsensical position: from the start, with the same id.
            if (++restarts > kRestartsMax) return fail(Errc::unavailable, "upload", "Drive forgets upload sessions again and again");
            ORACX_TRY(auto meta, begin_session());
            if (meta) return std::move(*meta);
            advance(0);
        }
        if (++without_progress > kWithoutProgressMax) return fail(Errc::unavailable, "upload", "Drive takes no more bytes");
        ORACX_TRYV(home_.api().pause(ctx_, without_progress));
    }
}

// --- the end -------------------------------------------------------------------------------------------------------------

// The folder may have been put into the trash meanwhile, and with it the new file: then it is taken out again.
Result<FileMeta> DrivePut::in_live_folder(FileMeta meta) {
    if (!meta.trashed || options_.replaces) return meta;
    home_.forget_stale(ctx_, folder_);
    name_.release();
    auto moved = [&]() -> Result<FileMeta> {
        FileChange change;
        ORACX_TRY(change.add_parent, home_.make_folders(ctx_, parent_key(key_)));
        for (const std::string& parent : meta.parents) change.remove_parents += (change.remove_parents.empty() ? "" : ",") + parent;
        change.trashed = false;
        return home_.api().update(ctx_, meta.id, change);
    }();
    if (!moved) {
        (void)home_.api().erase(ctx_, meta.id);  // not under its name, so it did not happen
        if (moved.error().code == Errc::not_found) moved.error().code = Errc::unavailable;
    }
    return moved;
}

Result<PutResult> DrivePut::finish(FileMeta meta) {
    const auto digests = content_.digests();
    if (!digests) return fail(Errc::internal, "put", "the content ended without its digests");
    // What Drive has not computed yet it tells a moment later.
    for (int look = 1; look <= 2 && !meta.sha256 && !meta.md5; ++look) {
        if (!home_.api().pause(ctx_, look)) break;
        if (auto again = home_.api().get(ctx_, meta.id)) meta = std::move(*again);
    }
    const bool comparable = meta.sha256 || (meta.md5 && digests->md5);
    if (meta.size != digests->size || (comparable && !is_ours(meta))) {
        if (!options_.replaces && meta.id == id_) {
            // Nothing damaged stays under the name.
            if (const Status gone = home_.api().erase(ctx_, meta.id); !gone)
                log::warn("google-drive", "a damaged copy could not be removed: " + gone.error().to_string());
            home_.tree().forget_name(folder_, base_name(key_), meta.id);
        }
        pending_.drop(options_.upload_id);
        home_.heads().forget(meta.id);
        return fail(Errc::corrupt, "put", "Drive stored other bytes than were sent");
    }
    home_.saw(meta);
    pending_.drop(options_.upload_id);
    name_.release();
    if (options_.on_progress) options_.on_progress(meta.size, "");
    PutResult result;
    result.object = DriveHome::object_of(key_, meta);
    result.verified = comparable;
    result.resumed_from = resumed_from_;
    return result;
}

}  // namespace oracxfs::drive
