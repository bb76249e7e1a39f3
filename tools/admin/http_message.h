#pragma once
// Requests and answers as the web admin sees them, free of any HTTP library.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace oracxfs {

using HttpFields = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
    std::string method;                 // "GET"
    std::string path;                   // as sent, without the query
    std::vector<std::string> segments;  // of the path, decoded one by one: a "%2F" divides nothing
    HttpFields query;                   // decoded
    HttpFields headers;                 // names in lower case
    std::string body;
    std::string peer;                   // address of the other end, "127.0.0.1"
    bool secure = false;                // by TLS
    std::uint16_t port = 0;             // of ours

    [[nodiscard]] std::optional<std::string> header(std::string_view lower_name) const;  // the first of that name
    [[nodiscard]] std::size_t count(std::string_view lower_name) const;                  // how many there are
    [[nodiscard]] std::optional<std::string> cookie(std::string_view name) const;
    [[nodiscard]] std::string query_value(std::string_view name) const;  // "" when absent
    [[nodiscard]] bool has_query(std::string_view name) const;
};

// Takes a request's target apart. invalid: not a path, broken escapes, NUL bytes, "." or ".." as a segment.
Status parse_target(std::string_view target, HttpRequest& request);
// "a%20b" -> "a b"; nothing when an escape is broken. `plus`: '+' is a blank, as in queries.
std::optional<std::string> percent_decode(std::string_view text, bool plus);
std::string percent_encode(std::string_view text);  // all but letters, digits and -._~

// Bytes that are made while they are sent. The server's thread pulls; it must never wait. Whoever makes them calls the
// function of on_ready() when there is something again; it may be called from any thread, also after the end.
class HttpStream {
  public:
    enum class Pulled { some, later, end, broken };
    virtual ~HttpStream() = default;
    [[nodiscard]] virtual std::optional<std::uint64_t> size() const { return std::nullopt; }
    virtual void on_ready(std::function<void()> wake) = 0;  // once, before the first pull
    virtual Pulled pull(std::span<char> into, std::size_t& count) = 0;
    virtual void closed() {}  // nobody pulls any more
};

struct HttpResponse {
    int status = 200;
    HttpFields headers;
    std::string body;
    std::string_view fixed;                // instead of `body`: bytes that live as long as the program
    std::shared_ptr<HttpStream> stream;    // instead of both

    HttpResponse& with(std::string name, std::string value) {
        headers.emplace_back(std::move(name), std::move(value));
        return *this;
    }
};

// "bytes=0-99" of a content of `size` bytes. Nothing: no range, or one that is to be ignored (several parts, other units).
struct ByteRange {
    std::uint64_t first = 0, last = 0;
    bool satisfiable = true;
};
std::optional<ByteRange> parse_range(std::string_view header, std::uint64_t size);

}  // namespace oracxfs
