// versions, restore-version: contents that providers still keep of a path, and getting them back.

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "base/hash.h"
#include "base/unique_fd.h"
#include "tools/config/units.h"
#include "tools/control/envelope.h"
#include "tools/oracxfs/add_provider.h"
#include "tools/oracxfs/commands.h"
#include "tools/oracxfs/shown.h"

namespace oracxfs {
namespace {

constexpr Millis kListMax{120'000};

struct KeptVersion {
    std::string provider;
    std::string id;  // what `restore-version --version` takes
    RemoteObject object;
    WallTime at;     // in the trash since then; else when this content was written
    bool trash = false;
};

KeptVersion kept_version(const std::string& provider, RemoteObject object) {
    KeptVersion version;
    version.provider = provider;
    const std::string prefix = std::string(kTrashFolder) + "/";
    if (object.key.starts_with(prefix)) {
        version.id = object.key.substr(prefix.size(), object.key.find('/', prefix.size()) - prefix.size());
        version.trash = true;
    } else {
        version.id = object.rev;
    }
    const auto since = version.trash ? trash_entry_time(version.id) : std::nullopt;
    version.at = since.value_or(WallTime(std::chrono::duration_cast<Millis>(std::chrono::nanoseconds(object.mtime_ns))));
    version.object = std::move(object);
    return version;
}

Result<std::vector<KeptVersion>> versions_at(Cli& cli, Provider& provider, Clock& clock, const std::string& name, const std::string& path) {
    const OpContext ctx{cli.signals().token(), clock.steady() + kListMax};
    RemoteObject object;
    object.key = path;
    auto listed = provider.versions(ctx, object);
    if (!listed && listed.error().code == Errc::not_found) return std::vector<KeptVersion>();
    if (!listed) return fail(std::move(listed).error().with_provider(name));
    std::vector<KeptVersion> versions;
    for (RemoteObject& one : *listed) versions.push_back(kept_version(name, std::move(one)));
    return versions;
}

Result<std::string> checked_path(Cli& cli, const std::string& typed) {
    std::string path = cli.path_in_mount(typed);
    if (path.empty() || !check_key(path)) return fail(Errc::usage, "find " + typed, "the path of a file in the mount is needed");
    return path;
}

Result<ProviderEntry> entry_of(const Config& config, const std::string& name) {
    const ProviderEntry* entry = config.provider(name);
    if (entry == nullptr) return no_such_provider(config, name);
    return *entry;
}

Json report(const KeptVersion& version) {
    return Json::object({{"provider", version.provider}, {"version", version.id}, {"size", version.object.size},
                         {"time", format_utc(version.at)}, {"kept_in", version.trash ? "trash" : "history"}});
}

Result<CommandResult> list_versions(Cli& cli, const std::string& typed, const std::string& only) {
    ORACX_TRY(const std::string path, checked_path(cli, typed));
    ORACX_TRY(const Config config, cli.config());
    std::vector<ProviderEntry> entries;
    if (!only.empty()) {
        ORACX_TRY(ProviderEntry entry, entry_of(config, only));
        entries.push_back(std::move(entry));
    } else {
        for (const ProviderEntry& entry : config.providers)
            if (entry.enabled) entries.push_back(entry);
    }
    if (entries.empty()) return fail(Errc::not_found, "list versions", "no provider is configured and enabled");
    SystemClock clock;
    std::vector<KeptVersion> all;
    std::optional<Error> failed;
    Json unknown = Json::array();
    for (const ProviderEntry& entry : entries) {
        const auto provider = open_provider(cli, entry, {}, clock);
        auto versions = provider ? versions_at(cli, **provider, clock, entry.name, path) : fail(provider.error());
        if (!versions && (!only.empty() || versions.error().code == Errc::cancelled)) return fail(versions.error());
        if (versions) {
            std::move(versions->begin(), versions->end(), std::back_inserter(all));
            continue;
        }
        cli.out().warn(entry.name + " could not be asked: " + versions.error().to_string());
        unknown.push(entry.name);
        if (!failed) failed = versions.error();
    }
    if (failed && unknown.items().size() == entries.size()) return fail(std::move(*failed));
    std::stable_sort(all.begin(), all.end(), [](const KeptVersion& a, const KeptVersion& b) { return a.at > b.at; });
    CommandResult outcome;
    Json list = Json::array();
    std::vector<std::vector<std::string>> rows;
    for (const KeptVersion& version : all) {
        list.push(report(version));
        rows.push_back({shown_time(format_utc(version.at)), version.provider, shown_size(version.object.size), shown_word(version.trash ? "trash" : "history"), version.id});
    }
    outcome.data = Json::object();
    set_bytes(outcome.data, "path", path);
    outcome.data.set("versions", std::move(list));
    outcome.data.set("not_asked", std::move(unknown));
    outcome.text = rows.empty() ? "no older contents of " + printable(path) + " are kept"
                                : format_table({"TIME", "PROVIDER", ">SIZE", "KEPT IN", "VERSION"}, rows);
    return outcome;
}

// --- getting one back --------------------------------------------------------------------------------------------------

struct RestoreFlags {
    std::string path, provider, version, to;
    bool overwrite = false;
};

Error file_error(int err, const std::string& what) { return error_from_errno(err, what); }

// A file beside its target that appears under the target's name as a whole, or goes away.
class IncomingFile {
  public:
    IncomingFile(std::string target, std::string temporary) : target_(std::move(target)), temporary_(std::move(temporary)) {}
    ~IncomingFile() {
        if (fd_ && !temporary_.empty()) ::unlink(temporary_.c_str());
    }
    IncomingFile(const IncomingFile&) = delete;
    IncomingFile& operator=(const IncomingFile&) = delete;

    Status open(mode_t mode) {
        fd_ = UniqueFd(::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
        if (!fd_) return fail(file_error(errno, "write " + temporary_));
        return {};
    }
    Status write(std::span<const std::byte> data) {
        while (!data.empty()) {
            const ssize_t put = ::write(fd_.get(), data.data(), data.size());
            if (put < 0 && errno == EINTR) continue;
            if (put < 0) return fail(file_error(errno, "write " + temporary_));
            data = data.subspan(static_cast<std::size_t>(put));
        }
        return {};
    }
    // Makes it durable and gives it its name.
    Status publish(bool replace) {
        if (::fsync(fd_.get()) != 0) return fail(file_error(errno, "write " + temporary_));
        int err = 0;
        if (replace) {
            err = ::rename(temporary_.c_str(), target_.c_str()) == 0 ? 0 : errno;
        } else {
            err = ::renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, target_.c_str(), RENAME_NOREPLACE) == 0 ? 0 : errno;
            if (err == EINVAL || err == ENOSYS) {  // a file system that knows no such call
                err = ::link(temporary_.c_str(), target_.c_str()) == 0 ? 0 : errno;
                if (err == 0) (void)::unlink(temporary_.c_str());
            }
        }
        if (err == EEXIST) return fail(Errc::exists, "write " + target_, "it exists; --overwrite replaces it");
        if (err != 0) return fail(file_error(err, "write " + target_));
        temporary_.clear();
        return {};
    }
    // The name, too, survives a power cut.
    Status sync_folder() const {
        const UniqueFd folder(::open(std::filesystem::path(target_).parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (folder && ::fsync(folder.get()) != 0 && errno != EINVAL) return fail(file_error(errno, "write " + target_));
        return {};
    }

  private:
    const std::string target_;
    std::string temporary_;
    UniqueFd fd_;
};

Status fetch(Cli& cli, Provider& provider, const KeptVersion& version, IncomingFile& file) {
    const OpContext ctx{cli.signals().token(), std::nullopt};
    std::uint64_t got = 0;
    Status written;
    ORACX_TRYV(provider.read(ctx, version.object, 0, version.object.size, [&](std::span<const std::byte> data) {
        written = file.write(data);
        got += data.size();
        return written.has_value();
    }));
    ORACX_TRYV(written);
    if (got != version.object.size)
        return fail(Errc::unavailable, "download it", fmt::format("{} of {} bytes came", got, version.object.size));
    return {};
}

Result<KeptVersion> find_version(Cli& cli, Provider& provider, Clock& clock, const RestoreFlags& flags, const std::string& path) {
    ORACX_TRY(const auto versions, versions_at(cli, provider, clock, flags.provider, path));
    std::string known;
    for (const KeptVersion& version : versions) {
        if (version.id == flags.version) return version;
        known += (known.empty() ? "" : ", ") + version.id;
    }
    return fail(Error(Errc::not_found, "find version " + flags.version + " of " + path,
                      known.empty() ? flags.provider + " keeps no older content of it" : flags.provider + " keeps: " + known)
                    .with_provider(flags.provider));
}

// As any program would put it there: into a temporary name, then over the file. The rename waits as close() does.
Result<CommandResult> put_back(Cli& cli, Provider& provider, const KeptVersion& version, const RestoreFlags& flags, const std::string& path) {
    const auto owner = cli.owner();
    if (!owner || !owner->daemon || owner->mount_point.empty() || !cli.daemon_socket())
        return fail(Errc::daemon_unreachable, "put " + path + " back", "nothing is mounted: run `oracxfs mount` first, or give --to FILE");
    const std::string target = owner->mount_point + "/" + path;
    struct stat there {};
    const bool exists = ::lstat(target.c_str(), &there) == 0;
    if (exists && !S_ISREG(there.st_mode)) return fail(Errc::is_directory, "put " + path + " back", "a folder has this name now");
    const std::string folder = std::filesystem::path(target).parent_path();
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error) return fail(file_error(error.value(), "make " + folder));
    IncomingFile file(target, folder + "/.oracx-tmp-" + random_hex(8));
    ORACX_TRYV(file.open(exists ? there.st_mode & 07777 : 0666));
    ORACX_TRYV(fetch(cli, provider, version, file));
    const Status published = file.publish(true);
    if (!published) {
        Error reason = published.error();
        reason.why += (reason.why.empty() ? "" : "; ") + std::string("look with `oracxfs status` whether it is on its way");
        return fail(std::move(reason).at("put " + path + " back"));
    }
    CommandResult outcome;
    outcome.data = report(version);
    set_bytes(outcome.data, "path", path);
    outcome.data.set("restored", true);
    outcome.text = fmt::format("{} is what it was in version {} of {}", printable(path), flags.version, flags.provider);
    return outcome;
}

Result<CommandResult> restore(Cli& cli, const RestoreFlags& flags) {
    ORACX_TRY(const std::string path, checked_path(cli, flags.path));
    ORACX_TRY(const Config config, cli.config());
    ORACX_TRY(const ProviderEntry entry, entry_of(config, flags.provider));
    std::string to;
    if (!flags.to.empty()) {
        ORACX_TRY(const std::string expanded, expand_path(flags.to, cli.environment()));
        to = absolute_path(expanded, std::filesystem::current_path().string());
        const auto owner = cli.owner();
        if (owner && !owner->mount_point.empty() && (to + "/").starts_with(owner->mount_point + "/"))
            return fail(Errc::usage, "write " + to, "that is inside the mount; without --to the file is put back in its place");
        struct stat there {};
        if (::lstat(to.c_str(), &there) == 0 && S_ISDIR(there.st_mode)) return fail(Errc::is_directory, "write " + to, "give the name of a file");
        if (!flags.overwrite && ::lstat(to.c_str(), &there) == 0) return fail(Errc::exists, "write " + to, "it exists; --overwrite replaces it");
    }
    SystemClock clock;
    ORACX_TRY(const auto provider, open_provider(cli, entry, {}, clock));
    ORACX_TRY(const KeptVersion version, find_version(cli, *provider, clock, flags, path));
    if (to.empty()) return put_back(cli, *provider, version, flags, path);
    IncomingFile file(to, to + ".oracxfs-" + random_hex(4) + ".part");
    ORACX_TRYV(file.open(0666));
    ORACX_TRYV(fetch(cli, *provider, version, file));
    ORACX_TRYV(file.publish(flags.overwrite));
    ORACX_TRYV(file.sync_folder());
    CommandResult outcome;
    outcome.data = report(version);
    set_bytes(outcome.data, "path", path);
    set_bytes(outcome.data, "to", to);
    outcome.text = fmt::format("version {} of {} is in {} ({})", flags.version, printable(path), printable(to), format_size(version.object.size));
    return outcome;
}

Run declare_versions(CLI::App& app) {
    struct Flags {
        std::string path, provider;
    };
    const auto flags = std::make_shared<Flags>();
    app.add_option("PATH", flags->path, "A file in the mount; it may be deleted by now")->required();
    app.add_option("--provider", flags->provider, "Ask only this one")->type_name("NAME");
    return [flags](Cli& cli) { return list_versions(cli, flags->path, flags->provider); };
}

Run declare_restore_version(CLI::App& app) {
    const auto flags = std::make_shared<RestoreFlags>();
    app.add_option("PATH", flags->path, "The file in the mount")->required();
    app.add_option("--provider", flags->provider, "Who keeps it")->type_name("NAME")->required();
    app.add_option("--version", flags->version, "Which one, as `oracxfs versions` shows it")->type_name("ID")->required();
    app.add_option("--to", flags->to, "Write it to FILE; without this it becomes the current content in the mount")->type_name("FILE");
    app.add_flag("--overwrite", flags->overwrite, "Replace FILE if it exists");
    return [flags](Cli& cli) { return restore(cli, *flags); };
}

}  // namespace

void add_version_commands(CommandTable& table) {
    const std::string group = "Look";
    table.push_back({"versions", group, "List older contents of a file that providers still keep", declare_versions});
    table.push_back({"restore-version", group, "Get one of them back", declare_restore_version});
}

}  // namespace oracxfs
