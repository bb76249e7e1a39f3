#include "tools/backup/recovery_kit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "tests/support/fake_clock.h"
#include "tests/support/matchers.h"
#include "tests/support/temp_dir.h"
#include "tools/oracxfs/language.h"

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
        return facts ? *facts : Json();
    }

    void TearDown() override { install_texts(nullptr); }

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

TEST_F(RecoveryKitTest, AFrenchPersonReadsItInFrench) {
    const Json kit = facts(R"({"backup": {"zip_encryption": "aes256"}, "providers": {
        "disk": {"type": "local", "path": "/mnt/disk"},
        "nas": {"type": "sftp", "host": "nas.example", "port": 2222, "user": "ada", "key_file": "/home/ada/.ssh/id"},
        "old": {"type": "ftp", "host": "ftp.example", "user": "ada", "ca_file": "/etc/ca.pem"},
        "box": {"type": "dropbox", "app_key": "k123"},
        "drive": {"type": "google-drive"}}})");
    const std::string english = kit_as_text(kit);
    install_texts(texts_of("fr"));
    ASSERT_NE(installed_texts(), nullptr);
    const std::string text = kit_as_text(kit), html = kit_as_html(kit);
    for (const char* words : {"Fiche de r\xc3\xa9" "cup\xc3\xa9ration de", "1. O\xc3\xb9 sont les fichiers", "le dossier /mnt/disk de cette machine",
                              "dossier ORACXPRED sur le serveur SFTP nas.example, port 2222, compte ada", "n\xc3\xa9" "cessaire : le mot de passe du compte", "le certificat du serveur /etc/ca.pem",
                              "Phrase secr\xc3\xa8te des paquets : ____", "oracxfs dropbox --name box --folder /ORACXPRED --app-key k123"}) {
        EXPECT_THAT(text, HasSubstr(words));
        EXPECT_THAT(html, HasSubstr(words));
    }
    EXPECT_THAT(html, HasSubstr("<html lang=\"fr\">"));
    // What is left of the English one are commands.
    std::istringstream lines(english);
    for (std::string line; std::getline(lines, line);) {
        const std::size_t begin = line.find_first_not_of(" *");
        if (begin == std::string::npos || line.find_first_not_of("=-") == std::string::npos) continue;
        const std::string words = line.substr(begin);
        const bool command = words.starts_with("oracxfs ") || words.starts_with("sftp ") || words.starts_with("cd ") || words.starts_with("get ") || words.starts_with("curl ") || words.starts_with("7z ");
        EXPECT_EQ(text.find(words + "\n") != std::string::npos, command) << words;
    }
    // A heading is underlined as long as it is shown.
    EXPECT_THAT(text, HasSubstr("1. O\xc3\xb9 sont les fichiers\n-----------------------\n"));
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
