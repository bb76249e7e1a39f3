#pragma once
// HTTP for providers: one libcurl multi handle and one thread for all requests of a client; connections are kept and
// shared (HTTP/2 where offered). TLS >= 1.2, certificate and host name are always checked. Redirects are never followed.
// Proxies as the environment says (https_proxy, no_proxy), never for a loopback address.
//
// Bulk transfers (a sink, or a body above 1 MiB) use HTTP/1.1 on connections of their own: one slow reader must not hold up
// what shares an HTTP/2 connection with it, and some services break long uploads on HTTP/2.
//
// Thread-safe. A call blocks its caller only. Nothing of a request's Authorization header, query or body is ever logged.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/op_context.h"
#include "base/result.h"

struct sockaddr;

namespace oracxfs::http {

struct ClientOptions {
    std::string ca_file{};                 // PEM; "" = the system's store
    Millis connect_timeout{15'000};
    Millis stall_timeout{30'000};          // no byte in either direction for so long: Errc::unavailable / outcome_unknown
    std::uint32_t connections_max = 8;     // per host
    std::uint64_t upload_limit = 0;        // bytes/s over all requests of the client; 0 = none
    std::uint64_t download_limit = 0;
    std::string user_agent{};              // "" = oracxfs/<version>
    Clock* clock = nullptr;                // outlives the client; nothing = the system's
    bool plain_http = false;               // http to any host: whoever is on the way can read it
    // Asked about each address before it is connected to, that of a proxy included, on the client's thread; false = the
    // request fails with unavailable. Nothing: all addresses.
    std::function<bool(const sockaddr& address)> may_connect = {};
};

struct Header {
    std::string name, value;
};

struct Request {
    std::string method = "GET";
    std::string url;                        // https; http only for a loopback address, or with plain_http
    // Never with line breaks: such a request is refused with Errc::invalid; so are headers that are made by the client
    // (Content-Length, Transfer-Encoding, Host, Expect, Connection, and those of `bearer` and `content_type` twice).
    std::vector<Header> headers;
    std::string bearer;                     // sent as "Authorization: Bearer ..."; "" = none
    std::string content_type;
    std::span<const std::byte> body;        // outlives the call
    bool idempotent = true;                 // false: an answer lost after the request was sent is Errc::outcome_unknown,
                                            // not unavailable
    std::uint64_t response_max = 4u << 20;  // a longer body ends the request as a lost answer would; for a body that goes to
                                            // `sink` there is no limit
    bool http1_only = false;                // also for small requests
    std::optional<Millis> stall_timeout;    // for long polls
    // Takes the body of a 2xx answer as it comes (on the caller's thread); false = enough, the request ends with success.
    std::function<bool(std::span<const std::byte>)> sink;
    // What went out of the body so far; on the client's thread, so only for counting.
    std::function<void(std::uint64_t sent)> on_sent;
};

struct Response {
    int status = 0;
    std::vector<Header> headers;  // names in lower case, without control characters in values
    std::string body;             // empty if the sink took it

    [[nodiscard]] std::string_view header(std::string_view lower_case_name) const;  // "" if absent; the last one wins
    [[nodiscard]] bool ok() const { return status >= 200 && status < 300; }
    // Retry-After as seconds or as an HTTP date (RFC 9110, 10.2.3), limited to a day.
    [[nodiscard]] std::optional<Millis> retry_after(WallTime now) const;
};

class Client {
  public:
    // config when the CA file can't be read.
    static Result<std::unique_ptr<Client>> create(ClientOptions options);
    virtual ~Client() = default;

    // Any HTTP status is a Response. Errors: unavailable (no connection, TLS failure with its reason, reset or stall before
    // the request can have been acted on, or of an idempotent one), outcome_unknown (sent, but no whole answer; not
    // idempotent), cancelled (within 0.2 s of ctx.stop), deadline, invalid (URL or header), and a truncated body is never a
    // success. A sink that has taken bytes before a failure has taken a true prefix of the body.
    virtual Result<Response> perform(const OpContext& ctx, const Request& request) = 0;

    [[nodiscard]] virtual std::uint64_t requests() const = 0;  // since the start
};

// application/x-www-form-urlencoded, each value percent-encoded.
std::string form(std::span<const std::pair<std::string, std::string>> fields);
// RFC 3986 unreserved characters stay, everything else becomes %XX.
std::string percent_encode(std::string_view text);
// One pass of %XX; nothing when a % is not followed by two hex digits. `form` also makes blanks of plus signs.
enum class Decoding { uri, form };
std::optional<std::string> percent_decode(std::string_view text, Decoding decoding = Decoding::uri);
// Retry-After as seconds or as an HTTP date in any of its three forms; limited to 0 .. one day. Nothing = no such value.
std::optional<Millis> parse_retry_after(std::string_view value, WallTime now);
std::optional<WallTime> parse_http_date(std::string_view value);

}  // namespace oracxfs::http
