#pragma once
// The connections of one provider. Opened one after another, lent to one call at a time, reused for a minute. Servers
// limit how many one client may have: a refusal while others are open lowers the number for a while.
//
// FTP has no range: a read that stops early costs its connection. So a transfer of which no more is wanted waits here for
// whoever reads on; it gives way as soon as its connection is needed for something else.

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "providers/ftp/ftp_connection.h"

namespace oracxfs::ftp {

// Thread-safe.
class FtpPool {
  public:
    using Open = std::function<Result<std::unique_ptr<FtpConnection>>(const CallWait& wait)>;

    FtpPool(unsigned connections, Clock& clock, Open open);

    // Gives its connection back at its end, or closes one that is not usable any more.
    class Lease {
      public:
        Lease(FtpPool& pool, std::unique_ptr<FtpConnection> connection, bool reused)
            : pool_(&pool), connection_(std::move(connection)), reused_(reused) {}
        Lease(Lease&&) noexcept = default;
        Lease& operator=(Lease&&) = delete;
        ~Lease() {
            if (connection_) pool_->give_back(std::move(connection_));
        }
        [[nodiscard]] FtpConnection& connection() const { return *connection_; }
        [[nodiscard]] bool reused() const { return reused_; }

      private:
        friend class FtpPool;
        FtpPool* pool_;
        std::unique_ptr<FtpConnection> connection_;
        bool reused_;
    };

    // A download that waits.
    struct Transfer {
        ObjectKey key;
        std::string rev;
        std::uint64_t size = 0;
        std::uint64_t position = 0;  // of its next byte
    };
    struct Held {
        Lease lease;
        Transfer transfer;
    };
    // The one that comes to this offset soonest, if one soon does. `rev` as it was asked for when it began.
    std::optional<Held> take_transfer(const ObjectKey& key, const std::string& rev, std::uint64_t offset);
    // For a connection with holds_transfer().
    void hold(Lease lease, Transfer transfer);

    // Waits for a free connection. Errors: what opening one fails with.
    Result<Lease> take(const CallWait& wait);
    // One was found dead: the other idle ones will hardly be better.
    void forget_idle();
    // How many there may be at the moment.
    [[nodiscard]] unsigned limit() const;

  private:
    struct Idle {
        std::unique_ptr<FtpConnection> connection;
        SteadyTime since;
    };
    struct Waiting {
        std::unique_ptr<FtpConnection> connection;
        Transfer transfer;
        SteadyTime since;
    };
    void give_back(std::unique_ptr<FtpConnection> connection);
    // With the lock held: what has waited too long. To be destroyed without it.
    std::vector<std::unique_ptr<FtpConnection>> tired();
    // Called with opening_ set and counted in total_. Nothing: the server has enough of us, wait for one to come back.
    Result<std::unique_ptr<FtpConnection>> open_one(const CallWait& wait);
    // The only one of ours was closed a moment ago: "too many" may mean that one.
    [[nodiscard]] bool counts_closed_ones() const;

    const unsigned limit_max_;
    Clock& clock_;
    const Open open_;
    mutable std::mutex mutex_;
    std::condition_variable_any changed_;
    std::vector<Idle> idle_;        // the one used last is the last
    std::vector<Waiting> waiting_;  // likewise
    unsigned limit_;
    SteadyTime lowered_until_{};
    std::optional<SteadyTime> closed_;  // without a word to the server: in the middle of a transfer, or dead
    unsigned total_ = 0;  // lent, idle, waiting and being opened
    bool opening_ = false;
    std::uint64_t failures_ = 0;
    Error last_failure_;
};

}  // namespace oracxfs::ftp
