// The two ways through an upload session.

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "base/log.h"
#include "providers/dropbox/content_hash.h"
#include "providers/dropbox/dropbox_upload.h"

namespace oracxfs::dropbox {
namespace {

constexpr std::uint64_t kBytesPerThread = 16u << 20;
constexpr std::uint64_t kThreadsMax = 4;
constexpr std::uint64_t kThreadsMaxBigPieces = 3;  // keeps an upload below 32 MiB of memory
// Pieces under way when the caller has enough may still be answered; what is answered need not be sent again.
constexpr Millis kGrace{100};

}  // namespace

// --- one after the other ---------------------------------------------------------------------------------------------

// Asks a session that is taken up again how far it got: an empty append at the place we know.
Status FileUpload::find_offset() {
    Piece nothing;
    nothing.offset = state_.offset;
    nothing.hash = content_hash_of(std::span<const Sha256>());
    ORACX_TRYV(append(nothing));
    resumed_from_ = state_.offset;
    return {};
}

// Sends the piece and moves on to what the service really has.
Status FileUpload::append(Piece& piece) {
    const std::uint64_t end = piece.offset + piece.data.size();
    ORACX_TRY(const auto stands_at, send_piece(ctx_, piece));
    if (!stands_at) {
        state_.offset = end;
        return {};
    }
    const std::uint64_t correct = *stands_at;
    // Between the two: a part of it arrived, or all of it and the answer got lost. In front of it: only for an offset from
    // an earlier run that was too good to be true.
    const std::uint64_t most = content_.size().value_or(content_.available(0));
    const bool plausible = piece.data.empty() ? correct <= most : correct > piece.offset && correct <= end;
    if (!plausible || correct == state_.offset) {
        session_lost_ = true;
        return fail(Errc::unavailable, "send a piece", "the session stands at " + std::to_string(correct) + ", not at " + std::to_string(piece.offset));
    }
    state_.offset = correct;
    return {};
}

Status FileUpload::send_in_sequence() {
    std::vector<std::byte> buffer;
    for (;;) {
        // An offset in the middle of a block: the hash of the whole comes from the blob's own digests then.
        const std::uint64_t room = state_.piece - state_.offset % kBlockBytes;
        buffer.resize(static_cast<std::size_t>(room));
        ORACX_TRY(const std::size_t got, fill(state_.offset, buffer));
        if (got == 0) return {};
        buffer.resize(got);
        Piece piece;
        piece.offset = state_.offset;
        piece.data = std::move(buffer);
        if (piece.offset % kBlockBytes == 0) {
            ORACX_TRYV(keep_blocks(piece.offset, piece.data, piece.hash));
        } else {
            piece.hash = content_hash_of(block_digests(piece.data));
        }
        ORACX_TRYV(append(piece));
        report(false);
        buffer = std::move(piece.data);
    }
}

// --- in parallel -----------------------------------------------------------------------------------------------------

struct FileUpload::Crew {
    std::mutex mutex;
    std::condition_variable_any changed;
    std::deque<Piece> waiting;
    std::vector<std::vector<std::byte>> buffers;  // to be used again
    std::vector<std::uint64_t> finished;
    unsigned busy = 0;  // pieces waiting or under way
    bool over = false;
    std::optional<Error> failure;

    void work(FileUpload& upload, const OpContext& ctx) {
        std::unique_lock lock(mutex);
        for (;;) {
            changed.wait(lock, [this] { return over || !waiting.empty(); });
            if (waiting.empty()) return;
            Piece piece = std::move(waiting.front());
            waiting.pop_front();
            lock.unlock();
            const auto sent = upload.send_piece(ctx, piece);
            piece.pass = {};
            lock.lock();
            if (sent)
                finished.push_back(piece.number);
            else if (!failure || sent.error().code == Errc::quota_full)
                failure = sent.error();
            buffers.push_back(std::move(piece.data));
            --busy;
            changed.notify_all();
        }
    }
};

Status FileUpload::send_in_parallel() {
    const std::uint64_t size = *state_.size;
    const std::uint64_t pieces = (size + state_.piece - 1) / state_.piece;
    std::vector<std::uint64_t> missing;
    for (std::uint64_t number = 0; number < pieces; ++number)
        if (!state_.done.contains(number)) missing.push_back(number);
    if (missing.empty()) return {};
    const std::uint64_t most = state_.piece > kBlockBytes ? kThreadsMaxBigPieces : kThreadsMax;
    const std::uint64_t threads = std::min(std::clamp<std::uint64_t>(size / kBytesPerThread, 1, most), std::uint64_t{missing.size()});

    Crew crew;
    std::stop_source enough;
    const OpContext ctx{.stop = enough.get_token(), .deadline = ctx_.deadline};
    const DeadlineStop stop(ctx_, home_.clock);
    std::vector<std::jthread> workers;
    for (std::uint64_t i = 0; i < threads; ++i) workers.emplace_back([&] { crew.work(*this, ctx); });

    // Waits until at most `busy` pieces are under way, and books what is done.
    const auto settle = [&](unsigned busy) -> Status {
        std::vector<std::uint64_t> finished;
        bool in_time = true;
        std::optional<Error> failure;
        {
            std::unique_lock lock(crew.mutex);
            in_time = crew.changed.wait(lock, stop.token(), [&] { return crew.failure || crew.busy <= busy; });
            finished.swap(crew.finished);
            failure = crew.failure;
        }
        state_.done.insert(finished.begin(), finished.end());
        if (failure) return fail(std::move(*failure));
        if (!in_time) return fail(stop.reason(Error(Errc::cancelled, "cancelled")));
        report(false);
        return {};
    };
    const auto dispatch = [&](std::uint64_t number) -> Status {
        ORACX_TRY(Turnstile::Pass pass, home_.pieces.enter(ctx_, home_.clock));
        std::vector<std::byte> buffer;
        {
            const std::lock_guard lock(crew.mutex);
            if (!crew.buffers.empty()) {
                buffer = std::move(crew.buffers.back());
                crew.buffers.pop_back();
            }
        }
        ORACX_TRY(Piece piece, read_piece(number, size, std::move(buffer)));
        piece.pass = std::move(pass);
        const std::lock_guard lock(crew.mutex);
        crew.waiting.push_back(std::move(piece));
        ++crew.busy;
        crew.changed.notify_all();
        return {};
    };
    const auto send_all = [&]() -> Status {
        for (const std::uint64_t number : missing) {
            // The piece with the end closes the session: it comes when all others are there.
            ORACX_TRYV(settle(number + 1 == pieces ? 0 : static_cast<unsigned>(threads) - 1));
            ORACX_TRYV(dispatch(number));
        }
        return settle(0);
    };

    Status outcome = send_all();
    {
        std::unique_lock lock(crew.mutex);
        crew.over = true;
        crew.busy -= static_cast<unsigned>(crew.waiting.size());
        crew.waiting.clear();
        crew.changed.notify_all();
        if (!outcome) crew.changed.wait_for(lock, kGrace, [&] { return crew.busy == 0; });
    }
    enough.request_stop();
    workers.clear();
    state_.done.insert(crew.finished.begin(), crew.finished.end());
    return outcome;
}

}  // namespace oracxfs::dropbox
