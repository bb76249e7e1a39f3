#pragma once
// Where secrets come from: files, standard input, a hidden prompt. Never the command line.

#include <string>

#include "base/result.h"

namespace oracxfs {

// The first line of the file, without its line feed. "-" = standard input. Errors: not_found, denied, invalid (empty).
Result<std::string> read_secret_file(const std::string& file);
Result<std::string> read_secret_stdin();
// Asks on the controlling terminal without showing what is typed, so pipes still work. refused without a terminal.
Result<std::string> prompt_secret(const std::string& question);
// A question with a safe "no" as its default. refused when stdin or stderr is no terminal.
Result<bool> ask_yes_no(const std::string& question);
bool can_prompt();

// usage: letters, digits and -_./ only.
Status check_secret_name(const std::string& name);

}  // namespace oracxfs
