// Dates of HTTP (RFC 9110, 5.6.7) and Retry-After (10.2.3), read without the locale and without the C library's clock.

#include <algorithm>
#include <array>
#include <charconv>

#include "providers/http/http_client.h"

namespace oracxfs::http {
namespace {

constexpr std::chrono::seconds kRetryAfterMax = std::chrono::hours(24);

// A cursor over a date; each step either takes what it expects or spoils the whole.
class Scanner {
  public:
    explicit Scanner(std::string_view text) : text_(text) {}

    // `digits_min` to `digits_max` digits.
    unsigned number(std::size_t digits_min, std::size_t digits_max) {
        unsigned value = 0;
        std::size_t digits = 0;
        while (digits < digits_max && !text_.empty() && text_.front() >= '0' && text_.front() <= '9') {
            value = value * 10 + static_cast<unsigned>(text_.front() - '0');
            text_.remove_prefix(1);
            ++digits;
        }
        if (digits < digits_min) good_ = false;
        return value;
    }

    void literal(std::string_view expected) {
        if (!text_.starts_with(expected)) {
            good_ = false;
            return;
        }
        text_.remove_prefix(expected.size());
    }

    void blanks() {
        if (text_.empty() || text_.front() != ' ') good_ = false;
        while (!text_.empty() && text_.front() == ' ') text_.remove_prefix(1);
    }

    // January = 1.
    unsigned month() {
        constexpr std::array<std::string_view, 12> kNames{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
        const auto found = std::find(kNames.begin(), kNames.end(), text_.substr(0, 3));
        if (found == kNames.end()) {
            good_ = false;
            return 1;
        }
        text_.remove_prefix(3);
        return static_cast<unsigned>(found - kNames.begin()) + 1;
    }

    void word() {
        while (!text_.empty() && ((text_.front() >= 'A' && text_.front() <= 'Z') || (text_.front() >= 'a' && text_.front() <= 'z')))
            text_.remove_prefix(1);
    }

    [[nodiscard]] char front() const { return text_.empty() ? '\0' : text_.front(); }
    [[nodiscard]] bool finished() const { return good_ && text_.empty(); }

  private:
    std::string_view text_;
    bool good_ = true;
};

struct Fields {
    unsigned year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0;
};

std::optional<WallTime> to_time(const Fields& f) {
    const std::chrono::year_month_day date(std::chrono::year(static_cast<int>(f.year)), std::chrono::month(f.month),
                                           std::chrono::day(f.day));
    // 60: a leap second.
    if (!date.ok() || f.hour > 23 || f.minute > 59 || f.second > 60) return std::nullopt;
    return std::chrono::sys_days(date) + std::chrono::hours(f.hour) + std::chrono::minutes(f.minute) +
           std::chrono::seconds(f.second);
}

void time_of_day(Scanner& scanner, Fields& f) {
    f.hour = scanner.number(2, 2);
    scanner.literal(":");
    f.minute = scanner.number(2, 2);
    scanner.literal(":");
    f.second = scanner.number(2, 2);
}

}  // namespace

std::optional<WallTime> parse_http_date(std::string_view value) {
    Scanner scanner(value);
    Fields f;
    scanner.word();
    if (scanner.front() == ',') {
        scanner.literal(", ");
        f.day = scanner.number(2, 2);
        const bool old = scanner.front() == '-';  // Sunday, 06-Nov-94 08:49:37 GMT
        scanner.literal(old ? "-" : " ");
        f.month = scanner.month();
        scanner.literal(old ? "-" : " ");
        f.year = old ? scanner.number(2, 2) : scanner.number(4, 4);
        if (old) f.year += f.year < 70 ? 2000 : 1900;
        scanner.literal(" ");
        time_of_day(scanner, f);
        scanner.literal(" GMT");
    } else {  // Sun Nov  6 08:49:37 1994
        scanner.literal(" ");
        f.month = scanner.month();
        scanner.blanks();
        f.day = scanner.number(1, 2);
        scanner.literal(" ");
        time_of_day(scanner, f);
        scanner.literal(" ");
        f.year = scanner.number(4, 4);
    }
    if (!scanner.finished()) return std::nullopt;
    return to_time(f);
}

std::optional<Millis> parse_retry_after(std::string_view value, WallTime now) {
    const auto first = value.find_first_not_of(" \t");
    if (first == std::string_view::npos) return std::nullopt;
    value = value.substr(first, value.find_last_not_of(" \t") - first + 1);
    if (std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; })) {
        std::int64_t seconds = 0;
        const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), seconds);
        const std::int64_t most = kRetryAfterMax.count();
        if (error != std::errc{} || end != value.data() + value.size()) seconds = most;  // more digits than fit
        return std::chrono::seconds(std::min(seconds, most));
    }
    const auto date = parse_http_date(value);
    if (!date) return std::nullopt;
    return std::clamp(std::chrono::duration_cast<Millis>(*date - now), Millis(0), Millis(kRetryAfterMax));
}

std::optional<Millis> Response::retry_after(WallTime now) const {
    return parse_retry_after(header("retry-after"), now);
}

std::string_view Response::header(std::string_view name) const {
    std::string_view found;
    for (const Header& header : headers)
        if (header.name == name) found = header.value;
    return found;
}

}  // namespace oracxfs::http
