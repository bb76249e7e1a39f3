#include "tools/config/document.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <charconv>
#include <filesystem>
#include <fstream>

#include "base/hash.h"
#include "base/unique_fd.h"

namespace oracxfs {
namespace {

constexpr std::size_t kBytesMax = 4u << 20;

std::string short_name(const std::string& file) { return std::filesystem::path(file).filename().string(); }

std::vector<std::string> keys_of(std::string_view path) {
    std::vector<std::string> keys;
    while (!path.empty()) {
        const std::size_t dot = std::min(path.find('.'), path.size());
        keys.emplace_back(path.substr(0, dot));
        path.remove_prefix(std::min(dot + 1, path.size()));
    }
    return keys;
}

// "line 3, column 7: words" -> "3:7" and the words.
std::pair<std::string, std::string> split_position(const std::string& why) {
    std::size_t line = 0, column = 0;
    const std::string_view text = why;
    constexpr std::string_view kLine = "line ", kColumn = ", column ";
    if (!text.starts_with(kLine)) return {"", why};
    const char* end = text.data() + text.size();
    const auto [after_line, line_error] = std::from_chars(text.data() + kLine.size(), end, line);
    const std::string_view rest(after_line, static_cast<std::size_t>(end - after_line));
    if (line_error != std::errc{} || !rest.starts_with(kColumn)) return {"", why};
    const auto [after_column, column_error] = std::from_chars(rest.data() + kColumn.size(), end, column);
    if (column_error != std::errc{} || end - after_column < 2) return {"", why};
    return {fmt::format(":{}:{}", line, column), std::string(after_column + 2, end)};
}

Result<std::string> read_text(const std::string& file) {
    const UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return fail(error_from_errno(errno, "read " + file));
    std::string text;
    char buffer[16 << 10];
    for (;;) {
        const ssize_t got = ::read(fd.get(), buffer, sizeof buffer);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail(error_from_errno(errno, "read " + file));
        if (got == 0) return text;
        text.append(buffer, static_cast<std::size_t>(got));
        if (text.size() > kBytesMax) return fail(Errc::config, "read " + file, "it is larger than 4 MiB");
    }
}

Status write_synced(const std::string& file, std::string_view text) {
    const UniqueFd fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!fd) return fail(error_from_errno(errno, "write " + file));
    while (!text.empty()) {
        const ssize_t put = ::write(fd.get(), text.data(), text.size());
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return fail(error_from_errno(errno, "write " + file));
        text.remove_prefix(static_cast<std::size_t>(put));
    }
    if (::fsync(fd.get()) != 0) return fail(error_from_errno(errno, "sync " + file));
    return {};
}

Status sync_folder(const std::string& folder) {
    const UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd || ::fsync(fd.get()) != 0) return fail(error_from_errno(errno, "sync " + folder));
    return {};
}

Status replace(const std::string& file, std::string_view text) {
    const std::string temporary = file + "." + random_hex(4) + ".tmp";
    Status written = write_synced(temporary, text);
    if (written && ::rename(temporary.c_str(), file.c_str()) != 0)
        written = fail(error_from_errno(errno, "rename " + temporary));
    if (!written) ::unlink(temporary.c_str());
    return written;
}

Json* find_mutable(Json& root, const std::vector<std::string>& keys) {
    Json* at = &root;
    for (const std::string& key : keys) {
        at = at->find(key);
        if (at == nullptr) return nullptr;
    }
    return at;
}

}  // namespace

Result<ConfigDocument> ConfigDocument::load(const std::string& file) {
    auto text = read_text(file);
    if (!text) {
        if (text.error().code != Errc::not_found) return fail(std::move(text).error());
        ConfigDocument document;
        document.file_ = file;
        return document;
    }
    return parse(std::move(*text), file);
}

Result<ConfigDocument> ConfigDocument::parse(std::string text, const std::string& file) {
    ConfigDocument document;
    document.file_ = file;
    document.text_ = std::move(text);
    document.exists_ = true;
    auto root = parse_json(document.text_, {kBytesMax, 32, true});
    if (!root) {
        const auto [position, words] = split_position(root.error().why);
        return fail(Errc::config, short_name(file) + position + ": " + words);
    }
    if (!root->is_object()) return fail(Errc::config, short_name(file) + ":1:1: the file must hold one object in { }");
    document.root_ = std::move(*root);
    return document;
}

bool ConfigDocument::has_comments() const {
    bool in_string = false;
    for (std::size_t i = 0; i < text_.size(); ++i) {
        const char c = text_[i];
        if (in_string) {
            if (c == '\\')
                ++i;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '/') {
            return true;  // the text is valid, so outside a string this begins a comment
        }
    }
    return false;
}

const Json* ConfigDocument::find(std::string_view path) const {
    const Json* at = &root_;
    for (const std::string& key : keys_of(path)) {
        at = at->find(key);
        if (at == nullptr) return nullptr;
    }
    return at;
}

void ConfigDocument::set(std::string_view path, Json value) {
    Json* at = &root_;
    const auto keys = keys_of(path);
    for (std::size_t i = 0; i + 1 < keys.size(); ++i) {
        Json* next = at->find(keys[i]);
        if (next == nullptr || !next->is_object()) {
            at->set(keys[i], Json::object());
            next = at->find(keys[i]);
        }
        at = next;
    }
    at->set(keys.back(), std::move(value));
}

bool ConfigDocument::erase(std::string_view path) {
    auto keys = keys_of(path);
    if (keys.empty()) return false;
    const std::string last = std::move(keys.back());
    keys.pop_back();
    Json* parent = find_mutable(root_, keys);
    return parent != nullptr && parent->erase(last);
}

void ConfigDocument::rename_key(std::string_view parent_path, std::string_view from, std::string_view to) {
    Json* parent = find_mutable(root_, keys_of(parent_path));
    if (parent == nullptr || !parent->is_object()) return;
    Json::Object members = parent->members();
    for (Json::Member& member : members)
        if (member.first == from) member.first = to;
    *parent = Json::from_members(std::move(members));
}

std::string ConfigDocument::place(std::size_t line, std::size_t column) const {
    return fmt::format("{}:{}:{}", short_name(file_), line, column);
}

std::string ConfigDocument::place_of_value(std::string_view slash_path) const {
    const auto position = locate_json(text_, slash_path);
    return position ? place(position->line, position->column) : short_name(file_);
}

std::string ConfigDocument::place_of_key(std::string_view slash_path) const {
    const auto value = locate_json(text_, slash_path);
    if (!value) return short_name(file_);
    // Backwards from the value to its key. A line is enough: keys and values rarely stand apart, and then the value's
    // own place is good enough.
    const std::string key = "\"" + std::string(slash_path.substr(slash_path.rfind('/') + 1)) + "\"";
    std::size_t line_start = 0;
    for (std::size_t line = 1; line < value->line; ++line) line_start = text_.find('\n', line_start) + 1;
    const std::size_t line_end = std::min(text_.find('\n', line_start), text_.size());
    const std::string_view line = std::string_view(text_).substr(line_start, line_end - line_start);
    const std::size_t at = line.rfind(key, value->column - 1);
    if (at == std::string_view::npos) return place(value->line, value->column);
    std::size_t column = 1;
    for (const char c : line.substr(0, at))
        if ((static_cast<unsigned char>(c) & 0xc0) != 0x80) ++column;
    return place(value->line, column);
}

Status ConfigDocument::save(Comments comments) {
    if (comments == Comments::keep && has_comments())
        return fail(Errc::refused, "rewrite " + file_, "it has // comments, which would be lost (\"_comment\" members are kept)");
    const std::string folder = std::filesystem::path(file_).parent_path().string();
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error) return fail(error_from_errno(error.value(), "create " + folder));
    auto now = read_text(file_);
    if (!now && now.error().code != Errc::not_found) return fail(std::move(now).error());
    if (now.has_value() != exists_ || (now && *now != text_))
        return fail(Errc::changed, "save " + file_, "somebody else changed it meanwhile; repeat the command");
    if (exists_) ORACX_TRYV(replace(file_ + ".bak", text_));
    const std::string text = root_.dump_pretty();
    ORACX_TRYV(replace(file_, text));
    ORACX_TRYV(sync_folder(folder));
    text_ = text;
    exists_ = true;
    return {};
}

}  // namespace oracxfs
