#pragma once

#include <string>

namespace oracxfs {

// README.txt in the root of the mount, in English and French.
std::string readme_text();

}  // namespace oracxfs
