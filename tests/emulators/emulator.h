#pragma once
// What emulated services have in common: an HTTPS server on 127.0.0.1, an OAuth server inside it, faults, a log and counters
// of requests, and a round trip time. All services are stricter than the real ones: what the reference does not allow is
// answered with the documented error.
//
// Thread-safe. The server ends with the object.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "tests/emulators/faults.h"
#include "tests/emulators/oauth_emulator.h"
#include "tests/support/https_server.h"

namespace oracxfs::test {

struct LoggedRequest {
    std::string endpoint;     // as in fault rules; "unknown" for a path that the service does not have
    std::string method, path;
    std::string argument;     // JSON argument or query, without secrets
    int status = 0;           // 0: the connection ended without an answer
    std::uint64_t received = 0;  // bytes of the body
    std::string fault;        // "" = none
};

struct EmulatorOptions {
    std::uint64_t seed = 1;               // of faults and of what the service chooses at random
    std::chrono::milliseconds latency{0};  // before each answer: the round trip time
    Clock* clock = nullptr;               // outlives the emulator; nothing = the system's
};

class Emulator {
  public:
    virtual ~Emulator();
    Emulator(const Emulator&) = delete;
    Emulator& operator=(const Emulator&) = delete;

    [[nodiscard]] std::string base_url() const;  // "https://localhost:PORT", without a slash at the end
    [[nodiscard]] std::string ca_file() const;
    [[nodiscard]] HttpsServer& server() { return *server_; }
    Faults& faults() { return faults_; }
    OAuthEmulator& oauth() { return *oauth_; }

    void set_latency(std::chrono::milliseconds latency) { latency_ms_ = latency.count(); }

    [[nodiscard]] std::vector<LoggedRequest> log() const;
    [[nodiscard]] std::uint64_t count(std::string_view endpoint) const;  // since clear_log(); "files/*", "*" as in fault rules
    [[nodiscard]] std::map<std::string, std::uint64_t> counts() const;
    [[nodiscard]] std::uint64_t bytes_received() const;                  // in bodies, since clear_log()
    [[nodiscard]] std::uint64_t bytes_received(std::string_view endpoint) const;
    [[nodiscard]] std::uint64_t concurrent_max(std::string_view endpoint) const;  // most requests at work at once
    void clear_log();
    // Until so many requests to the endpoint have begun since clear_log(). False after 60 s.
    bool wait_for(std::string_view endpoint, std::uint64_t count) const;

  protected:
    // One request on its way through the emulator.
    struct Call {
        HttpsRequest& http;
        std::string endpoint;
        std::string path;      // without a host's prefix
        std::optional<Fault> fault;
        std::string argument;  // for the log
        std::uint64_t received = 0;

        [[nodiscard]] bool has(Fault::Kind kind) const { return fault && fault->kind == kind; }
        // The body as it comes; throws Cut where a fault wants the connection to end.
        std::size_t read(std::span<char> into);
        // The rest of it; what is beyond bytes_max is read and dropped.
        std::string body(std::uint64_t bytes_max = 512u << 20);
        // Flips a bit, if a fault says so; `content` begins at byte `at` of what is to be stored.
        void damage(std::span<char> content, std::uint64_t at = 0) const;
    };
    struct Cut {};
    // An answer that ends the handling of a request wherever it is thrown.
    struct Refused {
        HttpsResponse response;
    };

    Emulator(const EmulatorOptions& options, OAuthDialect dialect);
    void start();  // at the end of the constructor of the derived class
    void stop();   // at the beginning of its destructor

    virtual std::string endpoint_of(const HttpsRequest& request, std::string& path) = 0;
    virtual HttpsResponse handle(Call& call) = 0;
    // The service's own words for a fault of the kinds answer (without a body), throttle and token_expired.
    virtual HttpsResponse words_for(const Fault& fault, const Call& call) = 0;
    [[nodiscard]] WallTime now() const;
    std::string random_name(std::size_t characters);  // letters and digits, from the seed

    Clock& clock_;

  private:
    HttpsResponse serve(HttpsRequest& request);
    HttpsResponse serve_call(Call& call);
    void finish(HttpsResponse& response, const Call& call);

    SystemClock system_clock_;
    Faults faults_;
    std::unique_ptr<OAuthEmulator> oauth_;
    std::atomic<std::int64_t> latency_ms_;
    mutable std::mutex log_mutex_;
    mutable std::condition_variable logged_;
    std::vector<LoggedRequest> log_;
    struct Tally {
        std::uint64_t begun = 0, received = 0, at_work = 0, at_work_max = 0;
    };
    std::map<std::string, Tally, std::less<>> tallies_;
    std::mt19937_64 random_;
    std::unique_ptr<HttpsServer> server_;
};

}  // namespace oracxfs::test
