#include "providers/sftp/sftp_channel.h"

#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <optional>

namespace oracxfs::sftp {
namespace {

// Downloads have up to 8 MiB on their way; the window is re-opened when a quarter of it is used.
constexpr unsigned kWindowBytes = 16u << 20;
constexpr unsigned kPacketBytes = 32768;
constexpr std::size_t kReadBytes = 128u << 10;
// After so much sending, answers are looked at in between.
constexpr std::size_t kSendBytesInARow = 256u << 10;
constexpr std::uint32_t kReadBytesMax = 64u << 10;

constexpr std::string_view kPosixRename = "posix-rename@openssh.com";
constexpr std::string_view kHardlink = "hardlink@openssh.com";
constexpr std::string_view kFsync = "fsync@openssh.com";
constexpr int kSyncTimeouts = 15;  // an fsync may take so many times the connection's timeout: 5 min by default
constexpr std::string_view kStatvfs = "statvfs@openssh.com";
constexpr std::string_view kLimits = "limits@openssh.com";

}  // namespace

SftpChannel::SftpChannel(std::unique_ptr<SshConnection> connection) : connection_(std::move(connection)) {
    in_.resize(kPacketBytesMax + 4 + kReadBytes);
}

SftpChannel::~SftpChannel() {
    // Freeing a channel wants to say good-bye and wait for the answer. Shut down, there is nobody to wait for.
    if (dead_ || outstanding() > 0 || queued_bytes() > 0) (void)::shutdown(connection_->fd(), SHUT_RDWR);
}

Result<std::unique_ptr<SftpChannel>> SftpChannel::open(const SshTarget& target, const Waiter& waiter) {
    ORACX_TRY(auto connection, SshConnection::open(target, waiter));
    std::unique_ptr<SftpChannel> channel(new SftpChannel(std::move(connection)));
    ORACX_TRYV(channel->start(waiter));
    return channel;
}

Status SftpChannel::start(const Waiter& waiter) {
    SshConnection& ssh = *connection_;
    LIBSSH2_CHANNEL* raw = nullptr;
    ORACX_TRY(const long opened, ssh.run(waiter, "open a channel", [&]() -> long {
        raw = libssh2_channel_open_ex(ssh.session(), "session", 7, kWindowBytes, kPacketBytes, nullptr, 0);
        return raw != nullptr ? 0 : libssh2_session_last_errno(ssh.session());
    }));
    if (opened != 0) return die(ssh.last_error("open a channel"));
    channel_.reset(raw);
    ORACX_TRY(const long started, ssh.run(waiter, "start sftp", [&]() -> long {
        return libssh2_channel_process_startup(raw, "subsystem", 9, "sftp", 4);
    }));
    if (started != 0) {
        Error error = ssh.last_error("start sftp");
        if (started == LIBSSH2_ERROR_CHANNEL_REQUEST_DENIED)
            error = Error(Errc::denied, "start sftp", "the server does not offer SFTP to this account");
        return die(std::move(error));
    }
    return read_version(waiter);
}

Status SftpChannel::read_version(const Waiter& waiter) {
    out_ = encode_init();
    last_moved_ = waiter.now();
    for (;;) {
        ORACX_TRY(const bool sent, send_some());
        const long code = connection_->attempt(this, [&]() -> long {
            return static_cast<long>(
                libssh2_channel_read_ex(channel_.get(), 0, reinterpret_cast<char*>(in_.data() + in_tail_), kReadBytes));
        });
        if (code < 0 && code != LIBSSH2_ERROR_EAGAIN) return die(connection_->last_error("start sftp"));
        if (code > 0) in_tail_ += static_cast<std::size_t>(code);
        const auto packet = first_packet({in_.data(), in_tail_});
        if (!packet) return die(packet.error());
        if (*packet) {
            auto version = decode_version(**packet);
            if (!version) return die(version.error());
            if (version->number < 3)
                return die(Error(Errc::unsupported, "start sftp", "the server speaks SFTP " + std::to_string(version->number)));
            in_head_ = 4 + (*packet)->size();
            return ask_abilities(waiter, *version);
        }
        if (code == 0 && libssh2_channel_eof(channel_.get()) == 1)
            return die(Error(Errc::denied, "start sftp", "the server closed the SFTP channel at once"));
        if (sent || code > 0) continue;
        ORACX_TRYV(note_time(waiter.now(), false));
        pollfd fds[] = {poll_entry()};
        ORACX_TRYV(waiter.wait(fds, Millis(1'000)));
    }
}

Status SftpChannel::ask_abilities(const Waiter& waiter, const Version& version) {
    abilities_.posix_rename = version.offers(kPosixRename);
    abilities_.hardlink = version.offers(kHardlink);
    abilities_.fsync = version.offers(kFsync);
    abilities_.statvfs = version.offers(kStatvfs);
    const std::string_view banner = connection_->server_banner();
    abilities_.rename_refuses =
        banner.find("OpenSSH") != std::string_view::npos || banner.find("mod_sftp") != std::string_view::npos;
    const HandlerScope scope(*this);
    const SteadyTime asked = waiter.now();
    Answer home;
    real_path(".", [&](Answer& answer) { home = answer; });
    if (version.offers(kLimits)) {
        Encoder(out_, PacketType::extended, expect(PacketType::extended_reply, [&](Answer& answer) {
                    if (!answer.ok()) return;
                    const auto limits = decode_limits(answer.extended);
                    if (!limits) return;
                    if (limits->handles != 0) abilities_.handles = std::max<std::uint64_t>(limits->handles / 2, 1);
                    if (limits->write_bytes != 0)
                        abilities_.write_bytes = static_cast<std::uint32_t>(
                            std::min<std::uint64_t>(abilities_.write_bytes, limits->write_bytes));
                    if (limits->read_bytes != 0)
                        abilities_.read_bytes =
                            static_cast<std::uint32_t>(std::min<std::uint64_t>(kReadBytesMax, limits->read_bytes));
                })).str(kLimits).finish();
    }
    ORACX_TRYV(finish(waiter));
    round_trip_ = std::chrono::duration_cast<Millis>(waiter.now() - asked);
    if (!home.ok() || home.names.size() != 1 || !home.names[0].name.starts_with('/'))
        return die(Error(Errc::denied, "find the login directory", home.message));
    abilities_.home = home.names[0].name;
    return {};
}

std::uint32_t SftpChannel::expect(PacketType expected, Handler handler, std::uint32_t bytes) {
    while (pending_.contains(next_id_)) ++next_id_;
    const std::uint32_t id = next_id_++;
    pending_.emplace(id, Pending{std::move(handler), expected, bytes, false});
    in_flight_bytes_ += bytes;
    return id;
}

void SftpChannel::simple(PacketType type, std::string_view text, PacketType expected, Handler handler) {
    Encoder(out_, type, expect(expected, std::move(handler))).str(text).finish();
}

void SftpChannel::open_file(std::string_view path, std::uint32_t flags, Handler handler) {
    Encoder(out_, PacketType::open, expect(PacketType::handle, std::move(handler))).str(path).u32(flags).attrs({}).finish();
}
void SftpChannel::close(std::string_view handle, Handler handler) {
    simple(PacketType::close, handle, PacketType::status, std::move(handler));
}
void SftpChannel::read(std::string_view handle, std::uint64_t offset, std::uint32_t length, Handler handler) {
    Encoder(out_, PacketType::read, expect(PacketType::data, std::move(handler), length))
        .str(handle).u64(offset).u32(length).finish();
}
void SftpChannel::write(std::string_view handle, std::uint64_t offset, std::span<const std::byte> data, Handler handler) {
    Encoder(out_, PacketType::write,
            expect(PacketType::status, std::move(handler), static_cast<std::uint32_t>(data.size())))
        .str(handle).u64(offset).data(data).finish();
}
void SftpChannel::fstat(std::string_view handle, Handler handler) {
    simple(PacketType::fstat, handle, PacketType::attrs, std::move(handler));
}
void SftpChannel::lstat(std::string_view path, Handler handler) {
    simple(PacketType::lstat, path, PacketType::attrs, std::move(handler));
}
void SftpChannel::stat(std::string_view path, Handler handler) {
    simple(PacketType::stat, path, PacketType::attrs, std::move(handler));
}
void SftpChannel::fsetstat(std::string_view handle, const Attrs& attrs, Handler handler) {
    Encoder(out_, PacketType::fsetstat, expect(PacketType::status, std::move(handler))).str(handle).attrs(attrs).finish();
}
void SftpChannel::setstat(std::string_view path, const Attrs& attrs, Handler handler) {
    Encoder(out_, PacketType::setstat, expect(PacketType::status, std::move(handler))).str(path).attrs(attrs).finish();
}
void SftpChannel::open_directory(std::string_view path, Handler handler) {
    simple(PacketType::opendir, path, PacketType::handle, std::move(handler));
}
void SftpChannel::read_directory(std::string_view handle, Handler handler) {
    simple(PacketType::readdir, handle, PacketType::name, std::move(handler));
}
void SftpChannel::remove(std::string_view path, Handler handler) {
    simple(PacketType::remove, path, PacketType::status, std::move(handler));
}
void SftpChannel::make_directory(std::string_view path, Handler handler) {
    Encoder(out_, PacketType::mkdir, expect(PacketType::status, std::move(handler))).str(path).attrs({}).finish();
}
void SftpChannel::remove_directory(std::string_view path, Handler handler) {
    simple(PacketType::rmdir, path, PacketType::status, std::move(handler));
}
void SftpChannel::real_path(std::string_view path, Handler handler) {
    simple(PacketType::realpath, path, PacketType::name, std::move(handler));
}
void SftpChannel::rename(std::string_view from, std::string_view to, Handler handler) {
    Encoder(out_, PacketType::rename, expect(PacketType::status, std::move(handler))).str(from).str(to).finish();
}
void SftpChannel::posix_rename(std::string_view from, std::string_view to, Handler handler) {
    Encoder(out_, PacketType::extended, expect(PacketType::status, std::move(handler)))
        .str(kPosixRename).str(from).str(to).finish();
}
void SftpChannel::hardlink(std::string_view from, std::string_view to, Handler handler) {
    Encoder(out_, PacketType::extended, expect(PacketType::status, std::move(handler)))
        .str(kHardlink).str(from).str(to).finish();
}
void SftpChannel::fsync(std::string_view handle, Handler handler) {
    const std::uint32_t id = expect(PacketType::status, std::move(handler));
    pending_.at(id).slow = true;
    Encoder(out_, PacketType::extended, id).str(kFsync).str(handle).finish();
}
void SftpChannel::statvfs(std::string_view path, Handler handler) {
    Encoder(out_, PacketType::extended, expect(PacketType::extended_reply, std::move(handler)))
        .str(kStatvfs).str(path).finish();
}

tl::unexpected<Error> SftpChannel::die(Error error) {
    dead_ = true;
    death_ = error;
    return fail(std::move(error));
}

Result<bool> SftpChannel::send_some() {
    std::size_t sent = 0;
    while (out_head_ < out_.size() && sent < kSendBytesInARow) {
        const long code = connection_->attempt(&out_, [&]() -> long {
            return static_cast<long>(libssh2_channel_write_ex(
                channel_.get(), 0, reinterpret_cast<const char*>(out_.data() + out_head_), out_.size() - out_head_));
        });
        if (code == LIBSSH2_ERROR_EAGAIN) break;
        // An answer that libssh2 itself wants to give is half sent (a server's keep-alive): reading goes on with it.
        if (code == LIBSSH2_ERROR_BAD_USE || code == 0) break;
        if (code < 0) return die(connection_->last_error("send"));
        out_head_ += static_cast<std::size_t>(code);
        sent += static_cast<std::size_t>(code);
    }
    if (out_head_ == out_.size()) {
        out_.clear();
        out_head_ = 0;
    } else if (out_head_ > (1u << 20)) {
        out_.erase(out_.begin(), out_.begin() + static_cast<std::ptrdiff_t>(out_head_));
        out_head_ = 0;
    }
    return sent > 0;
}

Result<bool> SftpChannel::receive_some() {
    bool moved = false;
    for (;;) {
        if (in_.size() - in_tail_ < kReadBytes) {
            std::memmove(in_.data(), in_.data() + in_head_, in_tail_ - in_head_);
            in_tail_ -= in_head_;
            in_head_ = 0;
        }
        const std::size_t room = std::min(kReadBytes, in_.size() - in_tail_);
        const long code = connection_->attempt(&in_, [&]() -> long {
            return static_cast<long>(
                libssh2_channel_read_ex(channel_.get(), 0, reinterpret_cast<char*>(in_.data() + in_tail_), room));
        });
        if (code == LIBSSH2_ERROR_EAGAIN) return moved;
        if (code < 0) return die(connection_->last_error("receive"));
        if (code == 0) {
            if (libssh2_channel_eof(channel_.get()) == 1)
                return die(Error(Errc::unavailable, "receive", "the server ended the SFTP session"));
            return moved;
        }
        moved = true;
        in_tail_ += static_cast<std::size_t>(code);
        ORACX_TRYV(take_packets());
        if (static_cast<std::size_t>(code) >= room) return true;  // more may wait: let the sending side have a turn
    }
}

Status SftpChannel::take_packets() {
    for (;;) {
        const auto packet = first_packet({in_.data() + in_head_, in_tail_ - in_head_});
        if (!packet) return die(packet.error());
        if (!*packet) break;
        ORACX_TRYV(dispatch(**packet));
        in_head_ += 4 + (*packet)->size();
    }
    if (in_head_ == in_tail_) in_head_ = in_tail_ = 0;
    return {};
}

Status SftpChannel::dispatch(std::span<const std::byte> packet) {
    auto decoded = decode_answer(packet);
    if (!decoded) return die(decoded.error());
    Answer& answer = decoded->answer;
    const auto found = pending_.find(decoded->id);
    if (found == pending_.end()) return die(Error(Errc::unavailable, "talk SFTP", "answer to a request that was not made"));
    Pending pending = std::move(found->second);
    pending_.erase(found);
    in_flight_bytes_ -= pending.bytes;
    const bool is_status = answer.type == PacketType::status;
    if (!is_status && answer.type != pending.expected)
        return die(Error(Errc::unavailable, "talk SFTP", "answer of the wrong type"));
    if (is_status && answer.ok() && pending.expected != PacketType::status)
        return die(Error(Errc::unavailable, "talk SFTP", "success without the result asked for"));
    if (pending.detached && answer.type == PacketType::handle) close(answer.handle);
    if (pending.handler) pending.handler(answer);
    return {};
}

Result<bool> SftpChannel::pump() {
    if (dead_) return fail(death_);
    const bool window_closed = queued_bytes() > 0 && libssh2_channel_window_write(channel_.get()) == 0;
    ORACX_TRY(const bool sent, send_some());
    const bool executed = exec_ && exec_->advance();
    close_finished_commands();
    ORACX_TRY(const bool received, receive_some());
    if (sent || executed || received) return true;
    // libssh2 reads whatever comes while it looks for one thing. What it has picked up for somebody else on the way
    // does not wake poll() again, so that counts as movement too.
    if (exec_ && exec_->has_buffered()) return true;
    return window_closed && libssh2_channel_window_write(channel_.get()) > 0;
}

void SftpChannel::close_finished_commands() {
    std::erase_if(closing_, [](const auto& command) { return command->try_close(); });
}

pollfd SftpChannel::poll_entry() const { return {connection_->fd(), connection_->poll_events(), 0}; }

Millis SftpChannel::allowed_silence() const {
    if (pending_.empty() || queued_bytes() > 0) return connection_->timeout();
    // Requests are worked through in their order: what was asked first is what the server is at. Numbers may wrap around.
    const auto& oldest = *std::max_element(pending_.begin(), pending_.end(), [this](const auto& a, const auto& b) {
        return next_id_ - a.first < next_id_ - b.first;
    });
    return oldest.second.slow ? kSyncTimeouts * connection_->timeout() : connection_->timeout();
}

Status SftpChannel::note_time(SteadyTime now, bool moved) {
    const bool waiting = outstanding() > 0 || queued_bytes() > 0;
    if (moved || !waiting) last_moved_ = now;
    const auto silent = now - last_moved_;
    if (silent <= connection_->timeout() || silent <= allowed_silence()) return {};
    stalled_ = true;
    return die(Error(Errc::unavailable, "wait for the server",
                     "no answer for " + std::to_string(std::chrono::duration_cast<std::chrono::seconds>(silent).count()) + " s")
                   .with_silence());
}

Status drive_all(std::span<SftpChannel* const> channels, const Waiter& waiter, Millis at_most) {
    bool moved = false;
    for (SftpChannel* channel : channels) {
        ORACX_TRY(const bool this_moved, channel->pump());
        moved |= this_moved;
        ORACX_TRYV(channel->note_time(waiter.now(), this_moved));
    }
    if (moved) return waiter.check();
    std::vector<pollfd> fds;
    for (SftpChannel* channel : channels) fds.push_back(channel->poll_entry());
    return waiter.wait(fds, std::min(at_most, Millis(250)));
}

Status SftpChannel::drive_until(const Waiter& waiter, Millis at_most) {
    SftpChannel* const self = this;
    return drive_all({&self, 1}, waiter, at_most);
}

Status SftpChannel::finish(const Waiter& waiter) {
    while (outstanding() > 0) ORACX_TRYV(drive(waiter));
    return {};
}

Result<Answer> SftpChannel::ask(const Waiter& waiter, const std::function<void(Handler)>& request) {
    // Shared, because the answer may come after this call has given up.
    const auto reply = std::make_shared<std::optional<Answer>>();
    request([reply](Answer& answer) {
        *reply = answer;
        (*reply)->data = {};
    });
    while (!*reply) ORACX_TRYV(drive(waiter));
    return std::move(**reply);
}

void SftpChannel::detach_handlers() {
    for (auto& [id, pending] : pending_) {
        pending.handler = {};
        pending.detached = true;
    }
}

ExecChannel& SftpChannel::start_exec(const std::string& command) {
    stop_exec();
    exec_ = std::make_unique<ExecChannel>(*connection_, command);
    return *exec_;
}

void SftpChannel::stop_exec() {
    if (exec_ && !exec_->try_close()) closing_.push_back(std::move(exec_));
    exec_.reset();
}

}  // namespace oracxfs::sftp
