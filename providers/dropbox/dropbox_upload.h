#pragma once
// One file: in a single request if it is small, else by an upload session. Sessions of files whose size is known are
// "concurrent" (pieces in parallel); growing files go piece after piece as their bytes come.

#include <atomic>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "providers/dropbox/dropbox_publish.h"

namespace oracxfs::dropbox {

// Up to this size one request carries the file and its commit.
inline constexpr std::uint64_t kSingleRequestMax = 8u << 20;

// What is persisted between attempts (PutOptions.resume_state).
struct SessionState {
    std::string session;
    bool concurrent = false;
    std::uint64_t piece = 0;         // bytes of a piece
    std::uint64_t offset = 0;        // sequential: what the service has
    std::set<std::uint64_t> done;    // concurrent: numbers of the pieces it has
    std::optional<std::uint64_t> size;  // nothing while the content grew
    std::int64_t started_ms = 0;     // wall time; sessions live for 7 days

    [[nodiscard]] std::string dump() const;
    // Nothing for what is of no use.
    static std::optional<SessionState> parse(const std::string& text);
};

class FileUpload {
  public:
    FileUpload(DropboxHome& home, const OpContext& ctx, const ObjectKey& key, BlobReader& content, const PutOptions& options)
        : home_(home), ctx_(ctx), key_(key), content_(content), options_(options) {}

    Result<PutResult> run();

  private:
    struct Piece {
        std::uint64_t number = 0;
        std::uint64_t offset = 0;
        bool last = false;
        std::vector<std::byte> data;
        Sha256 hash{};
        Turnstile::Pass pass;
    };
    struct Crew;  // the threads that send pieces

    Result<PutResult> send_single(std::vector<std::byte> data);
    Result<PutResult> send_session();
    Result<PutResult> run_session();
    bool take_up();
    Status start_session();
    Status send_in_sequence();
    Status send_in_parallel();
    Status find_offset();
    Result<Piece> read_piece(std::uint64_t number, std::uint64_t size, std::vector<std::byte> buffer);
    // Thread-safe. Nothing: taken. A number: the sequential session stands there, not where the piece begins.
    Result<std::optional<std::uint64_t>> send_piece(const OpContext& ctx, const Piece& piece);
    Status append(Piece& piece);
    Result<PutResult> finish_session();

    // Up to `into`'s size; less only at the end.
    Result<std::size_t> fill(std::uint64_t offset, std::span<std::byte> into);
    Status keep_blocks(std::uint64_t offset, std::span<const std::byte> data, Sha256& hash);
    Result<Publication> publication(std::uint64_t size);
    void report(bool now);
    [[nodiscard]] std::uint64_t acknowledged() const;

    DropboxHome& home_;
    const OpContext& ctx_;
    const ObjectKey& key_;
    BlobReader& content_;
    const PutOptions& options_;

    SessionState state_;
    std::uint64_t resumed_from_ = 0;
    std::vector<std::optional<Sha256>> blocks_;  // of what was read
    std::atomic<bool> session_lost_ = false;     // it has to be started anew
    bool taken_up_ = false;
    SteadyTime last_report_{};
    std::uint64_t reported_ = 0;
};

}  // namespace oracxfs::dropbox
