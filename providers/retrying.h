#pragma once
// Repeats calls that surely did not happen, for short hiccups; long outages are the business of the lanes above.
//
// Repeated: throttled (after the pause that the provider asked for), and unavailable as long as no byte of the body has
// moved. Never repeated: what ended in silence, outcome_unknown, cancelled, deadline, and everything that will be the same
// next time.

#include <mutex>
#include <random>

#include "providers/forwarding.h"

namespace oracxfs {

struct RetryPolicy {
    int repeats_max = 3;         // after the first attempt
    Millis total_max{30'000};    // from the first attempt to the last; a longer wish of the provider goes to the caller
    Millis base{250};            // full jitter: a pause is anywhere between 0 and base * 2^n ...
    Millis pause_max{8'000};     // ... but not more than this
};

class RetryingProvider final : public ForwardingProvider {
  public:
    // `clock` outlives the provider. Same seed, same pauses.
    RetryingProvider(std::unique_ptr<Provider> inner, Clock& clock, std::uint64_t seed,
                     RetryPolicy policy = {});

    // Only throttling is waited for: whoever probes wants to know now.
    Result<Space> probe(const OpContext& ctx) override;
    Result<PutResult> put(const OpContext& ctx, const ObjectKey& key, BlobReader& content,
                          const PutOptions& options) override;
    // The batch once, then what is left of it one by one.
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
    class Attempts;

    // Calls `attempt` until it succeeds or must not be repeated. `untouched` says whether unavailable may be repeated.
    template <class Attempt, class Untouched>
    auto repeat(const OpContext& ctx, Attempts attempts, Attempt&& attempt, Untouched&& untouched);
    template <class Attempt>
    auto repeat(const OpContext& ctx, Attempt&& attempt);
    Result<PutResult> put_with(const OpContext& ctx, Attempts attempts, const ObjectKey& key,
                               BlobReader& content, PutOptions options);
    Millis jitter(Millis upper);

    Clock& clock_;
    const RetryPolicy policy_;
    std::mutex mutex_;
    std::mt19937_64 random_;
};

}  // namespace oracxfs
