#include "tools/admin/event_hub.h"

#include <algorithm>

namespace oracxfs {
namespace {

// In place of a number, where none is sent. What is only about now gives way to the next of its kind.
constexpr std::uint64_t kOnce = UINT64_MAX;

}  // namespace

std::string event_text(std::uint64_t id, std::string_view name, const Json& data) {
    std::string text;
    if (id > 0) text += "id: " + std::to_string(id) + "\n";
    text += "event: " + std::string(name) + "\ndata: " + data.dump() + "\n\n";
    return text;
}

const LiveEvent& EventRing::push(std::string_view name, const Json& data) {
    last_ += 1;
    events_.push_back({last_, event_text(last_, name, data)});
    if (events_.size() > most_) events_.pop_front();
    return events_.back();
}

std::optional<std::deque<LiveEvent>> EventRing::since(std::uint64_t id) const {
    if (id > last_) return std::nullopt;  // of an earlier run of the program
    if (id == last_) return std::deque<LiveEvent>{};
    if (events_.empty() || events_.front().id > id + 1) return std::nullopt;
    std::deque<LiveEvent> found;
    for (const LiveEvent& event : events_)
        if (event.id > id) found.push_back(event);
    return found;
}

// One browser's.
class EventStream final : public HttpStream {
  public:
    EventStream(EventHub& hub, std::string owner, std::size_t most) : hub_(hub), owner_(std::move(owner)), most_(most) {}

    void on_ready(std::function<void()> wake) override {
        const std::lock_guard lock(mutex_);
        wake_ = std::move(wake);
    }

    Pulled pull(std::span<char> into, std::size_t& count) override {
        const std::lock_guard lock(mutex_);
        while (count < into.size() && !queue_.empty()) {
            const std::string& text = queue_.front().text;
            const std::size_t part = std::min(into.size() - count, text.size() - sent_);
            std::copy_n(text.begin() + static_cast<std::ptrdiff_t>(sent_), part, into.begin() + static_cast<std::ptrdiff_t>(count));
            count += part;
            sent_ += part;
            if (sent_ < text.size()) break;
            sent_ = 0;
            queue_.pop_front();
        }
        if (count > 0) return Pulled::some;
        return ended_ ? Pulled::end : Pulled::later;
    }

    void closed() override { hub_.closed(this); }

    void push(const LiveEvent& event) {
        std::function<void()> wake;
        {
            const std::lock_guard lock(mutex_);
            // The first one may have been sent in part.
            if (event.id == 0 && queue_.size() > 1 && queue_.back().id == 0) queue_.pop_back();
            if (queue_.size() >= most_) {
                queue_.erase(queue_.begin() + (sent_ > 0 ? 1 : 0), queue_.end());
                queue_.push_back({0, event_text(0, "reset", Json::object())});
            }
            queue_.push_back(event);
            wake = wake_;
        }
        if (wake) wake();
    }

    void end() {
        std::function<void()> wake;
        {
            const std::lock_guard lock(mutex_);
            ended_ = true;
            wake = wake_;
        }
        if (wake) wake();
    }

    [[nodiscard]] const std::string& owner() const { return owner_; }

  private:
    EventHub& hub_;
    const std::string owner_;
    const std::size_t most_;
    std::mutex mutex_;
    std::function<void()> wake_;
    std::deque<LiveEvent> queue_;
    std::size_t sent_ = 0;  // of the first one
    bool ended_ = false;
};

EventHub::EventHub(Clock& clock, Options options) : clock_(clock), options_(options), ring_(options.ring, static_cast<std::uint64_t>(to_ms(clock.wall())) * 1'000), next_ping_(clock.steady() + options.ping) {}

EventHub::~EventHub() { stop(); }

void EventHub::start() {
    thread_ = std::jthread([this](const std::stop_token& stop) {
        while (clock_.sleep_for(options_.progress, stop)) tick();
    });
}

void EventHub::stop() { thread_ = {}; }

void EventHub::to_all(const LiveEvent& event) {
    for (const auto& [raw, stream] : streams_) stream->push(event);
}

void EventHub::publish(std::string_view name, const Json& data) {
    const std::lock_guard lock(mutex_);
    to_all(ring_.push(name, data));
}

void EventHub::progress(const Json& data) {
    const std::lock_guard lock(mutex_);
    progress_ = data;
}

void EventHub::tick() {
    const std::lock_guard lock(mutex_);
    if (progress_) {
        to_all({0, event_text(0, "progress", *progress_)});
        progress_.reset();
    }
    const SteadyTime now = clock_.steady();
    if (now < next_ping_) return;
    next_ping_ = now + options_.ping;
    to_all({kOnce, ": ping\n\n"});
}

std::shared_ptr<HttpStream> EventHub::open(const std::string& owner, Json hello, std::optional<std::uint64_t> last) {
    const std::lock_guard lock(mutex_);
    if (streams_.size() >= options_.streams) return nullptr;
    const auto of_one = std::count_if(streams_.begin(), streams_.end(), [&](const auto& entry) { return entry.second->owner() == owner; });
    if (static_cast<std::size_t>(of_one) >= options_.streams_of_one) return nullptr;
    auto stream = std::make_shared<EventStream>(*this, owner, options_.queued);
    hello.set("id", ring_.last());
    stream->push({kOnce, "retry: 3000\n" + event_text(0, "hello", hello)});
    if (last) {
        if (const auto missed = ring_.since(*last))
            for (const LiveEvent& event : *missed) stream->push(event);
        else
            stream->push({kOnce, event_text(ring_.last(), "reset", Json::object())});
    }
    streams_.emplace(stream.get(), stream);
    return stream;
}

void EventHub::close_of(const std::string& owner) {
    const std::lock_guard lock(mutex_);
    for (const auto& [raw, stream] : streams_)
        if (stream->owner() == owner) stream->end();
}

void EventHub::closed(EventStream* stream) {
    std::shared_ptr<EventStream> last;  // goes away without the lock
    const std::lock_guard lock(mutex_);
    const auto found = streams_.find(stream);
    if (found == streams_.end()) return;
    last = std::move(found->second);
    streams_.erase(found);
}

std::size_t EventHub::streams() const {
    const std::lock_guard lock(mutex_);
    return streams_.size();
}

}  // namespace oracxfs
