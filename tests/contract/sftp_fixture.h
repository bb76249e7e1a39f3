#pragma once
// A provider on a real sshd, with or without a long line between them, for the tests of what only
// SFTP has.

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "providers/sftp/sftp_provider_impl.h"
#include "tests/support/blobs.h"
#include "tests/support/delay_proxy.h"
#include "tests/support/matchers.h"
#include "tests/support/movable_clock.h"
#include "tests/support/patience.h"
#include "tests/support/sftp_setup.h"

namespace oracxfs::test {

using Steady = std::chrono::steady_clock;

class SftpTest : public testing::Test {
  protected:
    void start(const SshdOptions& options = {}) {
        server_ = Sshd::start(options);
        if (!server_) GTEST_SKIP() << "no sshd here";
        config_ = sftp_config(*server_, clock_);
    }
    void start_behind(DelayProxyOptions options, const SshdOptions& server = {}) {
        ASSERT_NO_FATAL_FAILURE(start(server));
        if (!server_) return;
        options.target_port = server_->port();
        proxy_ = std::make_unique<DelayProxy>(options);
        config_ = sftp_config(*server_, clock_, proxy_->port());
    }
    Provider& provider() {
        if (!provider_) provider_ = sftp_provider(config_);
        return *provider_;
    }
    // Probes and waits until it is known whether the server hashes.
    sftp::ServerHash::State settle() {
        EXPECT_THAT(provider().probe(ctx_), IsOk());
        const auto& sftp = dynamic_cast<SftpProvider&>(provider());
        const auto until = Steady::now() + patient(std::chrono::seconds(20));
        while (sftp.server_hash() == sftp::ServerHash::State::probing && Steady::now() < until)
            std::this_thread::yield();
        return sftp.server_hash();
    }
    PutOptions options() {
        PutOptions out;
        out.upload_id = "u" + std::to_string(++uploads_);
        return out;
    }
    Result<PutResult> put(const ObjectKey& key, std::string_view text) {
        MemoryBlob blob(text);
        return provider().put(ctx_, key, blob, options());
    }
    Bytes read(const RemoteObject& object) {
        Bytes out;
        EXPECT_THAT(provider().read(ctx_, object, 0, UINT64_MAX,
                                    [&](auto data) {
                                        out.insert(out.end(), data.begin(), data.end());
                                        return true;
                                    }),
                    IsOk());
        return out;
    }

    MovableClock clock_;
    OpContext ctx_;
    ProviderConfig config_;
    std::unique_ptr<Sshd> server_;
    std::unique_ptr<DelayProxy> proxy_;
    std::unique_ptr<Provider> provider_;
    int uploads_ = 0;
};

#define START(...)            \
    do {                      \
        start(__VA_ARGS__);   \
        if (!server_) return; \
    } while (false)
#define START_BEHIND(...)          \
    do {                           \
        start_behind(__VA_ARGS__); \
        if (!server_) return;      \
    } while (false)

}  // namespace oracxfs::test
