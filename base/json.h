#pragma once
// A small JSON value on RapidJSON (kept out of this header), with limits for input that a stranger wrote.
//
// Objects keep the order of insertion. Numbers: integers stay 64-bit integers. Strings are UTF-8; a byte string that is
// not UTF-8 must be encoded by the caller (see ux of "name_b64").

#include <cstdint>
#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"

namespace oracxfs {

class Json {
  public:
    using Array = std::vector<Json>;
    using Member = std::pair<std::string, Json>;
    using Object = std::vector<Member>;

    Json() = default;  // null
    Json(std::nullptr_t) {}                                   // NOLINT(google-explicit-constructor)
    Json(bool value) : value_(value) {}                       // NOLINT(google-explicit-constructor)
    Json(int value) : value_(std::int64_t{value}) {}          // NOLINT(google-explicit-constructor)
    Json(std::int64_t value) : value_(value) {}               // NOLINT(google-explicit-constructor)
    Json(std::uint64_t value) : value_(static_cast<std::int64_t>(value)) {}  // NOLINT(google-explicit-constructor)
    Json(double value) : value_(value) {}                     // NOLINT(google-explicit-constructor)
    Json(const char* value) : value_(std::string(value)) {}   // NOLINT(google-explicit-constructor)
    Json(std::string_view value) : value_(std::string(value)) {}  // NOLINT(google-explicit-constructor)
    Json(std::string value) : value_(std::move(value)) {}     // NOLINT(google-explicit-constructor)
    static Json array() { Json j; j.value_ = Array{}; return j; }
    static Json object() { Json j; j.value_ = Object{}; return j; }
    static Json object(std::initializer_list<Member> members) { Json j; j.value_ = Object(members); return j; }
    // The members as they are; the caller knows that no key is there twice.
    static Json from_members(Object members) { Json j; j.value_ = std::move(members); return j; }

    [[nodiscard]] bool is_null() const { return std::holds_alternative<std::monostate>(value_); }
    [[nodiscard]] bool is_bool() const { return std::holds_alternative<bool>(value_); }
    [[nodiscard]] bool is_int() const { return std::holds_alternative<std::int64_t>(value_); }
    [[nodiscard]] bool is_number() const { return is_int() || std::holds_alternative<double>(value_); }
    [[nodiscard]] bool is_string() const { return std::holds_alternative<std::string>(value_); }
    [[nodiscard]] bool is_array() const { return std::holds_alternative<Array>(value_); }
    [[nodiscard]] bool is_object() const { return std::holds_alternative<Object>(value_); }

    // Checked reads: the fallback is returned when the type does not fit. Never throw.
    [[nodiscard]] bool as_bool(bool fallback = false) const;
    [[nodiscard]] std::int64_t as_int(std::int64_t fallback = 0) const;
    [[nodiscard]] double as_double(double fallback = 0) const;
    [[nodiscard]] const std::string& as_string() const;  // "" when not a string
    [[nodiscard]] const Array& items() const;            // empty when not an array
    [[nodiscard]] const Object& members() const;         // empty when not an object

    // Member access: a static null when absent. Never inserts.
    const Json& operator[](std::string_view key) const;
    [[nodiscard]] const Json* find(std::string_view key) const;
    // Writing. set() turns null into an object, push() turns null into an array.
    Json& set(std::string_view key, Json value);
    Json& push(Json value);
    Json* find(std::string_view key);
    bool erase(std::string_view key);

    bool operator==(const Json& other) const = default;

    [[nodiscard]] std::string dump() const;           // one line; invalid UTF-8 is replaced by U+FFFD
    [[nodiscard]] std::string dump_pretty() const;    // 2 spaces, newline at the end

  private:
    std::variant<std::monostate, bool, std::int64_t, double, std::string, Array, Object> value_;
};

struct JsonLimits {
    std::size_t max_bytes = 16u << 20;
    std::size_t max_depth = 64;
    bool allow_comments = false;  // also trailing commas: for files that people edit
};

struct JsonPosition {
    std::size_t line = 1;
    std::size_t column = 1;
};

// Errors: invalid ("line 3, column 7: ..."), too_large. Duplicate keys in one object are invalid.
Result<Json> parse_json(std::string_view text, const JsonLimits& limits = {});
// Line and column (from 1) of the value at `path` ("auto_sync/every", "providers/nas/port"), for messages about files.
std::optional<JsonPosition> locate_json(std::string_view text, std::string_view path);

}  // namespace oracxfs
