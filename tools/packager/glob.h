#pragma once
// Patterns that choose files of a tree: "*.tmp", "cache/", "/build/**/*.o".

#include <string>
#include <string_view>
#include <vector>

namespace oracxfs {

// `*` any characters but '/', `**` any characters, `?` one character but '/', `[a-z]` and `[!a-z]` one of a set; a
// backslash takes the next character as it is. "**/" at the start of a part also stands for no folder at all.
bool glob_matches(std::string_view pattern, std::string_view text);

// A pattern without '/' (but for one at its end) is compared with the last part of a path, others with the whole path
// from the source on. One that ends in '/' fits folders only.
class GlobList {
  public:
    GlobList() = default;
    explicit GlobList(const std::vector<std::string>& patterns);
    [[nodiscard]] bool empty() const { return globs_.empty(); }
    [[nodiscard]] bool matches(std::string_view path, bool is_folder) const;

  private:
    struct Glob {
        std::string pattern;
        bool whole_path = false;
        bool folders_only = false;
    };
    std::vector<Glob> globs_;
};

}  // namespace oracxfs
