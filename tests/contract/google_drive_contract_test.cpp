// GoogleDriveProvider against the emulated service: in good weather, with the scope of the whole Drive, and in bad weather.

#include <algorithm>
#include <iostream>

#include "providers/google_drive/drive_json.h"
#include "providers/retrying.h"
#include "tests/contract/google_drive_setup.h"
#include "tests/contract/provider_contract.h"

namespace oracxfs::test {
namespace {

struct DriveWeather {
    bool faults = false;
    std::uint64_t seed = 1;
    bool empty_pages = false;
    bool everything = false;  // the scope drive
    bool sha_checksums = true;
};

class DriveEnvironment final : public ContractEnvironment {
  public:
    explicit DriveEnvironment(const DriveWeather& weather) : weather_(weather), setup_(options(weather)) {
        if (weather.everything)
            setup_.sign_in(setup_.machine, setup_.service.oauth().grant(std::set<std::string>{"https://www.googleapis.com/auth/drive"}));
        if (weather.faults) add_faults();
        restart();
    }

    Provider& provider() override { return *provider_; }
    void restart() override {
        provider_.reset();
        auto bare = setup_.make(setup_.machine, &clock(), weather_.everything ? Json::object({{"scope", "drive"}}) : Json::object());
        if (!bare) throw std::runtime_error("no provider");
        provider_ = weather_.faults ? std::make_unique<RetryingProvider>(std::move(bare), clock(), weather_.seed) : std::move(bare);
    }
    [[nodiscard]] ContractTraits traits() const override {
        ContractTraits traits;
        traits.page_entries = weather_.faults ? 0 : 2'300;
        traits.refuses = [](const std::string& name) { return !drive::is_utf8(name); };
        return traits;
    }

    // Somebody else's change; what rots at the service behind checksums that stay cannot be told by them.
    bool damage(const ObjectKey& key, std::uint64_t offset) override {
        const auto files = setup_.at(key);
        auto content = files.empty() ? std::nullopt : setup_.service.content(files.front().id);
        if (!content) return false;
        (*content)[offset] = static_cast<char>((*content)[offset] ^ 1);
        return setup_.service.replace(files.front().id, std::move(*content));
    }
    bool remove_behind(const ObjectKey& key) override {
        const auto files = setup_.at(key);
        return !files.empty() && setup_.service.remove(files.front().id);
    }
    bool add_behind(const ObjectKey& key, const Bytes& data) override {
        std::string content(data.size(), '\0');
        std::transform(data.begin(), data.end(), content.begin(), [](std::byte byte) { return static_cast<char>(byte); });
        setup_.add(key, std::move(content));
        return true;
    }

  private:
    static DriveOptions options(const DriveWeather& weather) {
        DriveOptions options;
        options.seed = weather.seed;
        options.empty_pages = weather.empty_pages;
        options.sha_checksums = weather.sha_checksums;
        options.name_lag = Millis::max();
        return options;
    }

    void add_faults() {
        Faults& faults = setup_.service.faults();
        const auto now_and_then = [&](std::string endpoint, const Fault& fault, double probability) {
            FaultRule rule;
            rule.endpoint = std::move(endpoint);
            rule.fault = fault;
            rule.times = 0;
            rule.probability = probability;
            faults.add(rule);
        };
        std::cerr << "seed of the faults: " << faults.seed() << "\n";
        now_and_then("files.*", Fault::throttle(std::chrono::seconds(1)), 0.005);
        now_and_then("files.*", Fault::google_throttle_403(), 0.005);
        now_and_then("*", Fault::of(Fault::Kind::token_expired), 0.01);
        now_and_then("*", Fault::html(502), 0.01);
        now_and_then("files.download", Fault::of(Fault::Kind::reset_before), 0.01);
        for (const char* endpoint : {"files.create", "files.update", "files.delete", "files.get", "upload.*"}) {
            now_and_then(endpoint, Fault::of(Fault::Kind::lost_answer), 0.02);
            now_and_then(endpoint, Fault::of(Fault::Kind::truncate, 10), 0.01);
        }
        now_and_then("upload.*", Fault::of(Fault::Kind::reset_before, 300'000), 0.02);
        now_and_then("upload.put", Fault::of(Fault::Kind::partial_store, 1u << 20), 0.05);
    }

    const DriveWeather weather_;
    GoogleDriveSetup setup_;
    std::unique_ptr<Provider> provider_;
};

ContractInstance instance(std::string name, const DriveWeather& weather) {
    return {std::move(name), [weather] { return std::make_unique<DriveEnvironment>(weather); }};
}

INSTANTIATE_TEST_SUITE_P(GoogleDrive, ProviderContract,
                         testing::Values(instance("OwnFiles", {}), instance("WholeDrive", {.empty_pages = true, .everything = true}),
                                         instance("OnlyMd5", {.sha_checksums = false}),
                                         instance("BadWeather", {.faults = true, .seed = 7})),
                         contract_name);

}  // namespace
}  // namespace oracxfs::test
