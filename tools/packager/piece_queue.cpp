#include "tools/packager/piece_queue.h"

#include "base/assert.h"

namespace oracxfs {

// What a piece takes besides its bytes.
static constexpr std::size_t kPieceOverhead = 1024;

void PieceQueue::fail_with(Error error) {
    {
        const std::lock_guard lock(mutex_);
        if (!error_) error_ = std::move(error);
    }
    stop();
}

Error PieceQueue::error() const {
    const std::lock_guard lock(mutex_);
    return error_.value_or(Error(Errc::cancelled, "pack"));
}

bool PieceQueue::add(std::unique_ptr<Piece> piece) {
    piece->charge = piece->content.size() + kPieceOverhead;
    ORACX_ASSERT(piece->charge <= kRoomBytes - kHeldBytesMax);
    std::unique_lock lock(mutex_);
    room_.wait(lock, stop_.get_token(), [&] { return used_ + piece->charge <= kRoomBytes; });
    if (stop_.stop_requested()) return false;  // also where there is room
    used_ += piece->charge;
    pieces_.push_back(std::move(piece));
    work_.notify_one();
    return true;
}

void PieceQueue::close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    ready_.notify_all();
}

void PieceQueue::reopen() {
    const std::lock_guard lock(mutex_);
    ORACX_ASSERT(pieces_.empty());
    closed_ = false;
}

void PieceQueue::end() {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    work_.notify_all();
}

Piece* PieceQueue::take() {
    std::unique_lock lock(mutex_);
    work_.wait(lock, stop_.get_token(), [&] { return taken_ < pieces_.size() || ended_; });
    return taken_ < pieces_.size() && !stop_.stop_requested() ? pieces_[taken_++].get() : nullptr;
}

void PieceQueue::finish(Piece* piece) {
    const std::size_t charge = piece->packed.capacity() + kPieceOverhead;
    const std::lock_guard lock(mutex_);
    used_ = used_ - piece->charge + charge;
    piece->charge = charge;
    piece->done = true;
    room_.notify_one();
    if (pieces_.front().get() == piece) ready_.notify_one();
}

std::unique_ptr<Piece> PieceQueue::next(Millis patience) {
    std::unique_lock lock(mutex_);
    const auto is_ready = [&] { return pieces_.empty() ? closed_ : pieces_.front()->done; };
    if (!ready_.wait_for(lock, stop_.get_token(), patience, is_ready) || stop_.stop_requested() || pieces_.empty()) return nullptr;
    std::unique_ptr<Piece> piece = std::move(pieces_.front());
    pieces_.pop_front();
    --taken_;
    return piece;
}

bool PieceQueue::is_over() const {
    const std::lock_guard lock(mutex_);
    return stop_.stop_requested() || (closed_ && pieces_.empty());
}

void PieceQueue::release(Piece& piece) {
    const std::lock_guard lock(mutex_);
    used_ -= std::exchange(piece.charge, 0);
    room_.notify_one();
}

}  // namespace oracxfs
