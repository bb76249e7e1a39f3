#include "fs/replicator.h"

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "base/log.h"
#include "fs/ack_desk.h"
#include "fs/lane.h"
#include "fs/stream_desk.h"

namespace oracxfs {
namespace {

// Wakes sleeping workers; remembers a nudge that comes while nobody sleeps.
class Bell {
  public:
    void ring() {
        {
            const std::lock_guard lock(mutex_);
            rings_ += 1;
        }
        condition_.notify_all();
    }
    [[nodiscard]] std::uint64_t rings() const {
        const std::lock_guard lock(mutex_);
        return rings_;
    }
    // Returns when rung since `seen`, after `pause`, or when stopped.
    void wait(std::uint64_t seen, Millis pause, const std::stop_token& stop) {
        std::unique_lock lock(mutex_);
        condition_.wait_for(lock, stop, pause, [&] { return rings_ != seen; });
    }

  private:
    mutable std::mutex mutex_;
    std::condition_variable_any condition_;
    std::uint64_t rings_ = 0;
};

constexpr Millis kIdlePause{1'000};
constexpr Millis kTroublePause{1'000};

}  // namespace

struct Replicator::Impl {
    struct Worker {
        std::shared_ptr<Lane> lane;  // null: configured but inactive
        ProviderRow row;
        Bell small, large;
        std::vector<std::jthread> threads;
    };

    Impl(Catalog& c, Staging& s, Clock& k, ReplicatorOptions o)
        : options(std::move(o)),
          environment{c, s, k, options, c.instance(), {}, {}, {}, {}, {}},
          acks(c, [this] { return health(); }),
          streams(options) {
        environment.on_replica = [this](VersionId version, ProviderId provider) {
            // Whoever waits for it finds it in the provider's folder.
            if (on_change) on_change(version, provider);
            acks.replica_changed(version);
        };
        environment.on_health = [this](ProviderId id) {
            acks.health_changed();
            if (const auto worker = find(id)) {
                worker->small.ring();
                worker->large.ring();
            }
        };
    }

    std::shared_ptr<Worker> find(ProviderId id) const {
        const std::lock_guard lock(mutex);
        const auto found = workers.find(id);
        return found == workers.end() ? nullptr : found->second;
    }
    std::vector<std::shared_ptr<Worker>> all() const {
        const std::lock_guard lock(mutex);
        std::vector<std::shared_ptr<Worker>> list;
        for (const auto& [id, worker] : workers) list.push_back(worker);
        return list;
    }
    std::vector<ProviderHealth> health() const {
        std::vector<ProviderHealth> list;
        for (const auto& worker : all()) {
            if (worker->lane)
                list.push_back(worker->lane->health());
            else
                list.push_back({worker->row.id, false, true, ProviderState::inactive});
        }
        return list;
    }

    void start_worker(Worker& worker) {
        if (!worker.lane || !worker.threads.empty()) return;
        Lane* lane = worker.lane.get();
        Worker* self = &worker;
        worker.threads.emplace_back([this, lane, self](const std::stop_token& stop) {
            loop(stop, self->small, [lane](const std::stop_token& s) -> Result<bool> {
                Result<bool> chores = lane->run_chores(s);
                if (!chores) return chores;
                Result<bool> small = lane->run_small(s);
                if (!small) return small;
                return *chores || *small;
            }, [lane] { return lane->pause_until_due().value_or(kIdlePause); });
        });
        worker.threads.emplace_back([this, lane, self](const std::stop_token& stop) {
            loop(stop, self->small, [lane](const std::stop_token& s) { return lane->run_small(s); }, [] { return kIdlePause; });
        });
        if (lane->provider()->capabilities().change_feed)
            worker.threads.emplace_back([lane, self](const std::stop_token& stop) {
                lane->watch_feed(stop, [self] { self->small.ring(); });
            });
        for (std::uint32_t i = 0; i < options.large_workers; ++i)
            worker.threads.emplace_back([this, lane, self](const std::stop_token& stop) {
                loop(stop, self->large, [lane](const std::stop_token& s) { return lane->run_large(s); }, [] { return kIdlePause; });
            });
    }

    template <class Work, class Pause>
    void loop(const std::stop_token& stop, Bell& bell, const Work& work, const Pause& pause) {
        while (!stop.stop_requested()) {
            const std::uint64_t seen = bell.rings();
            Result<bool> did = false;
            try {
                did = work(stop);
            } catch (const std::exception& error) {
                did = fail(Errc::internal, "replicate", error.what());
            }
            if (!did) {
                if (did.error().code == Errc::cancelled) continue;
                log::error("replicator", did.error().to_string());
                bell.wait(seen, kTroublePause, stop);
            } else if (!*did) {
                bell.wait(seen, pause(), stop);
            }
        }
    }

    ReplicatorOptions options;
    std::function<void(VersionId, ProviderId)> on_change;
    LaneEnvironment environment;
    mutable std::mutex mutex;
    std::map<ProviderId, std::shared_ptr<Worker>> workers;
    bool running = false;
    AckDesk acks;
    StreamDesk streams;
};

Replicator::Replicator(Catalog& catalog, Staging& staging, Clock& clock, ReplicatorOptions options)
    : impl_(std::make_unique<Impl>(catalog, staging, clock, std::move(options))) {}

Replicator::~Replicator() { stop(); }

void Replicator::set_rescue(Rescue rescue) { impl_->environment.rescue = std::move(rescue); }

void Replicator::set_open_remote(OpenRemote open_remote) { impl_->environment.open_remote = std::move(open_remote); }

void Replicator::set_on_change(std::function<void(VersionId, ProviderId)> on_change) {
    impl_->on_change = std::move(on_change);
}

void Replicator::set_on_foreign(std::function<void(ProviderId, const RemoteObject&)> on_foreign) {
    impl_->environment.on_foreign = std::move(on_foreign);
}

void Replicator::adoption_ended(ProviderId provider, const std::string& key, bool settled) {
    const auto worker = impl_->find(provider);
    if (!worker || !worker->lane) return;
    worker->lane->adoption_ended(key, settled);
    worker->small.ring();
}

void Replicator::add_provider(const ProviderRow& row, std::shared_ptr<Provider> provider) {
    auto worker = std::make_shared<Impl::Worker>();
    worker->row = row;
    if (provider) worker->lane = std::make_shared<Lane>(impl_->environment, row, std::move(provider));
    remove_provider(row.id);
    {
        const std::lock_guard lock(impl_->mutex);
        impl_->workers[row.id] = worker;
        if (impl_->running) impl_->start_worker(*worker);
    }
    impl_->acks.health_changed();
}

void Replicator::remove_provider(ProviderId id) {
    std::shared_ptr<Impl::Worker> worker;
    {
        const std::lock_guard lock(impl_->mutex);
        const auto found = impl_->workers.find(id);
        if (found == impl_->workers.end()) return;
        worker = found->second;
        impl_->workers.erase(found);
    }
    impl_->streams.cancel(id);
    worker->threads.clear();  // requests stop and joins
    impl_->acks.health_changed();
}

std::shared_ptr<Provider> Replicator::provider(ProviderId id) const {
    const auto worker = impl_->find(id);
    return worker && worker->lane ? worker->lane->provider() : nullptr;
}

std::vector<ProviderHealth> Replicator::health() const { return impl_->health(); }

std::vector<ProviderId> Replicator::active() const {
    std::vector<ProviderId> list;
    for (const auto& worker : impl_->all())
        if (worker->lane) list.push_back(worker->row.id);
    return list;
}

std::vector<ProviderStatus> Replicator::provider_status() const {
    std::vector<ProviderStatus> list;
    for (const auto& worker : impl_->all()) {
        if (worker->lane) {
            list.push_back(worker->lane->status());
        } else {
            ProviderStatus status;
            status.row = worker->row;
            status.row.state = ProviderState::inactive;
            status.health = {worker->row.id, false, true, ProviderState::inactive};
            list.push_back(std::move(status));
        }
    }
    return list;
}

std::vector<TransferProgress> Replicator::transfers() const {
    std::vector<TransferProgress> list;
    for (const auto& worker : impl_->all())
        if (worker->lane)
            for (TransferProgress& transfer : worker->lane->transfers()) list.push_back(std::move(transfer));
    return list;
}

void Replicator::probe_now(ProviderId id) {
    const auto worker = impl_->find(id);
    if (!worker || !worker->lane) return;
    worker->lane->probe_at_once();
    worker->small.ring();
}

void Replicator::start() {
    const std::lock_guard lock(impl_->mutex);
    impl_->running = true;
    for (const auto& [id, worker] : impl_->workers) impl_->start_worker(*worker);
}

void Replicator::stop() {
    bool was_running = false;
    {
        const std::lock_guard lock(impl_->mutex);
        was_running = std::exchange(impl_->running, false);
    }
    impl_->streams.stop();
    const auto workers = impl_->all();
    for (const auto& worker : workers)
        for (std::jthread& thread : worker->threads) thread.request_stop();
    for (const auto& worker : workers) worker->threads.clear();
    if (was_running) {
        std::vector<std::jthread> last;
        for (const auto& worker : workers)
            if (worker->lane) last.emplace_back([lane = worker->lane] { lane->catch_up(); });
    }
    impl_->acks.stop();
}

void Replicator::nudge(std::optional<std::uint64_t> size) {
    for (const auto& worker : impl_->all()) {
        if (!worker->lane) continue;
        const std::uint64_t small = worker->lane->provider()->capabilities().small_bytes;
        if (!size || *size <= small) worker->small.ring();
        if (!size || *size > small) worker->large.ring();
    }
}

Result<bool> Replicator::run_one(ProviderId id, const std::stop_token& stop) {
    const auto worker = impl_->find(id);
    if (!worker || !worker->lane) return false;
    ORACX_TRY(const bool chores, worker->lane->run_chores(stop));
    if (chores) return true;
    ORACX_TRY(const bool small, worker->lane->run_small(stop));
    if (small) return true;
    return worker->lane->run_large(stop);
}

// --- streams -----------------------------------------------------------------------------------------------------------

void Replicator::begin_stream(VersionId version, const std::string& key, std::optional<VersionId> replaces,
                              std::shared_ptr<BlobReader> growing, std::int64_t mtime_ns) {
    std::vector<StreamDesk::Target> targets;
    for (const auto& worker : impl_->all()) {
        if (!worker->lane || !worker->lane->may_work()) continue;
        const std::shared_ptr<Lane> lane = worker->lane;
        const std::shared_ptr<Impl::Worker> owner = worker;
        targets.push_back({lane->id(), [lane, owner, version, key, replaces, growing, mtime_ns](
                                           const std::stop_token& stop, const std::function<void(std::uint64_t)>& on_bytes) {
            lane->run_stream(version, key, replaces, *growing, mtime_ns, stop, on_bytes);
            owner->small.ring();  // what is left of it, or its leftovers, is ordinary work now
            owner->large.ring();
        }});
    }
    impl_->streams.begin(version, std::move(targets));
}

bool Replicator::must_pause(VersionId version, std::uint64_t written, std::uint32_t needed, std::function<void()> resume) {
    return impl_->streams.must_pause(version, written, needed, std::move(resume));
}

void Replicator::end_stream(VersionId version) { impl_->streams.end(version); }

// --- acknowledgement ---------------------------------------------------------------------------------------------------

void Replicator::when_acked(VersionId version, const AckPolicy& policy, const std::stop_token& stop,
                            std::function<void(Status)> done) {
    impl_->acks.wait({version}, policy, stop, std::move(done));
}

void Replicator::version_unwanted(VersionId version) { impl_->acks.replica_changed(version); }

void Replicator::when_settled(const std::string& path, const std::stop_token& stop, std::function<void(Status)> done) {
    auto pending = impl_->environment.catalog.pending_versions(path);
    if (!pending) return done(fail(pending.error()));
    AckPolicy policy;
    policy.min_replicas = 0;
    policy.in_place = true;
    impl_->acks.wait(std::move(*pending), policy, stop, std::move(done));
}

// --- reading -----------------------------------------------------------------------------------------------------------

std::vector<ReadCandidate> Replicator::read_candidates(VersionId version, std::optional<ProviderId> only) const {
    auto rows = impl_->environment.catalog.replicas(version);
    auto content = impl_->environment.catalog.version(version);
    if (!rows || !content) return {};
    struct Ranked {
        bool damaged;  // last of all: parts of it may be good where all others are not, and every leaf is checked
        bool down;
        bool unverified;
        double cost;
        ReadCandidate candidate;
    };
    std::vector<Ranked> ranked;
    for (const ReplicaRow& row : *rows) {
        if (row.key.empty() || (only && row.provider != *only)) continue;
        const auto worker = impl_->find(row.provider);
        if (!worker || !worker->lane) continue;
        RemoteObject object;
        object.key = row.key;
        object.id = row.remote_id;
        object.rev = row.remote_rev;
        object.size = content->size;
        object.mtime_ns = row.remote_mtime_ns;
        const bool down = worker->lane->health().down;
        ranked.push_back({row.state == ReplicaState::damaged, down, row.state != ReplicaState::verified, worker->lane->read_cost(),
                          {row.provider, worker->row.name, worker->lane->provider(), std::move(object), !down}});
    }
    std::stable_sort(ranked.begin(), ranked.end(), [](const Ranked& a, const Ranked& b) {
        return std::tie(a.damaged, a.down, a.unverified, a.cost) < std::tie(b.damaged, b.down, b.unverified, b.cost);
    });
    std::vector<ReadCandidate> list;
    for (Ranked& entry : ranked) list.push_back(std::move(entry.candidate));
    return list;
}

void Replicator::report_read(ProviderId provider, std::uint64_t bytes, Millis took) {
    if (const auto worker = impl_->find(provider); worker && worker->lane) worker->lane->read_done(bytes, took);
}

void Replicator::report_read_failure(VersionId version, ProviderId provider, const Error& error) {
    const auto worker = impl_->find(provider);
    if (!worker || !worker->lane) return;
    worker->lane->read_failed(version, error);
    worker->small.ring();
    worker->large.ring();
}

}  // namespace oracxfs
