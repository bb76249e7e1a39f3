#include "base/text_measures.h"

#include <algorithm>
#include <array>

#include "base/translate.h"

namespace oracxfs {
namespace {

constexpr std::array kUnits = {
    ORACX_TEXT("KiB"), ORACX_TEXT("MiB"), ORACX_TEXT("GiB"), ORACX_TEXT("TiB"), ORACX_TEXT("PiB"), ORACX_TEXT("EiB"), ORACX_TEXT("min"), ORACX_TEXT("ms"),
    ORACX_TEXT("B"),   ORACX_TEXT("s"),   ORACX_TEXT("h"),   ORACX_TEXT("d"),   ORACX_TEXT("bytes"),
};

bool is_number(std::string_view word) {
    std::size_t points = 0;
    for (const char c : word) {
        if (c == '.') ++points;
        else if (c < '0' || c > '9') return false;
    }
    return !word.empty() && points < 2 && word.front() != '.' && word.back() != '.';
}

std::string number(std::string_view word, const TextCatalogue& texts) {
    std::string shown(word);
    if (const std::size_t point = shown.find('.'); point != std::string::npos) shown.replace(point, 1, texts.decimal_point());
    return shown;
}

std::string translation(std::string_view word, const TextCatalogue& texts) {
    const std::string* found = texts.find(word);
    return found != nullptr ? *found : std::string(word);
}

}  // namespace

std::string localized_measure(std::string_view text, const TextCatalogue& texts) {
    std::string_view rest = text;
    bool ago = false;
    if (rest == "just now") return translation(ORACX_TEXT("just now"), texts);
    if (rest.ends_with(" ago")) {
        ago = true;
        rest.remove_suffix(4);
    }
    std::string per;
    if (rest.ends_with("/s")) {
        per = "/s";
        rest.remove_suffix(2);
    }
    std::string shown;
    bool wants_number = true;
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find(' '), rest.size());
        const std::string_view word = rest.substr(0, end);
        if (wants_number ? !is_number(word) : std::find(kUnits.begin(), kUnits.end(), word) == kUnits.end()) return std::string(text);
        shown += (shown.empty() ? "" : " ") + (wants_number ? number(word, texts) : translation(word, texts));
        wants_number = !wants_number;
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    // A number alone may be anything: a version, a port, an address. It stays as it is.
    if (!wants_number || shown.empty()) return std::string(text);
    shown += per;
    if (!ago) return shown;
    std::string sentence = translation(ORACX_TEXT("{} ago"), texts);
    if (const std::size_t place = sentence.find("{}"); place != std::string::npos) sentence.replace(place, 2, shown);
    return sentence;
}

}  // namespace oracxfs
