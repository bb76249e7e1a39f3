#include "tools/oracxfs/secret_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/matchers.h"
#include "tests/support/temp_dir.h"
#include "tools/backup/backup_environment.h"
#include "tools/config/schema.h"
#include "tools/oracxfs/provider_factory.h"

namespace oracxfs {
namespace {

using test::HasCode;
using test::IsOk;
using testing::UnorderedElementsAre;

class SecretStoreTest : public testing::Test {
  protected:
    static Environment at(const std::string& folder) {
        return [folder](const std::string& name) -> std::optional<std::string> {
            if (name == "ORACXFS_HOME" || name == "HOME") return folder;
            return std::nullopt;
        };
    }
    std::vector<std::string> names() { return store_.names().value(); }

    test::TempDir dir_;
    SecretStore store_{find_places(at(dir_ / "")), at(dir_ / "")};
};

TEST_F(SecretStoreTest, ThePackagesPassphraseBelongsToNoProviderWhateverThatIsCalled) {
    ASSERT_THAT(store_.put("backup/password", "of a provider that is called so"), IsOk());
    ASSERT_THAT(store_.put(kPackagePassphrase, "of the packages"), IsOk());
    ASSERT_THAT(store_.rename_owner("backup", "nas"), IsOk());
    EXPECT_THAT(names(), UnorderedElementsAre("nas/password", kPackagePassphrase));
    ASSERT_THAT(store_.rename_owner("nas", "backup"), IsOk());
    ASSERT_THAT(store_.remove_owner("backup"), IsOk());
    EXPECT_THAT(names(), UnorderedElementsAre(kPackagePassphrase));
    EXPECT_EQ(store_.get(kPackagePassphrase).value(), "of the packages");
}

TEST_F(SecretStoreTest, AnotherProvidersSecretsStay) {
    ASSERT_THAT(store_.put("nas/password", "a"), IsOk());
    ASSERT_THAT(store_.put("nas2/password", "b"), IsOk());
    ASSERT_THAT(store_.remove_owner("nas"), IsOk());
    EXPECT_THAT(names(), UnorderedElementsAre("nas2/password"));
}

TEST(ProgramSecrets, NoProviderCanReadOrOverwriteThem) {
    EXPECT_TRUE(is_program_secret(kPackagePassphrase));
    EXPECT_TRUE(is_reserved_provider_name(std::string_view(kPackagePassphrase).substr(0, 6)));
    ProviderRegistry registry;
    ProviderConfig seen;
    registry.add("watch", [&](const ProviderConfig& config) -> Result<std::unique_ptr<Provider>> {
        seen = config;
        return fail(Errc::unsupported, "make it");
    });
    int asked = 0;
    ProviderSurroundings surroundings;
    surroundings.secret = [&](const std::string& name) -> Result<std::string> {
        ++asked;
        EXPECT_EQ(name, "backup/password");
        return std::string("x");
    };
    surroundings.store_secret = [&](const std::string& name, const std::string&) -> Status {
        ++asked;
        EXPECT_EQ(name, "backup/token");
        return {};
    };
    ProviderEntry entry;
    entry.name = "backup";
    entry.type = "watch";
    entry.values = Json::object({{"type", "watch"}});
    EXPECT_THAT(make_provider(registry, entry, surroundings), HasCode(Errc::unsupported));
    EXPECT_THAT(seen.secret("passphrase"), HasCode(Errc::not_found));
    EXPECT_THAT(seen.store_secret("passphrase", "y"), HasCode(Errc::not_permitted));
    EXPECT_EQ(asked, 0);
    EXPECT_THAT(seen.secret("password"), IsOk());
    EXPECT_THAT(seen.store_secret("token", "y"), IsOk());
    EXPECT_EQ(asked, 2);
}

}  // namespace
}  // namespace oracxfs
