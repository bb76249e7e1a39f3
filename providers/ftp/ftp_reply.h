#pragma once
// What an FTP server says on the control connection (RFC 959, 2389, 3659, draft-bryan-ftp-hash). No I/O.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"

namespace oracxfs::ftp {

struct Reply {
    int code = 0;                    // 100 to 599; 0: no reply
    std::vector<std::string> lines;  // without line ends, with the code in front where the server put it

    [[nodiscard]] bool ok() const { return code >= 200 && code < 400; }
    // The last line's words without the code, printable and shortened: for people, never for decisions.
    [[nodiscard]] std::string words() const;
    // "550 No such file"
    [[nodiscard]] std::string text() const;
};

// Puts lines together to replies. A line of three digits and a space ends one, whatever came before: that is also how
// libcurl counts them. Endless replies lose their middle, never their end.
class ReplyReader {
  public:
    void feed(std::string_view line);
    [[nodiscard]] const std::vector<Reply>& replies() const { return replies_; }
    void clear();

  private:
    std::vector<Reply> replies_;
    Reply open_;
};

// From the reply to FEAT. What is not listed is not used, but SIZE and MDTM are tried anyway (older than FEAT).
struct Features {
    bool mlst = false;         // MLST and MLSD
    bool mfmt = false;         // sets times
    bool mdtm = false;
    bool rest_stream = false;
    bool utf8 = false;
    bool hash_sha256 = false;  // HASH with SHA-256, to be chosen by OPTS
    bool xsha256 = false;
    bool xmd5 = false;
    bool available_space = false;  // AVBL
};
Features parse_features(const Reply& reply);

// The number after 213: a size.
std::optional<std::uint64_t> parse_number(const Reply& reply);
// "YYYYMMDDhhmmss[.fff]", UTC, to seconds since 1970.
std::optional<std::int64_t> parse_time(std::string_view text);
// The same in a reply to MDTM: 213 and the time.
std::optional<std::int64_t> parse_time(const Reply& reply);
std::string format_time(std::int64_t seconds);

// The digest in a reply to HASH, XSHA256 or XMD5: the one word of it that has the right number of hex digits and
// does not come after the file's name (which might look like a digest).
std::optional<Sha256> parse_sha256(const Reply& reply);
std::optional<Md5> parse_md5(const Reply& reply);

}  // namespace oracxfs::ftp
