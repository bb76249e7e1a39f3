#include "providers/ftp/ftp_reply.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

namespace oracxfs::ftp {
namespace {

constexpr std::size_t kLinesMax = 512;
constexpr std::size_t kLineBytesMax = 8'192;
constexpr std::size_t kWordsBytesMax = 200;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

std::string upper(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), [](char c) { return upper(c); });
    return out;
}

std::string_view trim(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

// 0 unless the line begins with a code and one of ' ' and '-'.
int code_of(std::string_view line) {
    if (line.size() < 3 || line[0] < '1' || line[0] > '5' || !is_digit(line[1]) || !is_digit(line[2])) return 0;
    if (line.size() > 3 && line[3] != ' ' && line[3] != '-') return 0;
    return (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
}

std::string_view after_code(std::string_view line) { return code_of(line) != 0 && line.size() > 4 ? line.substr(4) : std::string_view(); }

template <class T>
std::optional<T> number(std::string_view text) {
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
    return value;
}

template <std::size_t kBytes>
std::optional<std::array<std::uint8_t, kBytes>> from_hex(std::string_view text) {
    std::array<std::uint8_t, kBytes> out{};
    if (text.size() != 2 * kBytes) return std::nullopt;
    for (std::size_t i = 0; i < kBytes; ++i) {
        const char* const digits = text.data() + 2 * i;
        if (std::from_chars(digits, digits + 2, out[i], 16).ptr != digits + 2) return std::nullopt;
    }
    return out;
}

template <std::size_t kBytes>
std::optional<std::array<std::uint8_t, kBytes>> first_digest(const Reply& reply) {
    if (reply.code != 213 && reply.code != 250) return std::nullopt;
    if (reply.lines.empty()) return std::nullopt;
    std::string_view rest = after_code(reply.lines.back());
    while (!rest.empty()) {
        const std::size_t space = std::min(rest.find(' '), rest.size());
        if (const auto digest = from_hex<kBytes>(rest.substr(0, space))) return digest;
        rest.remove_prefix(std::min(space + 1, rest.size()));
    }
    return std::nullopt;
}

}  // namespace

std::string Reply::words() const {
    if (lines.empty()) return {};
    std::string_view text = code_of(lines.back()) != 0 ? after_code(lines.back()) : std::string_view(lines.back());
    std::string out(trim(text).substr(0, kWordsBytesMax));
    std::replace_if(out.begin(), out.end(), [](char c) { return static_cast<unsigned char>(c) < 32 || c == 127; }, '?');
    return out;
}

std::string Reply::text() const {
    if (code == 0) return "no reply";
    const std::string said = words();
    return std::to_string(code) + (said.empty() ? "" : " " + said);
}

void ReplyReader::feed(std::string_view line) {
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
    const int code = code_of(line);
    const bool last = code != 0 && (line.size() == 3 || line[3] == ' ');
    if (last || open_.lines.size() < kLinesMax) open_.lines.emplace_back(line.substr(0, kLineBytesMax));
    if (!last) return;
    open_.code = code;
    replies_.push_back(std::move(open_));
    open_ = {};
}

void ReplyReader::clear() {
    replies_.clear();
    open_ = {};
}

Features parse_features(const Reply& reply) {
    Features out;
    if (reply.code != 211) return out;
    for (const std::string& line : reply.lines) {
        if (code_of(line) != 0) continue;
        const std::string feature = upper(trim(line));
        const std::string name = feature.substr(0, feature.find(' '));
        const std::string rest = feature.size() > name.size() ? feature.substr(name.size() + 1) : "";
        if (name == "MLST" || name == "MLSD") out.mlst = true;
        else if (name == "MFMT") out.mfmt = true;
        else if (name == "MDTM") out.mdtm = true;
        else if (name == "UTF8") out.utf8 = true;
        else if (name == "REST") out.rest_stream = rest.find("STREAM") != std::string::npos;
        else if (name == "HASH") out.hash_sha256 = rest.find("SHA-256") != std::string::npos;
        else if (name == "XSHA256") out.xsha256 = true;
        else if (name == "XMD5") out.xmd5 = true;
        else if (name == "AVBL") out.available_space = true;
    }
    return out;
}

std::optional<std::uint64_t> parse_number(const Reply& reply) {
    if (reply.code != 213 || reply.lines.empty()) return std::nullopt;
    return number<std::uint64_t>(trim(after_code(reply.lines.back())));
}

std::optional<std::int64_t> parse_time(std::string_view text) {
    using namespace std::chrono;
    constexpr std::size_t kDigits = 14;
    if (text.size() < kDigits || (text.size() > kDigits && text[kDigits] != '.')) return std::nullopt;
    const std::string_view fraction = text.substr(std::min(kDigits + 1, text.size()));
    if (!std::all_of(text.begin(), text.begin() + kDigits, is_digit) || !std::all_of(fraction.begin(), fraction.end(), is_digit))
        return std::nullopt;
    const auto field = [&](std::size_t at, std::size_t count) { return *number<unsigned>(text.substr(at, count)); };
    const year_month_day date(year(static_cast<int>(field(0, 4))), month(field(4, 2)), day(field(6, 2)));
    const unsigned h = field(8, 2), m = field(10, 2), s = field(12, 2);
    if (!date.ok() || h > 23 || m > 59 || s > 60) return std::nullopt;
    return (sys_days(date) + hours(h) + minutes(m) + seconds(s)).time_since_epoch().count();
}

std::optional<std::int64_t> parse_time(const Reply& reply) {
    if (reply.code != 213 || reply.lines.empty()) return std::nullopt;
    return parse_time(trim(after_code(reply.lines.back())));
}

std::string format_time(std::int64_t since_epoch) {
    using namespace std::chrono;
    const sys_seconds time{seconds(since_epoch)};
    const auto days_part = floor<days>(time);
    const year_month_day date(days_part);
    const hh_mm_ss clock(time - days_part);
    const auto two = [](auto value) {
        const auto n = static_cast<unsigned>(value);
        return std::string{static_cast<char>('0' + n / 10 % 10), static_cast<char>('0' + n % 10)};
    };
    const auto y = static_cast<unsigned>(static_cast<int>(date.year()));
    return two(y / 100) + two(y % 100) + two(static_cast<unsigned>(date.month())) + two(static_cast<unsigned>(date.day())) +
           two(clock.hours().count()) + two(clock.minutes().count()) + two(clock.seconds().count());
}

std::optional<Sha256> parse_sha256(const Reply& reply) { return first_digest<32>(reply); }
std::optional<Md5> parse_md5(const Reply& reply) { return first_digest<16>(reply); }

}  // namespace oracxfs::ftp
