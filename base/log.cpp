#include "base/log.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <memory>
#include <mutex>
#include <vector>

namespace oracxfs::log {
namespace {

spdlog::level::level_enum native(Level level) {
    switch (level) {
        case Level::debug: return spdlog::level::debug;
        case Level::info: return spdlog::level::info;
        case Level::warn: return spdlog::level::warn;
        case Level::error: break;
    }
    return spdlog::level::err;
}

// A line stays a line: a peer's answer with a line feed in it must not be able to forge an entry.
std::string on_one_line(std::string_view text) {
    std::string line;
    line.reserve(text.size());
    for (const char c : text) {
        if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f)
            line += c;
        else
            fmt::format_to(std::back_inserter(line), "\\x{:02x}", static_cast<unsigned char>(c));
    }
    return line;
}

spdlog::sink_ptr file_sink(const Options& options) {
    spdlog::file_event_handlers handlers;
    handlers.after_open = [](const spdlog::filename_t&, std::FILE* file) {
        ::fchmod(::fileno(file), 0600);  // file names alone may be nobody else's business
    };
    return std::make_shared<spdlog::sinks::rotating_file_sink_mt>(
        options.file, options.rotate_bytes, options.rotate_files, false, handlers);
}

std::shared_ptr<spdlog::logger> make_logger(const Options& options) {
    std::vector<spdlog::sink_ptr> sinks;
    std::string trouble;
    if (!options.file.empty()) {
        try {
            sinks.push_back(file_sink(options));
        } catch (const spdlog::spdlog_ex& error) {
            trouble = error.what();
        }
    }
    if (options.to_stderr || sinks.empty())
        sinks.push_back(std::make_shared<spdlog::sinks::stderr_sink_mt>());
    auto logger = std::make_shared<spdlog::logger>("oracxfs", sinks.begin(), sinks.end());
    logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %-5l %v", spdlog::pattern_time_type::utc);
    logger->set_level(native(options.level));
    logger->flush_on(spdlog::level::debug);  // whoever follows the log, or reads it after a crash, sees every line
    if (!trouble.empty()) logger->warn("[log] going on without a log file: {}", on_one_line(trouble));
    return logger;
}

struct State {
    std::mutex mutex;
    std::shared_ptr<spdlog::logger> logger;
    std::atomic<Level> level = Level::info;
};

// Never destroyed: other static objects may log while the process ends.
State& state() {
    static State& instance = *std::make_unique<State>().release();
    return instance;
}

std::shared_ptr<spdlog::logger> current_logger() {
    State& shared = state();
    const std::lock_guard lock(shared.mutex);
    if (!shared.logger) shared.logger = make_logger({});
    return shared.logger;
}

}  // namespace

void configure(const Options& options) {
    auto logger = make_logger(options);
    State& shared = state();
    const std::lock_guard lock(shared.mutex);
    shared.logger = std::move(logger);
    shared.level = options.level;
}

void set_level(Level level) {
    const auto logger = current_logger();
    logger->set_level(native(level));
    state().level = level;
}

bool enabled(Level level) { return level >= state().level.load(std::memory_order_relaxed); }

void write(Level level, std::string_view component, std::string_view message) {
    if (!enabled(level)) return;
    current_logger()->log(native(level), "[{}] {}", component, on_one_line(redact(message)));
}

void flush() { current_logger()->flush(); }

void remove_rotated_files(const std::string& file, WallTime before) {
    if (file.empty()) return;
    for (std::size_t i = 1; i <= Options().rotate_files; ++i) {
        const std::string name = spdlog::sinks::rotating_file_sink_mt::calc_filename(file, i);
        struct stat status {};
        if (::stat(name.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
        const auto written = static_cast<std::int64_t>(status.st_mtim.tv_sec) * 1000 + status.st_mtim.tv_nsec / 1'000'000;
        if (written >= to_ms(before)) continue;
        if (::unlink(name.c_str()) != 0) warn("log", "an old log file cannot be removed: " + name);
    }
}

}  // namespace oracxfs::log
