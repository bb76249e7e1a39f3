#pragma once
// Keeps one access token good: hands it out, renews it in time, one renewal at a time. How a token is got is the Grant's.

#include <condition_variable>
#include <memory>
#include <mutex>

#include "providers/http/oauth.h"

namespace oracxfs::http {

struct KeptToken {
    std::string token;  // "": none yet
    // Both where both are known: the wall clock goes on while the machine sleeps, the steady one does not jump.
    std::optional<WallTime> expires;  // by the server's clock
    std::optional<SteadyTime> expires_steady;
    std::optional<Millis> life;       // the whole of it
};

// Calls come one at a time.
class Grant {
  public:
    virtual ~Grant() = default;
    // What was kept from before.
    virtual Result<KeptToken> load() = 0;
    // After an error that was final: whether something has changed since, so that load() may succeed.
    virtual bool has_changed() = 0;
    // One attempt. unauthenticated is final; unavailable, throttled and outcome_unknown pass; everything else is repeated
    // rarely. `refused` is a token that must not come back.
    virtual Result<KeptToken> renew(const OpContext& ctx, const std::string& refused) = 0;
    [[nodiscard]] virtual Millis skew() const = 0;  // server's clock - ours
    [[nodiscard]] virtual Error refused_twice() const = 0;
};

std::unique_ptr<TokenSource> make_token_keeper(Clock& clock, std::unique_ptr<Grant> grant);

}  // namespace oracxfs::http
