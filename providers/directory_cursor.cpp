#include "providers/directory_cursor.h"

#include <charconv>

namespace oracxfs {

std::string encode_directories(const std::deque<ObjectKey>& directories) {
    std::string out;
    for (const ObjectKey& key : directories) {
        for (const char c : key) {
            const auto byte = static_cast<unsigned char>(c);
            if (byte > 32 && byte < 127 && c != '%') {
                out += c;
                continue;
            }
            constexpr std::string_view kHex = "0123456789abcdef";
            out += '%';
            out += kHex[byte >> 4];
            out += kHex[byte & 15];
        }
        out += '\n';
    }
    return out;
}

Result<std::deque<ObjectKey>> decode_directories(std::string_view cursor) {
    std::deque<ObjectKey> out;
    while (!cursor.empty()) {
        const std::size_t end = cursor.find('\n');
        if (end == std::string_view::npos) return fail(Errc::invalid, "read cursor");
        ObjectKey key;
        for (std::size_t i = 0; i < end; ++i) {
            if (cursor[i] != '%') {
                key += cursor[i];
                continue;
            }
            unsigned byte = 0;
            const char* const digits = cursor.data() + i + 1;
            if (end - i < 3) return fail(Errc::invalid, "read cursor");
            if (std::from_chars(digits, digits + 2, byte, 16).ptr != digits + 2) return fail(Errc::invalid, "read cursor");
            key += static_cast<char>(byte);
            i += 2;
        }
        ORACX_TRYV(check_key(key));
        out.push_back(std::move(key));
        cursor.remove_prefix(end + 1);
    }
    return out;
}

}  // namespace oracxfs
