#include "tools/oracxfs/secret_store.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/log.h"
#include "tools/backup/backup_environment.h"

namespace oracxfs {

bool is_program_secret(std::string_view name) { return name == kPackagePassphrase; }

Result<Secrets*> SecretStore::open() {
    if (secrets_) return secrets_.get();
    SecretsOptions options;
    options.database = places_.secrets_db;
    options.master_key_file = places_.master_key;
    if (const auto file = environment_("ORACXFS_PASSPHRASE_FILE")) {
        std::ifstream stream(*file);
        std::string line;
        if (!std::getline(stream, line) || line.empty())
            return fail(Errc::key_unavailable, "read the passphrase from " + *file, "it cannot be read or is empty");
        log::redact_value(line);
        options.passphrase = std::move(line);
    }
    ORACX_TRY(secrets_, Secrets::open(options));
    return secrets_.get();
}

Result<std::string> SecretStore::get(const std::string& name) {
    const std::lock_guard lock(mutex_);
    if (!secrets_ && ::access(places_.secrets_db.c_str(), F_OK) != 0) return fail(Errc::not_found, "read secret " + name);
    ORACX_TRY(Secrets* const secrets, open());
    auto value = secrets->get(name);
    if (value) log::redact_value(*value);
    return value;
}

Status SecretStore::put(const std::string& name, const std::string& value) {
    const std::lock_guard lock(mutex_);
    log::redact_value(value);
    std::error_code ignored;
    std::filesystem::create_directories(places_.state, ignored);
    std::filesystem::permissions(places_.state, std::filesystem::perms::owner_all, ignored);
    ORACX_TRY(Secrets* const secrets, open());
    return secrets->put(name, value);
}

Status SecretStore::remove(const std::string& name) {
    const std::lock_guard lock(mutex_);
    if (!secrets_ && ::access(places_.secrets_db.c_str(), F_OK) != 0) return {};
    ORACX_TRY(Secrets* const secrets, open());
    return secrets->remove(name);
}

Result<std::vector<std::string>> SecretStore::names() {
    const std::lock_guard lock(mutex_);
    if (!secrets_ && ::access(places_.secrets_db.c_str(), F_OK) != 0) return std::vector<std::string>{};
    ORACX_TRY(Secrets* const secrets, open());
    return secrets->names();
}

Status SecretStore::rename_owner(const std::string& from, const std::string& to) {
    ORACX_TRY(const auto all, names());
    for (const std::string& name : all) {
        if (!name.starts_with(from + "/") || is_program_secret(name)) continue;
        ORACX_TRY(const std::string value, get(name));
        ORACX_TRYV(put(to + name.substr(from.size()), value));
        ORACX_TRYV(remove(name));
    }
    return {};
}

Status SecretStore::remove_owner(const std::string& owner) {
    ORACX_TRY(const auto all, names());
    for (const std::string& name : all)
        if (name.starts_with(owner + "/") && !is_program_secret(name)) ORACX_TRYV(remove(name));
    return {};
}

}  // namespace oracxfs
