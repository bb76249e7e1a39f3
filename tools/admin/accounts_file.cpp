// admin.json: what is kept of accounts.

#include <algorithm>
#include <filesystem>

#include "base/disk.h"
#include "base/hash.h"
#include "cache/key_file.h"
#include "tools/admin/accounts.h"

namespace oracxfs {
namespace {

constexpr std::size_t kBytesMax = 256u << 10;

Status write_private(const std::string& file, const std::string& text) {
    SystemDisk disk;
    const std::string temporary = file + "." + random_hex(4) + ".tmp";
    const auto write = [&]() -> Status {
        ORACX_TRY(const auto out, disk.open(temporary, OpenMode::create_new));  // 0600
        ORACX_TRYV(out->write_at(0, std::as_bytes(std::span(text.data(), text.size()))));
        ORACX_TRYV(out->sync());
        ORACX_TRYV(disk.rename(temporary, file));
        return disk.sync_directory(std::filesystem::path(file).parent_path().string());
    };
    const Status written = write();
    if (!written) (void)disk.remove(temporary);
    return written;
}

}  // namespace

Result<std::unique_ptr<Accounts>> Accounts::open(const AccountsOptions& options, Clock& clock) {
    std::unique_ptr<Accounts> accounts(new Accounts(options, clock));
    ORACX_TRYV(accounts->load());
    return accounts;
}

Status Accounts::load() {
    SystemDisk disk;
    ORACX_TRYV(check_private(options_.file));
    const auto file = disk.open(options_.file, OpenMode::read_only);
    if (!file && file.error().code == Errc::not_found) return {};
    if (!file) return fail(file.error());
    std::string text(kBytesMax, '\0');
    ORACX_TRY(const std::size_t size, (*file)->read_at(0, std::as_writable_bytes(std::span(text.data(), text.size()))));
    text.resize(size);
    const auto root = parse_json(text);
    if (!root || !root->is_object())
        return fail(Errc::corrupt, "read " + options_.file, "it is damaged; remove it and set a new password by `oracxfs admin password`");
    const std::lock_guard lock(mutex_);
    salt_ = (*root)["password"]["salt"].as_string();
    hash_ = (*root)["password"]["scrypt"].as_string();
    for (const Json& item : (*root)["sessions"].items()) {
        StoredSession session;
        session.id = item["id"].as_string();
        session.hash = item["hash"].as_string();
        session.created = wall_from_ms(item["created_ms"].as_int());
        session.last_used = wall_from_ms(item["last_used_ms"].as_int());
        session.remember = item["remember"].as_bool();
        session.address = item["address"].as_string();
        session.agent = item["agent"].as_string();
        sessions_.push_back(std::move(session));
    }
    for (const Json& item : (*root)["tokens"].items()) {
        StoredToken token;
        token.id = item["id"].as_string();
        token.name = item["name"].as_string();
        token.hash = item["hash"].as_string();
        token.scope = scope_from(item["scope"].as_string()).value_or(Scope::none);
        token.created = wall_from_ms(item["created_ms"].as_int());
        if (item["expires_ms"].is_int()) token.expires = wall_from_ms(item["expires_ms"].as_int());
        if (item["last_used_ms"].is_int()) token.last_used = wall_from_ms(item["last_used_ms"].as_int());
        tokens_.push_back(std::move(token));
    }
    forget_old();
    saved_ = clock_.wall();
    return {};
}

Json Accounts::to_json() const {
    const auto ms = [](const std::optional<WallTime>& time) { return time ? Json(to_ms(*time)) : Json(); };
    Json sessions = Json::array(), tokens = Json::array();
    for (const StoredSession& session : sessions_)
        sessions.push(Json::object({{"id", session.id},
                                    {"hash", session.hash},
                                    {"created_ms", to_ms(session.created)},
                                    {"last_used_ms", to_ms(session.last_used)},
                                    {"remember", session.remember},
                                    {"address", session.address},
                                    {"agent", session.agent}}));
    for (const StoredToken& token : tokens_)
        tokens.push(Json::object({{"id", token.id},
                                  {"name", token.name},
                                  {"hash", token.hash},
                                  {"scope", to_string(token.scope)},
                                  {"created_ms", to_ms(token.created)},
                                  {"expires_ms", ms(token.expires)},
                                  {"last_used_ms", ms(token.last_used)}}));
    return Json::object({{"version", 1},
                         {"password", hash_.empty() ? Json() : Json::object({{"salt", salt_}, {"scrypt", hash_}, {"n", 32'768}, {"r", 8}, {"p", 1}})},
                         {"sessions", std::move(sessions)},
                         {"tokens", std::move(tokens)}});
}

Status Accounts::save() {
    const std::lock_guard one(writing_);
    std::string text;
    {
        const std::lock_guard lock(mutex_);
        saved_ = clock_.wall();
        text = to_json().dump_pretty();
    }
    return write_private(options_.file, text);
}

Status Accounts::flush() {
    {
        const std::lock_guard lock(mutex_);
        if (hash_.empty() && sessions_.empty() && tokens_.empty()) return {};
    }
    return save();
}

}  // namespace oracxfs
