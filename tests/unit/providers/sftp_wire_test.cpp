#include "providers/sftp/sftp_wire.h"

#include <gtest/gtest.h>

#include <random>

#include "providers/sftp/sftp_status.h"
#include "providers/sftp/sftp_upload.h"
#include "tests/support/matchers.h"

namespace oracxfs::sftp {
namespace {

using test::HasCode;
using test::IsOk;

std::vector<std::byte> bytes(std::initializer_list<int> values) {
    std::vector<std::byte> out;
    for (const int value : values) out.push_back(static_cast<std::byte>(value));
    return out;
}

// What an Encoder wrote, without the length in front.
std::span<const std::byte> body(const std::vector<std::byte>& packet) { return std::span(packet).subspan(4); }

std::vector<std::byte> answer(PacketType type, const std::function<void(Encoder&)>& fill) {
    std::vector<std::byte> out;
    Encoder encoder(out, type, 7);
    fill(encoder);
    encoder.finish();
    return out;
}

TEST(SftpWire, EncodesLengthTypeIdAndFields) {
    std::vector<std::byte> out;
    Encoder(out, PacketType::read, 0x01020304).str("h").u64(5).u32(6).finish();
    EXPECT_EQ(out, bytes({0, 0, 0, 22, 5, 1, 2, 3, 4, 0, 0, 0, 1, 'h', 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 6}));
}

TEST(SftpWire, WaitsForTheWholePacket) {
    const auto packet = answer(PacketType::status, [](Encoder& e) { e.u32(0).str("ok").str(""); });
    for (std::size_t have = 0; have < packet.size(); ++have) {
        const auto found = first_packet(std::span(packet).first(have));
        ASSERT_THAT(found, IsOk());
        EXPECT_FALSE(found->has_value()) << have;
    }
    const auto whole = first_packet(packet);
    ASSERT_THAT(whole, IsOk());
    ASSERT_TRUE(whole->has_value());
    EXPECT_EQ((*whole)->size(), packet.size() - 4);
}

TEST(SftpWire, RefusesGreetingsAndGiantPackets) {
    const std::string greeting = "Welcome to this server!";
    EXPECT_THAT(first_packet(std::as_bytes(std::span(greeting))), HasCode(Errc::unavailable));
    EXPECT_THAT(first_packet(bytes({0, 4, 0, 1})), HasCode(Errc::unavailable));
    EXPECT_THAT(first_packet(bytes({0, 0, 0, 0})), HasCode(Errc::unavailable));
}

TEST(SftpWire, DecodesNames) {
    const auto packet = answer(PacketType::name, [](Encoder& e) {
        Attrs attrs;
        attrs.size = 12;
        attrs.permissions = 0100644;
        attrs.mtime = 99;
        e.u32(2).str("a").str("-rw long").attrs(attrs).str("b").str("").attrs({});
    });
    const auto decoded = decode_answer(body(packet));
    ASSERT_THAT(decoded, IsOk());
    EXPECT_EQ(decoded->id, 7u);
    ASSERT_EQ(decoded->answer.names.size(), 2u);
    EXPECT_EQ(decoded->answer.names[0].name, "a");
    EXPECT_TRUE(decoded->answer.names[0].attrs.is_regular());
    EXPECT_EQ(decoded->answer.names[0].attrs.size, 12u);
    EXPECT_EQ(decoded->answer.names[0].attrs.mtime, 99u);
    EXPECT_FALSE(decoded->answer.names[1].attrs.is_directory());
}

TEST(SftpWire, CountsThatThePacketCannotHoldAreRefusedWithoutAllocating) {
    const auto names = answer(PacketType::name, [](Encoder& e) { e.u32(0xffffffff).str("a"); });
    EXPECT_THAT(decode_answer(body(names)), HasCode(Errc::unavailable));
    const auto data = answer(PacketType::data, [](Encoder& e) { e.u32(1000).u32(0); });
    EXPECT_THAT(decode_answer(body(data)), HasCode(Errc::unavailable));
    const auto attrs = answer(PacketType::attrs, [](Encoder& e) { e.u32(0x80000000).u32(0xffffffff).str("x"); });
    EXPECT_THAT(decode_answer(body(attrs)), HasCode(Errc::unavailable));
    const auto handle = answer(PacketType::handle, [](Encoder& e) { e.str(std::string(300, 'h')); });
    EXPECT_THAT(decode_answer(body(handle)), HasCode(Errc::unavailable));
}

TEST(SftpWire, StatusOfOldServersHasNoText) {
    const auto packet = answer(PacketType::status, [](Encoder& e) { e.u32(4); });
    const auto decoded = decode_answer(body(packet));
    ASSERT_THAT(decoded, IsOk());
    EXPECT_EQ(decoded->answer.code, Fx::failure);
}

TEST(SftpWire, EveryTruncationIsAnErrorOrHarmless) {
    const auto packet = answer(PacketType::name, [](Encoder& e) {
        Attrs attrs;
        attrs.size = 1;
        e.u32(1).str("name").str("long").attrs(attrs);
    });
    for (std::size_t size = 0; size + 1 < body(packet).size(); ++size)
        EXPECT_FALSE(decode_answer(body(packet).first(size)).has_value()) << size;
}

TEST(SftpWire, RandomBytesNeverDoHarm) {
    std::mt19937 random(42);
    constexpr int kTypes[] = {101, 102, 103, 104, 105, 201, 2, 77};
    for (int round = 0; round < 20'000; ++round) {
        std::vector<std::byte> packet(random() % 80);
        for (std::byte& b : packet) b = static_cast<std::byte>(random() % 4 == 0 ? random() : random() % 3);
        if (!packet.empty()) packet[0] = static_cast<std::byte>(kTypes[random() % 8]);
        (void)decode_answer(packet);
        (void)decode_version(packet);
        (void)decode_statvfs(packet);
        (void)decode_limits(packet);
        (void)first_packet(packet);
    }
}

TEST(SftpWire, VersionListsExtensions) {
    std::vector<std::byte> out;
    Encoder(out, PacketType::version, 3).str("posix-rename@openssh.com").str("1").finish();
    const auto version = decode_version(body(out));
    ASSERT_THAT(version, IsOk());
    EXPECT_EQ(version->number, 3u);
    EXPECT_TRUE(version->offers("posix-rename@openssh.com"));
    EXPECT_FALSE(version->offers("fsync@openssh.com"));
}

TEST(SftpStatus, CodesBecomeErrors) {
    const auto error = [](Fx code, std::string_view path = "x") {
        Answer refused;
        refused.code = code;
        refused.message = "No\033[31m such";
        return error_of(refused, "open", path);
    };
    EXPECT_EQ(error(Fx::no_such_file).code, Errc::not_found);
    EXPECT_EQ(error(Fx::permission_denied).code, Errc::denied);
    EXPECT_EQ(error(Fx::failure).code, Errc::unavailable);
    EXPECT_EQ(error(Fx::bad_message).code, Errc::name_refused);
    EXPECT_EQ(error(Fx::bad_message, "a/" + std::string(256, 'n')).code, Errc::name_too_long);
    EXPECT_EQ(error(Fx::no_space).code, Errc::quota_full);
    EXPECT_EQ(error(Fx::quota_exceeded).code, Errc::quota_full);
    EXPECT_EQ(error(Fx::file_already_exists).code, Errc::exists);
    EXPECT_EQ(error(static_cast<Fx>(4711)).code, Errc::unavailable);
    EXPECT_EQ(error(Fx::failure).why, "SFTP status 4 'No?[31m such'");
}

TEST(SftpStatus, UnsafeNamesAreTold) {
    for (const std::string name : {"", ".", "..", "a/b", "/"}) EXPECT_FALSE(is_safe_name(name)) << name;
    EXPECT_FALSE(is_safe_name(std::string_view("a\0b", 3)));
    for (const std::string name : {"a", "...", "new\nline", "\xff"}) EXPECT_TRUE(is_safe_name(name)) << name;
}

TEST(SftpResume, PrefixGrowsOnlyWithoutHoles) {
    WrittenRanges written(100);
    written.add(200, 300);
    EXPECT_EQ(written.prefix(), 100u);
    written.add(400, 500);
    written.add(100, 200);
    EXPECT_EQ(written.prefix(), 300u);
    written.add(300, 400);
    EXPECT_EQ(written.prefix(), 500u);
}

TEST(SftpResume, StateSurvivesAndNonsenseMeansFromTheStart) {
    EXPECT_EQ(decode_resume_state(encode_resume_state(123'456'789'012)), 123'456'789'012u);
    for (const char* state : {"", "999", "{", "{\"sftp\":2,\"acknowledged\":5}", "{\"sftp\":1,\"acknowledged\":-5}", "[]"})
        EXPECT_EQ(decode_resume_state(state), 0u) << state;
}

}  // namespace
}  // namespace oracxfs::sftp
