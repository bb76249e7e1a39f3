// Reading from replicas: whatever the providers do, what comes out is what was written, or an error.

#include "fs/replica_reader.h"

#include <unistd.h>

#include <cerrno>
#include <future>
#include <random>
#include <thread>

#include "tests/unit/fs/replication_fixture.h"

namespace oracxfs::test {
namespace {

constexpr std::size_t kLeaf = kLeafBytes;
constexpr std::size_t kSize = 40 * kLeaf + 12'345;

struct Request {
    std::uint64_t offset, length;
};

struct ReplicaReaderTest : ReplicationTest {
    explicit ReplicaReaderTest(std::size_t count = 2) : ReplicaReaderTest(std::vector<MemoryOptions>(count)) {}
    explicit ReplicaReaderTest(std::vector<MemoryOptions> options) : ReplicationTest(std::move(options)) {
        content = random_content(kSize, 1);
        version = commit("a", content);
        drive_all();
        for (std::size_t i = 0; i < ids.size(); ++i) EXPECT_EQ(state(version, i), ReplicaState::verified);
        for (const auto& one : providers) one->reads = 0;
    }
    Result<Bytes> read(ReplicaReader& from, std::uint64_t offset, std::size_t length, const std::stop_token& stop = {}) {
        Bytes into(length);
        ORACX_TRY(const std::size_t got, from.read_at(offset, into, stop));
        into.resize(got);
        return into;
    }
    Result<Bytes> read_all(ReplicaReader& from, std::size_t step = 128 * 1'024) {
        Bytes all;
        while (true) {
            ORACX_TRY(const Bytes part, read(from, all.size(), step));
            if (part.empty()) return all;
            all.insert(all.end(), part.begin(), part.end());
        }
    }
    // p<i> breaks the connection after `bytes` of each read.
    void break_after(std::size_t i, std::uint64_t bytes) {
        providers[i]->on_read = [this, i, bytes](const OpContext& ctx, const RemoteObject& object, std::uint64_t offset, std::uint64_t length,
                                                 const ByteSink& sink) -> Status {
            note(i, offset, length);
            ORACX_TRYV(providers[i]->inner().read(ctx, object, offset, std::min(bytes, length), sink));
            if (bytes >= length) return {};
            return fail(Errc::unavailable, "read", "the line broke");
        };
    }
    void watch(std::size_t i) { break_after(i, UINT64_MAX); }
    void note(std::size_t i, std::uint64_t offset, std::uint64_t length) {
        const std::lock_guard lock(requests_mutex);
        requests[i].push_back({offset, length});
    }
    bool slice_is(const Result<Bytes>& got, std::uint64_t offset, std::size_t length) {
        EXPECT_THAT(got, IsOk());
        const auto begin = content.begin() + static_cast<std::ptrdiff_t>(std::min<std::uint64_t>(offset, kSize));
        const auto end = content.begin() + static_cast<std::ptrdiff_t>(std::min<std::uint64_t>(offset + length, kSize));
        return got && *got == Bytes(begin, end);
    }

    Bytes content;
    VersionId version;
    std::mutex requests_mutex;
    std::map<std::size_t, std::vector<Request>> requests;
};

TEST_F(ReplicaReaderTest, ReadsWhatWasWritten) {
    const auto from = reader(version);
    EXPECT_EQ(from->size(), kSize);
    EXPECT_TRUE(slice_is(read_all(*from), 0, kSize));
    for (const auto& [offset, length] : std::vector<std::pair<std::uint64_t, std::size_t>>{
             {0, 1}, {kLeaf - 1, 2}, {kLeaf, kLeaf}, {5, 3 * kLeaf}, {kSize - 1, 1}, {kSize - 10, 100}, {kSize, 10}, {kSize + kLeaf, 10}})
        EXPECT_TRUE(slice_is(read(*from, offset, length), offset, length)) << offset << "+" << length;
    EXPECT_EQ(providers[0]->reads > 0, providers[1]->reads == 0) << "one replica is enough";
}

TEST_F(ReplicaReaderTest, OneJumpFetchesOneLeaf) {
    watch(0);
    const auto from = reader(version);
    EXPECT_TRUE(slice_is(read(*from, 20 * kLeaf + 100, 4'096), 20 * kLeaf + 100, 4'096));
    const std::lock_guard lock(requests_mutex);
    ASSERT_EQ(requests[0].size(), 1u);
    EXPECT_EQ(requests[0][0].offset, 20 * kLeaf);
    EXPECT_EQ(requests[0][0].length, kLeaf);
}

TEST_F(ReplicaReaderTest, ALargePieceFromTheMiddleFetchesNoMoreThanItself) {
    watch(0);
    const auto from = reader(version);
    constexpr std::size_t length = 16 * kLeaf - 1'000;
    EXPECT_TRUE(slice_is(read(*from, 20 * kLeaf + 100, length), 20 * kLeaf + 100, length));
    fetchers.stop();  // what was asked for is asked by now
    const std::lock_guard lock(requests_mutex);
    std::uint64_t asked = 0;
    for (const Request& request : requests[0]) asked += request.length;
    EXPECT_EQ(asked, 16 * kLeaf);
}

TEST_F(ReplicaReaderTest, InPiecesNothingIsFetchedAheadHoweverOneGoesOn) {
    watch(0);
    const auto from = reader(version);
    for (std::uint64_t piece = 0; piece < 8; ++piece) {
        Bytes into(4 * kLeaf);
        ASSERT_THAT(from->read_at((10 + 3 * piece) * kLeaf, into, {}, true), IsOk());
        EXPECT_TRUE(slice_is(into, (10 + 3 * piece) * kLeaf, into.size()));
    }
    fetchers.stop();
    const std::lock_guard lock(requests_mutex);
    std::uint64_t asked = 0;
    for (const Request& request : requests[0]) asked += request.length;
    EXPECT_EQ(asked, 25 * kLeaf);  // the four leaves of the first, then three new ones each
}

TEST_F(ReplicaReaderTest, ForwardReadsAreFetchedAheadInLargePieces) {
    const auto from = reader(version);
    ASSERT_TRUE(slice_is(read_all(*from, 16'384), 0, kSize));
    EXPECT_LE(providers[0]->reads + providers[1]->reads, 12);
}

// As a program that takes a member of 1 MiB out of a zip: its header, then its bytes.
// Its next read may begin where the one before ended, and not sooner.
struct ReadsOnTest : ReplicaReaderTest {
    ReadsOnTest() : ReplicaReaderTest(std::vector<MemoryOptions>{{.reads_on = true}}) {}
};

TEST_F(ReadsOnTest, PiecesAreAskedForOneAfterTheOther) {
    std::atomic<int> running{0}, most{0};
    std::vector<Request> asked;
    providers[0]->on_read = [&](const OpContext& ctx, const RemoteObject& object, std::uint64_t offset, std::uint64_t length, const ByteSink& sink) -> Status {
        most = std::max(most.load(), ++running);
        {
            const std::lock_guard lock(requests_mutex);
            asked.push_back({offset, length});
        }
        std::this_thread::sleep_for(Millis(5));  // long enough for the next one to be asked for
        Status status = providers[0]->inner().read(ctx, object, offset, length, sink);
        --running;
        return status;
    };
    const auto from = reader(version);
    EXPECT_TRUE(slice_is(read_all(*from), 0, kSize));
    fetchers.stop();
    EXPECT_EQ(most, 1);
    ASSERT_GT(asked.size(), 2u) << "it is fetched ahead in pieces";
    for (std::size_t i = 1; i < asked.size(); ++i) EXPECT_EQ(asked[i].offset, asked[i - 1].offset + asked[i - 1].length) << i;
}

TEST_F(ReplicaReaderTest, TheSecondReadInARowIsFetchedAheadWithoutWastingMuch) {
    watch(0);
    const auto from = reader(version);
    constexpr std::uint64_t kMember = 3 * kLeaf + 1'000;
    EXPECT_TRUE(slice_is(read(*from, kMember, 4'096), kMember, 4'096));
    for (std::uint64_t offset = 4'096; offset < (1u << 20); offset += 128 * 1'024) {
        EXPECT_TRUE(slice_is(read(*from, kMember + offset, 128 * 1'024), kMember + offset, 128 * 1'024));
        if (offset > 4'096) continue;
        const std::lock_guard lock(requests_mutex);
        ASSERT_GE(requests[0].size(), 2u);
        EXPECT_EQ(requests[0][0].length, kLeaf);
        EXPECT_GE(requests[0][1].length, 512u << 10);
    }
    fetchers.stop();
    std::uint64_t fetched = 0;
    for (const Request& request : requests[0]) fetched += request.length;
    EXPECT_LE(fetched, 15u << 17) << "1.9 MiB";
}

TEST_F(ReplicaReaderTest, JumpsOfManyLeavesAreFetchedAsTheyAreAsked) {
    watch(0);
    const auto from = reader(version);
    for (const std::uint64_t leaf : {32u, 16u, 0u}) EXPECT_TRUE(slice_is(read(*from, leaf * kLeaf, 2 * kLeaf), leaf * kLeaf, 2 * kLeaf));
    const std::lock_guard lock(requests_mutex);
    for (const Request& request : requests[0]) EXPECT_EQ(request.length, 2 * kLeaf) << request.offset;
}

TEST_F(ReplicaReaderTest, WhatWasReadComesFromTheCache) {
    auto before = reader(version);
    Bytes into(1'000);
    EXPECT_FALSE(before->read_ready(0, into));
    EXPECT_FALSE(before->ready_file(0, 1'000));
    ASSERT_TRUE(slice_is(read_all(*before), 0, kSize));
    fetchers.stop();  // what is left goes into the cache
    before.reset();
    EXPECT_EQ(buffered, 0u) << "buffers of readers that are gone are counted";
    const int reads = providers[0]->reads + providers[1]->reads;
    const auto after = reader(version);
    EXPECT_EQ(after->read_ready(70'000, into), 1'000u);
    EXPECT_EQ(into, Bytes(content.begin() + 70'000, content.begin() + 71'000));
    EXPECT_EQ(after->read_ready(kSize - 10, into), 10u);
    EXPECT_EQ(after->read_ready(kSize, into), 0u);
    const auto ready = after->ready_file(kSize - 70'000, 100'000);
    ASSERT_TRUE(ready);
    EXPECT_EQ(ready->length, 70'000u);
    Bytes end(70'000);
    ASSERT_EQ(::pread(ready->file->fd(), end.data(), end.size(), kSize - 70'000), 70'000);
    EXPECT_EQ(end, Bytes(content.end() - 70'000, content.end()));
    EXPECT_FALSE(after->ready_file(kSize, 1));
    EXPECT_TRUE(slice_is(read_all(*after), 0, kSize));
    EXPECT_EQ(providers[0]->reads + providers[1]->reads, reads);
}

// --- fail-over -------------------------------------------------------------------------------------------------------------

TEST_F(ReplicaReaderTest, ABrokenConnectionIsContinuedElsewhere) {
    break_after(0, 5 * kLeaf + 100);
    watch(1);
    const auto from = reader(version);
    EXPECT_TRUE(slice_is(read(*from, 0, 20 * kLeaf), 0, 20 * kLeaf));
    {
        const std::lock_guard lock(requests_mutex);
        const auto at = [&](std::uint64_t offset) {
            return std::any_of(requests[1].begin(), requests[1].end(), [&](const Request& request) { return request.offset == offset; });
        };
        EXPECT_TRUE(at(5 * kLeaf));
        EXPECT_FALSE(at(0)) << "what was checked is not fetched again";
    }
    EXPECT_TRUE(slice_is(read_all(*from), 0, kSize));
    EXPECT_EQ(state(version, 0), ReplicaState::verified) << "a broken line says nothing about the bytes";
    EXPECT_GE(status(0).row.write_errors, 1u) << "the provider was reported";
}

TEST_F(ReplicaReaderTest, AProviderThatIsDownIsReadAround) {
    providers[0]->down = true;
    const auto from = reader(version);
    EXPECT_TRUE(slice_is(read_all(*from), 0, kSize));
    drive(0);
    ASSERT_TRUE(status(0).health.down);
    const int reads = providers[0]->reads;
    cache->drop(version);
    EXPECT_TRUE(slice_is(read_all(*reader(version)), 0, kSize));
    EXPECT_EQ(providers[0]->reads, reads) << "it is known to be down";
}

TEST_F(ReplicaReaderTest, DamageIsServedAroundReportedAndHealed) {
    ASSERT_TRUE(providers[0]->memory().damage("a", 7 * kLeaf + 3));
    EXPECT_TRUE(slice_is(read_all(*reader(version)), 0, kSize));
    EXPECT_EQ(state(version, 0), ReplicaState::damaged);
    EXPECT_EQ(state(version, 1), ReplicaState::verified);
    EXPECT_EQ(status(0).row.read_errors, 1u);
    EXPECT_FALSE(status(0).health.down) << "one bad file is not an outage";
    EXPECT_GE(events("damaged"), 1u);
    drive(0);
    EXPECT_EQ(state(version, 0), ReplicaState::verified);
    EXPECT_EQ(providers[0]->memory().content("a"), content);
}

TEST_F(ReplicaReaderTest, AShortReplicaIsABadReplica) {
    providers[0]->on_read = [&](const OpContext& ctx, const RemoteObject& object, std::uint64_t offset, std::uint64_t length, const ByteSink& sink) {
        const std::uint64_t end = std::min<std::uint64_t>(offset + length, 10 * kLeaf + 1);
        return offset < end ? providers[0]->inner().read(ctx, object, offset, end - offset, sink) : Status();
    };
    EXPECT_TRUE(slice_is(read_all(*reader(version)), 0, kSize));
    EXPECT_EQ(state(version, 0), ReplicaState::damaged);
}

TEST_F(ReplicaReaderTest, MoreThanWasAskedForIsIgnored) {
    for (const std::size_t i : {0u, 1u})
        providers[i]->on_read = [this, i](const OpContext& ctx, const RemoteObject& object, std::uint64_t offset, std::uint64_t, const ByteSink& sink) {
            return providers[i]->inner().read(ctx, object, offset, UINT64_MAX, sink);
        };
    EXPECT_TRUE(slice_is(read(*reader(version), 3 * kLeaf, 10), 3 * kLeaf, 10));
    EXPECT_TRUE(slice_is(read_all(*reader(version)), 0, kSize));
}

TEST_F(ReplicaReaderTest, AVanishedReplicaIsMissing) {
    ASSERT_TRUE(providers[0]->memory().remove_behind("a"));
    EXPECT_TRUE(slice_is(read_all(*reader(version)), 0, kSize));
    EXPECT_EQ(state(version, 0), ReplicaState::missing);
}

TEST_F(ReplicaReaderTest, TwoReplicasWithDifferentDamageMakeOneGoodFile) {
    ASSERT_TRUE(providers[0]->memory().damage("a", 7 * kLeaf));
    ASSERT_TRUE(providers[0]->memory().damage("a", 30 * kLeaf));
    ASSERT_TRUE(providers[1]->memory().damage("a", 20 * kLeaf));
    EXPECT_TRUE(slice_is(read(*reader(version), 0, kSize), 0, kSize)) << "in one request";
    EXPECT_EQ(state(version, 0), ReplicaState::damaged);
    EXPECT_EQ(state(version, 1), ReplicaState::damaged);
    cache->drop(version);
    EXPECT_TRUE(slice_is(read_all(*reader(version)), 0, kSize)) << "and later";
    EXPECT_EQ(events("damaged"), 4u) << "two a provider, each told once";
}

// --- nothing left ------------------------------------------------------------------------------------------------------------

TEST_F(ReplicaReaderTest, NothingGoodLeftIsAnError) {
    for (const auto& one : providers) ASSERT_TRUE(one->memory().damage("a", 7 * kLeaf));
    const auto from = reader(version);
    for (int i = 0; i < 2; ++i) {
        const auto bad = read(*from, 7 * kLeaf, 10);
        ASSERT_THAT(bad, HasCode(Errc::corrupt));
        EXPECT_EQ(info(bad.error().code).errno_value, EIO);
    }
    EXPECT_EQ(state(version, 0), ReplicaState::damaged);
    EXPECT_EQ(state(version, 1), ReplicaState::damaged);
    EXPECT_TRUE(slice_is(read(*from, 0, 7 * kLeaf), 0, 7 * kLeaf)) << "the good part can still be had";
    EXPECT_THAT(read(*reader(version), 7 * kLeaf, 10), HasCode(Errc::corrupt)) << "not \"try again later\"";
}

TEST_F(ReplicaReaderTest, NoReplicaAtAllIsAnErrorToo) {
    for (const ProviderId id : ids) replicator->remove_provider(id);
    const auto none = read(*reader(version), 0, 10);
    ASSERT_FALSE(none);
    EXPECT_EQ(info(none.error().code).errno_value, EIO);
}

TEST_F(ReplicaReaderTest, NobodyReachableIsNotTheSameAsNothingLeft) {
    for (const auto& one : providers) one->down = true;
    const auto bad = read(*reader(version), 0, 10);
    ASSERT_THAT(bad, HasCode(Errc::unavailable));
    EXPECT_EQ(info(bad.error().code).errno_value, ETIMEDOUT);
    for (const auto& one : providers) one->down = false;
    EXPECT_TRUE(slice_is(read_all(*reader(version)), 0, kSize)) << "the failure is not remembered";
}

TEST_F(ReplicaReaderTest, AProvidersFolderShowsItsOwnBytesOnly) {
    ASSERT_TRUE(providers[0]->memory().damage("a", 7 * kLeaf));
    const auto own = reader(version, ids[0]);
    EXPECT_THAT(read(*own, 7 * kLeaf, 10), HasCode(Errc::corrupt));
    EXPECT_TRUE(slice_is(read(*own, 0, kLeaf), 0, kLeaf));
    EXPECT_EQ(providers[1]->reads, 0);
    EXPECT_EQ(state(version, 0), ReplicaState::damaged);
    EXPECT_THAT(read(*reader(version, ids[0]), 7 * kLeaf, 10), HasCode(Errc::corrupt)) << "known to be damaged";
}

TEST_F(ReplicaReaderTest, ExceptNeverReadsFromThatOne) {
    const auto from = reader(version);
    from->except(ids[0]);
    EXPECT_TRUE(slice_is(read_all(*from), 0, kSize));
    EXPECT_EQ(providers[0]->reads, 0);
}

// --- waiting -----------------------------------------------------------------------------------------------------------------

TEST_F(ReplicaReaderTest, AnInterruptedReadReturnsAndHarmsNobody) {
    std::promise<void> asked;
    std::promise<void> may_answer;
    auto answer = may_answer.get_future().share();
    std::atomic<bool> first{true};
    for (const std::size_t i : {0u, 1u})
        providers[i]->on_read = [&, i](const OpContext& ctx, const RemoteObject& object, std::uint64_t offset, std::uint64_t length, const ByteSink& sink) {
            if (first.exchange(false)) asked.set_value();
            answer.wait();
            return providers[i]->inner().read(ctx, object, offset, length, sink);
        };
    const auto from = reader(version);
    std::stop_source stop;
    auto interrupted = std::async(std::launch::async, [&] { return read(*from, 0, 10, stop.get_token()); });
    auto patient = std::async(std::launch::async, [&] { return read(*from, 0, 10); });
    asked.get_future().wait();
    stop.request_stop();
    EXPECT_THAT(interrupted.get(), HasCode(Errc::cancelled));
    may_answer.set_value();
    EXPECT_TRUE(slice_is(patient.get(), 0, 10));
}

struct ReplicaReaderThreadsTest : ReplicaReaderTest {
    ReplicaReaderThreadsTest() : ReplicaReaderTest(3) {}
};

TEST_F(ReplicaReaderThreadsTest, ManyReadersWhileProvidersMisbehave) {
    // p0 breaks off and p1 returns wrong bytes at random; p2 is good. Seeds are fixed, the order of threads is not.
    std::mutex random_mutex;
    std::mt19937 random(4711);
    const auto roll = [&](std::uint64_t n) {
        const std::lock_guard lock(random_mutex);
        return random() % n;
    };
    providers[0]->on_read = [&](const OpContext& ctx, const RemoteObject& object, std::uint64_t offset, std::uint64_t length, const ByteSink& sink) -> Status {
        const std::uint64_t until = roll(length + 1);
        ORACX_TRYV(providers[0]->inner().read(ctx, object, offset, until, sink));
        if (until == length) return {};
        return fail(Errc::unavailable, "read", "the line broke");
    };
    providers[1]->on_read = [&](const OpContext& ctx, const RemoteObject& object, std::uint64_t offset, std::uint64_t length, const ByteSink& sink) {
        const bool bad = roll(2) == 0;
        return providers[1]->inner().read(ctx, object, offset, length, [&](std::span<const std::byte> data) {
            Bytes copy(data.begin(), data.end());
            if (bad && !copy.empty()) copy.back() ^= std::byte{1};
            return sink(copy);
        });
    };
    const auto shared = reader(version);
    std::atomic<int> wrong{0};
    {
        std::vector<std::jthread> threads;
        for (unsigned t = 0; t < 6; ++t)
            threads.emplace_back([&, t] {
                std::mt19937 own(t);
                const auto mine = t % 2 == 0 ? shared : reader(version);
                for (int i = 0; i < 25; ++i) {
                    const bool forward = own() % 3 == 0;
                    const std::uint64_t offset = forward ? 0 : own() % kSize;
                    const std::size_t length = forward ? kSize : 1 + own() % (3 * kLeaf);
                    Bytes into(length);
                    const auto got = mine->read_at(offset, into, {});
                    if (!got || !std::equal(into.begin(), into.begin() + static_cast<std::ptrdiff_t>(*got),
                                            content.begin() + static_cast<std::ptrdiff_t>(offset)) ||
                        *got != std::min<std::uint64_t>(length, kSize - offset))
                        wrong += 1;
                    if (own() % 5 == 0) cache->drop(version);
                }
            });
    }
    EXPECT_EQ(wrong, 0);
    fetchers.stop();
    EXPECT_EQ(state(version, 2), ReplicaState::verified);
}

}  // namespace
}  // namespace oracxfs::test
