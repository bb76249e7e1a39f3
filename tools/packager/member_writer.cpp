#include "tools/packager/member_writer.h"

#include <algorithm>

#include "base/assert.h"

namespace oracxfs {
namespace {

using MemberKind = PlannedMember::Kind;

constexpr std::int64_t kNsPerSecond = 1'000'000'000;

// Towards the past, also before 1970.
std::int64_t seconds_of(std::int64_t ns) { return ns / kNsPerSecond - (ns % kNsPerSecond < 0 ? 1 : 0); }

bool has_content(MemberKind kind) { return kind != MemberKind::folder; }

}  // namespace

Status pack_piece(Piece& piece, BlockCompressor& compressor, const PackageRequest& request) {
    piece.size = piece.content.size();
    piece.crc = crc32_of(piece.content);
    if (piece.is_whole() && has_content(piece.head.kind)) piece.sha256 = sha256_of(piece.content);
    if (!piece.compressed_already) {
        const auto form = piece.is_whole() ? BlockCompressor::Form::whole : BlockCompressor::Form::joinable;
        ORACX_TRY(auto packed, compressor.compress(piece.content, form));
        if (packed) {
            piece.packed = std::move(*packed);
            piece.content = Bytes();
        }
    }
    if (piece.packed.empty()) {
        piece.stored = true;
        piece.packed = std::move(piece.content);
    }
    // Nothing is encrypted where nothing is: not every program accepts that.
    if (!piece.first || piece.size == 0 || !request.passphrase || piece.head.plain) return {};
    std::vector<std::uint8_t> salt(zip::kAesSaltBytes);
    random_bytes(salt);
    const ByteSpan bytes = std::as_bytes(std::span(salt));
    piece.salt.assign(bytes.begin(), bytes.end());
    ORACX_TRY(piece.cipher, zip::AesStream::open(request.passphrase->value, 3, piece.salt));
    return {};
}

zip::MemberRecord MemberWriter::record() const {
    zip::MemberRecord record;
    record.name = head_.name;
    record.mode = head_.stat.mode;
    record.mtime_s = seconds_of(head_.stat.mtime_ns);
    record.encrypted = cipher_.has_value();
    return record;
}

Status MemberWriter::take(std::unique_ptr<Piece> piece) {
    if (piece->first) {
        head_ = std::move(piece->head);
        cipher_ = std::move(piece->cipher);
        record_ = record();
        held_.clear();
    }
    bytes_done_ += piece->size;
    if (!piece->streamed) {
        const bool last = piece->last;
        held_.push_back(std::move(piece));
        return last ? write_held() : Status();
    }
    if (piece->first) {
        record_.method = zip::kDeflated;
        record_.streamed = true;
        ORACX_TRYV(archive_.begin(record_));
        if (cipher_) {
            ORACX_TRYV(archive_.put(piece->salt));
            ORACX_TRYV(archive_.put(cipher_->verifier()));
        }
        record_.stored_size = cipher_ ? zip::kAesOverheadBytes : 0;
    }
    record_.crc = crc32_joined(record_.crc, piece->crc, piece->size);
    record_.size += piece->size;
    ORACX_TRYV(write_block(*piece, true));
    queue_.release(*piece);
    if (!piece->last) return {};
    if (!piece->keep) {
        archive_.abandon();
        return {};
    }
    Bytes end(end_of_stream().begin(), end_of_stream().end());
    ORACX_TRYV(write_data(end));
    ORACX_TRYV(write_end_of_data());
    return close_member(*piece);
}

// All pieces are here, so the header can say how long the data is, and whether any of it is compressed.
Status MemberWriter::write_held() {
    const Piece& last = *held_.back();
    const bool stored = std::all_of(held_.begin(), held_.end(), [](const auto& piece) { return piece->stored; });
    if (last.keep) {
        record_.method = stored ? zip::kStored : zip::kDeflated;
        std::uint64_t stored_size = cipher_ ? zip::kAesOverheadBytes : 0;
        for (const auto& piece : held_) {
            record_.crc = crc32_joined(record_.crc, piece->crc, piece->size);
            record_.size += piece->size;
            if (!stored && piece->stored) {
                Bytes blocks;
                append_stored_blocks(blocks, piece->packed);
                piece->packed = std::move(blocks);
            }
            stored_size += piece->packed.size();
        }
        const bool joined = held_.size() > 1 && !stored;
        if (joined) stored_size += end_of_stream().size();
        record_.stored_size = stored_size;
        ORACX_TRYV(archive_.begin(record_));
        const std::uint64_t begin = archive_.bytes();
        if (cipher_) {
            ORACX_TRYV(archive_.put(held_.front()->salt));
            ORACX_TRYV(archive_.put(cipher_->verifier()));
        }
        record_.stored_size = cipher_ ? zip::kAesOverheadBytes : 0;
        for (const auto& piece : held_) ORACX_TRYV(write_block(*piece, false));
        if (joined) {
            Bytes end(end_of_stream().begin(), end_of_stream().end());
            ORACX_TRYV(write_data(end));
        }
        ORACX_TRYV(write_end_of_data());
        ORACX_ASSERT(archive_.bytes() - begin == stored_size && record_.stored_size == stored_size);
        ORACX_TRYV(close_member(last));
    }
    for (const auto& piece : held_) queue_.release(*piece);
    held_.clear();
    return {};
}

// `as_deflate`: the member is one deflate stream, whatever its blocks are.
Status MemberWriter::write_block(Piece& piece, bool as_deflate) {
    if (!as_deflate || !piece.stored) return write_data(piece.packed);
    Bytes blocks;
    append_stored_blocks(blocks, piece.packed);
    return write_data(blocks);
}

Status MemberWriter::write_data(Bytes& data) {
    if (cipher_) cipher_->encrypt(data);
    record_.stored_size += data.size();
    return archive_.put(data);
}

Status MemberWriter::write_end_of_data() {
    if (!cipher_) return {};
    return archive_.put(cipher_->mac());
}

Status MemberWriter::close_member(const Piece& last) {
    ORACX_TRYV(archive_.end(record_));
    cipher_.reset();
    ManifestMember line;
    line.size = record_.size;
    line.mtime_ns = head_.stat.mtime_ns;
    line.mode = head_.stat.mode & 07777u;
    line.is_symlink = head_.kind == MemberKind::symlink;
    line.changed_while_read = last.changed_while_read;
    if (has_content(head_.kind)) line.sha256 = last.sha256;
    if (head_.name == kManifestName) return {};
    manifest_.add(head_.name, line);
    fingerprint_.add(head_, has_content(head_.kind) ? &last.sha256 : nullptr);
    if (has_content(head_.kind) && head_.kind != MemberKind::bytes) {
        ++files_;
        bytes_in_ += record_.size;
    }
    return {};
}

std::string MemberWriter::manifest(const PackageRequest& request, const PackagePlan& plan, const ProblemList& problems, PackageReport& report) {
    ManifestWriter::Parts parts = manifest_.finish(request, plan, problems, files_, bytes_in_);
    report.manifest = std::move(parts.head);
    return std::move(parts.text);
}

Status MemberWriter::finish(const ProblemList& problems, PackageReport& report) {
    ORACX_TRYV(archive_.finish());

    report.archive_bytes = archive_.bytes();
    report.members = archive_.members();
    report.files = files_;
    report.bytes_in = bytes_in_;
    report.problems = problems.problems();
    report.problem_count = problems.total();
    for (std::size_t i = 0; i < std::size(report.counts); ++i) report.counts[i] = problems.count(static_cast<PackageProblem::What>(i));
    if (!problems.any_serious()) report.fingerprint = fingerprint_.whole();
    return {};
}

}  // namespace oracxfs
