#include "providers/ftp/ftp_home.h"

#include <algorithm>

#include "providers/ftp/ftp_status.h"

namespace oracxfs::ftp {
namespace {

constexpr std::size_t kTimesMax = 100'000;
// A listing shows minutes; a file that was changed longer ago than this gets another one by its next change.
constexpr std::int64_t kSettledSeconds = 180;

}  // namespace

KeyLocks::Guard::~Guard() {
    if (keys_.empty()) return;
    const std::lock_guard lock(locks_->mutex_);
    for (const ObjectKey& key : keys_) locks_->held_.erase(key);
    locks_->changed_.notify_all();
}

Result<KeyLocks::Guard> KeyLocks::lock(const CallWait& wait, std::vector<ObjectKey> keys) {
    std::sort(keys.begin(), keys.end());
    keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
    std::unique_lock lock(mutex_);
    const bool free = changed_.wait(lock, wait.token(), [&] {
        return std::none_of(keys.begin(), keys.end(), [&](const ObjectKey& key) { return held_.contains(key); });
    });
    if (!free) return fail(wait.reason());
    held_.insert(keys.begin(), keys.end());
    return Guard(*this, std::move(keys));
}

std::optional<std::int64_t> ModificationTimes::find(const ObjectKey& key, const ListEntry& entry) const {
    const std::lock_guard lock(mutex_);
    const auto found = known_.find(key);
    if (found == known_.end() || found->second.size != entry.size || found->second.stamp != entry.stamp) return std::nullopt;
    return found->second.mtime;
}

void ModificationTimes::add(const ObjectKey& key, const ListEntry& entry, std::int64_t mtime, WallTime now) {
    if (to_ms(now) / 1000 - mtime < kSettledSeconds) return;
    const std::lock_guard lock(mutex_);
    if (known_.size() >= kTimesMax) known_.clear();
    known_[key] = {entry.stamp, entry.size, mtime};
}

FtpHome::FtpHome(FtpConfig settings, Clock& time)
    : config(std::move(settings)), clock(time),
      pool(config.connections, time, [this](const CallWait& wait) { return open(wait); }) {}

std::string FtpHome::path(const ObjectKey& key) const {
    if (key.empty()) return root_;
    return root_.ends_with('/') ? root_ + key : root_ + "/" + key;
}

// Connections are opened one after another, so the root is set exactly once, before anybody uses one.
Result<std::unique_ptr<FtpConnection>> FtpHome::open(const CallWait& wait) {
    ORACX_TRY(auto connection, FtpConnection::open(config.target, wait));
    {
        const std::lock_guard lock(root_mutex_);
        if (root_ready_) return connection;
        const std::string& login = connection->login_directory();
        if (config.folder.starts_with('/')) root_ = config.folder;
        else if (!login.starts_with('/') || !check_names(login.substr(1 + (login.size() > 1 && login[1] == '/' ? 1 : 0))))
            return fail(Errc::config, "reach folder " + config.folder, "the server does not tell its login folder: give an absolute one, '/...'");
        else if (config.folder.empty()) root_ = login;
        else root_ = (login.ends_with('/') ? login : login + "/") + config.folder;
    }
    ORACX_TRYV(ensure_root(*connection, wait));
    const std::lock_guard lock(root_mutex_);
    root_ready_ = true;
    return connection;
}

Status FtpHome::ensure_root(FtpConnection& connection, const CallWait& wait) {
    const std::string what = "reach folder " + root_;
    FtpCall call(*this, connection, wait);
    ORACX_TRY(auto found, call.find({}));
    if (!found) {
        directories.forget({});
        ORACX_TRY(const Reply made, call.ask("MKD " + root_));
        ORACX_TRY(found, call.find({}));
        if (!found && made.ok()) return fail(Errc::unavailable, what, "it was made and is not there");
        if (!found) {
            const std::string parent = root_.substr(0, std::max<std::size_t>(root_.rfind('/'), 1));
            ORACX_TRY(const auto above, call.find_path(parent));
            if (!above || !above->is_directory()) return fail(Errc::config, what, "its parent folder does not exist on the server");
            return fail(error_of(made, what));
        }
    }
    if (!found->is_directory()) return fail(Errc::config, what, "it is not a folder");
    return {};
}

Result<std::vector<Reply>> FtpCall::change(const std::vector<std::string>& lines) {
    auto replies = connection_.commands(wait_, lines);
    if (!replies) in_doubt_ |= !connection_.was_dead() && connection_.answered() + 1 >= lines.size();
    return replies;
}

Result<Reply> FtpCall::change(const std::string& line) {
    ORACX_TRY(auto replies, change(std::vector{line}));
    return std::move(replies.front());
}

Result<std::optional<ListEntry>> FtpCall::find_path(const std::string& path) {
    return connection_.features().mlst ? find_by_facts(path) : find_by_size(path);
}

Result<std::optional<ListEntry>> FtpCall::find_by_facts(const std::string& path) {
    ORACX_TRY(const Reply reply, ask("MLST " + path));
    using Found = std::optional<ListEntry>;
    if (reply.code == 550) return Found();
    if (!reply.ok()) return fail(error_of(reply, "look at it"));
    for (std::size_t i = 1; i + 1 < reply.lines.size(); ++i) {
        auto entry = parse_facts(reply.lines[i]);
        if (!entry) continue;
        entry->name.clear();
        return entry->kind == ListEntry::Kind::other ? Found() : Found(std::move(entry));
    }
    return fail(Errc::unavailable, "look at it", "the server says nothing useful to MLST: '" + reply.text() + "'");
}

// Files have a SIZE, directories can be entered. The current directory does not matter: all paths are absolute.
Result<std::optional<ListEntry>> FtpCall::find_by_size(const std::string& path) {
    std::vector<std::string> lines;
    if (!connection_.binary()) lines.emplace_back("TYPE I");
    lines.push_back("SIZE " + path);
    lines.push_back("MDTM " + path);
    ORACX_TRY(const auto replies, connection_.commands(wait_, lines));
    if (lines.size() == 3 && replies.front().ok()) connection_.set_binary();
    const Reply& size = replies[lines.size() - 2];
    if (size.code == 500 || size.code == 502)
        return fail(Errc::unsupported, "look at it", "the server knows neither MLST nor SIZE: '" + size.text() + "'");
    using Found = std::optional<ListEntry>;
    ListEntry entry;
    if (const auto bytes = parse_number(size)) {
        entry.kind = ListEntry::Kind::file;
        entry.size = *bytes;
        entry.mtime = parse_time(replies.back());
        return Found(std::move(entry));
    }
    if (size.code != 550 && size.code != 553) return fail(error_of(size, "look at it"));
    ORACX_TRY(const Reply entered, ask("CWD " + path));
    if (!entered.ok()) return Found();
    entry.kind = ListEntry::Kind::directory;
    return Found(std::move(entry));
}

Status FtpCall::make_directories(const ObjectKey& key) {
    for (bool again = false;; again = true) {
        if (home_.directories.contains(key)) return {};
        std::vector<ObjectKey> missing;
        std::string_view level = key;
        for (; !home_.directories.contains(level); level = parent_key(level)) missing.emplace_back(level);
        std::reverse(missing.begin(), missing.end());
        std::vector<std::string> lines;
        for (const ObjectKey& folder : missing) lines.push_back("MKD " + home_.path(folder));
        ORACX_TRY(const auto replies, connection_.commands(wait_, lines));
        Status made;
        if (!replies.back().ok())
            for (std::size_t i = 0; i < missing.size() && made; ++i) made = make_one_directory(missing[i]);
        if (made) {
            home_.directories.add(key);
            return {};
        }
        // A parent that was known may have gone in the meantime.
        if (again || level.empty() || !connection_.usable()) return made;
        home_.directories.forget({});
    }
}

// Looks first: most servers answer the same to a name that exists and to one they do not like.
Status FtpCall::make_one_directory(const ObjectKey& key) {
    ORACX_TRY(auto found, find(key));
    if (!found) {
        ORACX_TRY(const Reply made, ask("MKD " + home_.path(key)));
        if (made.ok()) return {};
        ORACX_TRY(found, find(key));
        if (!found) {
            // proftpd makes no folder with '*' in its name, but lets one be renamed so.
            const std::string detour = home_.path(".oracxfs-probe-" + random_hex(8));
            ORACX_TRY(const Reply second, ask("MKD " + detour));
            if (!second.ok()) return fail(error_of(made, "make folder"));
            ORACX_TRY(const Reply moved, move(detour, home_.path(key)));
            if (moved.ok()) return {};
            ORACX_TRYV(ask("RMD " + detour));
            Error error = error_of(made, "make folder");
            if (error.code == Errc::denied && moved.code == 553) error.code = Errc::name_refused;
            return fail(std::move(error));
        }
    }
    if (!found->is_directory()) return fail(Errc::not_directory, "make folder", std::string(base_name(key)) + " is a file");
    return {};
}

Result<Reply> FtpCall::move(const std::string& from, const std::string& to) {
    ORACX_TRY(auto replies, change({"RNFR " + from, "RNTO " + to}));
    return std::move(replies.front().ok() ? replies.back() : replies.front());
}

Result<std::optional<std::string>> FtpCall::move_to_trash(const ObjectKey& key) {
    using Place = std::optional<std::string>;
    const ObjectKey entry = std::string(kTrashFolder) + "/" + trash_entry(home_.clock.wall(), key);
    Reply moved;
    for (int attempt = 0; attempt < 2; ++attempt) {
        ORACX_TRYV(make_directories(ObjectKey(parent_key(entry))));
        ORACX_TRY(moved, move(home_.path(key), home_.path(entry)));
        if (moved.ok()) return Place(home_.path(entry));
        ORACX_TRY(const auto still_there, find(key));
        if (!still_there) return Place();
        home_.directories.forget(kTrashFolder);  // somebody may have removed it
    }
    return fail(error_of(moved, "move to the trash"));
}

Result<std::optional<std::vector<ListEntry>>> FtpCall::list_folder(const ObjectKey& key) {
    using Entries = std::optional<std::vector<ListEntry>>;
    std::vector<ListEntry> entries;
    const std::string path = home_.path(key);
    const bool facts = connection_.features().mlst;
    const Status listed = connection_.list(wait_, path, [&](std::string_view line) {
        auto entry = facts ? parse_facts(line) : parse_list_line(line);
        if (entry && entry->kind != ListEntry::Kind::other && is_safe_name(entry->name)) entries.push_back(std::move(*entry));
    });
    if (!listed) {
        if (!facts && connection_.usable() && connection_.last_reply().code == 550) return Entries();  // it cannot be entered
        // In a folder that could be entered, some servers say so of an empty one.
        if (!facts && connection_.last_reply().code == 450) return Entries(std::move(entries));
        return fail(listed.error());
    }
    // vsftpd ends well also when it could not read the folder, and tells in words only.
    if (!facts && connection_.last_reply().words().find("failed") != std::string::npos)
        return fail(Errc::denied, "read folder", "the server says '" + connection_.last_reply().text() + "'");
    if (!facts) ORACX_TRYV(complete_times(key, entries));
    return Entries(std::move(entries));
}

Status FtpCall::complete_times(const ObjectKey& folder, std::vector<ListEntry>& entries) {
    const auto key_of = [&](const ListEntry& entry) { return folder.empty() ? entry.name : folder + "/" + entry.name; };
    std::vector<ListEntry*> asked;
    std::vector<std::string> lines;
    for (ListEntry& entry : entries) {
        if (!entry.is_file()) continue;
        entry.mtime = home_.times.find(key_of(entry), entry);
        if (entry.mtime) continue;
        asked.push_back(&entry);
        lines.push_back("MDTM " + home_.path(key_of(entry)));
    }
    if (lines.empty()) return {};
    ORACX_TRY(const auto replies, connection_.commands(wait_, lines));
    for (std::size_t i = 0; i < asked.size(); ++i) {
        asked[i]->mtime = parse_time(replies[i]);
        if (asked[i]->mtime) home_.times.add(key_of(*asked[i]), *asked[i], *asked[i]->mtime, home_.clock.wall());
    }
    return {};
}

}  // namespace oracxfs::ftp
