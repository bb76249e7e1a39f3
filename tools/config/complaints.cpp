#include "tools/config/complaints.h"

#include <fmt/format.h>

#include <algorithm>

namespace oracxfs {

std::string shown_value(const Json& value) {
    std::string text = value.dump();
    if (text.size() > 60) text = text.substr(0, 57) + "...";
    return text;
}

Complaints must_be(std::string_view what, const Json& value, std::string hint) {
    return {{fmt::format("must be {}, not {}", what, shown_value(value)), std::move(hint), {}}};
}

Complaints check_objects(const Json& value, std::span<const Setting> keys) {
    if (!value.is_array()) return must_be("a list of objects in [ ]", value);
    Complaints complaints;
    for (std::size_t i = 0; i < value.items().size(); ++i) {
        const Json& item = value.items()[i];
        const std::string at = std::to_string(i);
        if (!item.is_object()) {
            complaints.push_back({"must hold objects in { }, not " + shown_value(item), {}, at});
            continue;
        }
        std::vector<Candidate> known;
        for (const Setting& key : keys) {
            add_candidates(known, key.path, key.also_known_as);
            if (key.fallback.empty() && item.find(key.path) == nullptr)
                complaints.push_back({fmt::format("has an entry without `{}`", key.path), {}, at});
        }
        for (const auto& [name, member] : item.members()) {
            if (name.starts_with("_comment")) continue;
            const std::string_view wanted = name;
            const auto key = std::find_if(keys.begin(), keys.end(), [&](const Setting& k) { return k.path == wanted; });
            if (key == keys.end()) {
                complaints.push_back({"has an entry with the unknown key `" + name + "`", suggestion(name, known), at + "/" + name});
                continue;
            }
            for (Complaint complaint : check_value(*key, member)) {
                complaint.message = fmt::format("has an entry whose `{}` {}", name, complaint.message);
                complaint.below = at + "/" + name + (complaint.below.empty() ? "" : "/" + complaint.below);
                complaints.push_back(std::move(complaint));
            }
        }
    }
    return complaints;
}

}  // namespace oracxfs
