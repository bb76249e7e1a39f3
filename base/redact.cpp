// What must not be printed: values that were registered, and what looks like a secret by the words around it.

#include <algorithm>
#include <cctype>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <vector>

#include "base/log.h"

namespace oracxfs::log {
namespace {

constexpr std::string_view kStars = "***";
constexpr std::size_t kSecretBytesMin = 6;
constexpr std::size_t npos = std::string_view::npos;

struct Secrets {
    std::shared_mutex mutex;
    std::vector<std::string> values;  // the longest first, so that none hides behind a part of itself
};

// Never destroyed, as the logger.
Secrets& secrets() {
    static Secrets& instance = *std::make_unique<Secrets>().release();
    return instance;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '.'; }

bool is_quote(char c) { return c == '"' || c == '\''; }

bool starts_with_word(std::string_view text, std::size_t at, std::string_view word) {
    if (text.size() - at < word.size()) return false;
    for (std::size_t i = 0; i < word.size(); ++i)
        if (lower(text[at + i]) != word[i]) return false;
    return true;
}

bool names_secret(std::string_view key) {
    std::string folded(key);
    std::transform(folded.begin(), folded.end(), folded.begin(), lower);
    for (const std::string_view word :
         {"password", "passwd", "passphrase", "secret", "token", "authorization"})
        if (folded.find(word) != std::string::npos) return true;
    return false;
}

std::size_t skip_spaces(std::string_view text, std::size_t at) {
    while (at < text.size() && (text[at] == ' ' || text[at] == '\t')) ++at;
    return at;
}

// The end of a quoted string whose opening quote is at `at`: the place of the closing quote.
std::size_t closing_quote(std::string_view text, std::size_t at) {
    const char quote = text[at];
    for (++at; at < text.size() && text[at] != quote; ++at)
        if (text[at] == '\\') ++at;
    return std::min(at, text.size());
}

std::size_t end_of_bare_value(std::string_view text, std::size_t at, std::string_view ends) {
    return std::min(text.find_first_of(ends, at), text.size());
}

// One pass over a text; `out` holds what may be printed of everything before `at`.
class Scanner {
  public:
    explicit Scanner(std::string_view text) : text_(text) { out_.reserve(text.size()); }

    std::string run() {
        while (at_ < text_.size()) {
            if (is_word(text_[at_]))
                word();
            else if (text_.substr(at_, 3) == "://")
                user_info();
            else
                keep(1);
        }
        return std::move(out_);
    }

  private:
    void keep(std::size_t count) {
        out_ += text_.substr(at_, count);
        at_ = std::min(at_ + count, text_.size());
    }

    void keep_until(std::size_t end) { keep(end - at_); }

    void hide_until(std::size_t end) {
        out_ += kStars;
        at_ = end;
    }

    void hide_value(std::string_view bare_ends) {
        if (at_ >= text_.size()) return;
        if (const std::string_view opening = text_.substr(at_, 2);
            opening == "\\\"" || opening == "\\'") {
            keep(2);  // JSON inside a JSON string: the quotes themselves are escaped
            hide_until(std::min(text_.find(opening, at_), text_.size()));
        } else if (is_quote(text_[at_])) {
            const std::size_t end = closing_quote(text_, at_);
            keep(1);
            hide_until(std::max(end, at_));
        } else if (const std::size_t end = end_of_bare_value(text_, at_, bare_ends); end > at_) {
            hide_until(end);
        }
    }

    void word() {
        std::size_t end = at_;
        while (end < text_.size() && is_word(text_[end])) ++end;
        const std::string_view key = text_.substr(at_, end - at_);
        const bool quoted_before = at_ > 0 && is_quote(text_[at_ - 1]);
        keep(key.size());
        if (const std::size_t value = skip_spaces(text_, at_); value > at_ && is_scheme(key)) {
            keep_until(value);
            hide_value(" \t\r\n,;\"'");
            return;
        }
        if (!names_secret(key)) return;
        if (quoted_before && at_ < text_.size() && text_[at_] == '\\') keep(1);
        if (quoted_before && at_ < text_.size() && is_quote(text_[at_]))
            quoted_key();
        else
            bare_key(key);
    }

    // "Basic" and "Digest" are also words of plain English: only a header's key in front tells them apart.
    static bool is_scheme(std::string_view word) {
        return word.size() == 6 && starts_with_word(word, 0, "bearer");
    }

    // "access_token" : "value" — the closing quote of the key comes next. Numbers and bare words are values too.
    void quoted_key() {
        const std::size_t colon = skip_spaces(text_, at_ + 1);
        if (colon >= text_.size() || (text_[colon] != ':' && text_[colon] != '=')) return;
        keep_until(skip_spaces(text_, colon + 1));
        hide_value(",}] \t\r\n");
    }

    // token=value, and "Authorization: scheme value" up to the end of the line.
    void bare_key(std::string_view key) {
        const std::size_t separator = skip_spaces(text_, at_);
        if (separator >= text_.size()) return;
        if (text_[separator] == '=') {
            keep_until(skip_spaces(text_, separator + 1));
            hide_value(" \t\r\n&,;\"')}]");
        } else if (text_[separator] == ':' && key.size() >= 13 &&
                   starts_with_word(key, key.size() - 13, "authorization")) {
            keep_until(skip_spaces(text_, separator + 1));
            hide_value("\r\n\"'");
        }
    }

    // scheme://user:password@host
    void user_info() {
        keep(3);
        const std::size_t end = end_of_bare_value(text_, at_, "/ \t\r\n?#\"'");
        const std::size_t host = text_.substr(0, end).rfind('@');
        if (host == npos || host < at_) return;
        const std::size_t colon = text_.find(':', at_);
        if (colon >= host) return;
        keep_until(colon + 1);
        hide_until(host);
    }

    const std::string_view text_;
    std::size_t at_ = 0;
    std::string out_;
};

// As it would stand in a URL or a form.
std::string percent_encoded(std::string_view text) {
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    std::string encoded;
    for (const char c : text) {
        if (std::isalnum(static_cast<unsigned char>(c)) != 0 || std::string_view("-_.~").find(c) != npos) {
            encoded += c;
            continue;
        }
        encoded += '%';
        encoded += kDigits[static_cast<unsigned char>(c) >> 4];
        encoded += kDigits[static_cast<unsigned char>(c) & 15];
    }
    return encoded;
}

void remember(std::vector<std::string>& values, std::string_view secret) {
    if (std::find(values.begin(), values.end(), secret) != values.end()) return;
    const auto place = std::find_if(values.begin(), values.end(),
                                    [&](const std::string& value) { return value.size() < secret.size(); });
    values.emplace(place, secret);
}

void hide_registered(std::string& text) {
    Secrets& known = secrets();
    const std::shared_lock lock(known.mutex);
    for (const std::string& value : known.values)
        for (std::size_t at = text.find(value); at != std::string::npos;
             at = text.find(value, at + kStars.size()))
            text.replace(at, value.size(), kStars);
}

}  // namespace

void redact_value(std::string_view secret) {
    if (secret.size() < kSecretBytesMin) return;
    Secrets& known = secrets();
    const std::unique_lock lock(known.mutex);
    remember(known.values, secret);
    remember(known.values, percent_encoded(secret));
}

std::string redact(std::string_view text) {
    std::string safe(text);
    hide_registered(safe);
    return Scanner(safe).run();
}

}  // namespace oracxfs::log
