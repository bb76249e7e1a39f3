#pragma once
// The activity log: what the product did, for people. Lines of JSON in `<state>/activity.jsonl`, mode 0600, rotated by size
// into activity-<first seq>.jsonl. Whoever holds the state's lock is its one writer: the daemon, or a command without one.
//
// Publishing costs a lock and a copy: one thread writes, so no caller ever waits for the disk. When the disk is full,
// entries wait in memory (the newest 10,000); how many were lost after that is itself an entry. Everything passes
// log::redact() before it is kept or shown.
//
// Thread-safe.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>

#include "base/disk.h"
#include "base/result.h"
#include "tools/activity/activity_entry.h"

namespace oracxfs {

struct ActivityOptions {
    std::string directory;                 // must exist
    std::uint64_t rotate_bytes = 4u << 20;
    std::size_t rotated_files = 8;         // kept beside the current one
    Millis rotate_age{11 * 86'400'000ll};  // a file whose first entry is older is rotated, whatever its size
    std::uint64_t first_seq = 1;           // where a log without any file goes on
    std::size_t ring = 1'000;              // entries that subscribers can be given again
};

// Ends the subscription when it goes away: the listener is not running any more when the destructor returns. Not from
// inside the listener.
class ActivitySubscription {
  public:
    virtual ~ActivitySubscription() = default;
    // True: older entries than the ring holds were asked for, and some are missing. Look at all anew (ActivityLog::read).
    [[nodiscard]] virtual bool missed() const = 0;
};

class ActivityLog {
  public:
    // Both outlive the log. local_io, denied, ...
    static Result<std::unique_ptr<ActivityLog>> open(Disk& disk, Clock& clock, const ActivityOptions& options);
    virtual ~ActivityLog() = default;  // writes what waits, then ends the thread

    virtual void publish(ActivityEntry entry) = 0;

    // Called for each entry after `since_seq`, in order, each once: first those of the ring, on the caller's thread before
    // this returns, then new ones on the log's thread. It must be quick (push into a queue, wake somebody), and must not
    // call the log but for publish(). since_seq = last_seq(): only what is new.
    using Listener = std::function<void(const ActivityEntry&)>;
    [[nodiscard]] virtual std::unique_ptr<ActivitySubscription> subscribe(std::uint64_t since_seq, Listener listener) = 0;

    // The newest `limit` entries that match and are older than `before_seq` (0 = the newest of all). From the ring where it
    // reaches, else from the files.
    virtual Result<ActivityPage> read(const ActivityFilter& filter, std::size_t limit, std::uint64_t before_seq = 0) = 0;

    // A feed that is asked for what it holds back, before flush() and read() answer; nothing = none. Set before others use
    // the log, and unset before the feed goes away.
    virtual void set_source(std::function<void()> bring_all) = 0;
    // Returns when what was published before has a number, was tried to be written, and was given to subscribers.
    virtual void flush() = 0;
    [[nodiscard]] virtual std::uint64_t last_seq() const = 0;
    // Of the catalogue's events: up to which one all is in the log, and which later ones are, too.
    [[nodiscard]] virtual std::int64_t events_through() const = 0;
    [[nodiscard]] virtual std::set<std::int64_t> events_beyond() const = 0;
    virtual void set_limits(std::uint64_t rotate_bytes, std::size_t rotated_files, Millis rotate_age) = 0;
    virtual void forget(WallTime before) = 0;  // rotated files whose last entry is older

    struct Health {
        std::uint64_t waiting = 0;  // entries that could not be written yet
        std::uint64_t lost = 0;     // entries that had to be given up, since the start
        std::string error;          // why; "" = all is written
    };
    [[nodiscard]] virtual Health health() const = 0;
};

}  // namespace oracxfs
