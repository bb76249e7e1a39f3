#pragma once
// A notice as a mail (RFC 5322, MIME, UTF-8). No I/O.

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/translate.h"
#include "tools/notify/notice.h"

namespace oracxfs {

// The notice is in the language of `texts` already; words around it come from them.
// `id` makes the Message-ID: attempts of one delivery have the same, so a server that got it twice can tell.
std::string mail_message(const Notice& notice, const std::string& from, const std::vector<std::string>& to, const std::string& id, const std::string& instance, WallTime now, const TextCatalogue* texts = nullptr);

// Text for a header as encoded words (RFC 2047) with `between` between them, cut between characters; so no header can be made
// by what a name holds. Short ASCII stays as it is.
std::string encoded_words(std::string_view text, std::string_view between);

}  // namespace oracxfs
