#include "fs/stream_desk.h"

#include <algorithm>

#include "base/log.h"

namespace oracxfs {

void StreamDesk::begin(VersionId version, std::vector<Target> targets) {
    reap();
    const std::lock_guard lock(mutex_);
    if (stopped_ || streams_.contains(version)) return;
    auto stream = std::make_shared<Stream>();
    for (Target& target : targets) {
        std::size_t running = 0;
        for (const auto& [other, existing] : streams_)
            for (const auto& upload : existing->uploads) running += upload->provider == target.provider && !upload->ended;
        if (running >= options_.streams_max) continue;
        stream->uploads.push_back(std::make_unique<Upload>());
        stream->uploads.back()->provider = target.provider;
    }
    if (stream->uploads.empty()) return;
    streams_[version] = stream;
    for (const auto& owned : stream->uploads) {
        Upload* upload = owned.get();
        const auto target = std::find_if(targets.begin(), targets.end(), [&](const Target& t) { return t.provider == upload->provider; });
        upload->thread = std::jthread([this, version, stream, upload, run = target->run](const std::stop_token& stop) {
            const auto progress = [&](std::uint64_t bytes) {
                std::function<void()> resume;
                {
                    const std::lock_guard inner(mutex_);
                    upload->bytes = std::max(upload->bytes, bytes);
                    if (stream->resume && !lags(*stream, stream->written)) resume = std::exchange(stream->resume, nullptr);
                }
                if (resume) resume();
            };
            try {
                run(stop, progress);
            } catch (const std::exception& error) {
                log::error("stream", error.what());
            }
            std::function<void()> resume;
            {
                const std::lock_guard inner(mutex_);
                upload->ended = true;
                if (stream->resume && !lags(*stream, stream->written)) resume = std::exchange(stream->resume, nullptr);
                const bool all = std::all_of(stream->uploads.begin(), stream->uploads.end(), [](const auto& u) { return u->ended; });
                if (all) {
                    finished_.push_back(stream);
                    streams_.erase(version);
                }
            }
            changed_.notify_all();
            if (resume) resume();
        });
    }
}

bool StreamDesk::lags(const Stream& stream, std::uint64_t written) const {
    std::uint32_t keep_up = 0, lagging = 0;
    for (const auto& upload : stream.uploads) {
        if (upload->ended) continue;
        if (written > upload->bytes && written - upload->bytes > options_.write_ahead_bytes)
            lagging += 1;
        else
            keep_up += 1;
    }
    return lagging > 0 && keep_up < stream.needed;
}

bool StreamDesk::must_pause(VersionId version, std::uint64_t written, std::uint32_t needed, std::function<void()> resume) {
    const std::lock_guard lock(mutex_);
    const auto found = streams_.find(version);
    if (found == streams_.end() || found->second->writer_gone) return false;
    Stream& stream = *found->second;
    stream.written = std::max(stream.written, written);
    stream.needed = needed;
    if (stopped_ || stream.resume || !lags(stream, stream.written)) return false;
    stream.resume = std::move(resume);
    return true;
}

void StreamDesk::end(VersionId version) {
    std::function<void()> resume;
    {
        const std::lock_guard lock(mutex_);
        const auto found = streams_.find(version);
        if (found != streams_.end()) {
            found->second->writer_gone = true;
            resume = std::exchange(found->second->resume, nullptr);
        }
    }
    if (resume) resume();
    reap();
}

// Only here threads are joined, each by the one caller that took its stream out of `finished_`.
void StreamDesk::reap() {
    std::vector<std::shared_ptr<Stream>> done;
    {
        const std::lock_guard lock(mutex_);
        done.swap(finished_);
        ++reaping_;
    }
    std::vector<std::shared_ptr<Stream>> own;
    for (const auto& stream : done) {
        for (const auto& upload : stream->uploads) {
            // A stream's last thread that ends another one's writer cannot join itself: somebody else will.
            if (upload->thread.get_id() == std::this_thread::get_id())
                own.push_back(stream);
            else if (upload->thread.joinable())
                upload->thread.join();
        }
    }
    const std::lock_guard lock(mutex_);
    finished_.insert(finished_.end(), own.begin(), own.end());
    --reaping_;
    changed_.notify_all();
}

void StreamDesk::cancel(ProviderId provider) {
    std::unique_lock lock(mutex_);
    for (const auto& [version, stream] : streams_)
        for (const auto& upload : stream->uploads)
            if (upload->provider == provider) upload->thread.request_stop();
    changed_.wait(lock, [&] {
        return std::none_of(streams_.begin(), streams_.end(), [&](const auto& entry) {
            return std::any_of(entry.second->uploads.begin(), entry.second->uploads.end(),
                               [&](const auto& upload) { return upload->provider == provider && !upload->ended; });
        });
    });
}

void StreamDesk::stop() {
    std::vector<std::function<void()>> resumes;
    {
        const std::lock_guard lock(mutex_);
        stopped_ = true;
        for (const auto& [version, stream] : streams_) {
            for (const auto& upload : stream->uploads) upload->thread.request_stop();
            if (stream->resume) resumes.push_back(std::exchange(stream->resume, nullptr));
        }
    }
    for (const auto& resume : resumes) resume();
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return streams_.empty(); });
    while (!finished_.empty() || reaping_ > 0) {
        if (finished_.empty()) {
            changed_.wait(lock);
            continue;
        }
        lock.unlock();
        reap();
        lock.lock();
    }
}

}  // namespace oracxfs
