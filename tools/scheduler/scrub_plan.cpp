#include "tools/scheduler/scrub_plan.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace oracxfs {
namespace {

using Replicas = std::vector<const ScrubReplica*>;

std::uint64_t bytes_of(const Replicas& replicas) {
    std::uint64_t total = 0;
    for (const ScrubReplica* replica : replicas) total += replica->size_bytes;
    return total;
}

Replicas chosen(const ScrubProvider& provider, const ScrubRequest& request, WallTime started) {
    Replicas list;
    for (const ScrubReplica& replica : provider.replicas)
        // Counted from the beginning of the run: whoever goes on with it wants the same ones.
        if (!request.older_than || !replica.verified_at || *replica.verified_at < started - *request.older_than ||
            *replica.verified_at >= started)
            list.push_back(&replica);
    return list;
}

std::uint64_t share_of(std::uint64_t bytes, double percent) {
    if (percent >= 100) return bytes;
    if (percent <= 0) return 0;
    return static_cast<std::uint64_t>(std::ceil(static_cast<double>(bytes) * percent / 100));
}

// From the first version after `after` once around.
void sort_round(Replicas& replicas, VersionId after) {
    std::sort(replicas.begin(), replicas.end(), [&](const ScrubReplica* a, const ScrubReplica* b) {
        const bool a_wrapped = a->version <= after;
        const bool b_wrapped = b->version <= after;
        return a_wrapped != b_wrapped ? b_wrapped : a->version < b->version;
    });
}

Replicas sample(Replicas replicas, VersionId after, std::int64_t budget_bytes) {
    sort_round(replicas, after);
    std::int64_t taken = 0;
    std::size_t count = 0;
    // An empty file after the last one costs nothing.
    for (; count < replicas.size(); ++count) {
        const auto size = static_cast<std::int64_t>(replicas[count]->size_bytes);
        if (taken >= budget_bytes && (size > 0 || taken == 0)) break;
        taken += size;
    }
    replicas.resize(count);
    return replicas;
}

const ScrubProvider* smallest_of(const std::vector<ScrubProvider>& providers) {
    const ScrubProvider* smallest = nullptr;
    std::uint64_t fewest = 0;
    for (const ScrubProvider& provider : providers) {
        if (provider.replicas.empty()) continue;
        std::uint64_t bytes = 0;
        for (const ScrubReplica& replica : provider.replicas) bytes += replica.size_bytes;
        if (smallest != nullptr && bytes >= fewest) continue;
        smallest = &provider;
        fewest = bytes;
    }
    return smallest;
}

bool is_sampled(const ScrubProvider& provider, bool fewest, ScrubDownload download) {
    switch (download) {
        case ScrubDownload::none: return false;
        case ScrubDownload::smallest: return fewest || !provider.tells_hash;
        case ScrubDownload::all: break;
    }
    return true;
}

// Pass 1 without what is downloaded and without what an interrupted run did.
Replicas cheap_pass(const Replicas& replicas, const Replicas& downloads, const ScrubProvider& provider, WallTime started,
                    VersionId looked) {
    const std::set<const ScrubReplica*> downloaded(downloads.begin(), downloads.end());
    Replicas list;
    for (const ScrubReplica* replica : replicas) {
        const bool done = (replica->verified_at && *replica->verified_at >= started) ||
                          (!provider.tells_hash && replica->version <= looked);
        if (!done && !downloaded.contains(replica)) list.push_back(replica);
    }
    std::sort(list.begin(), list.end(), [&](const ScrubReplica* a, const ScrubReplica* b) {
        // A look renews nothing, so its order is one that the cursor can remember.
        if (provider.tells_hash && a->verified_at != b->verified_at) return a->verified_at < b->verified_at;
        return a->version < b->version;
    });
    return list;
}

ScrubQueue queue_for(const ScrubProvider& provider, bool sampled, const ScrubRequest& request, WallTime started,
                     const ScrubCursor::Place& place) {
    ScrubQueue queue;
    queue.provider = provider.name;
    const Replicas replicas = chosen(provider, request, started);
    if (!replicas.empty()) queue.skipped = provider.unavailable;
    if (sampled) queue.share_bytes = share_of(bytes_of(replicas), request.sample_percent);
    if (!queue.skipped.empty()) return queue;

    Replicas downloads;
    if (sampled && request.sample_percent > 0)
        downloads = sample(replicas, place.downloaded,
                           static_cast<std::int64_t>(queue.share_bytes) - place.owed_bytes -
                               static_cast<std::int64_t>(place.downloaded_bytes));
    const Replicas cheap = cheap_pass(replicas, downloads, provider, started, place.looked);
    queue.done_before = replicas.size() - std::min(replicas.size(), cheap.size() + downloads.size());
    const auto add = [&](const Replicas& list, ScrubMethod method) {
        for (const ScrubReplica* replica : list)
            queue.checks.push_back({replica->version, replica->size_bytes, method});
    };
    queue.checks.reserve(cheap.size() + downloads.size());
    add(cheap, provider.tells_hash ? ScrubMethod::hash : ScrubMethod::look);
    add(downloads, ScrubMethod::download);
    return queue;
}

Json place_to_json(const ScrubCursor::Place& place) {
    return Json::object({{"looked", place.looked.value},
                         {"downloaded", place.downloaded.value},
                         {"downloaded_bytes", place.downloaded_bytes},
                         {"owed_bytes", place.owed_bytes}});
}

ScrubCursor::Place place_from_json(const Json& json) {
    const auto natural = [&](const char* key) { return std::max<std::int64_t>(json[key].as_int(), 0); };
    ScrubCursor::Place place;
    place.looked = VersionId{natural("looked")};
    place.downloaded = VersionId{natural("downloaded")};
    place.downloaded_bytes = static_cast<std::uint64_t>(natural("downloaded_bytes"));
    place.owed_bytes = natural("owed_bytes");
    return place;
}

}  // namespace

std::string_view to_string(ScrubMethod method) {
    switch (method) {
        case ScrubMethod::hash: return "hash";
        case ScrubMethod::look: return "look";
        case ScrubMethod::download: break;
    }
    return "download";
}

ScrubRequest scrub_request_of(const ScrubConfig& config, WallTime now) {
    ScrubRequest request;
    request.download = config.download == "none"  ? ScrubDownload::none
                       : config.download == "all" ? ScrubDownload::all
                                                  : ScrubDownload::smallest;
    request.sample_percent = config.sample_percent;
    request.resume_within = config.every;
    request.now = now;
    return request;
}

Json ScrubCursor::to_json() const {
    Json json = Json::object({{"version", 1}});
    if (started) json.set("started_ms", to_ms(*started));
    Json list = Json::object();
    for (const auto& [provider, place] : places) list.set(provider, place_to_json(place));
    json.set("providers", std::move(list));
    return json;
}

ScrubCursor ScrubCursor::from_json(const Json& json) {
    ScrubCursor cursor;
    if (json["version"].as_int() != 1) return cursor;
    if (json["started_ms"].is_int()) cursor.started = wall_from_ms(json["started_ms"].as_int());
    for (const auto& [provider, place] : json["providers"].members()) cursor.places[provider] = place_from_json(place);
    return cursor;
}

std::uint64_t ScrubQueue::count(ScrubMethod method) const {
    return static_cast<std::uint64_t>(
        std::count_if(checks.begin(), checks.end(), [&](const ScrubCheck& check) { return check.method == method; }));
}

std::uint64_t ScrubQueue::download_bytes() const {
    std::uint64_t total = 0;
    for (const ScrubCheck& check : checks) total += check.method == ScrubMethod::download ? check.size_bytes : 0;
    return total;
}

ScrubPlanner::ScrubPlanner(const ScrubRequest& request, const ScrubCursor& cursor) : request_(request), cursor_(cursor) {
    // A beginning in the future is one of a clock that was put back.
    plan_.resumed = cursor.started && *cursor.started <= request.now && request.now - *cursor.started <= request.resume_within;
    plan_.started = plan_.resumed ? *cursor.started : request.now;
}

void ScrubPlanner::add(const ScrubProvider& provider, bool fewest) {
    const auto found = cursor_.places.find(provider.name);
    ScrubCursor::Place place = found == cursor_.places.end() ? ScrubCursor::Place{} : found->second;
    if (!plan_.resumed) {
        place.looked = {};
        place.downloaded_bytes = 0;
    }
    plan_.queues.push_back(queue_for(provider, is_sampled(provider, fewest, request_.download), request_, plan_.started, place));
}

ScrubPlan plan_scrub(const std::vector<ScrubProvider>& providers, const ScrubRequest& request, const ScrubCursor& cursor) {
    ScrubPlanner planner(request, cursor);
    const ScrubProvider* smallest = smallest_of(providers);
    for (const ScrubProvider& provider : providers) planner.add(provider, &provider == smallest);
    return planner.finish();
}

ScrubCounters& ScrubCounters::operator+=(const ScrubCounters& other) {
    planned += other.planned;
    good += other.good;
    damaged += other.damaged;
    missing += other.missing;
    gone += other.gone;
    put_off += other.put_off;
    hashes += other.hashes;
    looks += other.looks;
    downloads += other.downloads;
    downloaded_bytes += other.downloaded_bytes;
    return *this;
}

ScrubRun::ScrubRun(ScrubPlan plan, ScrubCursor cursor)
    : plan_(std::move(plan)), cursor_(std::move(cursor)), progress_(plan_.queues.size()) {
    for (std::size_t i = 0; i < plan_.queues.size(); ++i) {
        progress_[i].counters.planned = plan_.queues[i].checks.size();
        ScrubCursor::Place& place = cursor_.places[plan_.queues[i].provider];
        if (plan_.resumed) continue;
        place.looked = {};
        place.downloaded_bytes = 0;
    }
    cursor_.started = plan_.started;
}

std::optional<std::size_t> ScrubRun::index_of(std::string_view provider) const {
    for (std::size_t i = 0; i < plan_.queues.size(); ++i)
        if (plan_.queues[i].provider == provider) return i;
    return std::nullopt;
}

bool ScrubRun::done_at(std::size_t queue) const {
    return progress_[queue].put_off || progress_[queue].position == plan_.queues[queue].checks.size();
}

std::optional<ScrubCheck> ScrubRun::next(std::string_view provider) const {
    const auto index = index_of(provider);
    if (!index || paused_ || stopped_ || done_at(*index)) return std::nullopt;
    return plan_.queues[*index].checks[progress_[*index].position];
}

void ScrubRun::record(std::string_view provider, ScrubOutcome outcome) {
    const auto index = index_of(provider);
    if (!index || done_at(*index)) return;
    Progress& progress = progress_[*index];
    const ScrubCheck& check = plan_.queues[*index].checks[progress.position];
    switch (outcome) {
        case ScrubOutcome::good: progress.counters.good += 1; break;
        case ScrubOutcome::damaged: progress.counters.damaged += 1; break;
        case ScrubOutcome::missing: progress.counters.missing += 1; break;
        case ScrubOutcome::gone: progress.counters.gone += 1; break;
        case ScrubOutcome::put_off:
            progress.put_off = true;
            progress.counters.put_off = plan_.queues[*index].checks.size() - progress.position;
            return;
    }
    progress.position += 1;
    ScrubCursor::Place& place = cursor_.places[plan_.queues[*index].provider];
    switch (check.method) {
        case ScrubMethod::hash: progress.counters.hashes += 1; break;
        case ScrubMethod::look:
            progress.counters.looks += 1;
            place.looked = check.version;
            break;
        case ScrubMethod::download:
            place.downloaded = check.version;
            // What is missing costs nothing.
            if (outcome != ScrubOutcome::good && outcome != ScrubOutcome::damaged) break;
            progress.counters.downloads += 1;
            progress.counters.downloaded_bytes += check.size_bytes;
            place.downloaded_bytes += check.size_bytes;
            break;
    }
}

bool ScrubRun::over() const {
    if (stopped_) return true;
    for (std::size_t i = 0; i < progress_.size(); ++i)
        if (!done_at(i)) return false;
    return true;
}

bool ScrubRun::complete() const {
    for (std::size_t i = 0; i < progress_.size(); ++i)
        if (progress_[i].position != plan_.queues[i].checks.size() || !plan_.queues[i].skipped.empty()) return false;
    return true;
}

ScrubCounters ScrubRun::counters(std::string_view provider) const {
    const auto index = index_of(provider);
    return index ? progress_[*index].counters : ScrubCounters{};
}

ScrubCounters ScrubRun::total() const {
    ScrubCounters sum;
    for (const Progress& progress : progress_) sum += progress.counters;
    return sum;
}

ScrubCursor ScrubRun::cursor() const {
    if (!complete()) return cursor_;
    ScrubCursor next = cursor_;
    next.started = std::nullopt;
    for (const ScrubQueue& queue : plan_.queues) {
        ScrubCursor::Place& place = next.places[queue.provider];
        place.owed_bytes = std::max<std::int64_t>(
            0, place.owed_bytes + static_cast<std::int64_t>(place.downloaded_bytes) - static_cast<std::int64_t>(queue.share_bytes));
        place.downloaded_bytes = 0;
        place.looked = {};
    }
    return next;
}

}  // namespace oracxfs
