#pragma once
// Makes what is at the providers equal to what the catalogue wants, one lane a provider, each at its own speed.
//
// Every decision is taken by fs/replication_plan (pure); this class carries steps out and records them. Intent is
// recorded before an action and its outcome after it, so a crash in between is found and looked at.
//
// A provider that fails as a whole (unreachable, sign-in, full) opens its breaker: its lane pauses, waits of close()
// count it as down, it is probed with growing pauses, and goes on by itself when the probe succeeds.
//
// Thread-safe. Providers are called without locks held.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/blob.h"
#include "base/clock.h"
#include "cache/catalog.h"
#include "cache/staging.h"
#include "fs/ack.h"
#include "providers/provider.h"

namespace oracxfs {

struct ReplicatorOptions {
    std::uint64_t seed = 0;              // jitter
    Millis probe_pause_min{500};         // breaker: first pause after a failure, doubled up to the maximum
    Millis probe_pause_max{8'000};
    Millis auth_probe_pause{300'000};    // sign-in and host key problems: not to lock the account
    Millis full_probe_pause{60'000};
    Millis retry_pause_min{1'000};       // one replica that fails at a healthy provider
    Millis retry_pause_max{900'000};
    std::uint32_t retries = 5;           // of one replica, before it counts as failed; it is still tried from time to time
    Millis delete_grace{60'000};         // unlink -> removal at the providers
    Millis heal_after{30'000};           // an object that vanished outside is uploaded again after this
    Millis trash_age{7 * 86'400'000ll};
    bool adopt_at_first_sight = false;   // the catalogue was lost: what the providers hold is taken over at once
    std::uint32_t large_workers = 2;     // a provider
    std::uint32_t streams_max = 4;       // uploads of files still being written, a provider
    std::uint64_t write_ahead_bytes = 64ull << 20;
};

// What a lane is doing, for status and progress bars.
struct TransferProgress {
    VersionId version;
    ProviderId provider;
    std::string path;
    std::uint64_t bytes = 0;  // acknowledged by the provider
    std::uint64_t total = 0;  // 0 = still growing
    std::uint32_t attempt = 1;
    WallTime started;
    bool verifying = false;
};

struct ProviderStatus {
    ProviderRow row;
    ProviderHealth health;
    std::optional<WallTime> next_probe;
    std::uint64_t bytes_up = 0, bytes_down = 0;
    double rate_up = 0;  // bytes/s, moving average
};

struct ReadCandidate {
    ProviderId provider;
    std::string name;
    std::shared_ptr<Provider> via;
    RemoteObject object;
    bool is_up = true;  // as far as known
};

class Replicator {
  public:
    // `open_remote`: content of a version whose staged copy is gone, read from its replicas except `but` (for healing).
    using OpenRemote =
        std::function<Result<std::shared_ptr<BlobReader>>(VersionId version, ProviderId but)>;

    Replicator(Catalog& catalog, Staging& staging, Clock& clock, ReplicatorOptions options);
    ~Replicator();
    Replicator(const Replicator&) = delete;
    Replicator& operator=(const Replicator&) = delete;

    void set_open_remote(OpenRemote open_remote);
    // `rescue`: no single replica is good, but together they may be: gathers the content into staging. corrupt if some part
    // of it is good nowhere.
    using Rescue = std::function<Status(VersionId version, const std::stop_token& stop)>;
    void set_rescue(Rescue rescue);
    // Called when a replica changed (for caches of presence), and when a file appeared at a provider that we did not put
    // there. Any thread, no locks held. Whoever takes a file over says so by adoption_ended(): `settled` when it has been,
    // or never will be; otherwise it is announced again later.
    void set_on_change(std::function<void(VersionId version, ProviderId provider)> on_change);
    void set_on_foreign(std::function<void(ProviderId provider, const RemoteObject& object)> on_foreign);
    void adoption_ended(ProviderId provider, const std::string& key, bool settled);

    // --- providers: before start() or while running ---------------------------------------------------------------
    void add_provider(const ProviderRow& row, std::shared_ptr<Provider> provider);  // null: configured but inactive
    void remove_provider(ProviderId id);
    [[nodiscard]] std::shared_ptr<Provider> provider(ProviderId id) const;  // null when unknown or inactive
    [[nodiscard]] std::vector<ProviderHealth> health() const;
    [[nodiscard]] std::vector<ProviderId> active() const;  // enabled ones, also when down
    [[nodiscard]] std::vector<ProviderStatus> provider_status() const;
    [[nodiscard]] std::vector<TransferProgress> transfers() const;
    void probe_now(ProviderId id);  // forget the pause of an open breaker

    // --- running ---------------------------------------------------------------------------------------------------
    void start();  // starts the lanes
    void stop();   // cancels what is under way (resumable), joins
    // Something became due. With the size of the file only the workers for that size wake up.
    void nudge(std::optional<std::uint64_t> size = std::nullopt);
    // One step of one provider's lane in the calling thread; false = nothing due. Only without start() (tests).
    Result<bool> run_one(ProviderId id, const std::stop_token& stop);

    // --- bytes early: uploads of a file still being written --------------------------------------------------------
    // Begins at every active provider that is up and has a free stream. The version must come from reserve_version and be
    // committed later, or be given up by dropping the blob's writer (readers then get Errc::cancelled).
    void begin_stream(VersionId version, const std::string& key, std::optional<VersionId> replaces,
                      std::shared_ptr<BlobReader> growing, std::int64_t mtime_ns);
    // True if a writer that has produced `written` bytes must pause; then `resume` is called once, later, when it may go
    // on (also when streams ended).
    // `needed`: how many providers the close will wait for (the fastest ones count).
    bool must_pause(VersionId version, std::uint64_t written, std::uint32_t needed, std::function<void()> resume);
    void end_stream(VersionId version);  // its writer is gone, with or without a commit

    // --- acknowledgement -------------------------------------------------------------------------------------------
    // Calls `done` exactly once, from any thread (also from this one): success, or the error for errno; cancelled when
    // stop is requested.
    void when_acked(VersionId version, const AckPolicy& policy, const std::stop_token& stop,
                    std::function<void(Status)> done);
    // Replaced by newer content or removed: who waits for it need not any more.
    void version_unwanted(VersionId version);
    // The same for everything below `path` ("" = all) that is wanted now: kept when each file is verified everywhere or
    // its provider is down.
    void when_settled(const std::string& path, const std::stop_token& stop, std::function<void(Status)> done);

    // --- reading ---------------------------------------------------------------------------------------------------
    // Replicas to read from, best first; damaged ones last, for the parts of them that are good. `only`: nothing but this provider.
    [[nodiscard]] std::vector<ReadCandidate> read_candidates(VersionId version, std::optional<ProviderId> only) const;
    void report_read(ProviderId provider, std::uint64_t bytes, Millis took);
    // A read found bytes that do not match (corrupt), nothing (not_found), or the provider failing.
    void report_read_failure(VersionId version, ProviderId provider, const Error& error);

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace oracxfs
