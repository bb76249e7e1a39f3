#pragma once
// One member of a package as a file that is read like any other: from the front mostly, and from anywhere if need be.

#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "fs/virtual_folder.h"
#include "tools/backup/package_access.h"
#include "tools/backup/vault_file.h"

namespace oracxfs {

// Opened packages that wait for their next user: opening one means to parse its whole list of members. Thread-safe.
class OpenPackages {
  public:
    explicit OpenPackages(const BackupEnvironment& environment) : env_(environment) {}
    struct Opened {
        std::shared_ptr<VaultReader> source;
        std::unique_ptr<PackageReader> reader;
    };
    Result<std::unique_ptr<Opened>> take(const NodeRow& package, const OpContext& ctx);
    void give_back(VersionId version, std::unique_ptr<Opened> opened);
    void drop_old();  // those that nobody wanted for a while

  private:
    struct Idle {
        VersionId version;
        SteadyTime since;
        std::unique_ptr<Opened> opened;
    };
    const BackupEnvironment env_;
    std::mutex mutex_;
    std::vector<Idle> idle_;
};

// Deflated and encrypted members are made anew from the front; some of what was made is kept, because the kernel asks a
// little out of order; who goes back further makes it begin again. Stored ones are read where they lie. What reaches the end
// is compared with the CRC or the authentication code: the last bytes are given out only when they fit.
class MemberFile final : public VirtualFile {
  public:
    MemberFile(std::shared_ptr<OpenPackages> pool, NodeRow package, PackageEntry entry)
        : pool_(std::move(pool)), package_(std::move(package)), entry_(std::move(entry)) {}
    ~MemberFile() override;
    MemberFile(const MemberFile&) = delete;
    MemberFile& operator=(const MemberFile&) = delete;

    Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into, const std::stop_token& stop) override;

  private:
    Status open(const OpContext& ctx);
    void close();
    Status make_until(const OpContext& ctx, std::uint64_t end);
    Status fill(const OpContext& ctx, std::uint64_t offset, std::span<std::byte> into);
    Status read_stored(const OpContext& ctx, std::uint64_t offset, std::span<std::byte> into);

    const std::shared_ptr<OpenPackages> pool_;
    const NodeRow package_;
    const PackageEntry entry_;

    std::mutex mutex_;
    std::unique_ptr<OpenPackages::Opened> opened_;
    std::unique_ptr<PackageReader::Extraction> steps_;
    std::optional<Error> damage_;
    Bytes made_;                     // of the content, [made_from_, made_from_ + made_.size())
    std::uint64_t made_from_ = 0;
    bool complete_ = false;          // made to the end, and it fits
    std::optional<std::uint64_t> stored_at_;
    Bytes ahead_;                    // of a stored member, from ahead_from_ on
    std::uint64_t ahead_from_ = 0;
    std::uint64_t next_ = 0;         // where its reader goes on
    std::uint64_t checked_ = 0;      // of a stored member, from the front
    std::uint32_t crc_ = 0;
};

}  // namespace oracxfs
