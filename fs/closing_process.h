#pragma once
// Private to fs: what Linux tells of the process that is closing a file (proc(5)). Asked while the process waits for the
// answer to its close, so that it is still there.

#include <cstdint>
#include <string_view>

namespace oracxfs {

// A process that was killed closes its files too; then what it wrote is a torn piece. False if nothing is known.
bool killed_by_signal(std::int32_t pid);

// Is this the last close? The kernel says of each closed descriptor, and not whether there is another one for the same
// opened file: shells open a file, copy the descriptor and close the first one, and hand it down to what they start.
enum class LastClose : std::uint8_t { yes, no, unknown };

// `no`: the process or one of those that started it has an open file of this name (the last part of its path) and inode.
// Before Linux 5.14 the name alone counts, which may be another file's. `unknown`: the process may not be looked at, or is of
// another namespace.
LastClose is_last_close(std::int32_t pid, std::string_view name, std::uint64_t inode);

}  // namespace oracxfs
