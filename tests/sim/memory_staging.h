#pragma once
// Staged contents of the simulation: whole, in memory, never growing.

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cache/staging.h"
#include "tests/support/blobs.h"

namespace oracxfs::test {

// Lanes only open what is staged.
class MemoryStaging final : public Staging {
  public:
    Result<std::unique_ptr<StagedWriter>> begin(VersionId, StagedBlob*, std::uint64_t) override { return fail(Errc::unsupported, "begin"); }
    Result<std::shared_ptr<StagedBlob>> open(const std::string& name, std::shared_ptr<const ContentDigests>) override {
        const auto found = blobs.find(name);
        if (found == blobs.end()) return fail(Errc::not_found, name);
        return std::shared_ptr<StagedBlob>(std::make_shared<Blob>(found->second));
    }
    Status remove(const std::string& name) override {
        blobs.erase(name);
        return {};
    }
    Result<std::vector<std::pair<std::string, StagedMeta>>> recover(const std::vector<std::string>&) override { return std::vector<std::pair<std::string, StagedMeta>>{}; }
    void set_digests(DigestSet) override {}
    Result<ContentDigests> digest(const std::string& name) override {
        const auto found = blobs.find(name);
        if (found == blobs.end()) return fail(Errc::not_found, name);
        return digests_of(found->second);
    }
    [[nodiscard]] StagingUsage usage() const override { return {}; }

    std::map<std::string, Bytes> blobs;

  private:
    class Blob final : public StagedBlob {
      public:
        explicit Blob(Bytes data) : blob_(std::move(data)) {}
        [[nodiscard]] std::optional<std::uint64_t> size() const override { return blob_.size(); }
        Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into, const std::stop_token& stop) override {
            return blob_.read_at(offset, into, stop);
        }
        [[nodiscard]] std::uint64_t available(std::uint64_t offset) const override { return blob_.available(offset); }
        [[nodiscard]] std::shared_ptr<const ContentDigests> digests() const override { return blob_.digests(); }
        [[nodiscard]] int fd() const override { return -1; }

      private:
        MemoryBlob blob_;
    };
};

}  // namespace oracxfs::test
