#include "tools/packager/packager.h"

#include <sys/stat.h>

#include <algorithm>
#include <thread>

#include "providers/wait.h"
#include "tools/packager/fingerprint.h"
#include "tools/packager/member_reader.h"
#include "tools/packager/member_writer.h"

namespace oracxfs {
namespace {

// Each has a compressor of 9 MiB and two blocks.
constexpr unsigned kWorkersMax = 8;
constexpr Millis kProgressPause{100};
constexpr std::uint64_t kMembersBetweenWords = 100;

unsigned worker_count(const PackageRequest& request) {
    const unsigned wanted = request.workers != 0 ? request.workers : std::thread::hardware_concurrency();
    return std::clamp(wanted, 1u, kWorkersMax);
}

void run_worker(PieceQueue& queue, const PackageRequest& request) {
    BlockCompressor compressor(request.compression);
    while (Piece* piece = queue.take()) {
        if (Status packed = pack_piece(*piece, compressor, request); !packed) {
            queue.fail_with(std::move(packed).error());
            return;
        }
        queue.finish(piece);
    }
}

// Whether everything is as it was for the fingerprint `before`. Reads content only where that alone can tell.
Result<bool> is_unchanged(const PackageRequest& request, const PackagePlan& plan, const std::string& before, MemberReader& reader) {
    const FingerprintParts parts = split_fingerprint(before);
    if (parts.shape.empty()) return false;
    const auto adds = [](const PlannedMember& member) { return member.kind != PlannedMember::Kind::database_part; };
    FingerprintBuilder cheap(request);
    for (const PlannedMember& member : plan.members) {
        if (!adds(member)) continue;
        std::optional<Sha256> sha256;
        if (member.kind == PlannedMember::Kind::bytes) {
            ORACX_TRY(sha256, reader.hash(member));
        }
        cheap.add(planned_head(plan, member), sha256 ? &*sha256 : nullptr);
    }
    if (cheap.shape() != parts.shape) return false;
    if (const std::string quick = cheap.quick(); quick != "-" && quick == parts.quick) return true;
    FingerprintBuilder thorough(request);
    for (const PlannedMember& member : plan.members) {
        const MemberHead head = planned_head(plan, member);
        if (!adds(member) || !head.counts_as_content || member.kind == PlannedMember::Kind::folder) continue;
        ORACX_TRY(const auto sha256, reader.hash(member));
        if (!sha256) return false;
        thorough.add(head, &*sha256);
    }
    return thorough.content() == parts.content;
}

void tell(const std::function<void(const PackageProgress&)>& progress, const PackagePlan& plan, const MemberWriter& writer) {
    if (!progress) return;
    PackageProgress now;
    now.bytes_done = writer.bytes_done();
    now.bytes_total = std::max(plan.bytes_total, now.bytes_done);
    now.members_done = writer.members();
    now.members_total = plan.members.size() + 1;  // the manifest
    now.archive_bytes = writer.archive_bytes();
    now.current = writer.current();
    progress(now);
}

// Takes out what comes until the queue is over.
void write_pieces(const PackagePlan& plan, PieceQueue& queue, MemberWriter& writer, const std::function<void(const PackageProgress&)>& progress) {
    std::uint64_t told = writer.bytes_done(), told_members = writer.members();
    while (!queue.is_over()) {
        std::unique_ptr<Piece> piece = queue.next(kProgressPause);
        const bool waited = piece == nullptr;
        if (!waited) {
            if (Status taken = writer.take(std::move(piece)); !taken) queue.fail_with(std::move(taken).error());
        }
        if (waited || writer.bytes_done() - told >= kDeflateBlockBytes || writer.members() - told_members >= kMembersBetweenWords) {
            tell(progress, plan, writer);
            told = writer.bytes_done();
            told_members = writer.members();
        }
    }
}

struct Run {
    const PackageRequest& request;
    const PackagePlan& plan;
    ProblemList& problems;
    MemberReader& reader;
    PieceQueue& queue;
    const std::function<void(const PackageProgress&)>& progress;
};

// Reads, compresses and writes all members, then the manifest.
Status pack(const Run& run, PackageSink& sink, PackageReport& report) {
    MemberWriter writer(run.request, run.queue, sink);
    {
        std::vector<std::jthread> workers;
        for (unsigned i = 0; i < worker_count(run.request); ++i) workers.emplace_back([&] { run_worker(run.queue, run.request); });
        {
            const std::jthread reading([&] { run.reader.read_all(run.queue); });
            write_pieces(run.plan, run.queue, writer, run.progress);
        }
        if (!run.queue.stop_token().stop_requested()) {
            const std::string text = writer.manifest(run.request, run.plan, run.problems, report);
            MemberHead head;
            head.name = kManifestName;
            head.kind = PlannedMember::Kind::bytes;
            head.stat.mode = S_IFREG | 0600;
            head.stat.mtime_ns = to_ms(run.request.now) * 1'000'000;
            run.queue.reopen();
            const std::jthread reading([&] { run.reader.read_text(run.queue, std::move(head), text); });
            write_pieces(run.plan, run.queue, writer, run.progress);
        }
        run.queue.end();
    }
    if (run.queue.stop_token().stop_requested()) return fail(run.queue.error());
    ORACX_TRYV(writer.finish(run.problems, report));
    tell(run.progress, run.plan, writer);
    return {};
}

}  // namespace

std::string_view to_string(PackageProblem::What what) {
    switch (what) {
        case PackageProblem::What::unreadable: return "unreadable";
        case PackageProblem::What::vanished: return "vanished";
        case PackageProblem::What::changed_while_read: return "changed_while_read";
        case PackageProblem::What::skipped_special: return "skipped_special";
        case PackageProblem::What::copied_raw: return "copied_raw";
    }
    return {};
}

PackageRequest package_request(const Config& config) {
    PackageRequest request;
    request.sources = config.backup.sources;
    const std::string& word = config.backup.compression;
    request.compression = word == "store" ? Compression::store : word == "balanced" ? Compression::balanced : Compression::max;
    request.instance = config.instance;
    request.include_metadata = config.backup.include_metadata;
    request.temp_dir = config.backup.staging_dir.value_or("");
    request.min_free = config.backup.staging_min_free;
    return request;
}

Result<PackageReport> build_package(const OpContext& ctx, const PackageRequest& request, PackageSink& sink,
                                    const std::function<void(const PackageProgress&)>& progress) {
    SystemClock clock;
    const DeadlineStop deadline(ctx, clock);
    PieceQueue queue;
    const std::stop_callback forward(deadline.token(), [&queue] { queue.stop(); });
    const auto explained = [&](Error error) { return fail(error.code == Errc::cancelled ? deadline.reason(std::move(error)) : std::move(error)); };
    if (request.sources.empty()) return fail(Errc::invalid, "pack", "no sources are configured (backup.sources)");

    ProblemList problems;
    ORACX_TRY(const auto temps, TempFolder::make(request.temp_dir));
    auto plan = plan_package(request, problems, queue.stop_token());
    if (!plan) return explained(std::move(plan).error());
    MemberReader reader(request, *plan, *temps, problems, queue.stop_token());
    PackageReport report;
    if (request.unchanged_since && !problems.any_serious()) {
        auto unchanged = is_unchanged(request, *plan, *request.unchanged_since, reader);
        if (!unchanged) return explained(std::move(unchanged).error());
        if (*unchanged) {
            report.unchanged = true;
            report.fingerprint = *request.unchanged_since;
            return report;
        }
    }
    if (Status packed = pack({request, *plan, problems, reader, queue, progress}, sink, report); !packed)
        return explained(std::move(packed).error());
    return report;
}

}  // namespace oracxfs
