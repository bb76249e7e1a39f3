#include "tools/backup/packages.h"

#include <algorithm>
#include <map>
#include <span>

#include "tools/control/envelope.h"
#include "tools/scheduler/package_name.h"

namespace oracxfs {

std::uint32_t PackageInfo::verified() const {
    return static_cast<std::uint32_t>(std::count_if(copies.begin(), copies.end(), [](const PackageCopyInfo& c) { return c.row.state == ReplicaState::verified; }));
}

Result<std::vector<PackageInfo>> list_packages(Catalog& catalog, const Config& config) {
    const std::string& prefix = config.backup.name_prefix;
    ORACX_TRY(const auto known, catalog.packages());
    std::map<NodeId, PackageRow> rows;
    for (const PackageRow& row : known) rows.emplace(row.node, row);
    ORACX_TRY(const auto providers, catalog.providers());
    ORACX_TRY(const auto children, catalog.children(kRootNode));
    // All at once: asked for one by one they would be most of what a page of ten thousand backups costs.
    ORACX_TRY(const auto replicas, catalog.replicas_in(kRootNode));
    // Not std::ranges::equal_range: clang 14 cannot read libstdc++'s subrange.
    const auto copies_of = [&](VersionId version) -> std::span<const ReplicaRow> {
        const auto begin = std::partition_point(replicas.begin(), replicas.end(), [&](const ReplicaRow& row) { return row.version.value < version.value; });
        const auto end = std::partition_point(begin, replicas.end(), [&](const ReplicaRow& row) { return row.version.value == version.value; });
        return {begin, end};
    };
    std::vector<PackageInfo> list;
    for (const NodeRow& node : children) {
        if (node.kind != NodeKind::file || !node.version || node.torn || node.local_only) continue;
        const auto time = parse_package_name(prefix, node.name);
        if (!time) continue;
        PackageInfo& package = list.emplace_back();
        package.node = node;
        package.time = *time;
        if (const auto found = rows.find(node.id); found != rows.end() && found->second.version == node.version) package.row = found->second;
        const auto copies = copies_of(node.version);
        for (const ProviderRow& provider : providers) {
            if (!provider.active) continue;
            PackageCopyInfo& copy = package.copies.emplace_back();
            copy.provider = provider.name;
            copy.row.state = ReplicaState::missing;
            for (const ReplicaRow& row : copies)
                if (row.provider == provider.id) copy.row = row;
        }
    }
    std::sort(list.begin(), list.end(), [](const PackageInfo& a, const PackageInfo& b) { return std::tie(a.time, a.node.name) > std::tie(b.time, b.node.name); });
    return list;
}

Result<PackageInfo> find_package(Catalog& catalog, const Config& config, const std::string& word) {
    ORACX_TRY(auto list, list_packages(catalog, config));
    const auto not_there = [&](std::string why) { return fail(Error(Errc::not_found, "find backup " + word, std::move(why))); };
    if (list.empty()) return not_there("there is none yet; `oracxfs sync` makes one");
    if (word == "latest") return list.front();
    std::vector<const PackageInfo*> fits;
    for (const PackageInfo& package : list) {
        if (package.node.name == word) return package;
        if (!word.empty() && package.node.name.find(word) != std::string::npos) fits.push_back(&package);
    }
    if (fits.size() == 1) return *fits.front();
    if (fits.empty()) return not_there("no backup has that name; see `oracxfs backups list`");
    return fail(Errc::invalid, "find backup " + word, std::to_string(fits.size()) + " backups fit, for instance " + fits[0]->node.name + " and " + fits[1]->node.name);
}

Json package_report(const PackageInfo& package, const PackageDecision* decision) {
    Json json = Json::object();
    set_bytes(json, "name", package.node.name);
    json.set("time", format_utc(package.time));
    json.set("size", package.node.size);
    json.set("ours", package.row.has_value());
    json.set("run", package.row && package.row->run > 0 ? Json("r-" + std::to_string(package.row->run)) : Json());
    json.set("members", package.row ? Json(package.row->members) : Json());
    json.set("bytes_in", package.row ? Json(package.row->bytes_in) : Json());
    json.set("encrypted", package.row ? Json(package.row->encrypted) : Json());
    json.set("pinned", package.row && package.row->pinned);
    json.set("label", package.row ? package.row->label : std::string());
    json.set("copies", Json::object({{"wanted", static_cast<std::int64_t>(package.copies.size())}, {"verified", std::int64_t{package.verified()}}}));
    Json replicas = Json::array();
    for (const PackageCopyInfo& copy : package.copies) {
        Json item = Json::object({{"provider", copy.provider}, {"state", to_string(copy.row.state)}});
        item.set("verified_at", copy.row.verified_at ? Json(format_utc(*copy.row.verified_at)) : Json());
        item.set("rev", copy.row.remote_rev.empty() ? Json() : Json(copy.row.remote_rev));
        std::string error = copy.row.error_code;
        if (!copy.row.error_text.empty()) error += (error.empty() ? "" : " ") + copy.row.error_text;
        item.set("error", error.empty() ? Json() : Json(error));
        replicas.push(std::move(item));
    }
    json.set("replicas", std::move(replicas));
    if (decision != nullptr) {
        Json reasons = Json::array();
        for (const RetentionNote& note : decision->notes) reasons.push(note.text);
        json.set(decision->fate == PackageFate::keep ? "kept_because" : "removed_because", std::move(reasons));
        json.set("fate", decision->fate == PackageFate::keep ? "keep" : decision->fate == PackageFate::held ? "held" : "remove");
    }
    return json;
}

}  // namespace oracxfs
