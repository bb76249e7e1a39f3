// LocalProvider, on whatever file system the temporary folder is, and pretending that it can do nothing special.

#include <filesystem>
#include <fstream>

#include "providers/local/local_provider.h"
#include "tests/contract/provider_contract.h"
#include "tests/support/temp_dir.h"

namespace oracxfs::test {
namespace {

class LocalEnvironment final : public ContractEnvironment {
  public:
    explicit LocalEnvironment(bool plain) : plain_(plain) { restart(); }

    Provider& provider() override { return *provider_; }
    void restart() override {
        ProviderConfig config;
        config.name = "disk";
        config.type = "local";
        config.config = Json::object({{"path", root()}});
        config.clock = &clock();
        provider_ = std::make_unique<LocalProvider>(config);
        if (!plain_) return;
        provider_->features().openat2 = false;
        provider_->features().tmpfile = false;
        provider_->features().exchange = false;
        provider_->features().no_replace = false;
        provider_->features().hard_links = false;
    }
    [[nodiscard]] ContractTraits traits() const override {
        ContractTraits traits;
        traits.huge_file = !plain_;
        traits.page_entries = 5'100;
        return traits;
    }

    bool damage(const ObjectKey& key, std::uint64_t offset) override {
        // Same size, same time: as a disk would do it.
        const auto time = std::filesystem::last_write_time(path(key));
        std::fstream file(path(key), std::ios::in | std::ios::out | std::ios::binary);
        file.seekg(static_cast<std::streamoff>(offset));
        const int byte = file.get();
        file.seekp(static_cast<std::streamoff>(offset));
        file.put(static_cast<char>(byte ^ 1));
        file.close();
        std::filesystem::last_write_time(path(key), time);
        return file.good();
    }
    bool remove_behind(const ObjectKey& key) override { return std::filesystem::remove(path(key)); }
    bool add_behind(const ObjectKey& key, const Bytes& data) override {
        std::filesystem::create_directories(std::filesystem::path(path(key)).parent_path());
        std::ofstream file(path(key), std::ios::binary | std::ios::trunc);
        for (const std::byte byte : data) file.put(static_cast<char>(byte));
        file.close();
        return file.good();
    }

  private:
    [[nodiscard]] std::string root() const { return folder_ / "replica"; }
    [[nodiscard]] std::string path(const ObjectKey& key) const { return root() + "/" + key; }

    const bool plain_;
    TempDir folder_;
    std::unique_ptr<LocalProvider> provider_;
};

INSTANTIATE_TEST_SUITE_P(
    Local, ProviderContract,
    testing::Values(
        ContractInstance{"ThisFileSystem", [] { return std::make_unique<LocalEnvironment>(false); }},
        ContractInstance{"PlainFileSystem", [] { return std::make_unique<LocalEnvironment>(true); }}),
    contract_name);

}  // namespace
}  // namespace oracxfs::test
