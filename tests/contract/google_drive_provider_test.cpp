// GoogleDriveProvider: what it costs in requests, counted by the emulated service, and what goes beyond the contract.

#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>

#include "tests/contract/google_drive_setup.h"
#include "tests/support/blobs.h"
#include "tests/support/matchers.h"
#include "tests/support/patience.h"

namespace oracxfs::test {
namespace {

class GoogleDriveProviderTest : public ::testing::Test {
  protected:
    GoogleDriveProviderTest() : provider_(setup_.make()) {
        EXPECT_THAT(provider_->probe({}), IsOk());
        service().clear_log();
    }

    DriveEmulator& service() { return setup_.service; }
    PutOptions options() {
        PutOptions options;
        options.upload_id = "budget-" + std::to_string(++uploads_);
        return options;
    }

    GoogleDriveSetup setup_;
    std::unique_ptr<Provider> provider_;
    int uploads_ = 0;
};

TEST_F(GoogleDriveProviderTest, TenThousandFilesAreListedInTwelveRequests) {
    std::set<ObjectKey> expected;
    for (int i = 0; i < 20; ++i) {
        const std::string folder = service().make_folder(setup_.folder(), "d" + std::to_string(i)).id;
        expected.insert("d" + std::to_string(i));
        for (int k = 0; k < 500; ++k) {
            service().put(folder, "f" + std::to_string(k), "x");
            expected.insert("d" + std::to_string(i) + "/f" + std::to_string(k));
        }
    }
    service().clear_log();
    std::set<ObjectKey> found;
    std::string cursor;
    do {
        const auto page = provider_->list({}, "", cursor);
        ASSERT_THAT(page, IsOk());
        for (const RemoteObject& entry : page->entries) EXPECT_TRUE(found.insert(entry.key).second) << entry.key;
        cursor = page->next;
    } while (!cursor.empty());
    EXPECT_EQ(found, expected);
    EXPECT_LE(service().count("*"), 12u);
}

TEST_F(GoogleDriveProviderTest, SmallFilesCostOneRequestEachAndShareTheirIds) {
    std::vector<PutRequest> requests;
    for (std::size_t i = 0; i < 200; ++i)
        requests.push_back({"folder/" + std::to_string(i), std::make_shared<MemoryBlob>(random_content(1000 + i, i)), options()});
    std::size_t verified = 0;
    provider_->put_batch({}, requests, [&](std::size_t i, const Result<PutResult>& result) {
        EXPECT_THAT(result, IsOk()) << requests[i].key;
        verified += result && result->verified ? 1 : 0;
    });
    EXPECT_EQ(verified, 200u);
    EXPECT_EQ(service().count("upload.multipart"), 200u);
    EXPECT_LE(service().count("files.generateIds"), 1u);
    EXPECT_LE(service().count("*"), 205u);
}

TEST_F(GoogleDriveProviderTest, SixteenCallsRenewTheTokenOnce) {
    MemoryBlob blob(random_content(1000, 1));
    ASSERT_THAT(provider_->put({}, "a", blob, options()), IsOk());
    service().oauth().expire_access_tokens();
    std::atomic<int> good = 0;
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 16; ++i)
            threads.emplace_back([&] {
                if (provider_->stat({}, "a")) ++good;
            });
    }
    EXPECT_EQ(good, 16);
    EXPECT_EQ(service().oauth().refreshes(), 1u);
}

// Each further request would wait as long: whoever called finds out whether the service is there at all.
TEST_F(GoogleDriveProviderTest, ASilentServiceIsAskedOnce) {
    const auto provider = setup_.make(setup_.machine, nullptr, Json::object({{"timeout", patience()}}));
    MemoryBlob first(random_content(100, 1)), large(random_content(9u << 20, 2));
    ASSERT_THAT(provider->put({}, "first", first, options()), IsOk());
    for (const char* endpoint : {"upload.multipart", "upload.start", "upload.put", "files.get", "about.get"}) {
        SCOPED_TRACE(endpoint);
        service().faults().clear();
        service().faults().add(endpoint, Fault::of(Fault::Kind::hang), 0, 0);
        service().clear_log();
        const std::string name = endpoint;
        Status done;
        if (name == "upload.multipart") {
            const auto put = provider->put({}, "small", first, options());
            if (!put) done = fail(put.error());
        } else if (name.starts_with("upload.")) {
            const auto put = provider->put({}, "large", large, options());
            if (!put) done = fail(put.error());
        } else if (name == "files.get") {
            const auto seen = provider->stat({}, "first");
            if (!seen) done = fail(seen.error());
        } else {
            const auto probed = provider->probe({});
            if (!probed) done = fail(probed.error());
        }
        ASSERT_FALSE(done);
        EXPECT_TRUE(done.error().silent) << done.error().to_string();
        EXPECT_EQ(service().count(endpoint), 1u);
        EXPECT_EQ(service().count("upload.query"), 0u);
    }
}

// Whoever could not reach Drive for a while has missed what others did there; a name that they took is not given again.
TEST_F(GoogleDriveProviderTest, AfterAProbeItIsKnownWhatOthersDidMeanwhile) {
    MemoryBlob mine(random_content(100, 1));
    ASSERT_THAT(provider_->put({}, "d/mine", mine, options()), IsOk());
    setup_.add("d/f", "theirs");
    ASSERT_THAT(provider_->probe({}), IsOk());
    EXPECT_THAT(provider_->put({}, "d/f", mine, options()), HasCode(Errc::exists));
    EXPECT_EQ(setup_.at("d/f").size(), 1u);
}

}  // namespace
}  // namespace oracxfs::test
