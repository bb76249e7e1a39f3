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
#include "fs/rate_meter.h"
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
    std::function<void(ProviderId)> on_health;              // up, down or to be probed; no locks held
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
    // Kinds that can say when something changed: waits for that, again and again, until stopped; `ring` is called when
    // there is something to look at. Returns at once for all others.
    void watch_feed(const std::stop_token& stop, const std::function<void()>& ring);
    // At the end, when no worker runs any more: reads what the feed tells of our own last changes, so that the next start need
    // not. Takes a few seconds at most, and nothing where nothing was changed.
    void catch_up();
    // What was handed to on_foreign is taken over, or never will be (settled); or it is to be tried again.
    void adoption_ended(const std::string& key, bool settled);

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
    // False if one of the files is being worked on.
    Result<bool> begin_moves(const std::string& from, const std::string& to, const std::stop_token& stop);
    bool run_probe(const std::stop_token& stop);
    Result<bool> discard_orphans(const std::stop_token& stop);
    Status run_step(const ReplicaJob& job, const Step& step, const std::stop_token& stop);
    Status put_batch(std::vector<std::pair<ReplicaJob, Step>>& puts, const std::stop_token& stop);
    Status put_one(const ReplicaJob& job, const Step& step, const std::stop_token& stop);
    // What is under `key`, and whether it is this version's content. The outer error is the catalogue's.
    Result<Result<Found>> find(const ReplicaJob& job, const std::string& key, const std::stop_token& stop);
    Status look(const ReplicaJob& job, const Step& step, const std::stop_token& stop);
    Status move(const ReplicaJob& job, const Step& step, const std::stop_token& stop);
    Status move_aside(const ReplicaJob& job, const std::stop_token& stop);
    Status keep_stranger(const ReplicaJob& job, const std::string& key, const std::stop_token& stop);
    // Gives something that we don't know a name that says so. False if it stays where it is.
    bool keep_elsewhere(const RemoteObject& there, const std::stop_token& stop);
    bool remember_kept(const RemoteObject& object, const std::string& kept);
    // Takes out of the way what stands at `key` (a file where a folder must be, or the other way round): unwanted objects
    // of ours go to the trash, those that are wanted elsewhere step aside, a file of others gets another name. False if
    // a folder with something of others remains.
    Result<bool> clear_way(const std::string& key, const std::stop_token& stop);
    Status step_aside(const ReplicaJob& blocker, const std::stop_token& stop);
    // Keys that we are changing at the provider, until the outcome is recorded: not somebody else's work.
    struct Working;
    [[nodiscard]] Result<std::vector<std::string>> keys_in_work() const;
    // One object that may not be there, or not be what it was.
    enum class Verdict : std::uint8_t { settled, later, list };  // list: only a listing tells
    Result<std::optional<ReplicaJob>> unchanged(const Catalog::KnownObject& known);
    Status look_again(const Catalog::KnownObject& known, bool gone, const Result<Verdict>& verdict);
    Result<Verdict> note_missing(const Catalog::KnownObject& known, bool surely, const std::stop_token& stop);
    Result<Verdict> note_changed(const Catalog::KnownObject& known, const std::stop_token& stop);
    // Where several objects may have one name: is `seen` another one than ours?
    [[nodiscard]] bool is_twin(const Catalog::KnownObject& known, const RemoteObject& seen) const;
    Result<Verdict> note_twin(const Catalog::KnownObject& known, const RemoteObject& twin, const std::stop_token& stop);
    struct Suspect {
        RemoteObject seen;
        bool gone = false;
        bool untold = false;       // as in Change
        bool confirmed = false;    // a listing has just shown it
        bool handed_over = false;  // on_foreign has it
        std::uint32_t attempts = 0;
        SteadyTime next;
    };
    Result<bool> run_feed(const std::stop_token& stop);
    Status read_feed(const std::stop_token& stop);
    Status suspect(const ChangePage& page);
    void suspect(const std::string& key, Suspect suspect);
    void forget_suspects_below(const std::string& directory);
    Status list_for_feed(const std::stop_token& stop);
    Result<bool> examine_suspects(const std::stop_token& stop);
    Result<Verdict> examine(const std::string& key, const Suspect& suspect, const std::vector<std::string>& own,
                            const std::stop_token& stop);
    Result<Verdict> examine_gone(const std::string& key, const std::vector<Catalog::KnownObject>& known, const std::stop_token& stop);
    Result<Verdict> examine_stranger(const std::string& key, const Suspect& suspect, const std::vector<Catalog::KnownObject>& below,
                                     const std::stop_token& stop);
    Status save_feed();
    [[nodiscard]] SteadyTime next_look() const;     // for foreign changes; mutex_ held
    [[nodiscard]] SteadyTime next_reading() const;  // of the feed, when it rang; mutex_ held
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
    struct Feed {
        std::string position;  // read up to here; "" = to be begun
        std::string saved;     // dealt with up to here, as the catalogue knows
        std::map<std::string, Suspect> suspects;  // told, and not dealt with yet
        bool list = false;     // it does not tell enough: everything is to be listed
        bool rang = false;     // there is something to read
        bool watched = false;  // somebody waits for that
        std::uint64_t readings = 0;
        std::condition_variable_any read;
        SteadyTime last_reading, next_listing;
    };
    Feed feed_;
    bool listing_ = false;                // a listing is under way
    std::vector<std::string> touched_;    // keys we worked on meanwhile
    std::multiset<std::string> working_;  // keys we are working on
    SteadyTime worked_;                   // when that ended last
    struct Kept {
        std::string id, key;
        SteadyTime at;
    };
    std::vector<Kept> kept_;  // what others put in our way lately
    bool unread_changes_ = false;         // of ours, since the feed was read
    bool ends_ = false;
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
    RateMeter rate_up_;
};

}  // namespace oracxfs
