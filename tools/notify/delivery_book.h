#pragma once
// What is still to be delivered to whom, when it is tried again, and how the last delivery to each target went. No I/O;
// one thread at a time.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tools/notify/notice.h"

namespace oracxfs {

// What goes to one target: a notice, or a sign of life of a run ("start", "success", "fail", or "log" for a test) for
// heartbeats.
struct Delivery {
    std::string id;      // random: the same for all attempts, so that a receiver can tell repetitions
    std::string target;
    std::optional<Notice> notice;
    std::string ping;
    std::string text;    // of a ping
    WallTime created;
    std::uint32_t attempts = 0;
    WallTime next_try;
    std::string error;   // of the last attempt

    [[nodiscard]] std::string topic() const { return notice ? notice->topic : "ping"; }
};

struct LastDelivery {
    WallTime at;
    bool ok = false;
    std::string what;   // the notice's title, or "ping: success"
    std::string error;
    std::uint32_t attempts = 0;
    bool given_up = false;
};

class DeliveryBook {
  public:
    // An older one of the same topic for the same target that was not delivered is dropped: it is not true any more. (Of
    // signs of life only one that has failed.)
    void add(Delivery delivery);
    // Whose time has come; not those that were handed out and have not ended. One at a time a target.
    std::vector<Delivery> take_due(WallTime now);
    [[nodiscard]] std::optional<WallTime> next() const;  // of those not handed out
    [[nodiscard]] bool busy() const { return !handed_out_.empty(); }

    void delivered(const Delivery& delivery, WallTime now);
    // Tried again after 5 s, 20 s, 80 s ... at most an hour, or when the receiver said; given up after a day.
    void failed(const Delivery& delivery, const std::string& error, std::optional<Millis> retry_after, WallTime now);
    void not_ended(const Delivery& delivery);  // cancelled: as if it had not been handed out
    void keep_only(const std::vector<std::string>& targets);

    [[nodiscard]] const std::vector<Delivery>& waiting() const { return waiting_; }
    [[nodiscard]] const std::map<std::string, LastDelivery>& last() const { return last_; }
    void note(const std::string& target, LastDelivery last) { last_[target] = std::move(last); }

    [[nodiscard]] Json to_json() const;
    static DeliveryBook from_json(const Json& json);

  private:
    Delivery* find(const std::string& id);

    std::vector<Delivery> waiting_;          // oldest first, with those handed out
    std::vector<std::string> handed_out_;    // ids
    std::map<std::string, LastDelivery> last_;
};

Json last_delivery_to_json(const LastDelivery& last);
std::string delivery_words(const Delivery& delivery);  // "host01: DEGRADED", "ping: start"

}  // namespace oracxfs
