#include "providers/google_drive/drive_json.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

#include "base/log.h"

namespace oracxfs::drive {
namespace {

constexpr std::size_t kNameBytesMax = 255;
constexpr std::size_t kMessageBytesMax = 300;

std::optional<std::uint64_t> number(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

// Documented as a string; a plain number does no harm.
std::optional<std::uint64_t> number_of(const Json& json) {
    if (json.is_string()) return number(json.as_string());
    if (json.is_int() && json.as_int() >= 0) return static_cast<std::uint64_t>(json.as_int());
    return std::nullopt;
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

template <std::size_t N>
std::optional<std::array<std::uint8_t, N>> digest(std::string_view hex) {
    std::array<std::uint8_t, N> out{};
    if (hex.size() != 2 * N) return std::nullopt;
    for (std::size_t i = 0; i < N; ++i) {
        const int high = hex_digit(hex[2 * i]), low = hex_digit(hex[2 * i + 1]);
        if (high < 0 || low < 0) return std::nullopt;
        out[i] = static_cast<std::uint8_t>(high << 4 | low);
    }
    return out;
}

std::int64_t time_ns(const Json& json) {
    const auto time = parse_time(json.as_string());
    // Nanoseconds reach from 1677 to 2262; any other time counts as not told.
    constexpr std::int64_t kMax = INT64_MAX / 1'000'000;
    const std::int64_t ms = time ? to_ms(*time) : 0;
    return ms < kMax && ms > -kMax ? ms * 1'000'000 : 0;
}

tl::unexpected<Error> strange(const char* what) {
    return fail(Errc::unavailable, std::string("read Drive's answer"), std::string("it is not ") + what);
}

// One line for a person: blanks for control characters, a length that fits, nothing cut within a character.
std::string one_line(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        out += byte < 0x20 || byte == 0x7f ? ' ' : c;
    }
    if (out.size() > kMessageBytesMax) {
        std::size_t end = kMessageBytesMax;
        while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xc0) == 0x80) --end;
        out.resize(end);
        out += "...";
    }
    return log::redact(out);
}

// Where a character of `text` ends that begins at `at`, or 0 if that is no UTF-8.
std::size_t character_end(std::string_view text, std::size_t at) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned first = byte(at);
    if (first < 0x80) return at + 1;
    const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || at + length > text.size()) return 0;
    for (std::size_t i = at + 1; i < at + length; ++i)
        if ((byte(i) & 0xc0) != 0x80) return 0;
    const unsigned second = byte(at + 1);
    const bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
    const bool beyond = (first == 0xed && second > 0x9f) || (first == 0xf4 && second > 0x8f);
    return overlong || beyond ? 0 : at + length;
}

}  // namespace

std::string FileMeta::rev() const {
    if (!head_revision.empty()) return head_revision;
    if (sha256) return "sha256:" + to_hex(*sha256);
    if (md5) return "md5:" + to_hex(*md5) + ":" + std::to_string(size);
    return "version:" + version;
}

std::string_view FileMeta::property(std::string_view key) const {
    for (const auto& [name_, value] : app_properties)
        if (name_ == key) return value;
    return {};
}

Result<FileMeta> parse_file(const Json& json) {
    FileMeta file;
    file.id = json["id"].as_string();
    if (file.id.empty()) return strange("a file resource");
    file.name = json["name"].as_string();
    const std::string& type = json["mimeType"].as_string();
    const auto size = number_of(json["size"]);
    file.size = size.value_or(0);
    // Not by the size alone: editor documents may have one.
    if (type == kFolderType) file.kind = FileKind::folder;
    else if (type.starts_with("application/vnd.google-apps.") || !size) file.kind = FileKind::special;
    for (const Json& parent : json["parents"].items())
        if (!parent.as_string().empty()) file.parents.push_back(parent.as_string());
    file.sha256 = digest<32>(json["sha256Checksum"].as_string());
    file.md5 = digest<16>(json["md5Checksum"].as_string());
    file.head_revision = json["headRevisionId"].as_string();
    file.version = json["version"].is_int() ? std::to_string(json["version"].as_int()) : json["version"].as_string();
    file.created = parse_time(json["createdTime"].as_string()).value_or(WallTime{});
    file.modified_ns = time_ns(json["modifiedTime"]);
    file.trashed = json["trashed"].as_bool();
    for (const auto& [key, value] : json["appProperties"].members())
        if (value.is_string()) file.app_properties.emplace_back(key, value.as_string());
    return file;
}

Result<FilePage> parse_file_page(const Json& json) {
    if (!json.is_object()) return strange("a list of files");
    FilePage page;
    for (const Json& item : json["files"].items()) {
        ORACX_TRY(FileMeta file, parse_file(item));
        page.files.push_back(std::move(file));
    }
    page.next = json["nextPageToken"].as_string();
    page.incomplete = json["incompleteSearch"].as_bool();
    return page;
}

Result<ChangesPage> parse_changes(const Json& json) {
    ChangesPage page;
    page.next = json["nextPageToken"].as_string();
    page.new_start = json["newStartPageToken"].as_string();
    if (page.next.empty() && page.new_start.empty()) return strange("a list of changes");
    for (const Json& item : json["changes"].items()) {
        ChangeEntry entry;
        entry.id = item["fileId"].as_string();
        // Changes of shared drives themselves have no file.
        if (entry.id.empty()) continue;
        entry.removed = item["removed"].as_bool() || !item["file"].is_object();
        if (!entry.removed) {
            ORACX_TRY(entry.file, parse_file(item["file"]));
        }
        page.changes.push_back(std::move(entry));
    }
    return page;
}

Result<std::string> parse_start_token(const Json& json) {
    const std::string& token = json["startPageToken"].as_string();
    if (token.empty()) return strange("a start token");
    return token;
}

Result<std::vector<std::string>> parse_ids(const Json& json) {
    std::vector<std::string> ids;
    for (const Json& id : json["ids"].items())
        if (!id.as_string().empty()) ids.push_back(id.as_string());
    if (ids.empty()) return strange("a list of ids");
    return ids;
}

About parse_about(const Json& json) {
    About about;
    const Json& user = json["user"];
    about.account = one_line(user["emailAddress"].as_string().empty() ? user["displayName"].as_string()
                                                                      : user["emailAddress"].as_string());
    about.account_id = user["permissionId"].as_string();
    about.limit = number_of(json["storageQuota"]["limit"]);
    about.usage = number_of(json["storageQuota"]["usage"]);
    return about;
}

Result<RevisionPage> parse_revisions(const Json& json) {
    if (!json.is_object()) return strange("a list of revisions");
    RevisionPage page;
    for (const Json& item : json["revisions"].items()) {
        Revision revision;
        revision.id = item["id"].as_string();
        if (revision.id.empty()) return strange("a revision");
        revision.size = number_of(item["size"]).value_or(0);
        revision.modified_ns = time_ns(item["modifiedTime"]);
        revision.md5 = digest<16>(item["md5Checksum"].as_string());
        page.revisions.push_back(std::move(revision));
    }
    page.next = json["nextPageToken"].as_string();
    return page;
}

ServiceError parse_error(std::string_view body) {
    const auto json = parse_json(body, {.max_bytes = 256u << 10, .max_depth = 32});
    if (!json) return {};
    const Json& error = (*json)["error"];
    ServiceError out;
    if (error.is_string()) {  // the token service's form
        out.reason = one_line(error.as_string());
        out.message = one_line((*json)["error_description"].as_string());
        return out;
    }
    out.message = one_line(error["message"].as_string());
    const auto& details = error["errors"].items();
    out.reason = one_line(details.empty() ? error["status"].as_string() : details.front()["reason"].as_string());
    if (out.message.empty() && !details.empty()) out.message = one_line(details.front()["message"].as_string());
    return out;
}

std::optional<std::uint64_t> parse_stored_range(std::string_view header) {
    if (header.empty()) return 0;
    constexpr std::string_view kPrefix = "bytes=0-";
    if (!header.starts_with(kPrefix)) return std::nullopt;
    const auto last = number(header.substr(kPrefix.size()));
    if (!last || *last == UINT64_MAX) return std::nullopt;
    return *last + 1;
}

std::optional<std::uint64_t> parse_content_range_start(std::string_view header) {
    constexpr std::string_view kPrefix = "bytes ";
    if (!header.starts_with(kPrefix)) return std::nullopt;
    header.remove_prefix(kPrefix.size());
    const std::size_t dash = header.find('-');
    if (dash == std::string_view::npos) return std::nullopt;
    return number(header.substr(0, dash));
}

std::optional<WallTime> parse_time(std::string_view text) {
    using namespace std::chrono;
    // 0123-56-89T12:45:78[.fraction](Z|+hh:mm)
    const auto digits = [&](std::size_t at, std::size_t count) -> int {
        int value = 0;
        for (std::size_t i = at; i < at + count; ++i) {
            if (i >= text.size() || text[i] < '0' || text[i] > '9') return -1;
            value = value * 10 + (text[i] - '0');
        }
        return value;
    };
    const auto is = [&](std::size_t at, char c) { return at < text.size() && text[at] == c; };
    const int y = digits(0, 4), mo = digits(5, 2), d = digits(8, 2), h = digits(11, 2), mi = digits(14, 2), s = digits(17, 2);
    if (y < 0 || mo < 0 || d < 0 || h < 0 || mi < 0 || s < 0 || h > 23 || mi > 59 || s > 60) return std::nullopt;
    if (!is(4, '-') || !is(7, '-') || !(is(10, 'T') || is(10, 't')) || !is(13, ':') || !is(16, ':')) return std::nullopt;
    const year_month_day date(year(y), month(static_cast<unsigned>(mo)), day(static_cast<unsigned>(d)));
    if (!date.ok()) return std::nullopt;
    std::size_t at = 19;
    int ms = 0;
    if (is(at, '.')) {
        int weight = 100;
        for (++at; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) {
            ms += weight * (text[at] - '0');
            weight /= 10;
        }
    }
    minutes offset{0};
    if (is(at, '+') || is(at, '-')) {
        const int oh = digits(at + 1, 2), om = digits(at + 4, 2);
        if (oh < 0 || om < 0 || oh > 23 || om > 59 || !is(at + 3, ':') || text.size() != at + 6) return std::nullopt;
        offset = minutes(oh * 60 + om) * (text[at] == '-' ? -1 : 1);
    } else if (!(is(at, 'Z') || is(at, 'z')) || text.size() != at + 1) {
        return std::nullopt;
    }
    return WallTime(sys_days(date) + hours(h) + minutes(mi) + seconds(s) + milliseconds(ms) - offset);
}

std::string format_time(WallTime time) {
    using namespace std::chrono;
    const auto day_ = floor<days>(time);
    const year_month_day date(day_);
    const hh_mm_ss clock(time - day_);
    std::array<char, 48> text{};
    std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", int(date.year()), unsigned(date.month()),
                  unsigned(date.day()), int(clock.hours().count()), int(clock.minutes().count()),
                  int(clock.seconds().count()), int(clock.subseconds().count()));
    return text.data();
}

std::string format_time_ns(std::int64_t ns) {
    return format_time(WallTime(std::chrono::floor<Millis>(std::chrono::nanoseconds(ns))));
}

std::string quote(std::string_view text) {
    std::string out = "'";
    for (const char c : text) {
        if (c == '\\' || c == '\'') out += '\\';
        out += c;
    }
    return out + "'";
}

std::string component_of(std::string_view name) {
    if (name.empty()) return "\xe2\x90\x80";                    // U+2400, the picture of NUL
    if (name == ".") return "\xef\xbc\x8e";                      // U+FF0E, a wide full stop
    if (name == "..") return "\xef\xbc\x8e\xef\xbc\x8e";
    std::string out;
    for (const char c : name) {
        if (c == '/') out += "\xe2\xa7\xb8";                     // U+29F8, big solidus
        else if (c == '\0') out += "\xe2\x90\x80";
        else out += c;
    }
    if (out.size() <= kNameBytesMax) return out;
    const std::string tag = "~" + to_hex(sha256_of(std::as_bytes(std::span(name)))).substr(0, 8);
    std::size_t end = kNameBytesMax - tag.size();
    while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xc0) == 0x80) --end;
    return out.substr(0, end) + tag;
}

bool is_utf8(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        at = character_end(text, at);
        if (at == 0) return false;
    }
    return true;
}

Status check_component(std::string_view component) {
    if (component.size() > kNameBytesMax) return fail(Errc::name_too_long, "check name", "more than 255 bytes");
    if (!is_utf8(component)) return fail(Errc::name_refused, "check name", "Drive stores only names that are UTF-8");
    return {};
}

}  // namespace oracxfs::drive
