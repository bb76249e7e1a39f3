// How Dropbox reads arguments and words errors.

#include <algorithm>

#include "tests/emulators/dropbox_state.h"

namespace oracxfs::test {
namespace {

bool is_hex(std::string_view text) {
    return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// "2015-05-12T15:50:38Z", nothing else.
bool is_timestamp(std::string_view text) {
    static constexpr std::string_view kShape = "dddd-dd-ddTdd:dd:ddZ";
    if (text.size() != kShape.size()) return false;
    for (std::size_t i = 0; i < text.size(); ++i)
        if (kShape[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != kShape[i]) return false;
    return true;
}

void add_tags(const Json& error, std::string& summary) {
    const std::string& name = error[".tag"].as_string();
    if (name.empty()) {
        if (error["reason"].is_object()) add_tags(error["reason"], summary);
        return;
    }
    summary += name + "/";
    if (error[name].is_object()) return add_tags(error[name], summary);
    if (error["reason"].is_object()) add_tags(error["reason"], summary);
}

}  // namespace

Json tag(std::string_view name) { return Json::object({{".tag", name}}); }
Json tag(std::string_view name, Json value) {
    return Json::object({{".tag", name}, {std::string(name), std::move(value)}});
}

HttpsResponse dropbox_error(int status, const Json& error, std::mt19937_64& random) {
    std::string summary;
    add_tags(error, summary);
    summary += std::string("...").substr(0, random() % 4);
    return HttpsResponse::json(Json::object({{"error_summary", summary}, {"error", error}}).dump(), status);
}

Arguments::Arguments(const Json& json, std::string where) : json_(json), where_(std::move(where)) {
    if (!json.is_object()) throw BadCall{where_ + ": expected object, got something else"};
}

void Arguments::refuse(std::string_view name, const std::string& why) const {
    throw BadCall{where_ + ": " + std::string(name) + ": " + why};
}

void Arguments::done() const {
    for (const auto& [name, value] : json_.members())
        if (!read_.contains(name)) throw BadCall{where_ + ": unknown field '" + name + "'"};
}

const Json& Arguments::value(std::string_view name) {
    read_.emplace(name);
    return json_[name];
}

bool Arguments::has(std::string_view name) { return !value(name).is_null(); }

std::string Arguments::text(std::string_view name, std::optional<std::string> fallback) {
    const Json& found = value(name);
    if (found.is_null() && fallback) return *fallback;
    if (found.is_null()) throw BadCall{where_ + ": missing required field '" + std::string(name) + "'"};
    if (!found.is_string()) refuse(name, "expected string");
    return found.as_string();
}

bool Arguments::flag(std::string_view name, bool fallback) {
    const Json& found = value(name);
    if (found.is_null()) return fallback;
    if (!found.is_bool()) refuse(name, "expected boolean");
    return found.as_bool();
}

std::int64_t Arguments::number(std::string_view name, std::int64_t least, std::int64_t most,
                               std::optional<std::int64_t> fallback) {
    const Json& found = value(name);
    if (found.is_null() && fallback) return *fallback;
    if (!found.is_int()) refuse(name, "expected integer");
    if (found.as_int() < least || found.as_int() > most)
        refuse(name, std::to_string(found.as_int()) + " is not within range " + std::to_string(least) + " to " +
                         std::to_string(most));
    return found.as_int();
}

std::string Arguments::choice(std::string_view name, const std::vector<std::string>& tags, const std::string& fallback) {
    const Json& found = value(name);
    if (found.is_null()) return fallback;
    const std::string chosen = found.is_string() ? found.as_string() : found[".tag"].as_string();
    if (std::find(tags.begin(), tags.end(), chosen) == tags.end()) refuse(name, "invalid union tag");
    return chosen;
}

Arguments Arguments::structure(std::string_view name) { return {value(name), where_ + ": " + std::string(name)}; }

std::string Arguments::path(std::string_view name, unsigned allowed) {
    std::string text = this->text(name);
    if (text == "/" && (allowed & kRoot) != 0)
        refuse(name, "Specify the root folder as an empty string rather than as \"/\".");
    const std::string_view view(text);
    bool fits = (allowed & kPath) != 0 && view.starts_with('/');
    fits = fits || (view.empty() && (allowed & kRoot) != 0);
    fits = fits || (view.starts_with("id:") && view.size() > 3 && (allowed & kId) != 0);
    fits = fits || (view.starts_with("rev:") && view.size() >= 13 && is_hex(view.substr(4)) && (allowed & kRev) != 0);
    if (view.starts_with("ns:")) {
        const auto slash = view.find('/');
        const std::string_view digits = view.substr(3, slash == std::string_view::npos ? slash : slash - 3);
        fits = !digits.empty() && digits.find_first_not_of("0123456789") == std::string_view::npos;
    }
    if (!fits) refuse(name, "'" + text + "' did not match pattern '(/(.|[\\r\\n])*)|(ns:[0-9]+(/.*)?)|(id:.*)'");
    return text;
}

std::string read_hash(Arguments& arguments) {
    std::string hash = arguments.text("content_hash", "");
    if (!hash.empty() && (hash.size() != 64 || !is_hex(hash)))
        arguments.refuse("content_hash", "expected 64 hexadecimal digits");
    return hash;
}

DropboxCommit read_commit(Arguments arguments, bool with_hash) {
    DropboxCommit commit;
    commit.path = arguments.path("path", Arguments::kPath);
    const Json& mode = arguments.value("mode");
    commit.mode = arguments.choice("mode", {"add", "overwrite", "update"}, "add");
    if (commit.mode == "update") {
        commit.rev = mode["update"].as_string();
        if (!mode.is_object() || commit.rev.size() < 9 || !is_hex(commit.rev))
            arguments.refuse("mode", "'" + commit.rev + "' did not match pattern '[0-9a-f]{9,}'");
    }
    if (mode.is_object())
        for (const auto& [name, value] : mode.members())
            if (name != ".tag" && name != commit.mode) arguments.refuse("mode", "unknown field '" + name + "'");
    commit.autorename = arguments.flag("autorename", false);
    commit.strict_conflict = arguments.flag("strict_conflict", false);
    (void)arguments.flag("mute", false);
    commit.client_modified = arguments.text("client_modified", "");
    if (!commit.client_modified.empty() && !is_timestamp(commit.client_modified))
        arguments.refuse("client_modified",
                         "time data '" + commit.client_modified + "' does not match format '%Y-%m-%dT%H:%M:%SZ'");
    if (with_hash) (void)read_hash(arguments);
    arguments.done();
    return commit;
}

}  // namespace oracxfs::test
