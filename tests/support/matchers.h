#pragma once
// ASSERT_THAT(result, IsOk()) and EXPECT_THAT(result, HasCode(Errc::not_found)): a failure prints the message.

#include <gmock/gmock.h>

#include <string>

#include "base/result.h"

namespace oracxfs {

// What a failing expectation shows of a result.
template <class T>
void PrintTo(const Result<T>& result, std::ostream* out) {
    *out << (result ? std::string("a success") : result.error().to_string());
}

}  // namespace oracxfs

namespace oracxfs::test {

MATCHER(IsOk, negation ? "is an error" : "is a success") {
    if (arg.has_value()) return true;
    *result_listener << "it failed with: " << arg.error().to_string();
    return false;
}

MATCHER_P(HasCode, code, "fails with " + std::string(info(code).name)) {
    if (arg.has_value()) {
        *result_listener << "it succeeded";
        return false;
    }
    *result_listener << "it failed with: " << arg.error().to_string();
    return arg.error().code == code;
}

}  // namespace oracxfs::test
