#include "providers/retrying.h"

#include <algorithm>
#include <vector>

#include "providers/wait.h"
#include "providers/watched_blob.h"

namespace oracxfs {

// How often and until when one call may be repeated.
class RetryingProvider::Attempts {
  public:
    explicit Attempts(RetryingProvider& owner)
        : owner_(owner), give_up_(owner.clock_.steady() + owner.policy_.total_max) {}

    // Waits before the next attempt. False: the error goes to the caller as it is. An error: the wait was cut short.
    Result<bool> wait_for_next(const OpContext& ctx, const Error& error, bool untouched) {
        if (error.code != Errc::throttled && !(error.code == Errc::unavailable && untouched && !error.silent))
            return false;
        if (repeats_ == owner_.policy_.repeats_max) return false;
        const Millis upper = std::min(owner_.policy_.pause_max, owner_.policy_.base * (1 << repeats_));
        const Millis pause = error.retry_after.value_or(Millis(0)) + owner_.jitter(upper);
        const SteadyTime next = owner_.clock_.steady() + pause;
        // Too late is as good as never: the caller's own schedule takes over.
        if (next > give_up_ || (ctx.deadline && next >= *ctx.deadline)) return false;
        ++repeats_;
        if (!owner_.clock_.sleep_until(next, ctx.stop)) return fail(Errc::cancelled, "cancelled");
        ORACX_TRYV(still_wanted(ctx, owner_.clock_));
        return true;
    }

  private:
    RetryingProvider& owner_;
    SteadyTime give_up_;
    int repeats_ = 0;
};

RetryingProvider::RetryingProvider(std::unique_ptr<Provider> inner, Clock& clock,
                                   std::uint64_t seed, RetryPolicy policy)
    : ForwardingProvider(std::move(inner)), clock_(clock), policy_(policy), random_(seed) {
    ORACX_ASSERT(policy.repeats_max >= 0 && policy.repeats_max < 16);
}

Millis RetryingProvider::jitter(Millis upper) {
    const std::lock_guard lock(mutex_);
    return Millis(std::uniform_int_distribution<Millis::rep>(0, upper.count())(random_));
}

template <class Attempt, class Untouched>
auto RetryingProvider::repeat(const OpContext& ctx, Attempts attempts, Attempt&& attempt,
                              Untouched&& untouched) {
    for (;;) {
        auto result = attempt();
        if (result) return result;
        const Result<bool> again = attempts.wait_for_next(ctx, result.error(), untouched());
        if (!again) return decltype(result)(fail(again.error()));
        if (!*again) return result;
    }
}

template <class Attempt>
auto RetryingProvider::repeat(const OpContext& ctx, Attempt&& attempt) {
    return repeat(ctx, Attempts(*this), attempt, [] { return true; });
}

Result<Space> RetryingProvider::probe(const OpContext& ctx) {
    return repeat(
        ctx, Attempts(*this), [&] { return inner().probe(ctx); }, [] { return false; });
}

Result<PutResult> RetryingProvider::put(const OpContext& ctx, const ObjectKey& key,
                                        BlobReader& content, const PutOptions& options) {
    return put_with(ctx, Attempts(*this), key, content, options);
}

Result<PutResult> RetryingProvider::put_with(const OpContext& ctx, Attempts attempts,
                                             const ObjectKey& key, BlobReader& content,
                                             PutOptions options) {
    WatchedBlob watched(content);
    // A throttled put may be repeated in the middle: it goes on from what it reported last.
    const auto report = options.on_progress;
    std::string state = options.resume_state;
    options.on_progress = [&](std::uint64_t bytes, const std::string& resume_state) {
        state = resume_state;
        if (report) report(bytes, resume_state);
    };
    const auto attempt = [&] {
        options.resume_state = state;
        return inner().put(ctx, key, watched, options);
    };
    return repeat(ctx, attempts, attempt, [&] { return watched.bytes_read() == 0; });
}

void RetryingProvider::put_batch(const OpContext& ctx, std::span<PutRequest> requests,
                                 const std::function<void(std::size_t, Result<PutResult>)>& done) {
    struct Refused {
        std::size_t index;
        Error error;
        bool untouched;
    };
    std::vector<std::shared_ptr<WatchedBlob>> watched;
    std::vector<PutRequest> copies;
    for (const PutRequest& request : requests) {
        watched.push_back(std::make_shared<WatchedBlob>(*request.content));
        copies.push_back({request.key, watched.back(), request.options});
    }
    std::vector<Refused> refused;
    inner().put_batch(ctx, copies, [&](std::size_t i, Result<PutResult> result) {
        if (result) return done(i, std::move(result));
        refused.push_back({i, std::move(result).error(), watched[i]->bytes_read() == 0});
    });
    for (Refused& each : refused) {
        Attempts attempts(*this);
        const Result<bool> again = attempts.wait_for_next(ctx, each.error, each.untouched);
        const PutRequest& request = requests[each.index];
        if (!again) {
            done(each.index, fail(again.error()));
        } else if (!*again) {
            done(each.index, fail(std::move(each.error)));
        } else {
            done(each.index,
                 put_with(ctx, attempts, request.key, *request.content, request.options));
        }
    }
}

Status RetryingProvider::discard_upload(const OpContext& ctx, const ObjectKey& key,
                                        const std::string& upload_id,
                                        const std::string& resume_state) {
    return repeat(ctx, [&] { return inner().discard_upload(ctx, key, upload_id, resume_state); });
}

Result<RemoteObject> RetryingProvider::stat(const OpContext& ctx, const ObjectKey& key) {
    return repeat(ctx, [&] { return inner().stat(ctx, key); });
}

Status RetryingProvider::read(const OpContext& ctx, const RemoteObject& object,
                              std::uint64_t offset, std::uint64_t length, const ByteSink& sink) {
    bool untouched = true;
    const auto watching = [&](std::span<const std::byte> data) {
        untouched = false;
        return sink(data);
    };
    for (Attempts attempts(*this);;) {
        Status status = inner().read(ctx, object, offset, length, watching);
        // Bytes that were given out cannot be taken back, not even after throttling.
        if (status || !untouched) return status;
        ORACX_TRY(const bool again, attempts.wait_for_next(ctx, status.error(), true));
        if (!again) return status;
    }
}

Status RetryingProvider::verify(const OpContext& ctx, const RemoteObject& object,
                                const ContentDigests& expected) {
    return repeat(ctx, [&] { return inner().verify(ctx, object, expected); });
}

Result<ListPage> RetryingProvider::list(const OpContext& ctx, const ObjectKey& directory,
                                        const std::string& cursor) {
    return repeat(ctx, [&] { return inner().list(ctx, directory, cursor); });
}

Status RetryingProvider::remove(const OpContext& ctx, const RemoteObject& object, RemoveMode mode) {
    return repeat(ctx, [&] { return inner().remove(ctx, object, mode); });
}

Result<RemoteObject> RetryingProvider::rename(const OpContext& ctx, const RemoteObject& object,
                                              const ObjectKey& to,
                                              const std::optional<RemoteObject>& replaces) {
    return repeat(ctx, [&] { return inner().rename(ctx, object, to, replaces); });
}

Result<RemoteObject> RetryingProvider::make_directory(const OpContext& ctx, const ObjectKey& key) {
    return repeat(ctx, [&] { return inner().make_directory(ctx, key); });
}

Status RetryingProvider::remove_directory(const OpContext& ctx, const ObjectKey& key) {
    return repeat(ctx, [&] { return inner().remove_directory(ctx, key); });
}

Result<std::uint64_t> RetryingProvider::purge_trash(const OpContext& ctx, Millis age) {
    return repeat(ctx, [&] { return inner().purge_trash(ctx, age); });
}

}  // namespace oracxfs
