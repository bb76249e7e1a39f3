#pragma once
// Counts what goes through a provider: for `status`, the admin page and the choice of the fastest replica.

#include <array>
#include <map>
#include <mutex>

#include "providers/forwarding.h"

namespace oracxfs {

enum class ProviderCall : std::uint8_t {
    probe, put, put_batch, discard_upload, stat, read, verify, list, remove, rename,
    make_directory, remove_directory, purge_trash,
};
inline constexpr std::size_t kProviderCalls = 13;
std::string_view to_string(ProviderCall call);

struct CallMeter {
    std::uint64_t calls = 0;      // finished; of put_batch the batches
    std::uint64_t in_flight = 0;
    std::map<Errc, std::uint64_t> errors;  // of put_batch the files
    Millis time_total{0};
    Millis time_max{0};
    // Finished calls by duration: under 1 ms, under 2, under 4, ..., the last one: everything longer.
    std::array<std::uint64_t, 18> by_time{};

    [[nodiscard]] std::uint64_t error_count() const;
};

struct MeterSnapshot {
    std::array<CallMeter, kProviderCalls> calls;
    std::uint64_t uploaded_bytes = 0;    // taken from contents, repeated ones included
    std::uint64_t downloaded_bytes = 0;  // given to readers
    std::uint64_t files_put = 0;         // successful, alone or in a batch

    [[nodiscard]] const CallMeter& of(ProviderCall call) const {
        return calls[static_cast<std::size_t>(call)];
    }
};

class MeteredProvider final : public ForwardingProvider {
  public:
    // `clock` outlives the provider.
    MeteredProvider(std::unique_ptr<Provider> inner, Clock& clock);

    [[nodiscard]] MeterSnapshot snapshot() const;  // any thread

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
    class MeteredBlob;
    class Running;

    template <class Body>
    auto measure(ProviderCall call, Body&& body);
    void add_error(ProviderCall call, Errc code);
    void add_uploaded(std::uint64_t bytes);

    Clock& clock_;
    mutable std::mutex mutex_;
    MeterSnapshot meter_;
};

}  // namespace oracxfs
