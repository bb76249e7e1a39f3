#include "tools/oracxfs/shown.h"

#include <algorithm>
#include <array>
#include <ctime>

#include "base/text_measures.h"
#include "base/translate.h"
#include "tools/config/units.h"

namespace oracxfs {
namespace {

// The words that JSON has for states and kinds: shown_word() translates no others, so that no name becomes another one.
constexpr std::array kWords = {
    // the whole
    ORACX_TEXT("protected"), ORACX_TEXT("degraded"), ORACX_TEXT("at_risk"), ORACX_TEXT("unprotected"), ORACX_TEXT("not_configured"),
    // providers
    ORACX_TEXT("active"), ORACX_TEXT("inactive"), ORACX_TEXT("auth_needed"), ORACX_TEXT("full"), ORACX_TEXT("offline"), ORACX_TEXT("blocked"),
    // copies
    ORACX_TEXT("queued"), ORACX_TEXT("uploading"), ORACX_TEXT("stored"), ORACX_TEXT("verified"), ORACX_TEXT("missing"), ORACX_TEXT("damaged"),
    ORACX_TEXT("failed"), ORACX_TEXT("paused"), ORACX_TEXT("good"), ORACX_TEXT("gone"), ORACX_TEXT("put_off"),
    // runs
    ORACX_TEXT("running"), ORACX_TEXT("succeeded"), ORACX_TEXT("partial"), ORACX_TEXT("unchanged"), ORACX_TEXT("cancelled"), ORACX_TEXT("interrupted"),
    ORACX_TEXT("backup"), ORACX_TEXT("prune"), ORACX_TEXT("scrub"), ORACX_TEXT("restore"), ORACX_TEXT("drill"), ORACX_TEXT("recovery"),
    // backups
    ORACX_TEXT("keep"), ORACX_TEXT("held"), ORACX_TEXT("remove"), ORACX_TEXT("pinned"), ORACX_TEXT("trash"), ORACX_TEXT("history"), ORACX_TEXT("kept"),
    ORACX_TEXT("restored"), ORACX_TEXT("refused"), ORACX_TEXT("unmatched"),
    // levels and checks
    ORACX_TEXT("ok"), ORACX_TEXT("warning"), ORACX_TEXT("bad"), ORACX_TEXT("skipped"),
};

std::string localized(const std::string& measure) {
    const auto texts = installed_texts();
    return texts ? localized_measure(measure, *texts) : measure;
}

}  // namespace

std::string shown_size(std::uint64_t bytes) { return localized(format_size(bytes)); }
std::string shown_size(const Json& bytes) { return shown_size(static_cast<std::uint64_t>(bytes.as_int())); }
std::string shown_duration(Millis duration) { return localized(format_duration(duration)); }
std::string shown_age(Millis age) { return localized(format_age(age)); }

std::string shown_age(const Json& time, WallTime now) {
    const auto at = parse_utc(time.as_string());
    return at ? shown_age(now - *at) : tr("never");
}

std::string shown_time(const Json& time) {
    const auto at = parse_utc(time.as_string());
    if (!at) return time.as_string();
    const std::time_t seconds = std::chrono::duration_cast<std::chrono::seconds>(at->time_since_epoch()).count();
    std::tm local{};
    if (::localtime_r(&seconds, &local) == nullptr) return time.as_string();
    const int year = local.tm_year + 1900, month = local.tm_mon + 1;
    return trf("{0:04}-{1:02}-{2:02} {3:02}:{4:02}", year, month, local.tm_mday, local.tm_hour, local.tm_min);
}

std::string shown_word(std::string_view word) {
    return std::find(kWords.begin(), kWords.end(), word) == kWords.end() ? std::string(word) : tr(word);
}

}  // namespace oracxfs
