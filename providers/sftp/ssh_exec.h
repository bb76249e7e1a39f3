#pragma once
// One command on the server, in a channel of its own of an existing connection. Never waits: advance() moves what can be
// moved, the owner polls the connection's socket.

#include <libssh2.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace oracxfs::sftp {

class SshConnection;

class ExecChannel {
  public:
    ExecChannel(SshConnection& connection, std::string command);
    ~ExecChannel();
    ExecChannel(const ExecChannel&) = delete;
    ExecChannel& operator=(const ExecChannel&) = delete;

    void send(std::string_view input) { input_ += input; }
    void send_eof() { eof_wanted_ = true; }
    [[nodiscard]] const std::string& output() const { return output_; }
    // The server refused, the command ended, or the channel broke: nothing more will come.
    [[nodiscard]] bool finished() const { return stage_ == Stage::finished; }
    [[nodiscard]] bool refused() const { return refused_; }

    // Output is here that advance() has not seen.
    [[nodiscard]] bool has_buffered() const;
    // Closes the channel; false if the server's good-bye is still to come (call again).
    bool try_close();
    // True if anything moved. Failures of the command end this channel only, never the connection.
    bool advance();

  private:
    enum class Stage { opening, starting, running, finished };
    struct FreeChannel {
        void operator()(LIBSSH2_CHANNEL* channel) const noexcept { (void)libssh2_channel_free(channel); }
    };
    bool open();
    bool start();
    bool feed();
    bool drain();
    void refuse();

    SshConnection& connection_;
    const std::string command_;
    std::unique_ptr<LIBSSH2_CHANNEL, FreeChannel> channel_;
    Stage stage_ = Stage::opening;
    bool refused_ = false;
    bool eof_wanted_ = false, eof_sent_ = false;
    std::string input_;
    std::string output_;
};

}  // namespace oracxfs::sftp
