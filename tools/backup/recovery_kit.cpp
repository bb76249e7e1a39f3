#include "tools/backup/recovery_kit.h"

#include <fmt/format.h>

#include "base/hash.h"
#include "base/translate.h"
#include "tools/backup/packages.h"
#include "tools/control/envelope.h"

namespace oracxfs {
namespace {

constexpr std::size_t kBackupsShown = 5;
constexpr const char* kPassword = ORACX_TEXT("the account's password");

// As the shell wants it.
std::string shell_word(const std::string& word) {
    if (!word.empty() && word.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:@=+,") == std::string::npos) return word;
    std::string text = "'";
    for (const char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return text + "'";
}

// The way to one provider.
struct Way {
    std::string place, account;
    std::string command;               // that adds it again
    std::vector<std::string> by_hand;  // how to fetch a package without oracxfs
    std::vector<std::string> needed;   // what else is needed, and is not on this sheet
};

std::string text_at(const Json& values, const char* key) { return values[key].is_string() ? values[key].as_string() : std::string(); }

std::string option(const char* name, const std::string& value) { return value.empty() ? std::string() : fmt::format(" {} {}", name, shell_word(value)); }

std::string port_option(const Json& values) { return values["port"].is_int() ? fmt::format(" --port {}", values["port"].as_int()) : std::string(); }

Way way_to_local(const ProviderEntry& entry) {
    Way way;
    const std::string path = text_at(entry.values, "path");
    way.place = fmt::format(ORACX_TEXT("the folder {} of this machine"), path);
    way.command = "oracxfs local --name " + entry.name + option("--path", path);
    way.by_hand = {ORACX_TEXT("Connect the disk and open the folder.")};
    way.needed = {ORACX_TEXT("the disk itself; on another machine its folder may have another path")};
    return way;
}

Way way_to_sftp(const ProviderEntry& entry) {
    Way way;
    const Json& v = entry.values;
    const std::string folder = text_at(v, "folder");
    way.place = v["port"].is_int() ? fmt::format(ORACX_TEXT("folder {} on the SFTP server {}, port {}"), folder, text_at(v, "host"), v["port"].as_int())
                                   : fmt::format(ORACX_TEXT("folder {} on the SFTP server {}"), folder, text_at(v, "host"));
    way.account = text_at(v, "user");
    way.command = "oracxfs sftp --name " + entry.name + option("--host", text_at(v, "host")) + port_option(v) + option("--user", way.account) + option("--folder", folder);
    const std::string host_key = text_at(v, "host_key");
    way.command += option(host_key.starts_with("SHA256:") ? "--host-key-fingerprint" : "--host-key", host_key);
    const bool by_key = !text_at(v, "key_file").empty();
    way.command += by_key ? " --key FILE" : v["use_agent"].as_bool() ? " --agent" : " --password-file FILE";
    way.by_hand = {fmt::format("sftp{} {}", v["port"].is_int() ? fmt::format(" -P {}", v["port"].as_int()) : "", shell_word(way.account + "@" + text_at(v, "host"))),
                   "cd " + shell_word(folder), "get PACKAGE.zip", ORACX_TEXT("Or with any program that speaks SFTP (FileZilla, WinSCP).")};
    way.needed = {by_key ? fmt::format(ORACX_TEXT("the private key {} (and its passphrase), or another way into the account"), text_at(v, "key_file")) : std::string(kPassword)};
    return way;
}

Way way_to_ftp(const ProviderEntry& entry) {
    Way way;
    const Json& v = entry.values;
    const std::string folder = text_at(v, "folder");
    const bool implicit = text_at(v, "tls") == "implicit";
    way.place = v["port"].is_int() ? fmt::format(ORACX_TEXT("folder {} on the FTP server {}, port {}, with TLS"), folder, text_at(v, "host"), v["port"].as_int())
                                   : fmt::format(ORACX_TEXT("folder {} on the FTP server {}, with TLS"), folder, text_at(v, "host"));
    way.account = text_at(v, "user");
    way.command = "oracxfs ftp --name " + entry.name + option("--host", text_at(v, "host")) + port_option(v) + option("--user", way.account) + option("--folder", folder) + " --password-file FILE" + (implicit ? " --implicit" : "");
    if (!text_at(v, "ca_file").empty()) {
        way.command += " --ca-file FILE";
        way.needed.push_back(fmt::format(ORACX_TEXT("the server's certificate {}"), text_at(v, "ca_file")));
    }
    const std::string port = v["port"].is_int() ? fmt::format(":{}", v["port"].as_int()) : std::string();
    way.by_hand = {fmt::format("curl {} -O {}", (implicit ? "" : "--ssl-reqd ") + std::string("--user ") + shell_word(way.account),
                               shell_word(fmt::format("{}://{}{}/{}{}PACKAGE.zip", implicit ? "ftps" : "ftp", text_at(v, "host"), port, folder, folder.ends_with('/') ? "" : "/"))),
                   ORACX_TEXT("Or with any program that speaks FTP over TLS (FileZilla).")};
    way.needed.insert(way.needed.begin(), kPassword);
    return way;
}

Way way_to_dropbox(const ProviderEntry& entry) {
    Way way;
    const Json& v = entry.values;
    const std::string folder = text_at(v, "folder");
    way.place = fmt::format(ORACX_TEXT("folder {} at Dropbox (of an app with a folder of its own: below Apps/<name of the app>)"), folder);
    way.command = "oracxfs dropbox --name " + entry.name + option("--folder", folder) + option("--app-key", text_at(v, "app_key"));
    way.by_hand = {ORACX_TEXT("Sign in at https://www.dropbox.com, open the folder, download the package.")};
    way.needed = {ORACX_TEXT("the sign-in at Dropbox: address, password, second factor")};
    return way;
}

Way way_to_google_drive(const ProviderEntry& entry) {
    Way way;
    const Json& v = entry.values;
    const std::string folder = text_at(v, "folder");
    way.place = fmt::format(ORACX_TEXT("folder {} at Google Drive"), folder);
    way.command = "oracxfs google-drive --name " + entry.name + option("--folder", folder) + " --credentials CLIENT.json" + option("--shared-drive", text_at(v, "shared_drive"));
    if (text_at(v, "scope") != "drive.file") way.command += option("--scope", text_at(v, "scope"));
    way.by_hand = {ORACX_TEXT("Sign in at https://drive.google.com, open the folder, download the package.")};
    way.needed = {ORACX_TEXT("the sign-in at Google: address, password, second factor"),
                  text_at(v, "scope") == "drive.file" ? ORACX_TEXT("for oracxfs also the JSON file of the same OAuth client: with another one Google does not show it these files")
                                                      : ORACX_TEXT("for oracxfs also the JSON file of an OAuth client")};
    return way;
}

Way way_to(const ProviderEntry& entry) {
    if (entry.type == "local") return way_to_local(entry);
    if (entry.type == "sftp") return way_to_sftp(entry);
    if (entry.type == "ftp") return way_to_ftp(entry);
    if (entry.type == "dropbox") return way_to_dropbox(entry);
    if (entry.type == "google-drive") return way_to_google_drive(entry);
    Way way;
    way.place = fmt::format(ORACX_TEXT("a place of the type {}"), entry.type);
    return way;
}

Json list_of(const std::vector<std::string>& texts) {
    Json list = Json::array();
    for (const std::string& text : texts) list.push(text);
    return list;
}

}  // namespace

Result<Json> kit_facts(Catalog& catalog, const Config& config, WallTime now) {
    Json providers = Json::array(), backups = Json::array();
    for (const ProviderEntry& entry : config.providers) {
        if (!entry.enabled) continue;
        const Way way = way_to(entry);
        providers.push(Json::object({{"name", entry.name}, {"type", entry.type}, {"place", way.place}, {"account", way.account}, {"command", way.command}, {"by_hand", list_of(way.by_hand)}, {"needed", list_of(way.needed)}}));
    }
    ORACX_TRY(const auto packages, list_packages(catalog, config));
    for (const PackageInfo& package : packages) {
        if (backups.items().size() == kBackupsShown) break;
        ORACX_TRY(const VersionRow version, catalog.version(package.node.version));
        Json places = Json::array();
        for (const PackageCopyInfo& copy : package.copies)
            if (copy.row.state == ReplicaState::verified) places.push(copy.provider);
        Json backup = Json::object({{"time", format_utc(package.time)}, {"size", package.node.size}, {"sha256", to_hex(version.sha256)}, {"providers", std::move(places)}});
        set_bytes(backup, "name", package.node.name);
        backups.push(std::move(backup));
    }
    return Json::object({{"made", format_utc(now)}, {"machine", config.instance}, {"installation", catalog.instance()}, {"encrypted", config.backup.zip_encryption != "none"}, {"providers", std::move(providers)}, {"backups", std::move(backups)}});
}

}  // namespace oracxfs
