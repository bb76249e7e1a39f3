#pragma once
// Decompressing a deflate stream that comes in pieces.

#include <functional>
#include <memory>

#include "base/result.h"
#include "tools/packager/deflate.h"

namespace oracxfs {

// One user at a time.
class InflateStream {
  public:
    using Sink = std::function<Status(ByteSpan)>;

    InflateStream();
    ~InflateStream();
    InflateStream(const InflateStream&) = delete;
    InflateStream& operator=(const InflateStream&) = delete;

    // Gives what comes out to `sink`, in pieces of 64 KiB at most. Errors: corrupt (also for bytes after the end), and
    // what the sink says.
    Status feed(ByteSpan data, const Sink& sink);
    [[nodiscard]] bool at_end() const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace oracxfs
