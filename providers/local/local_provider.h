#pragma once
// A plain folder on a disk of this machine. config: {"path": "/absolute/folder"}.
//
// Durability: a success of put, rename, remove and the directory calls is synced to the disk, names included; put has
// read the bytes back (past the page cache where the file system allows it) and compared them.
// Safety: nothing outside the folder is touched, whatever symbolic links are planted in it; links and special files in
// it are not listed. A disk that was unmounted is unavailable, never quietly replaced by the empty mount point.
// Trash: replaced and removed files go to .oracxfs-trash/<time>/<key> in the same folder.

#include <memory>
#include <string>

#include "providers/local/folder.h"
#include "providers/local/root_guard.h"
#include "providers/provider.h"
#include "providers/registry.h"

namespace oracxfs {

class LocalProvider final : public Provider {
  public:
    explicit LocalProvider(const ProviderConfig& config);

    [[nodiscard]] const Capabilities& capabilities() const override { return capabilities_; }
    // For tests: what to pretend the file system cannot do.
    [[nodiscard]] local::Features& features() { return features_; }

    Result<Space> probe(const OpContext& ctx) override;
    Result<PutResult> put(const OpContext& ctx, const ObjectKey& key, BlobReader& content,
                          const PutOptions& options) override;
    void put_batch(const OpContext& ctx, std::span<PutRequest> requests,
                   const std::function<void(std::size_t, Result<PutResult>)>& done) override;
    Status discard_upload(const OpContext& ctx, const ObjectKey& key, const std::string& upload_id,
                          const std::string& resume_state) override;
    Result<RemoteObject> stat(const OpContext& ctx, const ObjectKey& key) override;
    Status read(const OpContext& ctx, const RemoteObject& object, std::uint64_t offset,
                std::uint64_t length, const ByteSink& sink) override;
    Status verify(const OpContext& ctx, const RemoteObject& object,
                  const ContentDigests& expected) override;
    Result<ListPage> list(const OpContext& ctx, const ObjectKey& directory,
                          const std::string& cursor) override;
    Status remove(const OpContext& ctx, const RemoteObject& object, RemoveMode mode) override;
    Result<RemoteObject> rename(const OpContext& ctx, const RemoteObject& object,
                                const ObjectKey& to,
                                const std::optional<RemoteObject>& replaces) override;
    Result<RemoteObject> make_directory(const OpContext& ctx, const ObjectKey& key) override;
    Status remove_directory(const OpContext& ctx, const ObjectKey& key) override;
    Result<std::uint64_t> purge_trash(const OpContext& ctx, Millis age) override;

  private:
    struct Upload;

    // The checks that every call begins with.
    Result<local::Folder> enter(const OpContext& ctx);
    // Runs `body` and puts this provider's name on its error.
    template <class Body>
    auto named(Body&& body) const;

    Result<Space> space_of(const local::Folder& folder) const;
    // The steps of a put, apart, so that a batch can take each step for many files.
    Status begin(const local::Folder& folder, Upload& upload) const;
    Status receive(const OpContext& ctx, Upload& upload, std::span<std::byte> buffer) const;
    Status settle(const OpContext& ctx, Upload& upload) const;
    Status give_name(const local::Folder& folder, Upload& upload,
                     local::DirtyDirectories& dirty);
    void put_group(const OpContext& ctx, std::span<Upload> uploads);

    const std::string name_;
    Clock& clock_;
    local::Features features_;
    local::RootGuard guard_;
    Capabilities capabilities_;
};

// config if "path" is missing. No I/O.
Result<std::unique_ptr<Provider>> make_local_provider(const ProviderConfig& config);

}  // namespace oracxfs
