#pragma once
// Finds the types that a file defines for everybody to see: two of one name in one program break it silently (the linker
// takes either).

#include <cctype>
#include <string>
#include <string_view>
#include <vector>

#include "tests/tidy/source_tree.h"

namespace oracxfs::test {

struct TypeDefinition {
    std::string name;  // with its namespaces: "oracxfs::Step"
    std::string path;
    std::size_t line = 0;
};

namespace detail {

inline std::string_view trimmed(std::string_view text) {
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())) != 0) text.remove_prefix(1);
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0) text.remove_suffix(1);
    return text;
}

// Takes the word at the front, if it is this one.
inline bool take_word(std::string_view& text, std::string_view word) {
    if (!text.starts_with(word)) return false;
    const std::string_view rest = text.substr(word.size());
    if (!rest.empty() && (std::isalnum(static_cast<unsigned char>(rest.front())) != 0 || rest.front() == '_')) return false;
    text = trimmed(rest);
    return true;
}

// Takes a balanced "<...>" or "[...]" at the front.
inline std::string_view take_bracketed(std::string_view& text, char open, char close) {
    int depth = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == open) ++depth;
        if (text[i] == close && --depth == 0) {
            const std::string_view taken = text.substr(0, i + 1);
            text = trimmed(text.substr(i + 1));
            return taken;
        }
    }
    return {};
}

inline std::string_view take_name(std::string_view& text) {
    std::size_t end = 0;
    while (end < text.size() && (std::isalnum(static_cast<unsigned char>(text[end])) != 0 || text[end] == '_' || text[end] == ':')) {
        // "A::B" goes on, "A : B" and "A: B" are a base or an underlying type.
        if (text[end] == ':' && text.substr(end, 2) != "::" && (end == 0 || text[end - 1] != ':')) break;
        ++end;
    }
    const std::string_view name = text.substr(0, end);
    text = trimmed(text.substr(end));
    return name;
}

// The name in "template <class T> class [[nodiscard]] Name<int> final : Base", "" if `head` defines no type.
inline std::string defined_name(std::string_view head) {
    head = trimmed(head);
    while (take_word(head, "template")) take_bracketed(head, '<', '>');
    const bool enumeration = take_word(head, "enum");
    const bool type = take_word(head, "class") || take_word(head, "struct") || take_word(head, "union");
    if (!enumeration && !type) return {};
    while (head.starts_with('[')) take_bracketed(head, '[', ']');
    std::string name(take_name(head));
    if (head.starts_with('<')) name += take_bracketed(head, '<', '>');
    take_word(head, "final");
    return head.empty() || head.front() == ':' ? name : std::string();  // else it is a variable or a function
}

}  // namespace detail

// Outside anonymous namespaces, functions and other types.
inline std::vector<TypeDefinition> types_defined_in(const SourceFile& file) {
    // Macros may hold half of anything.
    std::string code = file.code;
    for (std::size_t at = 0; at < code.size();) {
        std::size_t end = std::min(code.find('\n', at), code.size());
        if (detail::trimmed(std::string_view(code).substr(at, end - at)).starts_with('#')) {
            while (end < code.size() && code[end - 1] == '\\') end = std::min(code.find('\n', end + 1), code.size());
            for (std::size_t i = at; i < end; ++i)
                if (code[i] != '\n') code[i] = ' ';
        }
        at = end + 1;
    }
    std::vector<TypeDefinition> found;
    std::vector<std::string> scopes;  // of named namespaces the name and "::", else "" (nothing in it is for everybody)
    std::size_t hidden = 0;           // how many of them are ""
    std::size_t head = 0;
    for (std::size_t at = 0; at < code.size(); ++at) {
        const char c = code[at];
        if (c == '{') {
            std::string_view text = detail::trimmed(std::string_view(code).substr(head, at - head));
            std::string scope;
            detail::take_word(text, "inline");
            if (detail::take_word(text, "namespace")) {
                if (!text.empty()) scope = std::string(text) + "::";
            } else if (hidden == 0) {
                if (const std::string name = detail::defined_name(text); !name.empty()) {
                    std::string full;
                    for (const std::string& outer : scopes) full += outer;
                    const auto line = static_cast<std::size_t>(std::count(code.begin(), code.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
                    found.push_back({full + name, file.path, line + 1});
                }
            }
            hidden += scope.empty() ? 1 : 0;
            scopes.push_back(std::move(scope));
        } else if (c == '}' && !scopes.empty()) {
            hidden -= scopes.back().empty() ? 1 : 0;
            scopes.pop_back();
        }
        if (c == '{' || c == '}' || c == ';') head = at + 1;
    }
    return found;
}

}  // namespace oracxfs::test
