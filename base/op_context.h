#pragma once
// What every call that may wait carries with it.

#include <optional>
#include <stop_token>

#include "base/clock.h"

namespace oracxfs {

struct OpContext {
    std::stop_token stop;                 // cancel: the call returns Errc::cancelled within 0.2 s
    std::optional<SteadyTime> deadline;   // then Errc::deadline
};

}  // namespace oracxfs
