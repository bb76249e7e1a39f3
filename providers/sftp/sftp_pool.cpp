#include "providers/sftp/sftp_pool.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace oracxfs::sftp {
namespace {

constexpr Millis kBeat{10'000};
// One idle connection stays; further ones are closed after this.
constexpr Millis kIdleMax{300'000};
constexpr Millis kHandleIdleMax{30'000};
// What a caller may leave unanswered when it gives a connection back; with more, a new connection is quicker.
constexpr std::uint64_t kLeftoverBytesMax = 256u << 10;

bool is_at_or_below(const ObjectKey& key, const ObjectKey& top) {
    return key == top || (key.size() > top.size() && key.starts_with(top) && (top.empty() || key[top.size()] == '/'));
}

}  // namespace

SftpPool::SftpPool(SshTarget target, unsigned connections, Clock& clock, Prepare prepare)
    : limit_(connections), clock_(clock), prepare_(std::move(prepare)), target_(std::move(target)),
      server_([this](const std::stop_token& stop) { serve(stop); }),
      opener_([this](const std::stop_token& stop) { open_when_wanted(stop); }) {}

SftpPool::~SftpPool() {
    for (std::jthread* thread : {&server_, &opener_}) thread->request_stop();
    for (std::jthread* thread : {&server_, &opener_}) thread->join();
}

Result<std::unique_ptr<SftpChannel>> SftpPool::open_channel(const Waiter& waiter) {
    SshTarget target;
    {
        const std::lock_guard lock(mutex_);
        target = target_;
    }
    ORACX_TRY(auto channel, SftpChannel::open(target, waiter));
    ORACX_TRYV(prepare_(*channel, waiter));
    const std::lock_guard lock(mutex_);
    target_.preferred_host_key_type = channel->connection().host_key_type();
    return channel;
}

Result<std::unique_ptr<SftpChannel>> SftpPool::open_private(const Waiter& waiter) {
    std::unique_lock lock(mutex_);
    ORACX_TRYV(wait_until(lock, waiter, [&] { return !opening_; }));
    opening_ = true;
    lock.unlock();
    auto channel = open_channel(waiter);
    lock.lock();
    opening_ = false;
    changed_.notify_all();
    return channel;
}

// Called with opening_ set and counted in total_, without the mutex.
Result<std::unique_ptr<PooledConnection>> SftpPool::open_one(const Waiter& waiter) {
    auto channel = open_channel(waiter);
    const std::lock_guard lock(mutex_);
    opening_ = false;
    changed_.notify_all();
    if (!channel) {
        --total_;
        // A caller that gave up says nothing about the server.
        if (channel.error().code != Errc::cancelled && channel.error().code != Errc::deadline) {
            ++failures_;
            last_failure_ = channel.error();
        }
        return fail(std::move(channel).error());
    }
    auto connection = std::make_unique<PooledConnection>();
    connection->channel = std::move(*channel);
    return connection;
}

Status SftpPool::wait_until(std::unique_lock<std::mutex>& lock, const Waiter& waiter, const std::function<bool()>& come) {
    const OpContext& ctx = waiter.context();
    while (true) {
        ORACX_TRYV(waiter.check());
        // The condition variable runs on real time, whatever the injected clock says: a deadline is looked at now and then.
        const SteadyTime look =
            std::min(ctx.deadline.value_or(SteadyTime::max()), std::chrono::steady_clock::now() + std::chrono::seconds(1));
        if (changed_.wait_until(lock, ctx.stop, look, come)) return waiter.check();
    }
}

std::unique_ptr<PooledConnection> SftpPool::pick_idle(const ObjectKey& key) {
    if (idle_.empty()) return nullptr;
    auto chosen = std::prev(idle_.end());  // the one used last is the least likely to be dead
    if (!key.empty()) {
        const auto with_handle = std::find_if(idle_.begin(), idle_.end(), [&](const auto& connection) {
            return std::any_of(connection->read_handles.begin(), connection->read_handles.end(),
                               [&](const ReadHandle& open) { return open.key == key; });
        });
        if (with_handle != idle_.end()) chosen = with_handle;
    }
    auto connection = std::move(*chosen);
    idle_.erase(chosen);
    lent_.push_back(connection.get());
    return connection;
}

// Notices a connection that died while it was idle, and closes handles that are no longer true. False: drop it.
bool SftpPool::revive(PooledConnection& connection) {
    std::vector<ObjectKey> stale;
    {
        const std::lock_guard lock(mutex_);
        stale.swap(connection.stale_keys);
    }
    const SteadyTime now = clock_.steady();
    std::erase_if(connection.read_handles, [&](const ReadHandle& open) {
        const bool forget = now - open.used > kHandleIdleMax ||
                            std::any_of(stale.begin(), stale.end(),
                                        [&](const ObjectKey& key) { return is_at_or_below(open.key, key); });
        if (forget) connection.channel->close(open.handle);
        return forget;
    });
    const auto moved = connection.channel->pump();
    return moved && connection.channel->note_time(now, *moved);
}

Result<SftpPool::Lease> SftpPool::take(const Waiter& waiter, const ObjectKey& key) {
    ORACX_TRYV(waiter.check());
    std::unique_lock lock(mutex_);
    const std::uint64_t failures_before = failures_;
    for (;;) {
        if (auto connection = pick_idle(key)) {
            lock.unlock();
            Lease lease(*this, std::move(connection));
            if (revive(lease.connection())) {
                if (!std::exchange(lease.connection().fresh, false)) lease.set_reused();
                return lease;
            }
            { const Lease dropped = std::move(lease); }
            lock.lock();
            continue;
        }
        // Whoever stood in line behind an attempt that failed gets its answer instead of waiting for another one. While
        // there are others, a further one that can't be opened (a server allows only so many) is no failure.
        if (total_ == 0 && failures_ != failures_before) return fail(last_failure_);
        if (total_ == 0 && !opening_) {
            opening_ = true;
            ++total_;
            lock.unlock();
            ORACX_TRY(auto opened, open_one(waiter));
            lock.lock();
            lent_.push_back(opened.get());
            opened->fresh = false;
            return Lease(*this, std::move(opened));
        }
        const auto may_want = [&] {
            return total_ > 0 && !opening_ && total_ < limit_ && wanted_ <= total_ && failures_ == failures_before;
        };
        if (may_want()) {
            // A new one takes ten round trips: whichever is free first, that or one of the others.
            wanted_ = total_ + 1;
            changed_.notify_all();
        }
        ++waiting_;
        const Status waited =
            wait_until(lock, waiter, [&] { return !idle_.empty() || (total_ == 0 && !opening_) || may_want(); });
        --waiting_;
        ORACX_TRYV(waited);
    }
}

std::optional<SftpPool::Lease> SftpPool::try_take() {
    std::unique_lock lock(mutex_);
    if (waiting_ > 0) return std::nullopt;
    auto connection = pick_idle({});
    lock.unlock();
    if (!connection) return std::nullopt;
    Lease lease(*this, std::move(connection));
    if (!revive(lease.connection())) return std::nullopt;
    lease.connection().fresh = false;
    return lease;
}

void SftpPool::give_back(std::unique_ptr<PooledConnection> connection) {
    SftpChannel& channel = *connection->channel;
    channel.detach_handlers();
    channel.stop_exec();
    const bool usable = !channel.dead() && channel.in_flight_bytes() + channel.queued_bytes() <= kLeftoverBytesMax;
    connection->idle_since = clock_.steady();
    {
        const std::lock_guard lock(mutex_);
        std::erase(lent_, connection.get());
        if (usable) idle_.push_back(std::move(connection));
        else --total_;
    }
    changed_.notify_all();
    connection.reset();  // outside of the lock: it closes a socket
}

void SftpPool::want_connections(unsigned count) {
    const std::lock_guard lock(mutex_);
    wanted_ = std::max(wanted_, std::min(count, limit_));
    changed_.notify_all();
}

bool SftpPool::crowded() const {
    const std::lock_guard lock(mutex_);
    return waiting_ > 0 && total_ >= limit_;
}

void SftpPool::forget_handles(const ObjectKey& key) {
    const std::lock_guard lock(mutex_);
    for (const auto& connection : idle_)
        if (!connection->read_handles.empty()) connection->stale_keys.push_back(key);
    for (PooledConnection* connection : lent_) connection->stale_keys.push_back(key);
}

void SftpPool::forget_idle() {
    Connections dropped;
    {
        const std::lock_guard lock(mutex_);
        dropped.swap(idle_);
        total_ -= static_cast<unsigned>(dropped.size());
    }
    changed_.notify_all();
}

void SftpPool::run_later(Chore chore) {
    const std::lock_guard lock(mutex_);
    chores_.push_back(std::move(chore));
    changed_.notify_all();
}

SftpPool::Beat::Beat(SftpPool& pool, const std::stop_token& stop)
    : pool_(pool), place_([&] {
          const std::lock_guard lock(pool.mutex_);
          return pool.beats_.insert(pool.beats_.end(), source_);
      }()),
      on_stop_(stop, Forward{&source_}) {}

SftpPool::Beat::~Beat() {
    const std::lock_guard lock(pool_.mutex_);
    pool_.beats_.erase(place_);
}

void SftpPool::serve(const std::stop_token& stop) {
    const OpContext ctx{stop, std::nullopt};
    auto next_beat = std::chrono::steady_clock::now() + kBeat;
    while (!stop.stop_requested()) {
        std::vector<Chore> chores;
        {
            std::unique_lock lock(mutex_);
            (void)changed_.wait_until(lock, stop, next_beat, [&] { return !chores_.empty(); });
            chores.swap(chores_);
        }
        if (stop.stop_requested()) return;
        for (const Chore& chore : chores) chore(ctx);
        if (std::chrono::steady_clock::now() < next_beat) continue;
        next_beat = std::chrono::steady_clock::now() + kBeat;
        keep_alive();
        std::vector<std::stop_source> beats;
        {
            const std::lock_guard lock(mutex_);
            beats.assign(beats_.begin(), beats_.end());
        }
        for (std::stop_source& beat : beats) beat.request_stop();
    }
}

void SftpPool::open_when_wanted(const std::stop_token& stop) {
    const OpContext ctx{stop, std::nullopt};
    while (!stop.stop_requested()) {
        {
            std::unique_lock lock(mutex_);
            if (!changed_.wait(lock, stop, [&] { return wanted_ > 0; })) return;
        }
        open_wanted(ctx);
    }
}

void SftpPool::open_wanted(const OpContext& ctx) {
    const Waiter waiter(ctx, clock_);
    std::unique_lock lock(mutex_);
    while (total_ < wanted_) {
        if (opening_) {
            if (!wait_until(lock, waiter, [&] { return !opening_; })) return;
            continue;
        }
        opening_ = true;
        ++total_;
        lock.unlock();
        auto opened = open_one(waiter);
        lock.lock();
        if (!opened) {
            log::debug("sftp", "additional connection: " + opened.error().to_string());
            break;
        }
        (*opened)->idle_since = clock_.steady();
        idle_.push_back(std::move(*opened));
        changed_.notify_all();
    }
    wanted_ = 0;
}

// Takes every idle connection out for a moment, so that no caller gets one that is being looked at.
void SftpPool::keep_alive() {
    Connections all;
    {
        const std::lock_guard lock(mutex_);
        all.swap(idle_);
        for (const auto& connection : all) lent_.push_back(connection.get());
    }
    const SteadyTime now = clock_.steady();
    for (std::size_t i = 0; i < all.size(); ++i) {
        const bool tired = all.size() - i > 1 && now - all[i]->idle_since > kIdleMax;
        const SteadyTime idle_since = all[i]->idle_since;
        if (!tired && revive(*all[i])) {
            if (all[i]->channel->outstanding() == 0) all[i]->channel->ping();
            (void)all[i]->channel->pump();
            PooledConnection* const raw = all[i].get();
            const std::lock_guard lock(mutex_);
            std::erase(lent_, raw);
            if (!raw->channel->dead()) {
                raw->idle_since = idle_since;
                idle_.push_back(std::move(all[i]));
            } else {
                --total_;
            }
        } else {
            const std::lock_guard lock(mutex_);
            std::erase(lent_, all[i].get());
            --total_;
        }
    }
    changed_.notify_all();
}

}  // namespace oracxfs::sftp
