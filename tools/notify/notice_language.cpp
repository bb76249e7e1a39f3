#include "tools/notify/notice_language.h"

#include <fmt/format.h>

namespace oracxfs {
namespace {

// What somebody else said may stand at the end of a sentence of ours: "nas is offline: no route to it."
std::string sentence(const TextCatalogue& texts, const std::string& english) {
    if (english.ends_with('.')) {
        const std::string bare = english.substr(0, english.size() - 1), text = texts.sentence(bare);
        if (text != bare) return text + ".";
    }
    return texts.sentence(english);
}

std::string lines(const TextCatalogue& texts, const std::string& english) {
    std::string text;
    for (std::size_t begin = 0; begin < english.size();) {
        const std::size_t end = std::min(english.find('\n', begin), english.size());
        text += sentence(texts, english.substr(begin, end - begin));
        if (end < english.size()) text += '\n';
        begin = end + 1;
    }
    return text;
}

}  // namespace

Notice notice_in(const TextCatalogue* texts, Notice notice) {
    if (texts == nullptr) return notice;
    notice.title = sentence(*texts, notice.title);
    notice.text = lines(*texts, notice.text);
    notice.next = sentence(*texts, notice.next);
    return notice;
}

Delivery delivery_in(const TextCatalogue* texts, Delivery delivery) {
    if (texts == nullptr) return delivery;
    if (delivery.notice) delivery.notice = notice_in(texts, *std::move(delivery.notice));
    delivery.text = lines(*texts, delivery.text);
    return delivery;
}

std::string next_line(const TextCatalogue* texts, const Notice& notice) {
    if (notice.next.empty()) return {};
    constexpr const char* kEnglish = ORACX_TEXT("Next: {}");
    const std::string* const found = texts == nullptr ? nullptr : texts->find(kEnglish);
    return fmt::format(fmt::runtime(found == nullptr ? kEnglish : *found), notice.next);
}

}  // namespace oracxfs
