// Json's members that need no parser: checked reads, changes, writing.

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/assert.h"
#include "base/json.h"

namespace oracxfs {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD

// Bytes of the valid UTF-8 character at the start of `text`, 0 when there is none.
std::size_t utf8_length(std::string_view text) {
    const auto byte = [&](std::size_t i) {
        return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
    };
    const auto follows = [&](std::size_t i) { return (byte(i) & 0xc0u) == 0x80u; };
    const unsigned first = byte(0);
    if (first < 0x80) return 1;
    if (first < 0xc2) return 0;
    if (first < 0xe0) return follows(1) ? 2 : 0;
    if (first < 0xf0) {
        const bool overlong = first == 0xe0 && byte(1) < 0xa0;
        const bool surrogate = first == 0xed && byte(1) >= 0xa0;
        return follows(1) && follows(2) && !overlong && !surrogate ? 3 : 0;
    }
    if (first < 0xf5) {
        const bool overlong = first == 0xf0 && byte(1) < 0x90;
        const bool beyond = first == 0xf4 && byte(1) >= 0x90;
        return follows(1) && follows(2) && follows(3) && !overlong && !beyond ? 4 : 0;
    }
    return 0;
}

void write_escaped(std::string& out, char c) {
    switch (c) {
        case '"': out += "\\\""; return;
        case '\\': out += "\\\\"; return;
        case '\n': out += "\\n"; return;
        case '\r': out += "\\r"; return;
        case '\t': out += "\\t"; return;
        default: break;
    }
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
        out += fmt::format("\\u{:04x}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    else
        out += c;
}

void write_string(std::string& out, std::string_view text) {
    out += '"';
    while (!text.empty()) {
        const std::size_t length = utf8_length(text);
        if (length == 1)
            write_escaped(out, text[0]);
        else
            out += length == 0 ? kReplacement : text.substr(0, length);
        text.remove_prefix(std::max<std::size_t>(length, 1));
    }
    out += '"';
}

void write_double(std::string& out, double value) {
    if (!std::isfinite(value)) {
        out += "null";  // JSON has no word for it
        return;
    }
    char buffer[32];
    const auto [end, error] = std::to_chars(std::begin(buffer), std::end(buffer), value);
    const std::string_view text(buffer, static_cast<std::size_t>(end - buffer));
    out += text;
    if (text.find_first_of(".e") == std::string_view::npos) out += ".0";  // stays a double when read
}

class Writer {
  public:
    explicit Writer(bool pretty) : pretty_(pretty) {}

    void write(const Json& value) {
        if (value.is_bool())
            out_ += value.as_bool() ? "true" : "false";
        else if (value.is_int())
            out_ += std::to_string(value.as_int());
        else if (value.is_number())
            write_double(out_, value.as_double());
        else if (value.is_string())
            write_string(out_, value.as_string());
        else if (value.is_array())
            write_list('[', ']', value.items(), [this](const Json& item) { write(item); });
        else if (value.is_object())
            write_list('{', '}', value.members(), [this](const Json::Member& member) {
                write_string(out_, member.first);
                out_ += pretty_ ? ": " : ":";
                write(member.second);
            });
        else
            out_ += "null";
    }

    std::string take() { return std::move(out_); }

  private:
    template <class List, class WriteItem>
    void write_list(char open, char close, const List& list, WriteItem write_item) {
        out_ += open;
        ++depth_;
        bool first = true;
        for (const auto& item : list) {
            if (!first) out_ += ',';
            first = false;
            new_line();
            write_item(item);
        }
        --depth_;
        if (!first) new_line();
        out_ += close;
    }

    void new_line() {
        if (!pretty_) return;
        out_ += '\n';
        out_.append(2 * depth_, ' ');
    }

    const bool pretty_;
    std::size_t depth_ = 0;
    std::string out_;
};

}  // namespace

bool Json::as_bool(bool fallback) const {
    const bool* value = std::get_if<bool>(&value_);
    return value != nullptr ? *value : fallback;
}

std::int64_t Json::as_int(std::int64_t fallback) const {
    const std::int64_t* value = std::get_if<std::int64_t>(&value_);
    return value != nullptr ? *value : fallback;
}

double Json::as_double(double fallback) const {
    if (const double* value = std::get_if<double>(&value_)) return *value;
    if (const std::int64_t* value = std::get_if<std::int64_t>(&value_))
        return static_cast<double>(*value);
    return fallback;
}

const std::string& Json::as_string() const {
    static const std::string empty;
    const std::string* value = std::get_if<std::string>(&value_);
    return value != nullptr ? *value : empty;
}

const Json::Array& Json::items() const {
    static const Array empty;
    const Array* value = std::get_if<Array>(&value_);
    return value != nullptr ? *value : empty;
}

const Json::Object& Json::members() const {
    static const Object empty;
    const Object* value = std::get_if<Object>(&value_);
    return value != nullptr ? *value : empty;
}

const Json* Json::find(std::string_view key) const {
    const Object& all = members();
    const auto found = std::find_if(all.begin(), all.end(),
                                    [key](const Member& member) { return member.first == key; });
    return found != all.end() ? &found->second : nullptr;
}

Json* Json::find(std::string_view key) {
    return const_cast<Json*>(std::as_const(*this).find(key));  // *this is not const here
}

const Json& Json::operator[](std::string_view key) const {
    static const Json null;
    const Json* value = find(key);
    return value != nullptr ? *value : null;
}

Json& Json::set(std::string_view key, Json value) {
    if (is_null()) value_ = Object{};
    ORACX_ASSERT(is_object());
    if (Json* present = find(key))
        *present = std::move(value);
    else
        std::get<Object>(value_).emplace_back(std::string(key), std::move(value));
    return *this;
}

Json& Json::push(Json value) {
    if (is_null()) value_ = Array{};
    ORACX_ASSERT(is_array());
    std::get<Array>(value_).push_back(std::move(value));
    return *this;
}

bool Json::erase(std::string_view key) {
    Object* all = std::get_if<Object>(&value_);
    if (all == nullptr) return false;
    return std::erase_if(*all, [key](const Member& member) { return member.first == key; }) > 0;
}

std::string Json::dump() const {
    Writer writer(false);
    writer.write(*this);
    return writer.take();
}

std::string Json::dump_pretty() const {
    Writer writer(true);
    writer.write(*this);
    return writer.take() + '\n';
}

}  // namespace oracxfs
