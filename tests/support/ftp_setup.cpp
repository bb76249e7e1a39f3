#include "tests/support/ftp_setup.h"

#include <stdexcept>

namespace oracxfs::test {

ProviderConfig ftp_config(const FtpServer& server, Clock& clock, int port) {
    ProviderConfig config;
    config.name = "depot";
    config.type = kFtpType;
    config.config = Json::object({{"host", Json("127.0.0.1")},
                                  {"port", Json(port != 0 ? port : server.port())},
                                  {"user", Json(server.user())},
                                  {"folder", Json("replica")},
                                  {"ca_file", Json(server.ca_file())}});
    config.secret = [password = server.password()](const std::string& what) -> Result<std::string> {
        if (what == "password") return password;
        return fail(Errc::not_found, "read secret");
    };
    config.instance = "0123abcd";
    config.clock = &clock;
    return config;
}

std::unique_ptr<Provider> ftp_provider(const ProviderConfig& config) {
    auto made = make_ftp_provider(config);
    if (!made) throw std::runtime_error(made.error().to_string());
    return std::move(*made);
}

}  // namespace oracxfs::test
