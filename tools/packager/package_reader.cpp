#include "tools/packager/package_reader.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "providers/wait.h"
#include "tools/packager/inflate.h"
#include "tools/packager/package_window.h"
#include "tools/packager/zip_aes.h"
#include "tools/packager/zip_format.h"

namespace oracxfs {
namespace {

// What local headers have besides name and data; more of it costs one more read.
constexpr std::uint64_t kLocalExtraGuess = 256;
// The list of members, and what is said about the whole. A manifest takes many times its size in memory when it is read,
// so a stranger's must not be larger than its members can explain.
constexpr std::uint64_t kManifestBytesBase = 16u << 20, kManifestBytesPerMember = 1024;

tl::unexpected<Error> damaged(const PackageEntry& entry, std::string why) {
    return fail(Error(Errc::corrupt, "extract " + entry.name, std::move(why)));
}

}  // namespace

struct PackageReader::Impl {
    Impl(std::shared_ptr<RangeReader> source, std::optional<WipedString> secret) : window(std::move(source)), passphrase(std::move(secret)) {}

    Status open(const OpContext& ctx, std::string known);
    Result<std::uint64_t> data_offset(const OpContext& ctx, const PackageEntry& entry, std::uint64_t until);
    Result<zip::AesStream> open_cipher(const OpContext& ctx, const PackageEntry& entry, std::uint64_t& at, std::uint64_t until);

    PackageWindow window;
    const std::optional<WipedString> passphrase;
    SystemClock clock;
    std::uint64_t directory_offset = 0;
    std::string directory;  // and all that follows
    std::vector<PackageEntry> entries;
    std::vector<std::uint32_t> by_name;  // indexes of entries, in the order of their names
    std::optional<Manifest> manifest;
};

PackageReader::PackageReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
PackageReader::~PackageReader() = default;

Result<std::unique_ptr<PackageReader>> PackageReader::open(const OpContext& ctx, std::shared_ptr<RangeReader> source,
                                                           PackageReaderOptions options) {
    auto impl = std::make_unique<Impl>(std::move(source), std::move(options.passphrase));
    ORACX_TRYV(impl->open(ctx, std::move(options.directory_bytes)));
    return std::unique_ptr<PackageReader>(new PackageReader(std::move(impl)));
}

Status PackageReader::Impl::open(const OpContext& ctx, std::string known) {
    const std::uint64_t size = window.size();
    Bytes tail;
    if (known.empty() || known.size() > size) {
        tail.resize(static_cast<std::size_t>(std::min(size, zip::kTailBytes)));
        if (!tail.empty()) ORACX_TRYV(window.fetch(ctx, size - tail.size(), tail));
        known.assign(reinterpret_cast<const char*>(tail.data()), tail.size());
    }
    const std::uint64_t known_offset = size - known.size();
    const auto bytes_of = [](const std::string& text) { return std::as_bytes(std::span(text.data(), text.size())); };
    ORACX_TRY(const zip::EndRecord end, zip::find_end(bytes_of(known), size));
    directory_offset = end.directory_offset;
    if (end.directory_offset >= known_offset) {
        directory = known.substr(static_cast<std::size_t>(end.directory_offset - known_offset));
    } else {
        directory.resize(static_cast<std::size_t>(known_offset - end.directory_offset));
        ORACX_TRYV(window.fetch(ctx, end.directory_offset, std::as_writable_bytes(std::span(directory.data(), directory.size()))));
        directory += known;
    }
    window.keep_tail(std::move(tail));
    ORACX_TRY(entries, zip::parse_directory(bytes_of(directory).first(static_cast<std::size_t>(end.directory_bytes)), end));
    by_name.resize(entries.size());
    std::iota(by_name.begin(), by_name.end(), 0u);
    std::sort(by_name.begin(), by_name.end(), [&](std::uint32_t a, std::uint32_t b) { return entries[a].name < entries[b].name; });
    return {};
}

const std::vector<PackageEntry>& PackageReader::entries() const { return impl_->entries; }

const PackageEntry* PackageReader::find(std::string_view name) const {
    const auto& entries = impl_->entries;
    const auto found = std::lower_bound(impl_->by_name.begin(), impl_->by_name.end(), name,
                                        [&](std::uint32_t index, std::string_view wanted) { return entries[index].name < wanted; });
    return found == impl_->by_name.end() || entries[*found].name != name ? nullptr : &entries[*found];
}

std::string PackageReader::directory_bytes() const { return impl_->directory; }

void PackageReader::expect_until(std::uint64_t offset) { impl_->window.expect_until(offset); }

Result<const Manifest*> PackageReader::manifest(const OpContext& ctx) {
    if (impl_->manifest) return &*impl_->manifest;
    const PackageEntry* entry = find(kManifestName);
    if (entry == nullptr) return fail(Errc::not_found, "read the manifest", "the package has none");
    if (entry->size > kManifestBytesBase + entries().size() * kManifestBytesPerMember) return fail(Errc::invalid, "read the manifest", "it is too large");
    std::string text;
    ORACX_TRYV(extract(ctx, *entry, [&](ByteSpan data) -> Status {
        text.append(reinterpret_cast<const char*>(data.data()), data.size());
        return {};
    }));
    ORACX_TRY(impl_->manifest, parse_manifest(text));
    return &*impl_->manifest;
}

// Behind the local header, which must say what the directory says.
Result<std::uint64_t> PackageReader::Impl::data_offset(const OpContext& ctx, const PackageEntry& entry, std::uint64_t until) {
    std::array<char, zip::kLocalBytes> header{};
    ORACX_TRYV(window.read(ctx, entry.offset, until, std::as_writable_bytes(std::span(header))));
    const std::size_t name_bytes = zip::u16(header.data() + 26), extra_bytes = zip::u16(header.data() + 28);
    if (zip::u32(header.data()) != zip::kLocalSignature || name_bytes != entry.name.size()) return damaged(entry, "its local header is missing");
    std::string name(name_bytes, '\0');
    ORACX_TRYV(window.read(ctx, entry.offset + header.size(), until, std::as_writable_bytes(std::span(name.data(), name.size()))));
    const std::uint16_t method = zip::u16(header.data() + 8);
    const bool same_method = method == (entry.aes_strength != 0 ? zip::kAes : entry.method);
    const std::uint32_t compressed = zip::u32(header.data() + 18), size = zip::u32(header.data() + 22);
    const auto fits = [](std::uint32_t here, std::uint64_t there) { return here == there || here == 0xffffffff; };
    const bool same_sizes = entry.streamed || (fits(compressed, entry.compressed) && fits(size, entry.size));
    if (name != entry.name || !same_method || !same_sizes) return damaged(entry, "its local header contradicts the directory");
    const std::uint64_t data = entry.offset + header.size() + name_bytes + extra_bytes;
    if (data > directory_offset || directory_offset - data < entry.compressed) return damaged(entry, "it reaches into the directory");
    return data;
}

Result<zip::AesStream> PackageReader::Impl::open_cipher(const OpContext& ctx, const PackageEntry& entry, std::uint64_t& at, std::uint64_t until) {
    if (!passphrase) return fail(Errc::key_unavailable, "extract " + entry.name, "the package is encrypted, and no passphrase was given");
    Bytes salt(zip::aes_salt_bytes(entry.aes_strength));
    std::array<std::byte, zip::kAesVerifierBytes> verifier{};
    ORACX_TRYV(window.read(ctx, at, until, salt));
    ORACX_TRYV(window.read(ctx, at + salt.size(), until, verifier));
    at += salt.size() + verifier.size();
    ORACX_TRY(auto cipher, zip::AesStream::open(passphrase->value, entry.aes_strength, salt));
    if (!zip::AesStream::equal(cipher.verifier(), verifier)) return fail(Errc::key_unavailable, "extract " + entry.name, "the passphrase is wrong");
    return cipher;
}

class PackageReader::Steps final : public PackageReader::Extraction {
  public:
    Steps(Impl& reader, const PackageEntry& entry) : reader_(reader), entry_(entry) {}

    Status open(const OpContext& ctx) {
        const std::uint64_t until = entry_.offset + zip::kLocalBytes + entry_.name.size() + kLocalExtraGuess + entry_.compressed;
        ORACX_TRY(at_, reader_.data_offset(ctx, entry_, std::min(until, reader_.directory_offset)));
        end_ = at_ + entry_.compressed;
        if (entry_.aes_strength != 0) {
            ORACX_TRY(cipher_, reader_.open_cipher(ctx, entry_, at_, end_));
            end_ -= zip::kAesMacBytes;
        }
        if (entry_.method == zip::kDeflated) inflater_.emplace();
        return {};
    }

    [[nodiscard]] bool at_end() const override { return at_ >= end_; }

    Status step(const OpContext& ctx, const Sink& sink) override {
        if (at_end()) return {};
        ORACX_TRYV(still_wanted(ctx, reader_.clock));
        ORACX_TRY(const ByteSpan there, reader_.window.view(ctx, at_, end_ + (cipher_ ? zip::kAesMacBytes : 0)));
        // Deflate makes up to 1000 bytes of one: what a step gives has to fit into memory.
        constexpr std::uint64_t kStepBytes = 16u << 10;
        const auto count = static_cast<std::size_t>(std::min<std::uint64_t>({there.size(), end_ - at_, kStepBytes}));
        ByteSpan data = there.first(count);
        if (cipher_) {
            clear_.assign(data.begin(), data.end());
            cipher_->decrypt(clear_);
            data = clear_;
        }
        const Sink check = [&](ByteSpan piece) -> Status {
            out_.bytes += piece.size();
            if (out_.bytes > entry_.size) return damaged(entry_, "it is larger than the directory says");
            hasher_.update(piece);
            crc_ = crc32_of(piece, crc_);
            return sink(piece);
        };
        ORACX_TRYV(inflater_ ? inflater_->feed(data, check) : check(data));
        at_ += count;
        return {};
    }

    Result<Extracted> finish(const OpContext& ctx) override {
        if (cipher_) {
            zip::AesMac mac{};
            ORACX_TRYV(reader_.window.read(ctx, end_, end_ + mac.size(), mac));
            if (!zip::AesStream::equal(cipher_->mac(), mac)) return damaged(entry_, "its authentication code is wrong: damaged, or not this passphrase");
        }
        if ((inflater_ && !inflater_->at_end()) || out_.bytes != entry_.size) return damaged(entry_, "it is shorter than the directory says");
        if (entry_.has_crc && crc_ != entry_.crc) return damaged(entry_, "its CRC is wrong");
        out_.sha256 = hasher_.finish();
        return out_;
    }

  private:
    Impl& reader_;
    const PackageEntry entry_;
    std::uint64_t at_ = 0, end_ = 0;
    std::optional<zip::AesStream> cipher_;
    std::optional<InflateStream> inflater_;
    Bytes clear_;
    Extracted out_;
    Sha256Hasher hasher_;
    std::uint32_t crc_ = 0;
};

Result<std::unique_ptr<PackageReader::Extraction>> PackageReader::begin(const OpContext& ctx, const PackageEntry& entry) {
    if (!entry.refused.empty()) return fail(Errc::unsupported, "extract " + entry.name, std::string(entry.refused));
    auto steps = std::make_unique<Steps>(*impl_, entry);
    ORACX_TRYV(steps->open(ctx));
    return std::unique_ptr<Extraction>(std::move(steps));
}

Result<PackageReader::Extracted> PackageReader::extract(const OpContext& ctx, const PackageEntry& entry, const Sink& sink) {
    ORACX_TRY(const auto steps, begin(ctx, entry));
    while (!steps->at_end()) ORACX_TRYV(steps->step(ctx, sink));
    return steps->finish(ctx);
}

Result<std::uint64_t> PackageReader::stored_at(const OpContext& ctx, const PackageEntry& entry) {
    if (!entry.refused.empty()) return fail(Errc::unsupported, "extract " + entry.name, std::string(entry.refused));
    if (entry.method != zip::kStored || entry.aes_strength != 0 || entry.compressed != entry.size)
        return fail(Errc::unsupported, "read " + entry.name, "its bytes are not stored as they are");
    return impl_->data_offset(ctx, entry, std::min(entry.offset + zip::kLocalBytes + entry.name.size() + kLocalExtraGuess, impl_->directory_offset));
}

}  // namespace oracxfs
