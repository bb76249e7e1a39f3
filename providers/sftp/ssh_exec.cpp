#include "providers/sftp/ssh_exec.h"

#include <algorithm>
#include <array>

#include "providers/sftp/ssh_connection.h"

namespace oracxfs::sftp {
namespace {

constexpr unsigned kWindowBytes = 256u << 10;
constexpr unsigned kPacketBytes = 32768;
// Hash lines only; a command that prints more is not ours.
constexpr std::size_t kOutputBytesMax = 64u << 10;

}  // namespace

ExecChannel::ExecChannel(SshConnection& connection, std::string command)
    : connection_(connection), command_(std::move(command)) {}

ExecChannel::~ExecChannel() = default;

bool ExecChannel::has_buffered() const {
    return stage_ == Stage::running &&
           (libssh2_poll_channel_read(channel_.get(), 0) > 0 || libssh2_poll_channel_read(channel_.get(), 1) > 0 ||
            libssh2_channel_eof(channel_.get()) == 1);
}

bool ExecChannel::try_close() {
    stage_ = Stage::finished;
    if (!channel_) return true;
    const long code = connection_.attempt(this, [&]() -> long { return libssh2_channel_free(channel_.get()); });
    if (code == LIBSSH2_ERROR_EAGAIN) return false;
    (void)channel_.release();
    return true;
}

bool ExecChannel::advance() {
    switch (stage_) {
        case Stage::opening: return open();
        case Stage::starting: return start();
        case Stage::running: {
            const bool fed = feed();
            return drain() || fed;
        }
        case Stage::finished: return false;
    }
    return false;
}

void ExecChannel::refuse() {
    refused_ = true;
    stage_ = Stage::finished;
}

bool ExecChannel::open() {
    LIBSSH2_CHANNEL* channel = nullptr;
    const long code = connection_.attempt(this, [&]() -> long {
        channel = libssh2_channel_open_ex(connection_.session(), "session", 7, kWindowBytes, kPacketBytes, nullptr, 0);
        return channel != nullptr ? 0 : libssh2_session_last_errno(connection_.session());
    });
    if (code == LIBSSH2_ERROR_EAGAIN) return false;
    if (code != 0) {
        refuse();
        return true;
    }
    channel_.reset(channel);
    stage_ = Stage::starting;
    return true;
}

bool ExecChannel::start() {
    const long code = connection_.attempt(this, [&]() -> long {
        return libssh2_channel_process_startup(channel_.get(), "exec", 4, command_.data(),
                                               static_cast<unsigned>(command_.size()));
    });
    if (code == LIBSSH2_ERROR_EAGAIN) return false;
    if (code != 0) {
        refuse();
        return true;
    }
    stage_ = Stage::running;
    return true;
}

bool ExecChannel::feed() {
    bool moved = false;
    while (!input_.empty() && !eof_sent_) {
        const long code = connection_.attempt(&input_, [&]() -> long {
            return static_cast<long>(libssh2_channel_write_ex(channel_.get(), 0, input_.data(), input_.size()));
        });
        if (code == LIBSSH2_ERROR_EAGAIN || code == 0) return moved;
        if (code < 0) {
            refuse();
            return true;
        }
        input_.erase(0, static_cast<std::size_t>(code));
        moved = true;
    }
    if (eof_wanted_ && !eof_sent_) {
        const long code = connection_.attempt(&eof_sent_, [&]() -> long { return libssh2_channel_send_eof(channel_.get()); });
        if (code == LIBSSH2_ERROR_EAGAIN) return moved;
        eof_sent_ = true;
        moved = true;
    }
    return moved;
}

bool ExecChannel::drain() {
    bool moved = false;
    // Both streams are read: an unread stderr would fill the window and stop the command.
    for (const int stream : {0, SSH_EXTENDED_DATA_STDERR}) {
        for (;;) {
            std::array<char, 4096> buffer{};
            const void* const who = stream == 0 ? static_cast<const void*>(&output_) : static_cast<const void*>(&stage_);
            const long code = connection_.attempt(who, [&]() -> long {
                return static_cast<long>(libssh2_channel_read_ex(channel_.get(), stream, buffer.data(), buffer.size()));
            });
            if (code < 0 && code != LIBSSH2_ERROR_EAGAIN) {
                refuse();
                return true;
            }
            if (code <= 0) break;
            if (stream == 0) output_.append(buffer.data(), static_cast<std::size_t>(code));
            if (output_.size() > kOutputBytesMax) {
                refuse();
                return true;
            }
            moved = true;
        }
    }
    if (libssh2_channel_eof(channel_.get()) == 1) {
        stage_ = Stage::finished;
        moved = true;
    }
    return moved;
}

}  // namespace oracxfs::sftp
