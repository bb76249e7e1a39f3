#pragma once
// Archives built by hand, so that they can be wrong in every way.

#include <optional>
#include <string>
#include <vector>

#include "tools/packager/deflate.h"

namespace oracxfs::test {

struct HandMember {
    std::string name;
    std::string data = {};          // as it is stored
    std::uint16_t method = 0;
    std::uint16_t flags = 0;
    std::uint32_t mode = 0100644;
    std::uint16_t made_by = 3 << 8 | 63;
    std::optional<std::uint32_t> crc = {};        // default: of the data
    std::optional<std::uint64_t> size = {};       // default: of the data
    std::optional<std::uint64_t> compressed = {}; // in the directory
    std::optional<std::uint64_t> offset = {};     // in the directory
    std::string local_name = {};                  // default: the name
    std::string extra = {};                       // in the directory
};

class HandZip {
  public:
    HandZip& add(const HandMember& member) {
        const std::uint64_t at = bytes.size();
        const std::string& local = member.local_name.empty() ? member.name : member.local_name;
        const std::uint32_t crc = member.crc.value_or(crc32_of(std::as_bytes(std::span(member.data.data(), member.data.size()))));
        put(bytes, 0x04034b50, 4);
        put(bytes, 20, 2);
        put(bytes, member.flags, 2);
        put(bytes, member.method, 2);
        put(bytes, 0x21 << 16, 4);
        put(bytes, crc, 4);
        put(bytes, member.data.size(), 4);
        put(bytes, member.size.value_or(member.data.size()), 4);
        put(bytes, local.size(), 2);
        put(bytes, 0, 2);
        bytes += local + member.data;

        put(directory, 0x02014b50, 4);
        put(directory, member.made_by, 2);
        put(directory, 20, 2);
        put(directory, member.flags, 2);
        put(directory, member.method, 2);
        put(directory, 0x21 << 16, 4);
        put(directory, crc, 4);
        put(directory, member.compressed.value_or(member.data.size()), 4);
        put(directory, member.size.value_or(member.data.size()), 4);
        put(directory, member.name.size(), 2);
        put(directory, member.extra.size(), 2);
        put(directory, 0, 2);
        put(directory, 0, 2);
        put(directory, 0, 2);
        put(directory, static_cast<std::uint64_t>(member.mode) << 16, 4);
        put(directory, member.offset.value_or(at), 4);
        directory += member.name + member.extra;
        ++count;
        return *this;
    }
    [[nodiscard]] std::string finish(const std::string& comment = "") const {
        std::string all = bytes + directory;
        put(all, 0x06054b50, 4);
        put(all, 0, 4);
        put(all, count, 2);
        put(all, count, 2);
        put(all, directory.size(), 4);
        put(all, bytes.size(), 4);
        put(all, comment.size(), 2);
        return all + comment;
    }
    static void put(std::string& out, std::uint64_t value, int size) {
        for (int i = 0; i < size; ++i) out.push_back(static_cast<char>(value >> (8 * i) & 0xff));
    }

    std::string bytes, directory;
    std::uint64_t count = 0;
};

// `data` as one deflate stream.
inline std::string deflated(const std::string& data) {
    Bytes out;
    append_stored_blocks(out, std::as_bytes(std::span(data.data(), data.size())));
    out.insert(out.end(), end_of_stream().begin(), end_of_stream().end());
    return {reinterpret_cast<const char*>(out.data()), out.size()};
}

}  // namespace oracxfs::test
