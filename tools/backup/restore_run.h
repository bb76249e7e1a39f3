#pragma once
// Members of a package brought back to a folder, or given to whoever asked for them, as a run that is remembered.

#include <string>

#include "tools/backup/package_access.h"
#include "tools/packager/restore.h"

namespace oracxfs {

struct RestoreRequest {
    std::string backup;  // as find_package() takes it
    std::string from;    // a provider's name; "" = from wherever it is nearest
    RestoreOptions options;
    std::optional<WipedString> passphrase;  // nothing: the stored one, if there is one
};

// Blocks. Events: {"type": "progress", ...} and, of a dry run, {"type": "rows", "rows": [{"name", "what"}]}. The answer tells
// what came of it, also when members are damaged; an error means that it ended early.
Result<Json> run_restore(const BackupEnvironment& environment, RestoreRequest request, const OpContext& ctx, const Emit& emit);

// The content of one member, named by request.options.paths, as events {"type": "data", "b64": ...}. An error may come after
// some of it: nothing counts before success. Errors: not_found, is_directory, corrupt (also when it is not what the manifest
// says), key_unavailable.
Result<Json> stream_member(const BackupEnvironment& environment, RestoreRequest request, const OpContext& ctx, const Emit& emit);

// {"backup", "from", "paths", "to", "overwrite", "verify", "dry_run", "passphrase"} -> invalid when something is wrong with it.
Result<RestoreRequest> restore_request_from(const Json& args);

}  // namespace oracxfs
