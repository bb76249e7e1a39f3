#pragma once
// A drill: a backup is really restored from one provider, as a new machine would do it, compared with its manifest, timed,
// and thrown away. Whoever never tried does not know whether he can.

#include "base/json.h"
#include "cache/secret_box.h"
#include "tools/backup/backup_environment.h"
#include "tools/backup/packages.h"
#include "tools/control/handlers.h"

namespace oracxfs {

struct DrillRequest {
    std::string backup = "latest";
    std::string from;                // provider; "" = the one whose last drill is longest ago
    std::vector<std::string> paths;  // only these members; empty = everything
    std::optional<WipedString> passphrase = {};  // else the stored one
};
// {"backup", "from", "paths": [{"path"}], "passphrase"}
DrillRequest drill_request_from(const Json& args);

// Blocks. Nothing that this machine already has is used: list of members and content come from the provider. Events as those
// of a restore. The answer: {"run", "state", "package", "from", "files", "bytes", "downloaded_bytes", "verified", "took_ms", "rate",
// "problems", "problem_count", "code"}; state "succeeded" says that every file was compared and is good.
// Errors: not_found (no backup, or no copy there), local_full, and what the provider says.
Result<Json> run_drill(const BackupEnvironment& environment, DrillRequest request, const OpContext& ctx, const Emit& emit);

}  // namespace oracxfs
