#include "tools/packager/archive_writer.h"

namespace oracxfs {

static constexpr std::size_t kWriteBytes = 256u << 10;

Status ArchiveWriter::begin(zip::MemberRecord& member) {
    member.offset = bytes();
    std::string header;
    zip::append_local_header(header, member);
    return put(std::string_view(header));
}

Status ArchiveWriter::put(ByteSpan data) {
    if (buffer_.size() + data.size() > kWriteBytes) {
        if (Status flushed = flush(); !flushed) return flushed;
        if (data.size() >= kWriteBytes) {
            if (Status written = sink_.write_at(written_, data); !written) return written;
            written_ += data.size();
            return {};
        }
    }
    buffer_.insert(buffer_.end(), data.begin(), data.end());
    return {};
}

Status ArchiveWriter::end(const zip::MemberRecord& member) {
    if (member.streamed) {
        std::string descriptor;
        zip::append_descriptor(descriptor, member);
        ORACX_TRYV(put(std::string_view(descriptor)));
    }
    zip::append_central_header(directory_, member);
    ++members_;
    return {};
}

Status ArchiveWriter::finish() {
    const std::uint64_t offset = bytes();
    std::string end;
    zip::append_end(end, members_, offset, directory_.size());
    ORACX_TRYV(put(std::string_view(directory_)));
    ORACX_TRYV(put(std::string_view(end)));
    return flush();
}

Status ArchiveWriter::flush() {
    if (buffer_.empty()) return {};
    ORACX_TRYV(sink_.write_at(written_, buffer_));
    written_ += buffer_.size();
    buffer_.clear();
    return {};
}

}  // namespace oracxfs
