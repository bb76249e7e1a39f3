#include "tools/oracxfs/activity_setup.h"

#include <algorithm>
#include <span>

#include "base/hash.h"
#include "base/log.h"
#include "tools/backup/backup_run.h"

namespace oracxfs {
namespace {

constexpr const char* kConfigKey = "activity/config";
constexpr std::uint64_t kConfigBytesMax = 16u << 20;

}  // namespace

ActivityOptions activity_options(const Config& config, const std::string& state_directory) {
    ActivityOptions options;
    options.directory = state_directory;
    options.rotate_bytes = config.log.activity_size;
    options.rotated_files = config.log.activity_files;
    // Whole files are forgotten: so none may hold much more than what is forgotten together.
    options.rotate_age = Millis(config.log.keep_days * 86'400'000ll) / (std::max<std::int64_t>(config.log.activity_files, 1));
    return options;
}

bool remember_config_file(Catalog& catalog, Disk& disk, const std::string& file) {
    std::string text;
    if (const auto opened = disk.open(file, OpenMode::read_only)) {
        const auto size = (*opened)->size();
        if (!size || *size > kConfigBytesMax) return false;
        text.resize(*size);
        const auto got = (*opened)->read_at(0, std::as_writable_bytes(std::span(text)));
        if (!got) return false;
        text.resize(*got);
    }
    const std::string digest = to_hex(sha256_of(std::as_bytes(std::span(text))));
    const auto before = catalog.meta(kConfigKey);
    if (before && *before && **before == digest) return false;
    if (const Status kept = catalog.set_meta(kConfigKey, digest); !kept) log::warn("activity", kept.error().to_string());
    return before && *before;
}

DescribeRun describe_run_in(Catalog& catalog) {
    return [&catalog](std::int64_t id) -> Json {
        const auto run = catalog.run(id);
        if (!run || !*run) return nullptr;
        Json report = run_report(**run);
        report.erase("problems");  // may be hundreds; `oracxfs runs r-N` shows them
        return report;
    };
}

}  // namespace oracxfs
