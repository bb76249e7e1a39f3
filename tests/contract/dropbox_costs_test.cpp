// Dropbox: what requests may cost, signing in and permissions.

#include <atomic>
#include <set>
#include <thread>

#include "tests/contract/dropbox_provider_fixture.h"

namespace oracxfs::test {
namespace {

using testing::HasSubstr;

// --- what requests cost ---

TEST_F(DropboxProviderTest, ASmallFileIsOneRequest) {
    stored("first", "x");
    service().clear_log();
    stored("second", "y");
    EXPECT_EQ(service().count("*"), 1u);
    EXPECT_EQ(service().count("files/upload"), 1u);
}

TEST_F(DropboxProviderTest, AHundredSmallFilesShareTheirCommit) {
    auto requests = small_files(100, "folder");
    EXPECT_EQ(put_all(requests), 100u);
    EXPECT_LE(service().count("*"), 100u + 5u);
    EXPECT_EQ(service().count("files/upload_session/finish_batch_v2"), 1u);
    EXPECT_EQ(service().count("files/upload"), 0u);
}

TEST_F(DropboxProviderTest, TenThousandFilesAreListedInTwelveRequests) {
    std::set<ObjectKey> expected;
    for (int i = 0; i < 10'000; ++i) {
        const ObjectKey key = "d" + std::to_string(i % 20) + "/f" + std::to_string(i);
        service().put(setup_.path(key), "x");
        expected.insert(key);
    }
    for (int i = 0; i < 20; ++i) expected.insert("d" + std::to_string(i));
    const auto found = keys();
    EXPECT_EQ(std::set<ObjectKey>(found.begin(), found.end()), expected);
    EXPECT_EQ(found.size(), expected.size());
    EXPECT_LE(service().count("*"), 12u);
}

TEST_F(DropboxProviderTest, VerifyDownloadsNothing) {
    MemoryBlob blob(random_content(9u << 20, 3));
    const auto result = provider_->put({}, "big", blob, options());
    ASSERT_THAT(result, IsOk());
    EXPECT_TRUE(result->verified);
    service().clear_log();
    EXPECT_THAT(provider_->verify({}, result->object, *blob.digests()), IsOk());
    EXPECT_EQ(service().count("*"), 1u);
    EXPECT_EQ(service().count("files/get_metadata"), 1u);
    // Digests from before a Dropbox was configured: only reading back helps.
    ContentDigests without = *blob.digests();
    without.blocks.clear();
    EXPECT_THAT(provider_->verify({}, result->object, without), IsOk());
    without.sha256[0] ^= 1;
    EXPECT_THAT(provider_->verify({}, result->object, without), HasCode(Errc::corrupt));
}

TEST_F(DropboxProviderTest, SixteenCallsRefreshTheTokenOnce) {
    stored("a", "x");
    service().oauth().expire_access_tokens();
    std::vector<std::jthread> threads;
    std::atomic<int> good = 0;
    for (int i = 0; i < 16; ++i)
        threads.emplace_back([&] {
            if (provider_->stat({}, "a")) ++good;
        });
    threads.clear();
    EXPECT_EQ(good, 16);
    EXPECT_EQ(service().oauth().refreshes(), 1u);
    EXPECT_GE(setup_.drawer->stored, 1);
}

// --- signing in and permissions ---

TEST_F(DropboxProviderTest, AMissingPermissionIsNamedAndNotRefreshed) {
    auto tokens = service().oauth().grant(std::set<std::string>{"account_info.read", "files.metadata.read", "files.content.read"});
    setup_.set_token(token_of(service(), tokens));
    provider_ = setup_.make();
    const auto probed = provider_->probe({});
    ASSERT_THAT(probed, HasCode(Errc::unauthenticated));
    EXPECT_THAT(probed.error().why, HasSubstr("files.content.write"));
    // The same where the record doesn't tell.
    tokens.scope.clear();
    setup_.set_token(token_of(service(), tokens));
    provider_ = setup_.make();
    const auto result = put("x", "y");
    ASSERT_THAT(result, HasCode(Errc::unauthenticated));
    EXPECT_THAT(result.error().why, HasSubstr("files.content.write"));
    EXPECT_EQ(service().oauth().refreshes(), 0u);
}

TEST_F(DropboxProviderTest, ARevokedGrantEndsInUnauthenticated) {
    service().oauth().revoke_grants();
    EXPECT_THAT(provider_->stat({}, "a"), HasCode(Errc::unauthenticated));
    EXPECT_LE(service().count("oauth.token"), 2u);
}

TEST_F(DropboxProviderTest, NoErrorShowsTheToken) {
    const auto tokens = service().oauth().grant();
    setup_.set_token(token_of(service(), tokens));
    provider_ = setup_.make();
    faults().add("*", Fault::answer(400, "Error: bad header Authorization: Bearer " + tokens.access), 0, 0);
    const auto result = put("x", "y");
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().to_string().find(tokens.access), std::string::npos) << "an error shows the token";
}

TEST_F(DropboxProviderTest, ProbeTellsTheSpace) {
    service().set_quota(1'000'000);
    const auto space = provider_->probe({});
    ASSERT_THAT(space, IsOk());
    EXPECT_EQ(space->total_bytes, 1'000'000u);
    service().set_quota(0);
    stored("nothing", "");
    EXPECT_EQ(provider_->probe({})->free_bytes, 0u);
}

}  // namespace
}  // namespace oracxfs::test
