// DropboxProvider against the emulated service: in a folder, in the root of the app's folder, and in bad weather.

#include <algorithm>
#include <array>

#include "providers/retrying.h"
#include "tests/contract/dropbox_setup.h"
#include "tests/contract/provider_contract.h"

namespace oracxfs::test {
namespace {

struct Weather {
    bool faults = false;
    std::uint64_t seed = 1;
    bool empty_pages = false;
};

// What Dropbox doesn't store, or not under this name.
bool refused(const std::string& name) {
    constexpr std::array<std::string_view, 4> kNotText{"latin1-\xe9\xff", "\xc0\xaf", "cafe\xcc\x81", "\x01\x1f\x7f"};
    return name.find('\\') != std::string::npos || name.ends_with(' ') ||
           std::find(kNotText.begin(), kNotText.end(), name) != kNotText.end();
}

class DropboxEnvironment final : public ContractEnvironment {
  public:
    DropboxEnvironment(std::string folder, Weather weather) : weather_(weather), setup_(options(weather), std::move(folder)) {
        if (weather.faults) add_faults();
        restart();
    }

    Provider& provider() override { return *provider_; }
    void restart() override {
        provider_.reset();
        auto bare = setup_.make();
        if (!bare) throw std::runtime_error("no provider");
        provider_ = weather_.faults ? std::make_unique<RetryingProvider>(std::move(bare), clock(), weather_.seed) : std::move(bare);
    }
    [[nodiscard]] ContractTraits traits() const override {
        ContractTraits traits;
        traits.page_entries = 2'500;
        traits.resume_bytes = 64u << 20;  // four pieces of 4 MiB are under way at once
        traits.read_detects_change = false;  // revs are read from the history
        traits.refuses = refused;
        traits.case_twin = Errc::name_refused;
        return traits;
    }
    // Somebody else's change; the service's own bit rot is hidden behind a content_hash that stays.
    bool damage(const ObjectKey& key, std::uint64_t offset) override {
        auto content = setup_.service.content(setup_.path(key));
        if (!content) return false;
        (*content)[offset] = static_cast<char>((*content)[offset] ^ 1);
        setup_.service.put(setup_.path(key), std::move(*content));
        return true;
    }
    bool remove_behind(const ObjectKey& key) override { return setup_.service.remove(setup_.path(key)); }
    bool add_behind(const ObjectKey& key, const Bytes& data) override {
        std::string content(data.size(), '\0');
        std::transform(data.begin(), data.end(), content.begin(), [](std::byte byte) { return static_cast<char>(byte); });
        setup_.service.put(setup_.path(key), std::move(content));
        return true;
    }

  private:
    static DropboxOptions options(Weather weather) {
        DropboxOptions options;
        options.seed = weather.seed;
        options.empty_pages = weather.empty_pages;
        return options;
    }

    void add_faults() {
        Faults& faults = setup_.service.faults();
        const auto now_and_then = [&](std::string endpoint, const Fault& fault, double probability) {
            FaultRule rule;
            rule.endpoint = std::move(endpoint);
            rule.fault = fault;
            rule.skip = 8;  // the beginning has to go well: a probe is not repeated
            rule.times = 0;
            rule.probability = probability;
            faults.add(rule);
        };
        std::cerr << "seed of the faults: " << faults.seed() << "\n";
        now_and_then("*", Fault::throttle(std::chrono::seconds(1)), 0.005);
        now_and_then("*", Fault::of(Fault::Kind::token_expired), 0.01);
        now_and_then("*", Fault::html(502), 0.01);
        now_and_then("files/download", Fault::of(Fault::Kind::reset_before), 0.02);
        for (const char* endpoint : {"files/upload", "files/upload_session/*", "files/move_v2", "files/delete_v2", "files/create_folder_v2", "files/get_metadata"}) {
            now_and_then(endpoint, Fault::of(Fault::Kind::lost_answer), 0.02);
            now_and_then(endpoint, Fault::of(Fault::Kind::reset_before, 100'000), 0.01);
        }
        now_and_then("files/upload*", Fault::of(Fault::Kind::truncate, 10), 0.01);
    }

    const Weather weather_;
    DropboxSetup setup_;
    std::unique_ptr<Provider> provider_;
};

ContractInstance instance(std::string name, std::string folder, Weather weather = {}) {
    return {std::move(name), [folder, weather] { return std::make_unique<DropboxEnvironment>(folder, weather); }};
}

INSTANTIATE_TEST_SUITE_P(Dropbox, ProviderContract,
                         testing::Values(instance("InAFolder", "/ORACXPRED"), instance("InTheRoot", "", {.empty_pages = true}),
                                         instance("BadWeather", "/Backups/Köln", {.faults = true, .seed = 7})),
                         contract_name);

}  // namespace
}  // namespace oracxfs::test
