#include "tools/backup/vault_file.h"

#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <mutex>

#include "base/log.h"

namespace oracxfs {
namespace {

// Calls `start(done)` and waits until `done` was called. What is called honours the stop token, so this returns soon after
// it, too; giving up earlier would leave it with references to what the caller owns.
template <class T, class Start>
T await(Start&& start) {
    struct Shared {
        std::mutex mutex;
        std::condition_variable changed;
        std::optional<T> outcome;
    };
    const auto shared = std::make_shared<Shared>();
    start([shared](T outcome) {
        const std::lock_guard lock(shared->mutex);
        shared->outcome.emplace(std::move(outcome));
        shared->changed.notify_all();
    });
    std::unique_lock lock(shared->mutex);
    shared->changed.wait(lock, [&] { return shared->outcome.has_value(); });
    return std::move(*shared->outcome);
}

Caller this_process() { return {static_cast<std::uint32_t>(::geteuid()), static_cast<std::uint32_t>(::getegid()), 0, 077}; }

}  // namespace

// --- writing -----------------------------------------------------------------------------------------------------------

Result<std::unique_ptr<VaultWriter>> VaultWriter::create(Filesystem& filesystem, const std::string& name, const std::stop_token& stop) {
    ORACX_TRY(const Filesystem::Opened opened, filesystem.create(kRootInode, name, 0600, true, true, this_process()));
    return std::unique_ptr<VaultWriter>(new VaultWriter(filesystem, name, opened, stop));  // NOLINT: the constructor is private
}

VaultWriter::~VaultWriter() {
    // Without its name nobody wants the content any more: what was sent is discarded at the providers.
    if (!recorded_)
        if (const Status gone = filesystem_.remove(kRootInode, name_); !gone && gone.error().code != Errc::not_found)
            log::error("backup", "give up " + name_ + ": " + gone.error().to_string());
    filesystem_.release(opened_.handle);
    filesystem_.forget(opened_.attributes.inode, 1);
}

Status VaultWriter::write_at(std::uint64_t offset, std::span<const std::byte> data) {
    if (stop_.stop_requested()) return fail(Errc::cancelled, "write " + name_);
    ORACX_TRYV(await<Status>([&](auto done) { filesystem_.write(opened_.handle, offset, data, stop_, std::move(done)); }));
    size_ = std::max(size_, offset + data.size());
    return {};
}

Status VaultWriter::commit(const OpContext& ctx, bool& recorded) {
    const Status done = await<Status>([&](auto callback) { filesystem_.fsync(opened_.handle, ctx.stop, std::move(callback)); });
    // The version is recorded, whatever became of the wait for the providers, unless the local part failed.
    const auto attributes = filesystem_.xattr(opened_.attributes.inode, "user.oracxfs.sha256");
    recorded = recorded_ = attributes.has_value();
    return done;
}

// --- reading -----------------------------------------------------------------------------------------------------------

Result<std::shared_ptr<VaultReader>> VaultReader::open(Filesystem& filesystem, const std::string& path) {
    Inode at = kRootInode;
    std::vector<Inode> looked_up;
    const auto forget = [&] {
        for (const Inode inode : looked_up) filesystem.forget(inode, 1);
    };
    for (std::size_t begin = 0; begin <= path.size();) {
        const std::size_t end = std::min(path.find('/', begin), path.size());
        const auto found = filesystem.lookup(at, path.substr(begin, end - begin));
        if (!found) {
            forget();
            return fail(Error(found.error().code, "open " + path, found.error().why).with_path(path));
        }
        at = found->inode;
        looked_up.push_back(at);
        begin = end + 1;
    }
    const auto opened = filesystem.open(at, true, false, false);
    forget();  // the handle keeps the file
    if (!opened) return fail(opened.error());
    return std::shared_ptr<VaultReader>(new VaultReader(filesystem, path, *opened));  // NOLINT: the constructor is private
}

VaultReader::~VaultReader() { filesystem_.release(opened_.handle); }

Status VaultReader::read_at(const OpContext& ctx, std::uint64_t offset, std::span<std::byte> into) {
    while (!into.empty()) {
        ORACX_TRY(ReadData data, await<Result<ReadData>>([&](auto done) {
                      filesystem_.read(opened_.handle, offset, into.size(), ctx.stop, std::move(done));
                  }));
        std::size_t got = data.bytes.size();
        if (data.fd >= 0) {
            ssize_t read = 0;
            do read = ::pread(data.fd, into.data(), data.length, static_cast<off_t>(data.offset));
            while (read < 0 && errno == EINTR);
            if (read < 0) return fail(error_from_errno(errno, "read " + path_).with_path(path_));
            got = static_cast<std::size_t>(read);
        } else if (got > 0) {
            std::memcpy(into.data(), data.bytes.data(), got);
        }
        if (got == 0) return fail(Error(Errc::corrupt, "read " + path_, "it ends too early").with_path(path_));
        offset += got;
        into = into.subspan(got);
    }
    return {};
}

}  // namespace oracxfs
