#include "tools/notify/mail_message.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "tools/control/envelope.h"
#include "tools/notify/notice_language.h"

namespace oracxfs {
namespace {

constexpr std::size_t kEncodedLine = 76;
constexpr std::size_t kWordBytes = 39;  // 52 characters of base64: an encoded word has at most 75

bool is_plain(std::string_view text) {
    return text.size() <= 60 && std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; }) && text.find("=?") == std::string_view::npos;
}

}  // namespace

std::string encoded_words(std::string_view text, std::string_view between) {
    if (is_plain(text)) return std::string(text);
    std::string value;
    while (!text.empty()) {
        std::size_t take = std::min(kWordBytes, text.size());
        while (take > 1 && take < text.size() && (static_cast<unsigned char>(text[take]) & 0xc0) == 0x80) --take;
        if (!value.empty()) value += between;
        value += "=?UTF-8?B?" + base64(text.substr(0, take)) + "?=";
        text.remove_prefix(take);
    }
    return value;
}

namespace {

std::string header_value(std::string_view text) { return encoded_words(text, "\r\n "); }

std::string mail_date(WallTime time) {
    constexpr std::array<std::string_view, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::seconds>(time - day));
    return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} +0000", kDays[std::chrono::weekday(day).c_encoding()], static_cast<unsigned>(date.day()),
                       kMonths[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()), clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

}  // namespace

std::string mail_message(const Notice& notice, const std::string& from, const std::vector<std::string>& to, const std::string& id, const std::string& instance, WallTime now, const TextCatalogue* texts) {
    std::string recipients;
    for (const std::string& one : to) recipients += (recipients.empty() ? "" : ",\r\n ") + one;
    const std::size_t at = std::min(from.rfind('@'), from.size());
    std::string body = notice.text;
    if (!notice.next.empty()) body += "\n" + next_line(texts, notice) + "\n";
    body += fmt::format("\n-- \noracxfs @ {}, {}\n", instance, format_utc(notice.at));
    std::string wire;  // mail has lines that end with CR LF
    for (const char c : body) wire += c == '\n' ? std::string("\r\n") : std::string(1, c);
    std::string encoded = base64(wire), lines;
    for (std::size_t i = 0; i < encoded.size(); i += kEncodedLine) lines += encoded.substr(i, kEncodedLine) + "\r\n";
    return "Date: " + mail_date(now) + "\r\nFrom: oracxfs <" + from + ">\r\nTo: " + recipients + "\r\nSubject: " + header_value("[oracxfs] " + notice.title) +
           "\r\nMessage-ID: <" + id + ".oracxfs" + (at < from.size() ? from.substr(at) : "@localhost") +
           ">\r\nAuto-Submitted: auto-generated\r\nX-Oracxfs-Kind: " + header_value(notice.kind) +
           "\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n" + lines;
}

}  // namespace oracxfs
