#include "providers/http/target.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "providers/http/curl_handles.h"

namespace oracxfs::http {
namespace {

constexpr std::size_t kBulkBytes = 1u << 20;
constexpr std::size_t kUrlBytesMax = 64u << 10;

std::string lower(std::string_view text) {
    std::string folded(text);
    for (char& c : folded)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return folded;
}

bool is_token(std::string_view text) {
    constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";  // RFC 9110, 5.6.2
    return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 || kOthers.find(c) != std::string_view::npos;
    });
}

bool is_field_value(std::string_view text) {
    return std::none_of(text.begin(), text.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return (byte < 0x20 && c != '\t') || byte == 0x7f;
    });
}

// The message names the header but not its value, which may be a secret.
Status check_headers(const Request& request) {
    static constexpr std::array<std::string_view, 5> kMadeHere{"content-length", "transfer-encoding", "host", "expect",
                                                               "connection"};
    if (!is_token(request.method)) return fail(Errc::invalid, "HTTP method is not a word");
    if (!is_field_value(request.bearer)) return fail(Errc::invalid, "access token has control characters");
    if (!is_field_value(request.content_type)) return fail(Errc::invalid, "content type has control characters");
    for (const Header& header : request.headers) {
        if (!is_token(header.name) || !is_field_value(header.value))
            return fail(Errc::invalid, "HTTP header has characters that must not be there",
                        is_token(header.name) ? header.name : "its name");
        const std::string name = lower(header.name);
        const bool doubled = (name == "authorization" && !request.bearer.empty()) ||
                             (name == "content-type" && !request.content_type.empty());
        if (doubled || std::find(kMadeHere.begin(), kMadeHere.end(), name) != kMadeHere.end())
            return fail(Errc::invalid, "HTTP header is made by the client itself", header.name);
    }
    return {};
}

std::string part(CURLU* url, CURLUPart which, unsigned flags = 0) {
    char* raw = nullptr;
    if (curl_url_get(url, which, &raw, flags) != CURLUE_OK) return {};
    const CurlText text(raw);
    return text.get();
}

// curl writes any spelling of an IPv4 address as four decimal numbers.
bool is_loopback(const std::string& host) {
    return host == "localhost" || host == "[::1]" ||
           (host.starts_with("127.") &&
            std::all_of(host.begin(), host.end(), [](char c) { return c == '.' || (c >= '0' && c <= '9'); }));
}

}  // namespace

Result<Target> check_request(const Request& request, bool plain_http) {
    ORACX_TRYV(check_headers(request));
    const bool printable = std::all_of(request.url.begin(), request.url.end(), [](char c) { return c > ' ' && c < 0x7f; });
    if (!printable || request.url.size() > kUrlBytesMax)
        return fail(Errc::invalid, "URL is too long or has characters that are not percent-encoded");
    const CurlUrl url(curl_url());
    if (!url) return fail(Errc::unavailable, "no memory for a URL");
    if (const CURLUcode code = curl_url_set(url.get(), CURLUPART_URL, request.url.c_str(), CURLU_DISALLOW_USER);
        code != CURLUE_OK)
        return fail(Errc::invalid, "URL can't be used", curl_url_strerror(code));
    const std::string scheme = part(url.get(), CURLUPART_SCHEME);
    const std::string name = lower(part(url.get(), CURLUPART_HOST));
    Target target;
    target.loopback = is_loopback(name);
    target.plain = scheme == "http";
    if (scheme != "https" && !(target.plain && (target.loopback || plain_http)))
        return fail(Errc::invalid, "URL must be https (plain http only for this machine)", scheme + "://" + name);
    target.host = scheme + "://" + name + ":" + part(url.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT);
    target.label = request.method + " " + scheme + "://" + name + part(url.get(), CURLUPART_PATH);
    target.bulk = request.http1_only || request.sink != nullptr || request.body.size() > kBulkBytes;
    return target;
}

}  // namespace oracxfs::http
