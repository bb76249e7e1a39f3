#pragma once
// Where things are. $ORACXFS_HOME puts everything under one folder; else the XDG folders are used.
//
//   cloud_config.json            configuration, free of secrets
//   secrets.db master.key        passwords and tokens, encrypted
//   catalog.db                   which files exist and where their replicas are
//   staging/                     bytes not yet safe at the providers: belongs to the state, never to the cache
//   cache/ log/ run/control.sock run/lock

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace oracxfs {

// A look at one environment variable; unset and empty are the same.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;
Environment system_environment();

struct Places {
    std::string home;    // the user's home folder
    std::string root;    // $ORACXFS_HOME, "" when the XDG folders are used
    std::string config_file;
    std::string state;   // folder of secrets, catalogue, staging
    std::string secrets_db;
    std::string master_key;
    std::string catalog_db;
    std::string staging;
    std::string cache;
    std::string log_dir;
    std::string log_file;
    std::string run;     // folder of the socket
    std::string socket;
    std::string lock_file;  // in the state folder: one state, one owner, whatever the session's run folder is
};

// Never fails for want of a variable: without HOME the password database is asked.
Places find_places(const Environment& environment);

// "~", "~/x", "$NAME" and "${NAME}" are replaced; the XDG variables have their usual defaults when unset.
// Errors: config when a variable is not set.
Result<std::string> expand_path(std::string_view path, const Environment& environment);
// An absolute path without "." and "..", relative ones from `directory`. Does not look at the disk.
std::string absolute_path(std::string_view path, const std::string& directory);

}  // namespace oracxfs
