#pragma once
// Logging with redaction, on spdlog (kept out of this header).
//
// Every line passes through redact(): values registered with redact_value(), bearer tokens, and key=value pairs whose
// key names a secret are replaced by "***". Formatting: fmt syntax through the LOG_* macros' std::string argument.

#include <cstddef>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace oracxfs::log {

enum class Level { debug, info, warn, error };

struct Options {
    Level level = Level::info;
    std::string file;       // empty: stderr only
    bool to_stderr = true;
    std::size_t rotate_bytes = 8u << 20;
    std::size_t rotate_files = 5;
};

void configure(const Options& options);  // may be called again (daemon after fork)
void write(Level level, std::string_view component, std::string_view message);
inline void debug(std::string_view component, std::string_view message) { write(Level::debug, component, message); }
inline void info(std::string_view component, std::string_view message) { write(Level::info, component, message); }
inline void warn(std::string_view component, std::string_view message) { write(Level::warn, component, message); }
inline void error(std::string_view component, std::string_view message) { write(Level::error, component, message); }
void set_level(Level level);  // of the running log
bool enabled(Level level);
void flush();
// Removes the files that `file` was rotated into (file.1.log for file.log, and so on) and that were last written before then.
void remove_rotated_files(const std::string& file, WallTime before);

// Never print this value again, wherever it turns up (at least 6 characters; shorter ones are ignored).
void redact_value(std::string_view secret);
std::string redact(std::string_view text);

}  // namespace oracxfs::log
