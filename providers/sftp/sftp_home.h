#pragma once
// What all operations of one SFTP provider share: configuration, the root folder, known directories, the connections.

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "providers/known_directories.h"
#include "providers/provider.h"
#include "providers/sftp/sftp_config.h"
#include "providers/sftp/sftp_pool.h"
#include "providers/sftp/sftp_status.h"
#include "providers/sftp/sftp_verify.h"

namespace oracxfs::sftp {

struct SftpHome {
    SftpHome(SftpConfig settings, Clock& time);

    // The server's path of a key. Only while a connection is lent (the root is known from the first one on).
    [[nodiscard]] std::string path(const ObjectKey& key) const;
    [[nodiscard]] std::string part_path(const std::string& upload_id) const { return path(part_name(upload_id)); }

    // Queues the creation of `key` and of the parents that are not known to exist. Answers are dropped: what comes next
    // on the connection finds out.
    void request_directories(SftpChannel& channel, const ObjectKey& key);

    // Errors: config (the folder's parent is missing), denied, unavailable.
    Status ensure_root(SftpChannel& channel, const Waiter& waiter);

    const SftpConfig config;
    Clock& clock;
    KnownDirectories directories;
    ServerHash hash;

  private:
    Status prepare(SftpChannel& channel, const Waiter& waiter);
    std::mutex root_mutex_;
    std::string root_;
    bool root_ready_ = false;

  public:
    SftpPool pool;  // last: its thread uses the rest
};

// One call on one connection: waiting helpers for what is not worth a pipeline.
class SftpCall {
  public:
    SftpCall(SftpHome& home, SftpChannel& channel, const Waiter& waiter)
        : home_(home), channel_(channel), waiter_(waiter), scope_(channel) {}

    [[nodiscard]] SftpHome& home() const { return home_; }
    [[nodiscard]] SftpChannel& channel() const { return channel_; }
    [[nodiscard]] const Waiter& waiter() const { return waiter_; }
    // A request that changes something has been sent and not answered.
    [[nodiscard]] bool in_doubt() const { return in_doubt_; }

    Result<Answer> ask(const std::function<void(Handler)>& request) { return channel_.ask(waiter_, request); }
    // The same for requests that change something.
    Result<Answer> change(const std::function<void(Handler)>& request);
    void set_in_doubt(bool value) { in_doubt_ = value; }

    // Regular files and directories; nothing when absent or of another kind (links, devices).
    Result<std::optional<Attrs>> find(const ObjectKey& key);
    // Moves something into the trash. True if it was there.
    Result<bool> move_to_trash(const ObjectKey& key);

  private:
    SftpHome& home_;
    SftpChannel& channel_;
    const Waiter& waiter_;
    const HandlerScope scope_;
    bool in_doubt_ = false;
};

}  // namespace oracxfs::sftp
