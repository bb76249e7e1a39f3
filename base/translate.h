#pragma once
// What people read, in their language.
//
// The program thinks in English: errors, events, logs and JSON are English wherever they travel. Only what is shown to
// a person is translated, at the moment it is shown: texts that stand in the source by tr(), and sentences that were put
// together somewhere else (an error that came from a provider or from the daemon) by tr_sentence(), which finds out of
// which text they were made and keeps the values in them.
//
// The texts are GNU gettext catalogues (po/*.po). They are read by this program itself, not by the C library: that one
// answers in English on every machine whose administrator did not generate the locale. Which literals are texts is
// found by scripts/extract_texts.py.
//
// Threads: everything here may be called from any. The catalogue is set once at the start and never changes.

#include <fmt/format.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

// Marks a literal that is translated somewhere else, by a variable.
#define ORACX_TEXT(literal) literal

namespace oracxfs {

class TextCatalogue {
  public:
    enum class Letters : std::uint8_t { all, ascii };

    // Reads a compiled catalogue (.mo). With Letters::ascii its letters lose their accents, for terminals without UTF-8.
    // Errors: invalid, when it is damaged or of a form that is not known here. Reads nothing beyond `bytes`.
    static Result<TextCatalogue> parse(std::string_view bytes, Letters letters = Letters::all);

    [[nodiscard]] const std::string& language() const { return language_; }  // "fr"
    // Between the digits of 1.5.
    [[nodiscard]] const std::string& decimal_point() const { return decimal_point_; }
    // The translation; nullptr when there is none. Of a text with two forms: the one for `count`.
    [[nodiscard]] const std::string* find(std::string_view english, std::uint64_t count = 1) const;
    // The translation of a sentence that was made of a text and values; the sentence itself when it is of no known text.
    [[nodiscard]] std::string sentence(std::string_view english) const;
    // The same, but only for what is one known text as a whole, of two words or more: results may hold anything.
    // At least `weight_min` characters of it must be the text's own.
    [[nodiscard]] std::string line(std::string_view english, std::size_t weight_min) const;

    struct Entry {
        std::string english;               // "{} files"
        std::vector<std::string> forms;    // one, or one for each form of the number
        std::string english_plural;        // "" when there is one form
    };
    // All texts, in the order of the catalogue.
    [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }

  private:
    // A text with places for values: what stands between them, and which value belongs where.
    struct Pattern {
        std::size_t entry = 0;
        std::size_t form = 0;
        std::vector<std::string> between;  // one more than places
        std::vector<std::size_t> places;
        std::size_t weight = 0;            // letters that must fit
    };

    Status read_header(const std::string& header);
    void add_pattern(std::size_t entry, std::size_t form, const std::string& english);
    [[nodiscard]] std::string sentence(std::string_view english, int depth) const;
    [[nodiscard]] std::string whole(std::string_view english, int depth, std::size_t weight_min) const;  // "" when it is of no known text

    std::string language_;
    std::string decimal_point_ = ".";
    bool zero_is_singular_ = false;
    std::vector<Entry> entries_;
    std::map<std::string, std::size_t, std::less<>> by_english_;
    std::vector<Pattern> patterns_;
};

// What tr() and its kin use from now on; nullptr: English.
void install_texts(std::shared_ptr<const TextCatalogue> texts);
std::shared_ptr<const TextCatalogue> installed_texts();

// A text of the source: tr("Providers").
std::string tr(std::string_view english);
// The form that fits the number: ntr("file", "files", count).
std::string ntr(std::string_view singular, std::string_view plural, std::uint64_t count);
// A sentence that was put together elsewhere: tr_sentence(error.message).
std::string tr_sentence(std::string_view english);
// The same for each line of a text; how far lines are indented stays.
std::string tr_lines(std::string_view english);
// The result of a command: one sentence, or several lines of which only longer texts are taken for such.
std::string tr_result(std::string_view english);

// The translation may order the values anew: "{1} of {0}". A wrong one is not used.
template <class... Args>
std::string trf(fmt::format_string<Args...> english, Args&&... args) {
    const fmt::string_view source = english;
    try {
        return fmt::vformat(tr({source.data(), source.size()}), fmt::make_format_args(args...));
    } catch (const fmt::format_error&) {
        return fmt::vformat(source, fmt::make_format_args(args...));
    }
}
// ntrf("{} file", "{} files", count, count)
template <class... Args>
std::string ntrf(fmt::format_string<Args...> singular, fmt::format_string<Args...> plural, std::uint64_t count, Args&&... args) {
    const fmt::string_view one = singular, many = plural;
    try {
        return fmt::vformat(ntr({one.data(), one.size()}, {many.data(), many.size()}, count), fmt::make_format_args(args...));
    } catch (const fmt::format_error&) {
        return fmt::vformat(count == 1 ? one : many, fmt::make_format_args(args...));
    }
}

// A place for a value in a text: "{}", "{1}", "{:>8}".
struct TextPlace {
    std::size_t begin = 0, end = 0;  // in the text
    std::size_t number = 0;          // of the value
};
std::vector<TextPlace> places_in(std::string_view text);

}  // namespace oracxfs
