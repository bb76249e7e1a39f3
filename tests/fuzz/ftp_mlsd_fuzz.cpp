// MLSD and MLST lines, as a hostile server may send them.

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
        const auto entry = ftp::parse_facts(line);
        if (!entry) continue;
        if (entry->name.empty() || (!entry->is_file() && entry->size != 0)) std::abort();
        if (ftp::is_safe_name(entry->name) && entry->name.find('/') != std::string::npos) std::abort();
        if (!ftp::is_safe_name(entry->name)) continue;
        const RemoteObject object = ftp::object_of("folder/" + entry->name, *entry);
        if (!check_key(object.key) || object.is_directory != entry->is_directory()) std::abort();
        if (!object.is_directory && object.rev.empty()) std::abort();
    }
    return 0;
}
