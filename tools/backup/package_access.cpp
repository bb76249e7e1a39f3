#include "tools/backup/package_access.h"

#include <algorithm>

#include "base/log.h"
#include "tools/backup/vault_file.h"
#include "tools/control/envelope.h"
#include "tools/packager/glob.h"

namespace oracxfs {
namespace {

constexpr std::size_t kRowsAtOnce = 500;
constexpr std::size_t kIndexBytesMax = 32u << 20;  // a larger list of members is read from the package when wanted

// Its size is all that is known of a package that is not there.
class NoBytes final : public RangeReader {
  public:
    explicit NoBytes(std::uint64_t size) : size_(size) {}
    [[nodiscard]] std::uint64_t size() const override { return size_; }
    Status read_at(const OpContext&, std::uint64_t, std::span<std::byte>) override {
        return fail(Errc::unavailable, "read the package", "only its list of members is known here");
    }

  private:
    const std::uint64_t size_;
};

std::string_view kind_of(const PackageEntry& entry) {
    switch (entry.kind) {
        case PackageEntry::Kind::file: return "file";
        case PackageEntry::Kind::folder: return "folder";
        case PackageEntry::Kind::symlink: return "symlink";
        case PackageEntry::Kind::other: break;
    }
    return "other";
}

Json report(const PackageEntry& entry) {
    Json json = Json::object();
    set_bytes(json, "name", entry.name);
    json.set("kind", kind_of(entry));
    json.set("size", entry.size);
    json.set("compressed", entry.compressed);
    json.set("mtime", format_utc(wall_from_ms(entry.mtime_s * 1'000)));
    json.set("mode", std::int64_t{entry.mode & 07777});
    json.set("encrypted", entry.aes_strength != 0);
    json.set("refused", entry.refused.empty() ? Json() : Json(entry.refused));
    return json;
}

// Not what was kept for another content of the same name, and not what a slip of the disk left.
bool is_usable(const PackageReader& reader) { return !reader.entries().empty(); }

}  // namespace

Result<std::unique_ptr<PackageReader>> open_known_index(Catalog& catalog, const NodeRow& package) {
    ORACX_TRY(auto index, catalog.package_index(package.version));
    if (!index || index->empty()) return std::unique_ptr<PackageReader>();
    PackageReaderOptions options;
    options.directory_bytes = std::move(*index);
    auto reader = PackageReader::open({}, std::make_shared<NoBytes>(package.size), std::move(options));
    if (reader && is_usable(**reader)) return reader;
    log::warn("backup", "the list of members kept for " + package.name + " is of no use, it is read again");
    return std::unique_ptr<PackageReader>();
}

Result<std::unique_ptr<PackageReader>> open_package(const BackupEnvironment& environment, const PackageInfo& package, const std::string& from,
                                                    std::optional<WipedString> passphrase, const OpContext& ctx) {
    if (!from.empty() && environment.config()->provider(from) == nullptr)
        return fail(Errc::not_found, "restore from " + from, "there is no provider of that name");
    const std::string path = from.empty() ? package.node.name : from + "/" + package.node.name;
    auto content = VaultReader::open(environment.filesystem, path);
    if (!content && content.error().code == Errc::not_found && !from.empty())
        return fail(Errc::not_found, "restore from " + from, "it holds no copy of " + package.node.name);
    if (!content) return fail(std::move(content).error());
    ORACX_TRY(const auto known, open_known_index(environment.catalog, package.node));
    PackageReaderOptions options;
    if (passphrase) options.passphrase.emplace(std::move(passphrase->value));
    if (known) options.directory_bytes = known->directory_bytes();
    ORACX_TRY(auto reader, PackageReader::open(ctx, std::move(*content), std::move(options)));
    if (!known) {
        const std::string bytes = reader->directory_bytes();
        if (bytes.size() <= kIndexBytesMax)
            if (const Status kept = environment.catalog.keep_package_index(package.node.version, bytes); !kept)
                log::warn("backup", "list of members of " + package.node.name + " not kept: " + kept.error().to_string());
    }
    return reader;
}

Result<std::optional<WipedString>> stored_passphrase(const BackupEnvironment& environment) {
    auto secret = environment.secret(kPackagePassphrase);
    if (secret) return std::optional<WipedString>(std::in_place, std::move(*secret));
    if (secret.error().code == Errc::not_found) return std::optional<WipedString>();
    return fail(std::move(secret).error());
}

Result<Json> report_members(const PackageReader& reader, const PackageInfo& package, const std::string& path, const Emit& emit) {
    std::string wish = path;
    while (wish.size() > 1 && wish.ends_with('/')) wish.pop_back();
    const GlobList globs = wish.empty() ? GlobList() : GlobList({wish});
    std::vector<const PackageEntry*> list;
    for (const PackageEntry& entry : reader.entries()) {
        std::string_view name = entry.name;
        if (name.ends_with('/')) name.remove_suffix(1);
        const bool below = name.size() > wish.size() && name.starts_with(wish) && name[wish.size()] == '/';
        if (wish.empty() || name == wish || below || globs.matches(name, entry.kind == PackageEntry::Kind::folder)) list.push_back(&entry);
    }
    if (list.empty() && !wish.empty()) return fail(Errc::not_found, "find " + wish, package.node.name + " has no such member");
    std::sort(list.begin(), list.end(), [](const PackageEntry* a, const PackageEntry* b) { return a->name < b->name; });
    Json batch = Json::array();
    std::uint64_t bytes = 0;
    const auto send = [&] {
        if (!batch.items().empty()) emit(Json::object({{"type", "rows"}, {"rows", std::exchange(batch, Json::array())}}));
    };
    for (const PackageEntry* entry : list) {
        bytes += entry->size;
        batch.push(report(*entry));
        if (batch.items().size() == kRowsAtOnce) send();
    }
    send();
    Json json = Json::object({{"count", list.size()}, {"bytes", bytes}});
    set_bytes(json, "package", package.node.name);
    return json;
}

}  // namespace oracxfs
