#pragma once
// Reaching files below a folder that others may change meanwhile: nothing outside is ever reached, and no symbolic link
// is followed. openat2(RESOLVE_BENEATH) where the kernel has it, else step by step.

#include <sys/types.h>

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace oracxfs {

// open(2) of `path` below the folder `root`; "" and "." are the folder itself. O_NOFOLLOW and O_CLOEXEC are added.
// Sets errno and returns nothing when it fails; a link on the way is ELOOP.
UniqueFd open_beneath(int root, const std::string& path, int flags, mode_t mode = 0);

// The same without openat2, for kernels before 5.6.
UniqueFd open_beneath_stepwise(int root, const std::string& path, int flags, mode_t mode = 0);

// "a/b" and "c" of "a/b/c".
std::string_view parent_of(std::string_view path);
std::string_view last_part_of(std::string_view path);

}  // namespace oracxfs
