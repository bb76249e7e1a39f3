#include "providers/dropbox/dropbox_json.h"

#include <algorithm>

namespace oracxfs::dropbox {
namespace {

constexpr std::size_t kTagsMax = 8;
constexpr std::size_t kWordsMax = 300;

void append_code_unit(std::string& out, std::uint32_t unit) {
    constexpr std::string_view kHex = "0123456789abcdef";
    out += "\\u";
    for (int shift = 12; shift >= 0; shift -= 4) out += kHex[(unit >> shift) & 0xf];
}

// Words of a stranger for an error message: one line, not too long.
std::string clean_words(std::string_view text) {
    std::string out;
    for (const char c : text.substr(0, kWordsMax)) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
    while (!out.empty() && out.back() == ' ') out.pop_back();
    // Cut inside a character?
    while (text.size() > kWordsMax && !out.empty() && (static_cast<unsigned char>(out.back()) & 0x80) != 0) out.pop_back();
    return out;
}

// Json keeps integers above 2^63 as doubles; no size or offset is that big.
std::optional<std::uint64_t> count_of(const Json& json) {
    if (!json.is_int() || json.as_int() < 0) return std::nullopt;
    return static_cast<std::uint64_t>(json.as_int());
}

std::optional<int> digits(std::string_view text, std::size_t at, std::size_t count) {
    int value = 0;
    for (std::size_t i = at; i < at + count; ++i) {
        if (text[i] < '0' || text[i] > '9') return std::nullopt;
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

bool is_tag(std::string_view text) {
    return !text.empty() && text.size() <= 64 &&
           std::all_of(text.begin(), text.end(), [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
}

tl::unexpected<Error> odd(std::string_view what) { return fail(Errc::invalid, "read the answer", std::string(what)); }

}  // namespace

std::string header_json(const Json& argument) {
    const std::string text = argument.dump();  // valid UTF-8, control characters escaped
    std::string out;
    for (std::size_t i = 0; i < text.size();) {
        const auto byte = [&](std::size_t n) { return i + n < text.size() ? static_cast<std::uint32_t>(static_cast<unsigned char>(text[i + n])) & 0x3f : 0u; };
        const auto first = static_cast<unsigned char>(text[i]);
        if (first < 0x7f) {
            out += text[i++];
            continue;
        }
        std::uint32_t code = first;
        std::size_t length = 1;
        if (first >= 0xf0) {
            code = (first & 0x07u) << 18 | byte(1) << 12 | byte(2) << 6 | byte(3);
            length = 4;
        } else if (first >= 0xe0) {
            code = (first & 0x0fu) << 12 | byte(1) << 6 | byte(2);
            length = 3;
        } else if (first >= 0xc0) {
            code = (first & 0x1fu) << 6 | byte(1);
            length = 2;
        }
        if (code > 0xffff) {
            append_code_unit(out, 0xd800 + ((code - 0x10000) >> 10));
            append_code_unit(out, 0xdc00 + ((code - 0x10000) & 0x3ff));
        } else {
            append_code_unit(out, code);
        }
        i += length;
    }
    return out;
}

Json tagged(std::string_view tag, Json value) {
    Json out = Json::object();
    out.set(".tag", tag);
    out.set(tag, std::move(value));
    return out;
}

std::optional<WallTime> parse_time(std::string_view text) {
    if (text.size() != 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':' || text[19] != 'Z')
        return std::nullopt;
    const auto year = digits(text, 0, 4), month = digits(text, 5, 2), day = digits(text, 8, 2);
    const auto hour = digits(text, 11, 2), minute = digits(text, 14, 2), second = digits(text, 17, 2);
    if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
    const std::chrono::year_month_day date(std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                           std::chrono::day(static_cast<unsigned>(*day)));
    if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
    return WallTime(std::chrono::sys_days(date)) + std::chrono::hours(*hour) + std::chrono::minutes(*minute) + std::chrono::seconds(*second);
}

std::string time_text(std::int64_t unix_ns) {
    constexpr std::int64_t kLast = 253'402'300'799;  // 9999-12-31T23:59:59Z
    const std::int64_t seconds = std::clamp<std::int64_t>(unix_ns / 1'000'000'000, 0, kLast);
    return format_utc(wall_from_ms(seconds * 1000));
}

Result<Metadata> parse_metadata(const Json& json, Metadata::Kind otherwise) {
    Metadata out;
    out.kind = otherwise;
    if (const std::string& tag = json[".tag"].as_string(); tag == "file")
        out.kind = Metadata::Kind::file;
    else if (tag == "folder")
        out.kind = Metadata::Kind::folder;
    else if (tag == "deleted")
        out.kind = Metadata::Kind::deleted;
    else if (!tag.empty() && tag != "success")  // entries of finish_batch_v2 are called so
        return odd("metadata of an unknown kind");
    out.name = json["name"].as_string();
    if (out.name.empty()) return odd("metadata without a name");
    out.path_lower = json["path_lower"].as_string();
    out.path_display = json["path_display"].as_string();
    out.id = json["id"].as_string();
    if (out.kind != Metadata::Kind::file) return out;
    out.rev = json["rev"].as_string();
    const auto size = count_of(json["size"]);
    if (out.rev.empty() || !size) return odd("a file without rev or size");
    out.size = *size;
    out.content_hash = sha256_from_hex(json["content_hash"].as_string());
    if (const auto time = parse_time(json["client_modified"].as_string()))
        if (const std::int64_t ms = to_ms(*time); ms > 0 && ms < INT64_MAX / 1'000'000) out.mtime_ns = ms * 1'000'000;
    out.downloadable = json["is_downloadable"].as_bool(true);
    return out;
}

Result<FolderPage> parse_folder_page(const Json& json) {
    FolderPage page;
    page.cursor = json["cursor"].as_string();
    if (page.cursor.empty() || !json["entries"].is_array()) return odd("a listing without entries or cursor");
    page.has_more = json["has_more"].as_bool();
    for (const Json& entry : json["entries"].items()) {
        const std::string& tag = entry[".tag"].as_string();
        if (tag != "file" && tag != "folder" && tag != "deleted") continue;
        ORACX_TRY(Metadata metadata, parse_metadata(entry));
        page.entries.push_back(std::move(metadata));
    }
    return page;
}

Result<Revisions> parse_revisions(const Json& json) {
    Revisions out;
    if (!json["entries"].is_array()) return odd("revisions without entries");
    out.is_deleted = json["is_deleted"].as_bool();
    out.has_more = json["has_more"].as_bool();
    for (const Json& entry : json["entries"].items()) {
        ORACX_TRY(Metadata metadata, parse_metadata(entry));
        if (metadata.kind == Metadata::Kind::file) out.entries.push_back(std::move(metadata));
    }
    return out;
}

SpaceUsage parse_space_usage(const Json& json) {
    const Json& allocation = json["allocation"];
    const std::string& kind = allocation[".tag"].as_string();
    SpaceUsage out;
    auto total = count_of(allocation["allocated"]);
    auto used = count_of(kind == "team" ? allocation["used"] : json["used"]);
    if (!total || !used) return out;
    std::uint64_t free = *total - std::min(*total, *used);
    // A member's own share of a team's space; 0 = no limit of his own.
    if (const auto own = count_of(allocation["user_within_team_space_allocated"]); kind == "team" && own && *own > 0) {
        const std::uint64_t own_used = count_of(json["used"]).value_or(0);
        free = std::min(free, *own - std::min(*own, own_used));
        total = std::min(*total, *own);
    }
    out.total_bytes = total;
    out.free_bytes = free;
    return out;
}

bool ApiProblem::has(std::string_view tag) const { return std::find(tags.begin(), tags.end(), tag) != tags.end(); }

ApiProblem problem_of(const Json& error) {
    ApiProblem problem;
    const Json* at = &error;
    while (at != nullptr && problem.tags.size() < kTagsMax) {
        if (at->is_string()) {  // a void member may be a bare string
            problem.tags.push_back(clean_words(at->as_string()));
            break;
        }
        if (!at->is_object()) break;
        if (const auto offset = count_of((*at)["correct_offset"])) problem.correct_offset = offset;
        if (const std::string& id = (*at)["upload_session_id"].as_string(); !id.empty()) problem.upload_session_id = id;
        if (const std::string& scope = (*at)["required_scope"].as_string(); !scope.empty()) problem.required_scope = clean_words(scope);
        if (const auto pause = count_of((*at)["retry_after"])) problem.retry_after = Millis(static_cast<std::int64_t>(std::min<std::uint64_t>(*pause, 86'400)) * 1000);
        const std::string& tag = (*at)[".tag"].as_string();
        if (!tag.empty()) problem.tags.push_back(clean_words(tag));
        // A union's or primitive's value stands under the tag's own name; structs are flattened and name their union "reason".
        const Json* next = tag.empty() ? nullptr : at->find(tag);
        if (next == nullptr || !(next->is_object() || next->is_string())) next = at->find("reason");
        // The text of malformed_path and the like is for people; a void member may be a bare tag.
        if (next != nullptr && next->is_string() && !is_tag(next->as_string())) {
            problem.user_message = clean_words(next->as_string());
            break;
        }
        at = next;
    }
    return problem;
}

ApiProblem parse_problem(std::string_view body) {
    ApiProblem problem;
    JsonLimits limits;
    limits.max_bytes = 1u << 20;
    const auto json = parse_json(body, limits);
    if (!json || !json->is_object()) {
        if (!body.starts_with('<')) problem.summary = clean_words(body);  // an HTML page says nothing
        return problem;
    }
    if (const Json* error = json->find("error")) problem = problem_of(*error);
    problem.summary = clean_words((*json)["error_summary"].as_string());
    if (const std::string& text = (*json)["user_message"]["text"].as_string(); !text.empty()) problem.user_message = clean_words(text);
    return problem;
}

}  // namespace oracxfs::dropbox
