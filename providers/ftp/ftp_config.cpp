#include "providers/ftp/ftp_config.h"

#include <algorithm>

#include "providers/ftp/ftp_status.h"

namespace oracxfs::ftp {
namespace {

constexpr std::int64_t kConnectionsMax = 8;

// "a//b/" -> "a/b"; keeps a leading '/'. ".." would leave the folder that the user named.
Result<std::string> clean_folder(const std::string& folder) {
    std::string out;
    const bool absolute = folder.starts_with('/');
    std::string_view rest = folder;
    while (!rest.empty()) {
        const std::size_t slash = std::min(rest.find('/'), rest.size());
        const std::string_view part = rest.substr(0, slash);
        rest.remove_prefix(std::min(slash + 1, rest.size()));
        if (part.empty() || part == ".") continue;
        if (part == "..") return fail(Errc::config, "read folder", "'..' is not allowed in it");
        if (const Status usable = check_name(part); !usable) return fail(Errc::config, "read folder", usable.error().why);
        out += (out.empty() ? "" : "/") + std::string(part);
    }
    return absolute ? "/" + out : out;
}

Result<VerifyMode> verify_mode(const std::string& text) {
    if (text.empty() || text == "auto") return VerifyMode::automatic;
    if (text == "hash") return VerifyMode::hash;
    if (text == "readback") return VerifyMode::readback;
    return fail(Errc::config, "read verify", "expected auto, hash or readback");
}

Result<TlsMode> tls_mode(const Json& json) {
    const std::string& text = json["tls"].as_string();
    if (text == "implicit") return TlsMode::implicit;
    if (!text.empty() && text != "explicit") return fail(Errc::config, "read tls", "expected explicit or implicit");
    return json["allow_plain_ftp"].as_bool() ? TlsMode::if_offered : TlsMode::explicit_required;
}

bool has_control_characters(std::string_view text) {
    return std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 32 || c == 127; });
}

}  // namespace

Result<FtpConfig> read_config(const ProviderConfig& config) {
    const Json& json = config.config;
    FtpConfig out;
    FtpTarget& target = out.target;
    target.provider = config.name;
    target.host = json["host"].as_string();
    if (target.host.empty()) return fail(Errc::config, "read host", "it is empty");
    if (target.host.find_first_of("/@?#% ") != std::string::npos || has_control_characters(target.host))
        return fail(Errc::config, "read host", "expected a name or an address and nothing else");
    target.user = json["user"].as_string();
    if (target.user.empty()) target.user = "anonymous";
    if (has_control_characters(target.user)) return fail(Errc::config, "read user", "it holds a control character");
    target.secret = config.secret;
    ORACX_TRY(target.tls, tls_mode(json));
    const std::int64_t port = json["port"].as_int(target.tls == TlsMode::implicit ? 990 : 21);
    if (port < 1 || port > 65535) return fail(Errc::config, "read port", "expected 1 to 65535");
    target.port = static_cast<std::uint16_t>(port);
    const std::string& tls_max = json["tls_max"].as_string();
    if (!tls_max.empty() && tls_max != "1.2" && tls_max != "1.3") return fail(Errc::config, "read tls_max", "expected 1.2 or 1.3");
    target.tls13 = tls_max == "1.3";
    target.ca_file = json["ca_file"].as_string();
    const double timeout = json["timeout"].as_double(20);
    if (!(timeout > 0 && timeout <= 3600)) return fail(Errc::config, "read timeout", "expected seconds, more than 0");
    target.timeout = Millis(static_cast<std::int64_t>(timeout * 1000));
    ORACX_TRY(out.folder, clean_folder(json["folder"].as_string()));
    out.connections = static_cast<unsigned>(std::clamp<std::int64_t>(json["connections"].as_int(4), 1, kConnectionsMax));
    ORACX_TRY(out.verify, verify_mode(json["verify"].as_string()));
    return out;
}

}  // namespace oracxfs::ftp
