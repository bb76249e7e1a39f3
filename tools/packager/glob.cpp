#include "tools/packager/glob.h"

#include <algorithm>
#include <cstddef>

namespace oracxfs {
namespace {

constexpr std::size_t npos = std::string_view::npos;

struct Token {
    enum class Kind { one, star, double_star, folders } kind;
    std::string_view text;  // of `one`: a character, "?", "\\x" or "[...]"
};

Token next_token(std::string_view& pattern) {
    const auto take = [&](Token::Kind kind, std::size_t count) {
        const Token token{kind, pattern.substr(0, count)};
        pattern.remove_prefix(count);
        return token;
    };
    if (pattern.starts_with("**")) {
        while (pattern.starts_with("***")) pattern.remove_prefix(1);
        return pattern.starts_with("**/") ? take(Token::Kind::folders, 3) : take(Token::Kind::double_star, 2);
    }
    if (pattern.front() == '*') return take(Token::Kind::star, 1);
    if (pattern.front() == '\\' && pattern.size() > 1) return take(Token::Kind::one, 2);
    const std::size_t close = pattern.front() == '[' ? pattern.find(']', 2) : npos;
    return take(Token::Kind::one, close == npos ? 1 : close + 1);  // a '[' that nobody closes is a character
}

bool fits_set(std::string_view set, char c) {
    const bool negated = set.front() == '!' || set.front() == '^';
    if (negated) set.remove_prefix(1);
    bool found = false;
    while (!set.empty()) {
        const bool range = set.size() >= 3 && set[1] == '-';
        const auto low = static_cast<unsigned char>(set[0]), high = static_cast<unsigned char>(range ? set[2] : set[0]);
        const auto value = static_cast<unsigned char>(c);
        found = found || (value >= low && value <= high);
        set.remove_prefix(range ? 3 : 1);
    }
    return found != negated && c != '/';
}

bool fits_one(std::string_view wanted, char c) {
    if (wanted.size() > 2 && wanted.front() == '[') return fits_set(wanted.substr(1, wanted.size() - 2), c);
    if (wanted.size() == 2) return wanted[1] == c;
    return wanted == "?" ? c != '/' : wanted[0] == c;
}

}  // namespace

// All places of the pattern where the text so far may have arrived, character by character: no pattern is slow.
bool glob_matches(std::string_view pattern, std::string_view text) {
    std::vector<Token> tokens;
    while (!pattern.empty()) tokens.push_back(next_token(pattern));
    std::vector<char> here(tokens.size() + 1), next(tokens.size() + 1);
    here[0] = 1;
    for (std::size_t at = 0;; ++at) {
        // What may stand for nothing is passed at once; "**/" only where a part of the path begins.
        const bool begins = at == 0 || text[at - 1] == '/';
        for (std::size_t i = 0; i < tokens.size(); ++i)
            if (here[i] != 0 && tokens[i].kind != Token::Kind::one && (tokens[i].kind != Token::Kind::folders || begins)) here[i + 1] = 1;
        if (at == text.size()) return here.back() != 0;
        std::fill(next.begin(), next.end(), char{0});
        const char c = text[at];
        for (std::size_t i = 0; i < tokens.size(); ++i) {
            if (here[i] == 0) continue;
            if (tokens[i].kind == Token::Kind::one) {
                if (fits_one(tokens[i].text, c)) next[i + 1] = 1;
            } else if (tokens[i].kind != Token::Kind::star || c != '/') {
                next[i] = 1;
            }
        }
        here.swap(next);
    }
}

GlobList::GlobList(const std::vector<std::string>& patterns) {
    for (std::string_view pattern : patterns) {
        Glob glob;
        glob.folders_only = pattern.size() > 1 && pattern.ends_with('/');
        if (glob.folders_only) pattern.remove_suffix(1);
        glob.whole_path = pattern.find('/') != npos;
        if (pattern.starts_with('/')) pattern.remove_prefix(1);
        glob.pattern = pattern;
        globs_.push_back(std::move(glob));
    }
}

bool GlobList::matches(std::string_view path, bool is_folder) const {
    const std::size_t slash = path.rfind('/');
    const std::string_view last = slash == npos ? path : path.substr(slash + 1);
    return std::any_of(globs_.begin(), globs_.end(), [&](const Glob& glob) {
        return (is_folder || !glob.folders_only) && glob_matches(glob.pattern, glob.whole_path ? path : last);
    });
}

}  // namespace oracxfs
