#include "providers/sftp/host_keys.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/matchers.h"
#include "tests/support/temp_dir.h"

namespace oracxfs::sftp {
namespace {

using test::HasCode;
using test::IsOk;
using ::testing::HasSubstr;

// Made with ssh-keygen for this test only.
const std::string kFirst = "AAAAC3NzaC1lZDI1NTE5AAAAIJyPOZOlXaSCXxFMdfxSUR1nWWegZDeosy9CywCfb/2i";
const std::string kFirstPrint = "SHA256:Rh8HErla16Cp7Xl8YC/r590dFqyDiDOzZb4xju9+lj8";
const std::string kSecond = "AAAAC3NzaC1lZDI1NTE5AAAAICoAHnmIKwq7/P9i+eL2q016p8FDDRdNysTfjGxhzYSk";
const std::string kSecondPrint = "SHA256:kA1qlKqVgQzYwHGgcdsPNyNl/9yYAJ77Hzg9joijfeg";
const std::string kEcdsa =
    "AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBN75CHl3IXnn9zIvSGSowrMFZBFj0kG7Kl6sgHwehOHw+pt/"
    "uIAIf8PQwWu+8HJYQOJ7Kq/gx2OiwvcPUlACZRo=";
// `ssh-keygen -H` of "example.org" with the first key and "[example.org]:2222" with the second.
const std::string kHashed =
    "|1|VyG0MYEGXUOygm7XY7LlrIImteY=|HBFARPZUDilrqojVICVxAOz03lU= ssh-ed25519 " + kFirst +
    "\n|1|XCZW2Pf0Vuzn1czuf0aev73zCv0=|Ceg+ept9M+cmqR2lCnvhdfCEnzA= ssh-ed25519 " + kSecond + "\n";

std::string blob(const std::string& text) { return base64_decode(text).value(); }
std::string line(const std::string& hosts, const std::string& key) { return hosts + " ssh-ed25519 " + key + "\n"; }

KnownHost known(const std::string& text, const std::string& host, unsigned port = 22) {
    KnownHost out;
    read_known_hosts(text, "file", host, port, out);
    return out;
}

HostKeyPolicy::Knowledge knowledge(const std::string& text, const std::string& host = "example.org", unsigned port = 22) {
    HostKeyPolicy::Knowledge out;
    out.known = known(text, host, port);
    out.searched = {"file"};
    return out;
}

TEST(KnownHosts, FindsPlainNamesWhateverTheirCase) {
    EXPECT_EQ(known(line("example.org", kFirst), "Example.ORG").keys.size(), 1u);
    EXPECT_EQ(known(line("other,example.org,10.0.0.1", kFirst), "10.0.0.1").keys.size(), 1u);
    EXPECT_TRUE(known(line("example.org", kFirst), "example.com").keys.empty());
    EXPECT_TRUE(known(line("example.org", kFirst), "xexample.org").keys.empty());
}

TEST(KnownHosts, OtherPortsNeedBrackets) {
    const std::string text = line("example.org", kFirst) + line("[example.org]:2222", kSecond);
    ASSERT_EQ(known(text, "example.org", 2222).keys.size(), 1u);
    EXPECT_EQ(known(text, "example.org", 2222).keys[0].blob, blob(kSecond));
    EXPECT_EQ(known(text, "example.org", 22).keys[0].blob, blob(kFirst));
    EXPECT_TRUE(known(text, "example.org", 2223).keys.empty());
}

TEST(KnownHosts, FindsHashedNames) {
    ASSERT_EQ(known(kHashed, "example.org").keys.size(), 1u);
    EXPECT_EQ(known(kHashed, "example.org").keys[0].blob, blob(kFirst));
    ASSERT_EQ(known(kHashed, "example.org", 2222).keys.size(), 1u);
    EXPECT_EQ(known(kHashed, "example.org", 2222).keys[0].source, "file:2");
    EXPECT_TRUE(known(kHashed, "example.com").keys.empty());
}

TEST(KnownHosts, UnderstandsWildcardsAndNegations) {
    const std::string text = line("*.example.org,!bad.example.org", kFirst) + line("host?", kSecond);
    EXPECT_EQ(known(text, "a.example.org").keys.size(), 1u);
    EXPECT_TRUE(known(text, "bad.example.org").keys.empty());
    EXPECT_TRUE(known(text, "example.org").keys.empty());
    EXPECT_EQ(known(text, "host1").keys.size(), 1u);
    EXPECT_TRUE(known(text, "host12").keys.empty());
    EXPECT_TRUE(known(line("!example.org", kFirst), "example.org").keys.empty());
}

TEST(KnownHosts, SkipsWhatItDoesNotUnderstand) {
    const std::string text = "# comment\n\n   \ngarbage\nexample.org\nexample.org ssh-ed25519 !!!\n"
                             "example.org ssh-rsa " + kFirst + "\n" +        // type and key do not fit
                             "|1|broken ssh-ed25519 " + kFirst + "\n|1|\n" +
                             "@cert-authority * ssh-ed25519 " + kFirst + "\n@unknown example.org ssh-ed25519 " + kFirst +
                             "\n\t" + line("example.org", kSecond);
    ASSERT_EQ(known(text, "example.org").keys.size(), 1u);
    EXPECT_EQ(known(text, "example.org").keys[0].blob, blob(kSecond));
}

TEST(KnownHosts, KeepsRevokedKeysApart) {
    const auto found = known("@revoked * ssh-ed25519 " + kFirst + "\n" + line("example.org", kSecond), "example.org");
    ASSERT_EQ(found.revoked.size(), 1u);
    EXPECT_EQ(found.revoked[0].blob, blob(kFirst));
    EXPECT_EQ(found.keys.size(), 1u);
}

TEST(HostKeyCheck, KnownKeyPasses) {
    EXPECT_THAT(check_host_key(knowledge(line("example.org", kFirst)), "example.org", 22, blob(kFirst)), IsOk());
}

TEST(HostKeyCheck, UnknownHostShowsTheOfferedFingerprint) {
    const Status status = check_host_key(knowledge(""), "example.org", 22, blob(kFirst));
    ASSERT_THAT(status, HasCode(Errc::host_key_unknown));
    EXPECT_THAT(status.error().why, HasSubstr(kFirstPrint));
    EXPECT_THAT(status.error().why, HasSubstr("ssh-ed25519"));
}

TEST(HostKeyCheck, OtherKeyIsAChangeAndShowsBoth) {
    const Status status = check_host_key(knowledge(line("example.org", kFirst)), "example.org", 22, blob(kSecond));
    ASSERT_THAT(status, HasCode(Errc::host_key_changed));
    EXPECT_THAT(status.error().why, HasSubstr(kFirstPrint));
    EXPECT_THAT(status.error().why, HasSubstr(kSecondPrint));
}

TEST(HostKeyCheck, RevokedKeyIsRefusedEvenIfItIsListedToo) {
    const auto all = knowledge("@revoked * ssh-ed25519 " + kFirst + "\n" + line("example.org", kFirst));
    EXPECT_THAT(check_host_key(all, "example.org", 22, blob(kFirst)), HasCode(Errc::host_key_changed));
}

TEST(HostKeyCheck, PinDecidesAlone) {
    HostKeyPolicy::Knowledge pinned = knowledge(line("example.org", kSecond));
    pinned.pin = parse_pinned_key(kFirstPrint).value();
    EXPECT_THAT(check_host_key(pinned, "example.org", 22, blob(kFirst)), IsOk());
    EXPECT_THAT(check_host_key(pinned, "example.org", 22, blob(kSecond)), HasCode(Errc::host_key_changed));
}

TEST(PinnedKey, AcceptsLinesAndFingerprints) {
    for (const std::string& text :
         {"ssh-ed25519 " + kFirst, "ssh-ed25519 " + kFirst + " root@host", "[h]:22 ssh-ed25519 " + kFirst, kFirstPrint,
          "256 " + kFirstPrint + " comment (ED25519)", kFirstPrint + "="}) {
        const auto pin = parse_pinned_key(text);
        ASSERT_THAT(pin, IsOk()) << text;
        EXPECT_EQ(pin->fingerprint, kFirstPrint);
    }
    for (const std::string text : {"", "ssh-ed25519", "SHA256:short", "ssh-ed25519 AAAA", "MD5:00:11"})
        EXPECT_THAT(parse_pinned_key(text), HasCode(Errc::config)) << text;
}

TEST(HostKeyPolicy, PrefersTheTypesThatAreKnown) {
    const auto types = preferred_key_types(knowledge("example.org ecdsa-sha2-nistp256 " + kEcdsa + "\n"));
    ASSERT_FALSE(types.empty());
    EXPECT_EQ(types.front(), "ecdsa-sha2-nistp256");
    EXPECT_EQ(preferred_key_types(knowledge("")).front(), "ssh-ed25519");
}

TEST(HostKeyPolicy, ReadsItsFilesEachTime) {
    const test::TempDir dir;
    const HostKeyPolicy policy = HostKeyPolicy::files({dir / "absent", dir / "known_hosts"});
    EXPECT_TRUE(policy.look_up("example.org", 22).known.keys.empty());
    std::ofstream(dir / "known_hosts") << line("example.org", kFirst);
    EXPECT_EQ(policy.look_up("example.org", 22).known.keys.size(), 1u);
}

TEST(Base64, RoundTripsAndRefusesNonsense) {
    for (const std::string text : {"", "a", "ab", "abc", "\xff\x00\x10"}) EXPECT_EQ(base64_decode(base64_encode(text)), text);
    EXPECT_EQ(base64_decode("YQ"), "a");
    for (const std::string text : {"a", "a b=", "YQ==YQ==", "*"}) EXPECT_FALSE(base64_decode(text).has_value()) << text;
}

}  // namespace
}  // namespace oracxfs::sftp
