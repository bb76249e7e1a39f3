#pragma once
// Which language the program speaks to people, and where its texts are.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/translate.h"
#include "tools/config/places.h"

namespace oracxfs {

// Languages with texts, English first.
const std::vector<std::string>& languages();

// "en" or "fr". The first that says one of them: `flag` (--lang), ORACXFS_LANG, `configured` (`language` in the
// configuration), LANGUAGE and LC_ALL, LC_MESSAGES or LANG as gettext looks at them. A language without texts is English.
std::string choose_language(std::string_view flag, const Environment& environment, std::string_view configured);

// Does the terminal show letters beyond ASCII? Told by LC_ALL, LC_CTYPE or LANG; whether the locale exists on this
// machine does not matter.
bool speaks_utf8(const Environment& environment);

// Where the texts of a language are: beside the program, in ../share/locale; the same in a build folder as after
// installing. Does not say that there is a file.
std::string catalogue_file(std::string_view language);

// The texts of a language with all their letters, whatever this program itself speaks; nullptr for English, and where they
// cannot be read (the log says why).
std::shared_ptr<const TextCatalogue> texts_of(const std::string& language);

// Everything that is shown from now on is in this language. Errors: what was wrong with its texts; then it is English.
Status use_language(const std::string& language, bool utf8);

}  // namespace oracxfs
