#pragma once
// Tells whether sources hold what they held for the last package.
//
// A fingerprint is "1:SHAPE:QUICK:CONTENT". SHAPE is a hash of names, kinds, modes, sizes and times of modification, and
// of what the package is made like. Another shape is another content. QUICK adds what a program that sets times cannot
// set (inode and time of change): the same shape and quick are the same content, and nothing has to be read. When only
// QUICK differs (or is "-", because something had been changed just before), CONTENT decides: a hash of all hashes.
// Times of folders do not count, since temporary files change them.

#include <cstdint>
#include <string>
#include <string_view>

#include "base/hash.h"
#include "tools/packager/piece_queue.h"

namespace oracxfs {

class FingerprintBuilder {
  public:
    explicit FingerprintBuilder(const PackageRequest& request);
    // In the order of the members. `sha256` may be missing (null), but not of texts, while only shape and quick are wanted.
    void add(const MemberHead& head, const Sha256* sha256);
    [[nodiscard]] std::string shape();  // each once
    [[nodiscard]] std::string quick();
    [[nodiscard]] std::string content();
    [[nodiscard]] std::string whole() { return "1:" + shape() + ":" + quick() + ":" + content(); }

  private:
    const std::int64_t now_ns_;
    bool fresh_ = false;         // something was changed so shortly before that it may change again unseen
    bool has_commands_ = false;
    Sha256Hasher shape_, quick_, content_;
};

struct FingerprintParts {
    std::string shape, quick, content;
};
// All empty unless it is a fingerprint of this form.
FingerprintParts split_fingerprint(std::string_view text);

// The head that a planned member would have if it were read now.
MemberHead planned_head(const PackagePlan& plan, const PlannedMember& member);

}  // namespace oracxfs
