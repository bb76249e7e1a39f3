#include "tools/packager/restore.h"

#include <algorithm>
#include <map>

#include "providers/wait.h"
#include "tools/packager/beneath.h"
#include "tools/packager/glob.h"
#include "tools/packager/member_name.h"
#include "tools/packager/restore_target.h"
#include "tools/packager/restore_text.h"
#include "tools/packager/zip_format.h"

namespace oracxfs {
namespace {

using What = RestoreItem::What;
using EntryKind = PackageEntry::Kind;

constexpr std::uint64_t kSpareBytes = 64u << 20;  // of the disk
// Deflate reaches 1000 and more for zeros only; a member of this size that the manifest does not vouch for is no file.
constexpr std::uint64_t kRatioMax = 200, kRatioFrom = 100u << 20;
// Members that lie this close together are read along, rather than with a request of their own.
constexpr std::uint64_t kGapMax = 64u << 10;

std::string bare(const std::string& name) { return name.ends_with('/') ? name.substr(0, name.size() - 1) : name; }

// Links are made last, in real folders, and begin with the steps up; so one that does not go up further than its folder
// is deep stays inside. Steps up later on might start from anywhere a link leads.
bool leads_outside(const std::string& name, const std::string& target) {
    if (target.empty() || target.front() == '/') return true;
    auto depth = std::count(name.begin(), name.end(), '/');
    bool down = false;
    std::string_view rest = target;
    while (!rest.empty()) {
        const std::string_view part = rest.substr(0, rest.find('/'));
        rest.remove_prefix(std::min(rest.size(), part.size() + 1));
        if (part.empty() || part == ".") continue;
        if (part != "..") down = true;
        else if (down || --depth < 0) return true;
    }
    return false;
}

// Which members are wanted, and whether every wish was met.
class Choice {
  public:
    explicit Choice(const std::vector<std::string>& paths) {
        for (std::string path : paths) {
            while (path.size() > 1 && path.ends_with('/')) path.pop_back();
            wishes_.push_back({path, GlobList({path}), false});
        }
    }
    bool wants(const PackageEntry& entry) {
        if (wishes_.empty()) return true;
        const std::string name = bare(entry.name);
        bool wanted = false;
        for (Wish& wish : wishes_) {
            const bool below = name.size() > wish.path.size() && name.starts_with(wish.path) && name[wish.path.size()] == '/';
            if (name != wish.path && !below && !fits(wish.globs, name)) continue;
            wish.met = wanted = true;
        }
        return wanted;
    }
    void report_unmet(std::vector<RestoreItem>& problems) const {
        for (const Wish& wish : wishes_)
            if (!wish.met) problems.push_back({wish.path, What::unmatched, "the package has no such member"});
    }

  private:
    struct Wish {
        std::string path;
        GlobList globs;
        bool met;
    };
    // A glob that fits a folder means all that is in it.
    static bool fits(const GlobList& globs, std::string_view name) {
        for (std::string_view part = name; !part.empty(); part = parent_of(part))
            if (globs.matches(part, part.size() < name.size())) return true;
        return false;
    }
    std::vector<Wish> wishes_;
};

class Restorer {
  public:
    Restorer(const OpContext& ctx, PackageReader& reader, const RestoreOptions& options, RestoreTarget& target, RestoreReport& report,
             const std::function<void(const RestoreProgress&)>& progress)
        : ctx_(ctx), reader_(reader), options_(options), target_(target), report_(report), progress_(progress) {}
    // What was to be read along is of no use to others.
    ~Restorer() { reader_.expect_until(0); }
    Restorer(const Restorer&) = delete;
    Restorer& operator=(const Restorer&) = delete;

    Status choose();
    Status run();

  private:
    void problem(const PackageEntry& entry, What what, std::string why) { report_.problems.push_back({bare(entry.name), what, std::move(why)}); }
    [[nodiscard]] const ManifestMember* manifest_of(const PackageEntry& entry) const;
    [[nodiscard]] std::string why_refused(const PackageEntry& entry) const;
    [[nodiscard]] std::int64_t mtime_of(const PackageEntry& entry) const;
    Status restore_file(const PackageEntry& entry);
    Status restore_link(const PackageEntry& entry);
    Status restore_one(const PackageEntry& entry);
    void restore_folders();
    Result<bool> may_write(const PackageEntry& entry, bool& replaces);
    std::uint64_t expect_run(std::size_t from);
    void tell(bool always);
    // Trouble of one member is reported; what concerns the whole is passed on.
    Status settle(const PackageEntry& entry, Status status);
    Status settle_source(const PackageEntry& entry, Error error);

    const OpContext& ctx_;
    PackageReader& reader_;
    const RestoreOptions& options_;
    RestoreTarget& target_;
    RestoreReport& report_;
    const std::function<void(const RestoreProgress&)>& progress_;
    RestoreProgress now_;
    SystemClock clock_;
    const Manifest* manifest_ = nullptr;
    std::vector<const PackageEntry*> files_;    // by their place in the package
    std::vector<const PackageEntry*> links_, folders_;
    std::uint64_t bytes_total_ = 0, bytes_max_ = 0;
};

const ManifestMember* Restorer::manifest_of(const PackageEntry& entry) const {
    if (manifest_ == nullptr) return nullptr;
    const auto found = manifest_->members.find(entry.name);
    return found == manifest_->members.end() ? nullptr : &found->second;
}

std::int64_t Restorer::mtime_of(const PackageEntry& entry) const {
    const ManifestMember* member = manifest_of(entry);
    return member != nullptr ? member->mtime_ns : entry.mtime_s * 1'000'000'000;
}

std::string Restorer::why_refused(const PackageEntry& entry) const {
    if (!entry.refused.empty()) return std::string(entry.refused);
    const ManifestMember* member = manifest_of(entry);
    if (member == nullptr && looks_foreign(entry.name)) return "the name is a path of another system";
    const bool vouched = member != nullptr && member->size == entry.size;
    if (!vouched && entry.size > kRatioFrom && entry.size / kRatioMax > entry.compressed)
        return "it would become more than 200 times its size in the package";
    return {};
}

Status Restorer::choose() {
    if (reader_.entries().size() > options_.members_max) return fail(Errc::too_large, "restore", "the package has too many members");
    auto manifest = reader_.manifest(ctx_);
    if (manifest) {
        manifest_ = *manifest;
        report_.has_manifest = true;
    } else if (manifest.error().code == Errc::corrupt || manifest.error().code == Errc::invalid) {
        // The members may be good all the same; each has its CRC.
        report_.problems.push_back({std::string(kManifestName), What::damaged, manifest.error().why});
    } else if (manifest.error().code != Errc::not_found) {
        return fail(std::move(manifest).error());
    }
    Choice choice(options_.paths);
    for (const PackageEntry& entry : reader_.entries()) {
        // What is about the package itself is not among the files that were packed.
        const bool about_package = manifest_ != nullptr && (entry.name == kManifestName || entry.name == kRestoreTextName);
        if ((about_package && options_.paths.empty()) || !choice.wants(entry)) continue;
        if (std::string why = why_refused(entry); !why.empty()) {
            problem(entry, What::refused, std::move(why));
            continue;
        }
        if (entry.kind == EntryKind::folder) folders_.push_back(&entry);
        else if (entry.kind == EntryKind::symlink) links_.push_back(&entry);
        else files_.push_back(&entry);
        bytes_total_ += entry.size;
    }
    if (manifest_ != nullptr) {
        for (const auto& [name, member] : manifest_->members) {
            PackageEntry absent;
            absent.name = name;
            if (reader_.find(name) == nullptr && choice.wants(absent)) problem(absent, What::missing, "the manifest names it, but it is not in the package");
        }
    }
    choice.report_unmet(report_.problems);
    std::sort(files_.begin(), files_.end(), [](const PackageEntry* a, const PackageEntry* b) { return a->offset < b->offset; });
    return {};
}

Status Restorer::settle(const PackageEntry& entry, Status status) {
    if (!status) problem(entry, What::failed, status.error().why.empty() ? status.error().message : status.error().why);
    return {};
}

Status Restorer::settle_source(const PackageEntry& entry, Error error) {
    if (error.code != Errc::corrupt) return fail(std::move(error));
    problem(entry, What::damaged, error.why.empty() ? error.message : error.why);
    return {};
}

// Whether something may be put under this name; `replaces` if something is there.
Result<bool> Restorer::may_write(const PackageEntry& entry, bool& replaces) {
    ORACX_TRY(const auto present, target_.look(entry.name));
    replaces = present.has_value();
    if (!present) return true;
    if (present->is_folder) return fail(Errc::is_directory, "restore " + entry.name, "a folder is in its place");
    const bool newer = mtime_of(entry) > present->mtime_ns;
    if (options_.overwrite == RestoreOptions::Overwrite::always || (options_.overwrite == RestoreOptions::Overwrite::if_newer && newer)) return true;
    ++report_.kept;
    if (options_.dry_run) report_.plan.push_back({entry.name, What::kept, {}});
    return false;
}

Status Restorer::restore_one(const PackageEntry& entry) {
    bool replaces = false;
    const auto may = may_write(entry, replaces);
    if (!may) return settle(entry, fail(may.error()));
    if (!*may) return {};
    if (options_.dry_run) {
        ++report_.files;
        report_.bytes += entry.size;
        report_.plan.push_back({entry.name, What::restored, {}});
        return {};
    }
    if (Status made = target_.make_folder(std::string(parent_of(entry.name))); !made) return settle(entry, std::move(made));
    return entry.kind == EntryKind::symlink ? restore_link(entry) : restore_file(entry);
}

Status Restorer::restore_file(const PackageEntry& entry) {
    auto file = target_.create(entry.name);
    if (!file) return settle(entry, fail(std::move(file).error()));
    Status written;
    const auto extracted = reader_.extract(ctx_, entry, [&](ByteSpan data) -> Status {
        if (report_.bytes + data.size() > bytes_max_) return fail(Errc::too_large, "restore", "the package holds more than there is room for");
        report_.bytes += data.size();
        written = file->write(data);
        tell(false);
        return written;
    });
    // A full disk would fail all others too.
    if (!written && written.error().code != Errc::local_full) return settle(entry, std::move(written));
    if (!extracted) return settle_source(entry, extracted.error());
    const ManifestMember* member = manifest_of(entry);
    const bool check = options_.verify && member != nullptr && member->sha256;
    if (check && extracted->sha256 != *member->sha256) {
        problem(entry, What::damaged, "its SHA-256 is not the manifest's");
        return {};
    }
    const std::uint32_t mode = member != nullptr ? member->mode : entry.mode;
    if (Status published = file->publish(mode, mtime_of(entry), options_.overwrite != RestoreOptions::Overwrite::never); !published)
        return settle(entry, std::move(published));
    ++report_.files;
    if (check) ++report_.verified;
    return {};
}

Status Restorer::restore_link(const PackageEntry& entry) {
    std::string target;
    const auto extracted = reader_.extract(ctx_, entry, [&](ByteSpan data) -> Status {
        target.append(reinterpret_cast<const char*>(data.data()), data.size());
        return {};
    });
    if (!extracted) return settle_source(entry, extracted.error());
    const ManifestMember* member = manifest_of(entry);
    const bool check = options_.verify && member != nullptr && member->sha256;
    if (check && extracted->sha256 != *member->sha256) {
        problem(entry, What::damaged, "its SHA-256 is not the manifest's");
        return {};
    }
    if (target.find('\0') != std::string::npos || (!options_.links_to_outside && leads_outside(entry.name, target))) {
        problem(entry, What::refused, "the link leads out of the folder");
        return {};
    }
    if (Status made = target_.make_link(entry.name, target, options_.overwrite != RestoreOptions::Overwrite::never); !made)
        return settle(entry, std::move(made));
    ++report_.files;
    if (check) ++report_.verified;
    return {};
}

void Restorer::tell(bool always) {
    constexpr std::uint64_t kBytesBetweenWords = 1u << 20;
    if (!progress_ || (!always && report_.bytes - now_.bytes_done < kBytesBetweenWords)) return;
    now_.bytes_done = report_.bytes;
    progress_(now_);
}

// Members that lie one after the other are read with few requests.
std::uint64_t Restorer::expect_run(std::size_t from) {
    const auto end_of = [](const PackageEntry& entry) { return entry.offset + zip::kLocalBytes + entry.name.size() + entry.compressed; };
    std::uint64_t end = end_of(*files_[from]);
    for (std::size_t i = from + 1; i < files_.size() && files_[i]->offset <= end + kGapMax; ++i) end = std::max(end, end_of(*files_[i]));
    reader_.expect_until(end);
    return end;
}

// At the end, the deepest first: setting them earlier would be undone by what is put into them, or prevent it.
void Restorer::restore_folders() {
    std::sort(folders_.begin(), folders_.end(), [](const PackageEntry* a, const PackageEntry* b) { return a->name > b->name; });
    for (const PackageEntry* entry : folders_) {
        const std::string name = bare(entry->name);
        const ManifestMember* member = manifest_of(*entry);
        Status status = target_.make_folder(name);
        if (status) status = target_.set_folder(name, member != nullptr ? member->mode : entry->mode, mtime_of(*entry));
        if (status) ++report_.folders;
        static_cast<void>(settle(*entry, std::move(status)));
    }
}

Status Restorer::run() {
    if (!options_.dry_run) {
        ORACX_TRY(const std::uint64_t room, target_.free_bytes());
        const std::uint64_t usable = room > kSpareBytes ? room - kSpareBytes : 0;
        bytes_max_ = options_.bytes_max == 0 ? usable : std::min(options_.bytes_max, usable);
        if (bytes_total_ > bytes_max_)
            return fail(options_.bytes_max != 0 && bytes_total_ > options_.bytes_max ? Errc::too_large : Errc::local_full, "restore",
                        std::to_string(bytes_total_) + " bytes are wanted, there is room for " + std::to_string(bytes_max_));
    }
    now_.bytes_total = bytes_total_;
    now_.members_total = files_.size() + links_.size();
    std::vector<const PackageEntry*> order = files_;
    order.insert(order.end(), links_.begin(), links_.end());
    std::uint64_t expected = 0;
    for (std::size_t i = 0; i < order.size(); ++i) {
        ORACX_TRYV(still_wanted(ctx_, clock_));
        if (i < files_.size() && files_[i]->offset >= expected) expected = expect_run(i);
        now_.current = order[i]->name;
        ORACX_TRYV(restore_one(*order[i]));
        now_.members_done = i + 1;
        tell(true);
    }
    if (options_.dry_run) return {};
    restore_folders();
    return target_.sync();
}

}  // namespace

std::string_view to_string(RestoreItem::What what) {
    switch (what) {
        case What::restored: return "restored";
        case What::kept: return "kept";
        case What::refused: return "refused";
        case What::damaged: return "damaged";
        case What::failed: return "failed";
        case What::missing: return "missing";
        case What::unmatched: return "unmatched";
    }
    return {};
}

Result<RestoreReport> restore_package(const OpContext& ctx, PackageReader& reader, const RestoreOptions& options,
                                      const std::function<void(const RestoreProgress&)>& progress) {
    RestoreReport report;
    ORACX_TRY(RestoreTarget target, RestoreTarget::open(options.to, !options.dry_run));
    Restorer restorer(ctx, reader, options, target, report, progress);
    ORACX_TRYV(restorer.choose());
    ORACX_TRYV(restorer.run());
    return report;
}

}  // namespace oracxfs
