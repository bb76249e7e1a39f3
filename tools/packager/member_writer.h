#pragma once
// Turns compressed pieces, in their order, into members of the archive; keeps the books of the package.

#include <memory>
#include <vector>

#include "tools/packager/archive_writer.h"
#include "tools/packager/fingerprint.h"
#include "tools/packager/manifest.h"
#include "tools/packager/piece_queue.h"

namespace oracxfs {

// What a worker does with a piece: hash, compress, make the keys.
Status pack_piece(Piece& piece, BlockCompressor& compressor, const PackageRequest& request);

// One user at a time.
class MemberWriter {
  public:
    MemberWriter(const PackageRequest& request, PieceQueue& queue, PackageSink& sink)
        : queue_(queue), archive_(sink), fingerprint_(request) {}

    Status take(std::unique_ptr<Piece> piece);
    // After all members: the last one's text. It is taken like the others.
    std::string manifest(const PackageRequest& request, const PackagePlan& plan, const ProblemList& problems, PackageReport& report);
    // After the manifest: the directory.
    Status finish(const ProblemList& problems, PackageReport& report);

    [[nodiscard]] std::uint64_t archive_bytes() const { return archive_.bytes(); }
    [[nodiscard]] std::uint64_t members() const { return archive_.members(); }
    [[nodiscard]] std::uint64_t bytes_done() const { return bytes_done_; }
    [[nodiscard]] const std::string& current() const { return head_.name; }

  private:
    Status write_held();
    Status write_block(Piece& piece, bool as_deflate);
    Status write_data(Bytes& data);
    Status write_end_of_data();
    Status close_member(const Piece& last);
    [[nodiscard]] zip::MemberRecord record() const;

    PieceQueue& queue_;
    ArchiveWriter archive_;
    ManifestWriter manifest_;
    FingerprintBuilder fingerprint_;

    // Of the member under way.
    MemberHead head_;
    std::vector<std::unique_ptr<Piece>> held_;
    zip::MemberRecord record_;
    std::optional<zip::AesStream> cipher_;

    std::uint64_t bytes_done_ = 0, files_ = 0, bytes_in_ = 0;
};

}  // namespace oracxfs
