// Lane: uploads, whole files, batches and files still being written.

#include <algorithm>

#include "base/crash_point.h"
#include "base/log.h"
#include "fs/lane_claim.h"

namespace oracxfs {

namespace {

constexpr std::uint32_t kUnreadableMax = 5;

class BytesBlob final : public BlobReader {
  public:
    BytesBlob(std::vector<std::byte> bytes, std::shared_ptr<const ContentDigests> digests)
        : bytes_(std::move(bytes)), digests_(std::move(digests)) {}
    [[nodiscard]] std::optional<std::uint64_t> size() const override { return bytes_.size(); }
    Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into, const std::stop_token&) override {
        if (offset >= bytes_.size()) return std::size_t{0};
        const std::size_t length = std::min<std::size_t>(into.size(), bytes_.size() - offset);
        std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset), length, into.begin());
        return length;
    }
    [[nodiscard]] std::uint64_t available(std::uint64_t offset) const override { return bytes_.size() - std::min<std::uint64_t>(offset, bytes_.size()); }
    [[nodiscard]] std::shared_ptr<const ContentDigests> digests() const override { return digests_; }

  private:
    const std::vector<std::byte> bytes_;
    const std::shared_ptr<const ContentDigests> digests_;
};

// Remembers that reading failed: an upload that ends for that reason is not the provider's failure.
class NotingBlob final : public BlobReader {
  public:
    explicit NotingBlob(std::shared_ptr<BlobReader> inner) : inner_(std::move(inner)) {}
    [[nodiscard]] std::optional<std::uint64_t> size() const override { return inner_->size(); }
    Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into, const std::stop_token& stop) override {
        Result<std::size_t> got = inner_->read_at(offset, into, stop);
        if (!got && got.error().code != Errc::cancelled) {
            const std::lock_guard lock(mutex_);
            if (!error_) error_ = got.error();
        }
        return got;
    }
    [[nodiscard]] std::uint64_t available(std::uint64_t offset) const override { return inner_->available(offset); }
    [[nodiscard]] std::shared_ptr<const ContentDigests> digests() const override { return inner_->digests(); }
    [[nodiscard]] std::optional<Error> error() const {
        const std::lock_guard lock(mutex_);
        return error_;
    }

  private:
    const std::shared_ptr<BlobReader> inner_;
    mutable std::mutex mutex_;
    std::optional<Error> error_;
};

// When an upload's position is to be kept: by time on slow lines, by bytes on fast ones, so that a crash costs little on both.
class PositionTimer {
  public:
    explicit PositionTimer(SteadyTime now) : kept_(now) {}
    bool is_due(SteadyTime now, std::uint64_t bytes) {
        constexpr Millis kPause{500};
        constexpr std::uint64_t kBytes = 4u << 20;
        if (now - kept_ < kPause && bytes < kept_bytes_ + kBytes) return false;
        kept_ = now;
        kept_bytes_ = bytes;
        return true;
    }

  private:
    SteadyTime kept_;
    std::uint64_t kept_bytes_ = 0;
};

Result<std::shared_ptr<BlobReader>> load(BlobReader& blob, std::uint64_t size, const std::stop_token& stop) {
    std::vector<std::byte> bytes(size);
    for (std::size_t filled = 0; filled < bytes.size();) {
        ORACX_TRY(const std::size_t got, blob.read_at(filled, std::span(bytes).subspan(filled), stop));
        if (got == 0) return fail(Errc::corrupt, "read staged content", "it is shorter than recorded");
        filled += got;
    }
    return std::shared_ptr<BlobReader>(std::make_shared<BytesBlob>(std::move(bytes), blob.digests()));
}

}  // namespace

Result<std::shared_ptr<BlobReader>> Lane::open_content(const ReplicaJob& job) {
    Error why(Errc::not_found, "content of version", "no local copy");
    if (!job.staged.empty()) {
        ORACX_TRY(ContentDigests digests, env_.catalog.digests(job.row.version));
        auto blob = env_.staging.open(job.staged, std::make_shared<const ContentDigests>(std::move(digests)));
        if (blob) return std::shared_ptr<BlobReader>(std::move(*blob));
        why = blob.error();
    }
    if (!env_.open_remote) return fail(std::move(why));
    auto remote = env_.open_remote(job.row.version, id_);
    if (!remote && !job.staged.empty()) return fail(std::move(why));  // the nearer cause
    return remote;
}

bool Lane::check_staged(const ReplicaJob& job) {
    if (job.staged.empty()) return true;
    const auto digests = env_.staging.digest(job.staged);
    if (digests && digests->sha256 == job.sha256) return true;
    event("error", "staging", job.want_key, std::string(info(Errc::corrupt).e_code),
          "the local copy is damaged; the file is taken from a provider that holds a good one");
    // Forgotten only where a verified replica exists; else the bytes stay for whatever can still be saved from them.
    if (const Status gone = env_.catalog.mark_evicted(job.row.version, 1); gone) return false;
    const auto rows = env_.catalog.replicas(job.row.version);
    const bool elsewhere = rows && std::any_of(rows->begin(), rows->end(), [](const ReplicaRow& row) { return row.state == ReplicaState::verified; });
    if (elsewhere)
        if (const Status kept = env_.catalog.set_staged(job.row.version, ""); !kept) log::warn("lane", kept.error().to_string());
    return false;
}

PutOptions Lane::put_options(const ReplicaJob& job, const Step& step) {
    PutOptions options;
    options.replaces = step.replaces;
    options.keep_replaced = !provider_->capabilities().keeps_versions;
    options.mtime_ns = job.mtime_ns;
    options.upload_id = env_.instance + "-" + std::to_string(job.row.version.value);
    if (job.session) options.resume_state = job.session->resume_state;
    return options;
}

Result<bool> Lane::record_begun(const ReplicaJob& job, const ReplicaRow& begun) {
    ReplicaChange change;
    change.row = begun;
    change.was = job.row.state;
    const Status recorded = env_.catalog.record({change}, false);
    if (recorded) return true;
    if (recorded.error().code == Errc::changed) return false;
    return fail(recorded.error());
}

Status Lane::forget_position(SessionRow& session) {
    session.resume_state.clear();
    session.acknowledged_bytes = 0;
    return env_.catalog.save_session(session);
}

Status Lane::postpone(const ReplicaJob& job) {
    ReplicaChange change;
    change.row = job.row;
    change.was = job.row.state;
    {
        const std::lock_guard lock(mutex_);
        const auto probe = breaker_.probe_due();
        const Millis wait = probe ? std::chrono::duration_cast<Millis>(*probe - env_.clock.steady()) : Millis(0);
        change.row.due = env_.clock.wall() + std::max(wait, env_.options.probe_pause_max);  // sooner when it is back
    }
    const Status recorded = env_.catalog.record({change}, false);
    if (!recorded && recorded.error().code != Errc::changed) return recorded;
    return {};
}

Status Lane::content_unreadable(const ReplicaJob& job, ReplicaRow row, const Error& why, const std::stop_token& stop) {
    (void)check_staged(job);  // the next attempt takes it from elsewhere
    Outcome outcome;
    const ReplicaState was = row.state;
    row.attempts = job.row.attempts + 1;
    Status rescued = fail(why);
    if (job.staged.empty() && env_.rescue && (why.code == Errc::corrupt || why.code == Errc::not_found))
        rescued = env_.rescue(job.row.version, stop);
    if (!rescued && rescued.error().code == Errc::cancelled) return rescued;
    if (rescued) {
        event("info", "gathered", job.want_key, "", "no copy was good as a whole; the content was put together from several");
        row.due = env_.clock.wall();
    } else {
        event("error", "content", job.want_key, std::string(info(rescued.error().code).e_code),
              "no good copy to upload from: " + rescued.error().to_string());
        row.error_code = info(rescued.error().code).e_code;
        row.error_text = rescued.error().to_string();
        row.due = env_.clock.wall() +
                  std::min(env_.options.retry_pause_max, env_.options.retry_pause_min * (1 << std::min(row.attempts, 10u)));
        // Nobody's close() waits for ever for bytes that are not to be had.
        if (row.key.empty() && row.attempts >= kUnreadableMax) row.state = ReplicaState::failed;
    }
    outcome.changes.push_back({ReplicaChange::Kind::store, std::move(row), was});
    return finish(job, std::move(outcome));
}

bool Lane::only_tidies() const {
    const std::lock_guard lock(mutex_);
    return breaker_.may_tidy() && !breaker_.may_work();
}

Status Lane::put_one(const ReplicaJob& planned_job, const Step& planned, const std::stop_token& stop) {
    if (only_tidies()) return postpone(planned_job);
    if (!may_work()) return {};  // stays due: nothing runs until the probe
    ReplicaJob job = planned_job;
    Step step = planned;
    if (job.row.state == ReplicaState::damaged) {
        // Were these our own copy's bytes? Then the good ones are elsewhere.
        if (!check_staged(job)) job.staged.clear();
        // What is there now is what gets replaced (and kept in the trash), whoever changed it.
        const auto there = provider_->stat(context(stop), step.key);
        if (there)
            step.replaces = *there;
        else if (there.error().code == Errc::not_found)
            step.replaces.reset();
        else
            return finish(job, after_verify(job, fail(there.error()), env_.clock.wall(), retry_times()));
    }
    if (job.size > provider_->capabilities().small_bytes && !step.replaces && !job.session && job.row.attempts == 0) {
        // Before many bytes are sent: are they there already (a rebuilt catalogue, a file somebody copied by hand)?
        if (const auto there = provider_->stat(context(stop), step.key); there && !there->is_directory && there->size == job.size) {
            ReplicaJob begun = job;
            begun.row.intent_key = step.key;
            begun.row.attempts = 1;
            ORACX_TRY(const bool mine, record_begun(job, begun.row));
            if (!mine) return {};
            return look(begun, {Step::Kind::look, step.key, {}, {}}, stop);
        }
    }
    auto content = open_content(job);
    if (!content) return content_unreadable(job, job.row, content.error(), stop);

    const ReplicaRow begun = begin_step(job.row, step);
    ORACX_TRY(const bool mine, record_begun(job, begun));
    if (!mine) return {};
    ORACX_CRASH_POINT("lane.put.intent_recorded");
    PutOptions options = put_options(job, step);
    SessionRow session{job.row.version, id_, step.key, options.resume_state, 0};
    ORACX_TRYV(env_.catalog.save_session(session));
    {
        const std::lock_guard lock(mutex_);
        transfers_[job.row.version] = {job.row.version, id_, job.want_key, 0, job.size, begun.attempts, env_.clock.wall(), false};
    }
    PositionTimer timer(env_.clock.steady());
    std::uint64_t counted = 0;
    options.on_progress = [&](std::uint64_t bytes, const std::string& resume_state) {
        const std::uint64_t more = bytes > counted ? bytes - counted : 0;
        bytes_up_ += more;
        counted = std::max(counted, bytes);
        {
            const std::lock_guard lock(mutex_);
            rate_up_.add(more, env_.clock.steady());
            transfers_[job.row.version].bytes = bytes;
            transfers_[job.row.version].verifying = bytes >= job.size;
        }
        if (!timer.is_due(env_.clock.steady(), bytes)) return;
        session.resume_state = resume_state;
        session.acknowledged_bytes = bytes;
        if (const Status kept = env_.catalog.save_session(session); !kept)
            log::warn("lane", "upload position not saved: " + kept.error().to_string());
    };
    NotingBlob noting(*content);
    const Working working(*this, {step.key});
    const Result<PutResult> result = provider_->put(context(stop), step.key, noting, options);
    ORACX_CRASH_POINT("lane.put.done");
    if (!result && result.error().code == Errc::corrupt) ORACX_TRYV(forget_position(session));
    if (const auto unreadable = noting.error(); unreadable && !result) return content_unreadable(job, begun, *unreadable, stop);
    if (result) ORACX_TRYV(env_.catalog.end_session(job.row.version, id_));
    // The world may have moved on during a long upload: judge by what is wanted now.
    ORACX_TRY(std::optional<ReplicaJob> fresh, env_.catalog.replica_job(job.row.version, id_));
    ReplicaJob judged = fresh ? std::move(*fresh) : job;
    judged.row = job.row;
    return finish(judged, after_put(judged, begun, step, result, env_.clock.wall(), retry_times()));
}

Status Lane::put_batch(std::vector<std::pair<ReplicaJob, Step>>& puts, const std::stop_token& stop) {
    if (puts.size() == 1) return put_one(puts.front().first, puts.front().second, stop);
    if (only_tidies()) {
        for (const auto& [job, step] : puts) ORACX_TRYV(postpone(job));
        return {};
    }
    if (!may_work()) return {};
    std::vector<ReplicaChange> intents;
    std::vector<PutRequest> requests;
    std::vector<ReplicaRow> begun;
    std::vector<std::size_t> which;
    for (std::size_t i = 0; i < puts.size(); ++i) {
        auto content = open_content(puts[i].first);
        if (content) content = load(**content, puts[i].first.size, stop);
        if (!content) {  // the single path explains and postpones
            ORACX_TRYV(put_one(puts[i].first, puts[i].second, stop));
            continue;
        }
        begun.push_back(begin_step(puts[i].first.row, puts[i].second));
        intents.push_back({ReplicaChange::Kind::store, begun.back(), puts[i].first.row.state});
        requests.push_back({puts[i].second.key, std::move(*content), put_options(puts[i].first, puts[i].second)});
        which.push_back(i);
    }
    if (requests.empty()) return {};
    const Status recorded = env_.catalog.record(intents, false);
    if (!recorded) {
        if (recorded.error().code == Errc::changed) return {};  // some row moved on; the next round sees it
        return recorded;
    }
    ORACX_CRASH_POINT("lane.batch.intent_recorded");
    Working working(*this, {});
    for (const PutRequest& request : requests) working.add(request.key);

    Status failure;
    std::vector<std::pair<ReplicaJob, Outcome>> finished;
    SteadyTime flushed = env_.clock.steady();
    const auto flush = [&] {
        // One transaction for all that ended meanwhile; singly if one of them does not fit any more.
        std::vector<ReplicaChange> changes;
        for (const auto& [job, outcome] : finished)
            changes.insert(changes.end(), outcome.changes.begin(), outcome.changes.end());
        const Status stored = finished.size() > 1 ? env_.catalog.record(changes, false) : Status(fail(Errc::changed, ""));
        for (auto& [job, outcome] : finished) {
            if (stored) outcome.changes.clear();
            if (const Status one = finish(job, std::move(outcome)); !one) failure = one;
        }
        finished.clear();
        flushed = env_.clock.steady();
    };
    provider_->put_batch(context(stop), requests, [&](std::size_t i, Result<PutResult> result) {
        const auto& [job, step] = puts[which[i]];
        if (result) {
            bytes_up_ += job.size;
            const std::lock_guard lock(mutex_);
            rate_up_.add(job.size, env_.clock.steady());
        }
        auto fresh = env_.catalog.replica_job(job.row.version, id_);
        ReplicaJob judged = fresh && *fresh ? std::move(**fresh) : job;
        judged.row = job.row;
        Outcome outcome = after_put(judged, begun[i], step, result, env_.clock.wall(), retry_times());
        finished.emplace_back(std::move(judged), std::move(outcome));
        if (finished.size() >= 32 || env_.clock.steady() - flushed > Millis(5)) flush();
    });
    flush();
    ORACX_CRASH_POINT("lane.batch.done");
    return failure;
}

// --- uploads of files still being written ------------------------------------------------------------------------------

void Lane::run_stream(VersionId version, const std::string& key, std::optional<VersionId> replaces, BlobReader& growing,
                      std::int64_t mtime_ns, const std::stop_token& stop,
                      const std::function<void(std::uint64_t)>& on_bytes) {
    Claim claim(*this);
    if (!claim.add(version)) return;
    ReplicaJob job;
    job.row.version = version;
    job.row.provider = id_;
    job.mtime_ns = mtime_ns;
    job.want_key = key;
    Step step{Step::Kind::put, key, {}, {}};
    if (replaces) {
        const auto old = env_.catalog.replica_job(*replaces, id_);
        if (old && *old && (*old)->row.key == key) step.replaces = object_of((*old)->row, (*old)->size);
    }
    SessionRow session{version, id_, key, "", 0};
    if (!env_.catalog.save_session(session)) return;
    {
        const std::lock_guard lock(mutex_);
        transfers_[version] = {version, id_, key, 0, 0, 1, env_.clock.wall(), false};
    }
    PutOptions options = put_options(job, step);
    PositionTimer timer(env_.clock.steady());
    std::uint64_t counted = 0;
    options.on_progress = [&](std::uint64_t bytes, const std::string& resume_state) {
        const std::uint64_t more = bytes > counted ? bytes - counted : 0;
        bytes_up_ += more;
        counted = std::max(counted, bytes);
        {
            const std::lock_guard lock(mutex_);
            rate_up_.add(more, env_.clock.steady());
            transfers_[version].bytes = bytes;
            transfers_[version].total = growing.size().value_or(0);
        }
        on_bytes(bytes);
        if (!timer.is_due(env_.clock.steady(), bytes)) return;
        session.resume_state = resume_state;
        session.acknowledged_bytes = bytes;
        (void)env_.catalog.save_session(session);  // only a position: without it the upload restarts
    };
    const Working working(*this, {key});
    NotingBlob noting(std::shared_ptr<BlobReader>(std::shared_ptr<void>(), &growing));
    const Result<PutResult> result = provider_->put(context(stop), key, noting, options);
    ORACX_CRASH_POINT("lane.stream.done");
    // Its writer went back: what was sent is not what the file has now.
    const auto unreadable = noting.error();
    if (!result && ((unreadable && unreadable->code == Errc::changed) || result.error().code == Errc::corrupt))
        if (const Status forgotten = forget_position(session); !forgotten) log::error("lane", name_ + ": " + forgotten.error().to_string());

    const auto committed = env_.catalog.replica_job(version, id_);
    if (committed && *committed) {
        if (result) (void)env_.catalog.end_session(version, id_);
        const ReplicaJob& judged = **committed;
        ReplicaRow begun = judged.row;
        if (!result && result.error().code != Errc::unavailable) begun.intent_key = key;
        begun.attempts += 1;
        Outcome outcome = after_put(judged, begun, step, result, env_.clock.wall(), retry_times());
        if (!outcome.changes.empty()) outcome.changes.back().was = judged.row.state;
        if (const Status done = finish(judged, std::move(outcome)); !done)
            log::error("lane", name_ + ": " + done.error().to_string());
        return;
    }
    {
        const std::lock_guard lock(mutex_);
        orphans_checked_ = false;
    }
    if (!result && concerns_provider(result.error().code)) provider_failed(result.error());
}

}  // namespace oracxfs
