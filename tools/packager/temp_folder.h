#pragma once
// A private folder for copies that are made while packing. Gone with everything in it at the end of its scope; what a
// killed process left is removed by the next one.

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace oracxfs {

class TempFolder {
  public:
    // Made below `directory`, which is made too if it is missing. Errors: as the disk has them.
    static Result<std::unique_ptr<TempFolder>> make(const std::string& directory);
    ~TempFolder();
    TempFolder(const TempFolder&) = delete;
    TempFolder& operator=(const TempFolder&) = delete;

    // A path at which nothing is yet.
    std::string next_path();
    // local_full unless the disk has `bytes` and `min_free` more.
    [[nodiscard]] Status check_room(std::uint64_t bytes, std::uint64_t min_free) const;

  private:
    TempFolder(std::string path, UniqueFd lock) : path_(std::move(path)), lock_(std::move(lock)) {}
    std::string path_;
    UniqueFd lock_;  // of the folder itself: tells the living from the dead
    unsigned count_ = 0;
};

}  // namespace oracxfs
