#pragma once
// A way into a package in the mount: its list of members from the catalogue when that is known, its bytes by ranges.

#include <functional>
#include <memory>
#include <string>

#include "base/op_context.h"
#include "tools/backup/backup_environment.h"
#include "tools/backup/packages.h"
#include "tools/control/handlers.h"
#include "tools/packager/package_reader.h"

namespace oracxfs {

// `from`: a provider's name, to read that provider's copy only; "" = from wherever it is nearest. Without a list of
// members in the catalogue it is read from the package, and kept. Errors: not_found (no such provider, or it holds no
// copy), and those of PackageReader.
Result<std::unique_ptr<PackageReader>> open_package(const BackupEnvironment& environment, const PackageInfo& package, const std::string& from,
                                                    std::optional<WipedString> passphrase, const OpContext& ctx);
// The same for looking at names only, without any network; nothing: the catalogue does not know the members.
Result<std::unique_ptr<PackageReader>> open_known_index(Catalog& catalog, const NodeRow& package);

// The passphrase that is stored for packages; nothing when none is.
Result<std::optional<WipedString>> stored_passphrase(const BackupEnvironment& environment);

// Members at or below `path` ("" = all; globs as in restoring), in the order of their names, as events
// {"type": "rows", "rows": [{"name", "kind", "size", "compressed", "mtime", "mode", "encrypted", "refused"}]}.
// not_found when nothing fits.
Result<Json> report_members(const PackageReader& reader, const PackageInfo& package, const std::string& path, const Emit& emit);

}  // namespace oracxfs
