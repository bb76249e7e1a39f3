#pragma once
// The backup job inside a running program: its schedule, the one run at a time, and everybody who watches it. The same
// for the daemon (with a scheduler) and for a command without one (runs in the calling thread).
//
// Thread-safe.

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/json.h"
#include "base/op_context.h"
#include "tools/backup/backup_run.h"
#include "tools/backup/scrub_run.h"
#include "tools/control/handlers.h"
#include "tools/scheduler/scheduler.h"

namespace oracxfs {

inline constexpr const char* kScrubJob = "scrub";
inline constexpr const char* kScrubPausedKey = "scrub/paused";

class BackupService {
  public:
    explicit BackupService(BackupEnvironment environment);
    ~BackupService();
    BackupService(const BackupService&) = delete;
    BackupService& operator=(const BackupService&) = delete;

    void start();  // the schedule begins to count; before that, runs take place in the thread that asks for them
    void stop();   // ends the run under way; the mount must still be there
    void settings_changed();
    // Told of every event of every run, whoever asked for it. Before start(). From any thread; must not wait.
    void observe(Emit observer) { observer_ = std::move(observer); }

    // Packs, sends, verifies, prunes. Events of the run go to `emit` until it has ended; when ctx.stop comes, the run is
    // cancelled. The answer is the run's report, whatever came of it. Waits for a run that is clearing up, and for one that
    // is just beginning until it has a name. Errors: busy (a run is under way; says which), cancelled (while waiting).
    Result<Json> sync(const BackupRequest& request, const OpContext& ctx, const Emit& emit);
    Status cancel(const std::string& run);
    // Compares stored copies with what was written, as {"download", "repair", "older_than_ms", "sample_percent"} say.
    // Errors: busy (a scrub is under way, or scrubbing is paused).
    Result<Json> scrub(const Json& args, const OpContext& ctx, const Emit& emit);
    // Holds a scrub under way between two copies, and the planned ones, until it is taken back; remembered.
    Status pause_scrub(bool paused);
    [[nodiscard]] Result<Json> scrub_report() const;
    [[nodiscard]] std::optional<std::int64_t> running() const;
    [[nodiscard]] Json schedule_report() const;  // for `auto-sync status` and the web

    void add_handlers(HandlerRegistry& registry);

  private:
    // One who asked for a run, and watches it.
    struct Asked {
        BackupRequest request;
        std::mutex mutex;
        std::condition_variable_any changed;
        std::deque<Json> events;
        bool over = false;
        Status outcome;
        std::optional<RunRow> row;  // the run's, when there was one
    };
    using AskedPtr = std::shared_ptr<Asked>;

    Status run_job(const RunContext& context);
    Status scrub_job(const RunContext& context);
    void add_restore_handlers(HandlerRegistry& registry);
    void add_scrub_handlers(HandlerRegistry& registry);
    void add_recovery_handlers(HandlerRegistry& registry);
    Result<RunRow> run(const BackupRequest& request, const OpContext& ctx);
    Result<bool> take_turn(const AskedPtr& asked, const OpContext& ctx);  // true: in this thread
    Result<Json> run_here(const AskedPtr& asked, const OpContext& ctx, const Emit& emit);
    void end_turn(const AskedPtr& asked);
    void broadcast(const Json& event);
    void tell_interrupted(std::size_t count);
    void prune_after(const RunRow& row, const OpContext& ctx);
    void remember_index(const RunRow& row, const OpContext& ctx);
    Result<Json> follow(const AskedPtr& asked, const OpContext& ctx, const Emit& emit);
    Schedule schedule() const;

    const BackupEnvironment env_;
    const std::uint64_t seed_;
    class Store;
    std::unique_ptr<Store> store_;
    SystemLocalTime zone_;
    std::unique_ptr<Scheduler> scheduler_;
    bool started_ = false;
    Emit observer_;

    mutable std::mutex mutex_;
    AskedPtr asked_;                            // whose run begins next
    AskedPtr watching_;                         // whose run is under way; null: the schedule's
    std::optional<std::int64_t> running_;
    bool busy_ = false;                         // without a scheduler: a run in the thread of who asked
    std::uint64_t turns_ = 0;                   // counts what those who wait for their turn have to look at
    std::condition_variable_any turn_;
    bool scrubbing_ = false;
    Json scrub_progress_;                       // of the scrub under way
    ScrubGate scrub_gate_;
};

}  // namespace oracxfs
