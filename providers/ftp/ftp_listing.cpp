#include "providers/ftp/ftp_listing.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "providers/ftp/ftp_reply.h"

namespace oracxfs::ftp {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_word(std::string_view a, std::string_view b) {
    return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

std::optional<std::uint64_t> number(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
    return value;
}

std::string_view without_line_end(std::string_view line) {
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
    return line;
}

// Takes the next word and the spaces before it.
std::string_view next_word(std::string_view& rest) {
    const std::size_t begin = std::min(rest.find_first_not_of(' '), rest.size());
    const std::size_t end = std::min(rest.find(' ', begin), rest.size());
    const std::string_view word = rest.substr(begin, end - begin);
    rest.remove_prefix(end);
    return word;
}

bool is_month(std::string_view word) {
    constexpr std::array<std::string_view, 12> kMonths{"jan", "feb", "mar", "apr", "may", "jun",
                                                       "jul", "aug", "sep", "oct", "nov", "dec"};
    return std::any_of(kMonths.begin(), kMonths.end(), [&](std::string_view month) { return same_word(month, word); });
}

std::optional<ListEntry> parse_unix(std::string_view line) {
    constexpr std::string_view kTypes = "-dlbcpsD";
    const std::string_view whole = line;
    const std::string_view mode = next_word(line);
    // "-rw-r--r--", perhaps with '+' or '.' for access lists behind it.
    if (mode.size() < 10 || mode.size() > 11 || kTypes.find(mode[0]) == std::string_view::npos || whole.front() == ' ')
        return std::nullopt;
    ListEntry entry;
    if (mode[0] == '-') entry.kind = ListEntry::Kind::file;
    else if (mode[0] == 'd') entry.kind = ListEntry::Kind::directory;
    else return entry;  // devices have other columns; nobody wants their names
    if (!number(next_word(line))) return std::nullopt;
    next_word(line);  // owner
    std::string_view word = next_word(line);  // group, which some servers leave out
    std::string_view month = next_word(line);
    std::optional<std::uint64_t> size;
    if (is_month(month) && number(word)) {
        size = number(word);
    } else {
        size = number(month);
        month = next_word(line);
    }
    const std::string_view day = next_word(line);
    const std::string_view time = next_word(line);
    if (!size || !is_month(month) || !number(day) || time.empty() || !is_digit(time[0])) return std::nullopt;
    if (line.size() < 2) return std::nullopt;
    entry.size = entry.is_file() ? *size : 0;
    entry.stamp = std::string(month) + " " + std::string(day) + " " + std::string(time);
    entry.name = line.substr(1);  // exactly one space: further ones belong to the name
    return entry;
}

std::optional<ListEntry> parse_dos(std::string_view line) {
    const std::string_view date = next_word(line);
    const bool short_year = date.size() == 8, long_year = date.size() == 10;
    if ((!short_year && !long_year) || date[2] != '-' || date[5] != '-' || !is_digit(date[0])) return std::nullopt;
    const std::string_view time = next_word(line);
    if (time.size() < 5 || time[2] != ':' || !is_digit(time[0])) return std::nullopt;
    const std::string_view word = next_word(line);
    ListEntry entry;
    if (same_word(word, "<DIR>")) {
        entry.kind = ListEntry::Kind::directory;
        // The name's column is a fixed one: what fills it up to there is not part of the name.
        constexpr std::size_t kFillMax = 10;
        const std::size_t fill = std::min(line.find_first_not_of(' '), line.size());
        if (fill == 0 || fill == line.size()) return std::nullopt;
        line.remove_prefix(std::min(fill, kFillMax));
    } else {
        const auto size = number(word);
        if (!size || line.size() < 2) return std::nullopt;
        entry.kind = ListEntry::Kind::file;
        entry.size = *size;
        line.remove_prefix(1);
    }
    entry.stamp = std::string(date) + " " + std::string(time);
    entry.name = line;
    return entry;
}

}  // namespace

std::optional<ListEntry> parse_facts(std::string_view line) {
    line = without_line_end(line);
    if (line.starts_with(' ')) line.remove_prefix(1);
    // Facts hold no space, so the first one ends them.
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos || space + 1 >= line.size()) return std::nullopt;
    std::string_view facts = line.substr(0, space);
    if (!facts.empty() && facts.back() != ';') return std::nullopt;
    ListEntry entry;
    entry.name = line.substr(space + 1);
    bool sized = false, typed = false;
    while (!facts.empty()) {
        const std::string_view fact = facts.substr(0, facts.find(';'));
        facts.remove_prefix(fact.size() + 1);
        const std::size_t equals = fact.find('=');
        if (equals == std::string_view::npos) return std::nullopt;
        const std::string_view name = fact.substr(0, equals), value = fact.substr(equals + 1);
        if (same_word(name, "type")) {
            typed = true;
            if (same_word(value, "file")) entry.kind = ListEntry::Kind::file;
            else if (same_word(value, "dir")) entry.kind = ListEntry::Kind::directory;
        } else if (same_word(name, "size")) {
            const auto size = number(value);
            sized = size.has_value();
            entry.size = size.value_or(0);
        } else if (same_word(name, "modify")) {
            entry.mtime = parse_time(value);
        } else if (same_word(name, "unique")) {
            entry.unique = value;
        }
    }
    if (!typed) return std::nullopt;
    if (!entry.is_file()) entry.size = 0;
    if (entry.is_file() && !sized) return std::nullopt;
    return entry;
}

std::optional<ListEntry> parse_list_line(std::string_view line) {
    line = without_line_end(line);
    if (line.empty()) return std::nullopt;
    if (is_digit(line[0])) return parse_dos(line);
    return parse_unix(line);
}

bool is_safe_name(std::string_view name) {
    return !name.empty() && name != "." && name != ".." && std::none_of(name.begin(), name.end(), [](char c) {
        return static_cast<unsigned char>(c) < 32 || c == 127 || c == '/';
    });
}

}  // namespace oracxfs::ftp
