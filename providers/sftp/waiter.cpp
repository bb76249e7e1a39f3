#include "providers/sftp/waiter.h"

#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>

#include "base/assert.h"
#include "providers/wait.h"

namespace oracxfs::sftp {

void Waiter::Wake::operator()() const {
    const std::uint64_t one = 1;
    // Nothing can be done about a failure here; waits look at the token again after each wake-up anyway.
    [[maybe_unused]] const ssize_t written = ::write(fd, &one, sizeof one);
}

Waiter::Waiter(const OpContext& ctx, const Clock& clock)
    : ctx_(ctx), clock_(clock), event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), on_stop_(ctx.stop, Wake{event_.get()}) {}

Status Waiter::check() const { return still_wanted(ctx_, clock_); }

Status Waiter::wait(std::span<pollfd> fds, Millis at_most) const {
    ORACX_TRYV(check());
    constexpr std::size_t kFdsMax = 16;
    ORACX_ASSERT(fds.size() < kFdsMax);
    std::array<pollfd, kFdsMax> all{};
    std::copy(fds.begin(), fds.end(), all.begin());
    all[fds.size()] = {event_.get(), POLLIN, 0};
    if (ctx_.deadline)
        at_most = std::min(at_most, std::chrono::ceil<Millis>(*ctx_.deadline - clock_.steady()));
    // Without an eventfd (no descriptors left) a stop is still noticed in time.
    if (!event_) at_most = std::min(at_most, Millis(100));
    const int ready = ::poll(all.data(), fds.size() + 1, static_cast<int>(std::max<std::int64_t>(at_most.count(), 0)));
    if (ready < 0 && errno != EINTR) return fail(error_from_errno(errno, "wait for the server"));
    for (std::size_t i = 0; i < fds.size(); ++i) fds[i].revents = ready > 0 ? all[i].revents : short{0};
    return check();
}

}  // namespace oracxfs::sftp
