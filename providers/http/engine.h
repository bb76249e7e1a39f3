#pragma once
// Moves the bytes of all requests of a client: one libcurl multi handle, used by one thread.

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "providers/http/transfer.h"

namespace oracxfs::http {

class Engine {
  public:
    // `options` and `clock` outlive the engine.
    Engine(const ClientOptions& options, Clock& clock);
    ~Engine();  // ends what is under way as cancelled
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    // Thread-safe: starts a new transfer, or looks again at one whose caller drained its bytes or wants its end.
    void look_at(std::shared_ptr<Transfer> transfer);
    [[nodiscard]] std::uint64_t requests() const { return requests_; }

  private:
    struct Host {
        std::deque<std::shared_ptr<Transfer>> waiting;
        unsigned exclusive = 0;  // transfers at work that may need a connection of their own
        unsigned shared = 0;     // those that share one
        bool speaks_http2 = false;
    };
    using Transfers = std::unordered_map<Transfer*, std::shared_ptr<Transfer>>;

    void run(const std::stop_token& stop);
    void take_inbox();
    void handle(const std::shared_ptr<Transfer>& transfer);
    void start_waiting(Host& host);
    void start(Host& host, const std::shared_ptr<Transfer>& transfer);
    void collect();
    void complete(Transfer& transfer, CURLcode code, Abort abort);
    void end_stalled();
    void open_gates();
    void end_all();
    [[nodiscard]] int pause_ms() const;

    const ClientOptions& options_;
    CurlMulti multi_;
    std::atomic<std::uint64_t> requests_{0};

    std::mutex mutex_;
    std::vector<std::shared_ptr<Transfer>> inbox_;  // guarded by mutex_

    // The thread's own.
    SharedLine line_;
    std::map<std::string, Host> hosts_;
    Transfers running_;
    std::unordered_set<const Transfer*> queued_;
    bool ending_ = false;

    std::jthread thread_;  // last
};

}  // namespace oracxfs::http
