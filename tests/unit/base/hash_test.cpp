#include "base/hash.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <set>
#include <thread>

#include "tests/support/blobs.h"

namespace oracxfs {
namespace {

using test::Bytes;
using test::bytes_of;
using test::random_content;

constexpr LeafKey kKey{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

std::string hex(const auto& value) { return to_hex(value); }

ContentDigests hash_in_pieces(const Bytes& data, std::size_t piece, DigestSet want = {true, true}) {
    ContentHasher hasher(want, kKey);
    for (std::size_t at = 0; at < data.size(); at += piece)
        hasher.update(std::span(data).subspan(at, std::min(piece, data.size() - at)));
    return hasher.finish();
}

std::span<const std::byte> leaf(const Bytes& data, std::size_t index) {
    const std::size_t start = index * kLeafBytes;
    return std::span(data).subspan(start, std::min<std::size_t>(kLeafBytes, data.size() - start));
}

// GMAC by OpenSSL's EVP_MAC: another way to the same tag than the one that is tested.
LeafTag gmac(const LeafKey& key, std::span<const std::uint8_t> nonce, std::span<const std::byte> data) {
    EVP_MAC* mac = EVP_MAC_fetch(nullptr, "GMAC", nullptr);
    EVP_MAC_CTX* context = EVP_MAC_CTX_new(mac);
    std::string cipher = "AES-128-GCM";
    std::vector<std::uint8_t> iv(nonce.begin(), nonce.end());
    const std::array parameters{
        OSSL_PARAM_construct_utf8_string("cipher", cipher.data(), 0),
        OSSL_PARAM_construct_octet_string("iv", iv.data(), iv.size()), OSSL_PARAM_construct_end()};
    LeafTag tag{};
    std::size_t length = 0;
    EXPECT_EQ(EVP_MAC_init(context, key.data(), key.size(), parameters.data()), 1);
    EXPECT_EQ(EVP_MAC_update(context, reinterpret_cast<const unsigned char*>(data.data()), data.size()), 1);
    EXPECT_EQ(EVP_MAC_final(context, tag.data(), &length, tag.size()), 1);
    EVP_MAC_CTX_free(context);
    EVP_MAC_free(mac);
    return tag;
}

TEST(Sha256Of, MatchesThePublishedVectors) {
    EXPECT_EQ(hex(sha256_of({})), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(hex(sha256_of(bytes_of("abc"))),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(hex(sha256_of(bytes_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"))),
              "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(Sha256Hasher, GivesTheSameForAnyPieces) {
    const Bytes data = random_content(300'001, 1);
    Sha256Hasher hasher;
    for (std::size_t at = 0; at < data.size(); at += 777)
        hasher.update(std::span(data).subspan(at, std::min<std::size_t>(777, data.size() - at)));
    EXPECT_EQ(hasher.finish(), sha256_of(data));
}

TEST(ContentHasher, OfNothingHasNoLeavesAndNoBlocks) {
    const ContentDigests digests = hash_in_pieces({}, 1);
    EXPECT_EQ(digests.size, 0u);
    EXPECT_EQ(digests.sha256, sha256_of({}));
    EXPECT_EQ(hex(*digests.md5), "d41d8cd98f00b204e9800998ecf8427e");
    EXPECT_TRUE(digests.blocks.empty());
    EXPECT_TRUE(digests.leaves.empty());
}

TEST(ContentHasher, KnowsThePublishedMd5Vector) {
    ContentHasher hasher({.md5 = true, .blocks = false}, kKey);
    hasher.update(bytes_of("message digest"));
    EXPECT_EQ(hex(*hasher.finish().md5), "f96b697d7cb7938d525a2f31aaf161d0");
}

TEST(ContentHasher, TakesOnlyWhatIsWanted) {
    const ContentDigests digests = hash_in_pieces(random_content(100, 1), 100, {});
    EXPECT_FALSE(digests.md5.has_value());
    EXPECT_TRUE(digests.blocks.empty());
    EXPECT_EQ(digests.leaves.size(), 1u);
}

class ContentHasherSizes : public testing::TestWithParam<std::uint64_t> {};

TEST_P(ContentHasherSizes, EveryDigestEqualsTheOneTakenAlone) {
    const Bytes data = random_content(GetParam(), 7);
    const ContentDigests digests = hash_in_pieces(data, 100'003);

    EXPECT_EQ(digests.size, data.size());
    EXPECT_EQ(digests.sha256, sha256_of(data));
    ASSERT_EQ(digests.blocks.size(), (data.size() + kBlockBytes - 1) / kBlockBytes);
    for (std::size_t i = 0; i < digests.blocks.size(); ++i) {
        const auto block = std::span(data).subspan(i * kBlockBytes);
        EXPECT_EQ(digests.blocks[i], sha256_of(block.first(std::min<std::size_t>(kBlockBytes, block.size()))));
    }
    ASSERT_EQ(digests.leaves.size(), (data.size() + kLeafBytes - 1) / kLeafBytes);
    const LeafChecker checker(kKey);
    for (std::size_t i = 0; i < digests.leaves.size(); ++i)
        EXPECT_TRUE(checker.matches(digests.leaf_salt, i, leaf(data, i), digests.leaves[i]));
}

INSTANTIATE_TEST_SUITE_P(
    AroundTheEdges, ContentHasherSizes,
    testing::Values(1, kLeafBytes - 1, kLeafBytes, kLeafBytes + 1, 3 * kLeafBytes, kBlockBytes - 1,
                    kBlockBytes, kBlockBytes + 1, 2 * kBlockBytes, 2 * kBlockBytes + kLeafBytes + 5));

TEST(ContentHasher, LeafTagIsGmacWithSaltAndIndexAsNonce) {
    const Bytes data = random_content(kLeafBytes + 100, 3);
    const ContentDigests digests = hash_in_pieces(data, 4096);
    std::array<std::uint8_t, 12> nonce{};
    for (unsigned i = 0; i < 8; ++i)
        nonce[i] = static_cast<std::uint8_t>(digests.leaf_salt >> (56 - 8 * i));
    EXPECT_EQ(digests.leaves.at(0), gmac(kKey, nonce, leaf(data, 0)));
    nonce[11] = 1;
    EXPECT_EQ(digests.leaves.at(1), gmac(kKey, nonce, leaf(data, 1)));
}

TEST(ContentHasher, TakesAnotherSaltEachPass) {
    const Bytes data = random_content(1000, 3);
    const ContentDigests first = hash_in_pieces(data, 1000);
    const ContentDigests second = hash_in_pieces(data, 1000);
    EXPECT_NE(first.leaf_salt, second.leaf_salt);
    EXPECT_NE(first.leaves, second.leaves);
    EXPECT_EQ(first.sha256, second.sha256);
}

TEST(ContentHasher, CountsWhatWasFed) {
    ContentHasher hasher({}, kKey);
    hasher.update(bytes_of("12345"));
    ContentHasher moved = std::move(hasher);
    moved.update(bytes_of("678"));
    EXPECT_EQ(moved.size(), 8u);
    EXPECT_EQ(moved.finish().sha256, sha256_of(bytes_of("12345678")));
}

class LeafCheckerTest : public testing::Test {
  protected:
    const Bytes data_ = random_content(2 * kLeafBytes + 10, 5);
    const ContentDigests digests_ = hash_in_pieces(data_, data_.size());
    const LeafChecker checker_{kKey};
};

TEST_F(LeafCheckerTest, RefusesOneChangedBit) {
    for (const std::size_t at : {std::size_t{0}, std::size_t{kLeafBytes / 2}, std::size_t{kLeafBytes - 1}}) {
        Bytes tampered(leaf(data_, 1).begin(), leaf(data_, 1).end());
        tampered[at] ^= std::byte{1};
        EXPECT_FALSE(checker_.matches(digests_.leaf_salt, 1, tampered, digests_.leaves[1])) << at;
    }
}

TEST_F(LeafCheckerTest, RefusesALeafFromAnotherPlace) {
    EXPECT_FALSE(checker_.matches(digests_.leaf_salt, 0, leaf(data_, 1), digests_.leaves[1]));
    EXPECT_FALSE(checker_.matches(digests_.leaf_salt, 1, leaf(data_, 0), digests_.leaves[1]));
    EXPECT_FALSE(checker_.matches(digests_.leaf_salt + 1, 1, leaf(data_, 1), digests_.leaves[1]));
}

TEST_F(LeafCheckerTest, RefusesAShorterOrLongerLeaf) {
    const auto last = leaf(data_, 2);
    ASSERT_TRUE(checker_.matches(digests_.leaf_salt, 2, last, digests_.leaves[2]));
    EXPECT_FALSE(checker_.matches(digests_.leaf_salt, 2, last.first(9), digests_.leaves[2]));
    EXPECT_FALSE(checker_.matches(digests_.leaf_salt, 2, {}, digests_.leaves[2]));
    EXPECT_FALSE(checker_.matches(digests_.leaf_salt, 2, data_, digests_.leaves[2]));
}

TEST_F(LeafCheckerTest, RefusesTheTagOfAnotherKey) {
    LeafKey other = kKey;
    other[15] ^= 1;
    EXPECT_FALSE(LeafChecker(other).matches(digests_.leaf_salt, 0, leaf(data_, 0), digests_.leaves[0]));
    EXPECT_TRUE(checker_.matches(digests_.leaf_salt, 0, leaf(data_, 0), digests_.leaves[0]));
}

TEST_F(LeafCheckerTest, WorksFromSeveralThreadsAtOnce) {
    std::array<int, 4> good{};
    {
        std::vector<std::jthread> threads;
        for (int& count : good)
            threads.emplace_back([&] {
                for (int i = 0; i < 50; ++i)
                    for (std::size_t n = 0; n < 3; ++n)
                        count += checker_.matches(digests_.leaf_salt, n, leaf(data_, n), digests_.leaves[n]);
            });
    }
    EXPECT_THAT(good, testing::Each(150));
}

TEST(Hex, RoundTripsAndAcceptsEitherCase) {
    const Sha256 value = sha256_of(bytes_of("abc"));
    std::string text = to_hex(value);
    EXPECT_EQ(sha256_from_hex(text), value);
    for (char& c : text) c = static_cast<char>(std::toupper(c));
    EXPECT_EQ(sha256_from_hex(text), value);
}

TEST(Hex, RefusesAnythingButSixtyFourDigits) {
    const std::string good(64, 'a');
    EXPECT_FALSE(sha256_from_hex(good.substr(1)));
    EXPECT_FALSE(sha256_from_hex(good + "a"));
    EXPECT_FALSE(sha256_from_hex(good.substr(1) + "g"));
    EXPECT_FALSE(sha256_from_hex(good.substr(1) + " "));
    EXPECT_FALSE(sha256_from_hex(""));
}

TEST(Random, GivesTheLengthAskedForAndNeverTheSame) {
    EXPECT_EQ(random_hex(16).size(), 32u);
    std::set<std::uint64_t> seen;
    for (int i = 0; i < 100; ++i) seen.insert(random_u64());
    EXPECT_EQ(seen.size(), 100u);
}

}  // namespace
}  // namespace oracxfs
