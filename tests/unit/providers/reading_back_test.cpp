#include "providers/reading_back.h"

#include "tests/support/fake_clock.h"
#include "tests/support/matchers.h"
#include "tests/support/memory_provider.h"

namespace oracxfs::test {
namespace {

// Its own hash says that all is well, whatever it holds.
class Flatterer final : public ForwardingProvider {
  public:
    using ForwardingProvider::ForwardingProvider;
    Status verify(const OpContext&, const RemoteObject&, const ContentDigests&) override { return {}; }
};

class ReadingBack : public testing::Test {
  protected:
    ReadingBack() {
        auto memory = std::make_unique<MemoryProvider>(clock_);
        memory_ = memory.get();
        provider_ = std::make_unique<ReadingBackProvider>(std::make_unique<Flatterer>(std::move(memory)));
    }
    RemoteObject put(const ObjectKey& key, BlobReader& blob) {
        PutOptions options;
        options.upload_id = "upload";
        const auto result = provider_->put({}, key, blob, options);
        EXPECT_THAT(result, IsOk());
        EXPECT_FALSE(result->verified);
        return result->object;
    }

    FakeClock clock_;
    MemoryProvider* memory_ = nullptr;
    std::unique_ptr<Provider> provider_;
    MemoryBlob blob_{random_content(300'000, 1)};
};

TEST_F(ReadingBack, SaysThatAPutIsStillToBeVerified) {
    EXPECT_FALSE(provider_->capabilities().verifies_in_put);
    EXPECT_TRUE(provider_->capabilities().reads_back);
    put("alone", blob_);
    std::vector<PutRequest> requests{{"batch", std::make_shared<MemoryBlob>("x"), {}}};
    int answers = 0;
    provider_->put_batch({}, requests, [&](std::size_t, const Result<PutResult>& result) {
        ASSERT_THAT(result, IsOk());
        EXPECT_FALSE(result->verified);
        ++answers;
    });
    EXPECT_EQ(answers, 1);
}

TEST_F(ReadingBack, VerifiesWhatIsReallyThere) {
    const RemoteObject object = put("file", blob_);
    EXPECT_THAT(provider_->verify({}, object, *blob_.digests()), IsOk());
    ASSERT_TRUE(memory_->damage("file", 299'999));
    EXPECT_THAT(provider_->verify({}, object, *blob_.digests()), HasCode(Errc::corrupt));
}

TEST_F(ReadingBack, AnotherSizeIsNoticedWithoutReading) {
    const RemoteObject object = put("file", blob_);
    memory_->add_behind("file", bytes_of("short"));
    EXPECT_THAT(provider_->verify({}, object, *blob_.digests()), HasCode(Errc::corrupt));
}

TEST_F(ReadingBack, WhatIsGoneIsNotFound) {
    const RemoteObject object = put("file", blob_);
    memory_->remove_behind("file");
    EXPECT_THAT(provider_->verify({}, object, *blob_.digests()), HasCode(Errc::not_found));
}

}  // namespace
}  // namespace oracxfs::test
