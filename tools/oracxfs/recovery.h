#pragma once
// After a crash: what staging holds that the catalogue does not know.

#include <cstdint>
#include <vector>

#include "cache/catalog.h"
#include "cache/staging.h"

namespace oracxfs {

struct StagingRecovery {
    std::uint64_t committed = 0;
    std::uint64_t removed = 0;
    std::uint64_t unreadable = 0;  // left where they are
};

// Before the file system is opened. A sealed file is committed under the path of its trailer when it is newer than
// everything in the catalogue (its close() was under way), or when the catalogue was begun anew (`catalogue_lost`). Others
// are left-overs of finished work and are removed: committing them would bring back what was replaced or deleted.
// `providers`: where recovered files are wanted.
Result<StagingRecovery> recover_staging(Catalog& catalog, Staging& staging, bool catalogue_lost,
                                        const std::vector<ProviderId>& providers);

}  // namespace oracxfs
