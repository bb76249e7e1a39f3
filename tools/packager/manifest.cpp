#include "tools/packager/manifest.h"

#include <fmt/format.h>

#include <charconv>

#include "tools/packager/zip_format.h"

namespace oracxfs {
namespace {

constexpr std::string_view kFormat = "oracxfs-package";
constexpr std::int64_t kFormatVersion = 1;
constexpr std::size_t kTextBytesMax = 512u << 20;
constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void set_text(Json& object, const std::string& key, const std::string& value) {
    if (zip::is_utf8(value)) object.set(key, value);
    else object.set(key + "_b64", to_base64(value));
}

std::string text_of(const Json& object, const std::string& key) {
    if (const Json* encoded = object.find(key + "_b64")) return from_base64(encoded->as_string()).value_or("");
    return object[key].as_string();
}

}  // namespace

void ManifestWriter::add(const std::string& name, const ManifestMember& member) {
    Json line = Json::object();
    set_text(line, "name", name);
    if (member.is_symlink) line.set("type", "symlink");
    if (member.sha256) line.set("size", member.size);
    line.set("mtime_ns", member.mtime_ns);
    line.set("mode", fmt::format("{:04o}", member.mode & 07777u));
    if (member.sha256) line.set("sha256", to_hex(*member.sha256));
    if (member.changed_while_read) line.set("changed_while_read", true);
    members_ += members_.empty() ? "\n" : ",\n";
    members_ += line.dump();
}

ManifestWriter::Parts ManifestWriter::finish(const PackageRequest& request, const PackagePlan& plan, const ProblemList& problems,
                                             std::uint64_t files, std::uint64_t bytes) {
    Json sources = Json::array();
    for (const PlannedSource& source : plan.sources) {
        Json entry = Json::object();
        set_text(entry, "name", source.name);
        entry.set("kind", source.config.kind);
        if (source.config.kind != "command") set_text(entry, "path", source.config.path);
        sources.push(std::move(entry));
    }
    Json list = Json::array();
    for (const PackageProblem& problem : problems.problems()) {
        Json entry = Json::object();
        set_text(entry, "path", problem.path);
        entry.set("what", to_string(problem.what)).set("why", problem.why);
        list.push(std::move(entry));
    }
    constexpr std::string_view kWords[] = {"max", "balanced", "store"};
    Json head = Json::object({{"format", kFormat},
                              {"format_version", kFormatVersion},
                              {"created", format_utc(request.now)},
                              {"machine", request.instance},
                              {"version", request.version},
                              {"compression", kWords[static_cast<std::size_t>(request.compression)]},
                              {"encryption", request.passphrase ? "aes256" : "none"},
                              {"sources", std::move(sources)},
                              {"totals", Json::object({{"files", files}, {"bytes", bytes}})},
                              {"problems", std::move(list)},
                              {"problem_count", problems.total()}});
    std::string text = head.dump_pretty();
    text.resize(text.rfind('\n', text.rfind('}')));  // the members follow inside the same object
    text += ",\n  \"members\": [";
    text += members_;
    text += "\n  ]\n}\n";
    members_ = {};
    return {std::move(text), std::move(head)};
}

Result<Manifest> parse_manifest(std::string_view text) {
    ORACX_TRY(Json json, parse_json(text, {kTextBytesMax, 64, false}));
    if (json["format"].as_string() != kFormat) return fail(Errc::invalid, "read the manifest", "it is not the manifest of a package");
    if (json["format_version"].as_int() != kFormatVersion)
        return fail(Errc::invalid, "read the manifest", "the package was made by a later version of oracxfs");
    Manifest manifest;
    manifest.members.reserve(json["members"].items().size());
    for (const Json& line : json["members"].items()) {
        ManifestMember member;
        const std::int64_t size = line["size"].as_int();
        const std::string& mode = line["mode"].as_string();
        member.size = size < 0 ? 0 : static_cast<std::uint64_t>(size);
        member.mtime_ns = line["mtime_ns"].as_int();
        std::from_chars(mode.data(), mode.data() + mode.size(), member.mode, 8);
        member.sha256 = sha256_from_hex(line["sha256"].as_string());
        member.is_symlink = line["type"].as_string() == "symlink";
        member.changed_while_read = line["changed_while_read"].as_bool();
        if (!manifest.members.emplace(text_of(line, "name"), member).second)
            return fail(Errc::invalid, "read the manifest", "it names a member twice");
    }
    json.erase("members");
    manifest.head = std::move(json);
    return manifest;
}

std::string to_base64(std::string_view bytes) {
    std::string text;
    for (std::size_t at = 0; at < bytes.size(); at += 3) {
        const auto byte = [&](std::size_t i) { return at + i < bytes.size() ? static_cast<unsigned char>(bytes[at + i]) : 0u; };
        const unsigned group = byte(0) << 16 | byte(1) << 8 | byte(2);
        for (unsigned i = 0; i < 4; ++i) text += at + i > bytes.size() ? '=' : kDigits[group >> (18 - 6 * i) & 63];
    }
    return text;
}

std::optional<std::string> from_base64(std::string_view text) {
    if (text.size() % 4 != 0) return std::nullopt;
    while (text.ends_with('=')) text.remove_suffix(1);
    std::string bytes;
    unsigned group = 0, bits = 0;
    for (const char c : text) {
        const std::size_t digit = kDigits.find(c);
        if (digit == std::string_view::npos) return std::nullopt;
        group = (group << 6 | static_cast<unsigned>(digit)) & 0xffffffu;
        bits += 6;
        if (bits < 8) continue;
        bits -= 8;
        bytes += static_cast<char>(group >> bits & 0xff);
    }
    return bytes;
}

}  // namespace oracxfs
