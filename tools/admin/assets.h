#pragma once
// The page's own files, compressed and carried by the program (made by CMake from tools/admin-ui).

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tools/admin/http_message.h"

namespace oracxfs {

struct Asset {
    std::string_view name;     // "app.js", "vendor/preact.js"
    std::string_view type;     // "text/javascript; charset=utf-8"
    std::string_view digest;   // SHA-256 of its content, in hex
    std::string_view gzip;     // compressed; "" where that saves nothing
    std::string_view plain;
};
std::span<const Asset> assets();          // in order of name
std::string_view assets_digest();         // of all of them: a part of their address, so that they may be kept for ever
const Asset* find_asset(std::string_view name);

// "assets/<digest>/<name>", or "assets/<name>" and "<name>", which are asked for again each time.
HttpResponse asset_response(const HttpRequest& request, const std::vector<std::string>& path);

}  // namespace oracxfs
