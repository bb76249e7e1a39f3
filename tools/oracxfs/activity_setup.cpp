#include "tools/oracxfs/activity_setup.h"

#include "tools/backup/backup_run.h"

namespace oracxfs {

ActivityOptions activity_options(const Config& config, const std::string& state_directory) {
    ActivityOptions options;
    options.directory = state_directory;
    options.rotate_bytes = config.log.activity_size;
    options.rotated_files = config.log.activity_files;
    // Whole files are forgotten: so none may hold much more than what is forgotten together.
    options.rotate_age = Millis(config.log.keep_days * 86'400'000ll) / (std::max<std::int64_t>(config.log.activity_files, 1));
    return options;
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
