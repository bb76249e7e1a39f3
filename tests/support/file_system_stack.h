#pragma once
// Everything below FUSE, on real folders: catalogue, staging, block cache, replicator, file system and local providers in
// one directory. With calls that wait.

#include <future>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/disk.h"
#include "cache/block_cache.h"
#include "cache/catalog.h"
#include "cache/staging.h"
#include "fs/filesystem.h"
#include "fs/replicator.h"

namespace oracxfs::test {

class FileSystemStack {
  public:
    // Providers "p0".. in <home>/p0..; begins work at once. Throws std::runtime_error with the reason.
    explicit FileSystemStack(const std::string& home, int providers = 2, ReplicatorOptions options = {});
    // The same with providers of other kinds after them, by their names.
    using Others = std::vector<std::pair<std::string, std::shared_ptr<Provider>>>;
    FileSystemStack(const std::string& home, int providers, ReplicatorOptions options, const Others& others,
                    std::function<void(const Filesystem::Invalidation&)> on_invalidate);
    ~FileSystemStack();

    // Whole operations, as a program would do them; the returned status is what close() says.
    Status write_file(const std::string& path, std::string_view content, std::size_t piece = 1u << 20);
    Result<std::string> read_file(const std::string& path, const std::string& provider = "");
    Status rename(const std::string& from, const std::string& to);
    Status remove(const std::string& path);
    Status make_directory(const std::string& path);
    Status settle();  // waits until everything is verified (or a provider is down)
    Result<Inode> find(const std::string& path);

    SystemClock clock;
    SystemDisk disk;
    std::unique_ptr<Catalog> catalog;
    std::unique_ptr<Staging> staging;
    std::unique_ptr<BlockCache> cache;
    std::unique_ptr<Replicator> replicator;
    std::unique_ptr<Filesystem> filesystem;

  private:
    Result<std::pair<Inode, std::string>> parent(const std::string& path);
};

// Runs an operation that calls back later and waits for its answer.
template <class Answer, class Start>
Answer wait_for(const Start& start) {
    auto promise = std::make_shared<std::promise<Answer>>();
    auto future = promise->get_future();
    start([promise](Answer answer) { promise->set_value(std::move(answer)); });
    return future.get();
}

}  // namespace oracxfs::test
