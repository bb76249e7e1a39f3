#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "providers/http/byte_gate.h"
#include "providers/http/http_client.h"

namespace oracxfs::http {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

// 1994-11-06 08:49:37 UTC, the example of RFC 9110.
constexpr WallTime kExample{Millis(784'111'777'000)};

TEST(PercentEncode, KeepsUnreservedCharactersOnly) {
    EXPECT_EQ(percent_encode("AZaz09-._~"), "AZaz09-._~");
    EXPECT_EQ(percent_encode("4/0A+b c%\xc3\xa4\n"), "4%2F0A%2Bb%20c%25%C3%A4%0A");
    EXPECT_EQ(percent_encode(std::string_view("\0", 1)), "%00");
}

TEST(PercentDecode, DecodesOnceAndRefusesWhatIsBroken) {
    EXPECT_EQ(percent_decode("4%2F0A%252F"), "4/0A%2F");
    EXPECT_EQ(percent_decode("a+b"), "a+b");
    EXPECT_EQ(percent_decode("a+b", Decoding::form), "a b");
    for (const char* const broken : {"%", "%4", "%zz", "%4g", "a%"}) EXPECT_EQ(percent_decode(broken), std::nullopt);
}

TEST(Form, EncodesNamesAndValues) {
    const std::vector<std::pair<std::string, std::string>> fields{
        {"code", "4/0A=&"}, {"grant_type", "urn:x"}, {"empty", ""}};
    EXPECT_EQ(form(fields), "code=4%2F0A%3D%26&grant_type=urn%3Ax&empty=");
    EXPECT_EQ(form({}), "");
}

TEST(HttpDate, KnowsAllThreeForms) {
    EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), kExample);
    EXPECT_EQ(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT"), kExample);
    EXPECT_EQ(parse_http_date("Sun Nov  6 08:49:37 1994"), kExample);
}

class BadDate : public testing::TestWithParam<const char*> {};
TEST_P(BadDate, IsNoDate) { EXPECT_EQ(parse_http_date(GetParam()), std::nullopt); }
INSTANTIATE_TEST_SUITE_P(Samples, BadDate,
                         testing::Values("", ",", "Sun, 06 Nov 1994 08:49:37", "Sun, 31 Feb 1994 08:49:37 GMT",
                                         "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 CET",
                                         "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 Xov 1994 08:49:37 GMT",
                                         "Sun, 06 Nov 1994 08:49:37 GMT ", "1994-11-06T08:49:37Z", "Sun Nov"));

TEST(RetryAfter, IsSecondsOrADate) {
    EXPECT_EQ(parse_retry_after("0", kExample), Millis(0));
    EXPECT_EQ(parse_retry_after(" 15 ", kExample), seconds(15));
    EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:50:37 GMT", kExample), seconds(60));
}

TEST(RetryAfter, IsLimited) {
    EXPECT_EQ(parse_retry_after("86401", kExample), hours(24));
    EXPECT_EQ(parse_retry_after("99999999999999999999999999", kExample), hours(24));
    EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:40:00 GMT", kExample), Millis(0)) << "a date in the past";
    EXPECT_EQ(parse_retry_after("Thu, 31 Dec 9999 00:00:00 GMT", kExample), hours(24));
}

TEST(RetryAfter, IsAbsentWhenItIsNonsense) {
    for (const char* const bad : {"", " ", "-1", "1.5", "soon", "1 s"})
        EXPECT_EQ(parse_retry_after(bad, kExample), std::nullopt) << bad;
}

TEST(ResponseHeader, IsTheLastOfItsName) {
    const Response response{200, {{"a", "1"}, {"retry-after", "3"}, {"a", "2"}}, ""};
    EXPECT_EQ(response.header("a"), "2");
    EXPECT_EQ(response.header("b"), "");
    EXPECT_EQ(response.retry_after(kExample), seconds(3));
}

TEST(ByteGate, LetsPassWhatTheRateAllows) {
    SteadyTime now{};
    ByteGate gate(1'000'000, now);
    EXPECT_EQ(gate.room(1 << 30), 100'000u) << "a tenth of a second at once";
    gate.take(100'000);
    EXPECT_FALSE(gate.open());
    gate.refill(now += Millis(10));
    EXPECT_NEAR(static_cast<double>(gate.room(1 << 30)), 10'000, 1);
    gate.take(60'000);
    gate.refill(now += Millis(40));
    EXPECT_FALSE(gate.open()) << "what came too much is paid back";
    gate.refill(now += Millis(20));
    EXPECT_TRUE(gate.open());
    gate.refill(now += hours(1));
    EXPECT_EQ(gate.room(1 << 30), 100'000u) << "idle time is not saved up";
}

TEST(ByteGate, WithoutLimitIsAlwaysOpen) {
    ByteGate gate(0, SteadyTime{});
    gate.take(1 << 30);
    EXPECT_TRUE(gate.open());
    EXPECT_EQ(gate.room(77), 77u);
}

}  // namespace
}  // namespace oracxfs::http
