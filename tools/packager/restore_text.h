#pragma once
// The text in every package that explains how to restore it without this program.

#include <string>
#include <string_view>

namespace oracxfs {

inline constexpr std::string_view kRestoreTextName = "RESTORE.txt";
std::string restore_text();

}  // namespace oracxfs
