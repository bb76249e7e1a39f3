#pragma once
// SFTP requests over one SSH connection, any number in flight, answers in any order.
//
// Requests are queued by the calls below and moved by pump(); each answer is handed to its handler from within pump().
// Nothing here waits except drive() and wait_any(). One thread at a time. A connection that fails stays dead: handlers
// of requests without an answer are never called then.

#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "providers/sftp/sftp_wire.h"
#include "providers/sftp/ssh_connection.h"
#include "providers/sftp/ssh_exec.h"
#include "providers/sftp/waiter.h"

namespace oracxfs::sftp {

using Handler = std::function<void(Answer&)>;

// What the server offers beyond version 3.
struct ServerAbilities {
    bool posix_rename = false, hardlink = false, fsync = false, statvfs = false;
    // A plain RENAME refuses to replace an existing file: known of OpenSSH and of mod_sftp only.
    bool rename_refuses = false;
    std::uint32_t write_bytes = 32'000;  // payload of one WRITE: fits into one SSH packet
    std::uint32_t read_bytes = 32'768;
    std::uint64_t handles = 128;  // that may be open at once
    std::string home;  // the login directory, absolute
};

class SftpChannel {
  public:
    // Connects, signs in, starts the subsystem and asks for the server's abilities.
    static Result<std::unique_ptr<SftpChannel>> open(const SshTarget& target, const Waiter& waiter);
    ~SftpChannel();
    SftpChannel(const SftpChannel&) = delete;
    SftpChannel& operator=(const SftpChannel&) = delete;

    [[nodiscard]] const ServerAbilities& abilities() const { return abilities_; }
    [[nodiscard]] SshConnection& connection() { return *connection_; }
    [[nodiscard]] bool dead() const { return dead_; }
    [[nodiscard]] bool stalled() const { return stalled_; }  // dead because no answer came in time
    [[nodiscard]] Millis round_trip() const { return round_trip_; }

    // Requests. Paths as the server understands them.
    void open_file(std::string_view path, std::uint32_t flags, Handler handler);
    void close(std::string_view handle, Handler handler = {});
    void read(std::string_view handle, std::uint64_t offset, std::uint32_t length, Handler handler);
    void write(std::string_view handle, std::uint64_t offset, std::span<const std::byte> data, Handler handler);
    void fstat(std::string_view handle, Handler handler);
    void lstat(std::string_view path, Handler handler);
    void stat(std::string_view path, Handler handler);
    void fsetstat(std::string_view handle, const Attrs& attrs, Handler handler);
    void setstat(std::string_view path, const Attrs& attrs, Handler handler);
    void open_directory(std::string_view path, Handler handler);
    void read_directory(std::string_view handle, Handler handler);
    void remove(std::string_view path, Handler handler);
    void make_directory(std::string_view path, Handler handler);
    void remove_directory(std::string_view path, Handler handler);
    void real_path(std::string_view path, Handler handler);
    void rename(std::string_view from, std::string_view to, Handler handler);
    // Extensions; ask abilities() first.
    void posix_rename(std::string_view from, std::string_view to, Handler handler);
    void hardlink(std::string_view from, std::string_view to, Handler handler);
    void fsync(std::string_view handle, Handler handler);
    void statvfs(std::string_view path, Handler handler);

    // Moves what can be moved without waiting, calls handlers. True if anything moved. An error: the connection is dead.
    Result<bool> pump();
    // pump(), and if nothing moved waits until something can.
    Status drive(const Waiter& waiter) { return drive_until(waiter, Millis(1'000)); }
    Status drive_until(const Waiter& waiter, Millis at_most);
    // Drives until every request is answered.
    Status finish(const Waiter& waiter);
    // Sends one request and waits for its answer. Answers to other requests may be handled in passing.
    Result<Answer> ask(const Waiter& waiter, const std::function<void(Handler)>& request);

    [[nodiscard]] std::size_t queued_bytes() const { return out_.size() - out_head_; }
    [[nodiscard]] std::size_t outstanding() const { return pending_.size(); }
    // Payload of the WRITEs and READs without an answer.
    [[nodiscard]] std::uint64_t in_flight_bytes() const { return in_flight_bytes_; }

    // Forgets all handlers: answers still to come are dropped, handles they bring are closed again. For callers that
    // leave early; see HandlerScope.
    void detach_handlers();

    // Runs a command beside the SFTP channel; pump() moves its bytes too. One at a time.
    ExecChannel& start_exec(const std::string& command);
    void stop_exec();

    [[nodiscard]] pollfd poll_entry() const;
    // Keeps the books of the stall timer: unavailable if something is outstanding and nothing has moved for the
    // connection's timeout. A server that is about to fsync may take longer: it has answered all that came before, so it
    // lives, and how much its disk has to write (also of others) nobody knows here.
    Status note_time(SteadyTime now, bool moved);
    // Asks for a sign of life; the answer is dropped, its absence is found by note_time().
    void ping() { real_path(".", {}); }

  private:
    struct Pending {
        Handler handler;
        PacketType expected = PacketType::status;
        std::uint32_t bytes = 0;
        bool detached = false;
        bool slow = false;  // may take longer than the connection's timeout
    };
    explicit SftpChannel(std::unique_ptr<SshConnection> connection);
    Status start(const Waiter& waiter);
    Status read_version(const Waiter& waiter);
    Status ask_abilities(const Waiter& waiter, const Version& version);
    std::uint32_t expect(PacketType expected, Handler handler, std::uint32_t bytes = 0);
    void simple(PacketType type, std::string_view text, PacketType expected, Handler handler);
    Result<bool> send_some();
    Result<bool> receive_some();
    Status take_packets();
    void close_finished_commands();
    Status dispatch(std::span<const std::byte> packet);
    tl::unexpected<Error> die(Error error);
    [[nodiscard]] Millis allowed_silence() const;

    struct FreeChannel {
        void operator()(LIBSSH2_CHANNEL* channel) const noexcept { (void)libssh2_channel_free(channel); }
    };
    // Order of destruction: exec and channel before the session they belong to; see the destructor.
    std::unique_ptr<SshConnection> connection_;
    std::unique_ptr<LIBSSH2_CHANNEL, FreeChannel> channel_;
    std::unique_ptr<ExecChannel> exec_;
    std::vector<std::unique_ptr<ExecChannel>> closing_;  // good-byes that the server has not answered yet
    ServerAbilities abilities_;
    std::unordered_map<std::uint32_t, Pending> pending_;
    std::uint32_t next_id_ = 1;
    std::vector<std::byte> out_;
    std::size_t out_head_ = 0;
    std::vector<std::byte> in_;
    std::size_t in_head_ = 0, in_tail_ = 0;
    std::uint64_t in_flight_bytes_ = 0;
    SteadyTime last_moved_{};
    bool dead_ = false;
    bool stalled_ = false;
    Error death_;
    Millis round_trip_{0};
};

// Drops the handlers of a channel at the end of a scope, so that none of them outlives what it refers to.
class HandlerScope {
  public:
    explicit HandlerScope(SftpChannel& channel) : channel_(channel) {}
    ~HandlerScope() { channel_.detach_handlers(); }
    HandlerScope(const HandlerScope&) = delete;
    HandlerScope& operator=(const HandlerScope&) = delete;

  private:
    SftpChannel& channel_;
};

// Pumps all channels; waits (at most `at_most`) if nothing moved at any. The first error ends it.
Status drive_all(std::span<SftpChannel* const> channels, const Waiter& waiter, Millis at_most);

}  // namespace oracxfs::sftp
