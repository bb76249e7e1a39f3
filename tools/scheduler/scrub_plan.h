#pragma once
// Which stored copies a scrub looks at, how, and in which order. Pure: whoever carries it out does so provider by provider,
// several providers at once if it likes, and tells the run what it found.
//
// Each run has two passes a provider:
//   1. every copy, as cheaply as the provider can: `hash` where it tells the hash of the stored bytes, the longest
//      unchecked first; else `look`, which sees that it is there and has its size, and proves no more
//   2. `download` of a sample: `sample_percent` of the provider's bytes, whole files, compared with their SHA-256. The
//      sample goes round: it begins after the last file that was downloaded, so that everything is read in the end. A
//      file larger than a run's share is read, and later runs rest until the share has caught up.
// A copy that is downloaded needs no hash in the same run.
//
// The cursor is what the next run has to know; stored now and then, it lets an interrupted run go on where it was.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/json.h"
#include "tools/config/config.h"

namespace oracxfs {

enum class ScrubMethod : std::uint8_t { hash, look, download };
std::string_view to_string(ScrubMethod method);

enum class ScrubDownload : std::uint8_t {
    none,
    smallest,  // from the provider that holds the fewest bytes, and from those that tell no hash
    all,
};

struct ScrubReplica {
    VersionId version;
    std::uint64_t size_bytes = 0;
    std::optional<WallTime> verified_at;
};

struct ScrubProvider {
    std::string name;
    bool tells_hash = false;   // of the bytes as they are stored, without a transfer
    std::string unavailable;   // why it can't be asked now; "" = it can
    std::vector<ScrubReplica> replicas;  // that are stored or verified there, in any order
};

struct ScrubRequest {
    ScrubDownload download = ScrubDownload::smallest;
    double sample_percent = 5;         // 100 and more: everything
    std::optional<Millis> older_than;  // only copies whose last check is longer ago
    Millis resume_within = std::chrono::hours(24 * 7);  // an interrupted run that is older is begun anew
    WallTime now{};
};
ScrubRequest scrub_request_of(const ScrubConfig& config, WallTime now);

struct ScrubCursor {
    struct Place {
        VersionId looked;                    // of this run: pass 1 without hashes has come to here
        VersionId downloaded;                // the last file that was downloaded, for ever going round
        std::uint64_t downloaded_bytes = 0;  // in this run
        std::int64_t owed_bytes = 0;         // that earlier runs downloaded more than their share
        bool operator==(const Place&) const = default;
    };
    std::optional<WallTime> started;     // of a run that is not complete
    std::map<std::string, Place> places;  // by provider
    bool operator==(const ScrubCursor&) const = default;

    [[nodiscard]] Json to_json() const;
    // What does not fit is left out: a scrub that begins anew loses nothing but time.
    static ScrubCursor from_json(const Json& json);
};

struct ScrubCheck {
    VersionId version;
    std::uint64_t size_bytes = 0;
    ScrubMethod method = ScrubMethod::hash;
    bool operator==(const ScrubCheck&) const = default;
};

struct ScrubQueue {
    std::string provider;
    std::vector<ScrubCheck> checks;  // in order
    std::string skipped;             // why there are none now; the run stays incomplete then
    std::uint64_t share_bytes = 0;   // of this provider's bytes that a run is to download
    std::uint64_t done_before = 0;   // checks that an interrupted run has made already
    [[nodiscard]] std::uint64_t count(ScrubMethod method) const;
    [[nodiscard]] std::uint64_t download_bytes() const;
};

struct ScrubPlan {
    WallTime started{};  // of the run, perhaps an interrupted one
    bool resumed = false;
    std::vector<ScrubQueue> queues;  // in the order of the providers given
};

// One provider after the other, so that only one's copies have to be in memory at once; a check takes 24 bytes.
class ScrubPlanner {
  public:
    ScrubPlanner(const ScrubRequest& request, const ScrubCursor& cursor);
    // `fewest`: it holds the fewest bytes of all that hold any.
    void add(const ScrubProvider& provider, bool fewest);
    ScrubPlan finish() { return std::move(plan_); }

  private:
    const ScrubRequest request_;
    const ScrubCursor cursor_;
    ScrubPlan plan_;
};
ScrubPlan plan_scrub(const std::vector<ScrubProvider>& providers, const ScrubRequest& request, const ScrubCursor& cursor);

enum class ScrubOutcome : std::uint8_t {
    good,
    damaged,
    missing,
    gone,     // removed or replaced meanwhile: nothing to be checked any more
    put_off,  // the provider could not answer: it is left alone for the rest of this run
};

struct ScrubCounters {
    std::uint64_t planned = 0, good = 0, damaged = 0, missing = 0, gone = 0, put_off = 0;
    std::uint64_t hashes = 0, looks = 0, downloads = 0, downloaded_bytes = 0;
    [[nodiscard]] std::uint64_t done() const { return good + damaged + missing + gone; }
    ScrubCounters& operator+=(const ScrubCounters& other);
    bool operator==(const ScrubCounters&) const = default;
};

// A plan being carried out. Not thread-safe: its owner locks.
class ScrubRun {
  public:
    ScrubRun(ScrubPlan plan, ScrubCursor cursor);

    // What to do next at this provider, the same until it is recorded. Nothing: done there, or paused or stopped.
    [[nodiscard]] std::optional<ScrubCheck> next(std::string_view provider) const;
    void record(std::string_view provider, ScrubOutcome outcome);  // of what next() gave

    void pause() { paused_ = true; }
    void resume() { paused_ = false; }
    void stop() { stopped_ = true; }
    [[nodiscard]] bool paused() const { return paused_; }
    [[nodiscard]] bool over() const;      // nothing is left to be done now
    [[nodiscard]] bool complete() const;  // and nothing was skipped, put off or stopped

    [[nodiscard]] ScrubCounters counters(std::string_view provider) const;
    [[nodiscard]] ScrubCounters total() const;
    [[nodiscard]] const ScrubPlan& plan() const { return plan_; }
    // To be stored now and then and at the end. A complete run leaves only where the sample goes on.
    [[nodiscard]] ScrubCursor cursor() const;

  private:
    struct Progress {
        std::size_t position = 0;
        bool put_off = false;
        ScrubCounters counters;
    };
    [[nodiscard]] std::optional<std::size_t> index_of(std::string_view provider) const;
    [[nodiscard]] bool done_at(std::size_t queue) const;

    ScrubPlan plan_;
    ScrubCursor cursor_;
    std::vector<Progress> progress_;  // as plan_.queues
    bool paused_ = false;
    bool stopped_ = false;
};

}  // namespace oracxfs
