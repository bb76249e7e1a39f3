// Names of backup packages: what is taken is exactly what would be made.

#include "tests/fuzz/fuzz.h"
#include "tools/scheduler/package_name.h"

using namespace oracxfs;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = fuzz::text_of(data, size);
    // Once as a name, once cut in two at the first line feed: a prefix and a name.
    const std::size_t line = text.find('\n');
    const std::string_view prefix = line == std::string_view::npos ? "oracxpred_backup_" : text.substr(0, line);
    const std::string_view name = line == std::string_view::npos ? text : text.substr(line + 1);
    if (const auto time = parse_package_name(prefix, name)) {
        const auto again = package_name(prefix, *time);
        fuzz::require(again.has_value() && *again == name);
    }
    if (check_package_prefix(prefix)) fuzz::require(prefix.find('/') == std::string_view::npos);
    return 0;
}
