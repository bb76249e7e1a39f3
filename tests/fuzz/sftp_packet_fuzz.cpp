// What an SFTP server sends: packets cut out of a stream and decoded.

#include <span>

#include "providers/sftp/sftp_wire.h"
#include "tests/fuzz/fuzz.h"

using namespace oracxfs;
using namespace oracxfs::sftp;
using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::span<const std::byte> rest = std::as_bytes(std::span(data, size));
    (void)decode_limits(rest);
    if (const auto space = decode_statvfs(rest)) (void)space->available();
    while (true) {
        const auto packet = first_packet(rest);
        if (!packet) {
            require(packet.error().code == Errc::unavailable);
            return 0;
        }
        if (!*packet) return 0;
        const std::span<const std::byte> body = **packet;
        require(body.size() <= kPacketBytesMax && body.size() + 4 <= rest.size());
        if (const auto version = decode_version(body)) (void)version->offers("limits@openssh.com");
        if (const auto answer = decode_answer(body)) {
            const std::span<const std::byte> bytes = answer->answer.data;
            require(bytes.empty() || (bytes.data() >= body.data() && bytes.data() + bytes.size() <= body.data() + body.size()));
            for (const NameEntry& entry : answer->answer.names) (void)entry.attrs.is_directory();
        } else {
            require(answer.error().code == Errc::unavailable);
        }
        rest = rest.subspan(body.size() + 4);
    }
}
