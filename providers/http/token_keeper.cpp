#include "providers/http/token_keeper.h"

#include <algorithm>

#include "providers/http/waiting.h"

namespace oracxfs::http {
namespace {

constexpr unsigned kRefusalsMax = 3;              // new tokens in a row
constexpr Millis kPauseAfterRefusals{120'000};
constexpr Millis kEarly = std::chrono::minutes(5);
constexpr Millis kGood = std::chrono::minutes(1);
constexpr Millis kPauseAfterEarlyFailure = std::chrono::seconds(30);
constexpr Millis kPauseMax = std::chrono::seconds(60);
constexpr Millis kPauseBetweenTries = std::chrono::seconds(1);
constexpr unsigned kTries = 3;

bool passes(Errc code) {
    return code == Errc::unavailable || code == Errc::throttled || code == Errc::outcome_unknown || code == Errc::deadline;
}

class TokenKeeper final : public TokenSource {
  public:
    TokenKeeper(Clock& clock, std::unique_ptr<Grant> grant) : clock_(clock), grant_(std::move(grant)) {}

    Result<std::string> token(const OpContext& ctx) override {
        std::unique_lock lock(mutex_);
        for (;;) {
            ORACX_TRYV(still_wanted(ctx, clock_));
            if (renewing_) {
                if (loaded_ && state() != State::bad) return current_.token;
                ORACX_TRYV(wait_for_renewal(lock, ctx));
                continue;
            }
            ORACX_TRYV(load_if_needed());
            const State now = state();
            if (now == State::good) return current_.token;
            if (clock_.steady() < not_before_) {
                if (now == State::ageing) return current_.token;
                return fail(last_failure_);
            }
            const Status renewed = renew(lock, ctx, now);
            if (!renewed && (now == State::bad || refused_)) return fail(renewed.error());
            // Fails early: the old token is still good for a while.
            if (!renewed && state() == State::ageing) return current_.token;
        }
    }

    void refused(const std::string& token) override {
        const std::lock_guard lock(mutex_);
        // Answers to requests that were signed with an older token say nothing about this one.
        if (refused_ || token.empty() || token != current_.token) return;
        refused_ = true;
        not_before_ = {};
        if (++refusals_ < kRefusalsMax) return;
        // Not for ever: services have bad minutes, too.
        final_ = grant_->refused_twice();
        final_until_ = clock_.steady() + kPauseAfterRefusals;
    }

    void accepted() override {
        const std::lock_guard lock(mutex_);
        refusals_ = 0;
    }

  private:
    enum class State { good, ageing, bad };

    // How the current token stands.
    [[nodiscard]] State state() const {
        if (current_.token.empty() || refused_) return State::bad;
        std::optional<Millis> left;
        if (current_.expires) left = *current_.expires - (clock_.wall() + grant_->skew());
        if (current_.expires_steady) {
            const auto steady = std::chrono::floor<Millis>(*current_.expires_steady - clock_.steady());
            left = left ? std::min(*left, steady) : steady;
        }
        if (!left) return State::good;  // only a 401 tells
        // Tokens of a short life must not be renewed at every call.
        const Millis life = current_.life.value_or(kEarly * 2);
        if (*left > std::min(kEarly, life / 2)) return State::good;
        return *left > std::min(kGood, life / 4) ? State::ageing : State::bad;
    }

    Status load_if_needed() {
        if (final_ && final_until_ && clock_.steady() >= *final_until_) {
            final_.reset();
            final_until_.reset();
        }
        if (final_) {
            if (!grant_->has_changed()) return fail(*final_);
            loaded_ = false;
        }
        if (loaded_) return {};
        auto kept = grant_->load();
        if (!kept) {
            if (kept.error().code == Errc::unauthenticated) final_ = kept.error();
            return fail(std::move(kept).error());
        }
        current_ = std::move(*kept);
        loaded_ = true;
        final_.reset();
        final_until_.reset();
        refused_ = false;
        refusals_ = 0;
        not_before_ = {};
        failures_ = 0;
        return {};
    }

    // Ends with the error of the renewal that was waited for, if that error was not its caller's own.
    Status wait_for_renewal(std::unique_lock<std::mutex>& lock, const OpContext& ctx) {
        const std::uint64_t round = rounds_;
        if (!wait_while_wanted(changed_, lock, ctx, clock_, [&] { return rounds_ != round || !renewing_; }))
            return still_wanted(ctx, clock_);
        if (round_failure_ && state() == State::bad) return fail(*round_failure_);
        return {};
    }

    // Unlocks while the service is asked.
    Status renew(std::unique_lock<std::mutex>& lock, const OpContext& ctx, State before) {
        renewing_ = true;
        round_failure_.reset();
        const std::string refused = refused_ ? current_.token : std::string();
        lock.unlock();
        auto renewed = ask(ctx, refused, before == State::bad ? kTries : 1);
        lock.lock();
        renewing_ = false;
        ++rounds_;
        changed_.notify_all();
        if (renewed) {
            current_ = std::move(*renewed);
            refused_ = false;
            failures_ = 0;
            return {};
        }
        Error& error = renewed.error();
        // The caller's own end says nothing about the service: the next one tries.
        if (!still_wanted(ctx, clock_)) return fail(std::move(error));
        note_failure(error, before);
        if (before == State::bad) round_failure_ = error;
        return fail(std::move(error));
    }

    Result<KeptToken> ask(const OpContext& ctx, const std::string& refused, unsigned tries) {
        for (unsigned tried = 1;; ++tried) {
            auto renewed = grant_->renew(ctx, refused);
            if (renewed || tried >= tries || !passes(renewed.error().code) || renewed.error().silent) return renewed;
            const Millis pause = std::max(kPauseBetweenTries * (1 << (tried - 1)),
                                          renewed.error().retry_after.value_or(Millis(0)));
            const bool too_long = pause > kPauseMax || (ctx.deadline && clock_.steady() + pause >= *ctx.deadline);
            if (too_long || !still_wanted(ctx, clock_)) return renewed;
            clock_.sleep_for(pause, ctx.stop);
            ORACX_TRYV(still_wanted(ctx, clock_));
        }
    }

    void note_failure(const Error& error, State before) {
        last_failure_ = error;
        Millis pause = kPauseAfterEarlyFailure;
        if (before == State::bad) {
            if (error.code == Errc::unauthenticated) {
                final_ = error;
                final_until_.reset();
                return;
            }
            const Millis doubled = std::chrono::seconds(1) * (1 << std::min(failures_++, 6u));
            pause = passes(error.code) ? std::min(doubled, kPauseMax) : kPauseMax;
        }
        not_before_ = clock_.steady() + std::max(pause, error.retry_after.value_or(Millis(0)));
    }

    Clock& clock_;
    const std::unique_ptr<Grant> grant_;  // used by whoever renews, else under the mutex

    std::mutex mutex_;
    std::condition_variable_any changed_;
    KeptToken current_;
    bool loaded_ = false;
    bool refused_ = false;    // the current token
    unsigned refusals_ = 0;   // tokens in a row that were refused before any was accepted
    std::optional<Error> final_;
    std::optional<SteadyTime> final_until_;  // nothing: until the record changes
    bool renewing_ = false;
    std::uint64_t rounds_ = 0;
    std::optional<Error> round_failure_;
    unsigned failures_ = 0;
    SteadyTime not_before_{};
    Error last_failure_;
};

}  // namespace

std::unique_ptr<TokenSource> make_token_keeper(Clock& clock, std::unique_ptr<Grant> grant) {
    return std::make_unique<TokenKeeper>(clock, std::move(grant));
}

}  // namespace oracxfs::http
