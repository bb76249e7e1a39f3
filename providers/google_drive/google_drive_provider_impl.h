#pragma once
// The provider's methods on DriveHome. rev is the head revision's id. Ids of older contents: "<file id>#<revision id>".

#include "providers/google_drive/drive_home.h"
#include "providers/google_drive/drive_put.h"
#include "providers/google_drive/google_drive_provider.h"
#include "providers/google_drive/session_seal.h"

namespace oracxfs {

class GoogleDriveProvider final : public Provider {
  public:
    GoogleDriveProvider(std::unique_ptr<drive::DriveApi> api, const drive::DriveConfig& config);

    [[nodiscard]] const Capabilities& capabilities() const override { return capabilities_; }
    Result<Space> probe(const OpContext& ctx) override;
    Result<PutResult> put(const OpContext& ctx, const ObjectKey& key, BlobReader& content, const PutOptions& options) override;
    void put_batch(const OpContext& ctx, std::span<PutRequest> requests,
                   const std::function<void(std::size_t, Result<PutResult>)>& done) override;
    Status discard_upload(const OpContext& ctx, const ObjectKey& key, const std::string& upload_id,
                          const std::string& resume_state) override;
    Result<RemoteObject> stat(const OpContext& ctx, const ObjectKey& key) override;
    Status read(const OpContext& ctx, const RemoteObject& object, std::uint64_t offset, std::uint64_t length,
                const ByteSink& sink) override;
    Status verify(const OpContext& ctx, const RemoteObject& object, const ContentDigests& expected) override;
    Result<ListPage> list(const OpContext& ctx, const ObjectKey& directory, const std::string& cursor) override;
    Status remove(const OpContext& ctx, const RemoteObject& object, RemoveMode mode) override;
    Result<RemoteObject> rename(const OpContext& ctx, const RemoteObject& object, const ObjectKey& to,
                                const std::optional<RemoteObject>& replaces) override;
    Result<RemoteObject> make_directory(const OpContext& ctx, const ObjectKey& key) override;
    Status remove_directory(const OpContext& ctx, const ObjectKey& key) override;
    Result<ChangePage> changes(const OpContext& ctx, const std::string& cursor) override;
    Result<std::vector<RemoteObject>> versions(const OpContext& ctx, const RemoteObject& object) override;
    Result<std::uint64_t> purge_trash(const OpContext& ctx, Millis age) override;

  private:
    // A listing under way: folders still to be read, or the one sweep over all files.
    struct Cursor;
    Result<ListPage> list_folders(const OpContext& ctx, Cursor cursor);
    Result<ListPage> sweep(const OpContext& ctx, Cursor cursor);
    Status sweep_folders(const OpContext& ctx, ListPage* page);
    Result<ChangePage> read_feed(const OpContext& ctx, const std::string& cursor);
    Result<std::optional<Change>> understand(const OpContext& ctx, const drive::ChangeEntry& entry,
                                             const std::optional<ObjectKey>& former);
    Result<std::vector<drive::FileMeta>> trashed_twins(const OpContext& ctx, const ObjectKey& key);
    Status remove_folder(const OpContext& ctx, const std::string& id);
    Result<RemoteObject> move(const OpContext& ctx, const drive::Located& source, const ObjectKey& to, bool onto);
    Status check_head(const OpContext& ctx, const RemoteObject& object, const std::string& id, std::uint64_t& size);

    // Adds the provider's name and the key to what went wrong.
    template <class T>
    Result<T> named(const std::string& what, const ObjectKey& key, Result<T> result) const {
        if (result) return result;
        return fail(std::move(result).error().at(what).with_provider(name_).with_path(key));
    }

    const std::string name_;
    const bool sees_only_own_;
    Capabilities capabilities_;
    drive::DriveHome home_;
    drive::SessionSeal seal_;
    drive::PendingIds pending_;
    std::mutex mutex_;
    std::uint64_t sweep_ = 0;         // number of the sweep that fills the tree
    std::uint64_t sweep_pages_ = 0;   // pages of it that were read without a gap
    std::vector<std::string> sweep_covers_;  // folders that are complete when it ends
};

}  // namespace oracxfs
