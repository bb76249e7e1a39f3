#include "providers/sftp/ssh_connection.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <thread>

namespace oracxfs::sftp {
namespace {

constexpr int kStepsMax = 100;  // of something that ends at once

struct FreeAddresses {
    void operator()(addrinfo* list) const noexcept { ::freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

Status init_library() {
    static const int code = libssh2_init(0);
    if (code != 0) return fail(Errc::internal, "start libssh2", std::to_string(code));
    return {};
}

std::string where(const SshTarget& target) { return target.host + ":" + std::to_string(target.port); }

// getaddrinfo cannot be interrupted: a thread of its own asks and is left behind if the caller gives up.
struct Lookup {
    UniqueFd done{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    std::mutex mutex;
    Addresses addresses;
    int code = 0;
};

int look_up(const std::string& host, const std::string& port, int flags, Addresses& into) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = flags;
    addrinfo* list = nullptr;
    const int code = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &list);
    if (code == 0) into.reset(list);
    return code;
}

Result<Addresses> resolve(const SshTarget& target, const Waiter& waiter) {
    const std::string port = std::to_string(target.port);
    Addresses addresses;
    if (look_up(target.host, port, AI_NUMERICHOST | AI_NUMERICSERV, addresses) == 0) return addresses;

    auto lookup = std::make_shared<Lookup>();
    std::thread([lookup, host = target.host, port] {
        Addresses found;
        const int code = look_up(host, port, AI_NUMERICSERV | AI_ADDRCONFIG, found);
        {
            const std::lock_guard lock(lookup->mutex);
            lookup->addresses = std::move(found);
            lookup->code = code;
        }
        const std::uint64_t one = 1;
        [[maybe_unused]] const ssize_t written = ::write(lookup->done.get(), &one, sizeof one);
    }).detach();
    pollfd fds[] = {{lookup->done.get(), POLLIN, 0}};
    ORACX_TRYV(waiter.wait(fds, target.timeout));
    if (fds[0].revents == 0)
        return fail(Error(Errc::unavailable, "resolve " + target.host, "the name server does not answer").with_silence());
    const std::lock_guard lock(lookup->mutex);
    if (lookup->code != 0) return fail(Errc::unavailable, "resolve " + target.host, ::gai_strerror(lookup->code));
    return std::move(lookup->addresses);
}

void set_option(int fd, int level, int option, int value) {
    // Tuning only: a kernel that lacks one of these still works.
    (void)::setsockopt(fd, level, option, &value, sizeof value);
}

void tune(int fd, Millis timeout) {
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, 15);
    set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, 5);
    set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 4);
    // A dead peer during an upload shows up nowhere else: the bytes only pile up in the send queue.
    set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(timeout.count()));
}

Result<UniqueFd> connect_one(const addrinfo& address, const SshTarget& target, const Waiter& waiter) {
    const std::string what = "connect to " + where(target);
    UniqueFd fd(::socket(address.ai_family, address.ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, address.ai_protocol));
    if (!fd) return fail(Errc::unavailable, what, error_from_errno(errno, {}).why);
    tune(fd.get(), target.timeout);
    if (::connect(fd.get(), address.ai_addr, address.ai_addrlen) == 0) return fd;
    if (errno != EINPROGRESS) return fail(Errc::unavailable, what, error_from_errno(errno, {}).why);
    pollfd fds[] = {{fd.get(), POLLOUT, 0}};
    ORACX_TRYV(waiter.wait(fds, target.timeout));
    if (fds[0].revents == 0) return fail(Error(Errc::unavailable, what, "no answer in time").with_silence());
    int error = 0;
    socklen_t length = sizeof error;
    if (::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &length) != 0) error = errno;
    if (error != 0) return fail(Errc::unavailable, what, error_from_errno(error, {}).why);
    return fd;
}

Result<UniqueFd> connect_any(const SshTarget& target, const Waiter& waiter) {
    ORACX_TRY(const Addresses addresses, resolve(target, waiter));
    Error last(Errc::unavailable, "connect to " + where(target), "no address");
    for (const addrinfo* address = addresses.get(); address != nullptr; address = address->ai_next) {
        auto fd = connect_one(*address, target, waiter);
        if (fd) return fd;
        last = std::move(fd).error();
        if (last.code != Errc::unavailable) break;
    }
    return fail(std::move(last));
}

// What libssh2 is asked to negotiate for these key types.
std::string key_type_list(const std::vector<std::string>& types) {
    std::string list;
    for (const std::string& type : types) {
        const bool rsa = type == "ssh-rsa";
        if (rsa && !kRsaWorks) continue;
        list += (list.empty() ? "" : ",") + (rsa ? std::string("rsa-sha2-512,rsa-sha2-256") : type);
    }
    return list;
}

}  // namespace

SshConnection::SshConnection(UniqueFd fd, Millis timeout)
    : fd_(std::move(fd)), timeout_(timeout), session_(libssh2_session_init_ex(nullptr, nullptr, nullptr, nullptr)) {
    if (session_) libssh2_session_set_blocking(session_.get(), 0);
}

SshConnection::~SshConnection() {
    if (!session_) return;
    // One polite packet if the socket takes it, then no more: a destructor never waits.
    if (half_sent_ == nullptr && !shaking_hands_) (void)libssh2_session_disconnect(session_.get(), "done");
    // Only the handshake itself frees (and wipes) its keys. First with what has arrived: once the server's new keys are in use
    // the session frees its host key, too (libssh2 1.10 does not before). Then on a socket that is shut down, where it fails.
    const auto shake_hands = [this] {
        if (shaking_hands_) shaking_hands_ = libssh2_session_handshake(session_.get(), fd_.get()) == LIBSSH2_ERROR_EAGAIN;
    };
    shake_hands();
    if (fd_) (void)::shutdown(fd_.get(), SHUT_RDWR);
    for (int i = 0; i < kStepsMax && shaking_hands_; ++i) shake_hands();
}

void SshConnection::FreeSession::operator()(LIBSSH2_SESSION* session) const noexcept {
    // With the socket shut down each remaining step fails at once instead of answering EAGAIN; the bound is for safety.
    for (int i = 0; i < kStepsMax && libssh2_session_free(session) == LIBSSH2_ERROR_EAGAIN; ++i) {
    }
}

bool SshConnection::wants_out() const {
    return (libssh2_session_block_directions(session_.get()) & LIBSSH2_SESSION_BLOCK_OUTBOUND) != 0;
}

short SshConnection::poll_events() const { return half_sent_ != nullptr ? POLLOUT : POLLIN; }

std::string_view SshConnection::server_banner() const {
    const char* banner = libssh2_session_banner_get(session_.get());
    return banner == nullptr ? std::string_view() : std::string_view(banner);
}

Error SshConnection::last_error(std::string_view what) const {
    char* text = nullptr;
    int length = 0;
    const int code = libssh2_session_last_error(session_.get(), &text, &length, 0);
    std::string why = text == nullptr ? "" : std::string(text, static_cast<std::size_t>(length));
    if (code == LIBSSH2_ERROR_SOCKET_DISCONNECT || code == LIBSSH2_ERROR_SOCKET_RECV || code == LIBSSH2_ERROR_SOCKET_SEND)
        why = "the connection was closed by the server or the network";
    return Error(Errc::unavailable, std::string(what), why + " (" + std::to_string(code) + ")").with_native(code);
}

Result<long> SshConnection::run(const Waiter& waiter, std::string_view what, const std::function<long()>& step) {
    const SteadyTime until = waiter.now() + timeout_;
    for (;;) {
        const long code = attempt(this, step);
        if (code != LIBSSH2_ERROR_EAGAIN) return code;
        const auto left = std::chrono::ceil<Millis>(until - waiter.now());
        if (left <= Millis(0)) return fail(Error(Errc::unavailable, std::string(what), "the server does not answer").with_silence());
        pollfd fds[] = {{fd(), static_cast<short>(wants_out() ? POLLIN | POLLOUT : POLLIN), 0}};
        ORACX_TRYV(waiter.wait(fds, left));
    }
}

namespace {

// Those of `wanted` that the library has, in that order. libssh2 1.10 drops the others itself, but by a memcpy onto itself.
std::string known_methods(LIBSSH2_SESSION* session, int method, std::string_view wanted) {
    const char** names = nullptr;
    const int count = libssh2_session_supported_algs(session, method, &names);
    std::string known;
    while (count > 0 && !wanted.empty()) {
        const std::string_view name = wanted.substr(0, wanted.find(','));
        wanted.remove_prefix(std::min(name.size() + 1, wanted.size()));
        if (std::find(names, names + count, name) == names + count) continue;
        if (!known.empty()) known += ',';
        known += name;
    }
    if (count > 0) libssh2_free(session, names);
    return known;
}

}  // namespace

Status SshConnection::set_methods(const std::string& key_types) {
    const std::pair<int, const char*> methods[] = {
        {LIBSSH2_METHOD_KEX,
         "curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521,"
         "diffie-hellman-group16-sha512,diffie-hellman-group18-sha512,diffie-hellman-group14-sha256"},
        {LIBSSH2_METHOD_HOSTKEY, key_types.c_str()},
        // AES-GCM exists from 1.11 on.
        {LIBSSH2_METHOD_CRYPT_CS, "aes128-gcm@openssh.com,aes256-gcm@openssh.com,aes128-ctr,aes256-ctr,aes192-ctr"},
        {LIBSSH2_METHOD_CRYPT_SC, "aes128-gcm@openssh.com,aes256-gcm@openssh.com,aes128-ctr,aes256-ctr,aes192-ctr"},
        {LIBSSH2_METHOD_MAC_CS, "hmac-sha2-256-etm@openssh.com,hmac-sha2-256,hmac-sha2-512"},
        {LIBSSH2_METHOD_MAC_SC, "hmac-sha2-256-etm@openssh.com,hmac-sha2-256,hmac-sha2-512"},
    };
    for (const auto& [method, list] : methods) {
        const std::string known = known_methods(session_.get(), method, list);
        if (known.empty()) return fail(Errc::unauthenticated, "prepare the handshake", std::string("libssh2 knows none of ") + list);
        if (libssh2_session_method_pref(session_.get(), method, known.c_str()) != 0) return fail(last_error("prepare the handshake"));
    }
    return {};
}

Status SshConnection::handshake(const Waiter& waiter) {
    ORACX_TRY(const long code, run(waiter, "handshake", [&]() -> long {
                  const int step = libssh2_session_handshake(session_.get(), fd_.get());
                  shaking_hands_ = step == LIBSSH2_ERROR_EAGAIN;
                  return step;
              }));
    if (code == 0) return {};
    Error error = last_error("handshake");
    if (code == LIBSSH2_ERROR_KEX_FAILURE || code == LIBSSH2_ERROR_METHOD_NONE) {
        error.code = Errc::unauthenticated;
        error.why = "no common algorithms";
        if (!kRsaWorks)
            error.why +=
                "; a server that has only an RSA host key needs an Ed25519 or ECDSA one as well (`ssh-keygen -A`), "
                "because libssh2 before 1.11 knows RSA with SHA-1 only";
    }
    return fail(std::move(error));
}

Result<std::unique_ptr<SshConnection>> SshConnection::open_with(const SshTarget& target,
                                                               const HostKeyPolicy::Knowledge& knowledge,
                                                               const std::string& key_types, const Waiter& waiter) {
    ORACX_TRY(UniqueFd fd, connect_any(target, waiter));
    std::unique_ptr<SshConnection> connection(new SshConnection(std::move(fd), target.timeout));
    if (!connection->session_) return fail(Errc::internal, "start an SSH session", "out of memory");
    ORACX_TRYV(connection->set_methods(key_types));
    ORACX_TRYV(connection->handshake(waiter));
    std::size_t length = 0;
    int type = 0;
    const char* key = libssh2_session_hostkey(connection->session(), &length, &type);
    const std::string_view blob = key == nullptr ? std::string_view() : std::string_view(key, length);
    connection->host_key_type_ = key_type_of(blob);
    ORACX_TRYV(check_host_key(knowledge, target.host, target.port, blob));
    return connection;
}

Result<std::unique_ptr<SshConnection>> SshConnection::open(const SshTarget& target, const Waiter& waiter) {
    ORACX_TRYV(init_library());
    const HostKeyPolicy::Knowledge knowledge = target.host_keys.look_up(target.host, target.port);
    std::vector<std::string> types = preferred_key_types(knowledge);
    if (kRsaWorks && std::find(types.begin(), types.end(), "ssh-rsa") == types.end()) types.emplace_back("ssh-rsa");
    const auto preferred = std::find(types.begin(), types.end(), target.preferred_host_key_type);
    if (preferred != types.end()) std::rotate(types.begin(), preferred, preferred + 1);

    std::unique_ptr<SshConnection> connection;
    if (!knowledge.pin || !knowledge.pin->blob.empty()) {
        ORACX_TRY(connection, open_with(target, knowledge, key_type_list(types), waiter));
    } else {
        // A fingerprint does not tell its key type: ask the server for one type after the other until it fits.
        std::optional<Error> first;
        for (const std::string& type : types) {
            auto opened = open_with(target, knowledge, key_type_list({type}), waiter);
            if (opened) {
                connection = std::move(*opened);
                break;
            }
            const Errc code = opened.error().code;
            const bool other_type = code == Errc::host_key_changed || opened.error().native == LIBSSH2_ERROR_KEX_FAILURE;
            if (!other_type) return fail(std::move(opened).error());
            if (!first || code == Errc::host_key_changed) first = std::move(opened).error();
        }
        if (!connection) return fail(std::move(*first));
    }
    ORACX_TRYV(sign_in(*connection, target, waiter));
    return connection;
}

}  // namespace oracxfs::sftp
