#pragma once
// What goes wrong in an emulated service, request by request.
//
// A rule names an endpoint ("files/upload", "upload.put", "oauth.token"; "files/*" for all that begin so, "*" for all) and which
// of its requests it hits. Rules are tried in the order in which they were added; the first that hits decides. Thread-safe.

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace oracxfs::test {

struct Fault {
    enum class Kind {
        // Without any effect at the service:
        answer,         // `status`, `body`, `content_type`, `headers`; an empty body: the service's own words for the status
        throttle,       // too many requests in the service's own words, Retry-After: `retry_after`
        token_expired,  // the token of the request is expired from now on (401 in the service's words)
        reset_before,   // RST after `bytes` of the request's body. Drive keeps what its rules let it keep of a chunk
        hang,           // no answer; the connection stays open
        // With the effect:
        lost_answer,       // RST instead of an answer
        hang_after,        // no answer; the connection stays open
        reset_after_head,  // RST when the status line and the headers are out
        reset_in_body,     // RST after `bytes` of the answer's body
        truncate,          // the connection ends in order after `bytes` of the body, although Content-Length said more
        shorten,           // the body ends after `bytes`, and Content-Length agrees
        damage_answer,     // byte number `bytes` of the answer's body has a bit flipped
        slow,              // the answer's body at `bytes_per_second`
        delay,             // the answer `wait` later
        // The effect itself is another one:
        damage_store,   // byte number `bytes` of the request's content has a bit flipped; hashes in answers are of what is stored
        partial_store,  // Drive: keeps `bytes` of the chunk at most (multiples of 256 KiB) and says so in a 308
        full,           // as if the quota were used up
        session_gone,   // the upload session of the request is expired (Drive: answers `status`, 404 or 410)
        cursor_reset,   // the cursor or page token of the request is void
    };
    Kind kind = Kind::answer;
    int status = 500;
    std::string body;
    std::string content_type;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string reason, message;  // Drive, kind answer without a body: error.errors[0].reason and message
    std::optional<std::chrono::seconds> retry_after;
    bool as_text = false;  // throttle, Dropbox: text/plain instead of JSON
    std::uint64_t bytes = 0;
    std::uint64_t bytes_per_second = 0;
    std::chrono::milliseconds wait{0};

    static Fault of(Kind kind, std::uint64_t bytes = 0);
    static Fault answer(int status, std::string body = {}, std::string content_type = "text/plain");
    static Fault html(int status);  // what a proxy or a captive portal says
    static Fault google(int status, std::string reason, std::string message = {});
    static Fault throttle(std::chrono::seconds retry_after);
    static Fault google_throttle_403(std::string reason = "userRateLimitExceeded");
    static Fault slow(std::uint64_t bytes_per_second);
    static Fault delay(std::chrono::milliseconds wait);
};

struct FaultRule {
    std::string endpoint = "*";
    Fault fault;
    std::uint64_t skip = 0;     // so many matching requests pass first
    std::uint64_t times = 1;    // then so many are hit; 0 = all from then on
    double probability = 1.0;   // of each that could be hit, drawn from the printed seed
};

class Faults {
  public:
    explicit Faults(std::uint64_t seed);
    int add(FaultRule rule);                         // its number
    int add(std::string endpoint, Fault fault, std::uint64_t skip = 0, std::uint64_t times = 1);
    void remove(int number);
    void clear();
    [[nodiscard]] std::uint64_t hits(int number) const;  // 0 for one that was removed
    [[nodiscard]] std::uint64_t hits() const;            // of all rules ever
    [[nodiscard]] std::uint64_t seed() const { return seed_; }
    void reseed(std::uint64_t seed);

    std::optional<Fault> next(std::string_view endpoint);  // for emulators: counts the request

  private:
    struct Active {
        int number;
        FaultRule rule;
        std::uint64_t seen = 0, hits = 0;
    };
    mutable std::mutex mutex_;
    std::vector<Active> rules_;
    std::uint64_t seed_;
    std::mt19937_64 random_;
    int last_number_ = 0;
    std::uint64_t hits_ = 0;
};

// "answer", "lost_answer", ...; for the command line.
std::optional<Fault::Kind> fault_kind(std::string_view name);
std::string_view fault_name(Fault::Kind kind);

}  // namespace oracxfs::test
