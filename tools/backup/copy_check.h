#pragma once
// Does a provider still hold what was written? Asked of one stored copy, and what was found is recorded: a bad copy counts
// as bad from then on, and its lane replaces it.

#include "base/op_context.h"
#include "providers/limiting.h"
#include "tools/backup/backup_environment.h"
#include "tools/scheduler/scrub_plan.h"

namespace oracxfs {

std::string_view word_for(ScrubOutcome outcome);

struct CopyCheck {
    std::string path;  // of the file; "" when it is gone
    ScrubOutcome outcome = ScrubOutcome::gone;
    std::uint64_t downloaded_bytes = 0;
    std::optional<Error> error;  // damaged, missing, put_off: what was found
};

// `hash`: the provider compares by its own means (some have to read the bytes for that); `look`: only that it is there and
// has its size; `download`: all bytes are fetched and compared with the SHA-256. Blocks. Thread-safe.
// `limit`: for what is downloaded; may be null.
CopyCheck check_copy(const BackupEnvironment& environment, VersionId version, ProviderId provider, ScrubMethod method, const OpContext& ctx, TokenBucket* limit = nullptr);

}  // namespace oracxfs
