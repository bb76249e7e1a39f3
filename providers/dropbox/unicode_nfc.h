#pragma once
// Whether a text already has Unicode's normalisation form C (UAX #15). Dropbox composes names, so a name that is not in
// this form would come back as another one.

#include <string_view>

namespace oracxfs::dropbox {

[[nodiscard]] bool is_utf8(std::string_view text);
// True for valid UTF-8 that NFC leaves as it is, by the rules of Unicode 14.
[[nodiscard]] bool is_nfc(std::string_view text);

}  // namespace oracxfs::dropbox
