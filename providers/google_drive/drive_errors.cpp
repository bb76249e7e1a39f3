#include "providers/google_drive/drive_errors.h"

#include <algorithm>
#include <array>

#include "providers/google_drive/drive_json.h"

namespace oracxfs::drive {
namespace {

// The one form in which the end of the daily upload volume has been seen.
constexpr std::string_view kDailyUploadMessage = "User rate limit exceeded.";
constexpr Millis kUploadPause{3'600'000};
constexpr Millis kDownloadPause{3'600'000};
constexpr Millis kDay{86'400'000};
// Quotas of a day end at midnight in California.
constexpr Millis kQuotaDayBegins{8 * 3'600'000};

struct Meaning {
    std::string_view reason;
    Errc code;
    std::string_view words;  // instead of bare service speak; may be empty
};
constexpr std::array kMeanings = {
    Meaning{"userRateLimitExceeded", Errc::throttled, ""},
    Meaning{"rateLimitExceeded", Errc::throttled, ""},
    Meaning{"sharingRateLimitExceeded", Errc::throttled, ""},
    Meaning{"RESOURCE_EXHAUSTED", Errc::throttled, ""},
    Meaning{"uploadLimitExceeded", Errc::throttled, "the account's daily upload volume (750 GB) is used up"},
    Meaning{"dailyLimitExceeded", Errc::throttled, "the Google Cloud project's daily quota is used up"},
    Meaning{"downloadQuotaExceeded", Errc::throttled, "Drive's daily download volume of this file is used up"},
    Meaning{"storageQuotaExceeded", Errc::quota_full, "Drive is full (files in its trash count)"},
    Meaning{"quotaExceeded", Errc::quota_full, "Drive is full (files in its trash count)"},
    Meaning{"teamDriveFileLimitExceeded", Errc::quota_full, "the shared drive holds as many files as it can"},
    Meaning{"activeItemCreationLimitExceeded", Errc::quota_full, "the account holds as many files as it can"},
    Meaning{"numChildrenInNonRootLimitExceeded", Errc::too_large, "the folder holds as many files as it can (500,000)"},
    Meaning{"myDriveHierarchyDepthLimitExceeded", Errc::name_too_long, "folders nested deeper than Drive allows (100)"},
    Meaning{"teamDriveHierarchyTooDeep", Errc::name_too_long, "folders nested deeper than Drive allows (100)"},
    Meaning{"uploadTooLarge", Errc::too_large, ""},
    Meaning{"insufficientPermissions", Errc::unauthenticated, "the sign-in lacks the permission for Drive; sign in again and leave it ticked"},
    Meaning{"ACCESS_TOKEN_SCOPE_INSUFFICIENT", Errc::unauthenticated, "the sign-in lacks the permission for Drive; sign in again and leave it ticked"},
    Meaning{"accessNotConfigured", Errc::config, "the Google Drive API is not enabled in the Google Cloud project"},
    Meaning{"SERVICE_DISABLED", Errc::config, "the Google Drive API is not enabled in the Google Cloud project"},
    Meaning{"cannotDownloadAbusiveFile", Errc::denied, "Google took the file for malware and hands it out to nobody but its owner in the browser"},
    Meaning{"fileNotDownloadable", Errc::denied, "a Google document has no bytes of its own"},
    Meaning{"insufficientFilePermissions", Errc::denied, ""},
    Meaning{"appNotAuthorizedToFile", Errc::denied, "the file was not made by this Google Cloud project"},
    Meaning{"domainPolicy", Errc::denied, ""},
    Meaning{"fileAccess", Errc::denied, ""},
    Meaning{"fileIdInUse", Errc::exists, ""},
    Meaning{"notFound", Errc::not_found, ""},
    Meaning{"authError", Errc::unauthenticated, ""},
    Meaning{"conditionNotMet", Errc::changed, ""},
};

const Meaning* meaning_of(std::string_view reason) {
    const auto found = std::find_if(kMeanings.begin(), kMeanings.end(), [&](const Meaning& m) { return m.reason == reason; });
    return found == kMeanings.end() || reason.empty() ? nullptr : &*found;
}

Errc by_status(int status) {
    switch (status) {
        case 400: return Errc::invalid;
        case 401: return Errc::unauthenticated;
        case 403: return Errc::denied;
        case 404:
        case 410: return Errc::not_found;
        case 409: return Errc::exists;
        case 412: return Errc::changed;
        case 413: return Errc::too_large;
        case 416: return Errc::invalid;
        case 429: return Errc::throttled;
        default: return Errc::unavailable;
    }
}

Millis until_next_quota_day(WallTime now) {
    const auto of_day = (now - kQuotaDayBegins).time_since_epoch() % kDay;
    return kDay - of_day;
}

std::string words_of(const http::Response& response, const ServiceError& error) {
    std::string why = error.message.empty() ? "HTTP status " + std::to_string(response.status) : error.message;
    if (!error.reason.empty()) why += " (" + error.reason + ")";
    return why;
}

}  // namespace

Error error_of(const http::Response& response, std::string what, Purpose purpose, WallTime now) {
    const ServiceError said = parse_error(response.body);
    const Meaning* meaning = response.status < 500 ? meaning_of(said.reason) : nullptr;
    Error error(meaning != nullptr ? meaning->code : by_status(response.status), std::move(what));
    error.native = response.status;
    error.why = words_of(response, said);
    if (meaning != nullptr && !meaning->words.empty()) error.why = std::string(meaning->words) + ": " + error.why;
    if (auto wish = response.retry_after(now)) error.retry_after = *wish;
    if (error.code != Errc::throttled || meaning == nullptr) return error;
    if (said.reason == "dailyLimitExceeded") error.retry_after = until_next_quota_day(now);
    if (said.reason == "downloadQuotaExceeded") error.retry_after = kDownloadPause;
    if (said.reason == "uploadLimitExceeded") error.retry_after = kUploadPause;
    if (purpose == Purpose::upload && response.status == 403 && said.reason == "userRateLimitExceeded" &&
        said.message == kDailyUploadMessage) {
        error.retry_after = kUploadPause;
        error.why = "probably the account's daily upload volume (750 GB) is used up; tried again every hour: " + error.why;
    }
    return error;
}

bool is_rate_limit(const http::Response& response) {
    if (response.status == 429) return true;
    if (response.status != 403) return false;
    const ServiceError said = parse_error(response.body);
    if (said.reason == "userRateLimitExceeded") return said.message != kDailyUploadMessage;
    return said.reason == "rateLimitExceeded" || said.reason == "sharingRateLimitExceeded";
}

}  // namespace oracxfs::drive
