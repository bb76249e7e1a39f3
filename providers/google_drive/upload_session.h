#pragma once
// One resumable upload of Drive: begins a session, sends chunks, asks how far it is, and obeys what it hears. A sequence of
// calls by one thread; knows nothing of names and digests.

#include <atomic>
#include <span>
#include <string>
#include <variant>

#include "providers/google_drive/drive_api.h"

namespace oracxfs::drive {

inline constexpr std::uint64_t kChunkUnit = 256u << 10;  // chunks but the last are multiples of this

// How a request of a session went.
struct Stored {
    std::uint64_t bytes = 0;  // from the beginning
};
struct Done {
    std::optional<FileMeta> file;  // nothing: it is done, but what was said of it could not be understood
};
struct Expired {};  // begin anew
using SessionStep = std::variant<Stored, Done, Expired>;

class UploadSession {
  public:
    explicit UploadSession(DriveApi& api) : api_(api) {}

    // replaces: new content for the file with this id, else a new file as `change` says. exists: its id is taken.
    Status begin(const OpContext& ctx, const FileChange& change, const std::string& replaces, std::optional<std::uint64_t> total);
    void resume(std::string address) { address_ = std::move(address); }
    [[nodiscard]] const std::string& address() const { return address_; }

    // Bytes at `offset`; `total` is known with the last ones (and may be before). After trouble it asks how far the upload
    // is. outcome_unknown: the last bytes went out, and then nothing could be learned.
    Result<SessionStep> send(const OpContext& ctx, std::span<const std::byte> data, std::uint64_t offset,
                             std::optional<std::uint64_t> total, bool last);
    Result<SessionStep> ask(const OpContext& ctx, std::optional<std::uint64_t> total);

  private:
    // What an answer means; nothing if it does not tell (then ask).
    Result<std::optional<SessionStep>> meaning_of(const http::Response& response);

    DriveApi& api_;
    std::string address_;
    int refusals_ = 0;  // in a row
};

}  // namespace oracxfs::drive
