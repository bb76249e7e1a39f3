#pragma once
// What every provider needs to keep the promise of OpContext: "returns on stop and on the deadline".

#include <optional>
#include <stop_token>
#include <thread>

#include "base/clock.h"
#include "base/op_context.h"
#include "base/result.h"

namespace oracxfs {

// cancelled or deadline when the caller no longer wants the call; cheap enough for every piece of a transfer.
Status still_wanted(const OpContext& ctx, const Clock& clock);

// A stop token that fires on ctx.stop and on ctx.deadline, for waits that know only a token (BlobReader::read_at,
// condition variables). Without a deadline it is ctx.stop itself and costs nothing; with one, a thread keeps the time.
class DeadlineStop {
  public:
    DeadlineStop(const OpContext& ctx, Clock& clock);

    [[nodiscard]] std::stop_token token() const;
    // Why the token fired: cancelled or deadline. `otherwise` when it did not fire.
    [[nodiscard]] Error reason(Error otherwise) const;

  private:
    struct Forward {
        std::stop_source* source;
        void operator()() const { source->request_stop(); }
    };

    const OpContext& ctx_;
    const Clock& clock_;
    std::stop_source source_{std::nostopstate};
    std::optional<std::stop_callback<Forward>> forward_;
    std::jthread timer_;  // last: joined before what it uses goes away
};

}  // namespace oracxfs
