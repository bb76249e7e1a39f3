#pragma once
// Comparing what a server stored with what it should be.

#include <string>

#include "providers/ftp/ftp_home.h"

namespace oracxfs::ftp {

// By the server's own hash if it has one (and the configuration does not want the bytes read back), else by reading.
// corrupt if they differ. A hash that differs is confirmed by reading, before a copy is condemned on a server's word.
Status verify_stored(FtpCall& call, const std::string& path, const ContentDigests& expected);

}  // namespace oracxfs::ftp
