// Names and times: keys from the mount, paths from the service.

#include <cstdint>
#include <cstdlib>
#include <string>

#include "providers/dropbox/dropbox_json.h"
#include "providers/dropbox/dropbox_names.h"
#include "providers/dropbox/unicode_nfc.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace oracxfs;
    using namespace oracxfs::dropbox;
    const std::string text(reinterpret_cast<const char*>(data), size);
    const bool nfc = is_nfc(text);
    if (nfc && !is_utf8(text)) std::abort();
    if (check_storable(text)) {
        if (!nfc) std::abort();
        // What goes out in a header comes back as it was.
        const auto back = parse_json(header_json(Json::object({{"path", "/" + text}})));
        if (!back || (*back)["path"].as_string() != "/" + text) std::abort();
        FolderNames names("");
        names.add(text);
        if (!text.empty() && names.look_up(text) != FolderNames::Knowledge::same) std::abort();
        names.forget(text);
        if (!text.empty() && names.look_up(text) != FolderNames::Knowledge::unknown) std::abort();
    }
    if (const auto root = clean_root(text); root && !root->empty() && !root->starts_with('/')) std::abort();
    if (const auto time = parse_time(text); time && to_ms(*time) >= 0 && to_ms(*time) < 9'000'000'000'000 && text[17] != '6' && time_text(to_ms(*time) * 1'000'000) != text)
        std::abort();
    return 0;
}
