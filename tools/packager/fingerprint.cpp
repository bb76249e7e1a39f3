#include "tools/packager/fingerprint.h"

#include <fmt/format.h>

#include <algorithm>

namespace oracxfs {
namespace {

using MemberKind = PlannedMember::Kind;

// What is written through a memory mapping shows in a file's times only once until the page is on the disk (after half a
// minute at most); kernels also stamp with a clock that ticks every few milliseconds, file systems some in whole seconds.
constexpr std::int64_t kFreshNs = 60'000'000'000;
constexpr std::size_t kShownBytes = 16;

void feed(Sha256Hasher& hasher, std::string_view text) { hasher.update(std::as_bytes(std::span(text.data(), text.size()))); }

std::string shortened(Sha256Hasher& hasher) {
    const Sha256 hash = hasher.finish();
    return to_hex(std::span(hash).first(kShownBytes));
}

}  // namespace

FingerprintBuilder::FingerprintBuilder(const PackageRequest& request) : now_ns_(to_ms(request.now) * 1'000'000) {
    feed(shape_, fmt::format("{} {}\n", static_cast<int>(request.compression), request.passphrase.has_value()));
}

void FingerprintBuilder::add(const MemberHead& head, const Sha256* sha256) {
    if (!head.counts_as_content) return;
    // Names may hold anything but zero bytes.
    const std::string name = head.name + '\0';
    const FileStat& stat = head.stat;
    switch (head.kind) {
        case MemberKind::folder: feed(shape_, fmt::format("{}d {:o}\n", name, stat.mode)); return;
        case MemberKind::bytes: feed(shape_, fmt::format("{}t {}\n", name, to_hex(*sha256))); return;
        case MemberKind::command:
            feed(shape_, fmt::format("{}c\n", name));
            has_commands_ = true;
            break;
        default:
            feed(shape_, fmt::format("{}f {:o} {} {}\n", name, stat.mode, stat.size, stat.mtime_ns));
            feed(quick_, fmt::format("{}{} {}\n", name, stat.inode, stat.ctime_ns));
            if (std::max(stat.mtime_ns, stat.ctime_ns) > now_ns_ - kFreshNs) fresh_ = true;
    }
    if (sha256 != nullptr) feed(content_, name + to_hex(*sha256));
}

std::string FingerprintBuilder::shape() { return shortened(shape_); }
std::string FingerprintBuilder::quick() { return fresh_ || has_commands_ ? "-" : shortened(quick_); }
std::string FingerprintBuilder::content() { return shortened(content_); }

FingerprintParts split_fingerprint(std::string_view text) {
    constexpr std::size_t kHex = 2 * kShownBytes;
    const std::size_t first = text.find(':'), second = text.find(':', first + 1), third = text.find(':', second + 1);
    if (!text.starts_with("1:") || second == std::string_view::npos || third == std::string_view::npos) return {};
    FingerprintParts parts{std::string(text.substr(first + 1, second - first - 1)), std::string(text.substr(second + 1, third - second - 1)),
                           std::string(text.substr(third + 1))};
    if (parts.shape.size() != kHex || parts.content.size() != kHex || (parts.quick.size() != kHex && parts.quick != "-")) return {};
    return parts;
}

MemberHead planned_head(const PackagePlan& plan, const PlannedMember& member) {
    MemberHead head;
    head.name = member.name;
    if (member.kind == MemberKind::folder) head.name += member.name.ends_with('/') ? "" : "/";
    head.kind = member.kind;
    head.stat = member.stat;
    if (member.kind == MemberKind::bytes) head.counts_as_content = plan.texts[member.of].counts_as_content;
    return head;
}

}  // namespace oracxfs
