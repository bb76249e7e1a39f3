#pragma once
// What a command answers, the same for the control socket and for --json:
// {"schema":"oracxfs/1","command":"status","ok":true,"exit_code":0,"data":{...},"warnings":[...],"error":null}

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace oracxfs {

Json error_to_json(const Error& error);
Error error_from_json(const Json& json);

Json make_envelope(std::string_view command, int exit_code, Json data, const std::vector<std::string>& warnings = {});
// `data`: what can be told although it failed.
Json make_error_envelope(std::string_view command, const Error& error, Json data = nullptr,
                         const std::vector<std::string>& warnings = {});

// A byte string for JSON: {"name": text} and, when it is not UTF-8, also {"name_b64": base64 of the bytes}.
void set_bytes(Json& object, std::string_view key, std::string_view bytes);
// The bytes again.
std::string get_bytes(const Json& object, std::string_view key);
bool is_utf8(std::string_view bytes);
std::string base64(std::string_view bytes);

}  // namespace oracxfs
