#pragma once
// Finds the provider's own folder in Drive, or makes it: by the id that was stored, else by the mark it carries
// (appProperties "ox" = "root" and "oxroot" = a hash of the configured path), never by its name. Two machines that begin at
// the same time settle on the oldest.
//
// A folder that was there once is never made again by itself.

#include <string>

#include "providers/google_drive/drive_api.h"
#include "providers/google_drive/id_stock.h"

namespace oracxfs::drive {

class DriveRoot {
  public:
    DriveRoot(DriveApi& api, IdStock& ids) : api_(api), ids_(ids) {}

    // The folder's id. `account_id`: whose Drive it is; another one than last time is refused (config).
    // unavailable: it was there once and is gone or in the trash. One caller at a time.
    Result<std::string> find(const OpContext& ctx, const std::string& account_id);
    // This was the folder of this account the last time. Asks nobody.
    [[nodiscard]] bool was(const std::string& id, const std::string& account_id) const;

  private:
    struct Record {
        std::string id, account_id, folder;
    };
    [[nodiscard]] std::string file() const;
    [[nodiscard]] Record load() const;
    void store(const Record& record) const;
    Result<std::string> find_or_make(const OpContext& ctx, std::size_t depth, const std::string& parent);
    Result<std::string> settle(const OpContext& ctx, const FileMeta& made, const std::string& mark);
    Result<std::string> settle_again(const OpContext& ctx, const FileMeta& ours, const Record& known);
    Result<std::vector<FileMeta>> marked(const OpContext& ctx, const std::string& mark);
    Result<bool> is_empty(const OpContext& ctx, const std::string& id);
    [[nodiscard]] std::string mark_of(std::size_t depth) const;

    DriveApi& api_;
    IdStock& ids_;
    bool settled_ = false;
};

}  // namespace oracxfs::drive
