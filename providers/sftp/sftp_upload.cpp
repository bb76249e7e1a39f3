#include "providers/sftp/sftp_upload.h"

#include <algorithm>

#include "base/crash_point.h"
#include "base/json.h"
#include "base/log.h"
#include "providers/sftp/sftp_publish.h"
#include "providers/wait.h"

namespace oracxfs::sftp {
namespace {

// Unanswered WRITEs of a connection. OpenSSH's window is 2 MiB; the rest lets it be re-opened in time.
constexpr std::uint64_t kWindowBytes = 4u << 20;
// Encoded and not yet sent: keeps the memory small and the data in the processor's cache.
constexpr std::size_t kQueueBytesMax = 512u << 10;
constexpr Millis kReportPause{300};
constexpr std::uint64_t kReportBytes = 4u << 20;  // at the latest, on fast lines
// Several connections pay on long ways only: one of them carries 2 MiB per round trip.
constexpr std::uint64_t kManyLanesBytes = 64u << 20;
constexpr Millis kManyLanesRoundTrip{10};
constexpr std::uint64_t kAheadBytes = 1u << 20;
// A file that ends up smaller is read back in the final round trip, which costs less than asking the server's shell.
constexpr std::uint64_t kReadBackBytesMax = 2u << 20;
constexpr std::uint64_t kHashStepBytes = 8u << 20;
constexpr std::uint64_t kReadBackWindowBytes = 2u << 20;
constexpr std::uint64_t kReadBackStepBytes = 1u << 20;
constexpr Millis kGrowthPoll{5};
constexpr Millis kPingPause{5'000};
constexpr Millis kCleanUpTime{2'000};

bool keeps_leftover(Errc code) {
    return code == Errc::unavailable || code == Errc::outcome_unknown || code == Errc::cancelled || code == Errc::deadline;
}

}  // namespace

void WrittenRanges::add(std::uint64_t begin, std::uint64_t end) {
    if (begin > prefix_) {
        beyond_[begin] = std::max(beyond_[begin], end);
        return;
    }
    prefix_ = std::max(prefix_, end);
    while (!beyond_.empty() && beyond_.begin()->first <= prefix_) {
        prefix_ = std::max(prefix_, beyond_.begin()->second);
        beyond_.erase(beyond_.begin());
    }
}

std::string encode_resume_state(std::uint64_t acknowledged) {
    if (acknowledged == 0) return {};
    return Json::object({{"sftp", Json(1)}, {"acknowledged", Json(acknowledged)}}).dump();
}

std::uint64_t decode_resume_state(const std::string& state) {
    if (state.empty()) return 0;
    const auto json = parse_json(state);
    if (!json || (*json)["sftp"].as_int() != 1) return 0;
    return static_cast<std::uint64_t>(std::max<std::int64_t>((*json)["acknowledged"].as_int(), 0));
}

Upload::Upload(SftpHome& home, const Waiter& waiter, const ObjectKey& key, BlobReader& content, const PutOptions& options)
    : home_(home), waiter_(waiter), key_(key), content_(content), options_(options) {}

Upload::~Upload() {
    // Handlers refer to this object.
    for (const auto& lane : lanes_) lane->lease.channel().detach_handlers();
}

Result<PutResult> Upload::run() {
    ORACX_TRY(auto lease, home_.pool.take(waiter_));
    const bool reused = lease.reused();
    lanes_.push_back(std::make_unique<Lane>(std::move(lease)));
    part_ = home_.part_path(options_.upload_id);
    Status opened = open_first();
    if (!opened && first().dead() && reused && !first().stalled()) {
        // It had died unnoticed while it was idle; nothing has been sent yet.
        lanes_.clear();
        home_.pool.forget_idle();
        ORACX_TRY(auto another, home_.pool.take(waiter_));
        lanes_.push_back(std::make_unique<Lane>(std::move(another)));
        opened = open_first();
    }
    Result<PutResult> result = opened ? transfer() : fail(std::move(opened).error());
    report(true);
    if (result) return result;
    const bool dead = std::any_of(lanes_.begin(), lanes_.end(), [](const auto& lane) { return lane->lease.channel().dead(); });
    if (in_doubt_ && keeps_leftover(result.error().code)) result.error().code = Errc::outcome_unknown;
    if (dead) home_.pool.forget_idle();
    clean_up(result.error());
    return result;
}

// Opens the part without truncating it when there is something to go on with.
Status Upload::open_first() {
    Lane& lane = *lanes_.front();
    SftpChannel& channel = lane.lease.channel();
    std::uint64_t wanted = decode_resume_state(options_.resume_state);
    const auto size = content_.size();
    if (wanted > size.value_or(content_.available(0))) wanted = 0;
    std::optional<Answer> part;
    if (wanted > 0) channel.lstat(part_, [&](Answer& answer) { part = answer; });
    const HandlerScope scope(channel);
    ORACX_TRY(Answer opened, channel.ask(waiter_, [&](Handler handler) {
        channel.open_file(part_, kOpenRead | kOpenWrite | kOpenCreate | (wanted > 0 ? 0 : kOpenTruncate), std::move(handler));
    }));
    while (wanted > 0 && !part) ORACX_TRYV(channel.drive(waiter_));
    if (!opened.ok()) {
        if (opened.absent()) return fail(Errc::unavailable, "write", "the folder has gone from the server");
        ORACX_TRY(Error error, explain_write_failure(home_, channel, waiter_, opened, 0));
        return fail(std::move(error));
    }
    lane.handle = opened.handle;
    const std::uint64_t stored = part && part->ok() ? part->attrs.size.value_or(0) : 0;
    // Servers that write in parallel leave holes, so the size alone tells nothing beyond what was acknowledged.
    resumed_from_ = std::min(wanted, stored);
    next_ = resumed_from_;
    written_.emplace(resumed_from_);
    return {};
}

Result<PutResult> Upload::transfer() {
    find_out_server_hash(home_);
    ORACX_TRYV(settle(send_all()));
    ORACX_TRYV(settle(finish_part()));
    return publish_part();
}

// A WRITE that was refused is the reason, whatever was noticed first.
Status Upload::settle(Status outcome) {
    if (!write_failure_) return outcome;
    const std::uint64_t missing = content_.size().value_or(next_) - std::min(written_->prefix(), content_.size().value_or(next_));
    ORACX_TRY(Error error, explain_write_failure(home_, first(), waiter_, *write_failure_, missing));
    return fail(std::move(error));
}

Status Upload::send_all() {
    for (;;) {
        const auto size = content_.size();
        if (size && next_ >= *size && written_->prefix() >= *size) return {};
        if (write_failure_) return {};
        ORACX_TRY(const bool queued, send_some());
        keep_verifying();
        const bool starved = !queued && !content_.size() && content_.available(next_) == 0;
        const bool all_answered = written_->prefix() == next_;
        if (starved && all_answered) {
            report(true);
            ORACX_TRYV(wait_for_content());
            continue;
        }
        ORACX_TRYV(step(starved ? kGrowthPoll : Millis(1'000)));
        report(false);
        add_lanes();
        drop_lanes();
    }
}

// Queues WRITEs wherever there is room. True if something was queued.
Result<bool> Upload::send_some() {
    bool queued = false;
    for (bool again = true; again;) {
        again = false;
        for (const auto& lane : lanes_) {
            ORACX_TRY(const bool filled, fill(*lane));
            again |= filled;
            queued |= filled;
        }
    }
    return queued;
}

// One WRITE.
Result<bool> Upload::fill(Lane& lane) {
    SftpChannel& channel = lane.lease.channel();
    if (lane.handle.empty() || lane.leaving) return false;
    if (channel.in_flight_bytes() >= kWindowBytes || channel.queued_bytes() >= kQueueBytesMax) return false;
    const std::size_t piece = channel.abilities().write_bytes;
    const std::uint64_t available = content_.available(next_);
    if (available == 0) return false;
    // While more is being written, small pieces are only sent when there is nothing to wait for.
    if (available < piece && !content_.size() && written_->prefix() != next_) return false;
    buffer_.resize(piece);
    ORACX_TRY(const std::size_t got,
              content_.read_at(next_, std::span(buffer_).first(std::min<std::uint64_t>(piece, available)),
                               waiter_.context().stop));
    if (got == 0) return false;
    const std::uint64_t begin = next_;
    next_ += got;
    channel.write(lane.handle, begin, std::span(buffer_).first(got), [this, begin, end = next_](Answer& answer) {
        if (answer.ok()) written_->add(begin, end);
        else if (!write_failure_) write_failure_ = answer;
    });
    return true;
}

// Everything is answered and the writer of the blob is slow: wait for him, not for the server, but look after the
// connections now and then.
Status Upload::wait_for_content() {
    std::byte one{};
    for (;;) {
        const DeadlineStop stop(waiter_.context(), home_.clock);
        const SftpPool::Beat beat(home_.pool, stop.token());
        const auto got = content_.read_at(next_, {&one, 1}, beat.token());
        if (got) return {};
        ORACX_TRYV(waiter_.check());
        if (got.error().code != Errc::cancelled || !beat.token().stop_requested()) return fail(got.error());
        for (const auto& lane : lanes_) {
            lane->lease.channel().ping();
            ORACX_TRYV(lane->lease.channel().finish(waiter_));
        }
    }
}

Status Upload::step(Millis at_most) {
    std::vector<SftpChannel*> channels;
    for (const auto& lane : lanes_) channels.push_back(&lane->lease.channel());
    return drive_all(channels, waiter_, at_most);
}

// Of a file that is still being written nobody knows what remains: one that has come far and is ahead of us is large.
bool Upload::is_worth_lanes() const {
    if (const auto size = content_.size()) return *size >= kManyLanesBytes && *size - std::min(*size, next_) >= kManyLanesBytes / 2;
    return next_ >= kManyLanesBytes / 2 && content_.available(next_) >= kAheadBytes;
}

// More connections for what remains of a large file, as far as the pool has them to spare.
void Upload::add_lanes() {
    if (!is_worth_lanes()) return;
    if (first().round_trip() < kManyLanesRoundTrip || home_.config.connections < 2) return;
    if (lanes_.size() >= home_.config.connections || waiter_.now() < lanes_wanted_at_) return;
    lanes_wanted_at_ = waiter_.now() + std::chrono::seconds(1);
    home_.pool.want_connections(home_.config.connections);
    while (lanes_.size() < home_.config.connections) {
        auto lease = home_.pool.try_take();
        if (!lease) return;
        Lane& lane = *lanes_.emplace_back(std::make_unique<Lane>(std::move(*lease)));
        lane.opening = true;
        lane.lease.channel().open_file(part_, kOpenWrite, [&lane](Answer& answer) {
            lane.opening = false;
            if (answer.ok()) lane.handle = answer.handle;
            else lane.leaving = true;
        });
    }
}

// Gives connections back that others wait for, or that could not open the part.
void Upload::drop_lanes() {
    if (lanes_.size() < 2) return;
    if (home_.pool.crowded()) lanes_.back()->leaving = true;
    std::erase_if(lanes_, [&](const auto& lane) {
        if (&lane == &lanes_.front() || !lane->leaving || lane->opening || lane->lease.channel().outstanding() > 0) return false;
        if (!lane->handle.empty()) lane->lease.channel().close(lane->handle);
        return true;
    });
}

// The server hashes along if it can. Decided late, when the answer to whether it can is there; small files never.
void Upload::start_verifying() {
    if (server_hash_ || read_back_ || written_->prefix() < kReadBackBytesMax) return;
    const ServerHash::State state = home_.hash.state();
    if (home_.config.verify != VerifyMode::readback) {
        if (state == ServerHash::State::works) {
            server_hash_ = std::make_unique<RemoteHasher>(first(), part_);
            return;
        }
        if (state != ServerHash::State::absent) return;
    }
    read_back_ = std::make_unique<OrderedReader>(first(), lanes_.front()->handle, 0, [this](std::span<const std::byte> data) {
        read_back_hash_.update(data);
        return true;
    });
}

void Upload::keep_verifying() {
    start_verifying();
    const std::uint64_t stored = written_->prefix();
    if (server_hash_ && stored >= hashed_to_ + kHashStepBytes) {
        server_hash_->extend(stored);
        hashed_to_ = stored;
    }
    // In whole steps, so that reading back is not a shower of small requests.
    if (read_back_) read_back_->request(stored - stored % kReadBackStepBytes, kReadBackWindowBytes);
}

void Upload::report(bool now) {
    if (!options_.on_progress || !written_) return;
    const std::uint64_t stored = written_->prefix();
    const SteadyTime time = waiter_.now();
    if (stored == reported_ || (!now && time - last_report_ < kReportPause && stored < reported_ + kReportBytes)) return;
    reported_ = stored;
    last_report_ = time;
    options_.on_progress(stored, encode_resume_state(stored));
    ORACX_CRASH_POINT("sftp.progress");
}

// Size, time, sync: in one round trip, together with reading back what is small.
Status Upload::finish_part() {
    SftpChannel& channel = first();
    const std::string& handle = lanes_.front()->handle;
    for (std::size_t i = 1; i < lanes_.size(); ++i)
        if (!lanes_[i]->handle.empty()) lanes_[i]->lease.channel().close(lanes_[i]->handle);
    const std::uint64_t size = *content_.size();
    Attrs attrs;
    if (resumed_from_ > 0) attrs.size = size;  // what an earlier attempt may have written beyond the end
    if (options_.mtime_ns > 0) attrs.mtime = static_cast<std::uint32_t>(options_.mtime_ns / 1'000'000'000);
    if (attrs.size || attrs.mtime)
        channel.fsetstat(handle, attrs, [this](Answer& answer) {
            if (!answer.ok() && answer.code != Fx::op_unsupported && !write_failure_) write_failure_ = answer;
        });
    if (channel.abilities().fsync)
        channel.fsync(handle, [this](Answer& answer) {
            if (!answer.ok() && answer.code != Fx::op_unsupported && !write_failure_) write_failure_ = answer;
        });
    channel.fstat(handle, [this](Answer& answer) { final_status_ = answer; });
    if (Publisher::needs_target(channel, options_.replaces.has_value()))
        channel.lstat(home_.path(key_), [this](Answer& answer) { target_ = answer; });
    ORACX_TRYV(finish_verifying());
    for (const auto& lane : lanes_) ORACX_TRYV(lane->lease.channel().finish(waiter_));
    lanes_.resize(1);
    return {};
}

Status Upload::finish_verifying() {
    const std::uint64_t size = *content_.size();
    const auto digests = content_.digests();
    if (!digests) return fail(Errc::internal, "verify", "a sealed blob without digests");
    if (digests->size != size) return fail(Errc::changed, "verify", "the content changed its size");
    SteadyTime next_ping = waiter_.now() + kPingPause;
    const auto drive = [&]() -> Status {
        if (waiter_.now() >= next_ping) {
            first().ping();
            next_ping = waiter_.now() + kPingPause;
        }
        ORACX_TRYV(step(Millis(1'000)));
        report(false);
        return {};
    };
    std::optional<Sha256> stored;
    if (server_hash_) {
        server_hash_->extend(size);
        server_hash_->finish(waiter_.now());
        while (!server_hash_->failed(waiter_.now()) && !server_hash_->result()) ORACX_TRYV(drive());
        stored = server_hash_->result();
        server_hash_.reset();
        if (!stored && home_.config.verify == VerifyMode::hash) return server_hash_failed(home_);
        if (stored && *stored == digests->sha256) return {};
        // Before a copy is condemned on a shell's word, its bytes are looked at.
        if (stored) log::warn("sftp", home_.config.name + ": the server's hash of " + key_ + " differs, reading it back");
    }
    if (!read_back_)
        read_back_ = std::make_unique<OrderedReader>(first(), lanes_.front()->handle, 0, [this](std::span<const std::byte> data) {
            read_back_hash_.update(data);
            return true;
        });
    while (read_back_->delivered() < size && !read_back_->stopped()) {
        read_back_->request(size, kReadBackWindowBytes);
        ORACX_TRYV(drive());
    }
    if (read_back_->failure()) return fail(error_of(*read_back_->failure(), "read back"));
    if (read_back_->delivered() == size && read_back_hash_.finish() == digests->sha256) return {};
    return fail(Errc::corrupt, "verify", "what the server stored differs from what was sent");
}

Result<PutResult> Upload::publish_part() {
    const std::uint64_t size = *content_.size();
    if (!final_status_ || !final_status_->ok() || final_status_->attrs.size != size)
        return fail(Errc::corrupt, "verify", "the stored part has another size");
    ORACX_CRASH_POINT("sftp.before_publish");
    SftpCall call(home_, first(), waiter_);
    home_.pool.forget_handles(key_);
    auto published = publish(call, {.from = part_,
                                    .key = key_,
                                    .replaces = options_.replaces,
                                    .keep_replaced = options_.keep_replaced,
                                    .close_handle = std::exchange(lanes_.front()->handle, {}),
                                    .attrs = final_status_->attrs},
                             target_);
    in_doubt_ = call.in_doubt();
    if (!published) return fail(std::move(published).error());
    ORACX_CRASH_POINT("sftp.published");
    PutResult result;
    result.object = std::move(*published);
    result.object.sha256 = content_.digests()->sha256;
    result.verified = true;
    result.resumed_from = resumed_from_;
    return result;
}

// Closes what is open; removes the part unless it is worth going on with.
void Upload::clean_up(const Error& error) {
    server_hash_.reset();
    const bool remove = !keeps_leftover(error.code);
    OpContext ctx;
    ctx.deadline = home_.clock.steady() + kCleanUpTime;
    const Waiter brief(ctx, home_.clock);
    for (const auto& lane : lanes_) {
        SftpChannel& channel = lane->lease.channel();
        channel.detach_handlers();
        if (channel.dead()) continue;
        if (!lane->handle.empty()) channel.close(lane->handle);
        if (remove && lane == lanes_.front()) channel.remove(part_, {});
        if (remove) (void)channel.finish(brief);
        else (void)channel.pump();
    }
}

}  // namespace oracxfs::sftp
