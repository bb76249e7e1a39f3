#pragma once
// Result<T> = a value or an Error. Built on tl::expected (std::expected needs C++23).

#include <tl/expected.hpp>
#include <utility>

#include "base/error.h"

namespace oracxfs {

// A class of its own only so that a dropped Result is a compiler warning.
template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
  public:
    using tl::expected<T, Error>::expected;
};
using Status = Result<void>;

inline tl::unexpected<Error> fail(Errc code, std::string what, std::string why = {}) {
    return tl::unexpected<Error>(Error(code, std::move(what), std::move(why)));
}
inline tl::unexpected<Error> fail(Error error) { return tl::unexpected<Error>(std::move(error)); }

}  // namespace oracxfs

#define ORACX_CONCAT_INNER(a, b) a##b
#define ORACX_CONCAT(a, b) ORACX_CONCAT_INNER(a, b)

// ORACX_TRY(auto x, expr): x = the value of expr, or return its error from this function.
#define ORACX_TRY(declaration, expr) ORACX_TRY_IMPL(ORACX_CONCAT(oracx_try_, __LINE__), declaration, expr)
#define ORACX_TRY_IMPL(tmp, declaration, expr)                          \
    auto tmp = (expr);                                                  \
    if (!tmp) return ::oracxfs::fail(std::move(tmp).error());           \
    declaration = std::move(*tmp)

// ORACX_TRYV(expr): the same for a Result without a value, or whose value is not needed.
#define ORACX_TRYV(expr)                                                                  \
    do {                                                                                  \
        if (auto oracx_tryv = (expr); !oracx_tryv)                                        \
            return ::oracxfs::fail(std::move(oracx_tryv).error());                        \
    } while (false)
