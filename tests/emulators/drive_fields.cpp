// Field masks, metadata in requests, times and error bodies of DriveEmulator.

#include <algorithm>
#include <array>
#include <cstdio>

#include "tests/emulators/drive_state.h"

namespace oracxfs::test {

HttpsResponse drive_error(const DriveError& error) {
    const bool usage = error.reason.find("imitExceeded") != std::string::npos || error.reason.find("uotaExceeded") != std::string::npos;
    const std::string message = error.message.empty() ? error.reason : error.message;
    Json item = Json::object({{"message", message}, {"domain", usage ? "usageLimits" : "global"}, {"reason", error.reason}});
    if (!error.location.empty()) {
        item.set("location", error.location);
        item.set("locationType", error.location == "Authorization" ? "header" : "parameter");
    }
    Json list = Json::array();
    list.push(item);
    return HttpsResponse::json(
        Json::object({{"error", Json::object({{"code", error.status}, {"message", message}, {"errors", list}})}}).dump_pretty(),
        error.status);
}

void throw_not_found(std::string_view id) {
    throw DriveError{404, "notFound", "File not found: " + std::string(id) + ".", "fileId"};
}

class FieldMaskParser {
  public:
    explicit FieldMaskParser(std::string_view text) : text_(text) {}
    FieldMask parse(const Json& known) {
        FieldMask mask = list(known);
        if (at_ != text_.size()) fail(text_.substr(at_));
        return mask;
    }

  private:
    [[noreturn]] static void fail(std::string_view what) {
        throw DriveError{400, "invalidParameter", "Invalid field selection " + std::string(what), "fields"};
    }
    bool take(char c) {
        if (at_ >= text_.size() || text_[at_] != c) return false;
        ++at_;
        return true;
    }
    FieldMask list(const Json& known) {
        FieldMask mask;
        do {
            one(mask, known);
        } while (take(','));
        return mask;
    }
    void one(FieldMask& mask, const Json& known) {
        const std::size_t start = at_;
        while (at_ < text_.size() && text_.substr(at_, 1).find_first_of(",()/") == std::string_view::npos) ++at_;
        const std::string name(text_.substr(start, at_ - start));
        if (name == "*") {
            mask.all_ = true;
            return;
        }
        const Json& sample = known.is_array() ? known.items().front() : known;
        const Json* const member = sample.find(name);
        // A sample with "*" takes any name: maps of properties.
        if (name.empty() || (member == nullptr && sample.find("*") == nullptr)) fail(name);
        static const Json leaf;
        const Json& below = member == nullptr ? leaf : *member;
        FieldMask inner;
        if (take('(')) {
            inner = list(below);
            if (!take(')')) fail(name);
        } else if (take('/')) {
            one(inner, below);
        } else {
            inner.all_ = true;
        }
        mask.members_.emplace_back(name, std::move(inner));
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

FieldMask FieldMask::parse(std::string_view text, const Json& known) { return FieldMaskParser(text).parse(known); }

Json FieldMask::apply(const Json& resource) const {
    if (all_) return resource;
    if (resource.is_array()) {
        Json list = Json::array();
        for (const Json& item : resource.items()) list.push(apply(item));
        return list;
    }
    Json out = Json::object();
    for (const auto& [name, mask] : members_) {
        const Json* const member = resource.find(name);
        if (member == nullptr) continue;
        Json shown = mask.apply(*member);
        if (const Json* there = out.find(name); there != nullptr && there->is_object())
            for (const auto& [key, value] : there->members())
                if (shown.find(key) == nullptr) shown.set(key, value);
        out.set(name, std::move(shown));
    }
    return out;
}

const Json& known_file() {
    static const Json sample = [] {
        Json file = Json::object();
        for (const char* name :
             {"kind", "id", "name", "mimeType", "parents", "size", "md5Checksum", "sha1Checksum", "sha256Checksum",
              "headRevisionId", "version", "createdTime", "modifiedTime", "trashed", "explicitlyTrashed", "ownedByMe", "driveId",
              "quotaBytesUsed", "description", "starred", "originalFilename", "fileExtension", "fullFileExtension", "spaces",
              "webViewLink", "webContentLink", "iconLink", "owners", "permissions", "shared", "trashedTime", "viewedByMeTime",
              "lastModifyingUser", "isAppAuthorized", "exportLinks", "resourceKey"})
            file.set(name, nullptr);
        file.set("appProperties", Json::object({{"*", nullptr}}));
        file.set("properties", Json::object({{"*", nullptr}}));
        file.set("capabilities", Json::object({{"canEdit", nullptr}, {"canDelete", nullptr}, {"canDownload", nullptr},
                                               {"canTrash", nullptr}, {"canRename", nullptr}, {"canAddChildren", nullptr}}));
        file.set("shortcutDetails", Json::object({{"targetId", nullptr}, {"targetMimeType", nullptr}}));
        return file;
    }();
    return sample;
}

DriveMetadata read_metadata(const Json& json, bool updating) {
    if (!json.is_object()) throw DriveError{400, "parseError", "Parse Error", {}};
    DriveMetadata metadata;
    const auto bad = [](const std::string& name) {
        return DriveError{400, "invalid", "Invalid value for: " + name, name};
    };
    const auto text = [&](const std::string& name, const Json& value) {
        if (!value.is_string()) throw bad(name);
        return value.as_string();
    };
    const auto time = [&](const std::string& name, const Json& value) {
        if (!value.is_string() || !is_rfc3339(value.as_string())) throw bad(name);
        return normal_time(value.as_string());
    };
    const auto pairs = [&](const std::string& name, const Json& value, auto& into) {
        if (!value.is_object()) throw bad(name);
        for (const auto& [key, each] : value.members()) {
            if (!each.is_string() && !each.is_null()) throw bad(name);
            if (key.size() + each.as_string().size() > 124)
                throw DriveError{400, "propertyValueTooLong", "The property is longer than 124 bytes.", name};
            into.emplace_back(key, each.is_null() ? std::nullopt : std::optional(each.as_string()));
        }
    };
    for (const auto& [name, value] : json.members()) {
        if (name == "parents" && updating)
            throw DriveError{403, "fieldNotWritable",
                             "The parents field is not directly writable in update requests. Use the addParents and "
                             "removeParents parameters instead.", {}};
        if ((name == "id" || name == "createdTime") && updating)
            throw DriveError{403, "fieldNotWritable", "The resource body includes fields which are not directly writable.", {}};
        if (name == "id") {
            metadata.id = text(name, value);
        } else if (name == "name") {
            metadata.name = text(name, value);
        } else if (name == "mimeType") {
            metadata.mime_type = text(name, value);
        } else if (name == "description") {
            metadata.description = text(name, value);
        } else if (name == "createdTime") {
            metadata.created_time = time(name, value);
        } else if (name == "modifiedTime") {
            metadata.modified_time = time(name, value);
        } else if (name == "parents") {
            if (!value.is_array() || value.items().size() > 1)
                throw DriveError{400, "invalid", "A file cannot have more than one parent.", "parents"};
            if (!value.items().empty()) metadata.parent = text(name, value.items().front());
        } else if (name == "trashed" || name == "starred") {
            if (!value.is_bool()) throw bad(name);
            (name == "trashed" ? metadata.trashed : metadata.starred) = value.as_bool();
        } else if (name == "appProperties") {
            pairs(name, value, metadata.app_properties);
            if (metadata.app_properties.size() > 30)
                throw DriveError{400, "limitExceeded", "Too many private properties.", name};
        } else if (name == "properties") {
            pairs(name, value, metadata.properties);
        } else {
            throw DriveError{400, "badRequest",
                             "Invalid JSON payload received. Unknown name \"" + name + "\": Cannot find field.", {}};
        }
    }
    return metadata;
}

std::string rfc3339(WallTime time) {
    std::string text = format_utc(time);
    std::array<char, 8> millis{};
    std::snprintf(millis.data(), millis.size(), ".%03dZ", static_cast<int>(((to_ms(time) % 1000) + 1000) % 1000));
    text.pop_back();
    return text + millis.data();
}

namespace {

// Of "2026-11-22T11:30:00[.123][Z|+01:00]".
std::optional<WallTime> time_of(std::string_view text) {
    int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, used = 0;
    const std::string copy(text);
    if (copy.size() < 20 ||
        std::sscanf(copy.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d%n", &year, &month, &day, &hour, &minute, &second, &used) != 6 ||
        used != 19)
        return std::nullopt;
    std::int64_t millis = 0, scale = 100;
    std::size_t at = 19;
    if (copy[at] == '.') {
        const std::size_t first = ++at;
        for (; at < copy.size() && copy[at] >= '0' && copy[at] <= '9'; ++at, scale /= 10) millis += (copy[at] - '0') * scale;
        if (at == first || at - first > 9) return std::nullopt;
    }
    std::int64_t offset_minutes = 0;
    if (copy.substr(at) != "Z") {
        int hours = 0, minutes = 0;
        char sign = 0;
        if (copy.size() != at + 6 || std::sscanf(copy.c_str() + at, "%c%2d:%2d", &sign, &hours, &minutes) != 3) return std::nullopt;
        if (sign != '+' && sign != '-') return std::nullopt;
        offset_minutes = (hours * 60 + minutes) * (sign == '-' ? -1 : 1);
    }
    const std::chrono::year_month_day date(std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                           std::chrono::day(static_cast<unsigned>(day)));
    if (!date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
    return std::chrono::sys_days(date) + std::chrono::hours(hour) + std::chrono::minutes(minute - offset_minutes) +
           std::chrono::seconds(second) + Millis(millis);
}

}  // namespace

bool is_rfc3339(std::string_view text) { return time_of(text).has_value(); }
std::string normal_time(std::string_view text) { return rfc3339(time_of(text).value()); }

}  // namespace oracxfs::test
