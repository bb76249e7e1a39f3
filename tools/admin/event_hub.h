#pragma once
// What the page is told as it happens: server-sent events. A ring of the last thousand lets who was away for a moment catch
// up; streams cost memory, but no thread.

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/json.h"
#include "tools/admin/http_message.h"

namespace oracxfs {

struct LiveEvent {
    std::uint64_t id = 0;  // 0: is not replayed (progress)
    std::string text;      // as it is sent: "id: 7\nevent: run\ndata: {...}\n\n"
};
// One event as text. Line breaks cannot occur in `data`: JSON escapes them.
std::string event_text(std::uint64_t id, std::string_view name, const Json& data);

// The last events, by number. Not thread-safe.
class EventRing {
  public:
    // `before_first`: ids begin after it. Those of the next run of the program must be higher.
    explicit EventRing(std::size_t most, std::uint64_t before_first = 0) : most_(most), last_(before_first) {}
    const LiveEvent& push(std::string_view name, const Json& data);
    // Those after `id`; nothing when some of them are gone, or the id is none of ours.
    [[nodiscard]] std::optional<std::deque<LiveEvent>> since(std::uint64_t id) const;
    [[nodiscard]] std::uint64_t last() const { return last_; }

  private:
    const std::size_t most_;
    std::uint64_t last_;
    std::deque<LiveEvent> events_;
};

class EventStream;

// Thread-safe.
class EventHub {
  public:
    struct Options {
        std::size_t ring = 1'000;
        std::size_t queued = 1'000;        // for one that does not read; then it gets `reset` instead
        std::size_t streams = 128;
        std::size_t streams_of_one = 16;   // of one session or token
        Millis ping{15'000};
        Millis progress{250};              // between two
    };
    EventHub(Clock& clock, Options options);
    ~EventHub();

    void publish(std::string_view name, const Json& data);
    void progress(const Json& data);  // only the newest counts

    // What a browser is given. Nothing: there are too many streams already. `hello`: data of the first event, gets "id".
    // `last`: what the browser has seen.
    std::shared_ptr<HttpStream> open(const std::string& owner, Json hello, std::optional<std::uint64_t> last);
    void close_of(const std::string& owner);  // its session ended
    [[nodiscard]] std::size_t streams() const;
    [[nodiscard]] bool anybody() const { return streams() > 0; }
    // For tests: what the hub's thread does again and again.
    void tick();
    void start();  // that thread
    void stop();

  private:
    friend class EventStream;
    void closed(EventStream* stream);
    void to_all(const LiveEvent& event);

    Clock& clock_;
    const Options options_;
    mutable std::mutex mutex_;
    EventRing ring_;
    std::map<EventStream*, std::shared_ptr<EventStream>> streams_;
    std::optional<Json> progress_;
    SteadyTime next_ping_{};
    std::jthread thread_;
};

}  // namespace oracxfs
