#include "tests/support/faulty_provider.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "providers/wait.h"

namespace oracxfs::test {
namespace {

Error unavailable(const char* why) { return Error(Errc::unavailable, "faulty provider", why); }

}  // namespace

// Fails once more than `limit` bytes were read through it, or as soon as the provider is down.
class FaultyProvider::BreakingBlob final : public BlobReader {
  public:
    BreakingBlob(BlobReader& inner, std::optional<std::uint64_t> limit, const std::atomic<bool>& down)
        : inner_(inner), limit_(limit), down_(down) {}

    [[nodiscard]] std::optional<std::uint64_t> size() const override { return inner_.size(); }
    Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into,
                                const std::stop_token& stop) override {
        if (down_) return fail(unavailable("went down"));
        if (limit_ && bytes_ >= *limit_) return fail(unavailable("connection lost"));
        Result<std::size_t> got = inner_.read_at(offset, into, stop);
        if (got) bytes_ += *got;
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
    const std::optional<std::uint64_t> limit_;
    const std::atomic<bool>& down_;
    std::atomic<std::uint64_t> bytes_ = 0;
};

FaultyProvider::FaultyProvider(std::unique_ptr<Provider> inner, Clock& clock, std::uint64_t seed,
                               FaultRates rates, std::function<void(const RemoteObject&)> damage)
    : ForwardingProvider(std::move(inner)),
      clock_(clock),
      damage_(std::move(damage)),
      random_(seed),
      rates_(rates) {}

void FaultyProvider::set_rates(const FaultRates& rates) {
    const std::lock_guard lock(mutex_);
    rates_ = rates;
}

FaultCounts FaultyProvider::counts() const {
    const std::lock_guard lock(mutex_);
    return counts_;
}

bool FaultyProvider::roll(double FaultRates::* rate, std::uint64_t FaultCounts::* count,
                          bool possible) {
    const std::lock_guard lock(mutex_);
    // The number is drawn even for a rate of 0: switching one fault on does not reshuffle the others.
    const double drawn = static_cast<double>(random_() >> 11) * 0x1.0p-53;
    if (drawn >= rates_.*rate || !possible) return false;
    ++(counts_.*count);
    return true;
}

std::uint64_t FaultyProvider::point_in(std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    const std::uint64_t drawn = random_();
    return bytes == 0 ? 0 : drawn % bytes;
}

Status FaultyProvider::before(const OpContext& ctx, bool is_put) {
    ORACX_TRYV(still_wanted(ctx, clock_));
    {
        const std::lock_guard lock(mutex_);
        ++counts_.calls;
        if (down_) {
            ++counts_.refused_while_down;
            return fail(unavailable("down"));
        }
    }
    if (roll(&FaultRates::unavailable, &FaultCounts::unavailable))
        return fail(unavailable("connection refused"));
    if (roll(&FaultRates::throttled, &FaultCounts::throttled)) {
        const std::lock_guard lock(mutex_);
        return fail(Error(Errc::throttled, "faulty provider").with_retry_after(rates_.retry_after));
    }
    if (roll(&FaultRates::unauthenticated, &FaultCounts::unauthenticated))
        return fail(Errc::unauthenticated, "faulty provider");
    if (is_put && roll(&FaultRates::quota_full, &FaultCounts::quota_full))
        return fail(Errc::quota_full, "faulty provider");
    if (roll(&FaultRates::stall, &FaultCounts::stall)) {
        clock_.sleep_until(ctx.deadline.value_or(clock_.steady() + std::chrono::hours(24 * 365)), ctx.stop);
        return still_wanted(ctx, clock_);
    }
    return {};
}

template <class Result>
Result FaultyProvider::after(Result result) {
    if (roll(&FaultRates::outcome_unknown, &FaultCounts::outcome_unknown, result.has_value()))
        return fail(Errc::outcome_unknown, "faulty provider", "connection lost after sending");
    return result;
}

Result<Space> FaultyProvider::probe(const OpContext& ctx) {
    ORACX_TRYV(before(ctx));
    return inner().probe(ctx);
}

Result<PutResult> FaultyProvider::put(const OpContext& ctx, const ObjectKey& key,
                                      BlobReader& content, const PutOptions& options) {
    ORACX_TRYV(before(ctx, true));
    std::optional<std::uint64_t> limit;
    if (roll(&FaultRates::unavailable_in_body, &FaultCounts::unavailable_in_body))
        limit = point_in(std::max<std::uint64_t>(1, content.available(0)));
    BreakingBlob breaking(content, limit, down_);
    auto result = inner().put(ctx, key, breaking, options);
    if (roll(&FaultRates::silent_damage, &FaultCounts::silent_damage,
             result && result->object.size > 0 && damage_))
        damage_(result->object);
    return after(std::move(result));
}

void FaultyProvider::put_batch(const OpContext& ctx, std::span<PutRequest> requests,
                               const std::function<void(std::size_t, Result<PutResult>)>& done) {
    Provider::put_batch(ctx, requests, done);
}

Status FaultyProvider::discard_upload(const OpContext& ctx, const ObjectKey& key,
                                      const std::string& upload_id,
                                      const std::string& resume_state) {
    ORACX_TRYV(before(ctx));
    return inner().discard_upload(ctx, key, upload_id, resume_state);
}

Result<RemoteObject> FaultyProvider::stat(const OpContext& ctx, const ObjectKey& key) {
    ORACX_TRYV(before(ctx));
    return inner().stat(ctx, key);
}

Status FaultyProvider::read(const OpContext& ctx, const RemoteObject& object, std::uint64_t offset,
                            std::uint64_t length, const ByteSink& sink) {
    ORACX_TRYV(before(ctx));
    const std::uint64_t expected =
        std::min(length, object.size - std::min(object.size, offset));
    const bool breaks = roll(&FaultRates::unavailable_in_body, &FaultCounts::unavailable_in_body);
    const bool is_short = roll(&FaultRates::short_read, &FaultCounts::short_read);
    const bool damages = roll(&FaultRates::damaged_read, &FaultCounts::damaged_read);
    const std::uint64_t end = breaks || is_short ? point_in(expected) : UINT64_MAX;
    const std::uint64_t flip = damages ? point_in(expected) : UINT64_MAX;
    std::uint64_t at = 0;
    bool went_down = false;
    bool stopped_by_caller = false;
    const auto deliver = [&](std::span<const std::byte> data) {
        if (down_) {
            went_down = true;
            return false;
        }
        const auto give = data.first(std::min<std::uint64_t>(data.size(), end - at));
        std::vector<std::byte> copy(give.begin(), give.end());
        if (flip >= at && flip - at < copy.size()) copy[flip - at] ^= std::byte{0x10};
        at += copy.size();
        if (!copy.empty() && !sink(copy)) {
            stopped_by_caller = true;
            return false;
        }
        return at < end;
    };
    ORACX_TRYV(inner().read(ctx, object, offset, length, deliver));
    if (went_down) return fail(unavailable("went down"));
    if (breaks && !stopped_by_caller && at >= end) return fail(unavailable("connection lost"));
    return {};
}

Status FaultyProvider::verify(const OpContext& ctx, const RemoteObject& object,
                              const ContentDigests& expected) {
    ORACX_TRYV(before(ctx));
    return inner().verify(ctx, object, expected);
}

Result<ListPage> FaultyProvider::list(const OpContext& ctx, const ObjectKey& directory,
                                      const std::string& cursor) {
    ORACX_TRYV(before(ctx));
    return inner().list(ctx, directory, cursor);
}

Status FaultyProvider::remove(const OpContext& ctx, const RemoteObject& object, RemoveMode mode) {
    ORACX_TRYV(before(ctx));
    return after(inner().remove(ctx, object, mode));
}

Result<RemoteObject> FaultyProvider::rename(const OpContext& ctx, const RemoteObject& object,
                                            const ObjectKey& to,
                                            const std::optional<RemoteObject>& replaces) {
    ORACX_TRYV(before(ctx));
    return after(inner().rename(ctx, object, to, replaces));
}

Result<RemoteObject> FaultyProvider::make_directory(const OpContext& ctx, const ObjectKey& key) {
    ORACX_TRYV(before(ctx));
    return after(inner().make_directory(ctx, key));
}

Status FaultyProvider::remove_directory(const OpContext& ctx, const ObjectKey& key) {
    ORACX_TRYV(before(ctx));
    return after(inner().remove_directory(ctx, key));
}

Result<std::uint64_t> FaultyProvider::purge_trash(const OpContext& ctx, Millis age) {
    ORACX_TRYV(before(ctx));
    return inner().purge_trash(ctx, age);
}

Result<ChangePage> FaultyProvider::changes(const OpContext& ctx, const std::string& cursor) {
    ORACX_TRYV(before(ctx));
    return inner().changes(ctx, cursor);
}

}  // namespace oracxfs::test
