#pragma once
// Provider over FTP with TLS, by libcurl. Rules of the server side: docs/PROVIDERS.md.
//
// Publishing: everything is written to ".oracxfs-<upload_id>.part" in the provider's folder, verified there, and renamed.
// rev is "size:mtime" with mtime in whole seconds, and the server's unique fact where it has one.

#include <memory>
#include <string>

#include "providers/ftp/ftp_home.h"
#include "providers/ftp/ftp_status.h"

namespace oracxfs {

class FtpProvider final : public Provider {
  public:
    FtpProvider(ftp::FtpConfig config, Clock& clock);

    [[nodiscard]] const Capabilities& capabilities() const override { return capabilities_; }
    Result<Space> probe(const OpContext& ctx) override;
    Result<PutResult> put(const OpContext& ctx, const ObjectKey& key, BlobReader& content,
                          const PutOptions& options) override;
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

    // For tests: how many connections the server allows, as far as it is known.
    [[nodiscard]] unsigned connection_limit() const { return home_.pool.limit(); }

  private:
    // Runs `body(FtpCall&)` on a connection. A connection that had died unnoticed in the pool is replaced once, if
    // nothing is in doubt; a change that was sent and not answered becomes outcome_unknown.
    template <class T, class Body>
    Result<T> call(const ftp::CallWait& wait, const std::string& what, const ObjectKey& key, Body body);
    tl::unexpected<Error> named(Error error, const std::string& what, const ObjectKey& key) const;
    Status remove_tree(const ftp::CallWait& wait, const ObjectKey& key, int depth);

    Capabilities capabilities_;
    ftp::FtpHome home_;
};

template <class T, class Body>
Result<T> FtpProvider::call(const ftp::CallWait& wait, const std::string& what, const ObjectKey& key, Body body) {
    for (bool again = false;; again = true) {
        auto lease = home_.pool.take(wait);
        if (!lease) return named(std::move(lease).error(), what, key);
        ftp::FtpConnection& connection = lease->connection();
        ftp::FtpCall attempt(home_, connection, wait);
        Result<T> result = body(attempt);
        if (result) {
            if (connection.holds_transfer()) home_.pool.hold(std::move(*lease), attempt.transfer());
            return result;
        }
        Error& error = result.error();
        const bool gave_up = error.code == Errc::cancelled || error.code == Errc::deadline;
        if (!connection.usable() && !gave_up) {
            home_.pool.forget_idle();
            const bool unnoticed = lease->reused() && !connection.stalled() && !attempt.in_doubt() && error.code == Errc::unavailable;
            if (unnoticed && !again) continue;
        }
        if (attempt.in_doubt() && (gave_up || error.code == Errc::unavailable)) error.code = Errc::outcome_unknown;
        return named(std::move(error), what, key);
    }
}

}  // namespace oracxfs
