#pragma once
// What the catalogue holds, too simple to be wrong: maps in memory, searched from end to end.

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cache/catalog.h"

namespace oracxfs::test {

using ModelKey = std::pair<std::int64_t, std::int64_t>;  // (version or node, provider)

struct ModelNode {
    std::int64_t parent = 0;
    std::string name;
    bool directory = false;
    std::int64_t version = 0;
    std::uint64_t size = 0;
    bool local_only = false;
    bool torn = false;
};
struct ModelVersion {
    std::int64_t node = 0;  // 0: removed
    VersionFate fate = VersionFate::current;
    WallTime doomed_at;
    std::uint64_t size = 0;
};
struct ModelRow {
    ReplicaState state = ReplicaState::queued;
    std::string key, intent;
};
struct ModelDirectory {
    std::string key;
    bool wanted = true;
};

struct Model {
    std::map<std::int64_t, ModelNode> nodes;
    std::map<std::int64_t, ModelVersion> versions;
    std::map<ModelKey, ModelRow> rows;
    std::map<ModelKey, ModelDirectory> directories;
    std::map<std::int64_t, bool> providers;  // active?

    [[nodiscard]] std::string path(std::int64_t node) const {
        std::string text;
        for (; node != kRootNode.value; node = nodes.at(node).parent)
            text = text.empty() ? nodes.at(node).name : nodes.at(node).name + "/" + text;
        return text;
    }
    [[nodiscard]] std::string path_in(std::int64_t directory, const std::string& name) const {
        const std::string above = path(directory);
        return above.empty() ? name : above + "/" + name;
    }
    [[nodiscard]] std::vector<ProviderId> active() const {
        std::vector<ProviderId> all;
        for (const auto& [id, on] : providers)
            if (on) all.push_back({id});
        return all;
    }
    [[nodiscard]] std::int64_t at(const std::string& wanted) const {
        for (const auto& [id, node] : nodes)
            if (path(id) == wanted) return id;
        return 0;
    }
    [[nodiscard]] bool replicated(std::int64_t node) const {
        const ModelNode& found = nodes.at(node);
        return !found.directory && found.version != 0 && !found.local_only && !found.torn;
    }
    [[nodiscard]] bool wanted(std::int64_t version) const {
        const ModelVersion& found = versions.at(version);
        return found.node != 0 && nodes.at(found.node).version == version && replicated(found.node);
    }
    [[nodiscard]] bool verified(std::int64_t version, std::int64_t provider) const {
        const auto row = rows.find({version, provider});
        return row != rows.end() && row->second.state == ReplicaState::verified;
    }
    [[nodiscard]] bool successor_verified(std::int64_t version, std::int64_t provider) const {
        const ModelVersion& found = versions.at(version);
        if (found.fate == VersionFate::superseded && nodes.at(found.node).torn) return false;
        if (found.fate == VersionFate::superseded && replicated(found.node))
            return verified(nodes.at(found.node).version, provider);
        const std::int64_t there = at(rows.at({version, provider}).key);
        if (there == 0 || !replicated(there) || nodes.at(there).version == version) return true;
        return verified(nodes.at(there).version, provider);
    }
    void drop_empty_rows(std::int64_t version) {
        std::erase_if(rows, [&](const auto& row) {
            return row.first.first == version && row.second.key.empty() && row.second.intent.empty();
        });
    }
    void add_rows(std::int64_t version, const std::vector<ProviderId>& wanted) {
        for (const ProviderId provider : wanted) rows.try_emplace({version, provider.value});
    }
    [[nodiscard]] std::optional<std::int64_t> holder(std::int64_t provider, const std::string& key) const {
        for (const auto& [id, row] : rows)
            if (id.second == provider && row.key == key) return id.first;
        return std::nullopt;
    }
    void remove(std::int64_t node, WallTime now) {
        if (nodes.at(node).directory) {
            for (auto& [id, row] : directories)
                if (id.first == node) row.wanted = false;
        }
        for (auto& [id, version] : versions) {
            if (version.node != node) continue;
            drop_empty_rows(id);
            version.node = 0;
            version.fate = VersionFate::doomed;
            version.doomed_at = now;
        }
        nodes.erase(node);
    }
};

}  // namespace oracxfs::test
