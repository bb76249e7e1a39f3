#pragma once
// One suite that every provider must pass (the tests are in provider_contract_test.cpp). A provider joins by an
// environment and one line in a *_test.cpp of this folder:
//
//     class SftpEnvironment final : public ContractEnvironment { ... };
//     INSTANTIATE_TEST_SUITE_P(Sftp, ProviderContract,
//         testing::Values(ContractInstance{"plain", [] { return std::make_unique<SftpEnvironment>(); }}), contract_name);

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "providers/provider.h"
#include "tests/support/blobs.h"

namespace oracxfs::test {

// What the environment can show; a test whose precondition is missing is skipped and says so.
struct ContractTraits {
    bool huge_file = false;          // room and speed for a sparse file of 5 GiB
    std::size_t page_entries = 0;    // this many entries need more than one page; 0 = the paging test is skipped
    std::uint64_t resume_bytes = 24u << 20;  // big enough to be cut in the middle
    bool versions = true;            // versions() works
    bool read_detects_change = true; // read() of an outdated rev fails with changed
    // Names that the service behind refuses (name_refused); by default every name is fine.
    std::function<bool(const std::string& name)> refuses = [](const std::string&) { return false; };
    // Kinds with case_insensitive: what a name gets that differs from an existing one by its case only.
    Errc case_twin = Errc::exists;
};

// One fresh, empty provider with everything it needs.
class ContractEnvironment {
  public:
    virtual ~ContractEnvironment() = default;

    virtual Provider& provider() = 0;
    // Another instance on the same storage, as after a restart of the program. The old one is gone then.
    virtual void restart() {}
    [[nodiscard]] virtual ContractTraits traits() const { return {}; }
    // The clock that the provider was given.
    virtual Clock& clock() { return system_clock_; }

    // Behind the provider's back. False = not possible here (the test is skipped).
    virtual bool damage(const ObjectKey& /*key*/, std::uint64_t /*offset*/) { return false; }
    virtual bool remove_behind(const ObjectKey& /*key*/) { return false; }
    virtual bool add_behind(const ObjectKey& /*key*/, const Bytes& /*data*/) { return false; }

    // Until so much of an upload is at the storage, where bytes are handed over without an answer to each piece.
    virtual void await_stored(const std::string& /*upload_id*/, std::uint64_t /*bytes*/) {}

  private:
    SystemClock system_clock_;
};

struct ContractInstance {
    std::string name;  // [A-Za-z0-9]
    std::function<std::unique_ptr<ContractEnvironment>()> make;
};

inline std::string contract_name(const testing::TestParamInfo<ContractInstance>& info) {
    return info.param.name;
}
// Instead of the bytes of the closure, which would end up in the names that ctest sees.
inline void PrintTo(const ContractInstance& instance, std::ostream* out) { *out << instance.name; }

class ProviderContract : public testing::TestWithParam<ContractInstance> {
  protected:
    void SetUp() override;

    Provider& provider() { return environment_->provider(); }
    ContractEnvironment& environment() { return *environment_; }
    [[nodiscard]] const ContractTraits& traits() const { return traits_; }

    // "contract-1", "contract-2", ...
    std::string next_upload_id();
    PutOptions options(std::optional<RemoteObject> replaces = {});
    Result<PutResult> put(const ObjectKey& key, std::string_view text,
                          std::optional<RemoteObject> replaces = {});
    // put that must succeed.
    RemoteObject stored(const ObjectKey& key, std::string_view text);
    // The whole object, or the error text in a form that no content has.
    Bytes content(const RemoteObject& object);
    std::string text(const ObjectKey& key);

    struct Listing {
        std::vector<RemoteObject> entries;
        std::vector<RemoteObject> leftovers;
        std::size_t pages = 0;
        [[nodiscard]] std::vector<ObjectKey> keys() const;  // sorted
        [[nodiscard]] std::vector<ObjectKey> files() const;
    };
    Listing listing(const ObjectKey& directory = "");
    void expect_no_leftovers();

    const OpContext ctx_{};

  private:
    std::unique_ptr<ContractEnvironment> environment_;
    ContractTraits traits_;
    int uploads_ = 0;
};

}  // namespace oracxfs::test
