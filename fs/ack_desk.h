#pragma once
// Private to fs: who waits for which versions to be safe. One thread judges and calls back, so that a callback never runs
// inside a stop_callback (a FUSE interrupt) or under somebody's lock.

#include <condition_variable>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <set>
#include <stop_token>
#include <thread>
#include <unordered_map>
#include <vector>

#include "cache/catalog.h"
#include "fs/ack.h"

namespace oracxfs {

class AckDesk {
  public:
    AckDesk(Catalog& catalog, std::function<std::vector<ProviderHealth>()> health);
    ~AckDesk();

    // `done` is called once: kept for all versions, or the first broken one's error; partial if all are settled but some
    // provider that should have a replica does not.
    void wait(std::vector<VersionId> versions, const AckPolicy& policy, const std::stop_token& stop,
              std::function<void(Status)> done);
    void replica_changed(VersionId version);
    void health_changed();
    void stop();  // everybody who waits gets cancelled

  private:
    struct Waiter;
    void run(const std::stop_token& stop);
    void judge_waiter(const std::shared_ptr<Waiter>& waiter);
    void finish(const std::shared_ptr<Waiter>& waiter, Status status);

    Catalog& catalog_;
    std::function<std::vector<ProviderHealth>()> health_;
    std::mutex mutex_;
    std::condition_variable_any wake_;
    std::unordered_map<VersionId, std::vector<std::shared_ptr<Waiter>>> by_version_;
    std::vector<VersionId> changed_;
    std::vector<std::shared_ptr<Waiter>> fresh_;
    std::set<std::shared_ptr<Waiter>> for_folders_;  // their files are in place, folders may not be
    bool all_changed_ = false;
    bool cancels_ = false;
    std::jthread thread_;
};

}  // namespace oracxfs
