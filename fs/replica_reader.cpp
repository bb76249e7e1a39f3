#include "fs/replica_reader.h"

#include <algorithm>
#include <cstring>

#include "fs/replication_plan.h"

namespace oracxfs {
namespace {

constexpr std::uint64_t kWindowMin = 512ull << 10;
constexpr std::uint64_t kWindowMax = 8ull << 20;
constexpr std::uint64_t kAheadMin = 768ull << 10, kPieceMin = 256ull << 10;
constexpr std::size_t kFetchesMax = 4;        // per reader, running or not yet passed by
using namespace std::chrono_literals;
constexpr Millis kPatience{4'000};  // with a replica that sends nothing, while another one could be asked
constexpr std::uint64_t kForwardBytes = 64ull << 10;  // so much in several reads without a jump counts as reading forward
constexpr std::uint64_t kLongBytes = 2ull << 20;      // after so much, as a reader who will not stop soon

}  // namespace

// One request to a provider: some leaves in a row. `ready` leaves from the start are checked and may be copied out.
struct ReplicaReader::Fetch {
    std::uint64_t first = 0;
    std::uint64_t leaves = 0;
    std::vector<std::byte> buffer;
    std::uint64_t ready = 0;        // guarded by the reader's mutex
    bool ended = false;
    std::optional<Error> error;
    std::atomic<std::uint64_t>* account = nullptr;
    ~Fetch() {
        if (account != nullptr) *account -= buffer.size();
    }
};

ReplicaReader::ReplicaReader(const ReaderEnvironment& environment, VersionId version,
                             std::shared_ptr<const ContentDigests> digests, std::optional<ProviderId> only)
    : env_(environment), version_(version), digests_(std::move(digests)), only_(only), checker_(environment.leaf_key) {}

ReplicaReader::~ReplicaReader() { stop_.request_stop(); }

std::size_t ReplicaReader::leaf_size(std::uint64_t leaf) const {
    return static_cast<std::size_t>(std::min(kLeafBytes, digests_->size - leaf * kLeafBytes));
}

std::shared_ptr<ReplicaReader::Fetch> ReplicaReader::covering(std::uint64_t leaf) {
    for (const auto& fetch : fetches_)
        if (leaf >= fetch->first && leaf < fetch->first + fetch->leaves) return fetch;
    return nullptr;
}

std::shared_ptr<ReplicaReader::Fetch> ReplicaReader::start(std::uint64_t first_leaf, std::uint64_t leaves) {
    auto fetch = std::make_shared<Fetch>();
    fetch->first = first_leaf;
    fetch->leaves = std::min(leaves, leaf_count() - first_leaf);
    const std::uint64_t end = std::min((first_leaf + fetch->leaves) * kLeafBytes, digests_->size);
    fetch->buffer.resize(end - first_leaf * kLeafBytes);
    fetch->account = &env_.buffered_bytes;
    env_.buffered_bytes += fetch->buffer.size();
    fetches_.push_back(fetch);
    env_.fetchers.post([self = shared_from_this(), fetch] { self->run(fetch); });
    return fetch;
}

void ReplicaReader::forget_passed(std::uint64_t leaf) {
    while (fetches_.size() > kFetchesMax) {
        // The oldest one that is not being waited for; a forward reader has passed it.
        const auto old = std::find_if(fetches_.begin(), fetches_.end(), [&](const auto& fetch) {
            return fetch->ended && !(leaf >= fetch->first && leaf < fetch->first + fetch->leaves);
        });
        if (old == fetches_.end()) return;
        fetches_.erase(old);
    }
    std::erase_if(fetches_, [&](const auto& fetch) {
        return fetch->ended && (fetch->error || fetch->first + fetch->leaves + 4 < leaf);
    });
}

std::uint64_t ReplicaReader::window_leaves() const {
    if (reads_in_row_ < 2 || forward_bytes_ < kForwardBytes) return 0;
    return std::clamp(forward_bytes_, kWindowMin, kWindowMax) / kLeafBytes;
}

// `leaf` is being read, up to `next_leaf` is asked for.
void ReplicaReader::read_ahead(std::uint64_t leaf, std::uint64_t next_leaf) {
    std::uint64_t piece = window_leaves();
    if (piece == 0) return;
    std::uint64_t end = next_leaf + 2 * piece;
    ahead_until_ = std::max(ahead_until_, next_leaf);
    if (forward_bytes_ < kLongBytes) {
        // It may stop any moment: not much further than it has come, and not in small pieces.
        end = leaf + std::max(kAheadMin, forward_bytes_ / 2) / kLeafBytes;
        if (ahead_until_ + kPieceMin / kLeafBytes > end) return;
        piece = end - ahead_until_;
    }
    while (ahead_until_ < leaf_count() && ahead_until_ < end && fetches_.size() < kFetchesMax && env_.buffered_bytes < env_.buffered_max) {
        if (const auto existing = covering(ahead_until_)) {
            ahead_until_ = existing->first + existing->leaves;
            continue;
        }
        const auto fetch = start(ahead_until_, piece);
        ahead_until_ = fetch->first + fetch->leaves;
    }
}

Result<std::size_t> ReplicaReader::read_at(std::uint64_t offset, std::span<std::byte> into, const std::stop_token& stop, bool in_pieces) {
    if (offset >= digests_->size) return std::size_t{0};
    const std::size_t wanted = static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), digests_->size - offset));
    const std::uint64_t last_leaf = (offset + wanted - 1) / kLeafBytes;
    if (!in_pieces) {
        const Lock lock(mutex_);
        // The kernel reads ahead with several requests that arrive a little out of order.
        const bool forward = offset <= expected_offset_ + (1u << 20) && offset + (1u << 20) >= expected_offset_;
        if (!forward) {
            forward_bytes_ = 0;
            reads_in_row_ = 0;
            ahead_until_ = 0;
        }
        reads_in_row_ += 1;
        forward_bytes_ += wanted;
        // One read says nothing about where the next one is, however large it is: whoever takes a piece out of the middle
        // gets that piece and pays for no more.
        if (!forward) forward_bytes_ = std::min(forward_bytes_, kForwardBytes - 1);
        expected_offset_ = offset + wanted;
    }
    std::vector<std::byte> scratch;
    std::size_t done = 0;
    while (done < wanted) {
        const std::uint64_t at = offset + done;
        const std::uint64_t leaf = at / kLeafBytes;
        const std::size_t within = static_cast<std::size_t>(at % kLeafBytes);
        const std::size_t length = std::min(wanted - done, leaf_size(leaf) - within);
        std::shared_ptr<Fetch> fetch;
        {
            const Lock lock(mutex_);
            fetch = covering(leaf);
        }
        if (!fetch) {
            scratch.resize(leaf_size(leaf));
            if (env_.cache.get(version_, *digests_, leaf, scratch)) {
                std::memcpy(into.data() + done, scratch.data() + within, length);
                done += length;
                continue;
            }
            const Lock lock(mutex_);
            fetch = covering(leaf);
            if (!fetch) fetch = start(leaf, std::max(last_leaf - leaf + 1, in_pieces ? 0 : window_leaves()));
        }
        Lock lock(mutex_);
        if (!in_pieces) read_ahead(leaf, fetch->first + fetch->leaves);
        const std::uint64_t needed = leaf - fetch->first + 1;
        if (!ready_.wait(lock, stop, [&] { return fetch->ready >= needed || fetch->ended; }))
            return fail(Errc::cancelled, "read");
        if (fetch->ready < needed) {
            Error error = fetch->error.value_or(Error(Errc::internal, "read"));
            std::erase(fetches_, fetch);
            return fail(std::move(error));
        }
        lock.unlock();
        std::memcpy(into.data() + done, fetch->buffer.data() + (leaf - fetch->first) * kLeafBytes + within, length);
        done += length;
        lock.lock();
        forget_passed(leaf);
    }
    return done;
}

std::optional<ReplicaReader::Ready> ReplicaReader::ready_file(std::uint64_t offset, std::size_t length) {
    if (offset >= digests_->size || length == 0) return std::nullopt;
    length = static_cast<std::size_t>(std::min<std::uint64_t>(length, digests_->size - offset));
    const std::uint64_t first = offset / kLeafBytes, last = (offset + length - 1) / kLeafBytes;
    {
        const Lock lock(mutex_);
        for (std::uint64_t leaf = first; leaf <= last; ++leaf)
            if (covering(leaf)) return std::nullopt;  // read_at keeps the read-ahead going
    }
    auto file = env_.cache.good_file(version_, *digests_, first, last);
    if (!file) return std::nullopt;
    const Lock lock(mutex_);
    expected_offset_ = offset + length;
    return Ready{std::move(file), length};
}

std::optional<std::size_t> ReplicaReader::read_ready(std::uint64_t offset, std::span<std::byte> into) {
    if (offset >= digests_->size) return 0;
    const std::size_t wanted = static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), digests_->size - offset));
    std::vector<std::byte> scratch;
    for (std::size_t done = 0; done < wanted;) {
        const std::uint64_t at = offset + done;
        const std::uint64_t leaf = at / kLeafBytes;
        const std::size_t within = static_cast<std::size_t>(at % kLeafBytes);
        const std::size_t length = std::min(wanted - done, leaf_size(leaf) - within);
        {
            const Lock lock(mutex_);
            if (covering(leaf)) return std::nullopt;  // read_at keeps the read-ahead going
        }
        scratch.resize(leaf_size(leaf));
        if (!env_.cache.get(version_, *digests_, leaf, scratch)) return std::nullopt;
        std::memcpy(into.data() + done, scratch.data() + within, length);
        done += length;
    }
    const Lock lock(mutex_);
    expected_offset_ = offset + wanted;
    return wanted;
}

void ReplicaReader::await_previous(const Fetch& fetch) {
    Lock lock(mutex_);
    // Only one that was started before: it has a thread, or gets one without this one's.
    const auto self = std::find_if(fetches_.begin(), fetches_.end(), [&](const auto& other) { return other.get() == &fetch; });
    const auto previous = std::find_if(fetches_.begin(), self, [&](const auto& other) {
        return !other->ended && other->first + other->leaves == fetch.first;
    });
    if (previous == self) return;
    ready_.wait(lock, stop_.get_token(), [other = *previous] { return other->ended; });
}

void ReplicaReader::run(const std::shared_ptr<Fetch>& fetch) {
    Error last(Errc::corrupt, "read", "no provider holds a good copy");
    std::uint64_t good = 0;         // leaves that are checked
    std::size_t filled = 0;         // bytes in the buffer
    const auto publish = [&](std::uint64_t leaves, bool ended) {
        {
            const Lock lock(mutex_);
            fetch->ready = leaves;
            fetch->ended = ended;
            if (ended && leaves < fetch->leaves) fetch->error = last;
        }
        ready_.notify_all();
    };
    std::vector<ReadCandidate> candidates = env_.replicator.read_candidates(version_, only_);
    std::erase_if(candidates, [this](const ReadCandidate& candidate) { return except_ && candidate.provider == *except_; });
    // Round and round as long as somebody has the next leaf: replicas with different damage still make one good file.
    std::size_t in_vain = 0;
    for (std::size_t i = 0; in_vain < candidates.size() && !stop_.stop_requested(); i = (i + 1) % candidates.size()) {
        ReadCandidate& candidate = candidates[i];
        filled = static_cast<std::size_t>(good * kLeafBytes);
        const std::size_t began = filled;
        const std::uint64_t good_before = good;
        bool corrupt = false;
        if (candidate.via->capabilities().reads_on) await_previous(*fetch);
        const SteadyTime start_time = env_.clock.steady();
        const bool another = std::any_of(candidates.begin(), candidates.end(), [&](const ReadCandidate& other) {
            return other.is_up && other.provider != candidate.provider;
        });
        const auto guard = env_.watch.begin(stop_.get_token(), another ? kPatience : Millis(24h));
        OpContext ctx;
        ctx.stop = guard->token();
        const Status result = candidate.via->read(
            ctx, candidate.object, fetch->first * kLeafBytes + filled, fetch->buffer.size() - filled,
            [&](std::span<const std::byte> data) {
                guard->progress();
                const std::size_t take = std::min(data.size(), fetch->buffer.size() - filled);
                std::memcpy(fetch->buffer.data() + filled, data.data(), take);
                filled += take;
                const std::uint64_t before = good;
                while (good < fetch->leaves) {
                    const std::size_t size = leaf_size(fetch->first + good);
                    if (filled < good * kLeafBytes + size) break;
                    const std::span<const std::byte> leaf(fetch->buffer.data() + good * kLeafBytes, size);
                    if (!checker_.matches(digests_->leaf_salt, fetch->first + good, leaf, digests_->leaves[fetch->first + good])) {
                        corrupt = true;
                        break;
                    }
                    good += 1;
                }
                if (good != before) publish(good, false);
                return !corrupt && good < fetch->leaves;
            });
        if (filled > began)
            env_.replicator.report_read(candidate.provider, filled - began,
                                        std::chrono::duration_cast<Millis>(env_.clock.steady() - start_time));
        if (good == fetch->leaves) break;
        Error error(Errc::corrupt, "read " + candidate.object.key, "the bytes do not match the hash taken when it was written");
        if (!corrupt && !result && guard->stood_still())
            error = Error(Errc::unavailable, "read " + candidate.object.key,
                          "no byte came for " + std::to_string(kPatience.count() / 1000) + " s; another copy is read");
        else if (!corrupt && !result)
            error = result.error();
        else if (!corrupt)
            error.why = "the replica is too short";
        error.provider = candidate.name;
        if (error.code == Errc::changed && !candidate.object.rev.empty()) {
            // It is not what we put there, yet the bytes may be (only its time was changed): when its turn comes again the
            // tags decide. Whether the replica is still good is found out by the listing.
            candidate.object.rev.clear();
            in_vain = 0;
            continue;
        }
        in_vain = good == good_before ? in_vain + 1 : 0;
        candidate.is_up = candidate.is_up && !concerns_provider(error.code);
        if (!stop_.stop_requested()) env_.replicator.report_read_failure(version_, candidate.provider, error);
        // As long as one could not be asked, not everything is lost.
        if (!concerns_provider(last.code)) last = std::move(error);
    }
    publish(good, true);
    for (std::uint64_t i = 0; i < good; ++i)
        env_.cache.put(version_, fetch->first + i,
                       std::span<const std::byte>(fetch->buffer.data() + i * kLeafBytes, leaf_size(fetch->first + i)));
}

}  // namespace oracxfs
