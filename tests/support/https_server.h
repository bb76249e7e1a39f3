#pragma once
// An HTTP/1.1 server on 127.0.0.1 whose answers a test writes: keep-alive, Content-Length and chunked requests,
// Expect: 100-continue, TLS by a certificate made at run time, and all the ways in which an answer can go wrong.
//
// One thread a connection; the handler runs on it, so several handlers run at once. The end of the server closes all
// connections, fires HttpsRequest::stop and joins.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/test_ca.h"

namespace oracxfs::test {

using HeaderList = std::vector<std::pair<std::string, std::string>>;

// The body of a request as it arrives.
class RequestBody {
  public:
    virtual ~RequestBody() = default;
    // At least one byte, 0 at the end. Throws when the client goes away before. Sends "100 Continue" where it is awaited.
    virtual std::size_t read(std::span<char> into) = 0;
};

struct HttpsRequest {
    std::string method, target;      // as sent: "GET", "/files?id=1"
    std::string path, query;         // parts of target, not decoded
    HeaderList headers;              // names in lower case
    std::uint64_t connection = 0;    // counts from 1
    std::uint64_t on_connection = 0; // number of this request on its connection, from 1
    std::stop_token stop;            // the server ends: a handler that waits has to return
    RequestBody* stream = nullptr;   // for handlers that take the body piece by piece

    [[nodiscard]] std::string_view header(std::string_view lower_case_name) const;         // "" if absent
    [[nodiscard]] bool has_header(std::string_view lower_case_name) const;
    [[nodiscard]] std::optional<std::string> parameter(std::string_view name) const;       // of the query, decoded
    [[nodiscard]] std::optional<std::string> form_field(std::string_view name);            // of a form in the body, decoded
    // The rest of the body (all of it, if nobody read from the stream before); kept.
    const std::string& body();

  private:
    std::string body_;
    bool body_read_ = false;
};

struct HttpsResponse {
    enum class Framing { length, chunked, until_close };
    enum class Finish {
        keep_alive,
        close,  // in order: TLS close_notify, then FIN
        drop,   // FIN without close_notify, as a crashed server's
        reset,  // RST
        hang,   // nothing more comes until the client closes or the server ends
    };

    int status = 200;
    HeaderList headers;
    std::string body;
    // Called for more of the body after `body` until it returns false; what it leaves in `piece` is sent at once.
    std::function<bool(std::string& piece)> more;
    Framing framing = Framing::length;      // `more` without `announced` makes it chunked
    std::optional<std::uint64_t> announced; // Content-Length, if it is not the body's (a lie, or for `more`)
    std::chrono::milliseconds delay{0};     // before the first byte of the answer
    std::size_t drip_bytes = 0;             // the body in pieces of so many bytes,
    std::chrono::milliseconds drip_delay{0};  // with so long a pause before each
    std::optional<std::uint64_t> cut_after; // so many bytes of the body, then `finish`
    bool silent = false;                    // no answer at all, only `finish`
    std::string raw;                        // sent as it is instead of status line, headers and body
    Finish finish = Finish::keep_alive;
    std::shared_ptr<void> until_answer;     // let go when the answer begins to go out, or never will

    static HttpsResponse json(std::string text, int status = 200);
    static HttpsResponse text(std::string text, int status = 200, std::string type = "text/plain");
    HttpsResponse&& with(std::string name, std::string value) &&;
};

struct HttpsServerOptions {
    bool tls = true;
    Certificate certificate = Certificate::good;
    bool tls_1_1_only = false;
    std::size_t header_bytes_max = 64u << 10;
};

class HttpsServer {
  public:
    // Throwing handlers give a 500 with the exception's text.
    using Handler = std::function<HttpsResponse(HttpsRequest&)>;

    explicit HttpsServer(Handler handler, HttpsServerOptions options = {});
    ~HttpsServer();
    HttpsServer(const HttpsServer&) = delete;
    HttpsServer& operator=(const HttpsServer&) = delete;

    [[nodiscard]] int port() const;
    [[nodiscard]] std::string ca_file() const;
    [[nodiscard]] std::string url(std::string_view target = "") const;  // "https://localhost:PORT" + target

    // Events of the whole life of the server.
    [[nodiscard]] std::uint64_t requests() const;      // whose head was read
    [[nodiscard]] std::uint64_t connections() const;   // accepted
    [[nodiscard]] std::uint64_t handshakes() const;    // TLS handshakes that succeeded
    [[nodiscard]] std::uint64_t body_bytes() const;    // received in bodies of requests
    void wait_for_requests(std::uint64_t count) const;
    void wait_for_open(std::size_t count) const;       // until at most so many connections are open
    [[nodiscard]] std::vector<std::string> alpn_offers() const;  // of each connection, as "h2,http/1.1"

    void close_idle();   // each connection by FIN, those with a request at work after its answer
    void reset_all();    // every connection, by RST

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace oracxfs::test
