#include "providers/ftp/ftp_pool.h"

#include <algorithm>

#include "base/log.h"

namespace oracxfs::ftp {
namespace {

// Shorter than what servers and routers wait before they drop a silent connection.
constexpr Millis kIdleMax{60'000};
constexpr Millis kLoweredFor{600'000};
constexpr Millis kThrottledPause{30'000};

}  // namespace

FtpPool::FtpPool(unsigned connections, Clock& clock, Open open)
    : limit_max_(connections), clock_(clock), open_(std::move(open)), limit_(connections) {}

Result<FtpPool::Lease> FtpPool::take(const CallWait& wait) {
    ORACX_TRYV(wait.check());
    std::vector<Idle> tired;  // closed after the lock is released
    std::unique_lock lock(mutex_);
    const std::uint64_t failures_before = failures_;
    for (;;) {
        const SteadyTime now = clock_.steady();
        while (!idle_.empty() && now - idle_.front().since > kIdleMax) {
            tired.push_back(std::move(idle_.front()));
            idle_.erase(idle_.begin());
            --total_;
        }
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
        if (!changed_.wait(lock, wait.token(), [&] {
                return !idle_.empty() || failures_ != failures_before || (!opening_ && total_ < limit_);
            }))
            return fail(wait.reason());
    }
}

Result<std::unique_ptr<FtpConnection>> FtpPool::open_one(const CallWait& wait) {
    auto connection = open_(wait);
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

void FtpPool::give_back(std::unique_ptr<FtpConnection> connection) {
    const bool usable = connection->usable();
    {
        const std::lock_guard lock(mutex_);
        if (usable) idle_.push_back({std::move(connection), clock_.steady()});
        else --total_;
        changed_.notify_all();
    }
    connection.reset();  // outside of the lock: it closes sockets
}

void FtpPool::forget_idle() {
    std::vector<Idle> dropped;
    const std::lock_guard lock(mutex_);
    dropped.swap(idle_);
    total_ -= static_cast<unsigned>(dropped.size());
    changed_.notify_all();
}

unsigned FtpPool::limit() const {
    const std::lock_guard lock(mutex_);
    return limit_;
}

}  // namespace oracxfs::ftp
