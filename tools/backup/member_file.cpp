#include "tools/backup/member_file.h"

#include <algorithm>
#include <cstring>

#include "base/log.h"
#include "tools/packager/zip_format.h"

namespace oracxfs {
namespace {

constexpr std::size_t kIdleMax = 4;
constexpr Millis kIdleFor{10'000};  // an open package keeps its bytes from being freed
constexpr std::size_t kAheadBytes = 1u << 20;
constexpr std::uint64_t kSmallBytes = 8u << 20;  // up to there no more than the member is fetched; a large one is read ahead
constexpr std::size_t kBehindBytes = 2u << 20;  // more than one request of the kernel

}  // namespace

// --- opened packages ---------------------------------------------------------------------------------------------------

Result<std::unique_ptr<OpenPackages::Opened>> OpenPackages::take(const NodeRow& package, const OpContext& ctx) {
    {
        const std::lock_guard lock(mutex_);
        const auto found = std::find_if(idle_.begin(), idle_.end(), [&](const Idle& idle) { return idle.version == package.version; });
        if (found != idle_.end()) {
            auto opened = std::move(found->opened);
            idle_.erase(found);
            return opened;
        }
    }
    auto opened = std::make_unique<Opened>();
    ORACX_TRY(opened->source, VaultReader::open(env_.filesystem, package.name));
    if (opened->source->size() != package.size) return fail(Errc::not_found, "open " + package.name, "another backup took its place");
    PackageReaderOptions options;
    ORACX_TRY(auto index, env_.catalog.package_index(package.version));
    if (index) options.directory_bytes = std::move(*index);
    ORACX_TRY(auto passphrase, stored_passphrase(env_));
    if (passphrase) options.passphrase.emplace(std::move(passphrase->value));
    ORACX_TRY(opened->reader, PackageReader::open(ctx, opened->source, std::move(options)));
    return opened;
}

void OpenPackages::give_back(VersionId version, std::unique_ptr<Opened> opened) {
    std::vector<Idle> gone;  // closed after the lock
    const std::lock_guard lock(mutex_);
    idle_.push_back({version, env_.clock.steady(), std::move(opened)});
    while (idle_.size() > kIdleMax) {
        gone.push_back(std::move(idle_.front()));
        idle_.erase(idle_.begin());
    }
}

void OpenPackages::drop_old() {
    std::vector<Idle> gone;
    const std::lock_guard lock(mutex_);
    const SteadyTime now = env_.clock.steady();
    while (!idle_.empty() && now - idle_.front().since > kIdleFor) {
        gone.push_back(std::move(idle_.front()));
        idle_.erase(idle_.begin());
    }
}

// --- a member ----------------------------------------------------------------------------------------------------------

MemberFile::~MemberFile() { close(); }

void MemberFile::close() {
    steps_.reset();
    if (opened_) pool_->give_back(package_.version, std::move(opened_));
}

Status MemberFile::open(const OpContext& ctx) {
    if (opened_) return {};
    ORACX_TRY(opened_, pool_->take(package_, ctx));
    opened_->source->read_in_pieces(entry_.compressed <= kSmallBytes);
    return {};
}

Result<std::size_t> MemberFile::read_at(std::uint64_t offset, std::span<std::byte> into, const std::stop_token& stop) {
    if (offset >= entry_.size) return std::size_t{0};
    const OpContext ctx{stop, std::nullopt};
    into = into.first(static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), entry_.size - offset)));
    const std::lock_guard lock(mutex_);
    if (damage_) return fail(*damage_);
    const bool stored = entry_.method == zip::kStored && entry_.aes_strength == 0;
    Status done;
    if (stored) {
        done = read_stored(ctx, offset, into);
    } else {
        if (offset < made_from_) {  // back to the front
            close();
            made_.clear();
            made_from_ = 0;
            complete_ = false;
        }
        done = make_until(ctx, offset + into.size());
        if (done) std::memcpy(into.data(), made_.data() + (offset - made_from_), into.size());
    }
    if (!done) {
        steps_.reset();  // it may have stopped in the middle of a step
        made_.clear();
        made_from_ = 0;
        complete_ = false;
        if (done.error().code == Errc::corrupt) {
            damage_ = done.error();
            log::error("backup", "member " + entry_.name + " of " + package_.name + ": " + done.error().to_string());
        }
        close();
        return fail(std::move(done).error());
    }
    return into.size();
}

// Content up to `end`, and all of what is wanted still there.
Status MemberFile::make_until(const OpContext& ctx, std::uint64_t end) {
    const auto made = [&] { return made_from_ + made_.size(); };
    if (complete_ || (made() >= end && end < entry_.size)) return {};
    ORACX_TRYV(open(ctx));
    if (!steps_) {
        made_.clear();
        made_from_ = 0;
        ORACX_TRY(steps_, opened_->reader->begin(ctx, entry_));
    }
    const std::uint64_t from = end - std::min<std::uint64_t>(end, kBehindBytes);  // earlier bytes are not kept
    while (!steps_->at_end() && (made() < end || end == entry_.size)) {
        ORACX_TRYV(steps_->step(ctx, [&](ByteSpan data) -> Status {
            made_.insert(made_.end(), data.begin(), data.end());
            if (made_.size() > 4 * kBehindBytes && made_from_ < from) {
                const auto passed = static_cast<std::size_t>(std::min<std::uint64_t>(from - made_from_, made_.size() - kBehindBytes));
                made_.erase(made_.begin(), made_.begin() + static_cast<std::ptrdiff_t>(passed));
                made_from_ += passed;
            }
            return {};
        }));
    }
    if (steps_->at_end()) {
        ORACX_TRYV(steps_->finish(ctx));
        complete_ = true;
        close();
    }
    if (made() < end) return fail(Errc::corrupt, "read " + entry_.name, "it is shorter than the directory says");
    return {};
}

// Who reads on gets large pieces that end where the member does, so that nothing behind it is fetched.
Status MemberFile::fill(const OpContext& ctx, std::uint64_t offset, std::span<std::byte> into) {
    while (!into.empty()) {
        if (offset >= ahead_from_ && offset - ahead_from_ < ahead_.size()) {
            const auto begin = static_cast<std::size_t>(offset - ahead_from_);
            const std::size_t count = std::min(into.size(), ahead_.size() - begin);
            std::memcpy(into.data(), ahead_.data() + begin, count);
            offset += count;
            into = into.subspan(count);
            continue;
        }
        const bool reads_on = offset == 0 || offset == next_ || offset == ahead_from_ + ahead_.size();
        if (!reads_on) return opened_->source->read_at(ctx, *stored_at_ + offset, into);
        Bytes piece(static_cast<std::size_t>(std::min<std::uint64_t>(kAheadBytes, entry_.size - offset)));
        ORACX_TRYV(opened_->source->read_at(ctx, *stored_at_ + offset, piece));
        ahead_ = std::move(piece);
        ahead_from_ = offset;
    }
    return {};
}

Status MemberFile::read_stored(const OpContext& ctx, std::uint64_t offset, std::span<std::byte> into) {
    ORACX_TRYV(open(ctx));
    if (!stored_at_) {
        ORACX_TRY(stored_at_, opened_->reader->stored_at(ctx, entry_));
    }
    ORACX_TRYV(fill(ctx, offset, into));
    next_ = offset + into.size();
    // Who reads from the front gets the CRC compared; every byte was compared with its tag anyway.
    if (offset > checked_ || offset + into.size() <= checked_ || !entry_.has_crc) return {};
    const auto fresh = into.subspan(static_cast<std::size_t>(checked_ - offset));
    crc_ = crc32_of(fresh, crc_);
    checked_ += fresh.size();
    if (checked_ == entry_.size && crc_ != entry_.crc) return fail(Errc::corrupt, "read " + entry_.name, "its CRC is wrong");
    return {};
}

}  // namespace oracxfs
