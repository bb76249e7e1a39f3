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

Result<PackageReader::Extracted> PackageReader::extract(const OpContext& ctx, const PackageEntry& entry, const Sink& sink) {
    Impl& self = *impl_;
    if (!entry.refused.empty()) return fail(Errc::unsupported, "extract " + entry.name, std::string(entry.refused));
    const std::uint64_t until = entry.offset + zip::kLocalBytes + entry.name.size() + kLocalExtraGuess + entry.compressed;
    ORACX_TRY(std::uint64_t at, self.data_offset(ctx, entry, std::min(until, self.directory_offset)));
    std::uint64_t end = at + entry.compressed;
    std::optional<zip::AesStream> cipher;
    if (entry.aes_strength != 0) {
        ORACX_TRY(cipher, self.open_cipher(ctx, entry, at, end));
        end -= zip::kAesMacBytes;
    }

    Extracted out;
    Sha256Hasher hasher;
    std::uint32_t crc = 0;
    const Sink check = [&](ByteSpan data) -> Status {
        out.bytes += data.size();
        if (out.bytes > entry.size) return damaged(entry, "it is larger than the directory says");
        hasher.update(data);
        crc = crc32_of(data, crc);
        return sink(data);
    };
    std::optional<InflateStream> inflater;
    if (entry.method == zip::kDeflated) inflater.emplace();
    constexpr std::size_t kStepBytes = 64u << 10;
    Bytes step;
    while (at < end) {
        ORACX_TRYV(still_wanted(ctx, self.clock));
        ORACX_TRY(const ByteSpan there, self.window.view(ctx, at, end + (cipher ? zip::kAesMacBytes : 0)));
        const auto count = static_cast<std::size_t>(std::min<std::uint64_t>({there.size(), end - at, kStepBytes}));
        ByteSpan data = there.first(count);
        if (cipher) {
            step.assign(data.begin(), data.end());
            cipher->decrypt(step);
            data = step;
        }
        ORACX_TRYV(inflater ? inflater->feed(data, check) : check(data));
        at += count;
    }
    if (cipher) {
        zip::AesMac mac{};
        ORACX_TRYV(self.window.read(ctx, end, end + mac.size(), mac));
        if (!zip::AesStream::equal(cipher->mac(), mac)) return damaged(entry, "its authentication code is wrong: damaged, or not this passphrase");
    }
    if ((inflater && !inflater->at_end()) || out.bytes != entry.size) return damaged(entry, "it is shorter than the directory says");
    if (entry.has_crc && crc != entry.crc) return damaged(entry, "its CRC is wrong");
    out.sha256 = hasher.finish();
    return out;
}

}  // namespace oracxfs
