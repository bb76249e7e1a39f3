#include "tools/backup/restore_run.h"

#include <algorithm>

#include "base/log.h"
#include "tools/backup/backup_run.h"
#include "tools/control/envelope.h"

namespace oracxfs {
namespace {

using What = RestoreItem::What;

constexpr Millis kEventPause{200};
constexpr std::size_t kRowsAtOnce = 500;
constexpr std::size_t kProblemsTold = 1'000;
constexpr std::size_t kProblemsKept = 200;  // in the run's row

Json problem_list(const std::vector<RestoreItem>& problems, std::size_t max) {
    Json list = Json::array();
    for (const RestoreItem& item : problems) {
        if (list.items().size() == max) break;
        Json json = Json::object({{"what", to_string(item.what)}, {"why", item.why}});
        set_bytes(json, "name", item.name);
        list.push(std::move(json));
    }
    return list;
}

std::uint64_t count(const RestoreReport& report, What what) {
    return static_cast<std::uint64_t>(std::count_if(report.problems.begin(), report.problems.end(), [&](const RestoreItem& item) { return item.what == what; }));
}

// Damage first: it says most about the package.
std::optional<Errc> worst_of(const RestoreReport& report) {
    if (count(report, What::damaged) + count(report, What::missing) > 0) return Errc::corrupt;
    if (count(report, What::failed) > 0) return Errc::partial;
    if (count(report, What::refused) > 0) return Errc::refused;
    if (count(report, What::unmatched) > 0) return Errc::not_found;
    return std::nullopt;
}

Json outcome_of(const RestoreReport& report, const PackageInfo& package, const RestoreRequest& request) {
    Json json = Json::object({{"files", report.files}, {"folders", report.folders}, {"bytes", report.bytes}, {"kept", report.kept}});
    set_bytes(json, "package", package.node.name);
    set_bytes(json, "to", request.options.to);
    json.set("from", request.from.empty() ? Json() : Json(request.from));
    json.set("verified", report.verified);
    json.set("has_manifest", report.has_manifest);
    json.set("dry_run", request.options.dry_run);
    json.set("problem_count", report.problems.size());
    json.set("problems", problem_list(report.problems, kProblemsTold));
    const auto worst = worst_of(report);
    json.set("code", worst ? Json(info(*worst).e_code) : Json());
    return json;
}

void send_plan(const RestoreReport& report, const Emit& emit) {
    Json batch = Json::array();
    const auto send = [&] {
        if (!batch.items().empty()) emit(Json::object({{"type", "rows"}, {"rows", std::exchange(batch, Json::array())}}));
    };
    for (const RestoreItem& item : report.plan) {
        Json row = Json::object({{"what", to_string(item.what)}});
        set_bytes(row, "name", item.name);
        batch.push(std::move(row));
        if (batch.items().size() == kRowsAtOnce) send();
    }
    send();
}

Status use_stored_passphrase(const BackupEnvironment& env, RestoreRequest& request) {
    if (request.passphrase) return {};
    ORACX_TRY(auto stored, stored_passphrase(env));
    if (stored) request.passphrase.emplace(std::move(stored->value));
    return {};
}

Result<RestoreReport> restore(const BackupEnvironment& env, RestoreRequest& request, const PackageInfo& package, const OpContext& ctx, const Emit& emit) {
    ORACX_TRYV(use_stored_passphrase(env, request));
    std::optional<WipedString> passphrase;
    if (request.passphrase) passphrase.emplace(request.passphrase->value);
    ORACX_TRY(const auto reader, open_package(env, package, request.from, std::move(passphrase), ctx));
    SteadyTime next_event{};
    return restore_package(ctx, *reader, request.options, [&](const RestoreProgress& progress) {
        const SteadyTime now = env.clock.steady();
        if (now < next_event) return;
        next_event = now + kEventPause;
        Json event = Json::object({{"type", "progress"},
                                   {"phase", "restoring"},
                                   {"bytes", progress.bytes_done},
                                   {"total", progress.bytes_total},
                                   {"members", progress.members_done},
                                   {"members_total", progress.members_total}});
        set_bytes(event, "current", progress.current);
        emit(event);
    });
}

void tell(const BackupEnvironment& env, const RunRow& row) {
    EventRow event;
    event.kind = "restore";
    event.path = row.package;
    event.code = row.error_code;
    event.level = row.state == RunState::succeeded ? "info" : row.state == RunState::failed ? "error" : "warning";
    event.message = "run " + run_name(row.id) + " " + std::string(to_string(row.state)) + ", " + std::to_string(row.members) + " files restored";
    if (!row.error_text.empty()) event.message += ": " + row.error_text;
    if (const Status kept = env.catalog.append_event(event); !kept) log::warn("backup", "event not kept: " + kept.error().to_string());
}

}  // namespace

Result<Json> run_restore(const BackupEnvironment& env, RestoreRequest request, const OpContext& ctx, const Emit& emit) {
    ORACX_TRY(const PackageInfo package, find_package(env.catalog, *env.config(), request.backup));
    if (request.options.dry_run) {
        ORACX_TRY(const RestoreReport report, restore(env, request, package, ctx, emit));
        send_plan(report, emit);
        return outcome_of(report, package, request);
    }
    RunRow row;
    row.kind = "restore";
    row.package = package.node.name;
    row.started = env.clock.wall();
    ORACX_TRY(row.id, env.catalog.begin_run(row));
    const auto report = restore(env, request, package, ctx, emit);
    row.ended = env.clock.wall();
    Json detail = Json::object({{"from", request.from.empty() ? Json() : Json(request.from)}});
    set_bytes(detail, "to", request.options.to);
    if (report) {
        row.members = report->files;
        row.bytes_out = report->bytes;
        detail.set("verified_files", report->verified);
        detail.set("problem_count", report->problems.size());
        detail.set("problems", problem_list(report->problems, kProblemsKept));
        const auto worst = worst_of(*report);
        row.state = !worst ? RunState::succeeded : report->files > 0 ? RunState::partial : RunState::failed;
        if (worst) {
            row.error_code = info(*worst).e_code;
            row.error_text = std::to_string(report->problems.size()) + " members were not restored";
        }
    } else {
        row.state = report.error().code == Errc::cancelled ? RunState::cancelled : RunState::failed;
        row.error_code = info(report.error().code).e_code;
        row.error_text = log::redact(report.error().to_string());
    }
    row.detail = detail.dump();
    ORACX_TRYV(env.catalog.update_run(row));
    tell(env, row);
    if (!report) return fail(report.error());
    Json answer = outcome_of(*report, package, request);
    answer.set("run", run_name(row.id));
    return answer;
}

Result<Json> stream_member(const BackupEnvironment& env, RestoreRequest request, const OpContext& ctx, const Emit& emit) {
    if (request.options.paths.size() != 1) return fail(Errc::invalid, "restore to the standard output", "name exactly one member");
    const std::string& name = request.options.paths.front();
    ORACX_TRY(const PackageInfo package, find_package(env.catalog, *env.config(), request.backup));
    ORACX_TRYV(use_stored_passphrase(env, request));
    ORACX_TRY(const auto reader, open_package(env, package, request.from, std::move(request.passphrase), ctx));
    const PackageEntry* entry = reader->find(name);
    if (entry == nullptr && reader->find(name + "/") != nullptr) return fail(Errc::is_directory, "restore " + name, "a folder has no content of its own");
    if (entry == nullptr) return fail(Errc::not_found, "restore " + name, package.node.name + " has no such member");
    ORACX_TRY(const auto extracted, reader->extract(ctx, *entry, [&](ByteSpan data) -> Status {
        emit(Json::object({{"type", "data"}, {"b64", to_base64({reinterpret_cast<const char*>(data.data()), data.size()})}}));
        return {};
    }));
    bool verified = false;
    if (request.options.verify && name != kManifestName) {
        const auto manifest = reader->manifest(ctx);
        if (!manifest && manifest.error().code != Errc::not_found) return fail(manifest.error());
        if (manifest) {
            const auto member = (*manifest)->members.find(name);
            verified = member != (*manifest)->members.end() && member->second.sha256;
            if (verified && *member->second.sha256 != extracted.sha256) return fail(Errc::corrupt, "restore " + name, "its SHA-256 is not the manifest's");
        }
    }
    return Json::object({{"bytes", extracted.bytes}, {"sha256", to_hex(extracted.sha256)}, {"verified", verified}});
}

Result<RestoreRequest> restore_request_from(const Json& args) {
    RestoreRequest request;
    request.backup = args["backup"].as_string();
    request.from = args["from"].as_string();
    request.options.to = get_bytes(args, "to");
    for (const Json& path : args["paths"].items()) request.options.paths.push_back(get_bytes(path, "path"));
    const std::string& overwrite = args["overwrite"].as_string();
    if (overwrite == "always")
        request.options.overwrite = RestoreOptions::Overwrite::always;
    else if (overwrite == "if-newer")
        request.options.overwrite = RestoreOptions::Overwrite::if_newer;
    else if (!overwrite.empty() && overwrite != "never")
        return fail(Errc::invalid, "restore", "overwrite is never, if-newer or always");
    request.options.verify = args["verify"].as_bool(true);
    request.options.dry_run = args["dry_run"].as_bool();
    if (const std::string& passphrase = args["passphrase"].as_string(); !passphrase.empty()) {
        log::redact_value(passphrase);
        request.passphrase.emplace(passphrase);
    }
    return request;
}

}  // namespace oracxfs
