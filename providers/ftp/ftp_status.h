#pragma once
// From what the server answered to the project's errors and objects.

#include <string>
#include <string_view>

#include "base/error.h"
#include "providers/ftp/ftp_listing.h"
#include "providers/ftp/ftp_reply.h"
#include "providers/provider.h"

namespace oracxfs::ftp {

// The meaning of a code by itself. 550 stands for everything; without further looking it is `denied`.
Errc errc_of(int reply_code);

// Carries the server's own words.
Error error_of(const Reply& reply, std::string what);

// name_refused, or name_too_long: what no command can carry safely (control characters; 0xFF, which is telnet's escape),
// and spaces at the end, which some servers silently drop or replace.
Status check_name(std::string_view component);
Status check_names(const ObjectKey& key);

// FTP knows no content identity: size, time in seconds, and the server's unique fact where it has one.
std::string rev_of(const ListEntry& entry);
RemoteObject object_of(const ObjectKey& key, const ListEntry& entry);

// For the path of an ftp:// URL; '/' stays, but the first one is escaped: it stands for the server's root.
std::string url_path(std::string_view absolute);

}  // namespace oracxfs::ftp
