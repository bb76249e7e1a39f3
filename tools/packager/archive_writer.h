#pragma once
// Writes a ZIP file to a sink, strictly forward: headers, data, and at the end the directory.

#include <cstdint>
#include <string>
#include <string_view>

#include "tools/packager/deflate.h"
#include "tools/packager/package_sink.h"
#include "tools/packager/zip_format.h"

namespace oracxfs {

class ArchiveWriter {
  public:
    explicit ArchiveWriter(PackageSink& sink) : sink_(sink) {}

    // One member: begin, any number of put(), end. Its offset is filled in. A streamed one gets its CRC and sizes at the end.
    Status begin(zip::MemberRecord& member);
    Status put(ByteSpan data);
    Status end(const zip::MemberRecord& member);
    // Instead of end(): what was written of it stays as a gap that nothing refers to.
    void abandon() {}

    // The directory and the end of the archive.
    Status finish();

    [[nodiscard]] std::uint64_t bytes() const { return written_ + buffer_.size(); }
    [[nodiscard]] std::uint64_t members() const { return members_; }

  private:
    Status put(std::string_view text) { return put(std::as_bytes(std::span(text.data(), text.size()))); }
    Status flush();

    PackageSink& sink_;
    Bytes buffer_;  // small members are written together
    std::uint64_t written_ = 0;
    std::string directory_;
    std::uint64_t members_ = 0;
};

}  // namespace oracxfs
