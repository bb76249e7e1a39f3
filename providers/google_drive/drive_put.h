#pragma once
// One put. Small contents go in one request, larger and growing ones through a resumable session; a new file carries an id
// that was chosen before, so that nothing that is repeated makes a twin; a replaced file keeps its id.

#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "providers/google_drive/drive_home.h"
#include "providers/google_drive/session_seal.h"
#include "providers/google_drive/upload_session.h"

namespace oracxfs::drive {

// Documented for up to 5 MB with everything around it.
inline constexpr std::uint64_t kSmallMax = 4u << 20;

// Which ids uploads without a known end have used. Thread-safe.
class PendingIds {
  public:
    [[nodiscard]] std::string find(const std::string& upload_id) const;  // "" if none
    void keep(const std::string& upload_id, const std::string& id);
    void drop(const std::string& upload_id);

  private:
    mutable std::mutex mutex_;
    std::map<std::string, std::string> ids_;
    std::deque<std::string> order_;
};

class DrivePut {
  public:
    DrivePut(DriveHome& home, SessionSeal& seal, PendingIds& pending, const OpContext& ctx, const ObjectKey& key,
             BlobReader& content, const PutOptions& options);

    Result<PutResult> run();

  private:
    // Bytes of the content in memory: [offset, offset + data.size()).
    struct Buffer {
        std::vector<std::byte> data;
        std::uint64_t offset = 0;
        bool ended = false;  // the last byte of the content is in it
    };

    Result<std::optional<FileMeta>> check_target(Trust trust);
    Result<std::optional<FileMeta>> check_replaced();
    [[nodiscard]] bool is_ours(const FileMeta& meta) const;
    Status fill(std::uint64_t want);
    void advance(std::uint64_t offset);
    [[nodiscard]] FileChange metadata() const;
    [[nodiscard]] std::uint64_t chunk_bytes(std::uint64_t offset) const;
    [[nodiscard]] std::optional<std::uint64_t> known_total() const;

    Result<FileMeta> put_small();
    Result<FileMeta> send_small(const std::string& body, const std::string& boundary);
    Result<std::optional<FileMeta>> look_after_doubt();
    Result<FileMeta> put_large();
    Result<std::optional<FileMeta>> begin_session();
    Result<std::optional<FileMeta>> existing();
    bool resume_session();
    Result<FileMeta> run_session();
    Result<KeyedLock::Hold> claim_name();

    Result<FileMeta> in_live_folder(FileMeta meta);
    Result<PutResult> finish(FileMeta meta);
    void report(std::uint64_t bytes);
    Error in_doubt(Error error);

    DriveHome& home_;
    SessionSeal& seal_;
    PendingIds& pending_;
    const OpContext& ctx_;
    const ObjectKey& key_;
    BlobReader& content_;
    const PutOptions& options_;

    std::string folder_;         // new files: where
    std::string id_;             // of the file
    std::string expected_rev_;   // replacing: what was there
    Buffer buffer_;
    UploadSession session_;
    SessionState state_;
    std::uint64_t resumed_from_ = 0;
    KeyedLock::Hold name_;       // held from the last look to the end
};

}  // namespace oracxfs::drive
