#pragma once
// Sizes and times in sentences: "1.84 GiB" is "1,84 Gio" in French.

#include <string>
#include <string_view>

namespace oracxfs {

class TextCatalogue;

// A number, size, duration or age as the program writes them ("512 B", "3 d 4 h", "2 h ago") in the catalogue's
// language; anything else as it is.
std::string localized_measure(std::string_view text, const TextCatalogue& texts);

}  // namespace oracxfs
