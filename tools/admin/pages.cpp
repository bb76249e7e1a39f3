#include "tools/admin/pages.h"

#include "tools/admin/assets.h"

namespace oracxfs {
namespace {

constexpr const char* kPagePolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

void replace_all(std::string& text, std::string_view what, std::string_view with) {
    for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size())) text.replace(at, what.size(), with);
}

HttpResponse html(int status, std::string body) {
    HttpResponse response;
    response.status = status;
    response.body = std::move(body);
    response.with("Content-Type", "text/html; charset=utf-8");
    return response;
}

std::string frame(const std::string& title, const std::string& body, const std::string& head = {}) {
    return "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">" + head + "<title>" + title +
           "</title></head><body><h1>" + title + "</h1>" + body + "</body></html>\n";
}

// The language of the setting, else the first one of the browser's that there is.
std::string language_for(const std::string& setting, const HttpRequest& request) {
    if (setting != "auto" && !setting.empty()) return setting;
    std::string_view wishes;
    const std::string header = request.header("accept-language").value_or("");
    for (wishes = header; !wishes.empty();) {
        while (wishes.starts_with(' ')) wishes.remove_prefix(1);
        if (wishes.starts_with("fr")) return "fr";
        if (wishes.starts_with("en")) return "en";
        const std::size_t comma = wishes.find(',');
        if (comma == std::string_view::npos) break;
        wishes.remove_prefix(comma + 1);
    }
    return "en";
}

}  // namespace

std::string escape_html(std::string_view text) {
    std::string escaped;
    for (const char c : text) {
        switch (c) {
            case '&': escaped += "&amp;"; break;
            case '<': escaped += "&lt;"; break;
            case '>': escaped += "&gt;"; break;
            case '"': escaped += "&quot;"; break;
            case '\'': escaped += "&#39;"; break;
            default: escaped += c;
        }
    }
    return escaped;
}

HttpResponse text_page(int status, const std::string& text) {
    HttpResponse response;
    response.status = status;
    response.body = text + "\n";
    response.with("Content-Type", "text/plain; charset=utf-8");
    return response;
}

HttpResponse host_refusal_page(const std::string& host) {
    const std::string shown = host.empty() ? "NAME" : escape_html(host);
    return html(403, frame("oracxfs: not under this name",
                           "<p>The web admin answers only under names that it knows are its own; this protects it from other web pages.</p>"
                           "<p>Open <a href=\"http://localhost:10000/admin/cloud/\">http://localhost:10000/admin/cloud/</a> on the machine where it runs "
                           "(or the port that is set in <code>admin.listen</code>), or, if <b>" + shown + "</b> is a name of that machine, allow it there:</p>"
                           "<pre>oracxfs config set admin.allowed_hosts '[\"" + shown + "\"]'</pre>"));
}

HttpResponse going_on_page(const std::string& address) {
    const std::string target = escape_html(address);
    return html(200, frame("oracxfs: signed in", "<p><a href=\"" + target + "\">Go on</a></p>", "<meta http-equiv=\"refresh\" content=\"0;url=" + target + "\">"));
}

HttpResponse index_page(const std::string& base, const std::string& language, const HttpRequest& request, const std::string& table) {
    const Asset* index = find_asset("index.html");
    if (index == nullptr) return text_page(500, "This program was built without its page.");
    std::string text(index->plain);
    replace_all(text, "%ASSETS%", base + "/assets/" + std::string(assets_digest()));
    replace_all(text, "%BASE%", base);
    replace_all(text, "%LANG%", language_for(language, request));
    replace_all(text, "%NOSCRIPT%", table.empty() ? "<p>This page needs JavaScript. Without it: <code>oracxfs status</code>.</p>" : table);
    HttpResponse response = html(200, std::move(text));
    response.with("Content-Security-Policy", kPagePolicy);
    return response;
}

std::string status_table(const Json& status) {
    std::string table = "<p>State: <b>" + escape_html(status["state"].as_string()) + "</b>, " + std::to_string(status["copies"]["verified"].as_int()) + " of " +
                        std::to_string(status["copies"]["wanted"].as_int()) + " copies verified</p><table><thead><tr><th>Provider</th><th>State</th><th>Verified files</th><th>Pending</th><th>Last contact</th></tr></thead><tbody>";
    for (const Json& provider : status["providers"].items())
        table += "<tr><td>" + escape_html(provider["name"].as_string()) + "</td><td>" + escape_html(provider["state"].as_string()) + " " + escape_html(provider["reason_text"].as_string()) + "</td><td>" +
                 std::to_string(provider["files"]["verified"].as_int()) + "</td><td>" + std::to_string(provider["pending_files"].as_int()) + "</td><td>" + escape_html(provider["last_ok"].as_string()) + "</td></tr>";
    return table + "</tbody></table>";
}

}  // namespace oracxfs
