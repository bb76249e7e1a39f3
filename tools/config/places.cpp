#include "tools/config/places.h"

#include <pwd.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <vector>

namespace oracxfs {
namespace {

std::string home_folder(const Environment& environment) {
    if (const auto home = environment("HOME"); home && home->starts_with('/')) return *home;
    std::vector<char> buffer(16 << 10);
    passwd entry{};
    passwd* found = nullptr;
    if (::getpwuid_r(::getuid(), &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr)
        return found->pw_dir;
    return "/";
}

// The XDG specification: relative values are to be ignored.
std::string xdg(const Environment& environment, const std::string& name, const std::string& otherwise) {
    const auto value = environment(name);
    return value && value->starts_with('/') ? *value : otherwise;
}

std::optional<std::string> variable(const Environment& environment, const std::string& name) {
    if (auto value = environment(name)) return value;
    const std::string home = home_folder(environment);
    if (name == "HOME") return home;
    if (name == "XDG_CONFIG_HOME") return home + "/.config";
    if (name == "XDG_STATE_HOME") return home + "/.local/state";
    if (name == "XDG_CACHE_HOME") return home + "/.cache";
    if (name == "XDG_DATA_HOME") return home + "/.local/share";
    return std::nullopt;
}

bool is_name_char(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

}  // namespace

Environment system_environment() {
    return [](const std::string& name) -> std::optional<std::string> {
        const char* value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): nobody calls setenv
        if (value == nullptr || *value == '\0') return std::nullopt;
        return value;
    };
}

Places find_places(const Environment& environment) {
    Places places;
    places.home = home_folder(environment);
    if (const auto root = environment("ORACXFS_HOME")) {
        places.root = absolute_path(*root, std::filesystem::current_path().string());
        places.config_file = places.root + "/cloud_config.json";
        places.state = places.root;
        places.cache = places.root + "/cache";
        places.run = places.root + "/run";
    } else {
        places.config_file = xdg(environment, "XDG_CONFIG_HOME", places.home + "/.config") + "/oracxfs/cloud_config.json";
        places.state = xdg(environment, "XDG_STATE_HOME", places.home + "/.local/state") + "/oracxfs";
        places.cache = xdg(environment, "XDG_CACHE_HOME", places.home + "/.cache") + "/oracxfs";
        places.run = xdg(environment, "XDG_RUNTIME_DIR", places.state + "/run");
        if (places.run != places.state + "/run") places.run += "/oracxfs";
    }
    places.secrets_db = places.state + "/secrets.db";
    places.master_key = places.state + "/master.key";
    places.catalog_db = places.state + "/catalog.db";
    places.staging = places.state + "/staging";
    places.log_dir = places.state + "/log";
    places.log_file = places.log_dir + "/oracxfs.log";
    places.socket = places.run + "/control.sock";
    places.lock_file = places.state + "/run/lock";
    return places;
}

Result<std::string> expand_path(std::string_view path, const Environment& environment) {
    std::string expanded;
    if (path == "~" || path.starts_with("~/")) {
        expanded = home_folder(environment);
        path.remove_prefix(1);
    }
    while (!path.empty()) {
        if (path[0] != '$') {
            const std::size_t next = std::min(path.find('$'), path.size());
            expanded += path.substr(0, next);
            path.remove_prefix(next);
            continue;
        }
        path.remove_prefix(1);
        const bool braces = path.starts_with('{');
        if (braces) path.remove_prefix(1);
        std::size_t length = 0;
        while (length < path.size() && is_name_char(path[length])) ++length;
        const std::string name(path.substr(0, length));
        path.remove_prefix(length);
        if (name.empty() || (braces && !path.starts_with('}')))
            return fail(Errc::config, "expand path", "a \"$\" must be followed by the name of a variable");
        if (braces) path.remove_prefix(1);
        const auto value = variable(environment, name);
        if (!value) return fail(Errc::config, "expand path", "the variable $" + name + " is not set");
        expanded += *value;
    }
    return expanded;
}

std::string absolute_path(std::string_view path, const std::string& directory) {
    std::filesystem::path full = std::filesystem::path(directory) / std::filesystem::path(path);
    std::string text = full.lexically_normal().string();
    while (text.size() > 1 && text.back() == '/') text.pop_back();
    return text;
}

}  // namespace oracxfs
