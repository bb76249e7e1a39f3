#include "tests/support/sftp_setup.h"

#include <stdexcept>

namespace oracxfs::test {

ProviderConfig sftp_config(const Sshd& server, Clock& clock, int port) {
    ProviderConfig config;
    config.name = "vault";
    config.type = kSftpType;
    config.config = Json::object({{"host", Json("127.0.0.1")},
                                  {"port", Json(port != 0 ? port : server.port())},
                                  {"user", Json(server.user())},
                                  {"folder", Json(server.folder() + "/replica")},
                                  {"key_file", Json(server.key_file())},
                                  {"host_key", Json(server.host_key_line())}});
    config.secret = [](const std::string&) -> Result<std::string> { return fail(Errc::not_found, "read secret"); };
    config.instance = "0123abcd";
    config.clock = &clock;
    return config;
}

std::unique_ptr<Provider> sftp_provider(const ProviderConfig& config) {
    auto made = make_sftp_provider(config);
    if (!made) throw std::runtime_error(made.error().to_string());
    return std::move(*made);
}

}  // namespace oracxfs::test
