// Replies on the control connection: lines to replies, features, numbers, times, digests, and what is said to people.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "providers/ftp/ftp_reply.h"
#include "providers/ftp/ftp_status.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace oracxfs;
    ftp::ReplyReader reader;
    std::string_view rest(reinterpret_cast<const char*>(data), size);
    while (!rest.empty()) {
        const std::string_view line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(line.size() + (line.size() < rest.size() ? 1 : 0));
        reader.feed(line);
    }
    for (const ftp::Reply& reply : reader.replies()) {
        if (reply.code < 100 || reply.code > 599 || reply.lines.empty()) std::abort();
        (void)ftp::parse_features(reply);
        (void)ftp::parse_number(reply);
        (void)ftp::parse_sha256(reply);
        (void)ftp::parse_md5(reply);
        // What can be read can be written, and means the same.
        if (const auto time = ftp::parse_time(reply); time && ftp::parse_time(ftp::format_time(*time)) != time) std::abort();
        for (const char c : ftp::error_of(reply, "ask").to_string())
            if (static_cast<unsigned char>(c) < 32 || c == 127) std::abort();
    }
    return 0;
}
