#pragma once
// master.key: 32 random bytes in hex, for the owner's eyes only. A new key is written beside it first ("NAME.new") and
// takes its place by a rename, so there is always a whole key under one of the two names.

#include <optional>
#include <string>

#include "base/result.h"
#include "cache/secret_box.h"

namespace oracxfs {

// denied when others than the owner may do anything with the file; absent = success.
Status check_private(const std::string& path);

class KeyFile {
  public:
    explicit KeyFile(std::string path) : path_(std::move(path)), new_path_(path_ + ".new") {}

    // not_found, denied (others can read it), invalid (no key in it), local_io.
    [[nodiscard]] Result<SecretKey> read() const { return read(path_); }
    [[nodiscard]] Result<SecretKey> read_new() const { return read(new_path_); }
    [[nodiscard]] bool exists() const;
    // Durable under the second name when this returns; a leftover there is replaced.
    [[nodiscard]] Status write_new(const SecretKey& key) const;
    // The second name takes the place of the first. Durable.
    [[nodiscard]] Status adopt_new() const;
    [[nodiscard]] Status remove_new() const { return remove(new_path_); }  // absent = success
    [[nodiscard]] Status remove() const { return remove(path_); }          // absent = success
    [[nodiscard]] const std::string& path() const { return path_; }

  private:
    static Result<SecretKey> read(const std::string& path);
    static Status remove(const std::string& path);
    [[nodiscard]] Status sync_folder() const;

    const std::string path_;
    const std::string new_path_;
};

}  // namespace oracxfs
