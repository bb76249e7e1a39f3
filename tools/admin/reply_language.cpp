#include "tools/admin/reply_language.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "tools/oracxfs/language.h"

namespace oracxfs {
namespace {

constexpr std::array kSentences = {"message", "why", "next", "reason_text", "problems", "detail", "hint", "fix", "error", "place"};

bool is_tag(std::string_view tag) {
    return tag.size() >= 2 && tag.size() <= 3 && std::all_of(tag.begin(), tag.end(), [](char c) { return c >= 'a' && c <= 'z'; });
}

std::string_view trimmed(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

double quality(std::string_view parameters) {
    const std::size_t at = parameters.find("q=");
    if (at == std::string_view::npos) return 1;
    double value = 0;
    const std::string_view digits = parameters.substr(at + 2);
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return read.ec == std::errc() ? value : 0;
}

enum class Text : std::uint8_t { other, sentence, words };  // words: may be a single one

Text text_of(std::string_view key) {
    if (key.ends_with("_because")) return Text::words;
    return std::find(kSentences.begin(), kSentences.end(), key) != kSentences.end() ? Text::sentence : Text::other;
}

Json translated(const Json& value, const TextCatalogue& texts, Text kind) {
    if (value.is_string()) {
        if (kind == Text::other) return value;
        return kind == Text::words ? texts.sentence(value.as_string()) : texts.line(value.as_string(), 0);
    }
    if (value.is_array()) {
        Json list = Json::array();
        for (const Json& item : value.items()) list.push(translated(item, texts, kind));
        return list;
    }
    if (!value.is_object()) return value;
    if (value.find("translations") != nullptr) return value;  // for the reader to choose
    Json::Object members;
    for (const auto& [key, member] : value.members()) members.emplace_back(key, translated(member, texts, text_of(key)));
    return Json::from_members(std::move(members));
}

}  // namespace

std::string preferred_language(std::string_view accept_language) {
    std::string best;
    double best_quality = 0;
    while (!accept_language.empty()) {
        const std::size_t end = std::min(accept_language.find(','), accept_language.size());
        const std::string_view wish = accept_language.substr(0, end);
        accept_language.remove_prefix(std::min(end + 1, accept_language.size()));
        const std::size_t parameters = std::min(wish.find(';'), wish.size());
        std::string tag(trimmed(wish.substr(0, parameters)));
        tag.resize(std::min(tag.find('-'), tag.size()));
        std::transform(tag.begin(), tag.end(), tag.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
        const double liked = quality(wish.substr(parameters));
        if (!is_tag(tag) || liked <= best_quality) continue;
        best = std::move(tag);
        best_quality = liked;
    }
    return best;
}

std::shared_ptr<const TextCatalogue> ReplyLanguage::wanted(const HttpRequest& request) {
    const auto header = request.header("accept-language");
    const std::string language = header ? preferred_language(*header) : std::string();
    // Strangers may ask for anything.
    if (!texts_of_ || std::find(languages().begin(), languages().end(), language) == languages().end()) return nullptr;
    const std::lock_guard lock(mutex_);
    const auto known = known_.find(language);
    if (known != known_.end()) return known->second;
    return known_[language] = texts_of_(language);
}

void ReplyLanguage::translate(Json& answer, const TextCatalogue& texts) { answer = translated(answer, texts, Text::other); }

void ReplyLanguage::add_translations(Json& event) {
    const std::string& message = event["message"].as_string();
    Json translations = Json::object();
    {
        const std::lock_guard lock(mutex_);
        for (const auto& [language, texts] : known_) {
            if (!texts) continue;
            if (std::string text = texts->line(message, 0); text != message) translations.set(language, std::move(text));
        }
    }
    if (!translations.members().empty()) event.set("translations", std::move(translations));
}

}  // namespace oracxfs
