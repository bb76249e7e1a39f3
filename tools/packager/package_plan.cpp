#include "tools/packager/package_plan.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <set>

#include "tools/packager/beneath.h"
#include "tools/packager/manifest.h"
#include "tools/packager/member_name.h"
#include "tools/packager/restore_text.h"
#include "tools/packager/tree_walk.h"

namespace oracxfs {
namespace {

using MemberKind = PlannedMember::Kind;

std::int64_t nanoseconds(const timespec& time) { return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec; }

// The name of each source's top member. Words that the configuration gives must be right; those taken from paths are
// made different where they are not.
Result<std::string> choose_name(const BackupSource& source, std::set<std::string>& taken) {
    std::string name = source.name;
    if (name.empty()) {
        std::string_view path = source.path;
        while (path.ends_with('/')) path.remove_suffix(1);
        name = last_part_of(path);
    }
    if (name.empty()) name = "root";
    if (!is_safe_member_name(name) || name.find('/') != std::string::npos)
        return fail(Errc::invalid, fmt::format("source \"{}\"", name), "this is no name for a member of a package");
    if (taken.insert(name).second) return name;
    if (!source.name.empty()) return fail(Errc::invalid, fmt::format("source \"{}\"", name), "another one has the same name");
    for (int number = 2;; ++number)
        if (std::string other = fmt::format("{}-{}", name, number); taken.insert(other).second) return other;
}

Result<std::string> real_path(const std::string& path) {
    const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr), &std::free);
    if (real == nullptr) return fail(error_from_errno(errno, "pack " + path));
    return std::string(real.get());
}

Result<FileStat> stat_of_database(const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return fail(error_from_errno(errno, "pack " + path));
    if (!S_ISREG(status.st_mode)) return fail(Errc::invalid, "pack " + path, "a database is a file");
    FileStat stat = file_stat(status);
    if (::stat((path + "-wal").c_str(), &status) == 0) add_log(stat, file_stat(status));
    return stat;
}

// Opens the source's folder; a single file gets its member right away.
Result<bool> open_source(PackagePlan& plan, std::uint32_t index, const OwnFolders& own) {
    PlannedSource& source = plan.sources[index];
    ORACX_TRY(const std::string path, real_path(source.config.path));
    if (own.contains(path)) return fail(Errc::invalid, "pack " + path, "it lies in a folder of oracxfs itself");
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return fail(error_from_errno(errno, "pack " + path));
    const bool is_database = source.config.kind == "sqlite";
    const bool is_tree = S_ISDIR(status.st_mode) && !is_database;
    if (is_tree) {
        source.folder = path;
    } else {
        source.folder = parent_of(path).empty() ? "/" : std::string(parent_of(path));
        source.single = last_part_of(path);
    }
    source.root.reset(::open(source.folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    // Searching is enough for a single file.
    if (!source.root && !is_tree) source.root.reset(::open(source.folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!source.root) return fail(error_from_errno(errno, "pack " + path));
    if (is_tree) return true;
    if (!is_database && !S_ISREG(status.st_mode)) return fail(Errc::invalid, "pack " + path, "it is neither a folder nor a file");
    FileStat stat = file_stat(status);
    if (is_database) {
        ORACX_TRY(stat, stat_of_database(path));
    }
    plan.bytes_total += stat.size;
    plan.members.push_back({source.name, is_database ? MemberKind::database : MemberKind::file, index, stat});
    return false;
}

// Texts have no time of their own: the same ones give the same bytes.
constexpr std::int64_t kTimeOfTexts = 315'532'800'000'000'000;  // the earliest that a ZIP can hold, 1980-01-01

void add_text(PackagePlan& plan, ExtraMember text) {
    FileStat stat;
    stat.size = text.bytes.size();
    stat.mtime_ns = kTimeOfTexts;
    stat.mode = S_IFREG | 0600;
    plan.members.push_back({text.name, MemberKind::bytes, static_cast<std::uint32_t>(plan.texts.size()), stat});
    plan.texts.push_back(std::move(text));
}

}  // namespace

FileStat file_stat(const struct stat& from) {
    return {static_cast<std::uint64_t>(from.st_size), nanoseconds(from.st_mtim), nanoseconds(from.st_ctim),
            from.st_mode, from.st_dev, from.st_ino};
}

void add_log(FileStat& database, const FileStat& log) {
    if (log.size == 0) return;
    database.size += log.size;
    database.mtime_ns = std::max(database.mtime_ns, log.mtime_ns);
    database.ctime_ns = std::max(database.ctime_ns, log.ctime_ns);
}

std::string PackagePlan::path_below(const PlannedMember& member) const {
    const PlannedSource& source = sources[member.of];
    if (!source.single.empty()) return source.single;
    std::string_view name = member.name;
    if (name.ends_with('/')) name.remove_suffix(1);
    return std::string(name.substr(std::min(name.size(), source.name.size() + 1)));
}

std::string PackagePlan::full_path(const PlannedMember& member) const {
    if (member.kind == MemberKind::bytes || member.kind == MemberKind::command) return member.name;
    const std::string& folder = sources[member.of].folder;
    const std::string below = path_below(member);
    if (below.empty()) return folder;
    return folder == "/" ? "/" + below : folder + "/" + below;
}

UniqueFd PackagePlan::open(const PlannedMember& member, int flags) const {
    const PlannedSource& source = sources[member.of];
    const std::string below = path_below(member);
    if (!source.config.follow) return open_beneath(source.root.get(), below, flags);
    return UniqueFd(::openat(source.root.get(), below.c_str(), flags | O_CLOEXEC));
}

Result<PackagePlan> plan_package(const PackageRequest& request, ProblemList& problems, const std::stop_token& stop) {
    PackagePlan plan;
    std::vector<std::string> never = request.never_pack;
    never.push_back(request.temp_dir);
    const OwnFolders own(never);
    std::set<std::string> taken{std::string(kRestoreTextName), std::string(kManifestName)};
    std::set<std::string> extras = taken;
    add_text(plan, {std::string(kRestoreTextName), restore_text(), false});
    if (request.include_metadata) {
        for (const ExtraMember& extra : request.metadata) {
            if (!is_safe_member_name(extra.name) || !extras.insert(extra.name).second)
                return fail(Errc::invalid, "pack " + extra.name, "this is no name for a member of a package, or it is there twice");
            taken.insert(extra.name.substr(0, extra.name.find('/')));
            add_text(plan, extra);
        }
    }
    for (const BackupSource& config : request.sources) {
        ORACX_TRY(std::string name, choose_name(config, taken));
        plan.sources.push_back({config, std::move(name), {}, {}, {}});
    }
    for (std::uint32_t index = 0; index < plan.sources.size(); ++index) {
        if (plan.sources[index].config.kind == "command") {
            FileStat stat;
            stat.mode = S_IFREG | 0600;
            stat.mtime_ns = to_ms(request.now) * 1'000'000;
            plan.members.push_back({plan.sources[index].name, MemberKind::command, index, stat});
            continue;
        }
        ORACX_TRY(const bool is_tree, open_source(plan, index, own));
        if (is_tree && !TreeWalk(plan, index, own, problems, stop).run()) return fail(Errc::cancelled, "pack");
    }
    return plan;
}

bool is_sqlite_header(std::string_view bytes) {
    using namespace std::string_view_literals;
    return bytes.starts_with("SQLite format 3\0"sv);
}

bool is_sqlite_file(const UniqueFd& fd) {
    std::array<char, 16> header{};
    return fd && ::pread(fd.get(), header.data(), header.size(), 0) == static_cast<ssize_t>(header.size()) &&
           is_sqlite_header({header.data(), header.size()});
}

}  // namespace oracxfs
