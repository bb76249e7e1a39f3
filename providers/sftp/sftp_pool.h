#pragma once
// The connections of one provider. Each is lent to one caller at a time; opened when needed, one after another (servers
// drop clients that sign in all at once); kept alive while idle; dropped when dead.
//
// Thread-safe. One thread of its own keeps idle connections alive and runs chores that must not hold up a caller; another
// one opens what is wanted beyond the first connection.

#include <condition_variable>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "providers/provider.h"
#include "providers/sftp/sftp_channel.h"

namespace oracxfs::sftp {

// A file that is open for reading, so that the next read of it costs one round trip.
struct ReadHandle {
    ObjectKey key;
    std::string rev;
    std::string handle;
    SteadyTime used;
};

struct PooledConnection {
    std::unique_ptr<SftpChannel> channel;
    std::vector<ReadHandle> read_handles;
    std::vector<ObjectKey> stale_keys;  // guarded by the pool's mutex; applied when the connection is lent
    SteadyTime idle_since{};
    bool fresh = true;  // never lent before
};

class SftpPool {
  public:
    // Called with each newly opened connection, before anybody else uses it.
    using Prepare = std::function<Status(SftpChannel&, const Waiter&)>;
    using Chore = std::function<void(const OpContext&)>;

    SftpPool(SshTarget target, unsigned connections, Clock& clock, Prepare prepare);
    ~SftpPool();
    SftpPool(const SftpPool&) = delete;
    SftpPool& operator=(const SftpPool&) = delete;

    // Gives the connection back when it goes out of scope.
    class Lease {
      public:
        Lease(SftpPool& pool, std::unique_ptr<PooledConnection> connection)
            : pool_(&pool), connection_(std::move(connection)) {}
        Lease(Lease&&) = default;
        Lease& operator=(Lease&&) = delete;
        ~Lease() {
            if (connection_) pool_->give_back(std::move(connection_));
        }
        [[nodiscard]] SftpChannel& channel() const { return *connection_->channel; }
        [[nodiscard]] PooledConnection& connection() const { return *connection_; }
        // Was idle in the pool before: it may have died unnoticed.
        [[nodiscard]] bool reused() const { return reused_; }
        void set_reused() { reused_ = true; }

      private:
        SftpPool* pool_;
        std::unique_ptr<PooledConnection> connection_;
        bool reused_ = false;
    };

    // A connection, an idle one if possible (preferably with `key` open for reading), else a new one or one that somebody
    // gives back, whichever comes first. Errors of SshConnection::open.
    Result<Lease> take(const Waiter& waiter, const ObjectKey& key = {});
    // An idle connection at once, or nothing. For helpers of a caller that already has one.
    std::optional<Lease> try_take();
    // Lets the thread in the background open connections until `count` exist (within the limit).
    void want_connections(unsigned count);
    // Somebody waits for a connection: helpers give theirs back soon.
    [[nodiscard]] bool crowded() const;

    // A connection outside of the limit that is not kept.
    Result<std::unique_ptr<SftpChannel>> open_private(const Waiter& waiter);

    // Closes handles of `key` and of everything below it before they are used again.
    void forget_handles(const ObjectKey& key);
    void forget_idle();  // after a connection was lost: the others most likely are too

    // Runs once in the background thread.
    void run_later(Chore chore);

    // A token that fires with `stop`, or at the next beat of the background thread (every few seconds).
    class Beat {
      public:
        Beat(SftpPool& pool, const std::stop_token& stop);
        ~Beat();
        Beat(const Beat&) = delete;
        Beat& operator=(const Beat&) = delete;
        [[nodiscard]] std::stop_token token() const { return source_.get_token(); }

      private:
        struct Forward {
            std::stop_source* source;
            void operator()() const { source->request_stop(); }
        };
        SftpPool& pool_;
        std::stop_source source_;
        std::list<std::stop_source>::iterator place_;
        std::stop_callback<Forward> on_stop_;
    };

  private:
    using Connections = std::vector<std::unique_ptr<PooledConnection>>;
    void give_back(std::unique_ptr<PooledConnection> connection);
    std::unique_ptr<PooledConnection> pick_idle(const ObjectKey& key);
    Result<std::unique_ptr<PooledConnection>> open_one(const Waiter& waiter);
    Result<std::unique_ptr<SftpChannel>> open_channel(const Waiter& waiter);
    // Waits until `come` holds; error: the caller gave up. `come` is called with the mutex held.
    Status wait_until(std::unique_lock<std::mutex>& lock, const Waiter& waiter, const std::function<bool()>& come);
    bool revive(PooledConnection& connection);
    void serve(const std::stop_token& stop);
    void keep_alive();
    void open_when_wanted(const std::stop_token& stop);
    void open_wanted(const OpContext& ctx);

    const unsigned limit_;
    Clock& clock_;
    const Prepare prepare_;

    mutable std::mutex mutex_;
    std::condition_variable_any changed_;
    SshTarget target_;
    Connections idle_;
    std::vector<PooledConnection*> lent_;
    unsigned total_ = 0;
    unsigned wanted_ = 0;
    unsigned waiting_ = 0;
    bool opening_ = false;
    std::uint64_t failures_ = 0;
    Error last_failure_;
    std::vector<Chore> chores_;
    std::list<std::stop_source> beats_;
    std::jthread server_, opener_;  // last: joined before what they use goes away
};

}  // namespace oracxfs::sftp
