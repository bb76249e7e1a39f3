#include "tools/admin/metrics.h"

#include <chrono>
#include <cstdio>

#include <fmt/format.h>

namespace oracxfs {
namespace {

std::string escaped(std::string_view label) {
    std::string text;
    for (const char c : label) {
        if (c == '\\' || c == '"') text += '\\';
        if (c == '\n')
            text += "\\n";
        else
            text += c;
    }
    return text;
}

class Text {
  public:
    void begin(const char* name, const char* type, const char* help) {
        name_ = name;
        text_ += fmt::format("# HELP {0} {2}\n# TYPE {0} {1}\n", name, type, help);
    }
    void value(double number, const std::string& labels = {}) { text_ += fmt::format("{}{} {:.17g}\n", name_, labels.empty() ? "" : "{" + labels + "}", number); }
    void count(const Json& number, const std::string& labels = {}) {
        if (number.is_number()) text_ += fmt::format("{}{} {}\n", name_, labels.empty() ? "" : "{" + labels + "}", number.as_int());
    }
    std::string take() { return std::move(text_); }

  private:
    std::string name_, text_;
};

std::string label(const char* name, std::string_view value) { return fmt::format("{}=\"{}\"", name, escaped(value)); }

// "2026-11-23T20:36:28Z" -> seconds since 1970; nothing for anything else.
std::optional<std::int64_t> seconds_of(const Json& time) {
    int y = 0, mo = 0, d = 0, h = 0, mi = 0, s = 0;
    if (std::sscanf(time.as_string().c_str(), "%d-%d-%dT%d:%d:%dZ", &y, &mo, &d, &h, &mi, &s) != 6) return std::nullopt;  // NOLINT(cert-err34-c)
    const std::chrono::year_month_day date{std::chrono::year(y), std::chrono::month(static_cast<unsigned>(mo)), std::chrono::day(static_cast<unsigned>(d))};
    return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::sys_days(date).time_since_epoch()).count() + h * 3'600 + mi * 60 + s;
}

}  // namespace

std::string metrics_text(const Json& status) {
    Text text;
    text.begin("oracxfs_info", "gauge", "Always 1; the version is a label.");
    text.value(1, label("version", ORACXFS_VERSION));
    text.begin("oracxfs_state", "gauge", "1 for the state that holds, 0 for the others.");
    for (const char* state : {"protected", "degraded", "at_risk", "unprotected", "not_configured"}) text.value(status["state"].as_string() == state ? 1 : 0, label("state", state));
    text.begin("oracxfs_copies_wanted", "gauge", "Active providers.");
    text.count(status["copies"]["wanted"]);
    text.begin("oracxfs_copies_verified", "gauge", "Verified copies of the file that has the fewest.");
    text.count(status["copies"]["verified"]);
    text.begin("oracxfs_files", "gauge", "Files in the mount.");
    text.count(status["files"]["total"]);
    text.begin("oracxfs_files_bytes", "gauge", "Their size.");
    text.count(status["files"]["bytes"]);
    text.begin("oracxfs_files_incomplete", "gauge", "Files that are not verified at every active provider.");
    text.count(status["files"]["incomplete"]);
    text.begin("oracxfs_files_without_copy", "gauge", "Files without any verified copy.");
    text.count(status["files"]["without_copy"]);
    text.begin("oracxfs_pending_bytes", "gauge", "Still to be sent, all providers together.");
    text.count(status["pending_bytes"]);
    text.begin("oracxfs_backups", "gauge", "Packages in the mount.");
    text.count(status["backups"]["count"]);
    text.begin("oracxfs_last_success_timestamp_seconds", "gauge", "When the newest package was made that has enough verified copies.");
    if (const auto newest = seconds_of(status["backups"]["newest_verified"])) text.value(static_cast<double>(*newest));
    text.begin("oracxfs_auto_sync_enabled", "gauge", "1 when the schedule is on.");
    text.value(status["auto_sync"]["enabled"].as_bool() ? 1 : 0);

    struct PerProvider {
        const char* name;
        const char* type;
        const char* help;
        const char* key;
    };
    constexpr PerProvider kNumbers[] = {
        {"oracxfs_provider_pending_files", "gauge", "Files that this provider has yet to take.", "pending_files"},
        {"oracxfs_provider_pending_bytes", "gauge", "Their size.", "pending_bytes"},
        {"oracxfs_provider_stored_bytes", "gauge", "Bytes that it holds for us.", "stored_bytes"},
        {"oracxfs_provider_read_errors_total", "counter", "Failed reads.", "read_errors"},
        {"oracxfs_provider_write_errors_total", "counter", "Failed writes.", "write_errors"},
        {"oracxfs_provider_checksum_errors_total", "counter", "Copies that did not match their hash.", "checksum_errors"},
    };
    for (const PerProvider& number : kNumbers) {
        text.begin(number.name, number.type, number.help);
        for (const Json& provider : status["providers"].items()) text.count(provider[number.key], label("provider", provider["name"].as_string()));
    }
    text.begin("oracxfs_provider_up", "gauge", "1 when it is active and takes copies.");
    for (const Json& provider : status["providers"].items())
        text.value(provider["state"].as_string() == "active" ? 1 : 0, label("provider", provider["name"].as_string()) + "," + label("type", provider["type"].as_string()));
    text.begin("oracxfs_provider_free_bytes", "gauge", "Room that is left there, where it says so.");
    for (const Json& provider : status["providers"].items()) text.count(provider["quota"]["free"], label("provider", provider["name"].as_string()));
    text.begin("oracxfs_provider_last_ok_timestamp_seconds", "gauge", "When it answered last.");
    for (const Json& provider : status["providers"].items())
        if (const auto at = seconds_of(provider["last_ok"])) text.value(static_cast<double>(*at), label("provider", provider["name"].as_string()));
    text.begin("oracxfs_replicas", "gauge", "Copies by state.");
    for (const Json& provider : status["providers"].items())
        for (const auto& [state, count] : provider["files"].members()) text.count(count, label("provider", provider["name"].as_string()) + "," + label("state", state));
    return text.take();
}

}  // namespace oracxfs
