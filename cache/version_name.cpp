#include "cache/version_name.h"

namespace oracxfs {
namespace {
constexpr std::size_t kDigits = 16;
}

std::string version_name(char letter, VersionId version) {
    static constexpr std::string_view digits = "0123456789abcdef";
    std::string name(1 + kDigits, letter);
    for (std::size_t i = 0; i < kDigits; ++i)
        name[kDigits - i] = digits[(static_cast<std::uint64_t>(version.value) >> (4 * i)) & 0xf];
    return name;
}

std::optional<VersionId> version_of_name(char letter, std::string_view name) {
    if (name.size() != 1 + kDigits || name[0] != letter) return std::nullopt;
    std::uint64_t value = 0;
    for (const char c : name.substr(1)) {
        const bool digit = c >= '0' && c <= '9';
        if (!digit && (c < 'a' || c > 'f')) return std::nullopt;
        value = value << 4 | static_cast<std::uint64_t>(digit ? c - '0' : c - 'a' + 10);
    }
    const VersionId version{static_cast<std::int64_t>(value)};
    if (version.value <= 0) return std::nullopt;
    return version;
}

}  // namespace oracxfs
