#pragma once
// What the backup job works with. Everything outlives it.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "cache/catalog.h"
#include "cache/secret_box.h"
#include "fs/filesystem.h"
#include "fs/replicator.h"
#include "tools/config/config.h"
#include "tools/packager/packager.h"

namespace oracxfs {

struct BackupEnvironment {
    Catalog& catalog;
    Filesystem& filesystem;
    Replicator& replicator;
    Clock& clock;
    std::function<std::shared_ptr<const Config>()> config;
    std::function<Result<std::string>(const std::string& name)> secret;  // not_found
    // The catalogue's copy, the configuration, ...: what a restored machine wants to know.
    std::function<Result<std::vector<ExtraMember>>()> metadata;
    std::vector<std::string> never_pack;  // our own state, staging, cache and the mount
    std::string temp_dir;                 // unless backup.staging_dir says otherwise
};

inline constexpr const char* kPackagePassphrase = "backup/passphrase";  // the secret's name

}  // namespace oracxfs
