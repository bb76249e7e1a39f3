#pragma once
// The folder that a package is restored to.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"
#include "tools/packager/deflate.h"

namespace oracxfs {

class RestoreTarget {
  public:
    // `make`: the folder itself is made if it is missing.
    static Result<RestoreTarget> open(const std::string& path, bool make);

    struct Present {
        bool is_folder = false;
        bool is_file = false;
        std::int64_t mtime_ns = 0;
    };
    // What is there under a name; links are not followed.
    [[nodiscard]] Result<std::optional<Present>> look(const std::string& name) const;
    [[nodiscard]] Result<std::uint64_t> free_bytes() const;

    Status make_folder(const std::string& name);  // with those above; there already = success
    Status set_folder(const std::string& name, std::uint32_t mode, std::int64_t mtime_ns);
    Status make_link(const std::string& name, const std::string& target, bool replace);

    // A file on its way: without a name until it is given one.
    class File {
      public:
        File(File&&) noexcept = default;
        File& operator=(File&&) = delete;
        ~File();  // removes it unless it was published
        Status write(ByteSpan data);
        Status publish(std::uint32_t mode, std::int64_t mtime_ns, bool replace);

      private:
        friend class RestoreTarget;
        File(UniqueFd folder, UniqueFd fd, std::string temporary, std::string name)
            : folder_(std::move(folder)), fd_(std::move(fd)), temporary_(std::move(temporary)), name_(std::move(name)) {}
        UniqueFd folder_, fd_;
        std::string temporary_, name_;
    };
    Result<File> create(const std::string& name);

    Status sync();  // all of its file system

  private:
    explicit RestoreTarget(UniqueFd root) : root_(std::move(root)) {}
    Result<UniqueFd> open_parent(const std::string& name) const;
    UniqueFd root_;  // not there yet in a dry run
};

}  // namespace oracxfs
