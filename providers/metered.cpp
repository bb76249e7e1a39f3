#include "providers/metered.h"

#include <algorithm>
#include <bit>
#include <vector>

namespace oracxfs {

std::string_view to_string(ProviderCall call) {
    constexpr std::array<std::string_view, kProviderCalls> kNames{
        "probe",  "put",    "put_batch",      "discard_upload",   "stat", "read", "verify", "list",
        "remove", "rename", "make_directory", "remove_directory", "purge_trash"};
    return kNames.at(static_cast<std::size_t>(call));
}

std::uint64_t CallMeter::error_count() const {
    std::uint64_t count = 0;
    for (const auto& [code, errors_of_code] : errors) count += errors_of_code;
    return count;
}

// Counts while the upload runs, so that a speed can be shown. Takes the lock once a piece, not once a byte.
class MeteredProvider::MeteredBlob final : public BlobReader {
  public:
    MeteredBlob(BlobReader& inner, MeteredProvider& owner) : inner_(inner), owner_(owner) {}

    [[nodiscard]] std::optional<std::uint64_t> size() const override { return inner_.size(); }
    Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into,
                                const std::stop_token& stop) override {
        Result<std::size_t> got = inner_.read_at(offset, into, stop);
        if (got) owner_.add_uploaded(*got);
        return got;
    }
    [[nodiscard]] std::uint64_t available(std::uint64_t offset) const override {
        return inner_.available(offset);
    }
    [[nodiscard]] std::shared_ptr<const ContentDigests> digests() const override {
        return inner_.digests();
    }

  private:
    BlobReader& inner_;
    MeteredProvider& owner_;
};

class MeteredProvider::Running {
  public:
    Running(MeteredProvider& owner, ProviderCall call)
        : owner_(owner), call_(call), begin_(owner.clock_.steady()) {
        const std::lock_guard lock(owner_.mutex_);
        ++meter().in_flight;
    }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
    ~Running() {
        const auto time = std::chrono::duration_cast<Millis>(owner_.clock_.steady() - begin_);
        const std::lock_guard lock(owner_.mutex_);
        CallMeter& own = meter();
        --own.in_flight;
        ++own.calls;
        own.time_total += time;
        own.time_max = std::max(own.time_max, time);
        const auto ms = static_cast<std::uint64_t>(std::max<Millis::rep>(0, time.count()));
        ++own.by_time[std::min<std::size_t>(own.by_time.size() - 1,
                                            static_cast<std::size_t>(std::bit_width(ms)))];
    }

  private:
    CallMeter& meter() { return owner_.meter_.calls[static_cast<std::size_t>(call_)]; }

    MeteredProvider& owner_;
    const ProviderCall call_;
    const SteadyTime begin_;
};

MeteredProvider::MeteredProvider(std::unique_ptr<Provider> inner, Clock& clock)
    : ForwardingProvider(std::move(inner)), clock_(clock) {}

MeterSnapshot MeteredProvider::snapshot() const {
    const std::lock_guard lock(mutex_);
    return meter_;
}

void MeteredProvider::add_error(ProviderCall call, Errc code) {
    const std::lock_guard lock(mutex_);
    ++meter_.calls[static_cast<std::size_t>(call)].errors[code];
}

void MeteredProvider::add_uploaded(std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    meter_.uploaded_bytes += bytes;
}

template <class Body>
auto MeteredProvider::measure(ProviderCall call, Body&& body) {
    const Running running(*this, call);
    auto result = body();
    if (!result) add_error(call, result.error().code);
    return result;
}

Result<Space> MeteredProvider::probe(const OpContext& ctx) {
    return measure(ProviderCall::probe, [&] { return inner().probe(ctx); });
}

Result<PutResult> MeteredProvider::put(const OpContext& ctx, const ObjectKey& key,
                                       BlobReader& content, const PutOptions& options) {
    auto result = measure(ProviderCall::put, [&] {
        MeteredBlob metered(content, *this);
        return inner().put(ctx, key, metered, options);
    });
    const std::lock_guard lock(mutex_);
    meter_.files_put += result ? 1 : 0;
    return result;
}

void MeteredProvider::put_batch(const OpContext& ctx, std::span<PutRequest> requests,
                                const std::function<void(std::size_t, Result<PutResult>)>& done) {
    const Running running(*this, ProviderCall::put_batch);
    std::vector<PutRequest> metered;
    for (const PutRequest& request : requests)
        metered.push_back({request.key, std::make_shared<MeteredBlob>(*request.content, *this),
                           request.options});
    inner().put_batch(ctx, metered, [&](std::size_t i, Result<PutResult> result) {
        if (!result) add_error(ProviderCall::put_batch, result.error().code);
        if (result) {
            const std::lock_guard lock(mutex_);
            ++meter_.files_put;
        }
        done(i, std::move(result));
    });
}

Status MeteredProvider::discard_upload(const OpContext& ctx, const ObjectKey& key,
                                       const std::string& upload_id,
                                       const std::string& resume_state) {
    return measure(ProviderCall::discard_upload,
                   [&] { return inner().discard_upload(ctx, key, upload_id, resume_state); });
}

Result<RemoteObject> MeteredProvider::stat(const OpContext& ctx, const ObjectKey& key) {
    return measure(ProviderCall::stat, [&] { return inner().stat(ctx, key); });
}

Status MeteredProvider::read(const OpContext& ctx, const RemoteObject& object, std::uint64_t offset,
                             std::uint64_t length, const ByteSink& sink) {
    const auto counting = [&](std::span<const std::byte> data) {
        {
            const std::lock_guard lock(mutex_);
            meter_.downloaded_bytes += data.size();
        }
        return sink(data);
    };
    return measure(ProviderCall::read,
                   [&] { return inner().read(ctx, object, offset, length, counting); });
}

Status MeteredProvider::verify(const OpContext& ctx, const RemoteObject& object,
                               const ContentDigests& expected) {
    return measure(ProviderCall::verify, [&] { return inner().verify(ctx, object, expected); });
}

Result<ListPage> MeteredProvider::list(const OpContext& ctx, const ObjectKey& directory,
                                       const std::string& cursor) {
    return measure(ProviderCall::list, [&] { return inner().list(ctx, directory, cursor); });
}

Status MeteredProvider::remove(const OpContext& ctx, const RemoteObject& object, RemoveMode mode) {
    return measure(ProviderCall::remove, [&] { return inner().remove(ctx, object, mode); });
}

Result<RemoteObject> MeteredProvider::rename(const OpContext& ctx, const RemoteObject& object,
                                             const ObjectKey& to,
                                             const std::optional<RemoteObject>& replaces) {
    return measure(ProviderCall::rename, [&] { return inner().rename(ctx, object, to, replaces); });
}

Result<RemoteObject> MeteredProvider::make_directory(const OpContext& ctx, const ObjectKey& key) {
    return measure(ProviderCall::make_directory, [&] { return inner().make_directory(ctx, key); });
}

Status MeteredProvider::remove_directory(const OpContext& ctx, const ObjectKey& key) {
    return measure(ProviderCall::remove_directory,
                   [&] { return inner().remove_directory(ctx, key); });
}

Result<std::uint64_t> MeteredProvider::purge_trash(const OpContext& ctx, Millis age) {
    return measure(ProviderCall::purge_trash, [&] { return inner().purge_trash(ctx, age); });
}

}  // namespace oracxfs
