// FTP on a server that misbehaves on command.

#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <thread>

#include "tests/contract/ftp_fixture.h"
#include "tests/support/scripted_ftp.h"

namespace oracxfs::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Act = FtpScript::Act;

class ScriptedFtpTest : public FtpTestBase {
  protected:
    ~ScriptedFtpTest() override { provider_.reset(); }
    void start(ScriptedFtpOptions options) {
        ftp_ = std::make_unique<ScriptedFtp>(std::move(options));
        config_ = scripted_ftp_config(*ftp_, clock_);
    }
    std::size_t count(std::string_view prefix) const {
        const auto commands = ftp_->commands();
        return static_cast<std::size_t>(
            std::count_if(commands.begin(), commands.end(), [&](const std::string& line) { return line.starts_with(prefix); }));
    }
    std::unique_ptr<ScriptedFtp> ftp_;
};

TEST_F(ScriptedFtpTest, WithoutTlsNothingIsSentUnlessAllowed) {
    start({});
    config_.config.set("allow_plain_ftp", false);
    const auto probed = provider().probe(ctx_);
    EXPECT_THAT(probed, HasCode(Errc::config));
    EXPECT_THAT(why(probed), AllOf(HasSubstr("TLS"), HasSubstr("502 no TLS here")));
    EXPECT_EQ(count("USER") + count("PASS"), 0u);
    config_.config.set("allow_plain_ftp", true);
    restart();
    ASSERT_THAT(put("file", "content"), IsOk());
    EXPECT_EQ(read("file"), "content");
}

TEST_F(ScriptedFtpTest, EveryPathLiesBelowTheFolder) {
    start({});
    ASSERT_THAT(put("a/file", "1"), IsOk());
    const auto object = provider().stat(ctx_, "a/file");
    ASSERT_THAT(object, IsOk());
    ASSERT_THAT(put("a/file", "22", *object), IsOk());
    ASSERT_THAT(provider().list(ctx_, "", ""), IsOk());
    EXPECT_THAT(provider().remove_directory(ctx_, "a"), HasCode(Errc::not_empty));
    ASSERT_THAT(provider().purge_trash(ctx_, Millis(0)), IsOk());
    for (const std::string& line : ftp_->commands()) {
        const std::size_t slash = line.find('/');
        if (slash == std::string::npos) continue;
        EXPECT_TRUE(line.substr(slash).starts_with("/login/replica")) << line;
    }
}

TEST_F(ScriptedFtpTest, NamesThatFtpCannotCarryAreRefusedBeforeAnythingIsSent) {
    start({});
    ASSERT_THAT(provider().probe(ctx_), IsOk());
    const std::size_t before = ftp_->commands().size();
    for (const char* name : {"line\nfeed", "carriage\rreturn", "tab\t", "\x7f", "\xff", "blank at the end ", "a /b"})
        EXPECT_THAT(put(name, "x"), HasCode(Errc::name_refused)) << name;
    EXPECT_THAT(put(std::string("nul\0l", 5), "x"), HasCode(Errc::invalid));
    EXPECT_EQ(ftp_->commands().size(), before);
}

TEST_F(ScriptedFtpTest, HostileListingsNameNothingOutside) {
    start({.hook = [](const std::string&) { return std::nullopt; }});
    ASSERT_THAT(put("good", "x"), IsOk());
    ftp_->set_file("/login/replica/..", "up");
    ftp_->set_file("/login/replica/bell\a", "bell");
    const auto page = provider().list(ctx_, "", "");
    ASSERT_THAT(page, IsOk());
    ASSERT_EQ(page->entries.size(), 1u);
    EXPECT_EQ(page->entries[0].key, "good");
}

TEST_F(ScriptedFtpTest, ListingsInTheDosDialectAgreeWithStat) {
    start({.features = " REST STREAM\r\n", .dos_lists = true});
    ASSERT_THAT(put("folder/two words", "content"), IsOk());
    const auto page = provider().list(ctx_, "", "");
    ASSERT_THAT(page, IsOk());
    ASSERT_EQ(page->entries.size(), 2u);
    EXPECT_TRUE(page->entries[0].is_directory);
    EXPECT_EQ(page->entries[1].key, "folder/two words");
    EXPECT_EQ(page->entries[1].rev, provider().stat(ctx_, "folder/two words")->rev);
}

TEST_F(ScriptedFtpTest, TimesAreNotAskedForTwice) {
    start({.features = " REST STREAM\r\n"});
    for (int i = 0; i < 5; ++i) ASSERT_THAT(put("f" + std::to_string(i), "x"), IsOk());
    ASSERT_THAT(provider().list(ctx_, "", ""), IsOk());
    const std::size_t before = count("MDTM /login/replica/f");
    EXPECT_GE(before, 5u);
    ASSERT_THAT(provider().list(ctx_, "", ""), IsOk());
    EXPECT_EQ(count("MDTM /login/replica/f"), before);
}

TEST_F(ScriptedFtpTest, TooManyConnectionsBeforeTheFirstIsThrottled) {
    start({.connections_max = 0});
    const auto probed = provider().probe(ctx_);
    EXPECT_THAT(probed, HasCode(Errc::throttled));
    EXPECT_THAT(why(probed), HasSubstr("421 too many connections"));
}

TEST_F(ScriptedFtpTest, ParallelCallsMakeDoWithOneConnection) {
    start({.connections_max = 1});
    ASSERT_THAT(provider().probe(ctx_), IsOk());
    std::vector<std::future<bool>> puts;
    for (int i = 0; i < 4; ++i)
        puts.push_back(std::async(std::launch::async, [this, key = "f" + std::to_string(i), wish = options()] {
            MemoryBlob blob("content of " + key);
            return provider().put(ctx_, key, blob, wish).has_value();
        }));
    for (auto& done : puts) EXPECT_TRUE(done.get());
    EXPECT_EQ(ftp_->sessions(), 1u);
}

// libcurl awaits this answer in one blocking call of up to a minute.
TEST_F(ScriptedFtpTest, MissingAnswerAfterTheLastByteCanBeCancelled) {
    start({.hook = [](const std::string& line) -> std::optional<FtpScript> {
        if (line.starts_with("226 STOR")) return FtpScript{Act::silence, ""};
        return std::nullopt;
    }});
    std::stop_source source;
    MemoryBlob blob("content");
    auto result = std::async(std::launch::async, [&, wish = options()] { return provider().put({source.get_token(), {}}, "file", blob, wish); });
    while (blob.bytes_read() < blob.data().size()) std::this_thread::yield();
    EXPECT_EQ(result.wait_for(Millis(300)), std::future_status::timeout);
    const auto asked = Steady::now();
    source.request_stop();
    EXPECT_THAT(result.get(), HasCode(Errc::cancelled));
    EXPECT_LT(Steady::now() - asked, patient(kPrompt));
}

TEST_F(ScriptedFtpTest, UnansweredRenameIsOutcomeUnknown) {
    bool lost = false;
    start({.hook = [&](const std::string& line) -> std::optional<FtpScript> {
        if (!line.starts_with("RNTO") || std::exchange(lost, true)) return std::nullopt;
        return FtpScript{Act::do_and_close, ""};
    }});
    EXPECT_THAT(put("file", "content"), HasCode(Errc::outcome_unknown));
    EXPECT_EQ(read("file"), "content");  // a look tells
}

TEST_F(ScriptedFtpTest, OldVersionComesBackWhenTheNewOneGetsNoName) {
    bool armed = false;
    start({.hook = [&](const std::string& line) -> std::optional<FtpScript> {
        if (!armed || line != "RNTO /login/replica/doc") return std::nullopt;
        armed = false;
        return FtpScript{Act::reply, "553 not this time"};
    }});
    const auto first = put("doc", "version 1");
    ASSERT_THAT(first, IsOk());
    armed = true;
    const auto second = put("doc", "version two", first->object);
    ASSERT_FALSE(second.has_value());
    EXPECT_THAT(why(second), HasSubstr("not this time"));
    EXPECT_EQ(read("doc"), "version 1");
}

TEST_F(ScriptedFtpTest, DamageOnTheWayIsFoundAndThePartRemoved) {
    start({.on_store = [](std::string data) {
        if (!data.empty()) data[0] ^= 1;
        return data;
    }});
    EXPECT_THAT(put("file", "content"), HasCode(Errc::corrupt));
    EXPECT_THAT(ftp_->files(), IsEmpty());
}

TEST_F(ScriptedFtpTest, AServersWrongHashIsConfirmedByReading) {
    start({.features = " MLST type*;size*;\r\n XSHA256\r\n", .hook = [](const std::string& line) -> std::optional<FtpScript> {
        if (!line.starts_with("XSHA256")) return std::nullopt;
        return FtpScript{Act::reply, "250 " + std::string(64, '0')};
    }});
    EXPECT_THAT(put("file", "content"), IsOk());
    EXPECT_EQ(count("RETR"), 1u);
}

TEST_F(ScriptedFtpTest, ResumesByAppendingWhereRestIsUnknown) {
    bool cut = true;
    start({.features = " MLST type*;size*;modify*;\r\n",
           .hook = [&](const std::string& line) -> std::optional<FtpScript> {
               if (line.starts_with("REST")) return FtpScript{Act::reply, "502 unknown"};
               if (line.starts_with("226 STOR")) return FtpScript{Act::close, ""};
               return std::nullopt;
           },
           .on_store = [&](std::string data) {
               if (std::exchange(cut, false)) data.resize(data.size() / 2);
               return data;
           }});
    MemoryBlob blob(random_content(400'000, 5));
    PutOptions broken = options();
    broken.on_progress = [&](std::uint64_t, const std::string& resume) { broken.resume_state = resume; };
    ASSERT_FALSE(provider().put(ctx_, "file", blob, PutOptions(broken)).has_value());
    const auto result = provider().put(ctx_, "file", blob, broken);
    ASSERT_THAT(result, IsOk());
    EXPECT_EQ(result->resumed_from, 200'000u);
    EXPECT_EQ(count("APPE"), 1u);
}

TEST_F(ScriptedFtpTest, RefusalsCarryTheServersWordsAndTheirMeaning) {
    struct Case {
        const char* reply;
        Errc code;
    };
    std::string reply;
    start({.hook = [&](const std::string& line) -> std::optional<FtpScript> {
        if (!line.starts_with("STOR")) return std::nullopt;
        return FtpScript{Act::reply, reply};
    }});
    ASSERT_THAT(provider().probe(ctx_), IsOk());
    for (const Case& expected : {Case{"552 over quota", Errc::quota_full}, Case{"452 disk full", Errc::quota_full},
                                 Case{"550 read-only", Errc::denied}, Case{"532 need an account", Errc::denied},
                                 Case{"450 busy", Errc::unavailable}, Case{"425 no data connection", Errc::unavailable}}) {
        reply = expected.reply;
        const auto result = put("file", "content");
        EXPECT_THAT(result, HasCode(expected.code)) << reply;
        EXPECT_THAT(why(result), HasSubstr(reply));
    }
}

}  // namespace
}  // namespace oracxfs::test
