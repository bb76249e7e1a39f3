#pragma once
// A provider that misbehaves by a seed: the same seed and the same order of calls give the same faults.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <random>

#include "providers/forwarding.h"

namespace oracxfs::test {

// Probabilities per call, 0..1. Where several apply, the first in this order wins.
struct FaultRates {
    double unavailable = 0;      // nothing happened
    double throttled = 0;        // nothing happened, with retry_after
    double unauthenticated = 0;  // nothing happened
    double quota_full = 0;       // put: nothing happened
    double stall = 0;            // no answer until stop or deadline, nothing happened
    double unavailable_in_body = 0;  // put, read: the connection breaks between bytes
    double short_read = 0;           // read: success with less than asked for
    double damaged_read = 0;         // read: one bit differs
    double outcome_unknown = 0;      // put, remove, rename, folders: it happened, but nobody said so
    double silent_damage = 0;        // put: success, and then the stored bytes change
    Millis retry_after{1'000};
};

struct FaultCounts {
    std::uint64_t calls = 0;
    std::uint64_t refused_while_down = 0;
    std::uint64_t unavailable = 0;
    std::uint64_t throttled = 0;
    std::uint64_t unauthenticated = 0;
    std::uint64_t quota_full = 0;
    std::uint64_t stall = 0;
    std::uint64_t unavailable_in_body = 0;
    std::uint64_t short_read = 0;
    std::uint64_t damaged_read = 0;
    std::uint64_t outcome_unknown = 0;
    std::uint64_t silent_damage = 0;
};

class FaultyProvider final : public ForwardingProvider {
  public:
    // `damage` changes the stored bytes behind the provider's back; without it silent_damage does nothing.
    FaultyProvider(std::unique_ptr<Provider> inner, Clock& clock, std::uint64_t seed,
                   FaultRates rates = {}, std::function<void(const RemoteObject&)> damage = {});

    void set_rates(const FaultRates& rates);
    // While down every call fails with unavailable, running transfers at their next piece.
    void down(bool is_down) { down_ = is_down; }
    [[nodiscard]] FaultCounts counts() const;

    Result<Space> probe(const OpContext& ctx) override;
    Result<PutResult> put(const OpContext& ctx, const ObjectKey& key, BlobReader& content,
                          const PutOptions& options) override;
    // One by one, each with its own luck.
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
    Result<ChangePage> changes(const OpContext& ctx, const std::string& cursor) override;

  private:
    class BreakingBlob;

    // The faults that keep the call from happening at all.
    Status before(const OpContext& ctx, bool is_put = false);
    // `possible`: false if the fault could have no effect; then it is neither returned nor counted.
    bool roll(double FaultRates::* rate, std::uint64_t FaultCounts::* count, bool possible = true);
    // Where in `bytes` something goes wrong.
    std::uint64_t point_in(std::uint64_t bytes);
    template <class Result>
    Result after(Result result);

    Clock& clock_;
    const std::function<void(const RemoteObject&)> damage_;
    std::atomic<bool> down_ = false;
    mutable std::mutex mutex_;
    std::mt19937_64 random_;
    FaultRates rates_;
    FaultCounts counts_;
};

}  // namespace oracxfs::test
