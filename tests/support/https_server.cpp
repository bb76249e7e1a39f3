#include "tests/support/https_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <condition_variable>
#include <csignal>
#include <list>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "base/unique_fd.h"
#include "providers/http/http_client.h"
#include "tests/support/https_wire.h"

namespace oracxfs::test {
namespace {

std::string trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return std::string(text.substr(first, text.find_last_not_of(" \t") - first + 1));
}

std::optional<std::string> field_of(std::string_view form, std::string_view name) {
    while (!form.empty()) {
        const std::string_view pair = form.substr(0, form.find('&'));
        form.remove_prefix(std::min(pair.size() + 1, form.size()));
        const auto equals = pair.find('=');
        const auto decode = [](std::string_view text) { return http::percent_decode(text, http::Decoding::form); };
        if (decode(pair.substr(0, equals)) != name) continue;
        return equals == std::string_view::npos ? std::string() : decode(pair.substr(equals + 1));
    }
    return std::nullopt;
}

const char* reason_of(int status) {
    switch (status) {
        case 200: return "OK";
        case 206: return "Partial Content";
        case 308: return "Resume Incomplete";
        case 400: return "Bad Request";
        case 401: return "Unauthorized";
        case 404: return "Not Found";
        case 409: return "Conflict";
        case 429: return "Too Many Requests";
        case 503: return "Service Unavailable";
        default: return "Status";
    }
}

HttpsRequest parse_head(const std::string& head) {
    HttpsRequest request;
    std::size_t at = head.find("\r\n");
    const std::string first = head.substr(0, at);
    const auto space = first.find(' ');
    request.method = first.substr(0, space);
    request.target = first.substr(space + 1, first.rfind(' ') - space - 1);
    const auto mark = request.target.find('?');
    request.path = request.target.substr(0, mark);
    if (mark != std::string::npos) request.query = request.target.substr(mark + 1);
    for (at += 2; at < head.size();) {
        const std::size_t end = head.find("\r\n", at);
        if (end == at) break;
        const std::string line = head.substr(at, end - at);
        const auto colon = line.find(':');
        request.headers.emplace_back(lower_case(line.substr(0, colon)), trimmed(std::string_view(line).substr(colon + 1)));
        at = end + 2;
    }
    return request;
}

// Always HTTP/1.1 where that is offered.
int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_bytes, const unsigned char* in,
                    unsigned int in_bytes, void* record) {
    std::string offer;
    for (unsigned int at = 0; at < in_bytes; at += in[at] + 1u) {
        if (!offer.empty()) offer += ',';
        offer.append(reinterpret_cast<const char*>(in + at + 1), in[at]);
    }
    (*static_cast<std::function<void(std::string)>*>(record))(offer);
    static constexpr std::array<unsigned char, 8> kHttp11{'h', 't', 't', 'p', '/', '1', '.', '1'};
    if (offer.find("http/1.1") == std::string::npos) return SSL_TLSEXT_ERR_NOACK;
    *out = kHttp11.data();
    *out_bytes = kHttp11.size();
    return SSL_TLSEXT_ERR_OK;
}

// The only signal a peer that goes away may cause; OpenSSL writes without MSG_NOSIGNAL.
void block_sigpipe() {
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

}  // namespace

struct HttpsServer::Impl {
    Handler handler;
    HttpsServerOptions options;
    TestCa ca;
    TlsContext context;
    UniqueFd listener;
    int port = 0;
    std::stop_source stop;

    struct Connection {
        std::shared_ptr<Wire> wire;
        bool busy = true;
        bool to_be_closed = false;  // when it is no longer busy
        bool ended = false;
        std::thread thread;
    };
    mutable std::mutex mutex;
    mutable std::condition_variable changed;
    std::list<Connection> open;
    std::vector<std::string> offers;
    std::uint64_t requests = 0, connections = 0, handshakes = 0;
    std::atomic<std::uint64_t> body_bytes{0};
    std::function<void(std::string)> record_offer = [this](std::string offer) {
        const std::lock_guard lock(mutex);
        offers.push_back(std::move(offer));
    };
    std::thread acceptor;

    void accept_all();
    void serve(Connection& connection, std::uint64_t number);
    void converse(Connection& connection, std::uint64_t number);
    // False: the connection ends.
    bool answer(Wire& wire, Body& body, const HttpsRequest& request, HttpsResponse response);
    void send(Wire& wire, const HttpsRequest& request, HttpsResponse& response);
    void pause(std::chrono::milliseconds time) {
        std::unique_lock lock(mutex);
        if (time.count() > 0) changed.wait_for(lock, time, [this] { return stop.stop_requested(); });
        if (stop.stop_requested()) throw Gone("server ends");
    }
};

void HttpsServer::Impl::accept_all() {
    block_sigpipe();
    while (!stop.stop_requested()) {
        UniqueFd client(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (!client) {
            if (stop.stop_requested()) return;
            continue;
        }
        const int one = 1;
        ::setsockopt(client.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        const std::lock_guard lock(mutex);
        for (auto it = open.begin(); it != open.end();) {
            if (it->ended) {
                it->thread.join();
                it = open.erase(it);
            } else {
                ++it;
            }
        }
        Connection& connection = open.emplace_back();
        connection.wire = std::make_shared<Wire>(std::move(client), context.get());
        connection.thread =
            std::thread([this, &connection, number = ++connections] { serve(connection, number); });
    }
}

void HttpsServer::Impl::serve(Connection& connection, std::uint64_t number) {
    block_sigpipe();
    try {
        if (connection.wire->accept()) {
            if (options.tls) {
                const std::lock_guard lock(mutex);
                ++handshakes;
            }
            converse(connection, number);
        }
    } catch (const Gone&) {
        // The client's right, and what several tests are about.
    }
    ERR_clear_error();
    const std::lock_guard lock(mutex);
    connection.wire.reset();
    connection.ended = true;
    changed.notify_all();
}

void HttpsServer::Impl::converse(Connection& connection, std::uint64_t number) {
    Wire& wire = *connection.wire;
    Reader reader(wire);
    const auto set_busy = [&](bool busy) {
        const std::lock_guard lock(mutex);
        connection.busy = busy;
        if (busy) ++requests;
        changed.notify_all();
    };
    for (std::uint64_t count = 1; !stop.stop_requested(); ++count) {
        if (count == 1) {
            const std::lock_guard lock(mutex);
            connection.busy = false;
        }
        const std::string head = reader.head(options.header_bytes_max);
        if (head.empty()) return;
        HttpsRequest request = parse_head(head);
        set_busy(true);
        request.connection = number;
        request.on_connection = count;
        request.stop = stop.get_token();
        Body body(wire, reader, request, body_bytes);
        request.stream = &body;
        HttpsResponse response;
        try {
            response = handler(request);
        } catch (const Gone&) {
            throw;
        } catch (const std::exception& error) {
            response = HttpsResponse::text(error.what(), 500);
        }
        const bool goes_on = answer(wire, body, request, std::move(response));
        {
            const std::lock_guard lock(mutex);
            connection.busy = false;
            if (connection.to_be_closed) return;
        }
        if (!goes_on || request.header("connection") == "close") return;
    }
}

bool HttpsServer::Impl::answer(Wire& wire, Body& body, const HttpsRequest& request, HttpsResponse response) {
    using Finish = HttpsResponse::Finish;
    pause(response.delay);
    response.until_answer.reset();
    if (!response.raw.empty())
        wire.write(response.raw);
    else if (!response.silent)
        send(wire, request, response);
    switch (response.finish) {
        case Finish::keep_alive:
            if (response.framing != HttpsResponse::Framing::until_close && body.drain()) return true;
            wire.close_in_order();
            return false;
        case Finish::close: wire.close_in_order(); return false;
        case Finish::drop: return false;
        case Finish::reset: wire.reset_at_close(); return false;
        case Finish::hang: wire.wait_for_end(stop.get_token()); return false;
    }
    return false;
}

void HttpsServer::Impl::send(Wire& wire, const HttpsRequest& request, HttpsResponse& response) {
    using Framing = HttpsResponse::Framing;
    if (response.more && !response.announced && response.framing == Framing::length) response.framing = Framing::chunked;
    std::string head = "HTTP/1.1 " + std::to_string(response.status) + " " + reason_of(response.status) + "\r\n";
    for (const auto& [name, value] : response.headers) head += name + ": " + value + "\r\n";
    const bool bodiless = response.status == 204 || response.status == 304;
    if (response.framing == Framing::length && !bodiless)
        head += "Content-Length: " + std::to_string(response.announced.value_or(response.body.size())) + "\r\n";
    if (response.framing == Framing::chunked) head += "Transfer-Encoding: chunked\r\n";
    if (response.framing == Framing::until_close || response.finish == HttpsResponse::Finish::close)
        head += "Connection: close\r\n";
    head += "\r\n";
    if (bodiless || request.method == "HEAD") {
        wire.write(head);
        return;
    }
    std::uint64_t left = response.cut_after.value_or(~std::uint64_t{0});
    const auto send_piece = [&](std::string_view piece) {
        piece = piece.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), left)));
        left -= piece.size();
        if (piece.empty()) return;
        std::array<char, 24> size{};
        if (response.framing == Framing::chunked) {
            const auto end = std::to_chars(size.data(), size.data() + size.size(), piece.size(), 16).ptr;
            wire.write(std::string(size.data(), end) + "\r\n" + std::string(piece) + "\r\n");
        } else {
            wire.write(piece);
        }
    };
    const auto send_dripping = [&](std::string_view bytes) {
        if (response.drip_bytes == 0) return send_piece(bytes);
        while (!bytes.empty() && left > 0) {
            pause(response.drip_delay);
            send_piece(bytes.substr(0, response.drip_bytes));
            bytes.remove_prefix(std::min(bytes.size(), response.drip_bytes));
        }
    };
    if (response.framing == Framing::length && response.drip_bytes == 0 && response.body.size() < kBufferBytes &&
        response.body.size() <= left) {
        // One write: with two, the client would see the head before the body.
        wire.write(head + response.body);
        left -= response.body.size();
    } else {
        wire.write(head);
        send_dripping(response.body);
    }
    std::string piece;
    while (left > 0 && response.more && response.more(piece)) {
        send_dripping(piece);
        piece.clear();
    }
    if (response.framing == Framing::chunked && left > 0) wire.write("0\r\n\r\n");
}

HttpsServer::HttpsServer(Handler handler, HttpsServerOptions options) : impl_(std::make_unique<Impl>()) {
    impl_->handler = std::move(handler);
    impl_->options = options;
    if (options.tls) {
        impl_->context.reset(SSL_CTX_new(TLS_server_method()));
        SSL_CTX* const context = impl_->context.get();
        if (options.tls_1_1_only) {
            SSL_CTX_set_security_level(context, 0);
            SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
            SSL_CTX_set_max_proto_version(context, TLS1_1_VERSION);
        }
        const TestCa::Files files = impl_->ca.make(options.certificate);
        SSL_CTX_set_alpn_select_cb(context, choose_protocol, &impl_->record_offer);
        if (SSL_CTX_use_certificate_file(context, files.certificate.c_str(), SSL_FILETYPE_PEM) != 1 ||
            SSL_CTX_use_PrivateKey_file(context, files.key.c_str(), SSL_FILETYPE_PEM) != 1)
            throw std::runtime_error("https server: certificate");
    }
    impl_->listener = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* const raw = reinterpret_cast<sockaddr*>(&address);
    if (::bind(impl_->listener.get(), raw, sizeof address) != 0 || ::listen(impl_->listener.get(), 256) != 0 ||
        ::getsockname(impl_->listener.get(), raw, &length) != 0)
        throw std::runtime_error("https server: no port");
    impl_->port = ntohs(address.sin_port);
    impl_->acceptor = std::thread([this] { impl_->accept_all(); });
}

HttpsServer::~HttpsServer() {
    impl_->stop.request_stop();
    ::shutdown(impl_->listener.get(), SHUT_RDWR);
    impl_->acceptor.join();
    {
        const std::lock_guard lock(impl_->mutex);
        impl_->changed.notify_all();
        for (auto& connection : impl_->open)
            if (connection.wire) ::shutdown(connection.wire->fd(), SHUT_RDWR);
    }
    for (auto& connection : impl_->open) connection.thread.join();
}

int HttpsServer::port() const { return impl_->port; }
std::string HttpsServer::ca_file() const { return impl_->ca.ca_file(); }

std::string HttpsServer::url(std::string_view target) const {
    return (impl_->options.tls ? "https://localhost:" : "http://localhost:") + std::to_string(impl_->port) +
           std::string(target);
}

std::uint64_t HttpsServer::requests() const {
    const std::lock_guard lock(impl_->mutex);
    return impl_->requests;
}

std::uint64_t HttpsServer::connections() const {
    const std::lock_guard lock(impl_->mutex);
    return impl_->connections;
}

std::uint64_t HttpsServer::handshakes() const {
    const std::lock_guard lock(impl_->mutex);
    return impl_->handshakes;
}

std::uint64_t HttpsServer::body_bytes() const { return impl_->body_bytes; }

void HttpsServer::wait_for_requests(std::uint64_t count) const {
    std::unique_lock lock(impl_->mutex);
    impl_->changed.wait(lock, [&] { return impl_->requests >= count; });
}

void HttpsServer::wait_for_open(std::size_t count) const {
    std::unique_lock lock(impl_->mutex);
    impl_->changed.wait(lock, [&] {
        const auto open = std::count_if(impl_->open.begin(), impl_->open.end(), [](const auto& c) { return !c.ended; });
        return static_cast<std::size_t>(open) <= count;
    });
}

std::vector<std::string> HttpsServer::alpn_offers() const {
    const std::lock_guard lock(impl_->mutex);
    return impl_->offers;
}

void HttpsServer::close_idle() {
    const std::lock_guard lock(impl_->mutex);
    for (auto& connection : impl_->open)
        if (connection.wire && connection.busy)
            connection.to_be_closed = true;
        else if (connection.wire)
            ::shutdown(connection.wire->fd(), SHUT_RDWR);
}

void HttpsServer::reset_all() {
    const std::lock_guard lock(impl_->mutex);
    for (auto& connection : impl_->open) {
        if (!connection.wire) continue;
        connection.wire->reset_at_close();
        ::shutdown(connection.wire->fd(), SHUT_RD);
    }
}

std::string_view HttpsRequest::header(std::string_view name) const {
    for (const auto& [key, value] : headers)
        if (key == name) return value;
    return {};
}

bool HttpsRequest::has_header(std::string_view name) const {
    return std::any_of(headers.begin(), headers.end(), [&](const auto& pair) { return pair.first == name; });
}

std::optional<std::string> HttpsRequest::parameter(std::string_view name) const { return field_of(query, name); }
std::optional<std::string> HttpsRequest::form_field(std::string_view name) { return field_of(body(), name); }

const std::string& HttpsRequest::body() {
    if (std::exchange(body_read_, true) || stream == nullptr) return body_;
    std::vector<char> buffer(64u << 10);
    while (const std::size_t n = stream->read(buffer)) body_.append(buffer.data(), n);
    return body_;
}

HttpsResponse HttpsResponse::text(std::string text, int status, std::string type) {
    HttpsResponse response;
    response.status = status;
    response.headers.emplace_back("Content-Type", std::move(type));
    response.body = std::move(text);
    return response;
}

HttpsResponse HttpsResponse::json(std::string text, int status) {
    return HttpsResponse::text(std::move(text), status, "application/json");
}

HttpsResponse&& HttpsResponse::with(std::string name, std::string value) && {
    headers.emplace_back(std::move(name), std::move(value));
    return std::move(*this);
}

}  // namespace oracxfs::test
