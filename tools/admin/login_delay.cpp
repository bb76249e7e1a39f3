#include "tools/admin/login_delay.h"

#include <algorithm>

namespace oracxfs {
namespace {

constexpr Millis kFirst{1'000};
constexpr Millis kLongest{300'000};
constexpr Millis kLongestForAll{30'000};
constexpr Millis kForgotten{900'000};  // after so long without a failure
constexpr int kFree = 2;               // wrong ones that cost nothing: fingers slip
constexpr int kFreeForAll = 10;
constexpr std::size_t kSourcesMax = 1'000;

}  // namespace

void LoginDelay::count(Tries& tries, SteadyTime now, int free, Millis longest) {
    tries.failures += 1;
    tries.last = now;
    if (tries.failures <= free) return;
    const int doublings = std::min(tries.failures - free - 1, 20);
    tries.next = now + std::min(kFirst * (1 << doublings), longest);
}

void LoginDelay::forget(SteadyTime now) {
    std::erase_if(sources_, [&](const auto& entry) { return now - entry.second.last > kForgotten && entry.second.next < now; });
    if (now - all_.last > kForgotten) all_ = Tries{};
    while (sources_.size() > kSourcesMax) {  // somebody makes them up: the count for all holds him back
        const auto oldest = std::min_element(sources_.begin(), sources_.end(), [](const auto& a, const auto& b) { return a.second.last < b.second.last; });
        sources_.erase(oldest);
    }
}

Millis LoginDelay::wait(const std::string& source) {
    const std::lock_guard lock(mutex_);
    const SteadyTime now = clock_.steady();
    forget(now);
    SteadyTime next = all_.next;
    if (const auto found = sources_.find(source); found != sources_.end()) next = std::max(next, found->second.next);
    return next <= now ? Millis(0) : std::chrono::ceil<Millis>(next - now);
}

void LoginDelay::failed(const std::string& source) {
    const std::lock_guard lock(mutex_);
    const SteadyTime now = clock_.steady();
    forget(now);
    count(sources_[source], now, kFree, kLongest);
    count(all_, now, kFreeForAll, kLongestForAll);
}

void LoginDelay::succeeded(const std::string& source) {
    const std::lock_guard lock(mutex_);
    sources_.erase(source);
}

}  // namespace oracxfs
