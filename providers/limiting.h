#pragma once
// Keeps a provider within its bandwidth ("upload_limit", "download_limit" of its configuration) and within parallel_max
// calls at once. Waiting for a turn ends with stop and deadline like every other wait.
//
// Not limited, because the interface does not show these bytes: what verify() and a verifying put() read back.

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>

#include "providers/forwarding.h"

namespace oracxfs {

struct BandwidthLimits {
    std::uint64_t upload_bytes_per_second = 0;  // 0 = no limit
    std::uint64_t download_bytes_per_second = 0;
};

// Bytes per second at a time of the day or week; 0 = no limit. Called from any thread.
using RateByTime = std::function<std::uint64_t(WallTime)>;

// Spreads bytes over time. Thread-safe; takers are served in the order of their asking.
class TokenBucket {
  public:
    // `by_time`, if there is one, is asked about once a second and takes the place of `bytes_per_second`.
    TokenBucket(Clock& clock, std::uint64_t bytes_per_second, RateByTime by_time = {});

    // Now or at another time.
    [[nodiscard]] bool is_limited() const { return by_time_ || fixed_rate_ != 0; }
    // The most that should be taken at once, so that waits stay short.
    [[nodiscard]] std::size_t piece_bytes();
    // Waits until `bytes` more may flow. False if stop came first.
    bool take(std::uint64_t bytes, const std::stop_token& stop);

  private:
    std::uint64_t rate();  // mutex_ held

    Clock& clock_;
    const std::uint64_t fixed_rate_;
    const RateByTime by_time_;
    std::mutex mutex_;
    std::uint64_t rate_;  // as of the last look at by_time_
    std::optional<SteadyTime> next_look_;
    SteadyTime next_free_;
};

class LimitingProvider final : public ForwardingProvider {
  public:
    // `clock` outlives the provider. `upload_by_time` takes the place of the limit for uploads.
    LimitingProvider(std::unique_ptr<Provider> inner, Clock& clock, BandwidthLimits limits, RateByTime upload_by_time = {});

    Result<Space> probe(const OpContext& ctx) override;
    Result<PutResult> put(const OpContext& ctx, const ObjectKey& key, BlobReader& content,
                          const PutOptions& options) override;
    void put_batch(const OpContext& ctx, std::span<PutRequest> requests,
                   const std::function<void(std::size_t, Result<PutResult>)>& done) override;
    Status discard_upload(const OpContext& ctx, const ObjectKey& key, const std::string& upload_id,
                          const std::string& resume_state) override;
    Result<RemoteObject> stat(const OpContext& ctx, const ObjectKey& key) override;
    Status read(const OpContext& ctx, const RemoteObject& object, std::uint64_t offset,
                std::uint64_t length, const ByteSink& sink) override;
    Status verify(const OpContext& ctx, const RemoteObject& object,
                  const ContentDigests& expected) override;
    Result<ListPage> list(const OpContext& ctx, const ObjectKey& directory,
                          const std::string& cursor) override;
    Status remove(const OpContext& ctx, const RemoteObject& object, RemoveMode mode) override;
    Result<RemoteObject> rename(const OpContext& ctx, const RemoteObject& object,
                                const ObjectKey& to,
                                const std::optional<RemoteObject>& replaces) override;
    Result<RemoteObject> make_directory(const OpContext& ctx, const ObjectKey& key) override;
    Status remove_directory(const OpContext& ctx, const ObjectKey& key) override;
    Result<std::uint64_t> purge_trash(const OpContext& ctx, Millis age) override;

  private:
    class LimitedBlob;
    // One of the parallel_max places; given back by its destructor.
    class Slot {
      public:
        explicit Slot(LimitingProvider& owner) : owner_(&owner) {}
        Slot(Slot&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)) {}
        Slot& operator=(Slot&&) = delete;
        ~Slot();

      private:
        LimitingProvider* owner_;
    };

    Result<Slot> enter(const OpContext& ctx);
    template <class Call>
    auto with_slot(const OpContext& ctx, Call&& call) -> decltype(call());

    Clock& clock_;
    TokenBucket upload_;
    TokenBucket download_;
    std::mutex mutex_;
    std::condition_variable_any freed_;
    std::uint32_t free_;
};

}  // namespace oracxfs
