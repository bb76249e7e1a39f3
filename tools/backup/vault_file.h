#pragma once
// Files of the mount for the program itself: the same door as for everybody else, without the kernel in between. What is
// written here is staged, replicated, verified and acknowledged like a file that `cp` writes.

#include <memory>
#include <string>

#include "base/op_context.h"
#include "fs/filesystem.h"
#include "tools/packager/package_sink.h"
#include "tools/packager/range_reader.h"

namespace oracxfs {

// A new file in the root. Uploads begin while it is written; unless commit() recorded it, it goes away with this object and
// leaves nothing behind, here and at the providers.
class VaultWriter final : public PackageSink {
  public:
    // exists; read_only when no provider is configured.
    static Result<std::unique_ptr<VaultWriter>> create(Filesystem& filesystem, const std::string& name,
                                                       const std::stop_token& stop);
    ~VaultWriter() override;
    VaultWriter(const VaultWriter&) = delete;
    VaultWriter& operator=(const VaultWriter&) = delete;

    // Waits while the providers are too far behind. Errors: local_full, local_io, cancelled.
    Status write_at(std::uint64_t offset, std::span<const std::byte> data) override;
    [[nodiscard]] std::uint64_t size() const { return size_; }

    // Durable on this machine when `recorded` is set; then waits as mount.close_waits_for says, and returns what close()
    // would return: an error with `recorded` set means that the file is kept and goes out later.
    Status commit(const OpContext& ctx, bool& recorded);

  private:
    VaultWriter(Filesystem& filesystem, std::string name, Filesystem::Opened opened, std::stop_token stop)
        : filesystem_(filesystem), name_(std::move(name)), opened_(opened), stop_(std::move(stop)) {}

    Filesystem& filesystem_;
    const std::string name_;
    const Filesystem::Opened opened_;
    const std::stop_token stop_;
    std::uint64_t size_ = 0;
    bool recorded_ = false;
};

// The checked bytes of one file, from wherever they are nearest.
class VaultReader final : public RangeReader {
  public:
    // not_found, is_directory. `path`: in the mount; below a provider's name, that provider's copy only.
    static Result<std::shared_ptr<VaultReader>> open(Filesystem& filesystem, const std::string& path);
    ~VaultReader() override;
    VaultReader(const VaultReader&) = delete;
    VaultReader& operator=(const VaultReader&) = delete;

    [[nodiscard]] std::uint64_t size() const override { return opened_.attributes.size; }
    Status read_at(const OpContext& ctx, std::uint64_t offset, std::span<std::byte> into) override;
    // True: only what is asked for is fetched. Else more and more of what follows is, so that it is there in time.
    void read_in_pieces(bool in_pieces) { filesystem_.read_in_pieces(opened_.handle, in_pieces); }

  private:
    VaultReader(Filesystem& filesystem, std::string path, Filesystem::Opened opened)
        : filesystem_(filesystem), path_(std::move(path)), opened_(opened) {}

    Filesystem& filesystem_;
    const std::string path_;
    const Filesystem::Opened opened_;
};

}  // namespace oracxfs
