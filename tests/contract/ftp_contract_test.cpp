// FtpProvider against real servers, TLS required.

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "providers/ftp/ftp_status.h"
#include "tests/contract/provider_contract.h"
#include "tests/support/ftp_setup.h"
#include "tests/support/patience.h"

namespace oracxfs::test {
namespace {

class FtpEnvironment final : public ContractEnvironment {
  public:
    explicit FtpEnvironment(FtpKind kind) : kind_(kind), server_(FtpServer::start({.kind = kind})) {
        if (!server_) throw std::runtime_error("no FTP server here");
        restart();
    }

    Provider& provider() override { return *provider_; }
    void restart() override {
        provider_.reset();
        provider_ = ftp_provider(ftp_config(*server_, clock()));
    }
    [[nodiscard]] ContractTraits traits() const override {
        ContractTraits traits;
        // Without MLSD each file's time is asked for by itself, which a slow machine feels.
        traits.page_entries = kind_ == FtpKind::vsftpd ? 0 : 6'300;
        traits.refuses = [this](const std::string& name) {
            return !ftp::check_name(name) || (kind_ == FtpKind::pure_ftpd && name.find('\\') != std::string::npos);
        };
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
    void await_stored(const std::string& upload_id, std::uint64_t bytes) override {
        const auto until = std::chrono::steady_clock::now() + patient(std::chrono::seconds(20));
        for (std::error_code absent; std::chrono::steady_clock::now() < until; std::this_thread::yield())
            if (const auto there = std::filesystem::file_size(path(part_name(upload_id)), absent); !absent && there >= bytes) return;
    }
    bool remove_behind(const ObjectKey& key) override { return std::filesystem::remove(path(key)); }
    bool add_behind(const ObjectKey& key, const Bytes& data) override {
        const std::string parent = std::filesystem::path(path(key)).parent_path().string();
        if (std::filesystem::create_directories(parent)) server_->hand_over(parent);
        std::ofstream file(path(key), std::ios::binary | std::ios::trunc);
        file.write(reinterpret_cast<const char*>(data.data()), static_cast<std::streamsize>(data.size()));
        file.close();
        server_->hand_over(path(key));
        return file.good();
    }

  private:
    [[nodiscard]] std::string path(const ObjectKey& key) const { return server_->folder() + "/replica/" + key; }

    const FtpKind kind_;
    std::unique_ptr<FtpServer> server_;
    std::unique_ptr<Provider> provider_;
};

std::vector<ContractInstance> instances() {
    std::vector<ContractInstance> all;
    const auto add = [&](std::string name, FtpKind kind) {
        if (FtpServer::available(kind)) all.push_back({std::move(name), [kind] { return std::make_unique<FtpEnvironment>(kind); }});
    };
    add("ProFtpd", FtpKind::proftpd);
    add("Vsftpd", FtpKind::vsftpd);
    add("PureFtpd", FtpKind::pure_ftpd);
    return all;
}

INSTANTIATE_TEST_SUITE_P(Ftp, ProviderContract, testing::ValuesIn(instances()), contract_name);

}  // namespace
}  // namespace oracxfs::test
