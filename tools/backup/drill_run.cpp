#include "tools/backup/drill_run.h"

#include <algorithm>
#include <map>

#include "base/log.h"
#include "tools/backup/backup_run.h"
#include "tools/backup/package_access.h"
#include "tools/control/envelope.h"
#include "tools/packager/package_reader.h"
#include "tools/packager/restore.h"
#include "tools/packager/temp_folder.h"

namespace oracxfs {
namespace {

constexpr Millis kEventPause{200};
constexpr std::size_t kProblemsKept = 200;
constexpr std::size_t kRunsLookedAt = 1'000;

// The bytes at the provider and no others: neither the local copy nor the block cache.
class CopyBytes final : public RangeReader {
  public:
    explicit CopyBytes(ReadCandidate copy) : copy_(std::move(copy)) {}
    [[nodiscard]] std::uint64_t size() const override { return copy_.object.size; }
    [[nodiscard]] std::uint64_t downloaded() const { return downloaded_; }
    Status read_at(const OpContext& ctx, std::uint64_t offset, std::span<std::byte> into) override {
        Status read = read_once(ctx, offset, into);
        if (read || read.error().code != Errc::changed || copy_.object.rev.empty()) return read;
        // It is not what we put there, yet the bytes may be: they decide.
        copy_.object.rev.clear();
        return read_once(ctx, offset, into);
    }

  private:
    Status read_once(const OpContext& ctx, std::uint64_t offset, std::span<std::byte> into) {
        std::size_t filled = 0;
        const Status read = copy_.via->read(ctx, copy_.object, offset, into.size(), [&](std::span<const std::byte> data) {
            const std::size_t take = std::min(data.size(), into.size() - filled);
            std::copy_n(data.begin(), take, into.begin() + static_cast<std::ptrdiff_t>(filled));
            filled += take;
            downloaded_ += data.size();
            return filled < into.size();
        });
        if (filled == into.size()) return {};
        if (!read) return read;
        return fail(Error(Errc::corrupt, "read " + copy_.object.key, "it is shorter than what was written").with_provider(copy_.name));
    }

    ReadCandidate copy_;
    std::uint64_t downloaded_ = 0;
};

class DrillWork {
  public:
    DrillWork(const BackupEnvironment& environment, DrillRequest request, const OpContext& ctx, const Emit& emit)
        : env_(environment), request_(std::move(request)), ctx_(ctx), emit_(emit) {}

    Result<Json> run() {
        ORACX_TRY(const PackageInfo package, find_package(env_.catalog, *env_.config(), request_.backup));
        ORACX_TRY(ReadCandidate copy, choose_copy(package));
        from_ = copy.name;
        row_.kind = "drill";
        row_.package = package.node.name;
        row_.started = env_.clock.wall();
        ORACX_TRY(row_.id, env_.catalog.begin_run(row_));
        const ProviderId provider = copy.provider;
        const auto bytes = std::make_shared<CopyBytes>(std::move(copy));
        const SteadyTime begun = env_.clock.steady();
        const auto report = restore(bytes);
        took_ = std::chrono::duration_cast<Millis>(env_.clock.steady() - begun);
        if (bytes->downloaded() > 0) env_.replicator.report_read(provider, bytes->downloaded(), took_);
        row_.bytes_in = bytes->downloaded();
        row_.ended = env_.clock.wall();
        Json answer = finish(report);
        ORACX_TRYV(env_.catalog.update_run(row_));
        tell();
        if (!report) return fail(report.error());
        return answer;
    }

  private:
    // When a drill last ended well or badly, by provider.
    Result<std::map<std::string, std::int64_t>> last_drills() const {
        ORACX_TRY(const auto runs, env_.catalog.runs({.kind = "drill", .before = {}, .limit = kRunsLookedAt}));
        std::map<std::string, std::int64_t> last;
        for (const RunRow& run : runs)
            if (const auto detail = parse_json(run.detail); detail && run.state != RunState::cancelled) last.try_emplace((*detail)["from"].as_string(), run.id);
        return last;
    }

    Result<ReadCandidate> choose_copy(const PackageInfo& package) const {
        std::vector<ReadCandidate> copies = env_.replicator.read_candidates(package.node.version, std::nullopt);
        if (!request_.from.empty()) std::erase_if(copies, [&](const ReadCandidate& copy) { return copy.name != request_.from; });
        if (copies.empty()) {
            const std::string where = request_.from.empty() ? "no provider" : request_.from;
            return fail(Errc::not_found, "drill with " + package.node.name, where + " holds no copy of it yet");
        }
        ORACX_TRY(const auto last, last_drills());
        const auto rank = [&](const ReadCandidate& copy) {
            const auto found = last.find(copy.name);
            return std::pair(!copy.is_up, found == last.end() ? 0 : found->second);
        };
        return *std::min_element(copies.begin(), copies.end(), [&](const ReadCandidate& a, const ReadCandidate& b) { return rank(a) < rank(b); });
    }

    Result<RestoreReport> restore(const std::shared_ptr<CopyBytes>& bytes) {
        if (!request_.passphrase) {
            ORACX_TRY(auto stored, stored_passphrase(env_));
            if (stored) request_.passphrase.emplace(std::move(stored->value));
        }
        const auto config = env_.config();
        ORACX_TRY(const auto scratch, TempFolder::make(config->backup.staging_dir.value_or(env_.temp_dir)));
        PackageReaderOptions options;
        if (request_.passphrase) options.passphrase.emplace(std::move(request_.passphrase->value));
        ORACX_TRY(const auto reader, PackageReader::open(ctx_, bytes, std::move(options)));
        RestoreOptions wanted;
        wanted.to = scratch->next_path();
        wanted.paths = request_.paths;
        SteadyTime next_event{};
        ORACX_TRY(auto report, restore_package(ctx_, *reader, wanted, [&](const RestoreProgress& progress) {
                      const SteadyTime now = env_.clock.steady();
                      if (now < next_event) return;
                      next_event = now + kEventPause;
                      Json event = Json::object({{"type", "progress"}, {"phase", "restoring"}, {"bytes", progress.bytes_done}, {"total", progress.bytes_total}, {"members", progress.members_done}, {"members_total", progress.members_total}});
                      set_bytes(event, "current", progress.current);
                      emit_(event);
                  }));
        if (!report.has_manifest && report.problems.empty()) report.problems.push_back({row_.package, RestoreItem::What::damaged, "it has no manifest, so nothing can be compared"});
        return report;
    }

    Json finish(const Result<RestoreReport>& report) {
        Json problems = Json::array();
        std::uint64_t files = 0, verified = 0, problem_count = 0;
        row_.state = RunState::succeeded;
        if (report) {
            files = report->files;
            verified = report->verified;
            problem_count = report->problems.size();
            row_.bytes_out = report->bytes;
            for (const RestoreItem& item : report->problems) {
                if (problems.items().size() == kProblemsKept) break;
                Json json = Json::object({{"what", to_string(item.what)}, {"why", item.why}});
                set_bytes(json, "name", item.name);
                problems.push(std::move(json));
            }
            if (problem_count > 0) {
                row_.state = RunState::failed;
                row_.error_code = info(Errc::corrupt).e_code;
                row_.error_text = std::to_string(problem_count) + " members could not be restored";
            }
        } else {
            row_.state = report.error().code == Errc::cancelled ? RunState::cancelled : RunState::failed;
            row_.error_code = info(report.error().code).e_code;
            row_.error_text = log::redact(report.error().to_string());
        }
        row_.members = files;
        Json answer = Json::object({{"from", from_}, {"files", files}, {"verified", verified}, {"bytes", row_.bytes_out}, {"downloaded_bytes", row_.bytes_in}, {"took_ms", took_.count()}, {"problem_count", problem_count}});
        answer.set("rate", took_.count() > 0 ? Json(static_cast<std::int64_t>(static_cast<double>(row_.bytes_out) * 1000.0 / static_cast<double>(took_.count()))) : Json());
        answer.set("problems", std::move(problems));
        row_.detail = answer.dump();
        answer.set("run", run_name(row_.id));
        answer.set("state", to_string(row_.state));
        set_bytes(answer, "package", row_.package);
        answer.set("code", row_.error_code.empty() ? Json() : Json(row_.error_code));
        answer.set("error", row_.error_text.empty() ? Json() : Json(row_.error_text));
        return answer;
    }

    void tell() const {
        EventRow event;
        event.kind = "drill";
        event.provider = from_;
        event.path = row_.package;
        event.code = row_.error_code;
        event.level = row_.state == RunState::succeeded ? "info" : row_.state == RunState::failed ? "error" : "warning";
        event.message = "drill " + run_name(row_.id) + " " + std::string(to_string(row_.state)) + ", " + std::to_string(row_.members) + " files restored from " + from_ + " in " + std::to_string(took_.count()) + " ms";
        if (!row_.error_text.empty()) event.message += ": " + row_.error_text;
        if (const Status kept = env_.catalog.append_event(event); !kept) log::warn("backup", "event not kept: " + kept.error().to_string());
    }

    const BackupEnvironment& env_;
    DrillRequest request_;
    const OpContext& ctx_;
    const Emit& emit_;
    RunRow row_;
    std::string from_;
    Millis took_{0};
};

}  // namespace

DrillRequest drill_request_from(const Json& args) {
    DrillRequest request;
    if (const std::string& backup = args["backup"].as_string(); !backup.empty()) request.backup = backup;
    request.from = args["from"].as_string();
    for (const Json& path : args["paths"].items()) request.paths.push_back(get_bytes(path, "path"));
    if (const std::string& passphrase = args["passphrase"].as_string(); !passphrase.empty()) {
        log::redact_value(passphrase);
        request.passphrase.emplace(passphrase);
    }
    return request;
}

Result<Json> run_drill(const BackupEnvironment& env, DrillRequest request, const OpContext& ctx, const Emit& emit) {
    return DrillWork(env, std::move(request), ctx, emit).run();
}

}  // namespace oracxfs
