#pragma once
// What all operations of one FTP provider share: configuration, the root folder, known directories, the connections.

#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "providers/ftp/ftp_config.h"
#include "providers/ftp/ftp_listing.h"
#include "providers/ftp/ftp_pool.h"
#include "providers/known_directories.h"
#include "providers/provider.h"

namespace oracxfs::ftp {

// FTP has no rename that refuses to overwrite, so "look, then move" is done by one call at a time for each name. Keeps
// this process from racing with itself; other clients are not held off. Thread-safe.
class KeyLocks {
  public:
    class Guard {
      public:
        Guard(KeyLocks& locks, std::vector<ObjectKey> keys) : locks_(&locks), keys_(std::move(keys)) {}
        Guard(Guard&& other) noexcept : locks_(other.locks_), keys_(std::exchange(other.keys_, {})) {}
        Guard& operator=(Guard&&) = delete;
        ~Guard();

      private:
        KeyLocks* locks_;
        std::vector<ObjectKey> keys_;
    };
    // Waits until none of the keys is held by others. cancelled, deadline.
    Result<Guard> lock(const CallWait& wait, std::vector<ObjectKey> keys);

  private:
    std::mutex mutex_;
    std::condition_variable_any changed_;
    std::set<ObjectKey> held_;
};

// Servers without MLSD tell times to the second only file by file. What was asked for once is kept as long as the
// listing shows the same size and time, provided that any later change would show another minute. Thread-safe.
class ModificationTimes {
  public:
    [[nodiscard]] std::optional<std::int64_t> find(const ObjectKey& key, const ListEntry& entry) const;
    void add(const ObjectKey& key, const ListEntry& entry, std::int64_t mtime, WallTime now);

  private:
    struct Known {
        std::string stamp;
        std::uint64_t size = 0;
        std::int64_t mtime = 0;
    };
    mutable std::mutex mutex_;
    std::map<ObjectKey, Known> known_;
};

struct FtpHome {
    FtpHome(FtpConfig settings, Clock& time);

    // The server's absolute path of a key. Only while a connection is lent (the root is known from the first one on).
    [[nodiscard]] std::string path(const ObjectKey& key) const;
    [[nodiscard]] std::string part_path(const std::string& upload_id) const { return path(part_name(upload_id)); }

    // Errors: config (the folder's parent is missing), denied, unavailable.
    Status ensure_root(FtpConnection& connection, const CallWait& wait);

    const FtpConfig config;
    Clock& clock;
    KnownDirectories directories;
    KeyLocks locks;
    ModificationTimes times;

  private:
    Result<std::unique_ptr<FtpConnection>> open(const CallWait& wait);
    std::mutex root_mutex_;
    std::string root_;
    bool root_ready_ = false;

  public:
    FtpPool pool;
};

// One call on one connection.
class FtpCall {
  public:
    FtpCall(FtpHome& home, FtpConnection& connection, const CallWait& wait) : home_(home), connection_(connection), wait_(wait) {}

    [[nodiscard]] FtpHome& home() const { return home_; }
    [[nodiscard]] FtpConnection& connection() const { return connection_; }
    [[nodiscard]] const CallWait& wait() const { return wait_; }
    // A command that changes something may have been sent and was not answered.
    [[nodiscard]] bool in_doubt() const { return in_doubt_; }

    // What the connection's transfer is, should it wait for somebody who reads on.
    void hold(FtpPool::Transfer transfer) { transfer_ = std::move(transfer); }
    [[nodiscard]] const FtpPool::Transfer& transfer() const { return transfer_; }

    Result<Reply> ask(const std::string& line) { return connection_.command(wait_, line); }
    // The same for commands of which the last one changes something.
    Result<std::vector<Reply>> change(const std::vector<std::string>& lines);
    Result<Reply> change(const std::string& line);

    // Files and directories; nothing when absent or of another kind (links, devices).
    Result<std::optional<ListEntry>> find(const ObjectKey& key) { return find_path(home_.path(key)); }
    Result<std::optional<ListEntry>> find_path(const std::string& path);
    // Makes the directory and its parents, as far as they are not known to exist. not_directory if something else is in
    // the way.
    Status make_directories(const ObjectKey& key);
    // RNFR and RNTO. The reply that decided.
    Result<Reply> move(const std::string& from, const std::string& to);
    // Moves something into the trash. Nothing if it was not there, else the path where it is now.
    Result<std::optional<std::string>> move_to_trash(const ObjectKey& key);
    // One folder, unsorted, whatever the server speaks. Nothing if it is not there.
    Result<std::optional<std::vector<ListEntry>>> list_folder(const ObjectKey& key);

  private:
    Result<std::optional<ListEntry>> find_by_facts(const std::string& path);
    Result<std::optional<ListEntry>> find_by_size(const std::string& path);
    Status make_one_directory(const ObjectKey& key);
    Status complete_times(const ObjectKey& folder, std::vector<ListEntry>& entries);

    FtpHome& home_;
    FtpConnection& connection_;
    const CallWait& wait_;
    FtpPool::Transfer transfer_;
    bool in_doubt_ = false;
};

}  // namespace oracxfs::ftp
