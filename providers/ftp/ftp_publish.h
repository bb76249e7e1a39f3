#pragma once
// Gives an uploaded part, or an existing object, its name.
//
// FTP renames overwrite or refuse, as the server likes. So the target is looked at first, and calls of this process take
// turns for each name; between the look and the move another client has a moment in which its file would be replaced.
// When the replaced file is kept, it moves to the trash first and the name is free for a moment.

#include <optional>
#include <string>

#include "providers/ftp/ftp_home.h"

namespace oracxfs::ftp {

struct PublishJob {
    std::string from;  // path
    ObjectKey key;
    std::optional<RemoteObject> replaces;
    bool keep_replaced = true;
    ListEntry entry;   // what `from` is
};

// The caller holds the lock of the key. Errors: exists, changed, not_found (`from` has gone), not_directory, is_directory,
// name_refused, denied, quota_full ...
Result<RemoteObject> publish(FtpCall& call, PublishJob job);

// Sets the time if the server has a command for it; entry.mtime is then what was set.
Status set_time(FtpCall& call, const std::string& path, std::int64_t mtime, ListEntry& entry);

}  // namespace oracxfs::ftp
