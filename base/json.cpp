#include "base/json.h"

#include <fmt/format.h>
#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include <algorithm>
#include <limits>
#include <unordered_set>

namespace oracxfs {
namespace {

// Iterative, so that deep nesting costs memory and not stack.
// Not kParseFullPrecisionFlag: it reads a zero with a large exponent ("0e71") as any number at all.
constexpr unsigned kStrictFlags = rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag;
constexpr unsigned kLenientFlags =
    kStrictFlags | rapidjson::kParseCommentsFlag | rapidjson::kParseTrailingCommasFlag;
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
// Objects with fewer members are searched for duplicate keys one by one.
constexpr std::size_t kLinearSearchMax = 16;

// Columns count characters, not bytes, as editors do.
JsonPosition position_at(std::string_view text, std::size_t offset) {
    JsonPosition position;
    for (const char c : text.substr(0, offset)) {
        if (c == '\n') {
            ++position.line;
            position.column = 1;
        } else if ((static_cast<unsigned char>(c) & 0xc0) != 0x80) {
            ++position.column;
        }
    }
    return position;
}

tl::unexpected<Error> fail_at(Errc code, std::string_view text, std::size_t offset,
                              std::string_view why) {
    const JsonPosition at = position_at(text, offset);
    return fail(code, "parse JSON", fmt::format("line {}, column {}: {}", at.line, at.column, why));
}

std::size_t comment_end(std::string_view text, std::size_t at) {
    if (text.substr(at, 2) == "//") return std::min(text.find('\n', at), text.size());
    if (text.substr(at, 2) != "/*") return at;
    const std::size_t end = text.find("*/", at + 2);
    return end == std::string_view::npos ? text.size() : end + 2;
}

// From the end of one token to the start of the next.
std::size_t next_token(std::string_view text, std::size_t at) {
    while (at < text.size()) {
        if (std::string_view(" \t\r\n,:").find(text[at]) != std::string_view::npos) {
            ++at;
            continue;
        }
        const std::size_t after_comment = comment_end(text, at);
        if (after_comment == at) break;
        at = after_comment;
    }
    return at;
}

// The lower-case sentence of RapidJSON without its full stop.
std::string parser_words(rapidjson::ParseErrorCode code) {
    std::string words = rapidjson::GetParseError_En(code);
    if (!words.empty() && words.back() == '.') words.pop_back();
    if (words.size() > 1 && words[0] >= 'A' && words[0] <= 'Z' && words[1] >= 'a')
        words[0] = static_cast<char>(words[0] - 'A' + 'a');
    return words;
}

// Builds a Json from the parser's events. Method names are RapidJSON's.
class Builder {
  public:
    Builder(std::string_view text, const rapidjson::MemoryStream& stream, const JsonLimits& limits)
        : text_(text), stream_(stream), limits_(limits) {}

    bool Null() { return add(Json()); }
    bool Bool(bool value) { return add(Json(value)); }
    bool Int(int value) { return add(Json(value)); }
    bool Uint(unsigned value) { return add(Json(std::int64_t{value})); }
    bool Int64(std::int64_t value) { return add(Json(value)); }
    bool Uint64(std::uint64_t value) {
        if (value > std::uint64_t{std::numeric_limits<std::int64_t>::max()})
            return add(Json(static_cast<double>(value)));
        return add(Json(static_cast<std::int64_t>(value)));
    }
    bool Double(double value) { return add(Json(value)); }
    bool RawNumber(const char*, rapidjson::SizeType, bool) { return false; }  // never asked for
    bool String(const char* data, rapidjson::SizeType size, bool) {
        return add(Json(std::string_view(data, size)));
    }
    bool StartObject() { return open(false); }
    bool StartArray() { return open(true); }
    bool EndObject(rapidjson::SizeType) {
        Json value = Json::from_members(std::move(frames_.back().members));
        return close(std::move(value));
    }
    bool EndArray(rapidjson::SizeType) {
        Json value = std::move(frames_.back().items);
        return close(std::move(value));
    }

    bool Key(const char* data, rapidjson::SizeType size, bool) {
        Frame& frame = frames_.back();
        frame.key.assign(data, size);
        if (duplicate(frame)) {
            refuse(Errc::invalid, fmt::format("the key \"{}\" is there twice", frame.key));
            return false;
        }
        return done();
    }

    [[nodiscard]] const std::optional<Error>& refusal() const { return refusal_; }
    Json take() { return std::move(root_); }

  private:
    struct Frame {
        bool is_array = false;
        Json items = Json::array();
        Json::Object members;
        std::string key;
        std::unordered_set<std::string> keys;  // filled only for large objects
    };

    bool done() {
        last_token_end_ = stream_.Tell();
        return true;
    }

    // The parser reports a bracket before it steps over it.
    bool done_with_bracket() {
        last_token_end_ = stream_.Tell() + 1;
        return true;
    }

    void refuse(Errc code, std::string_view why) {
        refusal_ = std::move(fail_at(code, text_, next_token(text_, last_token_end_), why)).value();
    }

    static bool duplicate(Frame& frame) {
        const Json::Object& members = frame.members;
        if (members.size() < kLinearSearchMax)
            return std::any_of(members.begin(), members.end(),
                               [&](const Json::Member& member) { return member.first == frame.key; });
        if (frame.keys.empty())
            for (const auto& [key, value] : members) frame.keys.insert(key);
        return !frame.keys.insert(frame.key).second;
    }

    bool open(bool is_array) {
        if (frames_.size() >= limits_.max_depth) {
            refuse(Errc::too_large, fmt::format("nested deeper than {} levels", limits_.max_depth));
            return false;
        }
        frames_.emplace_back().is_array = is_array;
        return done_with_bracket();
    }

    bool close(Json value) {
        frames_.pop_back();
        place(std::move(value));
        return done_with_bracket();
    }

    bool add(Json value) {
        place(std::move(value));
        return done();
    }

    void place(Json value) {
        if (frames_.empty())
            root_ = std::move(value);
        else if (Frame& frame = frames_.back(); frame.is_array)
            frame.items.push(std::move(value));
        else
            frame.members.emplace_back(std::move(frame.key), std::move(value));
    }

    const std::string_view text_;
    const rapidjson::MemoryStream& stream_;
    const JsonLimits& limits_;
    std::vector<Frame> frames_;
    Json root_;
    std::size_t last_token_end_ = 0;
    std::optional<Error> refusal_;
};

// Follows the parser's events to one value and remembers where it starts.
class Locator {
  public:
    Locator(std::string_view text, std::string_view path, const rapidjson::MemoryStream& stream)
        : text_(text), stream_(stream) {
        while (!path.empty()) {
            const std::size_t slash = std::min(path.find('/'), path.size());
            wanted_.push_back(path.substr(0, slash));
            path.remove_prefix(std::min(slash + 1, path.size()));
        }
    }

    bool Null() { return value(); }
    bool Bool(bool) { return value(); }
    bool Int(int) { return value(); }
    bool Uint(unsigned) { return value(); }
    bool Int64(std::int64_t) { return value(); }
    bool Uint64(std::uint64_t) { return value(); }
    bool Double(double) { return value(); }
    bool RawNumber(const char*, rapidjson::SizeType, bool) { return value(); }
    bool String(const char*, rapidjson::SizeType, bool) { return value(); }
    bool StartObject() { return open(false); }
    bool StartArray() { return open(true); }
    bool EndObject(rapidjson::SizeType) { return close(); }
    bool EndArray(rapidjson::SizeType) { return close(); }
    bool Key(const char* data, rapidjson::SizeType size, bool) {
        frames_.back().key.assign(data, size);
        return done();
    }

    [[nodiscard]] std::optional<std::size_t> found() const { return found_; }

  private:
    struct Frame {
        bool is_array = false;
        bool on_path = false;
        std::size_t next_index = 0;
        std::string key;
    };

    bool done() {
        last_token_end_ = stream_.Tell();
        return true;
    }

    // The parser reports a bracket before it steps over it.
    bool done_with_bracket() {
        last_token_end_ = stream_.Tell() + 1;
        return true;
    }

    // Whether the value that comes now lies on the wanted path.
    bool next_is_on_path() {
        if (frames_.empty()) return true;
        Frame& parent = frames_.back();
        if (parent.is_array) parent.key = std::to_string(parent.next_index++);
        return parent.on_path && frames_.size() <= wanted_.size() &&
               wanted_[frames_.size() - 1] == parent.key;
    }

    // False ends the parse: the value is found.
    bool look(bool on_path) {
        if (!on_path || frames_.size() != wanted_.size()) return true;
        found_ = next_token(text_, last_token_end_);
        return false;
    }

    bool value() { return look(next_is_on_path()) && done(); }

    bool open(bool is_array) {
        const bool on_path = next_is_on_path();
        if (!look(on_path)) return false;
        frames_.push_back({.is_array = is_array, .on_path = on_path, .next_index = 0, .key = {}});
        return done_with_bracket();
    }

    bool close() {
        frames_.pop_back();
        return done_with_bracket();
    }

    const std::string_view text_;
    const rapidjson::MemoryStream& stream_;
    std::vector<std::string_view> wanted_;
    std::vector<Frame> frames_;
    std::size_t last_token_end_ = 0;
    std::optional<std::size_t> found_;
};

}  // namespace

Result<Json> parse_json(std::string_view text, const JsonLimits& limits) {
    if (text.size() > limits.max_bytes)
        return fail(Errc::too_large, "parse JSON",
                    fmt::format("{} bytes, at most {} are allowed", text.size(), limits.max_bytes));
    if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
    // RapidJSON takes a NUL for the end of the text and would not see what follows.
    if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos)
        return fail_at(Errc::invalid, text, nul, "a NUL byte");

    rapidjson::MemoryStream stream(text.data(), text.size());
    Builder builder(text, stream, limits);
    rapidjson::Reader reader;
    const rapidjson::ParseResult parsed = limits.allow_comments
                                              ? reader.Parse<kLenientFlags>(stream, builder)
                                              : reader.Parse<kStrictFlags>(stream, builder);
    if (builder.refusal()) return fail(*builder.refusal());
    if (parsed.IsError())
        return fail_at(Errc::invalid, text, parsed.Offset(), parser_words(parsed.Code()));
    return builder.take();
}

std::optional<JsonPosition> locate_json(std::string_view text, std::string_view path) {
    if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
    rapidjson::MemoryStream stream(text.data(), text.size());
    Locator locator(text, path, stream);
    rapidjson::Reader reader;
    static_cast<void>(reader.Parse<kLenientFlags>(stream, locator));
    if (!locator.found()) return std::nullopt;
    return position_at(text, *locator.found());
}

}  // namespace oracxfs
