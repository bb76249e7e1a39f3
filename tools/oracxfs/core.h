#pragma once
// The composition root: everything that works on one state, wired by constructors in one place and taken apart in reverse.

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/disk.h"
#include "cache/block_cache.h"
#include "cache/catalog.h"
#include "cache/staging.h"
#include "fs/filesystem.h"
#include "fs/replicator.h"
#include "tools/activity/event_feed.h"
#include "tools/backup/backup_environment.h"
#include "tools/config/config.h"
#include "tools/oracxfs/provider_factory.h"
#include "tools/oracxfs/secret_store.h"
#include "tools/oracxfs/state_lock.h"
#include "tools/oracxfs/status.h"

namespace oracxfs {

struct CoreOptions {
    Places places;
    Environment environment;
    Config config;             // flags applied
    std::string mount_point;   // absolute
    bool read_only = false;
    std::function<void(const Config&)> on_reload;  // a new configuration was taken over; may be empty
    std::optional<Config> as_written;              // without the flags, to tell what a reload changes; nothing: as `config`
};

class Core {
  public:
    // Takes the state's lock, opens everything, recovers what a crash left, in this order: secrets (at first use), catalogue,
    // providers, staging, cache, replicator, file system. No network. Errors: busy (another owner), config, local_io, ...
    static Result<std::unique_ptr<Core>> open(CoreOptions options);
    ~Core();
    Core(const Core&) = delete;
    Core& operator=(const Core&) = delete;

    void start();  // the lanes begin to work
    // Waits for uploads under way, at most `grace` and not after `hurry`; then cancels them (they resume at the next start)
    // and ends all threads. The mount must be gone.
    void stop(Millis grace, const std::stop_token& hurry);

    // Reads the configuration again and brings providers in line with it. What needs a new mount to take effect is named in
    // the answer. An invalid file changes nothing. Either way it stands in the log.
    Result<Json> reload();
    // For `oracxfs log`. Errors go to the daemon's own log: nobody waits for an event.
    void event(std::string level, std::string kind, std::string message, std::string code = {}, std::string provider = {});
    // Forgets events and rotated log files, of both logs, that are older than log.keep_days. Now and then.
    void tidy_log();
    Status rename_provider(const std::string& from, const std::string& to);  // then reload()
    Status forget_provider(const std::string& name);                        // its rows; never what it holds
    void probe_provider(const std::string& name);
    // Makes it anew: what it had in memory of secrets is gone. False if it is not in use.
    Result<bool> reopen_provider(const std::string& name);
    [[nodiscard]] bool is_down(const std::string& provider) const;

    [[nodiscard]] StateView view();
    [[nodiscard]] BackupEnvironment backup_environment();
    [[nodiscard]] std::shared_ptr<const Config> config() const;
    [[nodiscard]] Filesystem& filesystem() { return *filesystem_; }
    [[nodiscard]] Replicator& replicator() { return *replicator_; }
    [[nodiscard]] Catalog& catalog() { return *catalog_; }
    [[nodiscard]] ActivityLog& activity() { return *activity_; }
    [[nodiscard]] Disk& disk() { return disk_; }
    Result<std::string> secret(const std::string& name) { return secrets_.get(name); }
    [[nodiscard]] const Environment& environment() const { return options_.environment; }
    [[nodiscard]] const Places& places() const { return options_.places; }
    [[nodiscard]] Clock& clock() { return clock_; }
    [[nodiscard]] const std::vector<std::string>& warnings() const { return warnings_; }  // of opening
    Status describe_lock(const LockOwner& owner) { return lock_->describe(owner); }

  private:
    struct Member {  // one configured provider
        ProviderEntry entry;
        ProviderId id;
        std::shared_ptr<Provider> provider;  // null: inactive
    };

    explicit Core(CoreOptions options);
    Status open_all();
    Status open_providers();
    Status recover(const CatalogOpenReport& report);
    Status open_activity();
    Result<Json> take_over_file();  // reload() without its events
    std::shared_ptr<Provider> make(const ProviderEntry& entry);
    [[nodiscard]] Result<std::vector<ExtraMember>> backup_metadata() const;
    [[nodiscard]] DigestSet wanted_digests() const;
    void announce(const Member& member);

    const CoreOptions options_;
    SystemClock clock_;
    SystemDisk disk_;
    std::vector<std::string> warnings_;
    std::optional<StateLock> lock_;
    SecretStore secrets_;
    const ProviderRegistry registry_;

    mutable std::mutex config_mutex_;
    std::shared_ptr<const Config> config_;
    std::mutex reload_mutex_;  // one reload at a time; guards members_ and as_written_
    Config as_written_;        // the configuration as last read
    std::vector<Member> members_;

    const std::shared_ptr<EventBell> bell_ = std::make_shared<EventBell>();
    std::unique_ptr<Catalog> catalog_;
    std::unique_ptr<ActivityLog> activity_;
    std::unique_ptr<EventFeed> feed_;
    std::unique_ptr<Staging> staging_;
    std::unique_ptr<BlockCache> cache_;
    std::unique_ptr<Replicator> replicator_;
    std::mutex room_mutex_;           // guards the file system's coming and going against staging's calls
    Filesystem* room_maker_ = nullptr;
    std::unique_ptr<Filesystem> filesystem_;
    bool started_ = false;
    bool stopped_ = false;
};

}  // namespace oracxfs
