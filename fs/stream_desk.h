#pragma once
// Private to fs: uploads of files that are still being written, one thread each, and the brake for writers that run too
// far ahead of them.

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/ids.h"
#include "fs/replicator.h"

namespace oracxfs {

class StreamDesk {
  public:
    struct Target {
        ProviderId provider;
        std::function<void(const std::stop_token&, const std::function<void(std::uint64_t)>& on_bytes)> run;
    };

    explicit StreamDesk(const ReplicatorOptions& options) : options_(options) {}
    ~StreamDesk() { stop(); }

    void begin(VersionId version, std::vector<Target> targets);
    bool must_pause(VersionId version, std::uint64_t written, std::uint32_t needed, std::function<void()> resume);
    void end(VersionId version);       // the writer is gone: nobody is slowed any more
    void cancel(ProviderId provider);  // stops its streams and waits for them
    void stop();

  private:
    struct Upload {
        ProviderId provider;
        std::uint64_t bytes = 0;
        bool ended = false;
        std::jthread thread;
    };
    struct Stream {
        std::vector<std::unique_ptr<Upload>> uploads;
        std::uint64_t written = 0;
        std::uint32_t needed = UINT32_MAX;  // so many must keep up; the others may fall behind
        std::function<void()> resume;
        bool writer_gone = false;
    };
    bool lags(const Stream& stream, std::uint64_t written) const;
    void reap();

    const ReplicatorOptions& options_;
    std::mutex mutex_;
    std::map<VersionId, std::shared_ptr<Stream>> streams_;
    std::vector<std::shared_ptr<Stream>> finished_;  // threads to be joined by somebody else than themselves
    std::condition_variable changed_;  // an upload ended, a reap ended
    int reaping_ = 0;
    bool stopped_ = false;
};

}  // namespace oracxfs
