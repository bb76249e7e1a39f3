#include "tests/emulators/dropbox_names.h"

#include <locale.h>
#include <wctype.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "tests/emulators/unicode_compositions.h"

namespace oracxfs::test {
namespace {

constexpr std::size_t kNameUnitsMax = 255;

std::optional<char32_t> composed(char32_t first, char32_t mark) {
    const auto it = std::lower_bound(kCompositions.begin(), kCompositions.end(), std::pair(first, mark),
                                     [](const Composition& row, const std::pair<char32_t, char32_t>& wanted) {
                                         return std::pair(row.first, row.mark) < wanted;
                                     });
    if (it == kCompositions.end() || it->first != first || it->mark != mark) return std::nullopt;
    return it->composed;
}

locale_t unicode_locale() {
    static const locale_t locale = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    return locale;
}

}  // namespace

std::u32string decode_utf8(std::string_view text) {
    std::u32string out;
    for (std::size_t i = 0; i < text.size();) {
        const auto lead = static_cast<unsigned char>(text[i]);
        const std::size_t length = lead < 0x80 ? 1 : lead >> 5 == 6 ? 2 : lead >> 4 == 14 ? 3 : lead >> 3 == 30 ? 4 : 0;
        if (length == 0 || i + length > text.size()) {
            out += U'\uFFFD';
            ++i;
            continue;
        }
        char32_t c = length == 1 ? lead : lead & (0x7Fu >> length);
        for (std::size_t k = 1; k < length; ++k) c = c << 6 | (static_cast<unsigned char>(text[i + k]) & 0x3Fu);
        out += c;
        i += length;
    }
    return out;
}

std::string encode_utf8(std::u32string_view text) {
    std::string out;
    for (const char32_t c : text) {
        const auto add = [&](char32_t byte) { out += static_cast<char>(static_cast<unsigned char>(byte)); };
        if (c < 0x80) {
            add(c);
        } else if (c < 0x800) {
            add(0xC0 | c >> 6);
            add(0x80 | (c & 0x3F));
        } else if (c < 0x10000) {
            add(0xE0 | c >> 12);
            add(0x80 | (c >> 6 & 0x3F));
            add(0x80 | (c & 0x3F));
        } else {
            add(0xF0 | c >> 18);
            add(0x80 | (c >> 12 & 0x3F));
            add(0x80 | (c >> 6 & 0x3F));
            add(0x80 | (c & 0x3F));
        }
    }
    return out;
}

std::string compose(std::string_view text) {
    std::u32string out;
    for (const char32_t c : decode_utf8(text)) {
        const auto both = out.empty() ? std::nullopt : composed(out.back(), c);
        if (both)
            out.back() = *both;
        else
            out += c;
    }
    return encode_utf8(out);
}

std::string lower_case(std::string_view text) {
    std::u32string out = decode_utf8(text);
    for (char32_t& c : out) c = static_cast<char32_t>(::towlower_l(static_cast<wint_t>(c), unicode_locale()));
    return encode_utf8(out);
}

std::optional<DropboxPath> parse_dropbox_path(std::string_view text) {
    DropboxPath path;
    if (text.empty()) return path;
    if (text.front() != '/') return std::nullopt;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('/', at + 1), text.size());
        const std::string_view name = text.substr(at + 1, end - at - 1);
        if (name.empty() || name == "." || name == "..") return std::nullopt;
        at = end;
    }
    path.display = compose(text);
    path.lower = lower_case(path.display);
    return path;
}

std::string parent_of(std::string_view path) {
    const auto slash = path.rfind('/');
    return std::string(path.substr(0, slash == std::string_view::npos ? 0 : slash));
}

NameRule check_dropbox_name(std::string_view name) {
    std::size_t units = 0;
    for (const char32_t c : decode_utf8(name)) {
        if (c == U'\\' || c == 0 || c == 0x7F || c == 0xFFFD) return NameRule::malformed;
        units += c > 0xFFFF ? 2 : 1;
    }
    if (units > kNameUnitsMax || name.empty() || name.back() == ' ') return NameRule::malformed;
    static constexpr std::array<std::string_view, 6> kNames{"desktop.ini", "thumbs.db", ".ds_store",
                                                            "icon\r",      ".dropbox",  ".dropbox.attr"};
    const std::string lower = lower_case(name);
    return std::find(kNames.begin(), kNames.end(), lower) == kNames.end() ? NameRule::good : NameRule::disallowed;
}

std::string header_safe(std::string_view json) {
    std::string out;
    const auto unit = [&](char32_t code) {
        std::array<char, 8> text{};
        std::snprintf(text.data(), text.size(), "\\u%04x", static_cast<unsigned>(code));
        out += text.data();
    };
    for (const char32_t c : decode_utf8(json)) {
        if (c >= 0x20 && c < 0x7F) {
            out += static_cast<char>(c);
        } else if (c < 0x10000) {
            unit(c);
        } else {
            unit(0xD800 + ((c - 0x10000) >> 10));
            unit(0xDC00 + ((c - 0x10000) & 0x3FF));
        }
    }
    return out;
}

}  // namespace oracxfs::test
