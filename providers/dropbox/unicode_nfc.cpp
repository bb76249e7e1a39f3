#include "providers/dropbox/unicode_nfc.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <tuple>
#include <utility>

#include "providers/dropbox/unicode_tables.h"

namespace oracxfs::dropbox {
namespace {

// Hangul syllables compose by arithmetic (Unicode, chapter 3.12).
constexpr std::uint32_t kLeadFirst = 0x1100, kLeadLast = 0x1112;
constexpr std::uint32_t kVowelFirst = 0x1161, kVowelLast = 0x1175;
constexpr std::uint32_t kTailFirst = 0x11a8, kTailLast = 0x11c2;
constexpr std::uint32_t kSyllableFirst = 0xac00, kSyllableLast = 0xd7a3, kTailCount = 28;

// Takes one character off the front; nothing when it is not UTF-8.
std::optional<std::uint32_t> next_character(std::string_view& text) {
    const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i])); };
    const std::uint32_t first = byte(0);
    std::size_t length = 1;
    std::uint32_t code = first;
    if (first >= 0xc2 && first < 0xe0) {
        length = 2;
        code = first & 0x1f;
    } else if (first >= 0xe0 && first < 0xf0) {
        length = 3;
        code = first & 0x0f;
    } else if (first >= 0xf0 && first < 0xf5) {
        length = 4;
        code = first & 0x07;
    } else if (first >= 0x80) {
        return std::nullopt;
    }
    if (text.size() < length) return std::nullopt;
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xc0) != 0x80) return std::nullopt;
        code = code << 6 | (byte(i) & 0x3f);
    }
    const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
    if (overlong || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return std::nullopt;
    text.remove_prefix(length);
    return code;
}

template <class Range>
const Range* range_of(std::span<const Range> ranges, std::uint32_t code) {
    const auto after = std::upper_bound(ranges.begin(), ranges.end(), code,
                                        [](std::uint32_t value, const Range& range) { return value < range.first; });
    if (after == ranges.begin() || std::prev(after)->last < code) return nullptr;
    return &*std::prev(after);
}

unsigned combining_class(std::uint32_t code) {
    if (code < 0x300) return 0;
    const ClassRange* range = range_of(combining_classes(), code);
    return range == nullptr ? 0 : range->combining_class;
}

bool composes(std::uint32_t first, std::uint32_t second) {
    if (first >= kLeadFirst && first <= kLeadLast && second >= kVowelFirst && second <= kVowelLast) return true;
    if (first >= kSyllableFirst && first <= kSyllableLast && (first - kSyllableFirst) % kTailCount == 0 &&
        second >= kTailFirst && second <= kTailLast)
        return true;
    const auto all = compositions();
    const auto found = std::lower_bound(all.begin(), all.end(), std::pair(first, second), [](const Composition& a, const auto& b) {
        return std::tie(a.first, a.second) < std::tie(b.first, b.second);
    });
    return found != all.end() && found->first == first && found->second == second;
}

// A mark that belongs before one that `starter` has already taken in: does it compose with what comes before that?
bool composes_inside(std::uint32_t starter, std::uint32_t mark, unsigned its_class) {
    const auto all = compositions();
    for (;;) {
        const auto found = std::find_if(all.begin(), all.end(), [&](const Composition& row) { return row.composite == starter; });
        if (found == all.end()) return false;
        if (combining_class(found->second) > its_class && composes(found->first, mark)) return true;
        starter = found->first;
    }
}

}  // namespace

bool is_utf8(std::string_view text) {
    while (!text.empty())
        if (!next_character(text)) return false;
    return true;
}

bool is_nfc(std::string_view text) {
    std::optional<std::uint32_t> starter;  // what a following mark could be composed with
    unsigned last_class = 0;
    while (!text.empty()) {
        const auto code = next_character(text);
        if (!code) return false;
        if (*code < 0x300) {  // most texts
            starter = *code;
            last_class = 0;
            if (*code >= 0x80 && range_of(never_in_nfc(), *code) != nullptr) return false;
            continue;
        }
        if (range_of(never_in_nfc(), *code) != nullptr) return false;
        const unsigned its_class = combining_class(*code);
        if (its_class != 0 && last_class > its_class) return false;  // marks out of order
        // A mark is blocked by one of its own class in between, and a starter by any mark.
        const bool blocked = its_class == 0 ? last_class != 0 : last_class == its_class;
        if (starter && !blocked && composes(*starter, *code)) return false;
        if (starter && !blocked && its_class != 0 && composes_inside(*starter, *code, its_class)) return false;
        if (its_class == 0) starter = *code;
        last_class = its_class;
    }
    return true;
}

}  // namespace oracxfs::dropbox
