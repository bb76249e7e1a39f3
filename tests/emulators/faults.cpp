#include "tests/emulators/faults.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace oracxfs::test {
namespace {

constexpr std::array<std::pair<Fault::Kind, std::string_view>, 19> kNames{{
    {Fault::Kind::answer, "answer"},
    {Fault::Kind::throttle, "throttle"},
    {Fault::Kind::token_expired, "token_expired"},
    {Fault::Kind::reset_before, "reset_before"},
    {Fault::Kind::hang, "hang"},
    {Fault::Kind::lost_answer, "lost_answer"},
    {Fault::Kind::hang_after, "hang_after"},
    {Fault::Kind::reset_after_head, "reset_after_head"},
    {Fault::Kind::reset_in_body, "reset_in_body"},
    {Fault::Kind::truncate, "truncate"},
    {Fault::Kind::shorten, "shorten"},
    {Fault::Kind::damage_answer, "damage_answer"},
    {Fault::Kind::slow, "slow"},
    {Fault::Kind::delay, "delay"},
    {Fault::Kind::damage_store, "damage_store"},
    {Fault::Kind::partial_store, "partial_store"},
    {Fault::Kind::full, "full"},
    {Fault::Kind::session_gone, "session_gone"},
    {Fault::Kind::cursor_reset, "cursor_reset"},
}};

bool matches(std::string_view pattern, std::string_view endpoint) {
    if (!pattern.ends_with('*')) return pattern == endpoint;
    return endpoint.starts_with(pattern.substr(0, pattern.size() - 1));
}

}  // namespace

Fault Fault::of(Kind kind, std::uint64_t bytes) {
    Fault fault;
    fault.kind = kind;
    fault.bytes = bytes;
    if (kind == Kind::session_gone) fault.status = 404;
    return fault;
}

Fault Fault::answer(int status, std::string body, std::string content_type) {
    Fault fault;
    fault.status = status;
    fault.body = std::move(body);
    fault.content_type = std::move(content_type);
    return fault;
}

Fault Fault::html(int status) {
    return answer(status, "<!DOCTYPE html><html><head><title>Error</title></head><body>Try again later.</body></html>",
                  "text/html; charset=UTF-8");
}

Fault Fault::google(int status, std::string reason, std::string message) {
    Fault fault;
    fault.status = status;
    fault.reason = std::move(reason);
    fault.message = std::move(message);
    return fault;
}

Fault Fault::throttle(std::chrono::seconds retry_after) {
    Fault fault;
    fault.kind = Kind::throttle;
    fault.status = 429;
    fault.retry_after = retry_after;
    return fault;
}

Fault Fault::google_throttle_403(std::string reason) { return google(403, std::move(reason)); }

Fault Fault::slow(std::uint64_t bytes_per_second) {
    Fault fault = of(Kind::slow);
    fault.bytes_per_second = bytes_per_second;
    return fault;
}

Fault Fault::delay(std::chrono::milliseconds wait) {
    Fault fault = of(Kind::delay);
    fault.wait = wait;
    return fault;
}

Faults::Faults(std::uint64_t seed) : seed_(seed), random_(seed) {}

int Faults::add(FaultRule rule) {
    const std::lock_guard lock(mutex_);
    if (rule.probability < 1) std::fprintf(stderr, "faults: seed %llu\n", static_cast<unsigned long long>(seed_));
    rules_.push_back({++last_number_, std::move(rule)});
    return last_number_;
}

int Faults::add(std::string endpoint, Fault fault, std::uint64_t skip, std::uint64_t times) {
    FaultRule rule;
    rule.endpoint = std::move(endpoint);
    rule.fault = std::move(fault);
    rule.skip = skip;
    rule.times = times;
    return add(std::move(rule));
}

void Faults::remove(int number) {
    const std::lock_guard lock(mutex_);
    std::erase_if(rules_, [&](const Active& active) { return active.number == number; });
}

void Faults::clear() {
    const std::lock_guard lock(mutex_);
    rules_.clear();
}

std::uint64_t Faults::hits(int number) const {
    const std::lock_guard lock(mutex_);
    for (const Active& active : rules_)
        if (active.number == number) return active.hits;
    return 0;
}

std::uint64_t Faults::hits() const {
    const std::lock_guard lock(mutex_);
    return hits_;
}

void Faults::reseed(std::uint64_t seed) {
    const std::lock_guard lock(mutex_);
    seed_ = seed;
    random_.seed(seed);
}

std::optional<Fault> Faults::next(std::string_view endpoint) {
    const std::lock_guard lock(mutex_);
    std::optional<Fault> chosen;
    for (Active& active : rules_) {
        if (!matches(active.rule.endpoint, endpoint)) continue;
        if (active.seen++ < active.rule.skip || chosen) continue;
        if (active.rule.times > 0 && active.hits >= active.rule.times) continue;
        if (active.rule.probability < 1 &&
            std::uniform_real_distribution<double>(0, 1)(random_) >= active.rule.probability)
            continue;
        ++active.hits;
        ++hits_;
        chosen = active.rule.fault;
    }
    return chosen;
}

std::optional<Fault::Kind> fault_kind(std::string_view name) {
    const auto it = std::find_if(kNames.begin(), kNames.end(), [&](const auto& pair) { return pair.second == name; });
    if (it == kNames.end()) return std::nullopt;
    return it->first;
}

std::string_view fault_name(Fault::Kind kind) {
    for (const auto& [known, name] : kNames)
        if (known == kind) return name;
    return "?";
}

}  // namespace oracxfs::test
