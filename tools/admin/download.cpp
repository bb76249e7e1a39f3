#include "tools/admin/download.h"

#include <algorithm>

#include "base/log.h"
#include "tools/control/envelope.h"

namespace oracxfs {
namespace {

constexpr std::size_t kPartBytes = 512u << 10;
constexpr std::size_t kPartsAhead = 2;
constexpr std::size_t kWaitingMax = 4u << 20;

// Moves from the parts into the buffer.
std::size_t move_parts(std::deque<std::string>& parts, std::size_t& taken, std::span<char> into) {
    std::size_t count = 0;
    while (count < into.size() && !parts.empty()) {
        const std::string& part = parts.front();
        const std::size_t some = std::min(into.size() - count, part.size() - taken);
        std::copy_n(part.begin() + static_cast<std::ptrdiff_t>(taken), some, into.begin() + static_cast<std::ptrdiff_t>(count));
        count += some;
        taken += some;
        if (taken < part.size()) break;
        taken = 0;
        parts.pop_front();
    }
    return count;
}

}  // namespace

Status FileDownload::begin() {
    if (next_ == end_) return {};
    return read_some();
}

Status FileDownload::read_some() {
    std::string part(std::min<std::uint64_t>(kPartBytes, end_ - next_), '\0');
    ORACX_TRYV(file_->read_at({stop_.get_token(), std::nullopt}, next_, std::as_writable_bytes(std::span(part.data(), part.size()))));
    const std::lock_guard lock(mutex_);
    next_ += part.size();
    parts_.push_back(std::move(part));
    return {};
}

void FileDownload::on_ready(std::function<void()> wake) {
    const std::lock_guard lock(mutex_);
    wake_ = std::move(wake);
}

void FileDownload::read_more() {
    if (reading_ || broken_ || closed_ || next_ == end_ || parts_.size() >= kPartsAhead) return;
    reading_ = true;
    readers_.post([self = shared_from_this()] {
        const Status read = self->read_some();
        std::function<void()> wake;
        {
            const std::lock_guard lock(self->mutex_);
            self->reading_ = false;
            self->broken_ = !read;
            if (!read && !self->closed_) log::warn("admin", "a download broke off: " + read.error().to_string());
            wake = self->wake_;
        }
        if (wake) wake();
    });
}

HttpStream::Pulled FileDownload::pull(std::span<char> into, std::size_t& count) {
    const std::lock_guard lock(mutex_);
    count = move_parts(parts_, taken_, into);
    read_more();
    if (count > 0) return Pulled::some;
    if (broken_) return Pulled::broken;
    return next_ == end_ && parts_.empty() && !reading_ ? Pulled::end : Pulled::later;
}

void FileDownload::closed() {
    stop_.request_stop();
    const std::lock_guard lock(mutex_);
    closed_ = true;
    wake_ = nullptr;
}

Result<std::shared_ptr<HandlerDownload>> HandlerDownload::begin(const HandlerRegistry& handlers, const std::string& command, Json args, Executor& readers) {
    auto download = std::make_shared<HandlerDownload>();
    readers.post([download, &handlers, command, args = std::move(args)] {
        const OpContext ctx{download->stop_.get_token(), std::nullopt};
        const auto done = handlers.call(command, args, ctx, [&](const Json& event) { download->take(event); });
        std::function<void()> wake;
        {
            const std::lock_guard lock(download->mutex_);
            download->outcome_ = done ? Status() : Status(fail(done.error()));
            wake = download->wake_;
            download->changed_.notify_all();
        }
        if (wake) wake();
    });
    std::unique_lock lock(download->mutex_);
    download->changed_.wait(lock, [&] { return !download->parts_.empty() || download->outcome_; });
    if (download->parts_.empty() && !*download->outcome_) return fail(download->outcome_->error());
    return download;
}

void HandlerDownload::take(const Json& event) {
    if (event["type"].as_string() != "data") return;
    std::string bytes = get_bytes(Json::object({{"data", ""}, {"data_b64", event["b64"]}}), "data");
    if (bytes.empty()) return;
    std::function<void()> wake;
    {
        std::unique_lock lock(mutex_);
        const std::stop_token stop = stop_.get_token();
        changed_.wait(lock, stop, [&] { return waiting_bytes_ < kWaitingMax; });
        if (stop.stop_requested()) return;
        waiting_bytes_ += bytes.size();
        parts_.push_back(std::move(bytes));
        wake = wake_;
        changed_.notify_all();
    }
    if (wake) wake();
}

void HandlerDownload::on_ready(std::function<void()> wake) {
    const std::lock_guard lock(mutex_);
    wake_ = std::move(wake);
}

HttpStream::Pulled HandlerDownload::pull(std::span<char> into, std::size_t& count) {
    const std::lock_guard lock(mutex_);
    count = move_parts(parts_, taken_, into);
    waiting_bytes_ -= count;
    if (count > 0) {
        changed_.notify_all();
        return Pulled::some;
    }
    if (!outcome_) return Pulled::later;
    if (!*outcome_) {
        log::warn("admin", "a download broke off: " + outcome_->error().to_string());
        return Pulled::broken;
    }
    return Pulled::end;
}

void HandlerDownload::closed() {
    stop_.request_stop();
    const std::lock_guard lock(mutex_);
    wake_ = nullptr;
    changed_.notify_all();
}

std::string attachment(std::string_view name) {
    std::string plain;
    for (const char c : name) plain += (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || std::string_view("._-").find(c) != std::string_view::npos ? c : '_';
    std::string text = "attachment; filename=\"" + plain + "\"";
    if (plain != name && is_utf8(name)) text += "; filename*=UTF-8''" + percent_encode(name);
    return text;
}

}  // namespace oracxfs
