#pragma once
// Where one history keeps its catalogue.

#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <string>

namespace oracxfs::test {

inline std::string fresh_folder(std::uint64_t seed) {
    // In memory where there is one: thousands of databases, none of which has to survive.
    const std::string root = std::filesystem::exists("/dev/shm") ? "/dev/shm" : std::filesystem::temp_directory_path().string();
    const std::string folder = root + "/oracxfs-sim-" + std::to_string(::getpid()) + "-" + std::to_string(seed);
    std::filesystem::remove_all(folder);  // of a run that was killed
    std::filesystem::create_directories(folder);
    return folder;
}

}  // namespace oracxfs::test
