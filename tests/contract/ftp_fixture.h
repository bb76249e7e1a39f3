#pragma once
// A provider on some FTP server, for the tests of what only FTP has.

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "providers/ftp/ftp_provider_impl.h"
#include "tests/support/blobs.h"
#include "tests/support/ftp_setup.h"
#include "tests/support/matchers.h"
#include "tests/support/patience.h"
#include "tests/support/scripted_ftp.h"

namespace oracxfs::test {

using Steady = std::chrono::steady_clock;

inline ProviderConfig scripted_ftp_config(const ScriptedFtp& server, Clock& clock) {
    ProviderConfig config;
    config.name = "depot";
    config.type = kFtpType;
    config.config = Json::object({{"host", "127.0.0.1"}, {"port", server.port()}, {"user", "ada"}, {"folder", "replica"}, {"allow_plain_ftp", true}});
    config.secret = [](const std::string&) -> Result<std::string> { return std::string("hemligt-losenord"); };
    config.clock = &clock;
    return config;
}

class FtpTestBase : public testing::Test {
  protected:
    Provider& provider() {
        if (!provider_) provider_ = ftp_provider(config_);
        return *provider_;
    }
    void restart() { provider_.reset(); }
    PutOptions options(std::optional<RemoteObject> replaces = {}) {
        PutOptions out;
        out.upload_id = "u" + std::to_string(++uploads_);
        out.replaces = std::move(replaces);
        return out;
    }
    Result<PutResult> put(const ObjectKey& key, std::string_view text, std::optional<RemoteObject> replaces = {}) {
        MemoryBlob blob(text);
        return provider().put(ctx_, key, blob, options(std::move(replaces)));
    }
    std::string read(const ObjectKey& key) {
        const auto object = provider().stat(ctx_, key);
        if (!object) return "<" + object.error().to_string() + ">";
        std::string out;
        const Status status = provider().read(ctx_, *object, 0, UINT64_MAX, [&](auto data) {
            out.append(reinterpret_cast<const char*>(data.data()), data.size());
            return true;
        });
        return status ? out : "<" + status.error().to_string() + ">";
    }
    static std::string why(const auto& result) { return result ? "a success" : result.error().to_string(); }

    SystemClock clock_;
    OpContext ctx_;
    ProviderConfig config_;
    std::unique_ptr<Provider> provider_;
    int uploads_ = 0;
};

}  // namespace oracxfs::test
