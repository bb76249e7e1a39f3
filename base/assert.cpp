#include "base/assert.h"

#include <fmt/format.h>

#include <cstdlib>

#include "base/log.h"

namespace oracxfs {

void assertion_failed(const char* expression, const char* file, int line) {
    log::error("assert", fmt::format("{}:{}: assertion failed: {}", file, line, expression));
    log::flush();
    std::abort();
}

}  // namespace oracxfs
