#include "providers/ftp/ftp_verify.h"

#include "base/log.h"
#include "providers/ftp/ftp_status.h"

namespace oracxfs::ftp {
namespace {

// What a slow server hashes in a second; it says nothing meanwhile.
constexpr std::uint64_t kHashBytesPerSecond = 20u << 20;

// Nothing: the server could not tell.
Result<std::optional<bool>> compare_by_hash(FtpCall& call, const std::string& path, const ContentDigests& expected) {
    using Answer = std::optional<bool>;
    const Features& features = call.connection().features();
    std::string command;
    if (features.xsha256) command = "XSHA256 ";
    else if (features.hash_sha256) command = "HASH ";
    else if (features.xmd5 && expected.md5) command = "XMD5 ";
    else return Answer();
    const auto patience = std::chrono::seconds(expected.size / kHashBytesPerSecond);
    ORACX_TRY(const Reply reply, call.connection().command(call.wait(), command + path, patience));
    if (command == "XMD5 ") {
        const auto md5 = parse_md5(reply);
        return md5 ? Answer(*md5 == *expected.md5) : Answer();
    }
    const auto sha256 = parse_sha256(reply);
    return sha256 ? Answer(*sha256 == expected.sha256) : Answer();
}

}  // namespace

Status verify_stored(FtpCall& call, const std::string& path, const ContentDigests& expected) {
    if (call.home().config.verify != VerifyMode::readback) {
        ORACX_TRY(const auto same, compare_by_hash(call, path, expected));
        if (same && *same) return {};
        if (same) log::warn("ftp", call.home().config.name() + ": the server's hash of " + path + " differs, reading it back");
    }
    Sha256Hasher hasher;
    std::uint64_t size = 0;
    ORACX_TRYV(call.connection().download(call.wait(), path, {}, [&](std::span<const std::byte> data) {
        hasher.update(data);
        size += data.size();
        return size <= expected.size;
    }));
    if (size == expected.size && hasher.finish() == expected.sha256) return {};
    return fail(Errc::corrupt, "compare", "the stored bytes differ from what they should be");
}

}  // namespace oracxfs::ftp
