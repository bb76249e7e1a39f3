#pragma once
// The project's own files, as text, for rules that a compiler does not check.

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace oracxfs::test {

struct SourceFile {
    std::string path;  // from the root of the project: "base/disk.cpp"
    std::string text;
    std::string code;  // text with comments, strings and characters blanked out; lines stay where they are
};

// C++ without comments and literals, of the same length and with the same lines.
inline std::string code_only(std::string_view text) {
    std::string code(text);
    const auto blank = [&](std::size_t from, std::size_t to) {
        for (std::size_t i = from; i < std::min(to, code.size()); ++i)
            if (code[i] != '\n') code[i] = ' ';
    };
    const auto end_of_literal = [&](std::size_t at) {
        const char quote = text[at];
        for (++at; at < text.size() && text[at] != quote && text[at] != '\n'; ++at)
            if (text[at] == '\\') ++at;
        return at + 1;
    };
    const auto is_digit_or_letter = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; };
    for (std::size_t at = 0; at < text.size();) {
        std::size_t end = at + 1;
        if (text.substr(at, 2) == "//") {
            end = std::min(text.find('\n', at), text.size());
            blank(at, end);
        } else if (text.substr(at, 2) == "/*") {
            end = text.find("*/", at + 2);
            end = end == std::string_view::npos ? text.size() : end + 2;
            blank(at, end);
        } else if (text.substr(at, 2) == "R\"") {
            const std::size_t open = text.find('(', at);
            const std::string close = ")" + std::string(text.substr(at + 2, open - at - 2)) + "\"";
            end = std::min(text.find(close, open), text.size() - close.size()) + close.size();
            blank(at + 1, end);
        } else if (text[at] == '"') {
            end = end_of_literal(at);
            blank(at + 1, end - 1);
        } else if (text[at] == '\'' && (at == 0 || !is_digit_or_letter(text[at - 1]))) {
            end = end_of_literal(at);
            blank(at + 1, end - 1);
        }
        at = end;
    }
    return code;
}

// Every file of the project that people write, without what tools make.
inline std::vector<SourceFile> read_source_tree(const std::filesystem::path& root) {
    namespace stdfs = std::filesystem;
    std::vector<SourceFile> files;
    for (auto entry = stdfs::recursive_directory_iterator(root); entry != stdfs::recursive_directory_iterator();
         ++entry) {
        const std::string name = entry->path().filename().string();
        const bool made_by_tools = name == ".git" || name == "__pycache__" || name == "node_modules" ||
                                   name == ".cache" || name == "compile_commands.json" ||
                                   (entry.depth() == 0 && name.starts_with("build"));
        if (made_by_tools) {
            entry.disable_recursion_pending();
            continue;
        }
        if (!entry->is_regular_file() || entry->is_symlink()) continue;
        std::ifstream stream(entry->path(), std::ios::binary);
        std::stringstream content;
        content << stream.rdbuf();
        SourceFile file{stdfs::relative(entry->path(), root).generic_string(), content.str(), {}};
        if (file.path.ends_with(".cpp") || file.path.ends_with(".h")) file.code = code_only(file.text);
        files.push_back(std::move(file));
    }
    return files;
}

inline bool is_in(const std::string& path, std::string_view folder) { return path.starts_with(folder); }

inline bool is_product_code(const SourceFile& file) {
    if (file.code.empty()) return false;
    for (const char* layer : {"base/", "providers/", "cache/", "fs/", "tools/"})
        if (is_in(file.path, layer)) return true;
    return false;
}

// "path:line: the line" for every line of `text` that `matches`.
template <class Matches>
std::vector<std::string> lines_with(const std::string& path, const std::string& text, Matches matches) {
    std::vector<std::string> found;
    std::istringstream stream(text);
    std::size_t number = 0;
    for (std::string line; std::getline(stream, line);) {
        ++number;
        if (matches(line)) found.push_back(path + ":" + std::to_string(number) + ": " + line);
    }
    return found;
}

struct Include {
    std::string header;
    bool quoted = false;
    std::size_t line = 0;
};

inline std::vector<Include> includes_of(const std::string& text) {
    std::vector<Include> includes;
    std::istringstream stream(text);
    std::size_t number = 0;
    for (std::string line; std::getline(stream, line);) {
        ++number;
        if (!line.starts_with("#include ")) continue;
        const std::size_t open = line.find_first_of("<\"");
        const std::size_t close = open == std::string::npos ? open : line.find_first_of(">\"", open + 1);
        if (close == std::string::npos) continue;
        includes.push_back({line.substr(open + 1, close - open - 1), line[open] == '"', number});
    }
    return includes;
}

}  // namespace oracxfs::test
