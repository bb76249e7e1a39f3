#include "cache/secrets.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "base/crash_point.h"
#include "base/hash.h"
#include "cache/secret_box.h"
#include "cache/sqlite.h"
#include "tests/support/matchers.h"
#include "tests/support/temp_dir.h"

namespace oracxfs::test {
namespace {

namespace files = std::filesystem;

std::string content_of(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

void write_private(const std::string& path, const std::string& text) {
    std::ofstream(path) << text;
    files::permissions(path, files::perms::owner_read | files::perms::owner_write);
}

class SecretsTest : public ::testing::Test {
  protected:
    Result<std::unique_ptr<Secrets>> open(std::optional<std::string> passphrase = {}) {
        return Secrets::open({.database = database_, .master_key_file = key_, .passphrase = std::move(passphrase)});
    }
    std::unique_ptr<Secrets> opened(std::optional<std::string> passphrase = {}) {
        auto secrets = open(std::move(passphrase));
        EXPECT_THAT(secrets, IsOk());
        return secrets ? std::move(*secrets) : nullptr;
    }
    // Runs raw SQL, as somebody would who has the file.
    void tamper(const std::string& sql) {
        auto database = sqlite::Database::open({.path = database_});
        ASSERT_THAT(database, IsOk());
        ASSERT_THAT((*database)->execute(sql), IsOk());
    }
    std::string raw_record(const std::string& name) {
        auto database = sqlite::Database::open({.path = database_});
        EXPECT_THAT(database, IsOk());
        return (*database)->text("SELECT sealed FROM record WHERE name = ?", name)->value_or("");
    }
    void store_raw(const std::string& name, const std::string& sealed) {
        auto database = sqlite::Database::open({.path = database_});
        ASSERT_THAT(database, IsOk());
        ASSERT_THAT((*database)->run("UPDATE record SET sealed = ? WHERE name = ?", sqlite::Blob{sealed}, name), IsOk());
    }
    // Everything that lies on the disk, database, log and keys.
    [[nodiscard]] std::string all_files() const {
        std::string all;
        for (const auto& entry : files::directory_iterator(dir_.path())) all += content_of(entry.path().string());
        return all;
    }

    TempDir dir_;
    const std::string database_ = dir_ / "secrets.db";
    const std::string key_ = dir_ / "master.key";
    const std::string new_key_ = key_ + ".new";
};

TEST_F(SecretsTest, GivesBackWhatWasPutAlsoAfterAReopen) {
    const std::string value("pass\0word \xff", 11);
    {
        auto secrets = opened();
        ASSERT_THAT(secrets->put("sftp1", value), IsOk());
        ASSERT_THAT(secrets->put("empty", ""), IsOk());
        ASSERT_THAT(secrets->put("big", std::string(100'000, 'x')), IsOk());
        EXPECT_EQ(*secrets->get("sftp1"), value);
    }
    auto secrets = opened();
    EXPECT_EQ(*secrets->get("sftp1"), value);
    EXPECT_EQ(*secrets->get("empty"), "");
    EXPECT_EQ(secrets->get("big")->size(), 100'000u);
    EXPECT_THAT(secrets->get("other"), HasCode(Errc::not_found));
    EXPECT_EQ(*secrets->names(), (std::vector<std::string>{"big", "empty", "sftp1"}));
}

TEST_F(SecretsTest, PutReplacesAndRemoveForgets) {
    auto secrets = opened();
    ASSERT_THAT(secrets->put("a", "one"), IsOk());
    ASSERT_THAT(secrets->put("a", "two"), IsOk());
    EXPECT_EQ(*secrets->get("a"), "two");
    ASSERT_THAT(secrets->remove("a"), IsOk());
    ASSERT_THAT(secrets->remove("a"), IsOk());
    EXPECT_THAT(secrets->get("a"), HasCode(Errc::not_found));
}

TEST_F(SecretsTest, NoValueLiesReadableOnTheDisk) {
    auto secrets = opened();
    ASSERT_THAT(secrets->put("token", "MARKER-IN-CLEAR"), IsOk());
    EXPECT_EQ(all_files().find("MARKER-IN-CLEAR"), std::string::npos);
    EXPECT_NE(all_files().find("token"), std::string::npos) << "the check itself looks at the right files";
}

TEST_F(SecretsTest, EachRecordHasANonceOfItsOwn) {
    auto secrets = opened();
    ASSERT_THAT(secrets->put("a", "same"), IsOk());
    const std::string first = raw_record("a");
    ASSERT_THAT(secrets->put("a", "same"), IsOk());
    EXPECT_NE(first.substr(0, 12), raw_record("a").substr(0, 12));
}

TEST_F(SecretsTest, TheKeyFileIsMadeForTheOwnerOnly) {
    opened();
    struct stat status {};
    ASSERT_EQ(::stat(key_.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600u);
    ASSERT_EQ(::stat(database_.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600u);
    const std::string text = content_of(key_);
    EXPECT_EQ(text.size(), 65u);
    EXPECT_TRUE(SecretKey::from_hex(text).has_value());
    EXPECT_FALSE(files::exists(new_key_));
}

TEST_F(SecretsTest, FilesThatOthersCanReadAreRefused) {
    ASSERT_THAT(opened()->put("a", "v"), IsOk());
    for (const std::string& path : {key_, database_}) {
        for (const auto perms : {files::perms::group_read, files::perms::others_read, files::perms::others_write}) {
            files::permissions(path, perms, files::perm_options::add);
            EXPECT_THAT(open(), HasCode(Errc::denied)) << path;
            files::permissions(path, perms, files::perm_options::remove);
        }
    }
    EXPECT_EQ(*opened()->get("a"), "v");
}

TEST_F(SecretsTest, SwappedRecordsAreNoticed) {
    auto secrets = opened();
    ASSERT_THAT(secrets->put("a", "value of a"), IsOk());
    ASSERT_THAT(secrets->put("b", "value of b"), IsOk());
    tamper("UPDATE record SET name = 'tmp' WHERE name = 'a'; UPDATE record SET name = 'a' WHERE name = 'b';"
           "UPDATE record SET name = 'b' WHERE name = 'tmp'");
    EXPECT_THAT(secrets->get("a"), HasCode(Errc::corrupt));
    EXPECT_THAT(secrets->get("b"), HasCode(Errc::corrupt));
}

TEST_F(SecretsTest, TheVerifierCannotBePassedOffAsARecord) {
    auto secrets = opened();
    ASSERT_THAT(secrets->put("a", "v"), IsOk());
    tamper("UPDATE record SET sealed = (SELECT verifier FROM lock)");
    EXPECT_THAT(secrets->get("a"), HasCode(Errc::corrupt));
}

TEST_F(SecretsTest, EveryFlippedBitAndEveryCutIsNoticed) {
    auto secrets = opened();
    ASSERT_THAT(secrets->put("a", "value"), IsOk());
    const std::string whole = raw_record("a");
    ASSERT_EQ(whole.size(), 12u + 5u + 16u);
    for (std::size_t at = 0; at < whole.size(); ++at) {
        std::string changed = whole;
        changed[at] = static_cast<char>(changed[at] ^ (1 << (at % 8)));
        store_raw("a", changed);
        EXPECT_THAT(secrets->get("a"), HasCode(Errc::corrupt)) << "byte " << at;
    }
    for (std::size_t size = 0; size < whole.size(); ++size) {
        store_raw("a", whole.substr(0, size));
        EXPECT_THAT(secrets->get("a"), HasCode(Errc::corrupt)) << "cut at " << size;
    }
    store_raw("a", whole);
    EXPECT_EQ(*secrets->get("a"), "value");
}

TEST_F(SecretsTest, AnotherKeyIsRefusedAndNothingIsOverwritten) {
    ASSERT_THAT(opened()->put("a", "v"), IsOk());
    const std::string right = content_of(key_);
    const std::string wrong = to_hex(sha256_of({})) + "\n";
    write_private(key_, wrong);
    EXPECT_THAT(open(), HasCode(Errc::key_unavailable));
    EXPECT_EQ(content_of(key_), wrong);
    write_private(key_, right);
    EXPECT_EQ(*opened()->get("a"), "v");
}

TEST_F(SecretsTest, AKeyFileWithoutAKeyIsRefused) {
    write_private(key_, "not a key");
    EXPECT_THAT(open(), HasCode(Errc::key_unavailable));
    EXPECT_EQ(content_of(key_), "not a key");
}

TEST_F(SecretsTest, AMissingKeyIsRefusedWhileRecordsExist) {
    ASSERT_THAT(opened()->put("a", "v"), IsOk());
    const std::string right = content_of(key_);
    files::remove(key_);
    EXPECT_THAT(open(), HasCode(Errc::key_unavailable));
    EXPECT_FALSE(files::exists(key_));
    write_private(key_, right);
    EXPECT_EQ(*opened()->get("a"), "v");
}

TEST_F(SecretsTest, AMissingKeyIsMadeAnewWhileNothingIsStored) {
    opened();
    files::remove(key_);
    ASSERT_THAT(opened()->put("a", "v"), IsOk());
    EXPECT_EQ(*opened()->get("a"), "v");
}

TEST_F(SecretsTest, AKeyFileThatIsThereAlreadyIsUsed) {
    const std::string text = std::string(64, '7') + "\n";
    write_private(key_, text);
    ASSERT_THAT(opened()->put("a", "v"), IsOk());
    EXPECT_EQ(content_of(key_), text);
    EXPECT_EQ(*opened()->get("a"), "v");
}

TEST_F(SecretsTest, APassphraseOpensWhatItClosed) {
    ASSERT_THAT(opened("right horse")->put("a", "v"), IsOk());
    EXPECT_FALSE(files::exists(key_));
    EXPECT_EQ(*opened("right horse")->get("a"), "v");
    EXPECT_THAT(open("wrong horse"), HasCode(Errc::key_unavailable));
    EXPECT_THAT(open(), HasCode(Errc::key_unavailable));
    EXPECT_FALSE(files::exists(key_));
    EXPECT_EQ(*opened("right horse")->get("a"), "v");
}

TEST_F(SecretsTest, APassphraseForStoredSecretsWithAKeyFileIsRefused) {
    ASSERT_THAT(opened()->put("a", "v"), IsOk());
    EXPECT_THAT(open("a passphrase"), HasCode(Errc::key_unavailable));
    EXPECT_EQ(*opened()->get("a"), "v");
}

TEST_F(SecretsTest, AnEmptyPassphraseIsRefused) {
    EXPECT_THAT(open(""), HasCode(Errc::invalid));
    auto secrets = opened();
    EXPECT_THAT(secrets->rekey(""), HasCode(Errc::invalid));
}

TEST_F(SecretsTest, AChangedSaltIsAWrongKey) {
    ASSERT_THAT(opened("right")->put("a", "v"), IsOk());
    tamper("UPDATE lock SET salt = x'00112233445566778899aabbccddeeff'");
    EXPECT_THAT(open("right"), HasCode(Errc::key_unavailable));
}

TEST_F(SecretsTest, RekeyEncryptsEverythingAnew) {
    auto secrets = opened();
    ASSERT_THAT(secrets->put("a", "one"), IsOk());
    ASSERT_THAT(secrets->put("b", "two"), IsOk());
    const std::string old_key = content_of(key_);
    const std::string old_record = raw_record("a");
    ASSERT_THAT(secrets->rekey(std::nullopt), IsOk());
    EXPECT_NE(content_of(key_), old_key);
    EXPECT_FALSE(files::exists(new_key_));
    EXPECT_EQ(*secrets->get("a"), "one");
    ASSERT_THAT(secrets->put("c", "three"), IsOk());
    secrets.reset();
    EXPECT_EQ(all_files().find(old_record), std::string::npos) << "what the old key opens is gone from the files";
    secrets = opened();
    EXPECT_EQ(*secrets->get("a"), "one");
    EXPECT_EQ(*secrets->get("b"), "two");
    EXPECT_EQ(*secrets->get("c"), "three");
    secrets.reset();
    write_private(key_, old_key);
    EXPECT_THAT(open(), HasCode(Errc::key_unavailable));
}

TEST_F(SecretsTest, RekeyMovesBetweenKeyFileAndPassphrase) {
    auto secrets = opened();
    ASSERT_THAT(secrets->put("a", "v"), IsOk());
    ASSERT_THAT(secrets->rekey("first"), IsOk());
    EXPECT_FALSE(files::exists(key_));
    EXPECT_EQ(*secrets->get("a"), "v");
    secrets.reset();
    EXPECT_THAT(open(), HasCode(Errc::key_unavailable));

    secrets = opened("first");
    ASSERT_THAT(secrets->rekey("second"), IsOk());
    secrets.reset();
    EXPECT_THAT(open("first"), HasCode(Errc::key_unavailable));

    secrets = opened("second");
    ASSERT_THAT(secrets->rekey(std::nullopt), IsOk());
    EXPECT_TRUE(files::exists(key_));
    secrets.reset();
    EXPECT_EQ(*opened()->get("a"), "v");
}

TEST_F(SecretsTest, RekeyChangesNothingWhenOneRecordIsDamaged) {
    auto secrets = opened();
    ASSERT_THAT(secrets->put("a", "v"), IsOk());
    ASSERT_THAT(secrets->put("b", "w"), IsOk());
    store_raw("b", "damaged beyond all recognition, really");
    const std::string key = content_of(key_);
    const std::string record = raw_record("a");
    EXPECT_THAT(secrets->rekey(std::nullopt), HasCode(Errc::corrupt));
    EXPECT_EQ(content_of(key_), key);
    EXPECT_EQ(raw_record("a"), record);
    EXPECT_FALSE(files::exists(new_key_));
    EXPECT_EQ(*secrets->get("a"), "v");
    EXPECT_EQ(*opened()->get("a"), "v");
}

// The process dies at `point` inside rekey(); then everything must still be readable, with one key file and no leftover.
class SecretsCrashTest : public SecretsTest {
  protected:
    void crash_in_rekey(const std::string& point, std::optional<std::string> from, std::optional<std::string> to) {
        {
            auto secrets = opened(from);
            ASSERT_THAT(secrets->put("a", "one"), IsOk());
            ASSERT_THAT(secrets->put("b", "two"), IsOk());
        }
        const pid_t child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            auto secrets = open(from);
            arm_crash_point(point);
            if (secrets) std::ignore = (*secrets)->rekey(to);
            ::_exit(0);
        }
        int status = 0;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        ASSERT_TRUE(WIFSIGNALED(status)) << "the crash point was not reached";
    }
    void expect_whole(const std::optional<std::string>& passphrase) {
        for (int i = 0; i < 2; ++i) {  // the second time without anything left to tidy
            auto secrets = opened(passphrase);
            EXPECT_EQ(*secrets->get("a"), "one");
            EXPECT_EQ(*secrets->get("b"), "two");
            EXPECT_FALSE(files::exists(new_key_));
            EXPECT_EQ(files::exists(key_), !passphrase);
        }
    }
};

TEST_F(SecretsCrashTest, ACrashBeforeTheCommitKeepsTheOldKey) {
    crash_in_rekey("secrets.rekey.key_written", {}, {});
    EXPECT_TRUE(files::exists(new_key_));
    const std::string key = content_of(key_);
    expect_whole({});
    EXPECT_EQ(content_of(key_), key);
}

TEST_F(SecretsCrashTest, ACrashAfterTheCommitTakesTheNewKey) {
    crash_in_rekey("secrets.rekey.committed", {}, {});
    ASSERT_TRUE(files::exists(new_key_));
    const std::string key = content_of(new_key_);
    expect_whole({});
    EXPECT_EQ(content_of(key_), key);
}

TEST_F(SecretsCrashTest, ACrashOnTheWayToAPassphraseLeavesOneOfTheTwo) {
    crash_in_rekey("secrets.rekey.key_written", {}, "words");
    expect_whole({});
    crash_in_rekey("secrets.rekey.committed", {}, "words");
    expect_whole("words");
}

TEST_F(SecretsCrashTest, ACrashOnTheWayToAKeyFileLeavesOneOfTheTwo) {
    crash_in_rekey("secrets.rekey.key_written", "words", {});
    expect_whole("words");
    crash_in_rekey("secrets.rekey.committed", "words", {});
    expect_whole({});
}

TEST_F(SecretsTest, AnotherProcessesRekeyIsFollowed) {
    auto one = opened();
    auto other = opened();
    ASSERT_THAT(one->put("a", "v"), IsOk());
    EXPECT_EQ(*other->get("a"), "v");
    ASSERT_THAT(one->rekey(std::nullopt), IsOk());
    EXPECT_EQ(*other->get("a"), "v");
    ASSERT_THAT(one->rekey(std::nullopt), IsOk());
    ASSERT_THAT(other->put("b", "w"), IsOk());
    EXPECT_EQ(*one->get("b"), "w");
}

TEST_F(SecretsTest, NothingIsWrittenWithAKeyThatAnotherProcessReplacedByAPassphrase) {
    auto one = opened();
    auto other = opened();
    ASSERT_THAT(one->put("a", "v"), IsOk());
    ASSERT_THAT(one->rekey("words"), IsOk());
    EXPECT_THAT(other->get("a"), HasCode(Errc::key_unavailable));
    EXPECT_THAT(other->put("b", "w"), HasCode(Errc::key_unavailable));
    EXPECT_EQ(*one->names(), std::vector<std::string>{"a"});
}

TEST_F(SecretsTest, ManyThreadsAtOnce) {
    auto secrets = opened();
    {
        std::vector<std::jthread> threads;
        for (int thread = 0; thread < 4; ++thread)
            threads.emplace_back([&, thread] {
                for (int i = 0; i < 10; ++i) {
                    const std::string name = "t" + std::to_string(thread);
                    EXPECT_THAT(secrets->put(name, std::to_string(i)), IsOk());
                    EXPECT_EQ(*secrets->get(name), std::to_string(i));
                    if (thread == 0 && i == 5) { EXPECT_THAT(secrets->rekey(std::nullopt), IsOk()); }
                }
            });
    }
    EXPECT_EQ(secrets->names()->size(), 4u);
}

TEST(SecretBox, KnownAnswerOfScrypt) {
    // Python: hashlib.scrypt(b"passphrase", salt=b"0123456789abcdef", n=2**15, r=8, p=1, maxmem=2**26, dklen=32).hex()
    auto key = SecretKey::from_passphrase("passphrase", "0123456789abcdef");
    ASSERT_THAT(key, IsOk());
    EXPECT_EQ(key->to_hex(), "28b9004db320ccf5a03eb0765f99531507a1f019d8e28ad5ef8eae0377a23a47");
}

}  // namespace
}  // namespace oracxfs::test
