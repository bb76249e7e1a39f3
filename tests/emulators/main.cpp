// cloud_emulators DIR [--latency MS] [--commit-time MS] [--quota BYTES] [--page-entries N] [--seed N]
//
// Emulated Dropbox and Google Drive for tests in other languages. Writes credentials into DIR, prints one line of JSON
// with addresses and files, then answers each line of JSON on stdin with one on stdout. The end of stdin ends it.
//
// Requests: {"cmd":NAME,"service":"dropbox"|"google-drive",...}; answers {"ok":true,...} or {"ok":false,"error":TEXT}.
//   fault      endpoint, kind, [skip], [times], [probability], [status], [body], [content_type], [reason], [message],
//              [retry_after], [bytes], [bytes_per_second], [wait_ms], [as_text] -> number
//   clear_faults | stats | log | clear_log | tree
//   latency ms | quota bytes | page_entries n
//   put path, content or file | mkdir path | remove path | move path, to | damage path, offset | content path -> size, sha256, [text]
//   trash path | native path (google-drive) | cloud_document path (dropbox)
//   expire_tokens | invalidate_tokens | revoke_grants | expire_sessions | reset_cursors | drop_connections
//   approve_device | deny_device | expire_device user_code (google-drive): what the user does on the other device
//   browse url -> answer: the user agrees; the code that is shown, or the address that the browser ends at
//   grant [scope] -> files as in the first line: the user signs in once more; scope: "drive" (google-drive)
// put and mkdir at google-drive take `owner`: "somebody" makes what the scope drive.file does not see.

#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <map>
#include <set>
#include <stdexcept>

#include "base/hash.h"
#include "tests/emulators/drive_emulator.h"
#include "tests/emulators/dropbox_emulator.h"

namespace oracxfs::test {
namespace {

struct Failure : std::runtime_error {
    using std::runtime_error::runtime_error;
};

std::uint64_t unsigned_of(const Json& json) { return static_cast<std::uint64_t>(json.as_int()); }

std::string write_secret(const std::string& path, const std::string& text) {
    ::umask(077);
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    if (!(file << text << std::flush)) throw Failure("can't write " + path);
    return path;
}

std::string content_of(const Json& command) {
    if (!command["file"].is_string()) return command["content"].as_string();
    std::ifstream file(command["file"].as_string(), std::ios::binary);
    if (!file) throw Failure("can't read " + command["file"].as_string());
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

Json described(const std::optional<std::string>& content) {
    if (!content) throw Failure("not found");
    Json answer = Json::object({{"size", std::uint64_t{content->size()}},
                                {"sha256", to_hex(sha256_of(std::as_bytes(std::span(*content))))}});
    if (content->size() <= 4096) answer.set("text", *content);
    return answer;
}

void expect(bool found) {
    if (!found) throw Failure("not found");
}

Json stats(Emulator& service) {
    Json counts = Json::object(), concurrent = Json::object();
    for (const auto& [endpoint, count] : service.counts()) {
        counts.set(endpoint, count);
        concurrent.set(endpoint, service.concurrent_max(endpoint));
    }
    return Json::object({{"counts", std::move(counts)},
                         {"concurrent", std::move(concurrent)},
                         {"bytes_received", service.bytes_received()},
                         {"connections", service.server().connections()},
                         {"fault_hits", service.faults().hits()},
                         {"refreshes", service.oauth().refreshes()}});
}

Json log_of(const Emulator& service) {
    Json list = Json::array();
    for (const LoggedRequest& each : service.log())
        list.push(Json::object({{"endpoint", each.endpoint}, {"method", each.method}, {"path", each.path},
                                {"argument", each.argument}, {"status", each.status}, {"received", each.received},
                                {"fault", each.fault}}));
    return Json::object({{"log", std::move(list)}});
}

Json add_fault(Emulator& service, const Json& command) {
    const auto kind = fault_kind(command["kind"].as_string());
    if (!kind) throw Failure("unknown kind of fault");
    FaultRule rule;
    rule.endpoint = command["endpoint"].as_string();
    rule.fault = Fault::of(*kind, unsigned_of(command["bytes"]));
    Fault& fault = rule.fault;
    if (*kind == Fault::Kind::throttle) fault.status = 429;
    fault.status = static_cast<int>(command["status"].as_int(fault.status));
    fault.body = command["body"].as_string();
    fault.content_type = command["content_type"].is_string() ? command["content_type"].as_string() : "text/plain";
    fault.reason = command["reason"].as_string();
    fault.message = command["message"].as_string();
    fault.as_text = command["as_text"].as_bool();
    fault.bytes_per_second = unsigned_of(command["bytes_per_second"]);
    fault.wait = std::chrono::milliseconds(command["wait_ms"].as_int());
    if (command["retry_after"].is_int()) fault.retry_after = std::chrono::seconds(command["retry_after"].as_int());
    rule.skip = unsigned_of(command["skip"]);
    rule.times = static_cast<std::uint64_t>(command["times"].as_int(1));
    rule.probability = command["probability"].as_double(1);
    return Json::object({{"number", service.faults().add(std::move(rule))}});
}

// What both services have; nothing = another command.
std::optional<Json> common(Emulator& service, const std::string& name, const Json& command) {
    if (name == "fault") return add_fault(service, command);
    if (name == "stats") return stats(service);
    if (name == "log") return log_of(service);
    if (name == "clear_faults") {
        service.faults().clear();
    } else if (name == "clear_log") {
        service.clear_log();
    } else if (name == "latency") {
        service.set_latency(std::chrono::milliseconds(command["ms"].as_int()));
    } else if (name == "expire_tokens") {
        service.oauth().expire_access_tokens();
    } else if (name == "invalidate_tokens") {
        service.oauth().invalidate_access_tokens();
    } else if (name == "revoke_grants") {
        service.oauth().revoke_grants();
    } else if (name == "browse") {
        return Json::object({{"answer", service.oauth().browse(command["url"].as_string())}});
    } else if (name == "approve_device") {
        service.oauth().approve_device(command["user_code"].as_string());
    } else if (name == "deny_device") {
        service.oauth().deny_device(command["user_code"].as_string());
    } else if (name == "expire_device") {
        service.oauth().expire_device(command["user_code"].as_string());
    } else if (name == "drop_connections") {
        service.server().reset_all();
    } else {
        return std::nullopt;
    }
    return Json::object();
}

Json run(DropboxEmulator& dropbox, const std::string& name, const Json& command) {
    if (auto answer = common(dropbox, name, command)) return *std::move(answer);
    std::string path = command["path"].as_string();
    if (!path.empty() && path.front() != '/') path.insert(path.begin(), '/');
    if (name == "tree") {
        Json list = Json::array();
        for (const DropboxEntry& entry : dropbox.tree()) {
            Json item = Json::object({{"path", entry.path}, {"id", entry.id}, {"folder", entry.folder}});
            if (!entry.folder)
                for (const auto& [key, value] : {std::pair("rev", entry.rev), std::pair("content_hash", entry.content_hash)})
                    item.set(key, value);
            item.set("size", entry.size);
            list.push(std::move(item));
        }
        return Json::object({{"tree", std::move(list)}, {"used", dropbox.used_bytes()}, {"open_sessions", std::uint64_t{dropbox.open_sessions()}}});
    }
    if (name == "content") return described(dropbox.content(path));
    if (name == "put") {
        dropbox.put(path, content_of(command));
    } else if (name == "mkdir") {
        dropbox.make_folder(path);
    } else if (name == "remove") {
        expect(dropbox.remove(path));
    } else if (name == "move") {
        std::string to = command["to"].as_string();
        if (!to.starts_with('/')) to.insert(to.begin(), '/');
        expect(dropbox.move(path, to));
    } else if (name == "damage") {
        expect(dropbox.damage(path, unsigned_of(command["offset"])));
    } else if (name == "cloud_document") {
        expect(dropbox.make_cloud_document(path));
    } else if (name == "quota") {
        dropbox.set_quota(unsigned_of(command["bytes"]));
    } else if (name == "page_entries") {
        dropbox.set_page_entries(unsigned_of(command["n"]));
    } else if (name == "expire_sessions") {
        dropbox.expire_sessions();
    } else if (name == "reset_cursors") {
        dropbox.reset_cursors();
    } else {
        throw Failure("unknown command");
    }
    return Json::object();
}

Owner owner_of(const Json& command) {
    const std::string& word = command["owner"].as_string();
    if (!word.empty() && word != "app" && word != "somebody") throw Failure("owner: app or somebody");
    return word == "somebody" ? Owner::somebody : Owner::app;
}

// The folder of a path, made where it is not there; "" = the root.
std::string folder_of(DriveEmulator& drive, const std::string& path) {
    const auto slash = path.rfind('/');
    if (slash == std::string::npos) return {};
    const std::string folder = path.substr(0, slash);
    const auto found = drive.find_path(folder);
    if (!found.empty()) return found.front().id;
    return drive.make_folder(folder_of(drive, folder), folder.substr(folder.rfind('/') + 1)).id;
}

Json run(DriveEmulator& drive, const std::string& name, const Json& command) {
    if (auto answer = common(drive, name, command)) return *std::move(answer);
    std::string path = command["path"].as_string();
    while (path.starts_with('/')) path.erase(0, 1);
    const std::string last = path.substr(path.rfind('/') + 1);
    const auto found = path.empty() ? std::vector<DriveEntry>() : drive.find_path(path);
    // For commands about something that is there: by its path or its id.
    const auto id = [&] {
        if (command["id"].is_string()) return command["id"].as_string();
        if (found.empty()) throw Failure("not found");
        return found.front().id;
    };
    if (name == "tree") {
        Json list = Json::array();
        for (const DriveEntry& entry : drive.tree())
            list.push(Json::object({{"path", drive.path_of(entry.id)}, {"id", entry.id}, {"folder", entry.folder},
                                    {"mime_type", entry.mime_type}, {"trashed", entry.trashed}, {"size", entry.size},
                                    {"sha256", entry.sha256}, {"head_revision", entry.head_revision}}));
        return Json::object({{"tree", std::move(list)}, {"used", drive.used_bytes()}, {"open_sessions", std::uint64_t{drive.open_sessions()}}});
    }
    if (name == "content") return described(drive.content(id()));
    if (name == "put") {
        const bool twin = command["twin"].as_bool();
        if (!found.empty() && !twin)
            expect(drive.replace(found.front().id, content_of(command)));
        else
            drive.put(folder_of(drive, path), last, content_of(command), owner_of(command));
    } else if (name == "mkdir") {
        drive.make_folder(folder_of(drive, path), last, owner_of(command));
    } else if (name == "native") {
        drive.make_native_document(folder_of(drive, path), last);
    } else if (name == "remove") {
        expect(drive.remove(id()));
    } else if (name == "trash") {
        expect(drive.trash(id()));
    } else if (name == "move") {
        const std::string to = command["to"].as_string(), moved = id();
        expect(drive.move(moved, folder_of(drive, to)));
        expect(drive.rename(moved, to.substr(to.rfind('/') + 1)));
    } else if (name == "damage") {
        expect(drive.damage(id(), unsigned_of(command["offset"])));
    } else if (name == "quota") {
        drive.set_quota(unsigned_of(command["bytes"]));
    } else if (name == "page_entries") {
        drive.set_page_entries(unsigned_of(command["n"]));
    } else if (name == "expire_sessions") {
        drive.expire_sessions();
    } else if (name == "reset_cursors") {
        drive.expire_page_tokens();
    } else {
        throw Failure("unknown command");
    }
    return Json::object();
}

Json signed_in(DropboxEmulator& dropbox, const std::string& folder, const Json& command) {
    if (command["scope"].is_string()) throw Failure("scope: of google-drive only");
    const IssuedTokens tokens = dropbox.oauth().grant();
    return Json::object({{"refresh_token_file", write_secret(folder + "/dropbox-refresh-token", tokens.refresh + "\n")},
                         {"access_token_file", write_secret(folder + "/dropbox-access-token", tokens.access + "\n")}});
}

Json signed_in(DriveEmulator& drive, const std::string& folder, const Json& command) {
    std::optional<std::set<std::string>> scopes;
    if (command["scope"].is_string()) scopes = {"https://www.googleapis.com/auth/" + command["scope"].as_string()};
    const IssuedTokens tokens = drive.oauth().grant(scopes);
    const Json token = Json::object({{"access_token", tokens.access},
                                     {"refresh_token", tokens.refresh},
                                     {"scope", tokens.scope},
                                     {"token_type", "Bearer"},
                                     {"expires_in", std::int64_t{tokens.lifetime.count()}}});
    return Json::object({{"token_file", write_secret(folder + "/google-token.json", token.dump_pretty())}});
}

Json introduce(DropboxEmulator& dropbox, DriveEmulator& drive, const std::string& folder) {
    Json one = signed_in(dropbox, folder, {}), other = signed_in(drive, folder, {});
    one.set("base_url", dropbox.base_url()).set("ca_file", dropbox.ca_file());
    one.set("app_key", dropbox.oauth().client().id).set("account_id", dropbox.account_id());
    other.set("base_url", drive.base_url()).set("ca_file", drive.ca_file()).set("root_id", drive.root_id());
    other.set("client_file", write_secret(folder + "/google-client.json", drive.oauth().client_json(drive.oauth().client())));
    other.set("device_client_file", write_secret(folder + "/google-device-client.json", drive.oauth().client_json(drive.oauth().device_client())));
    other.set("service_account_file", write_secret(folder + "/google-service-account.json", drive.oauth().make_service_account()));
    return Json::object({{"dropbox", std::move(one)}, {"google-drive", std::move(other)}});
}

int serve(const std::string& folder, const std::map<std::string, std::uint64_t>& settings) {
    DropboxOptions dropbox_options;
    DriveOptions drive_options;
    const auto set = [&](const char* name, auto apply) {
        if (const auto it = settings.find(name); it != settings.end()) apply(it->second);
    };
    for (EmulatorOptions* each : {static_cast<EmulatorOptions*>(&dropbox_options), static_cast<EmulatorOptions*>(&drive_options)}) {
        set("--latency", [&](std::uint64_t value) { each->latency = std::chrono::milliseconds(value); });
        set("--seed", [&](std::uint64_t value) { each->seed = value; });
    }
    set("--commit-time", [&](std::uint64_t value) { dropbox_options.commit_time = std::chrono::milliseconds(value); });
    set("--quota", [&](std::uint64_t value) { dropbox_options.quota_bytes = drive_options.quota_bytes = value; });
    set("--page-entries", [&](std::uint64_t value) { dropbox_options.page_entries = drive_options.page_entries = value; });
    DropboxEmulator dropbox(dropbox_options);
    DriveEmulator drive(drive_options);
    OAuthOptions oauth = drive.oauth().options();
    oauth.device_interval = std::chrono::seconds(1);  // the shortest that a client goes along with
    drive.oauth().set_options(oauth);
    std::cout << introduce(dropbox, drive, folder).dump() << std::endl;
    for (std::string line; std::getline(std::cin, line);) {
        Json answer;
        try {
            const auto command = parse_json(line);
            if (!command) throw Failure("not JSON");
            const std::string& service = (*command)["service"].as_string();
            const std::string& name = (*command)["cmd"].as_string();
            if (service != "dropbox" && service != "google-drive") throw Failure("service: dropbox or google-drive");
            if (name == "grant")
                answer = service == "dropbox" ? signed_in(dropbox, folder, *command) : signed_in(drive, folder, *command);
            else
                answer = service == "dropbox" ? run(dropbox, name, *command) : run(drive, name, *command);
            answer.set("ok", true);
        } catch (const std::exception& error) {
            answer = Json::object({{"ok", false}, {"error", error.what()}});
        }
        std::cout << answer.dump() << std::endl;
    }
    return 0;
}

int run_program(const std::vector<std::string>& arguments) {
    std::map<std::string, std::uint64_t> settings;
    for (std::size_t i = 1; i < arguments.size(); i += 2) {
        static const std::vector<std::string> known{"--latency", "--commit-time", "--quota", "--page-entries", "--seed"};
        if (i + 1 == arguments.size() || std::find(known.begin(), known.end(), arguments[i]) == known.end())
            throw Failure("unknown or incomplete option " + arguments[i]);
        const std::string& text = arguments[i + 1];
        std::uint64_t value = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (error != std::errc() || end != text.data() + text.size()) throw Failure(arguments[i] + " wants a number");
        settings[arguments[i]] = value;
    }
    if (arguments.empty()) throw Failure("the folder for credentials is missing");
    return serve(arguments[0], settings);
}

}  // namespace
}  // namespace oracxfs::test

int main(int argc, char** argv) {
    try {
        return oracxfs::test::run_program({argv + 1, argv + argc});
    } catch (const std::exception& error) {
        std::cerr << "cloud_emulators: " << error.what() << "\n";
        return 2;
    }
}
