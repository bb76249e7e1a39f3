#include "tools/backup/recovery_kit.h"

#include <fmt/format.h>

#include "base/hash.h"
#include "tools/backup/packages.h"
#include "tools/config/units.h"
#include "tools/control/envelope.h"

namespace oracxfs {
namespace {

constexpr std::size_t kBackupsShown = 5;

// As the shell wants it.
std::string quoted(const std::string& word) {
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

std::string option(const char* name, const std::string& value) { return value.empty() ? std::string() : fmt::format(" {} {}", name, quoted(value)); }

std::string port_option(const Json& values) { return values["port"].is_int() ? fmt::format(" --port {}", values["port"].as_int()) : std::string(); }

std::string host_and_port(const Json& values) {
    return text_at(values, "host") + (values["port"].is_int() ? fmt::format(", port {}", values["port"].as_int()) : std::string());
}

Way way_to_local(const ProviderEntry& entry) {
    Way way;
    const std::string path = text_at(entry.values, "path");
    way.place = "the folder " + path + " of this machine";
    way.command = "oracxfs local --name " + entry.name + option("--path", path);
    way.by_hand = {"Connect the disk and open the folder."};
    way.needed = {"the disk itself; on another machine its folder may have another path"};
    return way;
}

Way way_to_sftp(const ProviderEntry& entry) {
    Way way;
    const Json& v = entry.values;
    const std::string folder = text_at(v, "folder");
    way.place = fmt::format("folder {} on the SFTP server {}", folder, host_and_port(v));
    way.account = text_at(v, "user");
    way.command = "oracxfs sftp --name " + entry.name + option("--host", text_at(v, "host")) + port_option(v) + option("--user", way.account) + option("--folder", folder);
    const std::string host_key = text_at(v, "host_key");
    way.command += option(host_key.starts_with("SHA256:") ? "--host-key-fingerprint" : "--host-key", host_key);
    const bool by_key = !text_at(v, "key_file").empty();
    way.command += by_key ? " --key FILE" : v["use_agent"].as_bool() ? " --agent" : " --password-file FILE";
    way.by_hand = {fmt::format("sftp{} {}", v["port"].is_int() ? fmt::format(" -P {}", v["port"].as_int()) : "", quoted(way.account + "@" + text_at(v, "host"))),
                   "cd " + quoted(folder), "get PACKAGE.zip", "Or with any program that speaks SFTP (FileZilla, WinSCP)."};
    way.needed = {by_key ? "the private key " + text_at(v, "key_file") + " (and its passphrase), or another way into the account" : "the account's password"};
    return way;
}

Way way_to_ftp(const ProviderEntry& entry) {
    Way way;
    const Json& v = entry.values;
    const std::string folder = text_at(v, "folder");
    const bool implicit = text_at(v, "tls") == "implicit";
    way.place = fmt::format("folder {} on the FTP server {}, with TLS", folder, host_and_port(v));
    way.account = text_at(v, "user");
    way.command = "oracxfs ftp --name " + entry.name + option("--host", text_at(v, "host")) + port_option(v) + option("--user", way.account) + option("--folder", folder) + " --password-file FILE" + (implicit ? " --implicit" : "");
    if (!text_at(v, "ca_file").empty()) {
        way.command += " --ca-file FILE";
        way.needed.push_back("the server's certificate " + text_at(v, "ca_file"));
    }
    const std::string port = v["port"].is_int() ? fmt::format(":{}", v["port"].as_int()) : std::string();
    way.by_hand = {fmt::format("curl {} -O {}", (implicit ? "" : "--ssl-reqd ") + std::string("--user ") + quoted(way.account),
                               quoted(fmt::format("{}://{}{}/{}{}PACKAGE.zip", implicit ? "ftps" : "ftp", text_at(v, "host"), port, folder, folder.ends_with('/') ? "" : "/"))),
                   "Or with any program that speaks FTP over TLS (FileZilla)."};
    way.needed.insert(way.needed.begin(), "the account's password");
    return way;
}

Way way_to_dropbox(const ProviderEntry& entry) {
    Way way;
    const Json& v = entry.values;
    const std::string folder = text_at(v, "folder");
    way.place = fmt::format("folder {} at Dropbox (of an app with a folder of its own: below Apps/<name of the app>)", folder);
    way.command = "oracxfs dropbox --name " + entry.name + option("--folder", folder) + option("--app-key", text_at(v, "app_key"));
    way.by_hand = {"Sign in at https://www.dropbox.com, open the folder, download the package."};
    way.needed = {"the sign-in at Dropbox: address, password, second factor"};
    return way;
}

Way way_to_google_drive(const ProviderEntry& entry) {
    Way way;
    const Json& v = entry.values;
    const std::string folder = text_at(v, "folder");
    way.place = fmt::format("folder {} at Google Drive", folder);
    way.command = "oracxfs google-drive --name " + entry.name + option("--folder", folder) + " --credentials CLIENT.json" + option("--shared-drive", text_at(v, "shared_drive"));
    if (text_at(v, "scope") != "drive.file") way.command += option("--scope", text_at(v, "scope"));
    way.by_hand = {"Sign in at https://drive.google.com, open the folder, download the package."};
    way.needed = {"the sign-in at Google: address, password, second factor",
                  text_at(v, "scope") == "drive.file" ? "for oracxfs also the JSON file of the same OAuth client: with another one Google does not show it these files"
                                                      : "for oracxfs also the JSON file of an OAuth client"};
    return way;
}

Way way_to(const ProviderEntry& entry) {
    if (entry.type == "local") return way_to_local(entry);
    if (entry.type == "sftp") return way_to_sftp(entry);
    if (entry.type == "ftp") return way_to_ftp(entry);
    if (entry.type == "dropbox") return way_to_dropbox(entry);
    if (entry.type == "google-drive") return way_to_google_drive(entry);
    Way way;
    way.place = "a place of the type " + entry.type;
    return way;
}

Json list_of(const std::vector<std::string>& texts) {
    Json list = Json::array();
    for (const std::string& text : texts) list.push(text);
    return list;
}

// --- the sheet as blocks, so that both forms say the same -------------------------------------------------------------------

struct Block {
    enum class Kind : std::uint8_t { title, heading, paragraph, item, command } kind;
    std::string text;
};

std::vector<Block> sheet_of(const Json& facts) {
    using Kind = Block::Kind;
    std::vector<Block> sheet;
    const auto add = [&](Kind kind, std::string text) { sheet.push_back({kind, std::move(text)}); };
    add(Kind::title, "Recovery kit for " + facts["machine"].as_string());
    add(Kind::paragraph, fmt::format("Made {} by oracxfs {}, installation {}. Keep it where a fire, a thief or a broken disk does not reach it together with the machine. It holds no password.",
                                     facts["made"].as_string(), ORACXFS_VERSION, facts["installation"].as_string()));

    add(Kind::heading, "1. Where the files are");
    add(Kind::paragraph, "Every place holds all files of the mount as they are, and the backup packages (ZIP files) beside them. One place is enough.");
    for (const Json& provider : facts["providers"].items()) {
        add(Kind::item, fmt::format("{}: {}{}", provider["name"].as_string(), provider["place"].as_string(), provider["account"].as_string().empty() ? "" : ", account " + provider["account"].as_string()));
        for (const Json& thing : provider["needed"].items()) add(Kind::paragraph, "    needed: " + thing.as_string());
    }
    if (facts["providers"].items().empty()) add(Kind::paragraph, "No place is configured: there is nothing to recover from.");

    add(Kind::heading, "2. The newest backups");
    for (const Json& backup : facts["backups"].items()) {
        std::string places;
        for (const Json& name : backup["providers"].items()) places += (places.empty() ? "" : ", ") + name.as_string();
        add(Kind::item, fmt::format("{}, {}, verified at: {}", get_bytes(backup, "name"), format_size(static_cast<std::uint64_t>(backup["size"].as_int())), places.empty() ? "no place yet" : places));
        add(Kind::paragraph, "    SHA-256 " + backup["sha256"].as_string());
    }
    if (facts["backups"].items().empty()) add(Kind::paragraph, "None so far: `oracxfs sync` makes one.");

    add(Kind::heading, "3. Restoring by hand, without oracxfs");
    for (const Json& provider : facts["providers"].items()) {
        add(Kind::item, "From " + provider["name"].as_string() + ":");
        for (const Json& step : provider["by_hand"].items()) add(Kind::command, step.as_string());
    }
    const bool encrypted = facts["encrypted"].as_bool();
    add(Kind::item, encrypted ? "Unpack it. It is encrypted (AES-256): with 7-Zip, and the passphrase below." : "Unpack it:");
    add(Kind::command, "sha256sum PACKAGE.zip        (compare with the sum above)");
    add(Kind::command, encrypted ? "7z x PACKAGE.zip -orestored" : "unzip PACKAGE.zip -d restored");
    add(Kind::paragraph, "RESTORE.txt in the package says more; manifest.json lists every file with its SHA-256.");

    add(Kind::heading, "4. Restoring with oracxfs, on a new machine");
    add(Kind::item, "Install oracxfs. Add one of the places, whichever can be reached:");
    for (const Json& provider : facts["providers"].items())
        if (!provider["command"].as_string().empty()) add(Kind::command, provider["command"].as_string());
    add(Kind::item, "Learn what is there, and bring the newest backup back:");
    if (encrypted) add(Kind::command, "oracxfs secrets set backup/passphrase");
    add(Kind::command, "oracxfs recovery from NAME");
    add(Kind::command, "oracxfs backups restore latest --to DIR");
    add(Kind::item, "Settings of this machine, as a pattern for the new one (no passwords are in them):");
    add(Kind::command, "oracxfs backups restore latest oracxfs/cloud_config.json --stdout");

    add(Kind::heading, "5. To be written by hand");
    if (encrypted) add(Kind::paragraph, "Passphrase of the packages: ________________________________________");
    for (const Json& provider : facts["providers"].items())
        if (provider["type"].as_string() != "local") add(Kind::paragraph, fmt::format("Sign-in at {}: ________________________________________", provider["name"].as_string()));
    add(Kind::paragraph, "Tried with `oracxfs recovery drill` on: ____________________");
    return sheet;
}

std::string escaped(const std::string& text) {
    std::string html;
    for (const char c : text) {
        if (c == '&') html += "&amp;";
        else if (c == '<') html += "&lt;";
        else if (c == '>') html += "&gt;";
        else if (c == '"') html += "&quot;";
        else html += c;
    }
    return html;
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

std::string kit_as_text(const Json& facts) {
    std::string text;
    for (const Block& block : sheet_of(facts)) {
        switch (block.kind) {
            case Block::Kind::title: text += block.text + "\n" + std::string(block.text.size(), '=') + "\n\n"; break;
            case Block::Kind::heading: text += "\n" + block.text + "\n" + std::string(block.text.size(), '-') + "\n"; break;
            case Block::Kind::paragraph: text += block.text + "\n"; break;
            case Block::Kind::item: text += "* " + block.text + "\n"; break;
            case Block::Kind::command: text += "      " + block.text + "\n"; break;
        }
    }
    return text;
}

std::string kit_as_html(const Json& facts) {
    std::string html =
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>oracxfs recovery kit</title>\n"
        "<style>body{font:11pt/1.4 serif;max-width:45em;margin:2em auto;padding:0 1em}h1{font-size:16pt}h2{font-size:12pt;margin:1.4em 0 .3em}"
        "p{margin:.2em 0}.item{margin-top:.6em}.command{font:9.5pt monospace;margin-left:2em;white-space:pre-wrap;overflow-wrap:anywhere}"
        "@media print{body{margin:0}h2{break-after:avoid}}</style></head><body>\n";
    for (const Block& block : sheet_of(facts)) {
        const std::string text = escaped(block.text);
        switch (block.kind) {
            case Block::Kind::title: html += "<h1>" + text + "</h1>\n"; break;
            case Block::Kind::heading: html += "<h2>" + text + "</h2>\n"; break;
            case Block::Kind::paragraph: html += "<p>" + text + "</p>\n"; break;
            case Block::Kind::item: html += "<p class=\"item\">" + text + "</p>\n"; break;
            case Block::Kind::command: html += "<p class=\"command\">" + text + "</p>\n"; break;
        }
    }
    return html + "</body></html>\n";
}

}  // namespace oracxfs
