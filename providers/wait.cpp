#include "providers/wait.h"

namespace oracxfs {

Status still_wanted(const OpContext& ctx, const Clock& clock) {
    if (ctx.stop.stop_requested()) return fail(Errc::cancelled, "cancelled");
    if (ctx.deadline && clock.steady() >= *ctx.deadline)
        return fail(Errc::deadline, "not done in time");
    return {};
}

DeadlineStop::DeadlineStop(const OpContext& ctx, Clock& clock) : ctx_(ctx), clock_(clock) {
    if (!ctx.deadline) return;
    source_ = std::stop_source();
    if (clock.steady() >= *ctx.deadline) source_.request_stop();
    forward_.emplace(ctx.stop, Forward{&source_});
    timer_ = std::jthread([&clock, deadline = *ctx.deadline,
                           source = source_](const std::stop_token& finished) mutable {
        if (clock.sleep_until(deadline, finished)) source.request_stop();
    });
}

std::stop_token DeadlineStop::token() const {
    return ctx_.deadline ? source_.get_token() : ctx_.stop;
}

Error DeadlineStop::reason(Error otherwise) const {
    const Status wanted = still_wanted(ctx_, clock_);
    return wanted ? std::move(otherwise) : wanted.error();
}

}  // namespace oracxfs
