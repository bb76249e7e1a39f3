#include "providers/ftp/ftp_upload.h"

#include <algorithm>

#include "base/crash_point.h"
#include "base/json.h"
#include "providers/ftp/ftp_publish.h"
#include "providers/ftp/ftp_status.h"
#include "providers/ftp/ftp_verify.h"

namespace oracxfs::ftp {
namespace {

constexpr Millis kReportPause{300};
// A writer that pauses for longer keeps no data connection open.
constexpr Millis kPauseMax{20'000};
constexpr Millis kCleanUpTime{2'000};
constexpr int kDeadMax = 3;  // idle connections that turn out to be dead
// One TLS record: sent as a whole or not at all. Of more, a server that has no room may cut the data connection before all
// is sent, and libcurl then does not wait for the reply that says why.
constexpr std::size_t kFullProbeBytes = 16u << 10;
constexpr int kFullProbeTimes = 4;

bool keeps_leftover(Errc code) {
    return code == Errc::unavailable || code == Errc::outcome_unknown || code == Errc::cancelled || code == Errc::deadline ||
           code == Errc::throttled;
}

// A few zeros, for the question whether the disk is full.
class Zeros final : public UploadSource {
  public:
    Result<std::size_t> fill(std::span<std::byte> into) override {
        const std::size_t count = std::min(into.size(), left_);
        std::fill_n(into.begin(), count, std::byte{});
        left_ -= count;
        return count;
    }
    void taken(std::uint64_t) override {}

  private:
    std::size_t left_ = kFullProbeBytes;
};

}  // namespace

std::string encode_resume_state(std::uint64_t taken) {
    if (taken == 0) return {};
    return Json::object({{"ftp", Json(1)}, {"taken", Json(taken)}}).dump();
}

bool is_resume_state(const std::string& state) {
    if (state.empty()) return false;
    const auto json = parse_json(state);
    return json && (*json)["ftp"].as_int() == 1 && (*json)["taken"].as_int() > 0;
}

Upload::Upload(FtpHome& home, const CallWait& wait, const ObjectKey& key, BlobReader& content, const PutOptions& options)
    : home_(home), wait_(wait), key_(key), content_(content), options_(options) {}

Result<PutResult> Upload::run() {
    auto result = transfer();
    report(true);
    if (result) return result;
    Error& error = result.error();
    if (in_doubt_ && keeps_leftover(error.code)) error.code = Errc::outcome_unknown;
    if (part_exists_ && !keeps_leftover(error.code)) clean_up();
    return result;
}

Result<PutResult> Upload::transfer() {
    ORACX_TRYV(send_all());
    for (bool again = false;; again = true) {
        ORACX_TRY(const auto lease, home_.pool.take(wait_));
        FtpCall call(home_, lease.connection(), wait_);
        auto result = finish(call);
        in_doubt_ = call.in_doubt();
        const FtpConnection& connection = lease.connection();
        if (result || again || in_doubt_ || !lease.reused() || connection.usable() || connection.stalled()) return result;
        if (result.error().code != Errc::unavailable) return result;
        home_.pool.forget_idle();
    }
}

// How much of an earlier attempt is there.
Status Upload::find_offset(FtpCall& call) {
    ORACX_TRY(const auto part, call.find_path(part_));
    if (!part || !part->is_file()) return {};
    part_exists_ = true;
    // More than the content has (so far) cannot be a part of it.
    if (part->size > content_.size().value_or(content_.available(0))) return {};
    resumed_from_ = begin_ = next_ = taken_ = part->size;
    return {};
}

Status Upload::send_all() {
    // A content of which nothing is there yet needs no connection.
    if (!content_.size() && content_.available(0) == 0) ORACX_TRYV(wait_for_content());
    bool look = is_resume_state(options_.resume_state);
    bool sent_anything = false;
    for (int dead = 0;;) {
        Reply reply;
        Status sent;
        bool was_dead = false, stalled = false;
        {
            ORACX_TRY(const auto lease, home_.pool.take(wait_));
            FtpConnection& connection = lease.connection();
            FtpCall call(home_, connection, wait_);
            part_ = home_.part_path(options_.upload_id);
            if (look) sent = find_offset(call);
            if (sent) look = false;
            const bool whole = sent_anything || (resumed_from_ > 0 && content_.size() == next_);
            if (sent && !(whole && content_.size() == next_)) {
                sent = send_some(connection);
                sent_anything |= sent.has_value();
            }
            reply = connection.last_reply();
            // Nothing was answered to what was tried first on it: it had died while it was idle.
            was_dead = connection.was_dead() ||
                       (lease.reused() && !connection.usable() && !connection.stalled() && reply.code == 0 && next_ == begin_);
            stalled = connection.stalled();
        }
        if (sent) {
            begin_ = taken_ = next_;
            if (content_.size() == next_) return {};
            report(true);
            ORACX_TRYV(wait_for_content());
            continue;
        }
        if (was_dead && wait_.check() && dead++ < kDeadMax) {
            home_.pool.forget_idle();
            continue;
        }
        // The server knows REST for downloads only: append. Or it appends not either: from the start.
        if (begin_ > 0 && next_ == begin_ && reply.code >= 500 && wait_.check()) {
            if (restart_refused_) resumed_from_ = begin_ = next_ = taken_ = 0;
            restart_refused_ = true;
            continue;
        }
        return fail(explain_failure(std::move(sent).error(), reply, stalled));
    }
}

Status Upload::send_some(FtpConnection& connection) {
    const bool restarts = connection.features().rest_stream && !restart_refused_;
    const UploadMode mode = begin_ == 0 ? UploadMode::replace : restarts ? UploadMode::restart : UploadMode::append;
    part_exists_ = true;  // or may exist
    return connection.upload(wait_, part_, mode, begin_, *this);
}

// Blocks while the content's writer has nothing.
Status Upload::wait_for_content() {
    std::byte one{};
    const auto got = content_.read_at(next_, {&one, 1}, wait_.token());
    if (got) return {};
    ORACX_TRYV(wait_.check());
    return fail(got.error());
}

Result<std::size_t> Upload::fill(std::span<std::byte> into) {
    report(false);
    ORACX_TRYV(wait_.check());
    if (content_.size() || content_.available(next_) > 0) {
        auto got = content_.read_at(next_, into, wait_.token());
        if (got) next_ += *got;
        else ORACX_TRYV(wait_.check());
        return got;
    }
    const OpContext pause{wait_.token(), wait_.now() + kPauseMax};
    const DeadlineStop stop(pause, wait_.clock());
    auto got = content_.read_at(next_, into, stop.token());
    if (got) {
        next_ += *got;
        return got;
    }
    ORACX_TRYV(wait_.check());
    if (got.error().code == Errc::cancelled && stop.token().stop_requested()) return std::size_t{0};
    return got;
}

void Upload::taken(std::uint64_t bytes) {
    taken_ = std::max(taken_, std::min(begin_ + bytes, next_));
    report(false);
}

void Upload::report(bool now) {
    if (!options_.on_progress) return;
    const SteadyTime time = wait_.now();
    if (taken_ == reported_ || (!now && time - last_report_ < kReportPause)) return;
    reported_ = taken_;
    last_report_ = time;
    options_.on_progress(taken_, encode_resume_state(taken_));
    ORACX_CRASH_POINT("ftp.progress");
}

// A full disk shows as many things: 452, 552, 451 (vsftpd), or a connection that is cut while bytes are under way.
Error Upload::explain_failure(Error error, const Reply& reply, bool stalled) {
    if (error.code == Errc::name_refused) error.code = Errc::denied;  // it is our own name: the folder is the problem
    const bool cut = reply.code < 200 || reply.code == 426 || reply.code == 450 || reply.code == 451;
    if (error.code != Errc::unavailable || next_ == begin_ || stalled || !cut || !wait_.check() || !is_full()) return error;
    error.code = Errc::quota_full;
    error.why = "the server's disk is full (" + error.why + ")";
    return error;
}

// Only the server itself knows: a small file is tried.
bool Upload::is_full() {
    const std::string path = home_.path(".oracxfs-probe-" + random_hex(8));
    bool full = false;
    {
        const auto lease = home_.pool.take(wait_);
        if (!lease) return false;
        Status stored;
        for (int i = 0; i < kFullProbeTimes && stored; ++i) {
            Zeros zeros;
            stored = lease->connection().upload(wait_, path, i == 0 ? UploadMode::replace : UploadMode::append, 0, zeros);
        }
        const int code = lease->connection().last_reply().code;
        full = !stored && (code == 451 || code == 452 || code == 552);
    }
    if (const auto lease = home_.pool.take(wait_)) (void)lease->connection().command(wait_, "DELE " + path).has_value();
    return full;
}

Result<PutResult> Upload::finish(FtpCall& call) {
    const auto digests = content_.digests();
    const std::uint64_t size = *content_.size();
    if (!digests) return fail(Errc::internal, "verify", "a sealed content without digests");
    if (digests->size != size) return fail(Errc::changed, "verify", "the content changed its size");
    ORACX_TRYV(verify_stored(call, part_, *digests));
    ListEntry ignored;
    if (options_.mtime_ns > 0) ORACX_TRYV(set_time(call, part_, options_.mtime_ns / 1'000'000'000, ignored));
    ORACX_TRY(const auto part, call.find_path(part_));
    if (!part) return fail(Errc::unavailable, "verify", "the uploaded part has gone");
    if (!part->is_file() || part->size != size) return fail(Errc::corrupt, "verify", "the stored part has another size");
    ORACX_TRY(const auto lock, home_.locks.lock(wait_, {key_}));
    ORACX_TRY(RemoteObject object, publish(call, {part_, key_, options_.replaces, options_.keep_replaced, *part}));
    part_exists_ = false;
    PutResult result;
    result.object = std::move(object);
    result.object.sha256 = digests->sha256;
    result.verified = true;
    result.resumed_from = resumed_from_;
    return result;
}

void Upload::clean_up() {
    const OpContext ctx{{}, home_.clock.steady() + kCleanUpTime};
    const CallWait brief(ctx, home_.clock);
    const auto lease = home_.pool.take(brief);
    if (lease) (void)lease->connection().command(brief, "DELE " + part_).has_value();
}

}  // namespace oracxfs::ftp
