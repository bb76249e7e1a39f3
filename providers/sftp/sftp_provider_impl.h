#pragma once
// Provider over SFTP version 3 with OpenSSH's extensions. Rules of the server side: docs/PROVIDERS.md.
//
// Publishing: everything is written to ".oracxfs-<upload_id>.part" in the provider's folder, verified there, and moved to
// its name in one step. rev is "size:mtime" with mtime in whole seconds, which is all that version 3 tells: a foreign
// change within one second that keeps the size is not seen by its rev (verify() sees it).

#include <memory>
#include <string>

#include "providers/sftp/sftp_home.h"

namespace oracxfs {

class SftpProvider final : public Provider {
  public:
    SftpProvider(sftp::SftpConfig config, Clock& clock);

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
    Result<std::uint64_t> purge_trash(const OpContext& ctx, Millis age) override;

    // For tests: what is known of the server's own hashing.
    [[nodiscard]] sftp::ServerHash::State server_hash() const { return home_.hash.state(); }

  private:
    // What VerifyMode::hash insists on; success in the other modes.
    Status require_hash(const OpContext& ctx);
    // Runs `body(SftpCall&)` on a connection. A connection that had died unnoticed in the pool is replaced once, if
    // nothing is in doubt; a change that was sent and not answered becomes outcome_unknown.
    template <class T, class Body>
    Result<T> call(const OpContext& ctx, const std::string& what, const ObjectKey& key, Body body);

    Capabilities capabilities_;
    sftp::SftpHome home_;
};

template <class T, class Body>
Result<T> SftpProvider::call(const OpContext& ctx, const std::string& what, const ObjectKey& key, Body body) {
    const auto named = [&](Error error) {
        return fail(std::move(error).at(what).with_provider(home_.config.name).with_path(key));
    };
    const sftp::Waiter waiter(ctx, home_.clock);
    for (bool again = false;; again = true) {
        auto lease = home_.pool.take(waiter, key);
        if (!lease) return named(std::move(lease).error());
        sftp::SftpCall attempt(home_, lease->channel(), waiter);
        Result<T> result = body(attempt, *lease);
        if (result) return result;
        if (lease->channel().dead()) {
            home_.pool.forget_idle();
            const bool unnoticed = lease->reused() && !lease->channel().stalled() && !attempt.in_doubt();
            if (unnoticed && !again) continue;
        }
        const Errc code = result.error().code;
        if (attempt.in_doubt() && (lease->channel().dead() || code == Errc::cancelled || code == Errc::deadline))
            result.error().code = Errc::outcome_unknown;
        return named(std::move(result).error());
    }
}

}  // namespace oracxfs
