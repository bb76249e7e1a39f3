#pragma once
// Between the thread that reads, the threads that compress and the thread that writes: pieces of members in their order.
//
// Pieces are added in order, compressed in any order, taken out in order. What is in it is bounded by bytes, so the
// reader waits when writing is slow. The first error of anybody ends everything.

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/hash.h"
#include "tools/packager/deflate.h"
#include "tools/packager/package_plan.h"
#include "tools/packager/zip_aes.h"

namespace oracxfs {

struct MemberHead {
    std::string name;
    PlannedMember::Kind kind = PlannedMember::Kind::file;
    FileStat stat;            // as it was when its content was read
    bool counts_as_content = true;
    bool plain = false;       // never encrypted
};

// A whole small member, or one block of a large one.
struct Piece {
    // From the reader.
    bool first = false, last = false;
    bool streamed = false;           // too large to be held back until its sizes are known
    bool keep = true;                // of the last: false if the member is to be dropped, because it is read again
    bool changed_while_read = false; // of the last
    bool compressed_already = false; // its content is known to be
    MemberHead head;                 // of the first
    Bytes content;                   // emptied when it was compressed
    Sha256 sha256{};                 // of the last: of the whole member
    bool is_whole() const { return first && last; }

    // From a worker.
    Bytes packed;
    bool stored = false;  // `packed` is the content as it is
    std::uint32_t crc = 0;
    std::uint64_t size = 0;
    std::optional<zip::AesStream> cipher;  // of the first, if it is encrypted
    Bytes salt;

  private:
    friend class PieceQueue;
    std::size_t charge = 0;
    bool done = false;
};

// Thread-safe.
class PieceQueue {
  public:
    // Members up to this size are held back; the queue has room for one of them and more.
    static constexpr std::uint64_t kHeldBytesMax = 16u << 20;
    static constexpr std::size_t kRoomBytes = 48u << 20;

    [[nodiscard]] std::stop_token stop_token() const { return stop_.get_token(); }
    void stop() { stop_.request_stop(); }
    void fail_with(Error error);
    // Of the first fail_with(); cancelled if only stop() was called.
    [[nodiscard]] Error error() const;

    // The reader: waits for room. False when everything is over.
    bool add(std::unique_ptr<Piece> piece);
    void close();   // nothing more comes for now
    void reopen();  // after all, when everything was taken out
    void end();     // the workers may go

    // A worker: the oldest piece nobody has taken; null when there will be none.
    Piece* take();
    void finish(Piece* piece);

    // The writer: the oldest piece, compressed. Null when nothing came within `patience`, or when there will be none.
    std::unique_ptr<Piece> next(Millis patience);
    [[nodiscard]] bool is_over() const;  // closed and all taken out, or stopped
    void release(Piece& piece);          // its bytes are gone

  private:
    std::stop_source stop_;
    mutable std::mutex mutex_;
    std::condition_variable_any room_, work_, ready_;
    std::deque<std::unique_ptr<Piece>> pieces_;
    std::size_t taken_ = 0;  // of them, by workers, from the front
    std::size_t used_ = 0;
    bool closed_ = false, ended_ = false;
    std::optional<Error> error_;
};

}  // namespace oracxfs
