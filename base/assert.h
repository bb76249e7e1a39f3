#pragma once
// ORACX_ASSERT: for our own bugs, never for what a server, disk or user sent. Stays on in release builds: staging and
// catalogue are crash-safe, so stopping is cheaper than going on with a broken invariant.

namespace oracxfs {
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line);
}

#define ORACX_ASSERT(condition)                                                       \
    do {                                                                              \
        if (!(condition)) ::oracxfs::assertion_failed(#condition, __FILE__, __LINE__); \
    } while (false)
