#include "tools/admin/assets.h"

#include <algorithm>

#include "tools/admin/pages.h"

namespace oracxfs {

const Asset* find_asset(std::string_view name) {
    const auto all = assets();
    const auto found = std::find_if(all.begin(), all.end(), [&](const Asset& asset) { return asset.name == name; });
    return found == all.end() ? nullptr : &*found;
}

HttpResponse asset_response(const HttpRequest& request, const std::vector<std::string>& path) {
    std::size_t from = !path.empty() && path[0] == "assets" ? 1 : 0;
    // An address with another digest is one of an earlier program: its page would not fit these files.
    const bool fixed = path.size() > from + 1 && path[from] == assets_digest();
    from += fixed ? 1 : 0;
    std::string name;
    for (std::size_t i = from; i < path.size(); ++i) name += (name.empty() ? "" : "/") + path[i];
    const Asset* asset = find_asset(name);
    if (asset == nullptr) return text_page(404, "There is no such file.");
    HttpResponse response;
    const std::string tag = "\"" + std::string(asset->digest.substr(0, 32)) + "\"";
    response.with("ETag", tag).with("Cache-Control", fixed ? "public, max-age=31536000, immutable" : "no-cache").with("Vary", "Accept-Encoding");
    response.with("Content-Type", std::string(asset->type));
    if (request.header("if-none-match").value_or("").find(tag) != std::string::npos) {
        response.status = 304;
        return response;
    }
    const bool compressed = !asset->gzip.empty() && request.header("accept-encoding").value_or("").find("gzip") != std::string::npos;
    response.fixed = compressed ? asset->gzip : asset->plain;
    if (compressed) response.with("Content-Encoding", "gzip");
    return response;
}

}  // namespace oracxfs
