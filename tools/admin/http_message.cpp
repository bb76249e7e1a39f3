#include "tools/admin/http_message.h"

#include <algorithm>
#include <charconv>

namespace oracxfs {
namespace {

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

std::optional<std::uint64_t> number(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

template <class Each>
void split(std::string_view text, char at, Each each) {
    while (true) {
        const std::size_t end = text.find(at);
        each(text.substr(0, end));
        if (end == std::string_view::npos) return;
        text.remove_prefix(end + 1);
    }
}

}  // namespace

std::optional<std::string> HttpRequest::header(std::string_view lower_name) const {
    for (const auto& [name, value] : headers)
        if (name == lower_name) return value;
    return std::nullopt;
}

std::size_t HttpRequest::count(std::string_view lower_name) const {
    return static_cast<std::size_t>(std::count_if(headers.begin(), headers.end(), [&](const auto& field) { return field.first == lower_name; }));
}

std::optional<std::string> HttpRequest::cookie(std::string_view name) const {
    for (const auto& [field, value] : headers) {
        if (field != "cookie") continue;
        std::optional<std::string> found;
        split(value, ';', [&](std::string_view part) {
            part = trimmed(part);
            const std::size_t equals = part.find('=');
            if (!found && equals != std::string_view::npos && part.substr(0, equals) == name) found = std::string(part.substr(equals + 1));
        });
        if (found) return found;
    }
    return std::nullopt;
}

std::string HttpRequest::query_value(std::string_view name) const {
    for (const auto& [key, value] : query)
        if (key == name) return value;
    return "";
}

bool HttpRequest::has_query(std::string_view name) const {
    return std::any_of(query.begin(), query.end(), [&](const auto& field) { return field.first == name; });
}

std::optional<std::string> percent_decode(std::string_view text, bool plus) {
    std::string decoded;
    decoded.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '+' && plus) {
            decoded += ' ';
        } else if (text[i] == '%') {
            if (i + 2 >= text.size()) return std::nullopt;
            const int high = hex_digit(text[i + 1]), low = hex_digit(text[i + 2]);
            if (high < 0 || low < 0) return std::nullopt;
            decoded += static_cast<char>(high * 16 + low);
            i += 2;
        } else {
            decoded += text[i];
        }
    }
    return decoded;
}

std::string percent_encode(std::string_view text) {
    constexpr std::string_view kHex = "0123456789ABCDEF";
    std::string encoded;
    for (const char c : text) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || std::string_view("-._~").find(c) != std::string_view::npos;
        if (plain) {
            encoded += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        encoded += '%';
        encoded += kHex[byte >> 4];
        encoded += kHex[byte & 15];
    }
    return encoded;
}

Status parse_target(std::string_view target, HttpRequest& request) {
    const auto refuse = [&](std::string why) { return fail(Errc::invalid, "read the address", std::move(why)); };
    if (!target.starts_with('/')) return refuse("it is not a path");
    std::string_view query;
    if (const std::size_t mark = target.find('?'); mark != std::string_view::npos) {
        query = target.substr(mark + 1);
        target = target.substr(0, mark);
    }
    request.path = std::string(target);
    request.segments.clear();
    bool good = true;
    split(target.substr(1), '/', [&](std::string_view part) {
        auto decoded = percent_decode(part, false);
        // Nobody who means well sends these: browsers take them away themselves.
        good = good && decoded && decoded->find('\0') == std::string::npos && *decoded != "." && *decoded != "..";
        if (good) request.segments.push_back(std::move(*decoded));
    });
    if (!good) return refuse("its path holds what no path may hold");
    request.query.clear();
    if (query.empty()) return {};
    split(query, '&', [&](std::string_view pair) {
        if (pair.empty()) return;
        const std::size_t equals = std::min(pair.find('='), pair.size());
        auto key = percent_decode(pair.substr(0, equals), true);
        auto value = percent_decode(pair.substr(std::min(equals + 1, pair.size())), true);
        good = good && key && value && value->find('\0') == std::string::npos;
        if (good) request.query.emplace_back(std::move(*key), std::move(*value));
    });
    if (!good) return refuse("its query is not encoded as queries are");
    return {};
}

std::optional<ByteRange> parse_range(std::string_view header, std::uint64_t size) {
    if (!header.starts_with("bytes=")) return std::nullopt;
    const std::string_view spec = trimmed(header.substr(6));
    const std::size_t dash = spec.find('-');
    if (dash == std::string_view::npos || spec.find(',') != std::string_view::npos) return std::nullopt;
    const std::string_view from = trimmed(spec.substr(0, dash)), to = trimmed(spec.substr(dash + 1));
    if (from.empty()) {  // the last bytes
        const auto count = number(to);
        if (!count) return std::nullopt;
        if (*count == 0 || size == 0) return ByteRange{0, 0, false};
        return ByteRange{size - std::min(*count, size), size - 1, true};
    }
    const auto first = number(from);
    const auto last = to.empty() ? std::optional<std::uint64_t>(UINT64_MAX) : number(to);
    if (!first || !last || *last < *first) return std::nullopt;
    if (*first >= size) return ByteRange{0, 0, false};
    return ByteRange{*first, std::min(*last, size - 1), true};
}

}  // namespace oracxfs
