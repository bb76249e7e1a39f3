#pragma once
// Copies of databases that belong to others and may be in use.

#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace oracxfs::sqlite {

// Makes a consistent copy of the database at `source`, with what its write-ahead log holds, as a new file (0600), and
// checks the copy's integrity.
//
// The source is opened read-only and never changed; its writers go on if it uses a write-ahead log, otherwise they wait.
// The copy is compact (VACUUM INTO); where its schema needs functions or modules that are not here, page by page. It is
// complete in one file, and uses a write-ahead log if the source does.
// Waits: for locks of others up to `patience`; ends within 0.2 s of a stop request.
// Errors: exists, not_found, denied, busy, corrupt (no database, or a damaged one), local_full, local_io, cancelled.
// Nothing is left behind then.
Status copy_live_database(const std::string& source, const std::string& target, Millis patience, const std::stop_token& stop);

}  // namespace oracxfs::sqlite
