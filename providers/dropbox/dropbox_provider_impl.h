#pragma once
// Provider over Dropbox API v2. What it does and does not: docs/PROVIDERS.md.
//
// Publishing: one commit (upload, finish, finish_batch_v2) in mode "add" or "update" of one rev, compared with the
// blob's digests by the content_hash in its answer. rev is Dropbox's own; reading by rev is immune to later changes.

#include <memory>
#include <string>

#include "providers/dropbox/dropbox_home.h"

namespace oracxfs {

class DropboxProvider final : public Provider {
  public:
    DropboxProvider(dropbox::DropboxConfig config, Clock& clock, std::unique_ptr<dropbox::DropboxApi> api);

    [[nodiscard]] const Capabilities& capabilities() const override { return capabilities_; }
    Result<Space> probe(const OpContext& ctx) override;
    Result<PutResult> put(const OpContext& ctx, const ObjectKey& key, BlobReader& content,
                          const PutOptions& options) override;
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
    Result<bool> wait_for_changes(const OpContext& ctx, const std::string& cursor) override;
    Result<std::vector<RemoteObject>> versions(const OpContext& ctx, const RemoteObject& object) override;
    Result<std::uint64_t> purge_trash(const OpContext& ctx, Millis age) override;

  private:
    // Names the provider and the key in an error.
    template <class T>
    T named(T result, const char* what, const ObjectKey& key) const;

    Result<std::optional<dropbox::Metadata>> look_at(const OpContext& ctx, const ObjectKey& key);
    Status do_read(const OpContext& ctx, const RemoteObject& object, std::uint64_t offset, std::uint64_t length, const ByteSink& sink);
    Status do_verify(const OpContext& ctx, const RemoteObject& object, const ContentDigests& expected);
    Status read_back(const OpContext& ctx, const dropbox::Metadata& there, const ContentDigests& expected);
    Result<ListPage> do_list(const OpContext& ctx, const ObjectKey& directory, const std::string& cursor);
    Status do_remove(const OpContext& ctx, const RemoteObject& object);
    Result<RemoteObject> do_rename(const OpContext& ctx, const RemoteObject& object, const ObjectKey& to,
                                   const std::optional<RemoteObject>& replaces);
    Result<dropbox::Metadata> move(const OpContext& ctx, const std::string& from, const std::string& id, const ObjectKey& to);
    Result<RemoteObject> do_make_directory(const OpContext& ctx, const ObjectKey& key);
    Status do_remove_directory(const OpContext& ctx, const ObjectKey& key);
    Result<ChangePage> do_changes(const OpContext& ctx, const std::string& cursor);
    Status learn_parents(const OpContext& ctx, const dropbox::Metadata& entry);
    std::string feed_cursor(const std::string& cursor) const;
    Result<std::string> service_cursor(const std::string& text) const;  // changed when it is not for this folder
    std::string account_id() const;  // "" when unknown
    Result<std::vector<RemoteObject>> do_versions(const OpContext& ctx, const RemoteObject& object);
    Result<Space> do_probe(const OpContext& ctx);

    const Capabilities capabilities_;
    dropbox::DropboxHome home_;
    std::mutex longpoll_mutex_;
    SteadyTime no_longpoll_before_{};
};

template <class T>
T DropboxProvider::named(T result, const char* what, const ObjectKey& key) const {
    if (result) return result;
    return T(fail(std::move(result).error().at(what).with_provider(home_.config.name).with_path(key)));
}

}  // namespace oracxfs
