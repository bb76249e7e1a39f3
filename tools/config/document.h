#pragma once
// cloud_config.json as a document: its text, its tree, and saving without losing anything.
//
// Comments (// and /* */) and trailing commas are read but cannot be written back: save() refuses to drop comments unless
// told so. Members whose key begins with "_comment" are ordinary members and stay where they are.

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace oracxfs {

class ConfigDocument {
  public:
    // An absent file is an empty document. Errors: config ("cloud_config.json:3:7: ..."), denied, local_io.
    static Result<ConfigDocument> load(const std::string& file);
    static Result<ConfigDocument> parse(std::string text, const std::string& file);

    [[nodiscard]] const std::string& file() const { return file_; }
    [[nodiscard]] bool exists() const { return exists_; }
    [[nodiscard]] const Json& root() const { return root_; }
    [[nodiscard]] bool has_comments() const;

    // Paths with '.' between keys; a provider's name has no '.', so nothing needs escaping.
    [[nodiscard]] const Json* find(std::string_view path) const;
    void set(std::string_view path, Json value);  // makes the objects on the way
    bool erase(std::string_view path);
    void rename_key(std::string_view parent, std::string_view from, std::string_view to);  // keeps the order

    // "cloud_config.json:14:7": where the key at `path` ('/' between keys) stands; without numbers if it is not found.
    [[nodiscard]] std::string place_of_key(std::string_view slash_path) const;
    [[nodiscard]] std::string place_of_value(std::string_view slash_path) const;

    enum class Comments { keep, drop };  // keep: refuse rather than lose them
    // Atomic: temporary file, sync, rename; mode 0600; the old text is kept as "<file>.bak". Errors: refused (the file has
    // comments), changed (somebody else saved it since load), denied, local_full, local_io.
    Status save(Comments comments);

  private:
    [[nodiscard]] std::string place(std::size_t line, std::size_t column) const;

    std::string file_;
    std::string text_;
    bool exists_ = false;
    Json root_ = Json::object();
};

}  // namespace oracxfs
