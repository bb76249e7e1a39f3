// What Google Drive's provider costs in requests, counted by the emulated service.

#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>

#include "tests/contract/google_drive_setup.h"
#include "tests/support/blobs.h"
#include "tests/support/matchers.h"

namespace oracxfs::test {
namespace {

class GoogleDriveBudgetTest : public ::testing::Test {
  protected:
    GoogleDriveBudgetTest() : provider_(setup_.make()) {
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

TEST_F(GoogleDriveBudgetTest, TenThousandFilesAreListedInTwelveRequests) {
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

TEST_F(GoogleDriveBudgetTest, SmallFilesCostOneRequestEachAndShareTheirIds) {
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

TEST_F(GoogleDriveBudgetTest, SixteenCallsRenewTheTokenOnce) {
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

}  // namespace
}  // namespace oracxfs::test
