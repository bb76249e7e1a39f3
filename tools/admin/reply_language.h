#pragma once
// Sentences of the program in the language of whoever reads the answer. Codes, names, numbers and everything that belongs to
// somebody else stay as they are; without a wish, and for programs, it is English.
//
// Thread-safe.

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/json.h"
#include "base/translate.h"
#include "tools/admin/http_message.h"

namespace oracxfs {

class ReplyLanguage {
  public:
    // Null for English, and for a language that there are no texts in.
    using TextsOf = std::function<std::shared_ptr<const TextCatalogue>(const std::string& language)>;
    explicit ReplyLanguage(TextsOf texts_of) : texts_of_(std::move(texts_of)) {}

    // The texts that Accept-Language (RFC 9110, 12.5.4) asks for; null: English.
    std::shared_ptr<const TextCatalogue> wanted(const HttpRequest& request);
    // The sentences in an answer: what members such as "message" and "why" hold, however deep.
    static void translate(Json& answer, const TextCatalogue& texts);
    // For what goes to all readers at once: `event` gets "translations", its message in each language that was ever asked for.
    void add_translations(Json& event);

  private:
    const TextsOf texts_of_;
    std::mutex mutex_;
    std::map<std::string, std::shared_ptr<const TextCatalogue>, std::less<>> known_;  // also of those without texts
};

// The primary tag that is liked best: "fr" of "fr-CA, en;q=0.8". "" when nothing is wished.
std::string preferred_language(std::string_view accept_language);

}  // namespace oracxfs
