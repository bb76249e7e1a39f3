#include "tools/admin/router.h"

#include <algorithm>

#include "base/assert.h"

namespace oracxfs {
namespace {

std::vector<std::string> split_pattern(std::string_view pattern) {
    std::vector<std::string> parts;
    ORACX_ASSERT(pattern.starts_with('/'));
    for (pattern.remove_prefix(1); !pattern.empty();) {
        const std::size_t slash = std::min(pattern.find('/'), pattern.size());
        parts.emplace_back(pattern.substr(0, slash));
        pattern.remove_prefix(std::min(slash + 1, pattern.size()));
    }
    return parts;
}

bool is_parameter(std::string_view part) { return part.starts_with('{'); }

}  // namespace

const std::string& ApiCall::param(std::string_view name) const {
    static const std::string none;
    const auto found = params.find(name);
    return found == params.end() ? none : found->second;
}

void Router::add(Route route) {
    patterns_.push_back(split_pattern(route.pattern));
    if (route.command.empty()) {  // "/runs/{run}/cancel" -> "runs cancel"
        for (const std::string& part : patterns_.back())
            if (!is_parameter(part)) route.command += (route.command.empty() ? "" : " ") + part;
    }
    routes_.push_back(std::move(route));
}

Router::Match Router::find(std::string_view method, const std::vector<std::string>& segments) const {
    Match best;
    std::size_t best_words = 0;
    for (std::size_t i = 0; i < routes_.size(); ++i) {
        const std::vector<std::string>& pattern = patterns_[i];
        if (pattern.size() != segments.size()) continue;
        Match match;
        std::size_t words = 0;
        bool fits = true;
        for (std::size_t part = 0; fits && part < pattern.size(); ++part) {
            if (is_parameter(pattern[part])) {
                fits = !segments[part].empty();
                match.params.emplace(pattern[part].substr(1, pattern[part].size() - 2), segments[part]);
            } else {
                fits = pattern[part] == segments[part];
                words += 1;
            }
        }
        if (!fits) continue;
        const Route& route = routes_[i];
        best.allowed.push_back(route.method);
        if (route.method != method && !(route.method == "GET" && method == "HEAD")) continue;
        if (best.route != nullptr && words <= best_words) continue;  // "/providers/test" goes before "/providers/{name}"
        best.route = &route;
        best.params = std::move(match.params);
        best_words = words;
    }
    return best;
}

}  // namespace oracxfs
