#include "providers/provider.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

#include "base/hash.h"

namespace oracxfs {
namespace {

constexpr std::string_view kInternalPrefix = ".oracxfs-";
constexpr std::string_view kPartSuffix = ".part";
constexpr std::string_view kProbePrefix = ".oracxfs-probe-";
constexpr std::size_t kUploadIdBytesMax = 64;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool is_id_char(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-';
}

// Two or four decimal digits at `text[at]`, or nothing.
std::optional<unsigned> digits(std::string_view text, std::size_t at, std::size_t count) {
    unsigned value = 0;
    const char* const begin = text.data() + at;
    const auto [end, error] = std::from_chars(begin, begin + count, value);
    if (error != std::errc() || end != begin + count) return std::nullopt;
    return value;
}

}  // namespace

Result<ChangePage> Provider::changes(const OpContext&, const std::string&) {
    return fail(Errc::unsupported, "read changes");
}

Result<bool> Provider::wait_for_changes(const OpContext&, const std::string&) {
    return fail(Errc::unsupported, "wait for changes");
}

Result<std::vector<RemoteObject>> Provider::versions(const OpContext& ctx, const RemoteObject& object) {
    ORACX_TRYV(check_key(object.key));
    const std::string prefix = std::string(kTrashFolder) + "/";
    std::vector<RemoteObject> kept;
    std::string cursor;
    do {
        auto page = list(ctx, ObjectKey(kTrashFolder), cursor);
        if (!page && page.error().code == Errc::not_found) return kept;  // nothing was ever removed
        if (!page) return fail(std::move(page).error());
        for (RemoteObject& entry : page->entries) {
            if (entry.is_directory || !entry.key.starts_with(prefix)) continue;
            const std::size_t slash = entry.key.find('/', prefix.size());
            if (slash == std::string::npos || entry.key.substr(slash + 1) != object.key) continue;
            if (trash_entry_time(std::string_view(entry.key).substr(prefix.size(), slash - prefix.size()))) kept.push_back(std::move(entry));
        }
        cursor = page->next;
    } while (!cursor.empty());
    // The names begin with the time.
    std::sort(kept.begin(), kept.end(), [](const RemoteObject& a, const RemoteObject& b) { return a.key > b.key; });
    return kept;
}

void Provider::put_batch(const OpContext& ctx, std::span<PutRequest> requests,
                         const std::function<void(std::size_t, Result<PutResult>)>& done) {
    for (std::size_t i = 0; i < requests.size(); ++i)
        done(i, put(ctx, requests[i].key, *requests[i].content, requests[i].options));
}

bool is_internal_name(std::string_view component) {
    // Some providers fold case: there ".ORACXFS-TRASH" is our trash as well.
    std::string folded(component);
    std::transform(folded.begin(), folded.end(), folded.begin(), lower);
    const std::string_view name = folded;
    if (name == kTrashFolder || name.starts_with(kProbePrefix)) return true;
    if (!name.starts_with(kInternalPrefix) || !name.ends_with(kPartSuffix)) return false;
    if (name.size() <= kInternalPrefix.size() + kPartSuffix.size()) return false;
    const std::string_view id = name.substr(
        kInternalPrefix.size(), name.size() - kInternalPrefix.size() - kPartSuffix.size());
    return id.size() <= kUploadIdBytesMax && std::all_of(id.begin(), id.end(), is_id_char);
}

std::string part_name(std::string_view upload_id) {
    std::string name(kInternalPrefix);
    name += upload_id;
    name += kPartSuffix;
    return name;
}

std::string trash_entry(WallTime now, const ObjectKey& key) {
    using namespace std::chrono;
    const auto day = floor<days>(now);
    const year_month_day date(day);
    const hh_mm_ss time(floor<seconds>(now - day));
    std::array<char, 48> stamp{};
    std::snprintf(stamp.data(), stamp.size(), "%04d%02u%02u-%02d%02d%02d-", int(date.year()),
                  unsigned(date.month()), unsigned(date.day()), int(time.hours().count()),
                  int(time.minutes().count()), int(time.seconds().count()));
    return stamp.data() + random_hex(4) + "/" + key;
}

std::optional<WallTime> trash_entry_time(std::string_view name) {
    using namespace std::chrono;
    // 0123 45 67 - 910 1112 1314 - 1a2b3c4d
    constexpr std::size_t kStampBytes = 15;
    constexpr std::size_t kNameBytes = kStampBytes + 1 + 8;
    if (name.size() != kNameBytes || name[8] != '-' || name[kStampBytes] != '-')
        return std::nullopt;
    const auto y = digits(name, 0, 4);
    const auto mo = digits(name, 4, 2);
    const auto d = digits(name, 6, 2);
    const auto h = digits(name, 9, 2);
    const auto mi = digits(name, 11, 2);
    const auto s = digits(name, 13, 2);
    if (!y || !mo || !d || !h || !mi || !s || *h > 23 || *mi > 59 || *s > 59) return std::nullopt;
    const year_month_day date(year(static_cast<int>(*y)), month(*mo), day(*d));
    if (!date.ok()) return std::nullopt;
    return WallTime(sys_days(date) + hours(*h) + minutes(*mi) + seconds(*s));
}

Status check_key(const ObjectKey& key) {
    if (key.empty()) return {};
    if (key.find('\0') != std::string::npos) return fail(Errc::invalid, "check key", "NUL in a name");
    std::string_view rest = key;
    for (;;) {
        const std::size_t slash = rest.find('/');
        const std::string_view component = rest.substr(0, slash);
        if (component.empty() || component == "." || component == "..")
            return fail(Error(Errc::invalid, "check key", "empty, '.' or '..' component")
                            .with_path(key));
        if (slash == std::string_view::npos) return {};
        rest.remove_prefix(slash + 1);
    }
}

std::string_view parent_key(std::string_view key) {
    const std::size_t slash = key.rfind('/');
    return slash == std::string_view::npos ? std::string_view() : key.substr(0, slash);
}

std::string_view base_name(std::string_view key) {
    const std::size_t slash = key.rfind('/');
    return slash == std::string_view::npos ? key : key.substr(slash + 1);
}

}  // namespace oracxfs
