#include "base/translate.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <mutex>

#include "base/text_measures.h"

namespace oracxfs {
namespace {

constexpr std::uint32_t kMagic = 0x950412de;
constexpr std::size_t kTextsMax = 100'000;
constexpr std::size_t kLettersMin = 3;
constexpr std::size_t kLineWeightMin = 14;  // of a sentence among other lines
constexpr int kNestingMax = 6;  // "a: b: c"

tl::unexpected<Error> damaged(std::string why) { return fail(Errc::invalid, "read the translations", std::move(why)); }

// A .mo file: two tables of (length, offset), one for the msgids, one for the msgstrs, in the byte order of x86.
class MoReader {
  public:
    explicit MoReader(std::string_view bytes) : bytes_(bytes) {}

    [[nodiscard]] std::uint32_t number(std::size_t at) const {
        if (at > bytes_.size() || bytes_.size() - at < 4) return 0;
        std::uint32_t value = 0;
        for (std::size_t i = 4; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes_[at + i]);
        return value;
    }
    Result<std::string_view> text(std::size_t table, std::size_t index) const {
        const std::size_t row = table + index * 8;
        const std::size_t length = number(row), offset = number(row + 4);
        if (row > bytes_.size() || offset > bytes_.size() || length >= bytes_.size() - offset) return damaged("a text lies outside of the file");
        return bytes_.substr(offset, length);
    }

  private:
    const std::string_view bytes_;
};

std::vector<std::string> split_zeros(std::string_view text) {
    std::vector<std::string> parts;
    for (;;) {
        const std::size_t end = std::min(text.find('\0'), text.size());
        parts.emplace_back(text.substr(0, end));
        if (end == text.size()) return parts;
        text.remove_prefix(end + 1);
    }
}

std::string header_field(const std::string& header, const std::string& name) {
    const std::size_t at = ("\n" + header).find("\n" + name + ": ");
    if (at == std::string::npos) return {};
    const std::size_t begin = at + name.size() + 2;
    return header.substr(begin, header.find('\n', begin) - begin);
}

struct Folding {
    std::string_view letter, ascii;
};
constexpr std::array kFoldings = {
    Folding{"à", "a"}, Folding{"â", "a"}, Folding{"ä", "a"}, Folding{"ç", "c"}, Folding{"é", "e"}, Folding{"è", "e"}, Folding{"ê", "e"},
    Folding{"ë", "e"}, Folding{"î", "i"}, Folding{"ï", "i"}, Folding{"ô", "o"}, Folding{"ö", "o"}, Folding{"ù", "u"}, Folding{"û", "u"},
    Folding{"ü", "u"}, Folding{"œ", "oe"}, Folding{"À", "A"}, Folding{"Ç", "C"}, Folding{"É", "E"}, Folding{"È", "E"}, Folding{"Ê", "E"},
    Folding{"Î", "I"}, Folding{"Ô", "O"}, Folding{"«", "\""}, Folding{"»", "\""}, Folding{"’", "'"}, Folding{"–", "-"}, Folding{"—", "-"},
    Folding{"…", "..."}, Folding{"·", "-"}, Folding{"×", "x"}, Folding{"\u00a0", " "}, Folding{"\u202f", " "},
};

std::string without_accents(std::string_view text) {
    std::string folded;
    for (std::size_t i = 0; i < text.size();) {
        const std::string_view rest = text.substr(i);
        const auto fold = std::find_if(kFoldings.begin(), kFoldings.end(), [&](const Folding& f) { return rest.starts_with(f.letter); });
        if (fold != kFoldings.end()) {
            folded += fold->ascii;
            i += fold->letter.size();
            continue;
        }
        const auto byte = static_cast<unsigned char>(text[i++]);
        if (byte < 0x80) folded += static_cast<char>(byte);
        else if (byte >= 0xc0) folded += '?';  // one for a character
    }
    // Quotes stand close to what they quote, other than « ».
    for (std::size_t at = 0; (at = folded.find("\" ", at)) != std::string::npos; ++at)
        if (std::count(folded.begin(), folded.begin() + static_cast<std::ptrdiff_t>(at), '"') % 2 == 0) folded.erase(at + 1, 1);
    for (std::size_t at = 0; (at = folded.find(" \"", at)) != std::string::npos; ++at)
        if (std::count(folded.begin(), folded.begin() + static_cast<std::ptrdiff_t>(at) + 1, '"') % 2 == 1) folded.erase(at, 1);
    return folded;
}

std::mutex g_mutex;
std::shared_ptr<const TextCatalogue> g_texts;  // guarded by g_mutex; what it points to never changes

}  // namespace

std::vector<TextPlace> places_in(std::string_view text) {
    std::vector<TextPlace> places;
    for (std::size_t at = 0; (at = text.find('{', at)) != std::string_view::npos; ++at) {
        std::size_t end = at + 1, number = places.size();
        if (end < text.size() && text[end] >= '0' && text[end] <= '9') number = 0;
        while (end < text.size() && text[end] >= '0' && text[end] <= '9') number = number * 10 + static_cast<std::size_t>(text[end++] - '0');
        if (end < text.size() && text[end] == ':')
            while (end < text.size() && text[end] != '}' && text[end] != '{') ++end;
        if (end >= text.size() || text[end] != '}') continue;
        places.push_back({at, end + 1, number});
        at = end;
    }
    return places;
}

Status TextCatalogue::read_header(const std::string& header) {
    language_ = header_field(header, "Language");
    if (language_.empty()) return damaged("it does not name its language");
    if (header_field(header, "Content-Type") != "text/plain; charset=UTF-8") return damaged("it is not in UTF-8");
    if (const std::string point = header_field(header, "X-Decimal-Point"); !point.empty()) decimal_point_ = point;
    const std::string plural = header_field(header, "Plural-Forms");
    zero_is_singular_ = plural == "nplurals=2; plural=(n > 1);";
    if (!zero_is_singular_ && plural != "nplurals=2; plural=(n != 1);") return damaged("its rule for plurals is not known: " + plural);
    return {};
}

void TextCatalogue::add_pattern(std::size_t entry, std::size_t form, const std::string& english) {
    const auto places = places_in(english);
    if (places.empty()) return;
    Pattern pattern;
    pattern.entry = entry;
    pattern.form = form;
    std::size_t at = 0;
    for (const TextPlace& place : places) {
        pattern.between.push_back(english.substr(at, place.begin - at));
        pattern.places.push_back(place.number);
        at = place.end;
    }
    pattern.between.push_back(english.substr(at));
    std::size_t letters = 0;
    for (const std::string& part : pattern.between) {
        pattern.weight += part.size();
        letters += static_cast<std::size_t>(std::count_if(part.begin(), part.end(), [](unsigned char c) { return std::isalpha(c) != 0; }));
    }
    // What has hardly a letter, as a date, would be found in sentences of all kinds.
    if (letters >= kLettersMin) patterns_.push_back(std::move(pattern));
}

Result<TextCatalogue> TextCatalogue::parse(std::string_view bytes, Letters letters) {
    const MoReader reader(bytes);
    if (reader.number(0) != kMagic) return damaged("it is not a catalogue of this machine's kind");
    const std::size_t count = reader.number(8), english_table = reader.number(12), table = reader.number(16);
    if (count == 0 || count > kTextsMax) return damaged("it holds no texts");
    TextCatalogue catalogue;
    for (std::size_t i = 0; i < count; ++i) {
        ORACX_TRY(const std::string_view key, reader.text(english_table, i));
        ORACX_TRY(const std::string_view value, reader.text(table, i));
        if (key.empty()) {
            ORACX_TRYV(catalogue.read_header(std::string(value)));
            continue;
        }
        auto ids = split_zeros(key);
        Entry entry{std::move(ids[0]), split_zeros(value), ids.size() > 1 ? std::move(ids[1]) : std::string()};
        if (entry.forms.size() != (entry.english_plural.empty() ? 1u : 2u)) return damaged("the forms of \"" + entry.english + "\" do not fit");
        if (letters == Letters::ascii)
            for (std::string& form : entry.forms) form = without_accents(form);
        const std::size_t index = catalogue.entries_.size();
        catalogue.add_pattern(index, 0, entry.english);
        if (!entry.english_plural.empty()) catalogue.add_pattern(index, 1, entry.english_plural);
        catalogue.by_english_.emplace(entry.english, index);
        catalogue.entries_.push_back(std::move(entry));
    }
    if (catalogue.language_.empty()) return damaged("it has no header");
    // The text of which most is fixed explains a sentence best.
    std::stable_sort(catalogue.patterns_.begin(), catalogue.patterns_.end(), [](const Pattern& a, const Pattern& b) { return a.weight > b.weight; });
    return catalogue;
}

const std::string* TextCatalogue::find(std::string_view english, std::uint64_t count) const {
    const auto found = by_english_.find(english);
    if (found == by_english_.end()) return nullptr;
    const Entry& entry = entries_[found->second];
    const bool singular = count == 1 || (count == 0 && zero_is_singular_);
    return &entry.forms[singular ? 0 : entry.forms.size() - 1];
}

namespace {

// The values in `text` when it is made of `between`; each as short as it can be.
bool take_apart(std::string_view text, const std::vector<std::string>& between, std::vector<std::string_view>& values) {
    values.clear();
    if (!text.starts_with(between.front())) return false;
    std::size_t at = between.front().size();
    for (std::size_t i = 1; i < between.size(); ++i) {
        const std::string& part = between[i];
        const bool last = i + 1 == between.size();
        std::size_t next = 0;
        if (last) {
            if (text.size() < at + part.size() || !text.ends_with(part)) return false;
            next = text.size() - part.size();
        } else {
            next = text.find(part, at + 1);  // a value has at least one character
            if (next == std::string_view::npos) return false;
        }
        if (next == at) return false;
        values.push_back(text.substr(at, next - at));
        at = next + part.size();
    }
    return true;
}

}  // namespace

std::string TextCatalogue::whole(std::string_view english, int depth, std::size_t weight_min) const {
    if (const std::string* exact = find(english)) return *exact;
    std::vector<std::string_view> values;
    for (const Pattern& pattern : patterns_) {
        if (pattern.weight < weight_min) break;  // they are in the order of weight
        if (!take_apart(english, pattern.between, values)) continue;
        const Entry& entry = entries_[pattern.entry];
        std::vector<std::string> shown(*std::max_element(pattern.places.begin(), pattern.places.end()) + 1);
        for (std::size_t i = 0; i < values.size(); ++i) {
            // Behind a colon stands a sentence of its own: "the test failed: connect to nas: no route". Anything else is
            // a name that must stay as it is, or a measure.
            const bool last = i + 1 == values.size() && pattern.between.back().empty();
            const std::size_t colon = last ? values[i].find(": ") : std::string_view::npos;
            if (last && pattern.between[i].ends_with(": "))
                shown[pattern.places[i]] = sentence(values[i], depth + 1);
            else if (colon != std::string_view::npos)
                shown[pattern.places[i]] = localized_measure(values[i].substr(0, colon), *this) + ": " + sentence(values[i].substr(colon + 2), depth + 1);
            else
                shown[pattern.places[i]] = localized_measure(values[i], *this);
        }
        const std::string& form = entry.forms[std::min(pattern.form, entry.forms.size() - 1)];
        std::string text;
        std::size_t at = 0;
        for (const TextPlace& place : places_in(form)) {
            text += form.substr(at, place.begin - at);
            if (place.number < shown.size()) text += shown[place.number];
            at = place.end;
        }
        return text + form.substr(at);
    }
    return {};
}

std::string TextCatalogue::sentence(std::string_view english, int depth) const {
    if (english.empty() || depth > kNestingMax) return std::string(english);
    if (std::string text = whole(english, depth, 0); !text.empty()) return text;
    // As errors are written into one line: "E-VERIFY compare: it differs", "compare: it differs [E-VERIFY]".
    if (const std::size_t code = english.rfind(" [E-"); code != std::string_view::npos && english.back() == ']')
        return sentence(english.substr(0, code), depth + 1) + std::string(english.substr(code));
    if (const std::size_t blank = english.find(' '); english.starts_with("E-") && blank != std::string_view::npos)
        return std::string(english.substr(0, blank + 1)) + sentence(english.substr(blank + 1), depth + 1);
    // The state that follows from it may stand in front: "offline E-UNAVAILABLE it is gone".
    if (const std::size_t blank = english.find(' '); blank != std::string_view::npos && english.substr(blank + 1).starts_with("E-"))
        if (const std::string* const state = find(english.substr(0, blank))) return *state + " " + sentence(english.substr(blank + 1), depth + 1);
    // Errors collect where they came through: "vault: put x".
    const std::size_t colon = english.find(": ");
    if (colon == std::string_view::npos) return localized_measure(english, *this);
    const std::string_view rest = english.substr(colon + 2);
    const std::string_view head = english.substr(0, colon);
    const std::string* const exact = find(head);
    return (exact != nullptr ? *exact : head.find(' ') == std::string_view::npos ? std::string(head) : sentence(head, depth + 1)) + ": " + sentence(rest, depth + 1);
}

std::string TextCatalogue::sentence(std::string_view english) const { return sentence(english, 0); }

std::string TextCatalogue::line(std::string_view english, std::size_t weight_min) const {
    // A single word may be a value that somebody asked for.
    std::string text = english.find(' ') == std::string_view::npos ? std::string() : whole(english, 0, weight_min);
    return text.empty() ? std::string(english) : text;
}

void install_texts(std::shared_ptr<const TextCatalogue> texts) {
    const std::lock_guard lock(g_mutex);
    g_texts = std::move(texts);
}

std::shared_ptr<const TextCatalogue> installed_texts() {
    const std::lock_guard lock(g_mutex);
    return g_texts;
}

std::string tr(std::string_view english) {
    const auto texts = installed_texts();
    const std::string* found = texts ? texts->find(english) : nullptr;
    return found != nullptr ? *found : std::string(english);
}

std::string ntr(std::string_view singular, std::string_view plural, std::uint64_t count) {
    const auto texts = installed_texts();
    const std::string* found = texts ? texts->find(singular, count) : nullptr;
    return found != nullptr ? *found : std::string(count == 1 ? singular : plural);
}

std::string tr_sentence(std::string_view english) {
    const auto texts = installed_texts();
    return texts ? texts->sentence(english) : std::string(english);
}

namespace {

template <class Translate>
std::string each_line(std::string_view english, const Translate& translate) {
    std::string text;
    while (!english.empty()) {
        const std::size_t end = std::min(english.find('\n'), english.size());
        const std::string_view line = english.substr(0, end);
        const std::size_t begin = std::min(line.find_first_not_of(' '), line.size());
        const std::size_t words = line.find_last_not_of(' ') + 1;
        text += line.substr(0, begin);
        if (begin < words) text += translate(line.substr(begin, words - begin));
        text += line.substr(std::max(begin, words));
        if (end < english.size()) text += '\n';
        english.remove_prefix(std::min(end + 1, english.size()));
    }
    return text;
}

}  // namespace

std::string tr_lines(std::string_view english) {
    const auto texts = installed_texts();
    if (!texts) return std::string(english);
    return each_line(english, [&](std::string_view line) { return texts->line(line, 0); });
}

std::string tr_result(std::string_view english) {
    const auto texts = installed_texts();
    if (!texts) return std::string(english);
    const std::size_t end = english.find('\n');
    const bool one_line = end == std::string_view::npos || end + 1 == english.size();
    return each_line(english, [&](std::string_view line) {
        // Among several lines may be names of files, which no long sentence looks like.
        if (!one_line && std::count(line.begin(), line.end(), ' ') < 2) return std::string(line);
        return texts->line(line, one_line ? 0 : kLineWeightMin);
    });
}

}  // namespace oracxfs
