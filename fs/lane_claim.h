#pragma once
// Private to fs/lane*: versions held by one worker, given back when it is done.

#include <vector>

#include "fs/lane.h"

namespace oracxfs {

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

}  // namespace oracxfs
