#pragma once
// What the source files of LocalProvider share.

#include "providers/local/local_provider.h"

namespace oracxfs {

template <class Body>
auto LocalProvider::named(Body&& body) const {
    auto result = body();
    if (!result && result.error().provider.empty()) result.error().provider = name_;
    return result;
}

}  // namespace oracxfs
