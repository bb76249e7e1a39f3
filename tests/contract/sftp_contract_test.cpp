// SftpProvider against real OpenSSH servers: with a shell, without one, and at the end of a long line.

#include <filesystem>
#include <fstream>

#include "tests/contract/provider_contract.h"
#include "tests/support/delay_proxy.h"
#include "tests/support/sftp_setup.h"

namespace oracxfs::test {
namespace {

struct Line {
    std::chrono::milliseconds one_way{0};
    bool proxied = false;
};

class SftpEnvironment final : public ContractEnvironment {
  public:
    SftpEnvironment(const SshdOptions& options, Line line) : server_(Sshd::start(options)) {
        if (!server_) throw std::runtime_error("no sshd here");
        if (line.proxied)
            proxy_ = std::make_unique<DelayProxy>(
                DelayProxyOptions{.target_port = server_->port(), .one_way = line.one_way});
        restart();
    }

    Provider& provider() override { return *provider_; }
    void restart() override {
        provider_.reset();
        provider_ = sftp_provider(sftp_config(*server_, clock(), proxy_ ? proxy_->port() : 0));
    }
    [[nodiscard]] ContractTraits traits() const override {
        ContractTraits traits;
        traits.page_entries = proxy_ ? 0 : 6'300;
        return traits;
    }

    bool damage(const ObjectKey& key, std::uint64_t offset) override {
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
        file.write(reinterpret_cast<const char*>(data.data()), static_cast<std::streamsize>(data.size()));
        file.close();
        return file.good();
    }

  private:
    [[nodiscard]] std::string path(const ObjectKey& key) const { return server_->folder() + "/replica/" + key; }

    std::unique_ptr<Sshd> server_;
    std::unique_ptr<DelayProxy> proxy_;
    std::unique_ptr<Provider> provider_;
};

ContractInstance instance(std::string name, SshdOptions options, Line line = {}) {
    return {std::move(name), [options, line] { return std::make_unique<SftpEnvironment>(options, line); }};
}

std::vector<ContractInstance> instances() {
    if (!Sshd::available()) return {};
    return {instance("WithShell", {}), instance("WithoutShell", {.internal_sftp = true, .extra_lines = {}}),
            instance("LongLine", {}, {.one_way = std::chrono::milliseconds(5), .proxied = true}),
            instance("Rekeying", {.extra_lines = {"RekeyLimit 1M"}})};
}

INSTANTIATE_TEST_SUITE_P(Sftp, ProviderContract, testing::ValuesIn(instances()), contract_name);

}  // namespace
}  // namespace oracxfs::test
