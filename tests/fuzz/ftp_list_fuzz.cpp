// LIST lines in the Unix and the DOS dialect.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "providers/ftp/ftp_listing.h"
#include "providers/ftp/ftp_status.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace oracxfs;
    std::string_view rest(reinterpret_cast<const char*>(data), size);
    while (!rest.empty()) {
        const std::string_view line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(line.size() + (line.size() < rest.size() ? 1 : 0));
        const auto entry = ftp::parse_list_line(line);
        if (!entry || entry->kind == ftp::ListEntry::Kind::other) continue;
        // The name is the end of the line, to the byte.
        std::string_view whole = line;
        while (!whole.empty() && whole.back() == '\r') whole.remove_suffix(1);
        if (entry->name.empty() || !whole.ends_with(entry->name) || entry->stamp.empty()) std::abort();
        if (entry->is_directory() && entry->size != 0) std::abort();
        if (ftp::is_safe_name(entry->name) && !check_key("folder/" + entry->name)) std::abort();
    }
    return 0;
}
