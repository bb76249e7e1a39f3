#include "tools/oracxfs/provider_test.h"

#include <algorithm>

#include "base/hash.h"

namespace oracxfs {
namespace {

constexpr std::size_t kProbeBytes = 100'000;  // more than one leaf, and not a round number

class MemoryBlob final : public BlobReader {
  public:
    MemoryBlob(std::vector<std::byte> bytes, DigestSet want) : bytes_(std::move(bytes)) {
        ContentHasher hasher(want, {});
        hasher.update(bytes_);
        digests_ = std::make_shared<const ContentDigests>(hasher.finish());
    }
    [[nodiscard]] std::optional<std::uint64_t> size() const override { return bytes_.size(); }
    Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into, const std::stop_token&) override {
        const std::size_t count = std::min<std::size_t>(into.size(), available(offset));
        std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset), count, into.begin());
        return count;
    }
    [[nodiscard]] std::uint64_t available(std::uint64_t offset) const override {
        return offset < bytes_.size() ? bytes_.size() - offset : 0;
    }
    [[nodiscard]] std::shared_ptr<const ContentDigests> digests() const override { return digests_; }
    [[nodiscard]] const std::vector<std::byte>& bytes() const { return bytes_; }

  private:
    const std::vector<std::byte> bytes_;
    std::shared_ptr<const ContentDigests> digests_;
};

std::vector<std::byte> random_content() {
    std::vector<std::byte> bytes(kProbeBytes);
    random_bytes({reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()});
    return bytes;
}

Status read_back(Provider& provider, const OpContext& ctx, const RemoteObject& object, const MemoryBlob& expected) {
    std::vector<std::byte> got;
    ORACX_TRYV(provider.read(ctx, object, 0, kProbeBytes, [&](std::span<const std::byte> data) {
        got.insert(got.end(), data.begin(), data.end());
        return true;
    }));
    if (got != expected.bytes()) return fail(Errc::corrupt, "read the test file", "other bytes came back than were written");
    return {};
}

Status remove_and_look(Provider& provider, const OpContext& ctx, const RemoteObject& object) {
    ORACX_TRYV(provider.remove(ctx, object, RemoveMode::permanent));
    const auto still = provider.stat(ctx, object.key);
    if (still) return fail(Errc::outcome_unknown, "delete the test file", "it is still there");
    if (still.error().code != Errc::not_found) return fail(still.error());
    return {};
}

}  // namespace

const ProviderTestStep* ProviderTestReport::failed() const {
    const auto found = std::find_if(steps.begin(), steps.end(), [](const ProviderTestStep& step) { return step.error.has_value(); });
    return found == steps.end() ? nullptr : &*found;
}

std::string_view contact_step(std::string_view type, const Error& error) {
    switch (error.code) {
        case Errc::host_key_unknown:
        case Errc::host_key_changed: return "host key";
        case Errc::unauthenticated: return "sign-in";
        default: break;
    }
    if (type == "local") return "folder";
    if (type == "sftp") {
        // "probe: resolve nas", "probe: connect to nas:22"
        const auto was_to = [&](std::string_view verb) {
            const std::size_t at = error.message.find(verb);
            return at == 0 || (at != std::string::npos && error.message.substr(0, at).ends_with(": "));
        };
        if (was_to("resolve ")) return "DNS";
        if (was_to("connect to ")) return "TCP";
    } else if (error.native > 0 && error.native < 100) {
        switch (error.native) {  // of libcurl; answers of servers begin at 100
            case 5:
            case 6: return "DNS";
            case 7: return "TCP";
            case 35:
            case 59:
            case 64: return "TLS";
            case 51:
            case 58:
            case 60:
            case 77:
            case 83: return "certificate";
            default: break;
        }
    }
    if (error.message.find("folder") != std::string::npos) return "folder";
    switch (error.code) {
        case Errc::denied:
        case Errc::not_found:
        case Errc::not_directory:
        case Errc::exists:
        case Errc::name_refused:
        case Errc::config: return "folder";
        default: return "connect";
    }
}

ProviderTestReport test_provider(Provider& provider, const OpContext& ctx, Clock& clock,
                                 const std::function<void(const ProviderTestStep&)>& on_step, const std::string& type) {
    ProviderTestReport report;
    const auto run = [&](const char* name, const std::function<Status()>& body) {
        const SteadyTime begin = clock.steady();
        const Status status = body();
        ProviderTestStep step{name, std::chrono::duration_cast<Millis>(clock.steady() - begin), std::nullopt};
        if (!status) step.error = status.error();
        if (!status && step.name == "connect") step.name = contact_step(type, *step.error);
        report.steps.push_back(std::move(step));
        if (on_step) on_step(report.steps.back());
        return status.has_value();
    };
    MemoryBlob blob(random_content(), provider.capabilities().wanted_digests);
    const ObjectKey key = ".oracxfs-probe-" + random_hex(6);
    RemoteObject object;
    const bool connected = run("connect", [&]() -> Status {
        ORACX_TRY(report.space, provider.probe(ctx));
        return {};
    });
    if (!connected) return report;
    const bool written = run("write", [&]() -> Status {
        PutOptions options;
        options.upload_id = "probe-" + random_hex(6);
        ORACX_TRY(const PutResult put, provider.put(ctx, key, blob, options));
        object = put.object;
        return {};
    });
    if (!written) return report;
    const bool good = run("read", [&] { return read_back(provider, ctx, object, blob); }) &&
                      run("hash", [&] { return provider.verify(ctx, object, *blob.digests()); });
    if (good)
        run("delete", [&] { return remove_and_look(provider, ctx, object); });
    else
        (void)provider.remove(ctx, object, RemoveMode::permanent);
    return report;
}

}  // namespace oracxfs
