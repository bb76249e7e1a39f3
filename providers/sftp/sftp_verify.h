#pragma once
// Comparing stored bytes with digests: by the server's own sha256sum where the account has a shell, else by reading back.

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <list>
#include <optional>
#include <string>
#include <vector>

#include "base/hash.h"
#include "providers/sftp/sftp_channel.h"

namespace oracxfs::sftp {

struct SftpHome;

// Whether the server can hash files for us. Found out once in the background with a file of random content, because a
// shell may see other paths than SFTP does. Thread-safe.
class ServerHash {
  public:
    enum class State { unknown, probing, works, absent };
    [[nodiscard]] State state() const;
    void set(State state);
    // True for whoever is to find out: it is not known, nobody is at it, and it is not put off.
    bool begin_probing(SteadyTime now);
    void put_off(SteadyTime until);  // unknown, and not asked for before

  private:
    mutable std::mutex mutex_;
    State state_ = State::unknown;
    SteadyTime not_before_{};
};

// Asks the background thread to find out, once. Only for VerifyMode::automatic.
void find_out_server_hash(SftpHome& home);
// Finds out now unless that is known; for VerifyMode::hash. No connection may be held by the caller, and the root must be
// known. Errors: config when the server does not hash, those of the connection.
Status require_server_hash(SftpHome& home, const OpContext& ctx);
// The server began to hash and gave no answer: forgotten, and the error for whoever insists on its hash.
Status server_hash_failed(SftpHome& home);

// Hashes a file on the server while it is still being written: told how far the bytes are there, the server reads on
// from where it was. One at a time on a connection; pumped with it.
class RemoteHasher {
  public:
    RemoteHasher(SftpChannel& channel, const std::string& path);
    ~RemoteHasher();
    RemoteHasher(const RemoteHasher&) = delete;
    RemoteHasher& operator=(const RemoteHasher&) = delete;

    void extend(std::uint64_t end);  // bytes up to here are stored
    void finish(SteadyTime now);     // no more will come
    // The server refused, ended early or takes far too long: fall back to reading.
    [[nodiscard]] bool failed(SteadyTime now) const;
    [[nodiscard]] std::optional<Sha256> result() const;

  private:
    SftpChannel& channel_;
    ExecChannel& exec_;
    std::uint64_t told_ = 0;
    std::optional<SteadyTime> patience_;  // set by finish()
};

// Reads a range through pipelined requests and hands the bytes over in order.
class OrderedReader {
  public:
    using Sink = std::function<bool(std::span<const std::byte>)>;  // false: stop

    OrderedReader(SftpChannel& channel, std::string handle, std::uint64_t offset, Sink sink);

    // Sends requests for bytes up to `end` while at most `window_bytes` are outstanding.
    void request(std::uint64_t end, std::uint64_t window_bytes);
    [[nodiscard]] std::uint64_t delivered() const { return delivered_; }  // offset up to which the sink has everything
    [[nodiscard]] bool idle() const { return slots_.empty(); }
    [[nodiscard]] bool stopped() const { return stopped_; }               // by the sink, by the end of the file, by an error
    [[nodiscard]] bool at_end_of_file() const { return eof_; }
    [[nodiscard]] const std::optional<Answer>& failure() const { return failure_; }

  private:
    struct Slot {
        std::uint64_t offset = 0;
        std::uint32_t length = 0;
        bool answered = false;
        std::vector<std::byte> data;
    };
    void send(std::uint64_t offset, std::uint32_t length);
    void answered(Slot& slot, Answer& answer);
    void deliver_ready();
    void deliver(std::span<const std::byte> data);

    SftpChannel& channel_;
    const std::string handle_;
    const Sink sink_;
    std::uint64_t next_;
    std::uint64_t delivered_;
    std::uint64_t outstanding_bytes_ = 0;
    std::list<Slot> slots_;  // in order of offset
    bool stopped_ = false;
    bool eof_ = false;
    std::optional<Answer> failure_;
};

// Hash of a whole stored file, by the server or by reading. Errors of the connection, and unavailable when the server gives
// no hash but VerifyMode::hash wants one; nothing when the file cannot be read (then `why` says so).
Result<std::optional<Sha256>> hash_stored(SftpHome& home, SftpChannel& channel, const Waiter& waiter,
                                          const std::string& path, std::uint64_t size, bool by_server, Answer& why);

}  // namespace oracxfs::sftp
