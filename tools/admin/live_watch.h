#pragma once
// Looks at the state while somebody watches, and tells what is different; and what the activity log says, as it says it.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "tools/admin/admin_context.h"

namespace oracxfs {

// An event of the log in the shape that the web shows: {"seq", "at", "level", "category", ...}.
Json activity_view(const Json& event);

class LiveWatch {
  public:
    LiveWatch(const AdminEnvironment& env, EventHub& hub, ReplyLanguage& language) : env_(env), hub_(hub), language_(language) {}
    ~LiveWatch() { stop(); }
    LiveWatch(const LiveWatch&) = delete;
    LiveWatch& operator=(const LiveWatch&) = delete;

    void start();
    void stop();
    void look(const std::stop_token& stop);  // once
    // An event of a backup run, as its followers get it. Any thread.
    void run_event(const Json& event);

  private:
    void tell_status(const Json& status);

    const AdminEnvironment& env_;
    EventHub& hub_;
    ReplyLanguage& language_;
    std::string state_;                             // as told last
    std::map<std::string, std::string> providers_;  // the same
    bool transfers_ = false;
    std::unique_ptr<ActivitySubscription> log_;
    std::jthread thread_;
};

}  // namespace oracxfs
