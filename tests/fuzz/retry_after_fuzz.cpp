// Retry-After and Date.

#include "providers/http/http_client.h"
#include "tests/fuzz/fuzz.h"

using namespace oracxfs;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = fuzz::text_of(data, size);
    const WallTime now{Millis(1'795'466'188'000)};
    if (const auto pause = http::parse_retry_after(text, now))
        fuzz::require(*pause >= Millis(0) && *pause <= std::chrono::hours(24));
    if (const auto date = http::parse_http_date(text)) {
        const int year = static_cast<int>(std::chrono::year_month_day(std::chrono::floor<std::chrono::days>(*date)).year());
        fuzz::require(year >= 0 && year <= 10'000);
    }
    return 0;
}
