#include "tools/backup/recovery_kit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"
#include "tests/support/matchers.h"
#include "tests/support/temp_dir.h"

namespace oracxfs {
namespace {

using test::IsOk;
using testing::HasSubstr;
using testing::Not;

class RecoveryKitTest : public testing::Test {
  protected:
    void SetUp() override {
        auto catalog = Catalog::open({dir_ / "catalog.db", &clock_, Millis(0)});
        ASSERT_THAT(catalog, IsOk());
        catalog_ = std::move(*catalog);
    }
    Json facts(const std::string& settings) {
        auto parsed = ConfigDocument::parse(settings, "cloud_config.json");
        EXPECT_THAT(parsed, IsOk());
        const auto config = make_config(*parsed, [](const std::string& name) -> std::optional<std::string> {
            return name == "HOME" ? std::optional<std::string>("/home/ada") : std::nullopt;
        });
        EXPECT_THAT(config, IsOk());
        auto facts = kit_facts(*catalog_, *config, clock_.wall());
        EXPECT_THAT(facts, IsOk());
        return facts.value_or(Json());
    }

    test::TempDir dir_;
    test::FakeClock clock_;
    std::unique_ptr<Catalog> catalog_;
};

TEST_F(RecoveryKitTest, EachPlaceHasItsWayBackThatCanBeTyped) {
    const Json kit = facts(R"({"providers": {
        "disk": {"type": "local", "path": "/mnt/it's mine"},
        "nas": {"type": "sftp", "host": "nas.example", "port": 2222, "user": "ada", "folder": "back up", "host_key": "SHA256:abc", "key_file": "/home/ada/.ssh/id"},
        "old": {"type": "ftp", "host": "ftp.example", "user": "ada", "tls": "implicit"},
        "box": {"type": "dropbox", "app_key": "k123"},
        "drive": {"type": "google-drive"},
        "off": {"type": "local", "path": "/mnt/off", "enabled": false}}})");
    const std::string text = kit_as_text(kit);
    EXPECT_THAT(text, HasSubstr("oracxfs local --name disk --path '/mnt/it'\\''s mine'"));
    EXPECT_THAT(text, HasSubstr("oracxfs sftp --name nas --host nas.example --port 2222 --user ada --folder 'back up' --host-key-fingerprint SHA256:abc --key FILE"));
    EXPECT_THAT(text, HasSubstr("oracxfs ftp --name old --host ftp.example --user ada --folder ORACXPRED --password-file FILE --implicit"));
    EXPECT_THAT(text, HasSubstr("ftps://ftp.example/ORACXPRED/PACKAGE.zip"));
    EXPECT_THAT(text, HasSubstr("oracxfs dropbox --name box --folder /ORACXPRED --app-key k123"));
    EXPECT_THAT(text, HasSubstr("the same OAuth client"));
    EXPECT_THAT(text, Not(HasSubstr("/mnt/off")));
    EXPECT_THAT(text, HasSubstr("unzip PACKAGE.zip"));
    EXPECT_THAT(text, Not(HasSubstr("Passphrase of the packages")));
}

TEST_F(RecoveryKitTest, AnEncryptedSeriesNeedsItsPassphrase) {
    const std::string text = kit_as_text(facts(R"({"backup": {"zip_encryption": "aes256"}})"));
    EXPECT_THAT(text, HasSubstr("7z x PACKAGE.zip"));
    EXPECT_THAT(text, HasSubstr("oracxfs secrets set backup/passphrase"));
    EXPECT_THAT(text, HasSubstr("Passphrase of the packages: ____"));
    EXPECT_THAT(text, HasSubstr("No place is configured"));
}

TEST_F(RecoveryKitTest, ThePageHoldsNothingThatABrowserWouldRun) {
    const std::string html = kit_as_html(facts(R"({"instance": "<script>alert(1)</script>", "providers": {"disk": {"type": "local", "path": "/mnt/a&b\"<i>"}}})"));
    EXPECT_THAT(html, Not(HasSubstr("<script>")));
    EXPECT_THAT(html, Not(HasSubstr("<i>")));
    EXPECT_THAT(html, HasSubstr("&lt;script&gt;"));
    EXPECT_THAT(html, HasSubstr("/mnt/a&amp;b&quot;&lt;i&gt;"));
}

}  // namespace
}  // namespace oracxfs
