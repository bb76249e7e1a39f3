#pragma once
// Reads a package, wherever it is stored, with few and large reads: one for the directory (two if it is larger than
// 1 MiB), and one for a member of up to 4 MiB. With the directory's bytes from an earlier time, listing needs none.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/op_context.h"
#include "base/result.h"
#include "cache/secret_box.h"
#include "tools/packager/manifest.h"
#include "tools/packager/range_reader.h"
#include "tools/packager/zip_directory.h"

namespace oracxfs {

struct PackageReaderOptions {
    std::optional<WipedString> passphrase;
    std::string directory_bytes;  // from PackageReader::directory_bytes(), of this very package; "" = not known
};

// One user at a time. Memory: the directory, about 250 bytes a member, and 6 MiB.
class PackageReader {
  public:
    // Errors: corrupt (no ZIP file, a damaged or a hostile one), unsupported, too_large, and what the reader says.
    static Result<std::unique_ptr<PackageReader>> open(const OpContext& ctx, std::shared_ptr<RangeReader> source, PackageReaderOptions options);
    ~PackageReader();
    PackageReader(const PackageReader&) = delete;
    PackageReader& operator=(const PackageReader&) = delete;

    [[nodiscard]] const std::vector<PackageEntry>& entries() const;
    [[nodiscard]] const PackageEntry* find(std::string_view name) const;
    // What to keep, to open the package again without reading its directory.
    [[nodiscard]] std::string directory_bytes() const;

    // not_found: a ZIP file that is no package of ours. Read once.
    Result<const Manifest*> manifest(const OpContext& ctx);

    struct Extracted {
        std::uint64_t bytes = 0;
        Sha256 sha256{};
    };
    using Sink = std::function<Status(ByteSpan)>;
    // Gives the member's content to `sink`, never more than the directory says. An error may come after the content:
    // nothing counts before success. Compared are size and CRC, or the authentication code; not the manifest.
    // Errors: key_unavailable (a passphrase is missing or wrong), corrupt, unsupported (a member that is never
    // extracted), cancelled, deadline, and what reader and sink say.
    Result<Extracted> extract(const OpContext& ctx, const PackageEntry& entry, const Sink& sink);
    // The same in steps, for who wants the content when it suits him. One at a time, and nothing else of this reader meanwhile.
    class Extraction {
      public:
        virtual ~Extraction() = default;
        [[nodiscard]] virtual bool at_end() const = 0;
        virtual Status step(const OpContext& ctx, const Sink& sink) = 0;  // some of it, what at most 16 KiB of the package hold
        virtual Result<Extracted> finish(const OpContext& ctx) = 0;       // at the end: was it what was packed?
    };
    Result<std::unique_ptr<Extraction>> begin(const OpContext& ctx, const PackageEntry& entry);
    // Where the bytes of a member lie that is neither compressed nor encrypted; they may then be read from there.
    Result<std::uint64_t> stored_at(const OpContext& ctx, const PackageEntry& entry);
    // What follows up to `offset` is wanted too, so it may be read along.
    void expect_until(std::uint64_t offset);

  private:
    struct Impl;
    class Steps;
    explicit PackageReader(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace oracxfs
