#include "providers/http/http_client.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <mutex>

#include "providers/http/engine.h"
#include "providers/http/waiting.h"

namespace oracxfs::http {
namespace {

bool is_tls_failure(CURLcode code) {
    switch (code) {
        case CURLE_SSL_CONNECT_ERROR:
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CIPHER:
        case CURLE_SSL_CERTPROBLEM:
        case CURLE_SSL_CACERT_BADFILE:
        case CURLE_SSL_ISSUER_ERROR: return true;
        default: return false;
    }
}

std::string reason_of(const TransferEnd& end, const ClientOptions& options) {
    switch (end.abort) {
        case Abort::stalled: return "nothing came or went for too long";
        case Abort::too_long: return "the answer is longer than expected";
        case Abort::bad_answer: return "the answer is not proper HTTP (head too long, or a body without a length)";
        default: break;
    }
    if (!is_tls_failure(end.code)) return end.reason;
    std::string reason = "no trusted TLS connection: " + end.reason;
    if (reason.find("not yet valid") != std::string::npos || reason.find("expired") != std::string::npos)
        reason += " (is the clock of this machine right?)";
    else if (!options.ca_file.empty() && end.code == CURLE_PEER_FAILED_VERIFICATION)
        reason += " (certificates are checked against the configured ca_file only)";
    return reason;
}

// How a transfer ended that brought no whole answer.
Error to_error(const TransferEnd& end, const Request& request, const Target& target, const ClientOptions& options) {
    if (end.abort == Abort::cancelled) return Error(Errc::cancelled, target.label, "cancelled");
    if (end.abort == Abort::deadline) return Error(Errc::deadline, target.label, "not done in time");
    const bool unknown = end.may_have_acted && !request.idempotent;
    return Error(unknown ? Errc::outcome_unknown : Errc::unavailable, target.label, reason_of(end, options))
        .with_silence(end.code == CURLE_OPERATION_TIMEDOUT)
        .with_native(static_cast<int>(end.code));
}

Status check_ca_file(const std::string& path) {
    if (path.empty()) return {};
    const std::unique_ptr<BIO, FreeWith<&BIO_free_all>> file(BIO_new_file(path.c_str(), "r"));
    const std::unique_ptr<X509, FreeWith<&X509_free>> certificate(
        file ? PEM_read_bio_X509(file.get(), nullptr, nullptr, nullptr) : nullptr);
    ERR_clear_error();
    if (!file) return fail(Errc::config, "ca_file can't be read", path);
    if (!certificate) return fail(Errc::config, "ca_file has no certificate in PEM form", path);
    return {};
}

class CurlClient final : public Client {
  public:
    explicit CurlClient(ClientOptions options)
        : options_(std::move(options)), clock_(options_.clock != nullptr ? *options_.clock : system_clock_),
          engine_(options_, clock_) {}

    Result<Response> perform(const OpContext& ctx, const Request& request) override {
        ORACX_TRY(Target target, check_request(request, options_.plain_http));
        ORACX_TRYV(still_wanted(ctx, clock_));
        const auto transfer = std::make_shared<Transfer>(request, target, options_);
        {
            // Even if the sink throws, the request's body is no longer used when this call ends.
            const Attendance attendance(engine_, transfer);
            const Abort wish = attend(ctx, request, *transfer);
            attendance.end(wish);
        }
        const TransferEnd& end = transfer->end;
        const bool enough = end.abort == Abort::enough;
        if (!enough && (end.code != CURLE_OK || end.abort != Abort::none))
            return fail(to_error(end, request, target, options_));
        return std::move(transfer->response);
    }

    [[nodiscard]] std::uint64_t requests() const override { return engine_.requests(); }

  private:
    // A transfer at the engine; over only when the engine has let go of it.
    class Attendance {
      public:
        Attendance(Engine& engine, std::shared_ptr<Transfer> transfer)
            : engine_(engine), transfer_(std::move(transfer)) {
            engine_.look_at(transfer_);
        }
        ~Attendance() { end(Abort::cancelled); }
        Attendance(const Attendance&) = delete;
        Attendance& operator=(const Attendance&) = delete;

        void end(Abort wish) const {
            std::unique_lock lock(transfer_->mutex);
            if (transfer_->done) return;
            transfer_->wanted_abort = wish;
            lock.unlock();
            engine_.look_at(transfer_);
            lock.lock();
            transfer_->changed.wait(lock, [this] { return transfer_->done; });
        }

      private:
        Engine& engine_;
        std::shared_ptr<Transfer> transfer_;
    };

    // Hands out what comes, until the transfer is done (Abort::none) or is no longer wanted.
    Abort attend(const OpContext& ctx, const Request& request, Transfer& transfer) {
        std::string bytes;
        std::unique_lock lock(transfer.mutex);
        for (;;) {
            wait_while_wanted(transfer.changed, lock, ctx, clock_,
                              [&] { return transfer.done || !transfer.pending.empty(); });
            // A whole answer that is here counts, even when the deadline passed a moment ago.
            if (transfer.pending.empty() && transfer.done) return Abort::none;
            if (const Status wanted = still_wanted(ctx, clock_); !wanted)
                return wanted.error().code == Errc::cancelled ? Abort::cancelled : Abort::deadline;
            bytes.clear();
            bytes.swap(transfer.pending);
            const bool held = std::exchange(transfer.held, false);
            transfer.drained = held;
            lock.unlock();
            if (held) engine_.look_at(transfer.shared_from_this());
            if (!request.sink(std::as_bytes(std::span(bytes)))) return Abort::enough;
            lock.lock();
        }
    }

    SystemClock system_clock_;
    const ClientOptions options_;
    Clock& clock_;
    Engine engine_;
};

}  // namespace

Result<std::unique_ptr<Client>> Client::create(ClientOptions options) {
    static std::once_flag once;
    static CURLcode ready = CURLE_OK;
    std::call_once(once, [] { ready = curl_global_init(CURL_GLOBAL_DEFAULT); });
    if (ready != CURLE_OK) return fail(Errc::internal, "libcurl can't be used", curl_easy_strerror(ready));
    ORACX_TRYV(check_ca_file(options.ca_file));
    if (options.connections_max == 0) return fail(Errc::config, "at least one connection is needed");
    return std::unique_ptr<Client>(std::make_unique<CurlClient>(std::move(options)));
}

}  // namespace oracxfs::http
