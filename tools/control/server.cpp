#include "tools/control/server.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "base/log.h"
#include "fs/executor.h"
#include "tools/control/envelope.h"
#include "tools/control/socket.h"

namespace oracxfs {
namespace {

struct Connection {
    Connection(std::uint64_t number, UniqueFd fd, std::size_t line_max) : id(number), channel(std::move(fd), line_max) {}
    const std::uint64_t id;  // never used again, unlike descriptors
    LineChannel channel;
    std::stop_source stop;  // the peer hung up, or the server stops
};
using ConnectionPtr = std::shared_ptr<Connection>;

constexpr std::uint64_t kListenerId = 0;
constexpr std::uint64_t kWakeId = 1;

class ControlServerImpl final : public ControlServer {
  public:
    ControlServerImpl(ControlServerOptions options, const HandlerRegistry& handlers, UniqueFd listener, UniqueFd epoll, UniqueFd wake)
        : options_(std::move(options)),
          handlers_(handlers),
          listener_(std::move(listener)),
          epoll_(std::move(epoll)),
          wake_(std::move(wake)),
          pool_(options_.connections_max) {
        thread_ = std::jthread([this] { loop(); });
    }
    ~ControlServerImpl() override { ControlServerImpl::stop(); }

    void stop() override {
        if (!thread_.joinable()) return;
        stopping_ = true;
        (void)::eventfd_write(wake_.get(), 1);
        thread_.join();
        ::unlink(options_.socket.c_str());
        {
            const std::lock_guard lock(mutex_);
            for (auto& [id, connection] : connections_) connection->stop.request_stop();
        }
        pool_.stop();
    }

  private:
    void loop() {
        while (!stopping_) {
            std::array<epoll_event, 16> events{};
            const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
            if (count < 0 && errno != EINTR) {
                log::error("control", error_from_errno(errno, "wait for clients").to_string());
                return;
            }
            for (int i = 0; i < count; ++i) {
                const std::uint64_t id = events[static_cast<std::size_t>(i)].data.u64;
                if (id == kListenerId)
                    accept_one();
                else if (id != kWakeId)
                    hung_up(id);
            }
        }
    }

    void accept_one() {
        UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (!fd) return;
        ucred peer{};
        socklen_t length = sizeof peer;
        if (::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0 || (peer.uid != ::geteuid() && peer.uid != 0)) {
            log::warn("control", "refused a connection of user " + std::to_string(peer.uid));
            return;
        }
        const int raw = fd.get();
        auto connection = std::make_shared<Connection>(next_id_++, std::move(fd), options_.request_bytes_max);
        {
            const std::lock_guard lock(mutex_);
            if (connections_.size() >= options_.connections_max) {
                answer(*connection, make_error_envelope("", Error(Errc::busy, "serve", "too many clients at once")));
                return;
            }
            connections_[connection->id] = connection;
        }
        // Only a peer that has closed both directions is gone: tools such as `nc -N` close theirs after the request.
        epoll_event event{};
        event.events = EPOLLET;  // EPOLLHUP and EPOLLERR are always reported
        event.data.u64 = connection->id;
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, raw, &event);
        pool_.post([this, connection] { serve(connection); });
    }

    void hung_up(std::uint64_t id) {
        const std::lock_guard lock(mutex_);
        const auto found = connections_.find(id);
        if (found != connections_.end()) found->second->stop.request_stop();
    }

    void serve(const ConnectionPtr& connection) {
        while (!connection->stop.stop_requested() && serve_one(*connection)) {
        }
        const std::lock_guard lock(mutex_);
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, connection->channel.fd(), nullptr);
        connections_.erase(connection->id);
    }

    static bool answer(Connection& connection, Json envelope) {
        Json line = Json::object({{"type", "result"}});
        for (const auto& [key, value] : envelope.members()) line.set(key, value);
        return connection.channel.write_line(line.dump()).has_value();
    }

    // False: the connection is over.
    bool serve_one(Connection& connection) {
        const auto line = connection.channel.read_line(connection.stop.get_token(), options_.idle);
        if (!line) {
            if (line.error().code == Errc::too_large)
                answer(connection, make_error_envelope("", Error(Errc::too_large, "read the request", line.error().why)));
            return false;
        }
        if (line->empty()) return true;
        const auto request = parse_json(*line, {options_.request_bytes_max, 32, false});
        if (!request || !request->is_object() || !(*request)["command"].is_string()) {
            const std::string why = request ? "it must be {\"command\": \"...\", \"args\": {...}}" : request.error().why;
            return answer(connection, make_error_envelope("", Error(Errc::usage, "read the request", why)));
        }
        const std::string command = (*request)["command"].as_string();
        const Emit emit = [&connection](const Json& event) {
            if (!connection.channel.write_line(event.dump())) connection.stop.request_stop();
        };
        const auto result = handlers_.call(command, (*request)["args"], {connection.stop.get_token(), std::nullopt}, emit);
        return answer(connection, result ? make_envelope(command, 0, *result) : make_error_envelope(command, result.error()));
    }

    const ControlServerOptions options_;
    const HandlerRegistry& handlers_;
    const UniqueFd listener_;
    const UniqueFd epoll_;
    const UniqueFd wake_;
    std::atomic<bool> stopping_{false};
    std::mutex mutex_;
    std::map<std::uint64_t, ConnectionPtr> connections_;  // those being served
    std::uint64_t next_id_ = kWakeId + 1;                 // only the loop uses it
    Executor pool_;
    std::jthread thread_;
};

Status watch(const UniqueFd& epoll, const UniqueFd& fd, std::uint64_t id) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = id;
    if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd.get(), &event) != 0) return fail(error_from_errno(errno, "watch a socket"));
    return {};
}

}  // namespace

Result<std::unique_ptr<ControlServer>> ControlServer::start(const ControlServerOptions& options, const HandlerRegistry& handlers) {
    const std::string folder = std::filesystem::path(options.socket).parent_path().string();
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error) return fail(error_from_errno(error.value(), "create " + folder));
    if (::chmod(folder.c_str(), 0700) != 0) return fail(error_from_errno(errno, "protect " + folder));
    ORACX_TRY(UniqueFd listener, listen_unix(options.socket));
    UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
    UniqueFd wake(::eventfd(0, EFD_CLOEXEC));
    if (!epoll || !wake) return fail(error_from_errno(errno, "watch sockets"));
    ORACX_TRYV(watch(epoll, listener, kListenerId));
    ORACX_TRYV(watch(epoll, wake, kWakeId));
    return std::unique_ptr<ControlServer>(std::make_unique<ControlServerImpl>(options, handlers, std::move(listener),
                                                                              std::move(epoll), std::move(wake)));
}

}  // namespace oracxfs
