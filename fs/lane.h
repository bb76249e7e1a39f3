#pragma once
// The work of one provider: takes due rows from the catalogue, asks the plan, carries out, records. Has no threads; the
// replicator's workers (or a simulation) call run_*.
//
// Thread-safe: several workers may run at once; a version is worked on by one of them at a time.

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "cache/catalog.h"
#include "cache/staging.h"
#include "fs/breaker.h"
#include "fs/replication_plan.h"
#include "fs/replicator.h"
#include "providers/provider.h"

namespace oracxfs {

// What a lane needs from around it. Outlives the lane.
struct LaneEnvironment {
    Catalog& catalog;
    Staging& staging;
    Clock& clock;
    const ReplicatorOptions& options;
    std::string instance;
    Replicator::OpenRemote open_remote;
    Replicator::Rescue rescue;
    std::function<void(VersionId, ProviderId)> on_replica;  // a row changed; no locks held
    std::function<void(ProviderId)> on_health;              // up or down; no locks held
    std::function<void(ProviderId, const RemoteObject&)> on_foreign;  // a file we don't know appeared; no locks held
};

class Lane {
  public:
    Lane(LaneEnvironment& environment, ProviderRow row, std::shared_ptr<Provider> provider);

    // Each returns true if it did something. `run_small`: directories and files up to small_bytes (in batches), all kinds
    // of steps. `run_large`: one larger file.
    Result<bool> run_small(const std::stop_token& stop);
    Result<bool> run_large(const std::stop_token& stop);
    // Directories, orphaned uploads, the probe of an open breaker, listing for foreign changes, trash: one worker's duty.
    Result<bool> run_chores(const std::stop_token& stop);
    // Compares the provider's listing with the catalogue once.
    Status reconcile(const std::stop_token& stop);

    // When run_* may find something without a nudge; nothing = only a nudge helps.
    [[nodiscard]] std::optional<Millis> pause_until_due();

    // A file still being written: blocks until uploaded, failed or stopped.
    void run_stream(VersionId version, const std::string& key, std::optional<VersionId> replaces, BlobReader& growing,
                    std::int64_t mtime_ns, const std::stop_token& stop, const std::function<void(std::uint64_t)>& on_bytes);

    void read_failed(VersionId version, const Error& error);
    void read_done(std::uint64_t bytes, Millis took);
    void probe_at_once();

    [[nodiscard]] ProviderHealth health() const;
    [[nodiscard]] ProviderStatus status() const;
    [[nodiscard]] std::vector<TransferProgress> transfers() const;
    [[nodiscard]] bool may_work() const;
    [[nodiscard]] double read_cost() const;  // ms for a first 1 MiB, moving average; for choosing where to read
    [[nodiscard]] const std::shared_ptr<Provider>& provider() const { return provider_; }
    [[nodiscard]] ProviderId id() const { return id_; }
    [[nodiscard]] const std::string& name() const { return name_; }

  private:
    struct Claim;  // holds versions as "being worked on"
    Result<bool> run_directories(const std::stop_token& stop);
    Result<bool> run_directory(const DirectoryJob& job, const std::stop_token& stop);
    bool run_probe(const std::stop_token& stop);
    Result<bool> discard_orphans(const std::stop_token& stop);
    Status run_step(const ReplicaJob& job, const Step& step, const std::stop_token& stop);
    Status put_batch(std::vector<std::pair<ReplicaJob, Step>>& puts, const std::stop_token& stop);
    Status put_one(const ReplicaJob& job, const Step& step, const std::stop_token& stop);
    Status look(const ReplicaJob& job, const Step& step, const std::stop_token& stop);
    Status move(const ReplicaJob& job, const Step& step, const std::stop_token& stop);
    Status move_aside(const ReplicaJob& job, const std::stop_token& stop);
    Status keep_stranger(const ReplicaJob& job, const std::string& key, const std::stop_token& stop);
    // Takes out of the way what stands at `key` (a file where a folder must be, or the other way round): unwanted objects
    // of ours go to the trash, those that are wanted elsewhere step aside. False if something of others remains.
    Result<bool> clear_way(const std::string& key, const std::stop_token& stop);
    Status step_aside(const ReplicaJob& blocker, const std::stop_token& stop);
    // Reconciles, unless the provider's change feed says that nothing happened since the last time.
    Status look_around(const std::stop_token& stop);
    // To be called before anything is changed at the provider under `key`: a listing under way must not take the result for
    // somebody else's work.
    void touch(const std::string& key);
    // Takes out of `strangers` what a listing may have seen of our own doing.
    Status forget_own(std::map<std::string, RemoteObject>& strangers, const std::vector<Catalog::KnownObject>& known);
    void prune_parents(const std::string& key, const std::stop_token& stop);
    Result<std::shared_ptr<BlobReader>> open_content(const ReplicaJob& job);
    // Is the local copy, if there is one, what was written? A bad one is given up where a verified replica exists.
    bool check_staged(const ReplicaJob& job);
    bool only_tidies() const;                // full
    Status postpone(const ReplicaJob& job);  // an upload to a full provider
    // The next attempt begins at the start: the bytes sent so far are not those of the content.
    Status forget_position(SessionRow& session);
    // The bytes to upload cannot be had: they are gathered from all replicas, or the row waits (as `failed` when that
    // repeats). The provider is not blamed.
    Status content_unreadable(const ReplicaJob& job, ReplicaRow row, const Error& why, const std::stop_token& stop);
    PutOptions put_options(const ReplicaJob& job, const Step& step);
    Result<bool> record_begun(const ReplicaJob& job, const ReplicaRow& begun);  // false: somebody changed the row
    Status finish(const ReplicaJob& job, Outcome outcome);
    void provider_failed(const Error& error);
    void provider_ok();
    void save_state();
    void event(std::string level, std::string kind, const std::string& path, std::string code, std::string message);
    OpContext context(const std::stop_token& stop) const { return {stop, std::nullopt}; }
    RetryTimes retry_times() const;

    LaneEnvironment& env_;
    const ProviderId id_;
    const std::string name_;
    const std::shared_ptr<Provider> provider_;

    mutable std::mutex mutex_;
    ProviderRow row_;
    Breaker breaker_;
    bool reported_down_ = false;
    std::set<VersionId> claimed_;
    std::map<VersionId, TransferProgress> transfers_;
    std::map<std::string, RemoteObject> strangers_;  // new in the last listing; adopted when unchanged in the next
    std::string feed_;                  // cursor of the change feed, up to which a listing has seen everything
    bool listing_ = false;              // a listing is under way
    std::vector<std::string> touched_;  // keys we worked on meanwhile
    SteadyTime next_listing_;
    SteadyTime next_trash_;
    SteadyTime next_space_;
    SteadyTime seen_steady_;
    WallTime seen_wall_;
    bool orphans_checked_ = false;
    // A folder may have been moved at the provider without our knowing the end of it: until that is cleared up, keys below
    // it mean nothing and no file is touched.
    std::atomic<bool> folders_unclear_{true};
    std::atomic<std::uint64_t> bytes_up_{0}, bytes_down_{0};
    double read_cost_ms_ = 0;
    double rate_up_ = 0;
    SteadyTime rate_since_{};
    std::uint64_t rate_bytes_ = 0;
};

}  // namespace oracxfs
