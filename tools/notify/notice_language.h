#pragma once
// Notices are kept and logged in English; a person reads them in the language of the settings. They are translated when they
// are sent, so a change of the language counts for what still waits.

#include <memory>
#include <string>

#include "base/translate.h"
#include "tools/notify/delivery_book.h"

namespace oracxfs {

// Title, text and next step in another language; names, numbers and commands stay. No texts: as it is.
Notice notice_in(const TextCatalogue* texts, Notice notice);
// A notice, or the line of a heartbeat.
Delivery delivery_in(const TextCatalogue* texts, Delivery delivery);
// "Next: oracxfs status"; "" when nothing is to be done. Of a notice that is in that language already.
std::string next_line(const TextCatalogue* texts, const Notice& notice);

}  // namespace oracxfs
