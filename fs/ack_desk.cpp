#include "fs/ack_desk.h"

#include <algorithm>
#include <atomic>
#include <optional>

namespace oracxfs {

struct AckDesk::Waiter {
    std::set<VersionId> open;
    AckPolicy policy;
    std::function<void(Status)> done;
    std::atomic<bool> cancelled{false};
    bool incomplete = false;  // settled, but not everywhere
    bool finished = false;
    std::optional<std::stop_callback<std::function<void()>>> on_stop;
};

AckDesk::AckDesk(Catalog& catalog, std::function<std::vector<ProviderHealth>()> health)
    : catalog_(catalog), health_(std::move(health)), thread_([this](const std::stop_token& stop) { run(stop); }) {}

AckDesk::~AckDesk() { stop(); }

void AckDesk::wait(std::vector<VersionId> versions, const AckPolicy& policy, const std::stop_token& stop,
                   std::function<void(Status)> done) {
    auto waiter = std::make_shared<Waiter>();
    waiter->open.insert(versions.begin(), versions.end());
    waiter->policy = policy;
    waiter->done = std::move(done);
    // Set before the waiter is known to the thread: the callback only marks, the thread calls back.
    waiter->on_stop.emplace(stop, [this, weak = std::weak_ptr(waiter)] {
        if (const auto self = weak.lock()) self->cancelled = true;
        {
            const std::lock_guard lock(mutex_);
            cancels_ = true;
        }
        wake_.notify_all();
    });
    bool closed = false;
    {
        const std::lock_guard lock(mutex_);
        closed = thread_.get_stop_token().stop_requested();
        if (!closed) {
            for (const VersionId version : waiter->open) by_version_[version].push_back(waiter);
            fresh_.push_back(waiter);
        }
    }
    if (closed) return finish(waiter, fail(Errc::cancelled, "wait", "the program is ending"));
    wake_.notify_all();
}

void AckDesk::replica_changed(VersionId version) {
    {
        const std::lock_guard lock(mutex_);
        if (!by_version_.contains(version)) return;
        changed_.push_back(version);
    }
    wake_.notify_all();
}

void AckDesk::health_changed() {
    {
        const std::lock_guard lock(mutex_);
        all_changed_ = true;
    }
    wake_.notify_all();
}

void AckDesk::stop() {
    if (!thread_.joinable()) return;
    thread_.request_stop();
    thread_.join();
    std::vector<std::shared_ptr<Waiter>> left;
    {
        const std::lock_guard lock(mutex_);
        for (const auto& [version, waiters] : by_version_) left.insert(left.end(), waiters.begin(), waiters.end());
        left.insert(left.end(), fresh_.begin(), fresh_.end());
        left.insert(left.end(), for_folders_.begin(), for_folders_.end());
        by_version_.clear();
        fresh_.clear();
    }
    for (const auto& waiter : left) finish(waiter, fail(Errc::cancelled, "wait", "the program is ending"));
}

void AckDesk::run(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
        std::vector<std::shared_ptr<Waiter>> due;
        {
            std::unique_lock lock(mutex_);
            wake_.wait(lock, stop, [this] { return !changed_.empty() || !fresh_.empty() || all_changed_ || cancels_; });
            if (stop.stop_requested()) return;
            due.swap(fresh_);
            if (all_changed_ || cancels_) {
                for (const auto& [version, waiters] : by_version_) due.insert(due.end(), waiters.begin(), waiters.end());
                due.insert(due.end(), for_folders_.begin(), for_folders_.end());
            } else {
                for (const VersionId version : changed_)
                    if (const auto found = by_version_.find(version); found != by_version_.end())
                        due.insert(due.end(), found->second.begin(), found->second.end());
            }
            changed_.clear();
            all_changed_ = cancels_ = false;
        }
        std::sort(due.begin(), due.end());
        due.erase(std::unique(due.begin(), due.end()), due.end());
        for (const auto& waiter : due) judge_waiter(waiter);
    }
}

void AckDesk::judge_waiter(const std::shared_ptr<Waiter>& waiter) {
    if (waiter->finished) return;
    if (waiter->cancelled) return finish(waiter, fail(Errc::cancelled, "wait", "interrupted; the upload goes on"));
    const std::vector<ProviderHealth> providers = health_();
    for (auto it = waiter->open.begin(); it != waiter->open.end();) {
        const auto replicas = catalog_.replicas(*it);
        if (!replicas) return finish(waiter, fail(replicas.error()));
        // Replaced or removed meanwhile, and perhaps forgotten already: newer content has its own promise. Asked after the
        // replicas, which go in the same moment.
        const auto version = catalog_.version(*it);
        if (version ? version->fate != VersionFate::current : version.error().code == Errc::not_found) {
            it = waiter->open.erase(it);
            continue;
        }
        const AckDecision decision = judge(waiter->policy, *replicas, providers);
        if (decision.verdict == AckVerdict::broken) {
            return finish(waiter, fail(decision.code, "replicate",
                                       std::to_string(decision.verified) + " of " + std::to_string(decision.wanted) +
                                           " copies; the file is kept here and sent later"));
        }
        if (decision.verdict == AckVerdict::pending) {
            ++it;
            continue;
        }
        waiter->incomplete |= decision.verified < decision.wanted;
        it = waiter->open.erase(it);
    }
    if (!waiter->open.empty()) return;
    if (waiter->policy.in_place) {
        {
            // Before the look, so that no change after it is missed.
            const std::lock_guard lock(mutex_);
            for_folders_.insert(waiter);
        }
        const auto folders = catalog_.pending_directories();
        if (!folders) return finish(waiter, fail(folders.error()));
        for (const ProviderId id : *folders) {
            const auto provider = std::find_if(providers.begin(), providers.end(), [&](const ProviderHealth& p) { return p.id == id; });
            if (provider != providers.end() && provider->active && !provider->down) return;
        }
    }
    if (waiter->incomplete && waiter->policy.min_replicas == 0)
        return finish(waiter, fail(Errc::partial, "wait", "a provider is down; its copies are made up when it is back"));
    finish(waiter, {});
}

void AckDesk::finish(const std::shared_ptr<Waiter>& waiter, Status status) {
    {
        const std::lock_guard lock(mutex_);
        if (waiter->finished) return;
        waiter->finished = true;
        for_folders_.erase(waiter);
        for (auto it = by_version_.begin(); it != by_version_.end();) {
            std::erase(it->second, waiter);
            it = it->second.empty() ? by_version_.erase(it) : std::next(it);
        }
    }
    waiter->on_stop.reset();
    const auto done = std::move(waiter->done);
    done(std::move(status));
}

}  // namespace oracxfs
