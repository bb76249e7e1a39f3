#include "tools/packager/inflate.h"

#include <zlib.h>

#include <limits>

#include "base/assert.h"

namespace oracxfs {

static constexpr std::size_t kOutputBytes = 64u << 10;

struct InflateStream::Impl {
    Impl() : output(kOutputBytes) { ORACX_ASSERT(inflateInit2(&stream, -MAX_WBITS) == Z_OK); }
    ~Impl() { inflateEnd(&stream); }
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;
    z_stream stream{};
    bool ended = false;
    Bytes output;
};

InflateStream::InflateStream() : impl_(std::make_unique<Impl>()) {}
InflateStream::~InflateStream() = default;

Status InflateStream::feed(ByteSpan data, const Sink& sink) {
    Impl& self = *impl_;
    z_stream& stream = self.stream;
    ORACX_ASSERT(data.size() <= std::numeric_limits<uInt>::max());
    // zlib does not write to its input.
    stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(data.data()));
    stream.avail_in = static_cast<uInt>(data.size());
    while (!self.ended) {
        stream.next_out = reinterpret_cast<Bytef*>(self.output.data());
        stream.avail_out = static_cast<uInt>(self.output.size());
        const int code = inflate(&stream, Z_NO_FLUSH);
        if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)
            return fail(Errc::corrupt, "decompress", stream.msg != nullptr ? stream.msg : "the compressed data is damaged");
        const std::size_t count = self.output.size() - stream.avail_out;
        if (count > 0) {
            if (Status taken = sink(ByteSpan(self.output).first(count)); !taken) return taken;
        }
        self.ended = code == Z_STREAM_END;
        if (!self.ended && stream.avail_in == 0 && stream.avail_out > 0) return {};  // wants more
    }
    if (stream.avail_in > 0) return fail(Errc::corrupt, "decompress", "there is data after the end of the stream");
    return {};
}

bool InflateStream::at_end() const { return impl_->ended; }

}  // namespace oracxfs
