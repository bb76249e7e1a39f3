// What is in a package: its members, one of them, the whole.

#include <algorithm>
#include <map>

#include "tools/admin/admin_context.h"
#include "tools/admin/download.h"
#include "tools/control/envelope.h"

namespace oracxfs {
namespace {

std::string lower(std::string_view text) {
    std::string result(text);
    std::transform(result.begin(), result.end(), result.begin(), [](unsigned char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : static_cast<char>(c); });
    return result;
}

std::string_view without_slash(std::string_view name) {
    while (name.ends_with('/')) name.remove_suffix(1);
    return name;
}

Result<std::string> package_name(const AdminContext& context, const ApiCall& call) {
    ORACX_TRY(const Json package, context.ask(call, "backups-show", Json::object({{"backup", call.param("id")}})));
    return get_bytes(package, "name");
}

// The members directly in `folder`, those of folders below it as one row each, whether or not the package names the folder.
Json direct_members(const Json& rows, const std::string& folder) {
    std::map<std::string, Json> found;
    const std::string prefix = folder.empty() ? "" : folder + "/";
    for (const Json& row : rows.items()) {
        const std::string whole = get_bytes(row, "name");
        const std::string_view name = without_slash(whole);
        if (!name.starts_with(prefix) || name.size() == prefix.size()) continue;
        const std::size_t slash = name.find('/', prefix.size());
        if (slash == std::string_view::npos) {
            found[std::string(name)] = row;
            continue;
        }
        Json below = Json::object();
        set_bytes(below, "name", name.substr(0, slash));
        for (const auto& [key, value] : std::initializer_list<std::pair<const char*, Json>>{{"kind", "folder"}, {"size", 0}, {"compressed", 0}, {"mtime", nullptr}, {"mode", nullptr}, {"encrypted", false}, {"refused", nullptr}})
            below.set(key, value);
        found.try_emplace(std::string(name.substr(0, slash)), std::move(below));
    }
    Json list = Json::array();
    for (const bool folders : {true, false})
        for (auto& [name, row] : found)
            if ((row["kind"].as_string() == "folder") == folders) list.push(row);
    return list;
}

Json matching_members(const Json& rows, const std::string& words) {
    Json list = Json::array();
    const std::string wanted = lower(words);
    for (const Json& row : rows.items())
        if (lower(get_bytes(row, "name")).find(wanted) != std::string::npos) list.push(row);
    return list;
}

Result<ApiAnswer> list_members(const AdminContext& context, const ApiCall& call) {
    ORACX_TRY(const std::int64_t limit, query_number(call.request, "limit", 500, 1, 5'000));
    ORACX_TRY(std::int64_t offset, query_number(call.request, "offset", 0, 0, 100'000'000));
    if (call.request.has_query("cursor")) {
        ORACX_TRY(offset, query_number(call.request, "cursor", 0, 0, 100'000'000));
    }
    const std::string folder(without_slash(query_bytes(call.request, "path")));
    const std::string words = call.request.query_value("q");
    ORACX_TRY(const std::string package, package_name(context, call));
    Json rows = Json::array();
    ORACX_TRYV(context.ask(call, "backups-files", Json::object({{"backup", package}, {"path", ""}}), &rows));
    const Json list = words.empty() ? direct_members(rows, folder) : matching_members(rows, words);
    if (list.items().empty() && words.empty() && !folder.empty()) return fail(Errc::not_found, "look into " + folder, "the backup has no such folder");
    Json page = Json::array();
    std::int64_t bytes = 0;
    const auto total = static_cast<std::int64_t>(list.items().size());
    for (std::int64_t i = 0; i < total; ++i) {
        const Json& row = list.items()[static_cast<std::size_t>(i)];
        bytes += row["size"].as_int();
        if (i >= offset && i < offset + limit) page.push(row);
    }
    return ApiAnswer(Json::object({{"files", std::move(page)}, {"count", total}, {"bytes", bytes}, {"next", offset + limit < total ? Json(std::to_string(offset + limit)) : Json()}}));
}

Result<ApiAnswer> send_member(const AdminContext& context, const ApiCall& call) {
    const std::string path = query_bytes(call.request, "path");
    if (path.empty()) return fail(Errc::invalid, "fetch a file", "path is missing");
    ORACX_TRY(const std::string package, package_name(context, call));
    if (!context.env.handlers.has("backups-restore")) return fail(Errc::unsupported, "fetch a file", "this program can't do it");
    Json wish = Json::object();
    set_bytes(wish, "path", path);
    Json args = Json::object({{"backup", package}, {"from", call.request.query_value("from")}, {"stream", true}, {"paths", Json::array().push(std::move(wish))}});
    ORACX_TRY(auto stream, HandlerDownload::begin(context.env.handlers, "backups-restore", std::move(args), context.readers));
    HttpResponse response;
    response.stream = std::move(stream);
    response.with("Content-Type", "application/octet-stream").with("Content-Disposition", attachment(path.substr(path.rfind('/') + 1))).with("Content-Security-Policy", "sandbox; default-src 'none'");
    return ApiAnswer(std::move(response));
}

Result<ApiAnswer> send_package(const AdminContext& context, const ApiCall& call) {
    ORACX_TRY(const Json package, context.ask(call, "backups-show", Json::object({{"backup", call.param("id")}})));
    const std::string name = get_bytes(package, "name");
    const std::string from = call.request.query_value("from");
    if (!from.empty() && context.env.config()->provider(from) == nullptr) return fail(Errc::not_found, "fetch from " + from, "there is no provider of that name");
    ORACX_TRY(auto file, context.env.open_file(from.empty() ? name : from + "/" + name));
    const std::uint64_t size = file->size();
    HttpResponse response;
    // A content is named by its hash, so that a download that goes on later goes on with the same.
    const std::string tag = "\"" + package["sha256"].as_string().substr(0, 32) + "\"";
    response.with("Content-Type", "application/zip").with("Content-Disposition", attachment(name)).with("Accept-Ranges", "bytes").with("ETag", tag).with("Content-Security-Policy", "sandbox; default-src 'none'");
    std::optional<ByteRange> range;
    if (const auto header = call.request.header("range"); header && call.request.header("if-range").value_or(tag) == tag) range = parse_range(*header, size);
    if (range && !range->satisfiable) {
        response.status = 416;
        response.with("Content-Range", "bytes */" + std::to_string(size));
        return ApiAnswer(std::move(response));
    }
    const std::uint64_t first = range ? range->first : 0, count = range ? range->last - range->first + 1 : size;
    if (range) {
        response.status = 206;
        response.with("Content-Range", "bytes " + std::to_string(first) + "-" + std::to_string(range->last) + "/" + std::to_string(size));
    }
    auto stream = std::make_shared<FileDownload>(std::move(file), first, count, context.readers);
    if (call.request.method != "HEAD") ORACX_TRYV(stream->begin());
    response.stream = std::move(stream);
    return ApiAnswer(std::move(response));
}

}  // namespace

void add_package_routes(Router& router, const AdminContext& context) {
    const auto bind = [&context](auto function) { return [&context, function](const ApiCall& call) { return function(context, call); }; };
    router.add({"GET", "/backups/{id}/files", Scope::read, bind(list_members), true});
    router.add({"GET", "/backups/{id}/file", Scope::read, bind(send_member), true});
    router.add({"GET", "/backups/{id}/download", Scope::read, bind(send_package), true});
}

}  // namespace oracxfs
