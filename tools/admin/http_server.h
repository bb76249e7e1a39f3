#pragma once
// The HTTP server of the web admin, on libmicrohttpd: one thread that moves bytes for each address, and a pool that does the
// work, so that nobody waits for anybody. Streams that have nothing to say cost no thread.
//
// What strangers can do to it is bounded: connections, how long a request may take to arrive, the size of heads and bodies, and
// the bodies of all requests together. When there are too many connections, those that ask for nothing are closed, the oldest
// first.

#include <atomic>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "tools/admin/http_message.h"

namespace oracxfs {

struct ListenAddress {
    std::string host;  // "127.0.0.1", "::1"
    std::uint16_t port = 0;
    [[nodiscard]] bool is_loopback() const;
    [[nodiscard]] std::string to_string() const;  // "[::1]:10000"
};
// "127.0.0.1:10000", "[::1]:10000", "localhost:10000". invalid for names and nonsense.
Result<ListenAddress> parse_listen_address(std::string_view text);

struct HttpServerOptions {
    std::vector<ListenAddress> listen;
    unsigned connections_max = 512;
    unsigned threads = 4;            // for requests that are answered from memory and the catalogue
    unsigned slow_threads = 12;      // for those that wait for a network
    Millis idle{15'000};             // without a byte
    Millis request_max{30'000};      // from the first byte of a request, or from connecting, to its last
    std::size_t bodies_max = 32u << 20;
    std::string tls_certificate, tls_key;  // PEM texts; "" = plain HTTP
};

// What the server asks before it takes a body.
struct HttpAdmission {
    std::optional<HttpResponse> refusal;
    std::size_t body_max = 0;
    bool slow = false;
};

class HttpHandler {
  public:
    virtual ~HttpHandler() = default;
    // In the server's thread: must not wait.
    virtual HttpAdmission admit(const HttpRequest& request) = 0;
    // In a thread of the pool. `stop`: the server ends.
    virtual HttpResponse handle(HttpRequest request, const std::stop_token& stop) = 0;
};

class HttpServer {
  public:
    // `handler` outlives the server. Errors: exists (an address is taken; says which), denied, invalid, config (TLS), local_io.
    static Result<std::unique_ptr<HttpServer>> start(HttpServerOptions options, HttpHandler& handler, Clock& clock);
    virtual ~HttpServer() = default;
    // Ends what is under way, streams too. Not from a handler.
    virtual void stop() = 0;
    [[nodiscard]] virtual std::size_t connections() const = 0;
    [[nodiscard]] virtual std::vector<ListenAddress> addresses() const = 0;  // with the ports that were given for 0
};

}  // namespace oracxfs
