#include "tools/admin/gatekeeper.h"

#include <arpa/inet.h>

#include <algorithm>

#include "tools/admin/admin_context.h"

namespace oracxfs {
namespace {

std::string lower(std::string_view text) {
    std::string result(text);
    std::transform(result.begin(), result.end(), result.begin(), [](unsigned char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : static_cast<char>(c); });
    return result;
}

bool digits(std::string_view text) { return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos; }

bool is_address(const std::string& host) {
    in_addr v4{};
    in6_addr v6{};
    if (host.starts_with('[') && host.ends_with(']')) return ::inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), &v6) == 1;
    return ::inet_pton(AF_INET, host.c_str(), &v4) == 1;
}

}  // namespace

std::string host_name_of(std::string_view header) {
    std::string host = lower(header);
    if (host.starts_with('[')) {
        const std::size_t end = host.find(']');
        if (end == std::string::npos) return "";
        const std::string_view rest = std::string_view(host).substr(end + 1);
        if (!rest.empty() && (rest.front() != ':' || !digits(rest.substr(1)))) return "";
        return host.substr(0, end + 1);
    }
    if (const std::size_t colon = host.find(':'); colon != std::string::npos) {
        if (!digits(std::string_view(host).substr(colon + 1))) return "";
        host.erase(colon);
    }
    if (host.ends_with('.')) host.pop_back();
    const bool good = !host.empty() && host.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-_") == std::string::npos;
    return good ? host : "";
}

bool is_allowed_host(std::string_view header, const std::vector<ListenAddress>& listen, const std::vector<std::string>& allowed_hosts) {
    const std::string host = host_name_of(header);
    if (host.empty()) return false;
    if (host == "localhost" || host == "127.0.0.1" || host == "[::1]") return true;
    for (const ListenAddress& address : listen) {
        // Nobody can make an address lead elsewhere, so each is good where we listen at all of them.
        if ((address.host == "0.0.0.0" || address.host == "::") && is_address(host)) return true;
        if (host == address.host || host == "[" + address.host + "]") return true;
    }
    return std::any_of(allowed_hosts.begin(), allowed_hosts.end(), [&](const std::string& allowed) {
        const std::string name = lower(allowed);
        return name == host || name == lower(header) || host_name_of(name) == host;
    });
}

std::string foreign_origin(const HttpRequest& request) {
    if (const auto site = request.header("sec-fetch-site"); site && *site != "same-origin" && *site != "none") return "it comes from another site (Sec-Fetch-Site: " + *site + ")";
    const auto origin = request.header("origin");
    if (!origin) return "";
    // The scheme may differ where a proxy speaks TLS in front of us; a page of that other scheme has the same host, which is ours.
    const std::size_t slashes = origin->find("://");
    const std::string host = slashes == std::string::npos ? "" : lower(std::string_view(*origin).substr(slashes + 3));
    if (host.empty() || host != lower(request.header("host").value_or(""))) return "it comes from another origin";
    return "";
}

bool is_json(const HttpRequest& request) {
    const std::string type = lower(request.header("content-type").value_or(""));
    return type == "application/json" || type.starts_with("application/json;");
}

Status check_forgery(const HttpRequest& request, const Principal& who) {
    const std::string what = request.method + " " + request.path;
    if (const std::string foreign = foreign_origin(request); !foreign.empty()) return fail(Errc::denied, what, foreign);
    if (who.csrf.empty()) return {};  // nobody is signed in by a cookie, so nothing can be done in his name
    const std::string given = request.header("x-oracxfs-csrf").value_or("");
    if (given.empty()) return fail(Errc::denied, what, "the header X-Oracxfs-CSRF is missing");
    if (given != who.csrf) return fail(Errc::denied, what, "the header X-Oracxfs-CSRF is not that of this session");
    return {};
}

Principal identify(const HttpRequest& request, Accounts& accounts) {
    if (const auto authorization = request.header("authorization")) {
        constexpr std::string_view kBearer = "bearer ";
        if (lower(authorization->substr(0, kBearer.size())) != kBearer) return {};
        return accounts.by_token(authorization->substr(kBearer.size()));
    }
    const auto cookie = request.cookie(cookie_name(request));
    return cookie ? accounts.by_cookie(*cookie) : Principal{};
}

}  // namespace oracxfs
