#pragma once
// Tells people: looks at the activity log and at the state of the whole, applies the rules, and brings notices to the
// configured targets. What was told and what is still to be delivered is stored in `<state>/notify.json`, mode 0600, before
// anything is sent: a restart repeats nothing and loses nothing. (After a crash in the middle of a delivery it is sent once
// more, with the same id.)
//
// One thread looks and decides; deliveries run beside it, one at a time for each target, so a receiver that hangs holds up
// nobody else.

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "base/disk.h"
#include "fs/executor.h"
#include "tools/activity/activity_log.h"
#include "tools/control/handlers.h"
#include "tools/notify/notify_rules.h"
#include "tools/notify/sender.h"

namespace oracxfs {

// Everything outlives the notifier.
struct NotifierParts {
    ActivityLog& activity;
    Disk& disk;
    SenderParts sender;
    std::string state_directory;
    std::function<std::shared_ptr<const Config>()> config;
    std::function<Result<Json>()> status;           // the report of `oracxfs status`
    std::function<void(const Json&)> on_report;     // each report that was made; may be empty
};

class Notifier {
  public:
    explicit Notifier(NotifierParts parts);
    ~Notifier();
    Notifier(const Notifier&) = delete;
    Notifier& operator=(const Notifier&) = delete;

    void start();
    // For a command that is about to end: what is due is brought out, at most for so long.
    void finish(Millis patience);
    void stop();              // what was not delivered goes out after the next start
    void settings_changed();  // also: look now

    // "notifications": settings, targets, last deliveries. "notification-test" {"id"}: sends a test now.
    void add_handlers(HandlerRegistry& registry);
    Json report();
    Result<Json> test(const std::string& id, const OpContext& ctx);

  private:
    void run(const std::stop_token& stop);
    bool take_entries();  // true: one of them may have changed the state of the whole
    void look();
    void tell(const std::vector<Notice>& notices);
    void ping(const ActivityEntry& entry);
    void dispatch(const std::stop_token& stop);
    void deliver(const Delivery& delivery, const std::stop_token& stop);
    void load();
    void save_if_changed();
    void stir();
    [[nodiscard]] SteadyTime next_wake(SteadyTime looked) const;
    [[nodiscard]] bool all_out() const;
    [[nodiscard]] WallTime now() const { return parts_.sender.clock.wall(); }

    const NotifierParts parts_;

    std::mutex inbox_mutex_;
    std::condition_variable_any woken_;
    std::deque<ActivityEntry> inbox_;
    bool look_wanted_ = false;
    bool stirred_ = false;    // there is something else to do than to look
    std::uint64_t asked_ = 0, answered_ = 0;  // by finish()
    std::condition_variable_any answers_;

    mutable std::mutex mutex_;  // guards what follows
    NotifyMemory memory_;
    DeliveryBook book_;
    std::string saved_;     // what the file holds
    bool save_failed_ = false;
    std::mutex save_mutex_;  // before mutex_: an older text must not come after a newer one

    std::unique_ptr<ActivitySubscription> subscription_;
    std::unique_ptr<Executor> senders_;
    std::stop_source sending_;
    std::jthread thread_;
};

// Memory, book and file as text; and what `notifications list` shows, also without a daemon.
struct NotifyState {
    NotifyMemory memory;
    DeliveryBook book;
};
Result<NotifyState> read_notify_state(Disk& disk, const std::string& state_directory);  // not_found
Json notifications_report(const Config& config, const NotifyState& state);

}  // namespace oracxfs
