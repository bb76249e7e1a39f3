// The browser's way back to this machine: RFC 8252, 7.3. A reader of HTTP/1.1 that knows just enough for that.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <list>
#include <vector>

#include "base/unique_fd.h"
#include "providers/http/oauth_wire.h"
#include "providers/wait.h"

namespace oracxfs::http {
namespace {

constexpr std::size_t kRequestBytesMax = 8u << 10;
constexpr std::size_t kBrowsersMax = 16;
constexpr Millis kBrowserTime{5'000};
constexpr std::string_view kDonePath = "/signed-in";

constexpr std::string_view kDonePage =
    "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>oracxfs</title>"
    "<body><h1>oracxfs has the answer</h1><p>You can close this page and go back.</p></body></html>";

std::string answer(std::string_view status, std::string_view body, std::string_view extra = {}) {
    std::string text = "HTTP/1.1 ";
    text += status;
    text += "\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: " + std::to_string(body.size());
    text += "\r\nCache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff";
    text += "\r\nContent-Security-Policy: default-src 'none'\r\nConnection: close\r\n";
    text += extra;
    text += "\r\n";
    text += body;
    return text;
}

std::string short_page(std::string_view words) { return "<!doctype html><title>oracxfs</title><p>" + std::string(words); }

struct Browser {
    UniqueFd fd;
    SteadyTime until;
    std::string in, out;
    std::size_t sent = 0;
    bool leaves = false;
};

struct Wake {
    int fd;
    void operator()() const {
        const std::uint64_t one = 1;
        // Nothing can be done about a failure; the wait looks at the token again each second.
        [[maybe_unused]] const ssize_t n = ::write(fd, &one, sizeof one);
    }
};

Result<UniqueFd> listen_at(const sockaddr* address, socklen_t length) {
    UniqueFd fd(::socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const int one = 1;
    if (fd) ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (fd && address->sa_family == AF_INET6) ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    if (!fd || ::bind(fd.get(), address, length) != 0 || ::listen(fd.get(), 16) != 0)
        return fail(error_from_errno(errno, "listen for the browser"));
    return fd;
}

Result<UniqueFd> listen_v4(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return listen_at(reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

Result<UniqueFd> listen_v6(std::uint16_t port) {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_addr = in6addr_loopback;
    address.sin6_port = htons(port);
    return listen_at(reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

std::uint16_t port_of(const UniqueFd& fd) {
    sockaddr_in address{};
    socklen_t length = sizeof address;
    if (::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0) return 0;
    return ntohs(address.sin_port);
}

class Receiver final : public LoopbackReceiver {
  public:
    Receiver(std::vector<UniqueFd> listeners, std::string host, std::uint16_t port, std::string path, Millis farewell)
        : listeners_(std::move(listeners)), path_(std::move(path)), farewell_(farewell),
          uri_("http://" + host + ":" + std::to_string(port) + path_), event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

    [[nodiscard]] std::string redirect_uri() const override { return uri_; }

    Result<std::string> wait(const OpContext& ctx, const SignIn& sign_in) override {
        const std::stop_callback wake(ctx.stop, Wake{event_.get()});
        std::optional<Result<std::string>> result;
        SteadyTime farewell{};
        while (!result || (clock_.steady() < farewell && !farewell_said_)) {
            if (Status wanted = still_wanted(ctx, clock_); !wanted) {
                if (result) break;
                return fail(std::move(wanted).error().at("wait for the browser"));
            }
            step(ctx, result ? std::optional(farewell) : std::nullopt);
            for (Browser& browser : browsers_) {
                auto found = serve(browser, sign_in, result.has_value());
                if (!found || result) continue;
                result = std::move(found);
                farewell = clock_.steady() + farewell_;
            }
            browsers_.remove_if([](const Browser& browser) { return browser.leaves; });
        }
        browsers_.clear();
        return std::move(*result);
    }

  private:
    // Waits for something to happen, and moves bytes.
    void step(const OpContext& ctx, std::optional<SteadyTime> until) {
        std::vector<pollfd> fds{{event_.get(), POLLIN, 0}};
        const bool room = browsers_.size() < kBrowsersMax;
        for (const UniqueFd& listener : listeners_) fds.push_back({room ? listener.get() : -1, POLLIN, 0});
        SteadyTime next = clock_.steady() + std::chrono::seconds(1);
        if (ctx.deadline) next = std::min(next, *ctx.deadline);
        if (until) next = std::min(next, *until);
        for (const Browser& browser : browsers_) {
            fds.push_back({browser.fd.get(), static_cast<short>(browser.out.empty() ? POLLIN : POLLOUT), 0});
            next = std::min(next, browser.until);
        }
        const auto pause = std::chrono::ceil<Millis>(next - clock_.steady()).count();
        if (::poll(fds.data(), fds.size(), static_cast<int>(std::max<std::int64_t>(pause, 0))) < 0) return;
        std::size_t at = 1 + listeners_.size();
        for (Browser& browser : browsers_) {
            if (fds[at++].revents != 0) move_bytes(browser);
            if (clock_.steady() >= browser.until) browser.leaves = true;
        }
        for (std::size_t i = 0; i < listeners_.size(); ++i) {
            if (fds[i + 1].revents == 0) continue;
            UniqueFd fd(::accept4(listeners_[i].get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
            if (fd) browsers_.push_back({std::move(fd), clock_.steady() + kBrowserTime, {}, {}, 0, false});
        }
    }

    static void move_bytes(Browser& browser) {
        if (browser.out.empty()) {
            std::array<char, 2048> piece;
            const ssize_t n = ::recv(browser.fd.get(), piece.data(), piece.size(), 0);
            if (n > 0) browser.in.append(piece.data(), static_cast<std::size_t>(n));
            if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) browser.leaves = true;
            return;
        }
        const ssize_t n = ::send(browser.fd.get(), browser.out.data() + browser.sent, browser.out.size() - browser.sent, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN && errno != EINTR) browser.leaves = true;
        if (n > 0) browser.sent += static_cast<std::size_t>(n);
        if (browser.sent == browser.out.size()) {
            // A close with unread bytes would be a reset, and the browser might lose the answer.
            ::shutdown(browser.fd.get(), SHUT_WR);
            browser.leaves = true;
        }
    }

    // An answer for a browser whose request is whole; the end of the wait, if that was it.
    std::optional<Result<std::string>> serve(Browser& browser, const SignIn& sign_in, bool has_result) {
        if (browser.leaves && browser.out.size() > 0 && browser.sent == browser.out.size() && has_result &&
            browser.in.starts_with("GET " + std::string(kDonePath)))
            farewell_said_ = true;
        if (browser.leaves || !browser.out.empty()) return std::nullopt;
        if (browser.in.find("\r\n\r\n") == std::string::npos) {
            if (browser.in.size() > kRequestBytesMax)
                browser.out = answer("431 Request Header Fields Too Large", short_page("This request is too long."));
            return std::nullopt;
        }
        const std::string line = browser.in.substr(0, browser.in.find("\r\n"));
        const auto first = line.find(' '), last = line.rfind(' ');
        if (first == std::string::npos || last <= first || !line.substr(last).starts_with(" HTTP/1.")) {
            browser.out = answer("400 Bad Request", short_page("This is not a request."));
            return std::nullopt;
        }
        const std::string method = line.substr(0, first);
        const std::string target = line.substr(first + 1, last - first - 1);
        const auto mark = target.find('?');
        const std::string path = target.substr(0, mark);
        if (method != "GET") {
            browser.out = answer("405 Method Not Allowed", short_page("Not here."), "Allow: GET\r\n");
        } else if (path == kDonePath && mark == std::string::npos && has_result) {
            browser.out = answer("200 OK", kDonePage);
        } else if (path != path_ || mark == std::string::npos) {
            browser.out = answer("404 Not Found", short_page("There is nothing here."));
        } else {
            return redirect(browser, std::string_view(target).substr(mark + 1), sign_in, has_result);
        }
        return std::nullopt;
    }

    std::optional<Result<std::string>> redirect(Browser& browser, std::string_view query, const SignIn& sign_in, bool has_result) {
        Redirect found = read_redirect(query, sign_in.state);
        const std::string led_on = answer("303 See Other", short_page("Go on."), "Location: " + std::string(kDonePath) + "\r\n");
        switch (found.kind) {
            case Redirect::Kind::foreign:
                // Any web page can make the browser come here; that must not end the wait.
                browser.out = answer("403 Forbidden", short_page("This belongs to another attempt to sign in."));
                return std::nullopt;
            case Redirect::Kind::malformed:
                browser.out = answer("400 Bad Request", short_page("Something is missing in this address, or is there twice."));
                return std::nullopt;
            case Redirect::Kind::declined:
                browser.out = led_on;
                if (has_result) return std::nullopt;
                return Result<std::string>(fail(Errc::unauthenticated, "sign in", "the service says " + found.error));
            case Redirect::Kind::code:
                // Browsers load pages twice at times: the second visit gets the first one's answer.
                browser.out = led_on;
                if (has_result) return std::nullopt;
                return Result<std::string>(std::move(found.code));
        }
        return std::nullopt;
    }

    const std::vector<UniqueFd> listeners_;
    const std::string path_;
    const Millis farewell_;
    const std::string uri_;
    const UniqueFd event_;
    SystemClock clock_;  // poll() knows no other
    std::list<Browser> browsers_;
    bool farewell_said_ = false;
};

}  // namespace

Result<std::unique_ptr<LoopbackReceiver>> LoopbackReceiver::listen(std::string host, std::uint16_t port, std::string path,
                                                                   Millis farewell) {
    if (host != "localhost" && host != "127.0.0.1") return fail(Errc::invalid, "the browser can come back to localhost only", host);
    if (!path.starts_with('/')) return fail(Errc::invalid, "a path begins with a slash", path);
    const auto taken = [&](const Error& error) {
        return fail(Errc::unavailable, "port " + std::to_string(port) + " can't be used for the browser's way back", error.why);
    };
    auto v4 = listen_v4(port);
    if (!v4) return taken(v4.error());
    const std::uint16_t real = port_of(*v4);
    std::vector<UniqueFd> listeners;
    listeners.push_back(std::move(*v4));
    if (host == "localhost") {
        // A browser may take either address for that name. A machine without IPv6 has no such browser; but a port that
        // somebody else has there would hand him the code.
        auto v6 = listen_v6(real);
        if (!v6 && v6.error().native == EADDRINUSE) return taken(v6.error());
        if (v6) listeners.push_back(std::move(*v6));
    }
    return std::unique_ptr<LoopbackReceiver>(std::make_unique<Receiver>(std::move(listeners), std::move(host), real, std::move(path), farewell));
}

}  // namespace oracxfs::http
