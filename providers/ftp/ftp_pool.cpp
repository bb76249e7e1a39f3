#include "providers/ftp/ftp_pool.h"

#include <algorithm>
#include <iterator>

#include "base/log.h"

namespace oracxfs::ftp {
namespace {

// Shorter than what servers and routers wait before they drop a silent connection.
constexpr Millis kIdleMax{60'000};
// A server keeps a file and a process for each. Who reads on does so at once.
constexpr Millis kHeldMax{20'000};
constexpr std::uint64_t kSkipBytes = 1u << 20;  // to be thrown away rather than begin anew
// A server takes note of a connection's end some time after we closed it.
constexpr Millis kEndIsNoticed{3'000};
constexpr Millis kRefusalPause{20};
constexpr Millis kLoweredFor{600'000};
constexpr Millis kThrottledPause{30'000};

}  // namespace

FtpPool::FtpPool(unsigned connections, Clock& clock, Open open)
    : limit_max_(connections), clock_(clock), open_(std::move(open)), limit_(connections) {}

std::vector<std::unique_ptr<FtpConnection>> FtpPool::tired() {
    std::vector<std::unique_ptr<FtpConnection>> out;
    const SteadyTime now = clock_.steady();
    const auto collect = [&](auto& list, Millis longest) {
        while (!list.empty() && now - list.front().since > longest) {
            out.push_back(std::move(list.front().connection));
            list.erase(list.begin());
            --total_;
        }
    };
    collect(idle_, kIdleMax);
    collect(waiting_, kHeldMax);
    return out;
}

std::optional<FtpPool::Held> FtpPool::take_transfer(const ObjectKey& key, const std::string& rev, std::uint64_t offset) {
    std::vector<std::unique_ptr<FtpConnection>> closed;  // after the lock is released
    const std::lock_guard lock(mutex_);
    closed = tired();
    auto best = waiting_.end();
    for (auto one = waiting_.begin(); one != waiting_.end(); ++one) {
        const Transfer& transfer = one->transfer;
        if (transfer.key != key || transfer.rev != rev) continue;
        if (offset < transfer.position || offset - transfer.position > kSkipBytes) continue;
        if (best == waiting_.end() || transfer.position > best->transfer.position) best = one;
    }
    if (best == waiting_.end()) return std::nullopt;
    Held held{Lease(*this, std::move(best->connection), true), std::move(best->transfer)};
    waiting_.erase(best);
    return held;
}

void FtpPool::hold(Lease lease, Transfer transfer) {
    std::vector<std::unique_ptr<FtpConnection>> closed;
    const std::lock_guard lock(mutex_);
    closed = tired();
    waiting_.push_back({std::move(lease.connection_), std::move(transfer), clock_.steady()});
    changed_.notify_all();
}

Result<FtpPool::Lease> FtpPool::take(const CallWait& wait) {
    ORACX_TRYV(wait.check());
    std::vector<std::unique_ptr<FtpConnection>> closed;  // after the lock is released
    std::unique_lock lock(mutex_);
    const std::uint64_t failures_before = failures_;
    for (;;) {
        const SteadyTime now = clock_.steady();
        std::ranges::move(tired(), std::back_inserter(closed));
        if (!idle_.empty()) {
            auto connection = std::move(idle_.back().connection);
            idle_.pop_back();
            return Lease(*this, std::move(connection), true);
        }
        // Whoever stood in line behind an attempt that failed gets its answer: several attempts with a wrong password
        // lock accounts.
        if (failures_ != failures_before) return fail(last_failure_);
        if (limit_ < limit_max_ && now >= lowered_until_) limit_ = limit_max_;
        if (!opening_ && total_ < limit_) {
            opening_ = true;
            ++total_;
            lock.unlock();
            ORACX_TRY(auto opened, open_one(wait));
            if (opened) return Lease(*this, std::move(opened), false);
            lock.lock();
            continue;
        }
        if (!opening_ && !waiting_.empty()) {
            std::unique_ptr<FtpConnection> given_up = std::move(waiting_.front().connection);
            waiting_.erase(waiting_.begin());
            lock.unlock();
            given_up.reset();  // before the next one is opened: the server counts them
            lock.lock();
            --total_;
            closed_ = clock_.steady();
            continue;
        }
        if (!changed_.wait(lock, wait.token(), [&] {
                return !idle_.empty() || failures_ != failures_before || (!opening_ && (total_ < limit_ || !waiting_.empty()));
            }))
            return fail(wait.reason());
    }
}

Result<std::unique_ptr<FtpConnection>> FtpPool::open_one(const CallWait& wait) {
    auto connection = open_(wait);
    for (Millis pause = kRefusalPause; !connection && connection.error().code == Errc::throttled && counts_closed_ones(); pause *= 2) {
        if (!clock_.sleep_until(clock_.steady() + pause, wait.token())) break;
        connection = open_(wait);
    }
    const std::lock_guard lock(mutex_);
    opening_ = false;
    changed_.notify_all();
    if (connection) return connection;
    --total_;
    Error error = std::move(connection).error();
    // Some servers say 530 when there are too many; the password was good a moment ago.
    const bool too_many = error.code == Errc::throttled || error.code == Errc::unauthenticated;
    if (too_many && total_ > 0) {
        limit_ = total_;
        lowered_until_ = clock_.steady() + kLoweredFor;
        log::info("ftp", "the server takes no more than " + std::to_string(limit_) + " connections: " + error.why);
        return std::unique_ptr<FtpConnection>();
    }
    if (error.code == Errc::throttled) error.retry_after = kThrottledPause;
    // A caller that gave up says nothing about the server.
    if (error.code != Errc::cancelled && error.code != Errc::deadline) {
        ++failures_;
        last_failure_ = error;
    }
    return fail(std::move(error));
}

bool FtpPool::counts_closed_ones() const {
    const std::lock_guard lock(mutex_);
    return total_ == 1 && closed_ && clock_.steady() - *closed_ < kEndIsNoticed;
}

void FtpPool::give_back(std::unique_ptr<FtpConnection> connection) {
    const bool usable = connection->usable();
    {
        const std::lock_guard lock(mutex_);
        if (usable) idle_.push_back({std::move(connection), clock_.steady()});
        else closed_ = clock_.steady();
    }
    if (connection) connection.reset();  // outside of the lock: it closes sockets
    const std::lock_guard lock(mutex_);
    if (!usable) --total_;
    changed_.notify_all();
}

void FtpPool::forget_idle() {
    std::vector<Idle> idle;
    std::vector<Waiting> waiting;
    const std::lock_guard lock(mutex_);
    idle.swap(idle_);
    waiting.swap(waiting_);
    total_ -= static_cast<unsigned>(idle.size() + waiting.size());
    changed_.notify_all();
}

unsigned FtpPool::limit() const {
    const std::lock_guard lock(mutex_);
    return limit_;
}

}  // namespace oracxfs::ftp
