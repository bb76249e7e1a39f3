#pragma once
// Moves a finished part (or another object) to its name: refuses to overwrite, or replaces exactly what is expected.

#include <functional>
#include <optional>
#include <string>

#include "providers/sftp/sftp_home.h"

namespace oracxfs::sftp {

struct PublishJob {
    std::string from;  // the server's path
    ObjectKey key;     // the final name
    std::optional<RemoteObject> replaces;
    bool keep_replaced = true;
    std::string close_handle;  // closed just before the move; empty: none
    Attrs attrs;               // of what is moved
};

// The steps for one object, driven by answers, so that hundreds run on one connection. Stays where it is until done.
class Publisher {
  public:
    using Done = std::function<void(Status)>;

    Publisher(SftpHome& home, SftpChannel& channel, PublishJob job, Done done);
    Publisher(const Publisher&) = delete;
    Publisher& operator=(const Publisher&) = delete;

    // `target` is what LSTAT says about the final name now; may be missing if needs_target() is false.
    void start(const std::optional<Answer>& target);
    // The move is on its way and its outcome not known.
    [[nodiscard]] bool in_doubt() const { return in_doubt_; }

    // Of the object after the move. Its time is a second later than asked for when that is what it takes to tell it from
    // what it replaces (see rev_of).
    [[nodiscard]] const Attrs& attrs() const { return attrs_; }

    // Whether the final name has to be looked at before: costs no round trip when it is asked in time.
    [[nodiscard]] static bool needs_target(const SftpChannel& channel, bool replaces);

  private:
    Status check_target(const Answer& target) const;
    void keep_old();
    void old_kept(const Answer& answer, bool linked);
    void move();
    void moved(const Answer& answer);
    void explain(const Answer& answer);

    SftpHome& home_;
    SftpChannel& channel_;
    const PublishJob job_;
    const Done done_;
    Attrs attrs_;
    ObjectKey trash_key_;
    int tries_ = 0;
    bool in_doubt_ = false;
};

// The same, waiting. Returns the object as it is then.
Result<RemoteObject> publish(SftpCall& call, PublishJob job, const std::optional<Answer>& target);

// Turns `error` into quota_full if the file system's numbers say so.
void note_full_disk(const StatVfs& space, std::uint64_t missing_bytes, Error& error);

// FX_FAILURE while writing has many meanings: a full disk among them, which the file system's numbers show.
Result<Error> explain_write_failure(SftpHome& home, SftpChannel& channel, const Waiter& waiter, const Answer& answer,
                                    std::uint64_t missing_bytes);

}  // namespace oracxfs::sftp
