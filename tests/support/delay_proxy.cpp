#include "tests/support/delay_proxy.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <list>
#include <stdexcept>
#include <vector>

#include "base/unique_fd.h"

namespace oracxfs::test {
namespace {

using Clock = std::chrono::steady_clock;

sockaddr_in loopback(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    return address;
}

void tune(int fd) {
    const int one = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

// Bytes that entered one end and leave at the other when their time has come.
struct Direction {
    struct Chunk {
        Clock::time_point due;
        std::vector<char> bytes;
        std::size_t sent = 0;
        std::uint64_t depth = 0;  // how many answers had to be waited for, one after the other, before these could be sent
    };
    std::deque<Chunk> chunks;
    std::uint64_t held = 0;
    Clock::time_point line_free{};
    bool ended = false;
};

struct Link {
    UniqueFd client, server;
    Direction up, down;
    std::uint64_t client_saw = 0, client_sent = 0, server_saw = 0;  // greatest depths
    bool broken = false;
};

}  // namespace

struct DelayProxy::State {
    DelayProxyOptions options;
    UniqueFd listener, wake;
    std::list<Link> links;
    std::atomic<bool> cut{false};
    std::atomic<std::int64_t> cut_after{-1};
    std::atomic<std::uint64_t> up{0}, down{0}, rounds{0}, connections{0};

    void accept_one();
    void receive(Link& link, bool upwards);
    void send_due(Link& link, bool upwards);
    void serve(const std::stop_token& stop);
    void break_link(Link& link);
};

DelayProxy::DelayProxy(const DelayProxyOptions& options) : state_(std::make_unique<State>()) {
    state_->options = options;
    state_->listener = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    state_->wake = UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    sockaddr_in address = loopback(0);
    socklen_t length = sizeof address;
    auto* const raw = reinterpret_cast<sockaddr*>(&address);
    if (::bind(state_->listener.get(), raw, sizeof address) != 0 || ::listen(state_->listener.get(), 64) != 0 ||
        ::getsockname(state_->listener.get(), raw, &length) != 0)
        throw std::runtime_error("proxy: no port");
    port_ = ntohs(address.sin_port);
    thread_ = std::jthread([state = state_.get()](const std::stop_token& stop) { state->serve(stop); });
}

DelayProxy::~DelayProxy() {
    thread_.request_stop();
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t n = ::write(state_->wake.get(), &one, sizeof one);
}

void DelayProxy::cut() {
    state_->cut = true;
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t n = ::write(state_->wake.get(), &one, sizeof one);
}

void DelayProxy::cut_after(std::uint64_t bytes_up) {
    state_->cut_after = static_cast<std::int64_t>(state_->up.load() + bytes_up);
}

std::uint64_t DelayProxy::bytes_up() const { return state_->up; }
std::uint64_t DelayProxy::bytes_down() const { return state_->down; }
std::uint64_t DelayProxy::rounds() const { return state_->rounds; }
std::uint64_t DelayProxy::connections() const { return state_->connections; }

void DelayProxy::State::accept_one() {
    UniqueFd client(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!client) return;
    UniqueFd server(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_in address = loopback(options.target_port);
    if (::connect(server.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return;
    ::fcntl(server.get(), F_SETFL, O_NONBLOCK);
    tune(client.get());
    tune(server.get());
    Link& link = links.emplace_back();
    link.client = std::move(client);
    link.server = std::move(server);
    ++connections;
}

void DelayProxy::State::receive(Link& link, bool upwards) {
    Direction& direction = upwards ? link.up : link.down;
    if (direction.ended) return;
    std::array<char, 64 * 1024> buffer;
    const ssize_t got = ::recv(upwards ? link.client.get() : link.server.get(), buffer.data(), buffer.size(), 0);
    if (got < 0) {
        if (errno != EAGAIN) link.broken = true;
        return;
    }
    const auto now = Clock::now();
    Direction::Chunk chunk;
    chunk.bytes.assign(buffer.begin(), buffer.begin() + got);
    direction.line_free = std::max(direction.line_free, now);
    if (options.bytes_per_second > 0)
        direction.line_free += std::chrono::duration_cast<Clock::duration>(
            std::chrono::duration<double>(static_cast<double>(got) / options.bytes_per_second));
    chunk.due = direction.line_free + options.one_way;
    chunk.depth = upwards ? link.client_saw + 1 : link.server_saw;
    direction.held += static_cast<std::uint64_t>(got);
    direction.chunks.push_back(std::move(chunk));
    if (got == 0) direction.ended = true;
    if (upwards) {
        up += static_cast<std::uint64_t>(got);
        if (got > 0 && link.client_sent <= link.client_saw) {
            link.client_sent = link.client_saw + 1;
            ++rounds;
        }
    }
}

void DelayProxy::State::send_due(Link& link, bool upwards) {
    Direction& direction = upwards ? link.up : link.down;
    const int to = upwards ? link.server.get() : link.client.get();
    while (!direction.chunks.empty() && direction.chunks.front().due <= Clock::now()) {
        Direction::Chunk& chunk = direction.chunks.front();
        if (chunk.bytes.empty()) {
            ::shutdown(to, SHUT_WR);
        } else {
            const ssize_t n = ::send(to, chunk.bytes.data() + chunk.sent, chunk.bytes.size() - chunk.sent, MSG_NOSIGNAL);
            if (n < 0) {
                if (errno != EAGAIN) link.broken = true;
                return;
            }
            chunk.sent += static_cast<std::size_t>(n);
            direction.held -= static_cast<std::uint64_t>(n);
            if (!upwards) down += static_cast<std::uint64_t>(n);
            std::uint64_t& saw = upwards ? link.server_saw : link.client_saw;
            saw = std::max(saw, chunk.depth);
            if (chunk.sent < chunk.bytes.size()) return;
        }
        direction.chunks.pop_front();
    }
}

void DelayProxy::State::break_link(Link& link) {
    const linger reset{1, 0};
    ::setsockopt(link.client.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    ::setsockopt(link.server.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
}

void DelayProxy::State::serve(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
        std::vector<pollfd> fds{{listener.get(), POLLIN, 0}, {wake.get(), POLLIN, 0}};
        auto next = Clock::now() + std::chrono::seconds(1);
        for (const Link& link : links) {
            const auto events = [&](const Direction& in, const Direction& out) {
                short wanted = 0;
                if (!in.ended && in.held < options.buffer_bytes) wanted |= POLLIN;
                if (!out.chunks.empty() && out.chunks.front().due <= Clock::now()) wanted |= POLLOUT;
                return wanted;
            };
            // An end that is not waited for is left out: poll() would report its hang-up again and again.
            const short client = events(link.up, link.down), server = events(link.down, link.up);
            fds.push_back({client != 0 ? link.client.get() : -1, client, 0});
            fds.push_back({server != 0 ? link.server.get() : -1, server, 0});
            for (const Direction* direction : {&link.up, &link.down})
                if (!direction->chunks.empty() && direction->chunks.front().due > Clock::now())
                    next = std::min(next, direction->chunks.front().due);
        }
        const auto wait = std::max<Clock::duration>(next - Clock::now(), Clock::duration(0));
        const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(wait);
        const timespec time{seconds.count(), (std::chrono::nanoseconds(wait) - seconds).count()};
        ::ppoll(fds.data(), fds.size(), &time, nullptr);
        std::uint64_t drained = 0;
        [[maybe_unused]] const ssize_t n = ::read(wake.get(), &drained, sizeof drained);
        std::size_t i = 2;
        for (Link& link : links) {
            if (fds[i].revents & (POLLIN | POLLERR | POLLHUP)) receive(link, true);
            if (fds[i + 1].revents & (POLLIN | POLLERR | POLLHUP)) receive(link, false);
            send_due(link, true);
            send_due(link, false);
            i += 2;
        }
        if (fds[0].revents & POLLIN) accept_one();
        const std::int64_t limit = cut_after;
        if (limit >= 0 && static_cast<std::int64_t>(up.load()) >= limit) {
            cut = true;
            cut_after = -1;
        }
        if (cut.exchange(false)) {
            for (Link& link : links) break_link(link);
            links.clear();
        }
        links.remove_if([](const Link& link) {
            return link.broken || (link.up.ended && link.down.ended && link.up.chunks.empty() && link.down.chunks.empty());
        });
    }
}

}  // namespace oracxfs::test
