#pragma once
// What the HTTPS server of the tests reads and writes through: the socket, bytes read ahead, the body of a request.

#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <memory>
#include <span>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/free_with.h"
#include "base/unique_fd.h"
#include "tests/support/https_server.h"

namespace oracxfs::test {

struct Gone : std::runtime_error {
    using std::runtime_error::runtime_error;
};

using TlsContext = std::unique_ptr<SSL_CTX, FreeWith<&SSL_CTX_free>>;
using Tls = std::unique_ptr<SSL, FreeWith<&SSL_free>>;

inline constexpr std::size_t kBufferBytes = 256u << 10;

inline std::string lower_case(std::string text) {
    for (char& c : text)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return text;
}

// A socket with or without TLS. Everything blocks; shutdown() of the socket from elsewhere ends a wait.
class Wire {
  public:
    Wire(UniqueFd fd, SSL_CTX* context) : fd_(std::move(fd)) {
        if (context == nullptr) return;
        tls_.reset(SSL_new(context));
        SSL_set_fd(tls_.get(), fd_.get());
    }

    bool accept() { return !tls_ || SSL_accept(tls_.get()) == 1; }
    [[nodiscard]] int fd() const { return fd_.get(); }

    std::size_t read(std::span<char> into) {
        std::size_t got = 0;
        if (tls_) {
            if (SSL_read_ex(tls_.get(), into.data(), into.size(), &got) != 1) return 0;
            return got;
        }
        const ssize_t n = ::recv(fd_.get(), into.data(), into.size(), 0);
        return n > 0 ? static_cast<std::size_t>(n) : 0;
    }

    void write(std::string_view bytes) {
        while (!bytes.empty()) {
            std::size_t sent = 0;
            if (tls_) {
                if (SSL_write_ex(tls_.get(), bytes.data(), bytes.size(), &sent) != 1) throw Gone("client went away");
            } else {
                const ssize_t n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
                if (n <= 0) throw Gone("client went away");
                sent = static_cast<std::size_t>(n);
            }
            bytes.remove_prefix(sent);
        }
    }

    // The client's FIN or RST, without taking bytes.
    void wait_for_end(const std::stop_token& stop) const {
        const std::stop_callback wake(stop, [this] { ::shutdown(fd_.get(), SHUT_RDWR); });
        std::array<char, 4096> ignored;
        while (::recv(fd_.get(), ignored.data(), ignored.size(), 0) > 0) {
        }
    }

    void close_in_order() {
        if (tls_) SSL_shutdown(tls_.get());
        ::shutdown(fd_.get(), SHUT_RDWR);
    }

    void reset_at_close() const {
        const linger now{1, 0};
        ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    }

  private:
    UniqueFd fd_;
    Tls tls_;
};

// Bytes read ahead of what was asked for.
class Reader {
  public:
    explicit Reader(Wire& wire) : wire_(wire), buffer_(kBufferBytes) {}

    // Up to and including the empty line; "" when the client closed before the first byte.
    std::string head(std::size_t bytes_max) {
        std::string text;
        while (text.find("\r\n\r\n") == std::string::npos) {
            if (text.size() > bytes_max) throw Gone("head too long");
            const char c = text.empty() ? first() : next();
            if (text.empty() && begin_ == end_ && c == '\0') return {};
            text += c;
        }
        return text;
    }

    std::string line() {
        std::string text;
        while (!text.ends_with("\r\n")) text += next();
        text.resize(text.size() - 2);
        return text;
    }

    std::size_t read(std::span<char> into) {
        if (begin_ == end_) {
            // Large pieces go where they are wanted at once.
            const std::size_t n = wire_.read(into);
            if (n == 0) throw Gone("client went away in the body");
            return n;
        }
        const std::size_t n = std::min(into.size(), end_ - begin_);
        std::copy_n(buffer_.data() + begin_, n, into.data());
        begin_ += n;
        return n;
    }

  private:
    bool fill() {
        begin_ = 0;
        end_ = wire_.read(buffer_);
        return end_ > 0;
    }
    char first() { return begin_ == end_ && !fill() ? '\0' : buffer_[begin_++]; }
    char next() {
        if (begin_ == end_ && !fill()) throw Gone("client went away");
        return buffer_[begin_++];
    }

    Wire& wire_;
    std::vector<char> buffer_;
    std::size_t begin_ = 0, end_ = 0;
};

class Body final : public RequestBody {
  public:
    Body(Wire& wire, Reader& reader, const HttpsRequest& request, std::atomic<std::uint64_t>& counter)
        : wire_(wire), reader_(reader), counter_(counter) {
        chunked_ = lower_case(std::string(request.header("transfer-encoding"))) == "chunked";
        const std::string_view length = request.header("content-length");
        if (!chunked_) std::from_chars(length.data(), length.data() + length.size(), left_);
        awaits_continue_ = lower_case(std::string(request.header("expect"))) == "100-continue";
        ended_ = !chunked_ && left_ == 0;
    }

    std::size_t read(std::span<char> into) override {
        if (ended_ || into.empty()) return 0;
        if (std::exchange(awaits_continue_, false)) wire_.write("HTTP/1.1 100 Continue\r\n\r\n");
        if (chunked_ && left_ == 0 && !next_chunk()) return 0;
        const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), left_));
        const std::size_t n = reader_.read(into.first(wanted));
        left_ -= n;
        counter_ += n;
        if (left_ == 0 && chunked_) reader_.line();
        if (left_ == 0 && !chunked_) ended_ = true;
        return n;
    }

    // What the handler left: read and dropped, so that the next request can be found. False: better to close.
    bool drain() {
        if (ended_) return true;
        if (awaits_continue_) return false;
        std::vector<char> ignored(kBufferBytes);
        while (read(ignored) > 0) {
        }
        return true;
    }

  private:
    bool next_chunk() {
        const std::string line = reader_.line();
        left_ = 0;
        std::from_chars(line.data(), line.data() + line.size(), left_, 16);
        if (left_ > 0) return true;
        while (!reader_.line().empty()) {
        }
        ended_ = true;
        return false;
    }

    Wire& wire_;
    Reader& reader_;
    std::atomic<std::uint64_t>& counter_;
    std::uint64_t left_ = 0;
    bool chunked_ = false, ended_ = false, awaits_continue_ = false;
};

}  // namespace oracxfs::test
