#include "tools/oracxfs/provider_factory.h"

#include <algorithm>

#include "base/hash.h"
#include "providers/dropbox/dropbox_provider.h"
#include "providers/ftp/ftp_provider.h"
#include "providers/google_drive/google_drive_provider.h"
#include "providers/limiting.h"
#include "providers/local/local_provider.h"
#include "providers/metered.h"
#include "providers/reading_back.h"
#include "providers/retrying.h"
#include "providers/sftp/sftp_provider.h"
#include "tools/oracxfs/secret_store.h"

namespace oracxfs {
namespace {

class UnusableProvider final : public Provider {
  public:
    explicit UnusableProvider(Error reason) : reason_(std::move(reason)) {}

    [[nodiscard]] const Capabilities& capabilities() const override { return capabilities_; }
    Result<Space> probe(const OpContext&) override { return fail(reason_); }
    Result<PutResult> put(const OpContext&, const ObjectKey&, BlobReader&, const PutOptions&) override { return fail(reason_); }
    Status discard_upload(const OpContext&, const ObjectKey&, const std::string&, const std::string&) override { return fail(reason_); }
    Result<RemoteObject> stat(const OpContext&, const ObjectKey&) override { return fail(reason_); }
    Status read(const OpContext&, const RemoteObject&, std::uint64_t, std::uint64_t, const ByteSink&) override { return fail(reason_); }
    Status verify(const OpContext&, const RemoteObject&, const ContentDigests&) override { return fail(reason_); }
    Result<ListPage> list(const OpContext&, const ObjectKey&, const std::string&) override { return fail(reason_); }
    Status remove(const OpContext&, const RemoteObject&, RemoveMode) override { return fail(reason_); }
    Result<RemoteObject> rename(const OpContext&, const RemoteObject&, const ObjectKey&, const std::optional<RemoteObject>&) override { return fail(reason_); }
    Result<RemoteObject> make_directory(const OpContext&, const ObjectKey&) override { return fail(reason_); }
    Status remove_directory(const OpContext&, const ObjectKey&) override { return fail(reason_); }
    Result<std::uint64_t> purge_trash(const OpContext&, Millis) override { return fail(reason_); }

  private:
    const Error reason_;
    const Capabilities capabilities_;
};

}  // namespace

ProviderRegistry make_registry() {
    ProviderRegistry registry;
    registry.add("local", make_local_provider);
    registry.add(kSftpType, make_sftp_provider);
    registry.add(kFtpType, make_ftp_provider);
    registry.add(kDropboxType, make_dropbox_provider);
    registry.add(kGoogleDriveType, make_google_drive_provider);
    for (const char* later : {"s3", "webdav"})
        registry.add(later, [](const ProviderConfig& config) -> Result<std::unique_ptr<Provider>> {
            return fail(Error(Errc::unsupported, "open provider " + config.name,
                              "the type " + config.type + " is not supported in this version")
                            .with_provider(config.name));
        });
    return registry;
}

std::string secret_name(const std::string& provider, const std::string& what) { return provider + "/" + what; }

Result<std::unique_ptr<Provider>> make_provider(const ProviderRegistry& registry, const ProviderEntry& entry,
                                                const ProviderSurroundings& surroundings) {
    ProviderConfig config;
    config.name = entry.name;
    config.type = entry.type;
    config.config = entry.values;
    const std::string own_verify = entry.values["verify"].as_string();
    if (surroundings.verify_by_download && own_verify == "auto") config.config.set("verify", "readback");
    // "auth": "secret:OTHER" lets entries share what is stored under another name.
    std::string owner = entry.name;
    if (const std::string& auth = entry.values["auth"].as_string(); auth.starts_with("secret:")) owner = auth.substr(7);
    config.secret = [look_up = surroundings.secret, owner](const std::string& what) -> Result<std::string> {
        const std::string name = secret_name(owner, what);
        if (is_program_secret(name)) return fail(Errc::not_found, "read secret " + name, "it is no provider's");
        return look_up(name);
    };
    if (surroundings.store_secret)
        config.store_secret = [store = surroundings.store_secret, owner](const std::string& what, const std::string& value) -> Status {
            const std::string name = secret_name(owner, what);
            if (is_program_secret(name)) return fail(Errc::not_permitted, "store secret " + name, "it is no provider's");
            return store(name, value);
        };
    config.forbidden_paths = surroundings.forbidden_paths;
    config.state_directory = surroundings.state_directory;
    config.instance = surroundings.instance;
    config.clock = surroundings.clock;
    auto real = registry.create(config);
    if (!real) {
        Error error = real.error();
        error.provider = entry.name;
        return fail(std::move(error));
    }
    const auto limit = [&](const char* key) { return static_cast<std::uint64_t>(entry.values[key].as_int()); };
    const BandwidthLimits limits{limit("upload_limit"), limit("download_limit")};
    RateByTime by_time;
    if (surroundings.upload_limit)
        by_time = [common = surroundings.upload_limit, own = limits.upload_bytes_per_second](WallTime now) {
            const std::uint64_t rate = common(now);
            return own == 0 || rate == 0 ? std::max(own, rate) : std::min(own, rate);
        };
    Clock& clock = *surroundings.clock;
    std::unique_ptr<Provider> limited = std::make_unique<LimitingProvider>(std::move(*real), clock, limits, std::move(by_time));
    if (surroundings.verify_by_download && own_verify != "hash" && !limited->capabilities().reads_back)
        limited = std::make_unique<ReadingBackProvider>(std::move(limited));
    auto retrying = std::make_unique<RetryingProvider>(std::move(limited), clock, random_u64());
    return std::unique_ptr<Provider>(std::make_unique<MeteredProvider>(std::move(retrying), clock));
}

std::shared_ptr<Provider> make_unusable_provider(Error reason) { return std::make_shared<UnusableProvider>(std::move(reason)); }

}  // namespace oracxfs
