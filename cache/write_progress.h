#pragma once
// Which bytes of a file are final as far as one can tell from the order of the writes: pure bookkeeping, no locks.
//
// A file that is written from front to back, or with small steps out of order, has a growing prefix that nobody touched
// twice. As soon as somebody goes back below it, the prefix shrinks and stays: what was rewritten once may be rewritten
// again, so nothing more is offered until the file is sealed. Truncating to nothing starts all over.

#include <cstdint>
#include <map>

namespace oracxfs {

class WriteProgress {
  public:
    // The first `copied` bytes came from elsewhere. They count only once something is appended right behind them: until
    // then it is as likely that they get edited.
    explicit WriteProgress(std::uint64_t copied = 0) : copied_(copied) {}

    [[nodiscard]] std::uint64_t contiguous() const { return contiguous_; }
    // Somebody went back: contiguous() does not grow any more.
    [[nodiscard]] bool frozen() const { return frozen_; }
    // Whether a write or truncate at `offset` changes bytes below contiguous().
    [[nodiscard]] bool touches(std::uint64_t offset) const { return offset < contiguous_; }

    void wrote(std::uint64_t offset, std::uint64_t length);
    void truncated(std::uint64_t size);
    void sealed(std::uint64_t size);

  private:
    void freeze_at(std::uint64_t offset);
    void remember(std::uint64_t begin, std::uint64_t end);

    std::uint64_t contiguous_ = 0;
    std::uint64_t copied_ = 0;
    bool frozen_ = false;
    std::map<std::uint64_t, std::uint64_t> ahead_;  // begin -> end of what was written beyond a gap; disjoint
};

}  // namespace oracxfs
