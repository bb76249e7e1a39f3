#include "providers/http/api_client.h"

#include <algorithm>
#include <mutex>

#include "base/hash.h"
#include "providers/http/request_pace.h"
#include "providers/wait.h"

namespace oracxfs::http {
namespace {

constexpr Millis kPauseFirst{1'000};
constexpr Millis kPauseMax{64'000};
constexpr std::size_t kJsonDepthMax = 64;
constexpr unsigned kRenewalsMax = 2;  // of the token, for one request

// Where the service names no time: 1, 2, 4 ... 64 s, each between the half and the whole of it.
Millis backoff(unsigned failures) {
    const std::int64_t most = std::min(kPauseMax.count(), kPauseFirst.count() << std::min(failures, 10u));
    return Millis(most / 2 + static_cast<std::int64_t>(random_u64() % static_cast<std::uint64_t>(most / 2 + 1)));
}

std::string label(const Request& request) {
    return request.method + " " + request.url.substr(0, request.url.find_first_of("?#"));
}

class TokenApiClient final : public ApiClient {
  public:
    TokenApiClient(Client& client, TokenSource& tokens, Clock& clock, ApiOptions options)
        : client_(client), tokens_(tokens), clock_(clock), options_(std::move(options)),
          pace_(options_.requests_per_second_max) {}

    // Neither a refused token nor a throttled request ever feeds the sink, which takes bodies of successes only: both may be
    // repeated.
    Result<Response> perform(const OpContext& ctx, Request request) override {
        Waits waits;
        for (unsigned renewed = 0;;) {
            ORACX_TRYV(wait_for_turn(ctx, request, waits));
            ORACX_TRY(request.bearer, tokens_.token(ctx));
            const SteadyTime started = clock_.steady();
            ORACX_TRY(Response response, client_.perform(ctx, request));
            if (is_stale_token(response)) {
                tokens_.refused(request.bearer);
                if (renewed++ == kRenewalsMax)
                    return fail(Error(Errc::unauthenticated, label(request),
                                      "the service refuses the access token, also a new one: sign in again")
                                    .with_native(response.status));
            } else if (is_throttle(request, response)) {
                note_throttle(response, started, waits);
            } else {
                if (response.status < 500 && response.status != 401) tokens_.accepted();
                return response;
            }
        }
    }

    [[nodiscard]] Client& client() override { return client_; }

  private:
    struct Waits {
        Millis total{0};
        unsigned throttled = 0;
        int status = 0;  // of the last complaint
    };

    bool is_stale_token(const Response& response) const {
        return options_.is_stale_token ? options_.is_stale_token(response) : response.status == 401;
    }

    bool is_throttle(const Request& request, const Response& response) const {
        if (options_.is_throttle) return options_.is_throttle(response);
        return response.status == 429 || (response.status == 503 && request.idempotent);
    }

    void note_throttle(const Response& response, SteadyTime started, Waits& waits) {
        const Millis own = backoff(waits.throttled++);
        const Millis pause = std::max(response.retry_after(clock_.wall()).value_or(own), own / 2);
        waits.status = response.status;
        const std::lock_guard lock(mutex_);
        pace_.slow_down(clock_.steady(), started, pause);
    }

    // Until this request may start. Throttled when that is later than the caller or the options allow.
    Status wait_for_turn(const OpContext& ctx, const Request& request, Waits& waits) {
        for (;;) {
            ORACX_TRYV(still_wanted(ctx, clock_));
            const SteadyTime now = clock_.steady();
            SteadyTime latest = now + (options_.throttle_wait_max - waits.total);
            if (ctx.deadline) latest = std::min(latest, *ctx.deadline);
            RequestPace::Slot slot;
            {
                const std::lock_guard lock(mutex_);
                slot = pace_.book(now, latest);
            }
            const auto pause = std::chrono::ceil<Millis>(slot.start - now);
            if (!slot.booked)
                return fail(Error(Errc::throttled, label(request), "the service asked for a pause")
                                .with_retry_after(pause)
                                .with_native(waits.status));
            if (pause <= Millis(0)) return {};
            waits.total += pause;
            clock_.sleep_until(slot.start, ctx.stop);
            ORACX_TRYV(still_wanted(ctx, clock_));
            // Meanwhile the service may have objected to somebody else's request.
            const std::lock_guard lock(mutex_);
            if (pace_.not_before() <= clock_.steady()) return {};
        }
    }

    Client& client_;
    TokenSource& tokens_;
    Clock& clock_;
    const ApiOptions options_;

    std::mutex mutex_;
    RequestPace pace_;  // guarded by mutex_
};

}  // namespace

std::unique_ptr<ApiClient> ApiClient::make(Client& client, TokenSource& tokens, Clock& clock, ApiOptions options) {
    return std::make_unique<TokenApiClient>(client, tokens, clock, std::move(options));
}

Result<Json> json_body(const Response& response) {
    auto json = parse_json(response.body, {.max_bytes = response.body.size(), .max_depth = kJsonDepthMax});
    // The reader's own words would quote from the body.
    if (!json)
        return fail(Error(Errc::unavailable, "the answer is not JSON", "is a portal or proxy in between?")
                        .with_native(response.status));
    return json;
}

}  // namespace oracxfs::http
