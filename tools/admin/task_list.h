#pragma once
// Work that takes longer than a request: restoring, verifying, repairing, scrubbing, and waiting for a run. Each has a thread
// while it goes on; what came of the last hundred is remembered until the program ends.

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "tools/control/handlers.h"

namespace oracxfs {

// Thread-safe.
class TaskList {
  public:
    using Changed = std::function<void(const Json& task)>;  // without its rows; from any thread, without locks
    TaskList(const HandlerRegistry& handlers, Clock& clock, Changed changed) : handlers_(handlers), clock_(clock), changed_(std::move(changed)) {}
    ~TaskList() { stop(); }
    TaskList(const TaskList&) = delete;
    TaskList& operator=(const TaskList&) = delete;

    // "t-1". busy: too many are under way. `backup`: whose; may be empty.
    Result<std::string> start(const std::string& kind, const std::string& backup, const std::string& command, Json args);
    // Calls `command` in a thread of its own and returns with its first event of this type, while it goes on; or with its error,
    // when it ends before that. It is not listed.
    Result<Json> start_until(const std::string& command, Json args, const std::string& first_event);
    Status cancel(const std::string& task);  // not_found: no such task, or it is over
    [[nodiscard]] Json list() const;
    [[nodiscard]] Result<Json> get(const std::string& task) const;
    void stop();  // cancels all and waits for them

  private:
    struct Task {
        std::string id, kind, backup, state = "running";
        WallTime started;
        std::optional<WallTime> ended;
        Json progress, rows = Json::array(), result, error;
        SteadyTime told{};
        std::stop_source stop;
        std::jthread thread;
    };
    using TaskPtr = std::shared_ptr<Task>;

    Json report(const Task& task, bool rows) const;
    void work(Task& task, const std::string& command, const Json& args);
    void note(Task& task, const Json& event);
    std::vector<TaskPtr> take_old();  // lock held; to be destroyed without it

    const HandlerRegistry& handlers_;
    Clock& clock_;
    const Changed changed_;
    mutable std::mutex mutex_;
    std::deque<TaskPtr> tasks_;
    struct Waiter {
        std::stop_source stop;
        std::atomic<bool> over{false};
        std::jthread thread;
    };
    std::list<std::shared_ptr<Waiter>> waiters_;
    std::uint64_t next_ = 1;
    bool stopping_ = false;
};

}  // namespace oracxfs
