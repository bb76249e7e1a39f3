#pragma once
// Private to tests/support/memory_provider*: ids and cursors are numbers in text.

#include <charconv>
#include <cstdint>
#include <string>

namespace oracxfs::test {

inline std::uint64_t number_in(const std::string& text) {
    std::uint64_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

}  // namespace oracxfs::test
