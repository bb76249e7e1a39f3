#include "base/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/support/matchers.h"

namespace oracxfs {
namespace {

using test::HasCode;
using test::IsOk;

constexpr JsonLimits kLenient{.allow_comments = true};

std::string round_trip(std::string_view text) {
    const Result<Json> parsed = parse_json(text);
    return parsed ? parsed->dump() : parsed.error().to_string();
}

std::string why(std::string_view text, const JsonLimits& limits = {}) {
    const Result<Json> parsed = parse_json(text, limits);
    return parsed ? "parsed as " + parsed->dump() : parsed.error().why;
}

TEST(ParseJson, KeepsValuesAndTheOrderOfKeys) {
    for (const char* text : {R"({"z":1,"a":[true,false,null],"m":{"x":"y"}})", "[]", "{}", "\"text\"", "-7",
                             "9223372036854775807", "-9223372036854775808", "[[[]],{}]", "0.5", "1e+300"})
        EXPECT_EQ(round_trip(text), text);
}

TEST(ParseJson, TellsIntegersFromDoubles) {
    EXPECT_TRUE(parse_json("12")->is_int());
    EXPECT_FALSE(parse_json("12.0")->is_int());
    EXPECT_TRUE(parse_json("12.0")->is_number());
    EXPECT_EQ(round_trip("12.0"), "12.0");
    EXPECT_DOUBLE_EQ(parse_json("18446744073709551615")->as_double(), 18446744073709551615.0);
    EXPECT_FALSE(parse_json("18446744073709551615")->is_int());
}

TEST(ParseJson, ZeroIsZeroWhateverItsExponent) {
    for (const char* text : {"0e71", "0e100", "-0e9", "0.000e50", "0e-71", "0.0", "-0"})
        EXPECT_EQ(parse_json(text)->as_double(1), 0.0) << text;
}

TEST(ParseJson, ReadsEscapes) {
    EXPECT_EQ(parse_json(R"("a\u00e9\n\ud83d\ude00\u0000b")")->as_string(),
              std::string("a\xc3\xa9\n\xf0\x9f\x98\x80\0b", 10));
}

TEST(ParseJson, NamesLineAndColumnOfAnError) {
    EXPECT_EQ(why("{\n  \"a\": 1,\n  \"b\" 2\n}"),
              "line 3, column 7: missing a colon after a name of object member");
    EXPECT_THAT(why("{\"\xc3\xa9\": x}"), testing::StartsWith("line 1, column 7: "));
    EXPECT_THAT(why(""), testing::StartsWith("line 1, column 1: "));
}

TEST(ParseJson, RefusesWhatIsNotJson) {
    for (const char* text : {"", " ", "[1,]", "{\"a\":1,}", "[1 2]", "nul", "[1] 2", "{a:1}", "'a'", "\"\\x\"",
                             "// c\n1", "/* c */ 1", "NaN", "Infinity", "01", "+1", "1.", "[", "{\"a\"",
                             "\"\t\"", "1e999", "\"\\ud800\""})
        EXPECT_THAT(parse_json(text), HasCode(Errc::invalid)) << text;
}

TEST(ParseJson, RefusesBytesThatAreNotUtf8) {
    EXPECT_THAT(parse_json("\"\xff\""), HasCode(Errc::invalid));
    EXPECT_THAT(parse_json("\"\xc0\x80\""), HasCode(Errc::invalid));
}

TEST(ParseJson, RefusesANulByteAndWhatHidesBehindIt) {
    using namespace std::string_view_literals;
    EXPECT_THAT(parse_json("{}\0{"sv), HasCode(Errc::invalid));
    EXPECT_EQ(why("{}\n\0"sv), "line 2, column 1: a NUL byte");
}

TEST(ParseJson, RefusesDuplicateKeysAtTheSecondOne) {
    EXPECT_EQ(why("{\"a\": 1,\n  \"a\": 2}"), "line 2, column 3: the key \"a\" is there twice");
    EXPECT_EQ(why("{\"a\": 1, // first\n \"a\": 2}", kLenient),
              "line 2, column 2: the key \"a\" is there twice");
    EXPECT_THAT(parse_json(R"({"a":{"k":1},"b":{"k":1}})"), IsOk());
}

TEST(ParseJson, FindsDuplicatesInALargeObjectToo) {
    std::string text = "{";
    for (int i = 0; i < 1000; ++i) text += "\"k" + std::to_string(i) + "\":0,";
    EXPECT_THAT(parse_json(text + "\"last\":0}"), IsOk());
    EXPECT_THAT(why(text + "\"k999\":0}"), testing::HasSubstr("\"k999\" is there twice"));
    EXPECT_THAT(why(text + "\"k3\":0}"), testing::HasSubstr("\"k3\" is there twice"));
}

TEST(ParseJson, StopsAtTheSizeLimit) {
    const JsonLimits limits{.max_bytes = 5};
    EXPECT_THAT(parse_json("[1,2]", limits), IsOk());
    EXPECT_THAT(parse_json("[1,23]", limits), HasCode(Errc::too_large));
}

TEST(ParseJson, StopsAtTheDepthLimit) {
    const JsonLimits limits{.max_depth = 3};
    EXPECT_THAT(parse_json("[[[1]]]", limits), IsOk());
    EXPECT_THAT(parse_json("[[\n [[1]]]]", limits), HasCode(Errc::too_large));
    EXPECT_EQ(why("[[\n [[1]]]]", limits), "line 2, column 3: nested deeper than 3 levels");
    // Deep enough to overflow a recursive parser's stack.
    EXPECT_THAT(parse_json(std::string(10'000'000, '[')), HasCode(Errc::too_large));
}

TEST(ParseJson, TakesCommentsAndTrailingCommasWhenAllowed) {
    const Result<Json> parsed =
        parse_json("\xef\xbb\xbf// head\n{\"a\": [1, 2,], /* why */ \"b\": 3,}\n// tail", kLenient);
    ASSERT_THAT(parsed, IsOk());
    EXPECT_EQ(parsed->dump(), R"({"a":[1,2],"b":3})");
}

TEST(LocateJson, FindsValuesByPath) {
    constexpr std::string_view kText =
        "// c\n{\n  \"every\": /* hours */ \"6h\",\n  \"list\": [1,\n    {\"é\": 5, \"port\": 22}],\n}\n";
    const auto at = [&](std::string_view path) {
        const auto position = locate_json(kText, path);
        return position ? std::pair(position->line, position->column) : std::pair<std::size_t, std::size_t>();
    };
    EXPECT_EQ(at(""), std::pair(2ul, 1ul));
    EXPECT_EQ(at("every"), std::pair(3ul, 24ul));
    EXPECT_EQ(at("list"), std::pair(4ul, 11ul));
    EXPECT_EQ(at("list/0"), std::pair(4ul, 12ul));
    EXPECT_EQ(at("list/1"), std::pair(5ul, 5ul));
    EXPECT_EQ(at("list/1/port"), std::pair(5ul, 22ul));
    EXPECT_EQ(locate_json(kText, "list/2"), std::nullopt);
    EXPECT_EQ(locate_json(kText, "port"), std::nullopt);
    EXPECT_EQ(locate_json(kText, "every/x"), std::nullopt);
}

TEST(LocateJson, FindsWhatFollowsAClosedContainer) {
    constexpr std::string_view kText = "[[1], {\"a\": {}, \"b\": []}, [], 7]";
    const auto column = [&](std::string_view path) { return locate_json(kText, path).value_or(JsonPosition{0, 0}).column; };
    EXPECT_EQ(column("0"), 2u);
    EXPECT_EQ(column("1"), 7u);
    EXPECT_EQ(column("1/b"), 22u);
    EXPECT_EQ(column("2"), 27u);
    EXPECT_EQ(column("3"), 31u);
}

TEST(ParseJson, NamesTheDuplicateAfterAClosedContainer) {
    EXPECT_EQ(why("{\"a\": {}, \"a\": 2}"), "line 1, column 11: the key \"a\" is there twice");
}

TEST(LocateJson, FindsWhatStandsBeforeAnError) {
    const auto position = locate_json("{\"a\": 1, \"b\": }", "a");
    ASSERT_TRUE(position.has_value());
    EXPECT_EQ(position->column, 7u);
    EXPECT_EQ(locate_json("{\"a\": 1, \"b\": }", "b"), std::nullopt);
}

TEST(Json, ReadsOfTheWrongTypeGiveTheFallback) {
    const Json number(5);
    EXPECT_EQ(number.as_string(), "");
    EXPECT_TRUE(number.as_bool(true));
    EXPECT_TRUE(number.items().empty());
    EXPECT_TRUE(number.members().empty());
    EXPECT_TRUE(number["x"].is_null());
    EXPECT_EQ(Json("5").as_int(9), 9);
    EXPECT_EQ(Json(2.5).as_int(9), 9);
    EXPECT_DOUBLE_EQ(number.as_double(), 5.0);
}

TEST(Json, SetReplacesAndNullBecomesAContainer) {
    Json value;
    value.set("a", 1).set("b", 2).set("a", 3);
    EXPECT_EQ(value.dump(), R"({"a":3,"b":2})");
    EXPECT_TRUE(value.erase("a"));
    EXPECT_FALSE(value.erase("a"));
    EXPECT_EQ(value.dump(), R"({"b":2})");
    Json list;
    list.push(1).push("x");
    EXPECT_EQ(list.dump(), R"([1,"x"])");
}

TEST(Json, EqualityLooksAtTheWholeTree) {
    EXPECT_EQ(*parse_json(R"({"a":[1,{"b":null}]})"), *parse_json(R"({ "a" : [ 1, { "b" : null } ] })"));
    EXPECT_NE(*parse_json("[1]"), *parse_json("[1.0]"));
}

TEST(JsonDump, EscapesControlCharactersAndQuotes) {
    EXPECT_EQ(Json(std::string_view("\"\\\n\r\t\x01\x7f\0", 8)).dump(), R"("\"\\\n\r\t\u0001\u007f\u0000")");
}

TEST(JsonDump, ReplacesInvalidUtf8ByOneCharacterAByte) {
    const std::string replacement = "\xef\xbf\xbd";
    EXPECT_EQ(Json("a\xff" "b").dump(), "\"a" + replacement + "b\"");
    EXPECT_EQ(Json("\xed\xa0\x80").dump(), "\"" + replacement + replacement + replacement + "\"");
    EXPECT_EQ(Json("\xf0\x9f\x98").dump(), "\"" + replacement + replacement + replacement + "\"");
    EXPECT_EQ(Json("\xf0\x9f\x98\x80\xe2\x82\xac\xc3\xa9").dump(), "\"\xf0\x9f\x98\x80\xe2\x82\xac\xc3\xa9\"");
}

TEST(JsonDump, WritesDoublesShortestAndAlwaysReadable) {
    EXPECT_EQ(Json(0.1).dump(), "0.1");
    EXPECT_EQ(Json(3.0).dump(), "3.0");
    EXPECT_EQ(Json(std::nan("")).dump(), "null");
    EXPECT_EQ(Json(std::numeric_limits<double>::infinity()).dump(), "null");
    for (const double value : {1e300, 5e-324, 123456789.123, -0.0})
        EXPECT_EQ(parse_json(Json(value).dump())->as_double(), value);
}

TEST(JsonDump, PrettyUsesTwoSpacesAndEndsWithANewline) {
    EXPECT_EQ(parse_json(R"({"a":[1,{}],"b":[]})")->dump_pretty(),
              "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": []\n}\n");
}

}  // namespace
}  // namespace oracxfs
