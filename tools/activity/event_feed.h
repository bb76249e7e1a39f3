#pragma once
// Brings the catalogue's events into the activity log. The catalogue is the door: what is written in the transaction of the
// thing itself is neither lost by a crash nor told of what did not happen. The log remembers up to which event it has all,
// so nothing is told twice, and what an earlier program left is told by the next one.

#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>
#include <thread>

#include "tools/activity/activity_log.h"
#include "tools/activity/event_words.h"

namespace oracxfs {

// Rung by the catalogue (CatalogOptions::on_event), heard by the feed.
class EventBell {
  public:
    void ring();

  private:
    friend class EventFeed;
    std::mutex mutex_;
    std::condition_variable_any rung_;
    bool heard_ = true;
};

class EventFeed {
  public:
    // All outlive the feed.
    EventFeed(Catalog& catalog, ActivityLog& log, Clock& clock, std::shared_ptr<EventBell> bell, DescribeRun describe_run);
    ~EventFeed();  // brings everything that there is
    EventFeed(const EventFeed&) = delete;
    EventFeed& operator=(const EventFeed&) = delete;

    // Where a log without any file goes on.
    static std::uint64_t first_seq(Catalog& catalog);

  private:
    void run(const std::stop_token& stop);
    void pull();             // what is new in the catalogue
    void give(bool all);     // what was held back, as far as it is due
    void publish(std::vector<ActivityEntry> entries);

    Catalog& catalog_;
    ActivityLog& log_;
    Clock& clock_;
    const std::shared_ptr<EventBell> bell_;
    const DescribeRun describe_run_;

    std::mutex mutex_;  // one at a time pulls
    EventMerger merger_;
    std::int64_t last_ = 0;
    std::set<std::int64_t> told_;  // by an earlier program, though earlier ones were not
    std::jthread thread_;
};

}  // namespace oracxfs
