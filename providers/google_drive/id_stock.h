#pragma once
// Ids for objects to be made, fetched from Drive in advance: a create that is repeated with the same id can't make a twin.

#include <mutex>
#include <string>
#include <vector>

#include "providers/google_drive/drive_api.h"
#include "providers/google_drive/keyed_lock.h"

namespace oracxfs::drive {

// Thread-safe.
class IdStock {
  public:
    explicit IdStock(DriveApi& api) : api_(api) {}
    // Each is given out once.
    Result<std::string> take(const OpContext& ctx);

  private:
    DriveApi& api_;
    KeyedLock fetching_;
    std::mutex mutex_;
    std::vector<std::string> ids_;
};

}  // namespace oracxfs::drive
