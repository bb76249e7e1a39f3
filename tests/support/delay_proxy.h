#pragma once
// A TCP proxy on loopback that makes a line long or thin, and cuts it on command.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <thread>

namespace oracxfs::test {

struct DelayProxyOptions {
    int target_port = 0;
    std::chrono::microseconds one_way{0};
    double bytes_per_second = 0;  // each direction of each connection; 0: no limit
    std::uint64_t buffer_bytes = 16u << 20;  // what the line holds; beyond it the sender has to wait
};

class DelayProxy {
  public:
    explicit DelayProxy(const DelayProxyOptions& options);
    ~DelayProxy();
    DelayProxy(const DelayProxy&) = delete;
    DelayProxy& operator=(const DelayProxy&) = delete;

    [[nodiscard]] int port() const { return port_; }
    void cut();                         // resets every connection
    void cut_after(std::uint64_t bytes_up);  // once so many more bytes have gone to the server
    [[nodiscard]] std::uint64_t bytes_up() const;    // client to server
    [[nodiscard]] std::uint64_t bytes_down() const;
    // How many answers the client waited for one after the other; requests sent ahead of an answer share its round.
    [[nodiscard]] std::uint64_t rounds() const;
    [[nodiscard]] std::uint64_t connections() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
    int port_ = 0;
    std::jthread thread_;
};

}  // namespace oracxfs::test
