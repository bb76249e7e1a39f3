#include "tools/packager/member_name.h"

#include <cctype>
#include <climits>

namespace oracxfs {

std::string_view why_unsafe(std::string_view name) {
    if (name.ends_with('/')) name.remove_suffix(1);
    if (name.empty()) return "the name is empty";
    if (name.size() >= PATH_MAX) return "the name is too long";
    if (name.find('\0') != std::string_view::npos) return "the name holds a zero byte";
    if (name.front() == '/') return "the name is an absolute path";
    while (true) {
        const std::size_t slash = name.find('/');
        const std::string_view part = name.substr(0, slash);
        if (part == "..") return "the name leads out of the folder";
        if (part.empty() || part == ".") return "the name has an empty part";
        if (part.size() > NAME_MAX) return "a part of the name is longer than 255 bytes";
        if (slash == std::string_view::npos) return {};
        name.remove_prefix(slash + 1);
    }
}

bool looks_foreign(std::string_view name) {
    if (name.find('\\') != std::string_view::npos) return true;
    return name.size() >= 2 && name[1] == ':' && std::isalpha(static_cast<unsigned char>(name[0])) != 0;
}

}  // namespace oracxfs
