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

void StreamDesk::reap() {
    std::vector<std::shared_ptr<Stream>> done;
    {
        const std::lock_guard lock(mutex_);
        done.swap(finished_);
    }
    for (const auto& stream : done) {
        bool own = false;
        for (const auto& upload : stream->uploads) {
            if (upload->thread.get_id() == std::this_thread::get_id())
                own = true;
            else if (upload->thread.joinable())
                upload->thread.join();
        }
        // A stream's last thread that ends another one's writer cannot join itself: somebody else will.
        if (!own) continue;
        const std::lock_guard lock(mutex_);
        finished_.push_back(stream);
    }
}

void StreamDesk::cancel(ProviderId provider) {
    std::vector<std::shared_ptr<Stream>> affected;
    {
        const std::lock_guard lock(mutex_);
        for (const auto& [version, stream] : streams_) affected.push_back(stream);
    }
    for (const auto& stream : affected)
        for (const auto& upload : stream->uploads)
            if (upload->provider == provider && upload->thread.joinable()) {
                upload->thread.request_stop();
                upload->thread.join();
            }
}

void StreamDesk::stop() {
    std::vector<std::shared_ptr<Stream>> running;
    std::vector<std::function<void()>> resumes;
    {
        const std::lock_guard lock(mutex_);
        stopped_ = true;
        for (const auto& [version, stream] : streams_) {
            running.push_back(stream);
            if (stream->resume) resumes.push_back(std::exchange(stream->resume, nullptr));
        }
    }
    for (const auto& resume : resumes) resume();
    for (const auto& stream : running)
        for (const auto& upload : stream->uploads) upload->thread.request_stop();
    for (const auto& stream : running)
        for (const auto& upload : stream->uploads)
            if (upload->thread.joinable()) upload->thread.join();
    reap();
}

}  // namespace oracxfs
