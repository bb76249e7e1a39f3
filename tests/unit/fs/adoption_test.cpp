// Files that others put at a provider, taken over while the provider's lane works on them, too.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/support/file_system_stack.h"
#include "tests/support/matchers.h"
#include "tests/support/temp_dir.h"

namespace oracxfs::test {
namespace {

class AdoptionTest : public testing::Test {
  protected:
    static void put(const std::string& file, const std::string& content) {
        std::filesystem::create_directories(std::filesystem::path(file).parent_path());
        std::ofstream(file, std::ios::binary) << content;
    }
    ProviderId id() { return stack_.replicator->active().front(); }
    Result<bool> adopt(const std::string& key) {
        const auto object = stack_.replicator->provider(id())->stat({}, key);
        EXPECT_THAT(object, IsOk()) << key;
        return object ? stack_.filesystem->adopt(id(), *object, {}) : fail(object.error());
    }

    // By us or by the lane, which finds it, too, when this takes long.
    void taken_over(const std::string& key) {
        for (;;) {
            const auto took = adopt(key);
            if (took || took.error().code != Errc::busy) {
                ASSERT_THAT(took, IsOk()) << key;
                return;
            }
            std::this_thread::yield();
        }
    }

    TempDir dir_;
    FileSystemStack stack_{dir_ / "home", 1};
};

TEST_F(AdoptionTest, WhatIsKnownOrOursIsNotTaken) {
    put(dir_ / "home/p0/a/b", "content");
    EXPECT_EQ(adopt("a/b").value(), true);
    EXPECT_EQ(adopt("a/b").value(), false);
    EXPECT_EQ(stack_.read_file("a/b").value(), "content");
    RemoteObject object;
    for (const char* key : {"", "p0", ".oracxfs-trash"}) {
        object.key = key;
        EXPECT_EQ(stack_.filesystem->adopt(id(), object, {}).value(), false) << key;
    }
    ASSERT_THAT(stack_.settle(), IsOk());
    EXPECT_EQ(stack_.catalog->list_replicas("a")->front().replica.state, ReplicaState::verified);
}

TEST_F(AdoptionTest, AStopEndsTheReading) {
    put(dir_ / "home/p0/f", std::string(1 << 20, 'x'));
    std::stop_source stop;
    stop.request_stop();
    const auto object = stack_.replicator->provider(id())->stat({}, "f");
    ASSERT_THAT(object, IsOk());
    EXPECT_THAT(stack_.filesystem->adopt(id(), *object, stop.get_token()), HasCode(Errc::cancelled));
    EXPECT_FALSE(stack_.catalog->find("f").value().has_value());
}

// The lane may verify a file as soon as it is in the catalogue, before its adoption is through.
TEST_F(AdoptionTest, NoFileStaysUncheckedHoweverQuickItsLaneWas) {
    constexpr int kFiles = 300;
    for (int i = 0; i < kFiles; ++i) put(dir_ / ("home/p0/f" + std::to_string(i)), "content " + std::to_string(i));
    {
        const std::jthread impatient([&](const std::stop_token& stop) {
            while (!stop.stop_requested()) stack_.replicator->nudge();
        });
        for (int i = 0; i < kFiles; ++i) ASSERT_NO_FATAL_FAILURE(taken_over("f" + std::to_string(i)));
    }
    const auto rows = stack_.catalog->list_replicas("");
    ASSERT_THAT(rows, IsOk());
    ASSERT_EQ(rows->size(), static_cast<std::size_t>(kFiles));
    for (const ReplicaListing& row : *rows)
        EXPECT_TRUE(row.replica.state == ReplicaState::verified || row.replica.due) << row.path << " is " << to_string(row.replica.state) << " and nobody will look at it";
}

}  // namespace
}  // namespace oracxfs::test
