#include "providers/sftp/sftp_config.h"

#include <algorithm>
#include <cstdlib>

namespace oracxfs::sftp {
namespace {

constexpr std::int64_t kConnectionsMax = 8;

std::string home_directory() {
    const char* home = std::getenv("HOME");
    return home == nullptr ? "" : home;
}

std::string expand_home(const std::string& path) {
    return path == "~" || path.starts_with("~/") ? home_directory() + path.substr(1) : path;
}

// "a//b/" -> "a/b"; keeps a leading '/'. ".." would leave the folder that the user named.
Result<std::string> clean_folder(const std::string& folder) {
    std::string out;
    const bool absolute = folder.starts_with('/');
    std::string_view rest = folder;
    while (!rest.empty()) {
        const std::size_t slash = rest.find('/');
        const std::string_view part = rest.substr(0, slash);
        rest.remove_prefix(slash == std::string_view::npos ? rest.size() : slash + 1);
        if (part.empty() || part == ".") continue;
        if (part == "..") return fail(Errc::config, "read folder", "'..' is not allowed in it");
        if (part.find('\0') != std::string_view::npos) return fail(Errc::config, "read folder", "NUL in it");
        out += (out.empty() ? "" : "/") + std::string(part);
    }
    return absolute ? "/" + out : out;
}

Result<HostKeyPolicy> host_key_policy(const ProviderConfig& config) {
    const std::string& pin = config.config["host_key"].as_string();
    if (!pin.empty()) {
        ORACX_TRY(PinnedKey key, parse_pinned_key(pin));
        return HostKeyPolicy::pinned(std::move(key));
    }
    const std::string& file = config.config["known_hosts"].as_string();
    if (!file.empty()) return HostKeyPolicy::files({expand_home(file)});
    std::vector<std::string> files;
    if (const std::string home = home_directory(); !home.empty()) files.push_back(home + "/.ssh/known_hosts");
    if (!config.state_directory.empty()) files.push_back(config.state_directory + "/known_hosts");
    return HostKeyPolicy::files(std::move(files));
}

Result<VerifyMode> verify_mode(const std::string& text) {
    if (text.empty() || text == "auto") return VerifyMode::automatic;
    if (text == "hash") return VerifyMode::hash;
    if (text == "readback") return VerifyMode::readback;
    return fail(Errc::config, "read verify", "expected auto, hash or readback");
}

}  // namespace

Result<SftpConfig> read_config(const ProviderConfig& config) {
    const Json& json = config.config;
    SftpConfig out;
    out.name = config.name;
    out.target.host = json["host"].as_string();
    out.target.user = json["user"].as_string();
    if (out.target.host.empty()) return fail(Errc::config, "read host", "it is empty");
    if (out.target.user.empty()) return fail(Errc::config, "read user", "it is empty");
    const std::int64_t port = json["port"].as_int(22);
    if (port < 1 || port > 65535) return fail(Errc::config, "read port", "expected 1 to 65535");
    out.target.port = static_cast<std::uint16_t>(port);
    ORACX_TRY(out.folder, clean_folder(json["folder"].as_string()));
    out.target.key_file = expand_home(json["key_file"].as_string());
    out.target.use_agent = json["use_agent"].as_bool();
    out.target.secret = config.secret;
    ORACX_TRY(out.target.host_keys, host_key_policy(config));
    const double timeout = json["timeout"].as_double(20);
    if (!(timeout > 0 && timeout <= 3600)) return fail(Errc::config, "read timeout", "expected seconds, more than 0");
    out.target.timeout = Millis(static_cast<std::int64_t>(timeout * 1000));
    out.connections =
        static_cast<unsigned>(std::clamp<std::int64_t>(json["connections"].as_int(4), 1, kConnectionsMax));
    ORACX_TRY(out.verify, verify_mode(json["verify"].as_string()));
    return out;
}

}  // namespace oracxfs::sftp
