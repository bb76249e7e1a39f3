// Uploads: growing, cut off, resumed, many at once, huge; and that every wait ends.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <semaphore>
#include <thread>

#include "tests/contract/provider_contract.h"
#include "tests/support/matchers.h"
#include "tests/support/patience.h"

namespace oracxfs::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Steady = std::chrono::steady_clock;

TEST_P(ProviderContract, SizesAroundBlocks) {
    constexpr std::size_t kSizes[] = {0,
                                      1,
                                      (64u << 10) - 1,
                                      64u << 10,
                                      (64u << 10) + 1,
                                      (1u << 20) - 1,
                                      1u << 20,
                                      (1u << 20) + 1,
                                      (4u << 20) - 1,
                                      4u << 20,
                                      (4u << 20) + 1,
                                      9'999'999};
    for (const std::size_t size : kSizes) {
        SCOPED_TRACE(size);
        const Bytes data = random_content(size, size);
        MemoryBlob blob(data);
        const auto result = provider().put(ctx_, "size-" + std::to_string(size), blob, options());
        ASSERT_THAT(result, IsOk());
        EXPECT_EQ(result->object.size, size);
        EXPECT_THAT(provider().verify(ctx_, result->object, *blob.digests()), IsOk());
        EXPECT_TRUE(content(result->object) == data);
    }
    expect_no_leftovers();
}

TEST_P(ProviderContract, AZeroFileIsStoredWhole) {
    const Bytes zeros(3u << 20);
    MemoryBlob blob(zeros);
    const auto result = provider().put(ctx_, "zeros", blob, options());
    ASSERT_THAT(result, IsOk());
    EXPECT_EQ(result->object.size, zeros.size());
    EXPECT_TRUE(content(result->object) == zeros);
}

TEST_P(ProviderContract, ProgressGrowsAndEndsAtTheSize) {
    MemoryBlob blob(random_content(6u << 20, 1));
    PutOptions watched = options();
    std::vector<std::uint64_t> reports;
    watched.on_progress = [&](std::uint64_t bytes, const std::string&) { reports.push_back(bytes); };
    ASSERT_THAT(provider().put(ctx_, "watched", blob, watched), IsOk());
    ASSERT_FALSE(reports.empty());
    EXPECT_TRUE(std::is_sorted(reports.begin(), reports.end()));
    EXPECT_EQ(reports.back(), 6u << 20);
}

TEST_P(ProviderContract, GrowingContentAppearsOnlyWhenSealed) {
    GrowingBlob blob;
    const PutOptions growing = options();
    auto result = std::async(std::launch::async, [&] {
        return provider().put(ctx_, "folder/growing", blob, growing);
    });
    const Bytes half = random_content(700'000, 9);
    blob.wait_for_reader();
    blob.append(half);
    EXPECT_THAT(provider().stat(ctx_, "folder/growing"), HasCode(Errc::not_found));
    blob.append(half);
    blob.wait_for_reader();
    EXPECT_THAT(listing().files(), IsEmpty());
    blob.seal();
    const auto done = result.get();
    ASSERT_THAT(done, IsOk());
    Bytes whole = half;
    whole.insert(whole.end(), half.begin(), half.end());
    EXPECT_TRUE(content(done->object) == whole);
    EXPECT_THAT(provider().verify(ctx_, done->object, *blob.digests()), IsOk());
    expect_no_leftovers();
}

TEST_P(ProviderContract, GrowingContentSealedEmptyIsAnEmptyFile) {
    GrowingBlob blob;
    const PutOptions empty = options();
    auto result = std::async(std::launch::async,
                             [&] { return provider().put(ctx_, "empty", blob, empty); });
    blob.wait_for_reader();
    blob.seal();
    const auto done = result.get();
    ASSERT_THAT(done, IsOk());
    EXPECT_EQ(done->object.size, 0u);
}

TEST_P(ProviderContract, DroppedContentLeavesNothing) {
    GrowingBlob blob;
    const PutOptions dropped = options();
    auto result = std::async(std::launch::async,
                             [&] { return provider().put(ctx_, "dropped", blob, dropped); });
    blob.append(random_content(3u << 20, 2));
    blob.wait_for_reader();
    blob.drop();
    EXPECT_THAT(result.get(), HasCode(Errc::cancelled));
    EXPECT_THAT(provider().discard_upload(ctx_, "dropped", dropped.upload_id, ""), IsOk());
    EXPECT_THAT(listing().files(), IsEmpty());
    expect_no_leftovers();
}

TEST_P(ProviderContract, OverwrittenContentIsGivenUp) {
    GrowingBlob blob;
    const PutOptions given_up = options();
    auto result = std::async(std::launch::async,
                             [&] { return provider().put(ctx_, "undone", blob, given_up); });
    blob.append(random_content(3u << 20, 2));
    blob.wait_for_reader();
    blob.invalidate();
    EXPECT_THAT(result.get(), HasCode(Errc::changed));
    EXPECT_THAT(listing().files(), IsEmpty());
    EXPECT_THAT(provider().discard_upload(ctx_, "undone", given_up.upload_id, ""), IsOk());
    expect_no_leftovers();
}

TEST_P(ProviderContract, NameTakenDuringTheUploadIsNotOverwritten) {
    GrowingBlob slow;
    const PutOptions new_name = options();
    auto result = std::async(std::launch::async,
                             [&] { return provider().put(ctx_, "race", slow, new_name); });
    slow.append("slow");
    slow.wait_for_reader();
    stored("race", "fast");
    slow.seal();
    EXPECT_THAT(result.get(), HasCode(Errc::exists));
    EXPECT_EQ(text("race"), "fast");
    expect_no_leftovers();
}

TEST_P(ProviderContract, ObjectChangedDuringTheUploadIsNotReplaced) {
    const RemoteObject first = stored("race", "first");
    GrowingBlob slow;
    const PutOptions replacing = options(first);
    auto result = std::async(std::launch::async,
                             [&] { return provider().put(ctx_, "race", slow, replacing); });
    slow.append("slow");
    slow.wait_for_reader();
    EXPECT_THAT(put("race", "fast and longer", first), IsOk());
    slow.seal();
    EXPECT_THAT(result.get(), HasCode(Errc::changed));
    EXPECT_EQ(text("race"), "fast and longer");
    expect_no_leftovers();
}

TEST_P(ProviderContract, CancelledCallsDoNothing) {
    const RemoteObject object = stored("kept", "x");
    std::stop_source source;
    source.request_stop();
    const OpContext stopped{.stop = source.get_token(), .deadline = {}};
    MemoryBlob blob("y");
    EXPECT_THAT(provider().put(stopped, "new", blob, options()), HasCode(Errc::cancelled));
    EXPECT_THAT(provider().stat(stopped, "kept"), HasCode(Errc::cancelled));
    EXPECT_THAT(provider().read(stopped, object, 0, 1, [](auto) { return true; }),
                HasCode(Errc::cancelled));
    EXPECT_THAT(provider().verify(stopped, object, *blob.digests()), HasCode(Errc::cancelled));
    EXPECT_THAT(provider().list(stopped, "", ""), HasCode(Errc::cancelled));
    EXPECT_THAT(provider().remove(stopped, object, RemoveMode::trash), HasCode(Errc::cancelled));
    EXPECT_THAT(provider().rename(stopped, object, "moved", std::nullopt),
                HasCode(Errc::cancelled));
    EXPECT_THAT(provider().make_directory(stopped, "folder"), HasCode(Errc::cancelled));
    EXPECT_THAT(listing().keys(), ElementsAre("kept"));
}

TEST_P(ProviderContract, CallsBeyondTheirDeadlineFailWithDeadline) {
    const RemoteObject object = stored("kept", "x");
    const OpContext late{.stop = {}, .deadline = environment().clock().steady() - Millis(1)};
    MemoryBlob blob("y");
    EXPECT_THAT(provider().put(late, "new", blob, options()), HasCode(Errc::deadline));
    EXPECT_THAT(provider().stat(late, "kept"), HasCode(Errc::deadline));
    EXPECT_THAT(provider().list(late, "", ""), HasCode(Errc::deadline));
    EXPECT_THAT(provider().verify(late, object, *blob.digests()), HasCode(Errc::deadline));
    EXPECT_THAT(listing().keys(), ElementsAre("kept"));
}

TEST_P(ProviderContract, PutThatWaitsForContentEndsAtItsDeadline) {
    GrowingBlob never;
    const OpContext soon{.stop = {}, .deadline = environment().clock().steady() + Millis(50)};
    const PutOptions waiting = options();
    const auto begin = Steady::now();
    EXPECT_THAT(provider().put(soon, "never", never, waiting), HasCode(Errc::deadline));
    EXPECT_LT(Steady::now() - begin, Millis(50) + patient(kPrompt));
    EXPECT_THAT(listing().files(), IsEmpty());
}

TEST_P(ProviderContract, PutThatWaitsForContentIsCancelledPromptly) {
    GrowingBlob never;
    std::stop_source source;
    const PutOptions waiting = options();
    auto result = std::async(std::launch::async, [&] {
        return provider().put({.stop = source.get_token(), .deadline = {}}, "never", never,
                              waiting);
    });
    never.append("a beginning");
    never.wait_for_reader();
    const auto asked = Steady::now();
    source.request_stop();
    EXPECT_THAT(result.get(), HasCode(Errc::cancelled));
    EXPECT_LT(Steady::now() - asked, patient(kPrompt));
    EXPECT_THAT(listing().files(), IsEmpty());
}

TEST_P(ProviderContract, PutIsCancelledInTheMiddle) {
    MemoryBlob blob(random_content(traits().resume_bytes, 4));
    std::stop_source source;
    Steady::time_point asked;
    blob.on_read([&](std::uint64_t offset) {
        if (offset < traits().resume_bytes / 2 || source.stop_requested()) return;
        asked = Steady::now();
        source.request_stop();
    });
    EXPECT_THAT(provider().put({.stop = source.get_token(), .deadline = {}}, "cut", blob, options()),
                HasCode(Errc::cancelled));
    EXPECT_LT(Steady::now() - asked, patient(kPrompt));
    EXPECT_THAT(listing().files(), IsEmpty());
}

TEST_P(ProviderContract, ReadIsCancelledInTheMiddle) {
    constexpr std::uint64_t kBytes = 24u << 20;
    MemoryBlob blob(random_content(kBytes, 4));
    const auto result = provider().put(ctx_, "big", blob, options());
    ASSERT_THAT(result, IsOk());
    std::stop_source source;
    std::uint64_t got = 0;
    Steady::time_point asked;
    const Status status = provider().read({.stop = source.get_token(), .deadline = {}},
                                          result->object, 0, kBytes, [&](auto data) {
                                              if (got == 0) asked = Steady::now();
                                              got += data.size();
                                              source.request_stop();
                                              return true;
                                          });
    EXPECT_THAT(status, HasCode(Errc::cancelled));
    EXPECT_LT(Steady::now() - asked, patient(kPrompt));
    EXPECT_LT(got, kBytes);
}

TEST_P(ProviderContract, InterruptedUploadGoesOnWhereItWas) {
    MemoryBlob blob(random_content(traits().resume_bytes, 11));
    std::stop_source source;
    PutOptions interrupted = options();
    blob.on_read([&](std::uint64_t offset) {
        if (offset < traits().resume_bytes * 3 / 4 || source.stop_requested()) return;
        environment().await_stored(interrupted.upload_id, traits().resume_bytes / 4);
        source.request_stop();
    });
    std::string state;
    interrupted.on_progress = [&](std::uint64_t, const std::string& resume_state) {
        state = resume_state;
    };
    ASSERT_THAT(provider().put({.stop = source.get_token(), .deadline = {}}, "resumed", blob,
                               interrupted),
                HasCode(Errc::cancelled));
    blob.on_read({});
    environment().restart();

    interrupted.resume_state = state;
    const auto result = provider().put(ctx_, "resumed", blob, interrupted);
    ASSERT_THAT(result, IsOk());
    if (provider().capabilities().resumable) {
        EXPECT_GE(result->resumed_from, traits().resume_bytes / 4);
    } else {
        EXPECT_EQ(result->resumed_from, 0u);
    }
    EXPECT_TRUE(content(result->object) == blob.data());
    EXPECT_THAT(provider().verify(ctx_, result->object, *blob.digests()), IsOk());
    EXPECT_THAT(listing().keys(), ElementsAre("resumed"));
    expect_no_leftovers();
}

TEST_P(ProviderContract, UselessResumeStateMeansFromTheStart) {
    MemoryBlob blob(random_content(1u << 20, 12));
    PutOptions confused = options();
    confused.resume_state = "999999999";
    const auto result = provider().put(ctx_, "file", blob, confused);
    ASSERT_THAT(result, IsOk());
    EXPECT_EQ(result->resumed_from, 0u);
    EXPECT_TRUE(content(result->object) == blob.data());
}

TEST_P(ProviderContract, LeftoversAreReportedApartAndDiscarded) {
    MemoryBlob blob(random_content(traits().resume_bytes, 13));
    std::stop_source source;
    blob.on_read([&](std::uint64_t offset) {
        if (offset >= traits().resume_bytes / 2) source.request_stop();
    });
    PutOptions interrupted = options();
    std::string state;
    interrupted.on_progress = [&](std::uint64_t, const std::string& resume_state) {
        state = resume_state;
    };
    ASSERT_THAT(provider().put({.stop = source.get_token(), .deadline = {}}, "cut", blob,
                               interrupted),
                HasCode(Errc::cancelled));
    const Listing all = listing();
    EXPECT_THAT(all.entries, IsEmpty());
    for (const RemoteObject& leftover : all.leftovers)
        EXPECT_TRUE(is_internal_name(base_name(leftover.key))) << leftover.key;
    EXPECT_THAT(provider().discard_upload(ctx_, "cut", interrupted.upload_id, state), IsOk());
    expect_no_leftovers();
    EXPECT_THAT(provider().discard_upload(ctx_, "cut", interrupted.upload_id, state), IsOk());
}

TEST_P(ProviderContract, EightThreadsDoNotDisturbEachOther) {
    constexpr int kThreads = 8;
    constexpr int kFiles = 6;
    // The contract allows parallel_max calls at once.
    std::counting_semaphore<> slots(std::min<std::ptrdiff_t>(
        kThreads, provider().capabilities().parallel_max));
    std::atomic<int> bad = 0;
    const auto with_slot = [&](auto&& call) {
        slots.acquire();
        const bool good = call();
        slots.release();
        if (!good) ++bad;
    };
    {
        std::vector<std::jthread> threads;
        for (int thread = 0; thread < kThreads; ++thread) {
            threads.emplace_back([&, thread] {
                for (int file = 0; file < kFiles; ++file) {
                    const std::string name = std::to_string(thread) + "-" + std::to_string(file);
                    const ObjectKey key = "shared/folder/" + name;
                    MemoryBlob blob(random_content(50'000 + 1000 * static_cast<std::size_t>(file),
                                                   static_cast<std::uint64_t>(thread)));
                    PutOptions put_options;
                    put_options.upload_id = "thread-" + name;
                    Result<PutResult> result;
                    with_slot([&] {
                        result = provider().put(ctx_, key, blob, put_options);
                        return result.has_value();
                    });
                    if (!result) continue;
                    with_slot([&] { return content(result->object) == blob.data(); });
                    with_slot([&] {
                        return provider().verify(ctx_, result->object, *blob.digests()).has_value();
                    });
                }
            });
        }
    }
    EXPECT_EQ(bad, 0);
    EXPECT_EQ(listing().files().size(), std::size_t{kThreads * kFiles});
    expect_no_leftovers();
}

TEST_P(ProviderContract, OneOfManyPutsOfOneNameWins) {
    constexpr int kThreads = 4;
    std::counting_semaphore<> slots(std::min<std::ptrdiff_t>(
        kThreads, provider().capabilities().parallel_max));
    if (provider().capabilities().duplicate_names) GTEST_SKIP() << "a race may make duplicates";
    std::atomic<int> won = 0;
    std::atomic<int> refused = 0;
    {
        std::vector<std::jthread> threads;
        for (int thread = 0; thread < kThreads; ++thread) {
            threads.emplace_back([&, thread] {
                MemoryBlob blob("content of " + std::to_string(thread));
                PutOptions put_options;
                put_options.upload_id = "racer-" + std::to_string(thread);
                slots.acquire();
                const auto result = provider().put(ctx_, "prize", blob, put_options);
                slots.release();
                if (result) ++won;
                if (!result && result.error().code == Errc::exists) ++refused;
            });
        }
    }
    EXPECT_EQ(won, 1);
    EXPECT_EQ(refused, kThreads - 1);
    expect_no_leftovers();
}

TEST_P(ProviderContract, BatchAnswersForEachFileOnce) {
    constexpr std::size_t kFiles = 100;
    std::vector<PutRequest> taken;
    std::vector<PutRequest> requests;
    for (std::size_t i = 0; i < kFiles; ++i) {
        PutRequest request;
        request.key = "batch/" + std::to_string(i % 7) + "/" + std::to_string(i);
        request.content = std::make_shared<MemoryBlob>(random_content(i * 37, i));
        request.options = options();
        if (i % 10 == 3) taken.push_back({request.key, std::make_shared<MemoryBlob>("x"), options()});
        if (i % 10 == 5) request.key = "batch/" + std::string(256, 'n');
        requests.push_back(std::move(request));
    }
    provider().put_batch(ctx_, taken,
                         [](std::size_t, const Result<PutResult>& r) { EXPECT_THAT(r, IsOk()); });
    std::vector<int> answers(kFiles);
    const auto thread = std::this_thread::get_id();
    provider().put_batch(ctx_, requests, [&](std::size_t i, Result<PutResult> result) {
        EXPECT_EQ(std::this_thread::get_id(), thread);
        SCOPED_TRACE(i);
        ++answers[i];
        if (i % 10 == 3) {
            EXPECT_THAT(result, HasCode(Errc::exists));
        } else if (i % 10 == 5) {
            EXPECT_THAT(result, HasCode(Errc::name_too_long));
        } else {
            ASSERT_THAT(result, IsOk());
            EXPECT_EQ(result->object.key, requests[i].key);
            EXPECT_EQ(result->object.size, i * 37);
        }
    });
    EXPECT_THAT(answers, ::testing::Each(1));
    EXPECT_EQ(listing().files().size(), kFiles - kFiles / 10);
    for (const std::size_t i : {0u, 1u, 42u, 99u}) {
        const auto object = provider().stat(ctx_, requests[i].key);
        ASSERT_THAT(object, IsOk());
        EXPECT_THAT(provider().verify(ctx_, *object, *requests[i].content->digests()), IsOk());
    }
    expect_no_leftovers();
}

TEST_P(ProviderContract, CancelledBatchAnswersForEachFileOnce) {
    std::vector<PutRequest> requests;
    for (int i = 0; i < 10; ++i)
        requests.push_back({"f" + std::to_string(i), std::make_shared<MemoryBlob>("x"), options()});
    std::stop_source source;
    source.request_stop();
    std::vector<int> answers(requests.size());
    provider().put_batch({.stop = source.get_token(), .deadline = {}}, requests,
                         [&](std::size_t i, const Result<PutResult>& result) {
                             ++answers[i];
                             EXPECT_THAT(result, HasCode(Errc::cancelled));
                         });
    EXPECT_THAT(answers, ::testing::Each(1));
    EXPECT_THAT(listing().files(), IsEmpty());
}

// Slow (seconds): all the bytes of 5 GiB are made, stored, read back and hashed.
TEST_P(ProviderContract, HugeSparseFileIsStoredVerifiedAndReadBeyondFourGiB) {
    if (!traits().huge_file) GTEST_SKIP() << "no room for 5 GiB here";
    constexpr std::uint64_t kBytes = std::uint64_t{5} << 30;
    static const auto blob = std::make_shared<SparseBlob>(kBytes);
    const auto result = provider().put(ctx_, "huge", *blob, options());
    ASSERT_THAT(result, IsOk());
    EXPECT_EQ(result->object.size, kBytes);
    EXPECT_THAT(provider().verify(ctx_, result->object, *blob->digests()), IsOk());

    for (const std::uint64_t offset : {(std::uint64_t{4} << 30) - 1000, kBytes - 2000}) {
        Bytes expected(2000);
        Bytes got;
        ASSERT_THAT(blob->read_at(offset, expected, {}), IsOk());
        ASSERT_THAT(provider().read(ctx_, result->object, offset, 2000,
                                    [&](auto data) {
                                        got.insert(got.end(), data.begin(), data.end());
                                        return true;
                                    }),
                    IsOk());
        EXPECT_TRUE(got == expected);
    }

    std::stop_source source;
    std::promise<void> started;
    auto verified = std::async(std::launch::async, [&] {
        started.set_value();
        return provider().verify({.stop = source.get_token(), .deadline = {}}, result->object,
                                 *blob->digests());
    });
    started.get_future().wait();
    const auto asked = Steady::now();
    source.request_stop();
    EXPECT_THAT(verified.get(), HasCode(Errc::cancelled));
    EXPECT_LT(Steady::now() - asked, patient(kPrompt));
}

}  // namespace
}  // namespace oracxfs::test
