#pragma once
// Reading open files from front to back.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <stop_token>
#include <string>

#include "base/hash.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace oracxfs {

// Reads on from where it stopped; fills the whole span unless the file ends. `fd` stays open meanwhile.
std::function<Result<std::size_t>(std::span<std::byte>)> file_input(const UniqueFd& fd);

// A copy of the first `size` bytes (fewer if the file ends), which shares their blocks where the disk can. It has no name
// any more when this returns.
Result<UniqueFd> copy_to_temporary(const UniqueFd& from, const std::string& path, std::uint64_t size, const std::stop_token& stop);

// SHA-256 of the first `size` bytes. Errors: cancelled, local_io (also when there are fewer).
Result<Sha256> hash_file(const UniqueFd& fd, std::uint64_t size, const std::stop_token& stop);

// All that `input` gives, into a new file (0600); its hash.
Result<Sha256> spool(const std::function<Result<std::size_t>(std::span<std::byte>)>& input, const std::string& path);

}  // namespace oracxfs
