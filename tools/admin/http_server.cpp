#include "tools/admin/http_server.h"

#include <microhttpd.h>

#include <algorithm>
#include <charconv>
#include <condition_variable>
#include <cstdarg>
#include <cstdio>
#include <mutex>
#include <thread>

#include "base/log.h"
#include "fs/executor.h"
#include "tools/admin/http_connections.h"
#include "tools/admin/http_listen.h"
#include "tools/admin/http_pipe.h"

namespace oracxfs {
namespace {

constexpr std::size_t kConnectionBytes = 24u << 10;  // for heads and what is read ahead: longer ones are refused
constexpr unsigned kSpare = 32;                      // above what the book keeps: so there is always room to accept
constexpr Millis kSweepPause{1'000};
constexpr Millis kLastAnswers{2'000};  // for whoever takes them slowly, when the server ends

// One request on its way. Made when its first line has arrived, gone when it has been answered.
struct Exchange {
    explicit Exchange(std::string asked) : target(std::move(asked)) {}
    std::string target;
    HttpRequest request;
    HttpResponse response;
    std::size_t body_max = 0;
    std::size_t body_counted = 0;
    bool slow = false;
    enum class Phase { fresh, reading, working, ready } phase = Phase::fresh;
    bool too_large = false;
    bool counted = false;  // among the answers that are still to be sent
};

HttpResponse plain(int status, const std::string& text) {
    HttpResponse response;
    response.status = status;
    response.body = text + "\n";
    response.with("Content-Type", "text/plain; charset=utf-8").with("Cache-Control", "no-store").with("X-Content-Type-Options", "nosniff");
    return response;
}

class HttpServerImpl final : public HttpServer {
  public:
    HttpServerImpl(HttpServerOptions options, HttpHandler& handler, Clock& clock)
        : options_(std::move(options)), handler_(handler), clock_(clock), book_(clock, options_.connections_max), quick_(options_.threads), slow_(options_.slow_threads) {}
    ~HttpServerImpl() override { HttpServerImpl::stop(); }

    Status listen() {
        std::optional<Error> unsupported;
        for (const ListenAddress& address : options_.listen) {
            auto socket = listen_on(address);
            if (!socket && socket.error().code == Errc::unsupported) {  // a machine without IPv6
                unsupported = socket.error();
                log::info("admin", unsupported->to_string());
                continue;
            }
            if (!socket) return fail(std::move(socket).error());
            sockets_.push_back(std::move(*socket));
        }
        if (sockets_.empty()) return unsupported ? Status(fail(*unsupported)) : Status(fail(Errc::config, "start the web admin", "admin.listen names no address"));
        for (const ListeningSocket& socket : sockets_) ORACX_TRYV(serve(socket));
        sweeper_ = std::jthread([this](const std::stop_token& stop) {
            while (clock_.sleep_for(kSweepPause, stop)) book_.sweep(options_.request_max);
        });
        return {};
    }

    void stop() override {
        if (stopping_.exchange(true)) return;
        stop_.request_stop();
        sweeper_ = {};
        for (MHD_Daemon* daemon : daemons_) MHD_quiesce_daemon(daemon);
        quick_.stop();
        slow_.stop();
        pipes_.end_all();
        {
            // What has been answered is sent, also to the one who moved us elsewhere.
            std::unique_lock lock(answers_mutex_);
            answers_sent_.wait_for(lock, kLastAnswers, [this] { return answers_ == 0; });
        }
        for (MHD_Daemon* daemon : daemons_) MHD_stop_daemon(daemon);
        daemons_.clear();
        sockets_.clear();
    }

    [[nodiscard]] std::size_t connections() const override { return book_.size(); }
    [[nodiscard]] std::vector<ListenAddress> addresses() const override {
        std::vector<ListenAddress> list;
        for (const ListeningSocket& socket : sockets_) list.push_back(socket.address);
        return list;
    }

    // --- callbacks of libmicrohttpd, in its threads ---

    MHD_Result access(MHD_Connection* connection, const char* method, const char* data, std::size_t* size, Exchange& exchange) {
        switch (exchange.phase) {
            case Exchange::Phase::fresh: return begin(connection, method, exchange);
            case Exchange::Phase::reading: break;
            case Exchange::Phase::working: return MHD_YES;  // not before it is resumed
            case Exchange::Phase::ready: return send(connection, exchange);
        }
        if (*size > 0) {
            take(exchange, {data, *size});
            *size = 0;
            return MHD_YES;
        }
        note_arrival(connection);
        if (exchange.too_large) return refuse(connection, exchange, plain(413, "The body is too large."));
        if (stopping_) return refuse(connection, exchange, plain(503, "The program is ending."));
        exchange.phase = Exchange::Phase::working;
        exchange.counted = true;
        {
            const std::lock_guard lock(answers_mutex_);
            answers_ += 1;
        }
        MHD_suspend_connection(connection);
        (exchange.slow ? slow_ : quick_).post([this, connection, &exchange] {
            exchange.response = handler_.handle(std::move(exchange.request), stop_.get_token());
            exchange.phase = Exchange::Phase::ready;
            MHD_resume_connection(connection);
        });
        return MHD_YES;
    }

    void completed(MHD_Connection* connection, std::unique_ptr<Exchange> exchange) {
        bodies_ -= exchange->body_counted;
        if (exchange->counted) {
            const std::lock_guard lock(answers_mutex_);
            if (--answers_ == 0) answers_sent_.notify_all();
        }
        if (exchange->response.stream) exchange->response.stream->closed();  // nobody is there any more to get it
        if (const auto ref = entry_of(connection)) book_.answered(*ref);
    }

    void connected(MHD_Connection* connection, void** context, bool begins) {
        if (begins) {
            const MHD_ConnectionInfo* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
            *context = std::make_unique<ConnectionBook::Ref>(book_.add(info == nullptr ? -1 : info->connect_fd)).release();
            return;
        }
        const std::unique_ptr<ConnectionBook::Ref> ref(static_cast<ConnectionBook::Ref*>(*context));
        *context = nullptr;
        if (ref) book_.remove(*ref);
    }

  private:
    Status serve(const ListeningSocket& socket);

    static std::optional<ConnectionBook::Ref> entry_of(MHD_Connection* connection) {
        const MHD_ConnectionInfo* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
        if (info == nullptr || info->socket_context == nullptr) return std::nullopt;
        return *static_cast<ConnectionBook::Ref*>(info->socket_context);
    }

    void note_arrival(MHD_Connection* connection) {
        if (const auto ref = entry_of(connection)) book_.arrived(*ref);
    }

    MHD_Result refuse(MHD_Connection* connection, Exchange& exchange, HttpResponse response) {
        exchange.response = std::move(response);
        exchange.phase = Exchange::Phase::ready;
        return send(connection, exchange);
    }

    MHD_Result begin(MHD_Connection* connection, const char* method, Exchange& exchange) {
        HttpRequest& request = exchange.request;
        request.method = method;
        const auto add = [](void* fields, MHD_ValueKind, const char* key, const char* value) {
            std::string name = key;
            std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : static_cast<char>(c); });
            static_cast<HttpFields*>(fields)->emplace_back(std::move(name), value == nullptr ? "" : value);
            return MHD_YES;
        };
        MHD_get_connection_values(connection, MHD_HEADER_KIND, add, &request.headers);
        if (const MHD_ConnectionInfo* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)) request.peer = address_text(info->client_addr);
        request.secure = !options_.tls_certificate.empty();
        request.port = sockets_.front().address.port;
        if (const Status parsed = parse_target(exchange.target, request); !parsed) return refuse(connection, exchange, plain(400, "Not understood: " + parsed.error().why + "."));
        HttpAdmission admission = handler_.admit(request);
        if (admission.refusal) return refuse(connection, exchange, std::move(*admission.refusal));
        exchange.body_max = admission.body_max;
        exchange.slow = admission.slow;
        if (const auto length = request.header("content-length")) {
            std::uint64_t bytes = 0;
            std::from_chars(length->data(), length->data() + length->size(), bytes);
            if (bytes > exchange.body_max) return refuse(connection, exchange, plain(413, "The body is too large: at most " + std::to_string(exchange.body_max) + " bytes are read."));
        }
        exchange.phase = Exchange::Phase::reading;
        return MHD_YES;
    }

    void take(Exchange& exchange, std::string_view data) {
        if (exchange.too_large) return;  // read and forgotten: an answer can only be given afterwards
        const bool fits = exchange.request.body.size() + data.size() <= exchange.body_max;
        const bool room = bodies_.fetch_add(data.size()) + data.size() <= options_.bodies_max;
        exchange.body_counted += data.size();
        if (fits && room) {
            exchange.request.body.append(data);
            return;
        }
        exchange.too_large = true;
        exchange.request.body = std::string();
        bodies_ -= exchange.body_counted;
        exchange.body_counted = 0;
    }

    MHD_Result send(MHD_Connection* connection, Exchange& exchange) {
        note_arrival(connection);
        HttpResponse& answer = exchange.response;
        MHD_Response* response = nullptr;
        if (answer.stream)
            response = pipes_.respond(std::move(answer.stream), connection);
        else {
            // Both outlive the response: the exchange ends after it.
            const std::string_view bytes = answer.fixed.data() != nullptr ? answer.fixed : std::string_view(answer.body);
            response = MHD_create_response_from_buffer(bytes.size(), const_cast<char*>(bytes.data()), MHD_RESPMEM_PERSISTENT);  // NOLINT(cppcoreguidelines-pro-type-const-cast)
        }
        if (response == nullptr) return MHD_NO;
        for (const auto& [name, value] : answer.headers)
            if (MHD_add_response_header(response, name.c_str(), value.c_str()) != MHD_YES) log::warn("admin", "header " + name + " can't be sent");
        const MHD_Result queued = MHD_queue_response(connection, static_cast<unsigned>(answer.status), response);
        MHD_destroy_response(response);
        return queued;
    }

    const HttpServerOptions options_;
    HttpHandler& handler_;
    Clock& clock_;
    ConnectionBook book_;
    HttpPipes pipes_;
    Executor quick_, slow_;
    std::atomic<std::size_t> bodies_{0};
    std::atomic<bool> stopping_{false};
    std::mutex answers_mutex_;
    std::condition_variable answers_sent_;
    std::size_t answers_ = 0;
    std::stop_source stop_;
    std::vector<ListeningSocket> sockets_;
    std::vector<MHD_Daemon*> daemons_;
    std::jthread sweeper_;
};

HttpServerImpl& self(void* context) { return *static_cast<HttpServerImpl*>(context); }

void* on_target(void*, const char* target, MHD_Connection*) { return std::make_unique<Exchange>(target).release(); }

MHD_Result on_access(void* context, MHD_Connection* connection, const char*, const char* method, const char*, const char* data, std::size_t* size, void** exchange) {
    return self(context).access(connection, method, data, size, *static_cast<Exchange*>(*exchange));
}

void on_completed(void* context, MHD_Connection* connection, void** exchange, MHD_RequestTerminationCode) {
    if (*exchange == nullptr) return;
    self(context).completed(connection, std::unique_ptr<Exchange>(static_cast<Exchange*>(*exchange)));
    *exchange = nullptr;
}

void on_connection(void* context, MHD_Connection* connection, void** socket_context, MHD_ConnectionNotificationCode code) {
    self(context).connected(connection, socket_context, code == MHD_CONNECTION_NOTIFY_STARTED);
}

void on_log(void*, const char* format, va_list arguments) {
    char text[512];
    if (std::vsnprintf(text, sizeof text, format, arguments) > 0) {
        std::string line = text;
        while (!line.empty() && line.back() == '\n') line.pop_back();
        log::debug("admin", line);
    }
}

Status HttpServerImpl::serve(const ListeningSocket& socket) {
    std::vector<MHD_OptionItem> options{
        {MHD_OPTION_EXTERNAL_LOGGER, reinterpret_cast<intptr_t>(&on_log), nullptr},
        {MHD_OPTION_LISTEN_SOCKET, socket.fd.get(), nullptr},
        {MHD_OPTION_CONNECTION_LIMIT, static_cast<intptr_t>(options_.connections_max + kSpare), nullptr},
        {MHD_OPTION_CONNECTION_TIMEOUT, static_cast<intptr_t>((options_.idle.count() + 999) / 1'000), nullptr},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, static_cast<intptr_t>(kConnectionBytes), nullptr},
        {MHD_OPTION_NOTIFY_COMPLETED, reinterpret_cast<intptr_t>(&on_completed), this},
        {MHD_OPTION_URI_LOG_CALLBACK, reinterpret_cast<intptr_t>(&on_target), this},
        {MHD_OPTION_NOTIFY_CONNECTION, reinterpret_cast<intptr_t>(&on_connection), this},
        {MHD_OPTION_STRICT_FOR_CLIENT, 1, nullptr},
    };
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    if (!options_.tls_certificate.empty()) {
        flags |= MHD_USE_TLS;
        options.push_back({MHD_OPTION_HTTPS_MEM_CERT, 0, const_cast<char*>(options_.tls_certificate.c_str())});  // NOLINT(cppcoreguidelines-pro-type-const-cast)
        options.push_back({MHD_OPTION_HTTPS_MEM_KEY, 0, const_cast<char*>(options_.tls_key.c_str())});           // NOLINT(cppcoreguidelines-pro-type-const-cast)
        static const char* const priorities = "SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2";
        options.push_back({MHD_OPTION_HTTPS_PRIORITIES, 0, const_cast<char*>(priorities)});  // NOLINT(cppcoreguidelines-pro-type-const-cast)
    }
    options.push_back({MHD_OPTION_END, 0, nullptr});
    MHD_Daemon* daemon = MHD_start_daemon(flags, 0, nullptr, nullptr, &on_access, this, MHD_OPTION_ARRAY, options.data(), MHD_OPTION_END);
    if (daemon == nullptr)
        return fail(options_.tls_certificate.empty() ? Errc::local_io : Errc::config, "serve " + socket.address.to_string(),
                    options_.tls_certificate.empty() ? "the server does not start" : "admin.tls_certificate and admin.tls_key do not fit");
    daemons_.push_back(daemon);
    return {};
}

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::start(HttpServerOptions options, HttpHandler& handler, Clock& clock) {
    auto server = std::make_unique<HttpServerImpl>(std::move(options), handler, clock);
    ORACX_TRYV(server->listen());
    return std::unique_ptr<HttpServer>(std::move(server));
}

}  // namespace oracxfs
