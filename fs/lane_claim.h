#pragma once
// Private to fs/lane*: versions and keys held by one worker, given back when it is done.

#include <algorithm>
#include <initializer_list>
#include <string>
#include <vector>

#include "fs/lane.h"

namespace oracxfs {

inline constexpr Millis kLaneSpaceInterval{300'000};  // how often a healthy provider is asked for its space
inline constexpr Millis kLaneKeptMemory{60'000};       // a feed may tell that late of what stood in our way
inline constexpr Millis kLaneWatchedInterval{3'600'000};  // somebody waits for changes: no need to ask

// `pause`, doubled with each attempt up to `most`.
inline Millis growing_pause(Millis pause, std::uint32_t attempts, Millis most) {
    return std::min(most, pause * (1 << std::min(attempts, 12u)));
}

// One of `keys` is this key, or above or below it.
bool concerns_key(const std::vector<std::string>& keys, const std::string& key);

struct Lane::Claim {
    Claim(Lane& owner) : lane(owner) {}  // NOLINT(google-explicit-constructor)
    ~Claim() {
        const std::lock_guard lock(lane.mutex_);
        for (const VersionId version : versions) {
            lane.claimed_.erase(version);
            lane.transfers_.erase(version);
        }
    }
    Claim(const Claim&) = delete;
    Claim& operator=(const Claim&) = delete;

    bool add(VersionId version) {
        const std::lock_guard lock(lane.mutex_);
        if (!lane.claimed_.insert(version).second) return false;
        versions.push_back(version);
        return true;
    }

    Lane& lane;
    std::vector<VersionId> versions;
};

struct Lane::Working {
    Working(Lane& owner, std::initializer_list<std::string> changed) : lane(owner) {
        for (const std::string& key : changed) add(key);
    }
    ~Working() {
        const std::lock_guard lock(lane.mutex_);
        for (const std::string& key : keys) lane.working_.erase(lane.working_.find(key));
        lane.worked_ = lane.env_.clock.steady();
    }
    Working(const Working&) = delete;
    Working& operator=(const Working&) = delete;

    // Before anything is changed at the provider.
    void add(const std::string& key) {
        const std::lock_guard lock(lane.mutex_);
        lane.working_.insert(key);
        lane.unread_changes_ = true;
        if (lane.listing_) lane.touched_.push_back(key);
        keys.push_back(key);
    }

    Lane& lane;
    std::vector<std::string> keys;
};

}  // namespace oracxfs
