#include "providers/limiting.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "providers/wait.h"

namespace oracxfs {
namespace {

constexpr std::uint64_t kPieceBytesMin = 4u << 10;
constexpr std::uint64_t kPieceBytesMax = 1u << 20;
constexpr std::uint64_t kPiecesPerSecond = 20;  // so that one wait is about 50 ms
constexpr Millis kLookPause{1'000};

}  // namespace

TokenBucket::TokenBucket(Clock& clock, std::uint64_t bytes_per_second, RateByTime by_time)
    : clock_(clock),
      fixed_rate_(bytes_per_second),
      by_time_(std::move(by_time)),
      rate_(bytes_per_second),
      next_free_(clock.steady()) {}

std::uint64_t TokenBucket::rate() {
    if (!by_time_) return fixed_rate_;
    const SteadyTime now = clock_.steady();
    if (!next_look_ || now >= *next_look_) {
        rate_ = by_time_(clock_.wall());
        next_look_ = now + kLookPause;
    }
    return rate_;
}

std::size_t TokenBucket::piece_bytes() {
    if (!is_limited()) return SIZE_MAX;
    const std::lock_guard lock(mutex_);
    const std::uint64_t now = rate();
    if (now == 0) return SIZE_MAX;
    return static_cast<std::size_t>(std::clamp(now / kPiecesPerSecond, kPieceBytesMin, kPieceBytesMax));
}

bool TokenBucket::take(std::uint64_t bytes, const std::stop_token& stop) {
    if (!is_limited()) return true;
    using Seconds = std::chrono::duration<double>;
    SteadyTime turn;
    {
        const std::lock_guard lock(mutex_);
        const std::uint64_t now = rate();
        if (now == 0) return true;
        // Unused time is not saved up: after a pause there is no burst.
        turn = std::max(next_free_, clock_.steady());
        next_free_ = turn + std::chrono::duration_cast<SteadyTime::duration>(
                                Seconds(static_cast<double>(bytes) / static_cast<double>(now)));
    }
    return turn <= clock_.steady() || clock_.sleep_until(turn, stop);
}

// Hands the content out no faster than the limit.
class LimitingProvider::LimitedBlob final : public BlobReader {
  public:
    LimitedBlob(BlobReader& inner, TokenBucket& bucket) : inner_(inner), bucket_(bucket) {}

    [[nodiscard]] std::optional<std::uint64_t> size() const override { return inner_.size(); }
    Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into,
                                const std::stop_token& stop) override {
        ORACX_TRY(const std::size_t got,
                  inner_.read_at(offset, into.first(std::min(into.size(), bucket_.piece_bytes())),
                                 stop));
        if (!bucket_.take(got, stop)) return fail(Errc::cancelled, "cancelled");
        return got;
    }
    [[nodiscard]] std::uint64_t available(std::uint64_t offset) const override {
        return inner_.available(offset);
    }
    [[nodiscard]] std::shared_ptr<const ContentDigests> digests() const override {
        return inner_.digests();
    }

  private:
    BlobReader& inner_;
    TokenBucket& bucket_;
};

LimitingProvider::LimitingProvider(std::unique_ptr<Provider> inner, Clock& clock,
                                   BandwidthLimits limits, RateByTime upload_by_time)
    : ForwardingProvider(std::move(inner)),
      clock_(clock),
      upload_(clock, limits.upload_bytes_per_second, std::move(upload_by_time)),
      download_(clock, limits.download_bytes_per_second),
      free_(std::max<std::uint32_t>(1, capabilities().parallel_max)) {}

LimitingProvider::Slot::~Slot() {
    if (owner_ == nullptr) return;
    const std::lock_guard lock(owner_->mutex_);
    ++owner_->free_;
    owner_->freed_.notify_one();
}

Result<LimitingProvider::Slot> LimitingProvider::enter(const OpContext& ctx) {
    ORACX_TRYV(still_wanted(ctx, clock_));
    std::unique_lock lock(mutex_);
    if (free_ == 0) {
        // Made only now: most calls find a place at once.
        lock.unlock();
        const DeadlineStop deadline(ctx, clock_);
        lock.lock();
        if (!freed_.wait(lock, deadline.token(), [&] { return free_ > 0; })) {
            lock.unlock();
            return fail(deadline.reason(Error(Errc::cancelled, "cancelled")));
        }
    }
    --free_;
    return Slot(*this);
}

template <class Call>
auto LimitingProvider::with_slot(const OpContext& ctx, Call&& call) -> decltype(call()) {
    const Result<Slot> slot = enter(ctx);
    if (!slot) return fail(slot.error());
    return call();
}

Result<Space> LimitingProvider::probe(const OpContext& ctx) {
    return with_slot(ctx, [&] { return inner().probe(ctx); });
}

Result<PutResult> LimitingProvider::put(const OpContext& ctx, const ObjectKey& key,
                                        BlobReader& content, const PutOptions& options) {
    return with_slot(ctx, [&] {
        if (!upload_.is_limited()) return inner().put(ctx, key, content, options);
        LimitedBlob limited(content, upload_);
        return inner().put(ctx, key, limited, options);
    });
}

void LimitingProvider::put_batch(const OpContext& ctx, std::span<PutRequest> requests,
                                 const std::function<void(std::size_t, Result<PutResult>)>& done) {
    const Result<Slot> slot = enter(ctx);
    if (!slot) {
        for (std::size_t i = 0; i < requests.size(); ++i) done(i, fail(slot.error()));
        return;
    }
    if (!upload_.is_limited()) return inner().put_batch(ctx, requests, done);
    std::vector<PutRequest> limited;
    for (const PutRequest& request : requests)
        limited.push_back({request.key, std::make_shared<LimitedBlob>(*request.content, upload_),
                           request.options});
    inner().put_batch(ctx, limited, done);
}

Status LimitingProvider::discard_upload(const OpContext& ctx, const ObjectKey& key,
                                        const std::string& upload_id,
                                        const std::string& resume_state) {
    return with_slot(ctx, [&] { return inner().discard_upload(ctx, key, upload_id, resume_state); });
}

Result<RemoteObject> LimitingProvider::stat(const OpContext& ctx, const ObjectKey& key) {
    return with_slot(ctx, [&] { return inner().stat(ctx, key); });
}

Status LimitingProvider::read(const OpContext& ctx, const RemoteObject& object,
                              std::uint64_t offset, std::uint64_t length, const ByteSink& sink) {
    return with_slot(ctx, [&]() -> Status {
        if (!download_.is_limited()) return inner().read(ctx, object, offset, length, sink);
        const DeadlineStop deadline(ctx, clock_);
        Status waited;
        // What came is given out at once; the pause afterwards slows down the sender.
        const auto slowed = [&](std::span<const std::byte> data) {
            if (!sink(data)) return false;
            for (std::size_t taken = 0; taken < data.size();) {
                const std::size_t piece = std::min(download_.piece_bytes(), data.size() - taken);
                if (!download_.take(piece, deadline.token())) {
                    waited = fail(deadline.reason(Error(Errc::cancelled, "cancelled")));
                    return false;
                }
                taken += piece;
            }
            return true;
        };
        ORACX_TRYV(inner().read(ctx, object, offset, length, slowed));
        return waited;
    });
}

Status LimitingProvider::verify(const OpContext& ctx, const RemoteObject& object,
                                const ContentDigests& expected) {
    return with_slot(ctx, [&] { return inner().verify(ctx, object, expected); });
}

Result<ListPage> LimitingProvider::list(const OpContext& ctx, const ObjectKey& directory,
                                        const std::string& cursor) {
    return with_slot(ctx, [&] { return inner().list(ctx, directory, cursor); });
}

Status LimitingProvider::remove(const OpContext& ctx, const RemoteObject& object, RemoveMode mode) {
    return with_slot(ctx, [&] { return inner().remove(ctx, object, mode); });
}

Result<RemoteObject> LimitingProvider::rename(const OpContext& ctx, const RemoteObject& object,
                                              const ObjectKey& to,
                                              const std::optional<RemoteObject>& replaces) {
    return with_slot(ctx, [&] { return inner().rename(ctx, object, to, replaces); });
}

Result<RemoteObject> LimitingProvider::make_directory(const OpContext& ctx, const ObjectKey& key) {
    return with_slot(ctx, [&] { return inner().make_directory(ctx, key); });
}

Status LimitingProvider::remove_directory(const OpContext& ctx, const ObjectKey& key) {
    return with_slot(ctx, [&] { return inner().remove_directory(ctx, key); });
}

Result<std::uint64_t> LimitingProvider::purge_trash(const OpContext& ctx, Millis age) {
    return with_slot(ctx, [&] { return inner().purge_trash(ctx, age); });
}

}  // namespace oracxfs
