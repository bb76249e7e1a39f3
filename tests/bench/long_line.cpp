// A line with a round-trip time between two network namespaces, for benchmarks. Needs root.
//
//   long_line [--rtt MS] [--rate ADDRESS=BYTES_PER_SECOND]...
//
// Prints one line of JSON with the paths of both namespaces: programs in "far" listen on 127.0.0.0/8 as usual, programs
// in "near" reach them at the same addresses over the line. It is a line for IP packets, so connections have to be
// opened, grow their windows and wait as over any other. Each line on stdin (`stats`, `rtt MS`, `rate
// ADDRESS=BYTES_PER_SECOND`) is answered with one of JSON: the bytes that passed so far, and how often the near end sent
// something after the far end had, which is the number of round trips where one thing is done after the other. The end of
// stdin ends it, and the namespaces with it.

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <iostream>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
// struct virtio_net_hdr before each packet; its header file is no C++.
constexpr std::size_t kHeader = 10, kPacketMax = kHeader + 65'536 + 128;

// What is set from stdin while packets pass.
struct Line {
    std::atomic<std::int64_t> one_way_us{0};
    std::mutex mutex;
    std::map<std::uint32_t, double> rates;  // by far address, bytes a second; absent = no limit
    std::atomic<bool> near_spoke{false};
    std::atomic<std::uint64_t> rounds{0};
    void spoken(bool by_near) {
        if (near_spoke.exchange(by_near) != by_near && by_near) ++rounds;
    }
    double rate_of(std::uint32_t address) {
        const std::lock_guard lock(mutex);
        const auto it = rates.find(address);
        return it == rates.end() ? 0 : it->second;
    }
};

struct End {
    int tun = -1, space = -1;
};

[[noreturn]] void fail(const std::string& what) { throw std::system_error(errno, std::generic_category(), what); }

// In a thread of its own: a namespace belongs to a thread.
End make_end(const std::vector<std::string>& commands) {
    End end;
    std::string problem;
    std::thread([&] {
        try {
            if (::unshare(CLONE_NEWNET) != 0) fail("unshare");
            end.space = ::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
            end.tun = ::open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
            if (end.space < 0 || end.tun < 0) fail("open");
            ifreq request{};
            std::strcpy(request.ifr_name, "line");
            request.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR;
            if (::ioctl(end.tun, TUNSETIFF, &request) != 0) fail("TUNSETIFF");
            // Large segments pass in one piece, as they do to a network card.
            if (::ioctl(end.tun, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4) != 0) fail("TUNSETOFFLOAD");
            for (const std::string& command : commands)
                if (std::system(command.c_str()) != 0) throw std::runtime_error(command);
        } catch (const std::exception& error) {
            problem = error.what();
        }
    }).join();
    if (!problem.empty()) throw std::runtime_error(problem);
    return end;
}

// One direction.
class Way {
  public:
    Way(Line& line, int from, int to, bool up) : line_(line), from_(from), to_(to), up_(up) {}
    void run() {
        // Sleeping to the microsecond: the kernel would add 50 us to each.
        ::prctl(PR_SET_TIMERSLACK, 1);
        for (;;) {
            receive();
            send_due();
            pollfd waiting{from_, POLLIN, 0};
            timespec time{1, 0};
            if (!queue_.empty()) {
                const auto left = std::max<Clock::duration>(queue_.front().due - Clock::now(), Clock::duration(0));
                time = {0, std::min<std::int64_t>(std::chrono::nanoseconds(left).count(), 999'999'999)};
            }
            ::ppoll(&waiting, 1, &time, nullptr);
        }
    }
    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
    [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

  private:
    struct Packet {
        Clock::time_point due;
        std::vector<char> bytes;
    };
    struct Limit {
        Clock::time_point free{};
    };

    // More than headers: an acknowledgement alone says nothing.
    [[nodiscard]] bool carries_data(std::size_t size) const {
        const auto byte = [this](std::size_t at) { return static_cast<unsigned char>(buffer_[kHeader + at]); };
        const std::size_t ip = 4u * (byte(0) & 0x0f);
        if (byte(9) != 6 || size < ip + 20) return false;
        return size > ip + 4u * (byte(ip + 12) >> 4);
    }
    void receive() {
        for (int i = 0; i < 64; ++i) {
            const ssize_t got = ::read(from_, buffer_.data(), buffer_.size());
            if (got <= static_cast<ssize_t>(kHeader) + 20) return;
            if ((buffer_[kHeader] & 0xf0) != 0x40) continue;  // not IPv4
            const std::size_t size = static_cast<std::size_t>(got) - kHeader;
            std::uint32_t address = 0;
            std::memcpy(&address, buffer_.data() + kHeader + (up_ ? 16 : 12), sizeof address);
            if (carries_data(size)) line_.spoken(up_);
            auto due = Clock::now();
            if (const double rate = line_.rate_of(address); rate > 0) {
                auto& free = limits_[address].free;
                free = std::max(free, due);
                // What a router would hold: a tenth of a second, at least 256 KiB.
                const double held = std::chrono::duration<double>(free - due).count() * rate;
                if (held > std::max(256.0 * 1024, rate / 10)) {
                    ++dropped_;
                    continue;
                }
                free += std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(static_cast<double>(size) / rate));
                due = free;
            }
            due += std::chrono::microseconds(line_.one_way_us);
            // Packets of a slow address must not hold up the others.
            auto place = queue_.end();
            while (place != queue_.begin() && std::prev(place)->due > due) --place;
            queue_.insert(place, {due, std::vector<char>(buffer_.data(), buffer_.data() + got)});
            bytes_ += size;
        }
    }
    void send_due() {
        while (!queue_.empty() && queue_.front().due <= Clock::now()) {
            const auto& bytes = queue_.front().bytes;
            if (::write(to_, bytes.data(), bytes.size()) < 0 && errno == EAGAIN) return;
            queue_.pop_front();
        }
    }

    Line& line_;
    int from_, to_;
    bool up_;
    std::deque<Packet> queue_;
    std::map<std::uint32_t, Limit> limits_;
    std::vector<char> buffer_ = std::vector<char>(kPacketMax);
    std::atomic<std::uint64_t> bytes_{0}, dropped_{0};
};

void set_rate(Line& line, const std::string& text) {
    const auto equals = text.find('=');
    in_addr address{};
    if (equals == std::string::npos || ::inet_pton(AF_INET, text.substr(0, equals).c_str(), &address) != 1)
        throw std::runtime_error("ADDRESS=BYTES_PER_SECOND, not " + text);
    const std::lock_guard lock(line.mutex);
    line.rates[address.s_addr] = std::stod(text.substr(equals + 1));
}

void set_rtt(Line& line, const std::string& text) { line.one_way_us = static_cast<std::int64_t>(std::stod(text) * 500); }

int run(const std::vector<std::string>& words) {
    Line line;
    for (std::size_t i = 0; i + 1 < words.size(); i += 2) {
        if (words[i] == "--rtt") set_rtt(line, words[i + 1]);
        else if (words[i] == "--rate") set_rate(line, words[i + 1]);
        else throw std::runtime_error("unknown option " + words[i]);
    }
    const std::vector<std::string> both{
        // As a Debian server and its client are set, whatever this machine is. Without losses, Reno is what CUBIC is; and
        // only Reno is open to every namespace.
        "sysctl -q -w net.ipv4.tcp_congestion_control=reno net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.line.rp_filter=0 "
        "net.ipv4.conf.all.route_localnet=1 net.ipv4.conf.line.route_localnet=1 net.ipv4.tcp_rmem='4096 131072 6291456' "
        "net.ipv4.tcp_wmem='4096 16384 4194304' net.ipv4.tcp_no_metrics_save=1",
        "ip link set lo up", "ip link set line txqueuelen 5000 up"};
    std::vector<std::string> near = both, far = both;
    for (const char* command : {"ip address add 10.77.0.1/32 dev line", "ip address flush dev lo",
                                "sysctl -q -w net.ipv4.ip_nonlocal_bind=1", "ip route add 127.0.0.0/8 dev line src 10.77.0.1"})
        near.emplace_back(command);
    for (const char* command : {"ip address add 10.77.0.2/32 dev line", "ip route add 10.77.0.1/32 dev line"}) far.emplace_back(command);
    const End near_end = make_end(near), far_end = make_end(far);
    static Way up(line, near_end.tun, far_end.tun, true), down(line, far_end.tun, near_end.tun, false);
    std::thread([] { up.run(); }).detach();
    std::thread([] { down.run(); }).detach();
    const std::string own = "/proc/" + std::to_string(::getpid()) + "/fd/";
    std::cout << R"({"near": ")" << own << near_end.space << R"(", "far": ")" << own << far_end.space << "\"}" << std::endl;
    for (std::string text; std::getline(std::cin, text);) {
        const auto space = text.find(' ');
        const std::string command = text.substr(0, space), value = space == std::string::npos ? "" : text.substr(space + 1);
        if (command == "rtt") set_rtt(line, value);
        else if (command == "rate") set_rate(line, value);
        else if (command != "stats") throw std::runtime_error("unknown command " + command);
        std::cout << R"({"up": )" << up.bytes() << R"(, "down": )" << down.bytes() << R"(, "dropped": )"
                  << up.dropped() + down.dropped() << R"(, "rounds": )" << line.rounds << "}" << std::endl;
    }
    std::_Exit(0);  // the ways are still running
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run({argv + 1, argv + argc});
    } catch (const std::exception& error) {
        std::cerr << "long_line: " << error.what() << "\n";
        return 1;
    }
}
