#include "tools/packager/member_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

#include "cache/sqlite_copy.h"
#include "tools/packager/file_copy.h"
#include "tools/packager/fingerprint.h"

namespace oracxfs {
namespace {

using What = PackageProblem::What;
using MemberKind = PlannedMember::Kind;

constexpr int kReadsMax = 3;  // of a file that changes
constexpr std::uint64_t kDatabaseBytesMin = 512;  // of the smallest database
// A database that stands alone is worth waiting for; one of many in a tree less.
constexpr Millis kPatience{30'000}, kPatienceInTree{5'000};

std::string_view without_suffix(std::string_view name) { return name.substr(0, name.rfind('-')); }

Result<FileStat> stat_of(const UniqueFd& fd) {
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0) return fail(error_from_errno(errno, "read"));
    return file_stat(status);
}

}  // namespace

MemberReader::MemberReader(const PackageRequest& request, const PackagePlan& plan, TempFolder& temps, ProblemList& problems,
                           std::stop_token stop)
    : request_(request), plan_(plan), temps_(temps), problems_(problems), stop_(std::move(stop)) {}

void MemberReader::read_all(PieceQueue& queue) {
    queue_ = &queue;
    for (const PlannedMember& member : plan_.members) {
        Status read = stop_.stop_requested() ? Status(fail(stopped())) : read_member(member);
        if (!read) {
            queue.fail_with(std::move(read).error());
            return;
        }
    }
    queue.close();
}

Status MemberReader::read_member(const PlannedMember& member) {
    switch (member.kind) {
        case MemberKind::folder: {
            MemberHead head = planned_head(plan_, member);
            head.stat.size = 0;
            return add_small(std::move(head), {});
        }
        case MemberKind::bytes: {
            const std::string& text = plan_.texts[member.of].bytes;
            MemberHead head = planned_head(plan_, member);
            head.plain = member.of == 0;  // how to restore must be readable without the passphrase
            return cut_text(std::move(head), text);
        }
        case MemberKind::symlink: return read_link(member);
        case MemberKind::file: return read_file(member);
        case MemberKind::database: return read_database(member);
        case MemberKind::database_part: return read_part(member);
        case MemberKind::command: return read_command(member);
    }
    return {};
}

void MemberReader::read_text(PieceQueue& queue, MemberHead head, std::string_view text) {
    queue_ = &queue;
    if (Status read = cut_text(std::move(head), text); !read) queue.fail_with(std::move(read).error());
    queue.close();
}

Status MemberReader::cut_text(MemberHead head, std::string_view text) {
    const Input input = [rest = std::as_bytes(std::span(text.data(), text.size()))](std::span<std::byte> into) mutable -> Result<std::size_t> {
        const std::size_t count = std::min(into.size(), rest.size());
        std::copy_n(rest.begin(), count, into.begin());
        rest = rest.subspan(count);
        return count;
    };
    ORACX_TRYV(cut(std::move(head), text.size(), input, nullptr));
    return {};
}

Status MemberReader::add_small(MemberHead head, Bytes content) {
    auto piece = std::make_unique<Piece>();
    piece->first = piece->last = true;
    piece->head = std::move(head);
    piece->content = std::move(content);
    if (!queue_->add(std::move(piece))) return fail(stopped());
    return {};
}

void MemberReader::report(const PlannedMember& member, int error) {
    const bool gone = error == ENOENT || error == ESTALE || error == ENOTDIR;
    problems_.add(gone ? What::vanished : What::unreadable, plan_.full_path(member), error_from_errno(error, "").why);
}

Result<MemberReader::Outcome> MemberReader::cut(MemberHead head, std::optional<std::uint64_t> size, const Input& input, const Judge& judge) {
    const bool large = !size || *size > PieceQueue::kHeldBytesMax;
    std::uint64_t read = 0;
    const auto next_block = [&]() -> Result<Bytes> {
        if (stop_.stop_requested()) return fail(stopped());
        Bytes block(static_cast<std::size_t>(std::min<std::uint64_t>(kDeflateBlockBytes, size ? *size - read : kDeflateBlockBytes)));
        if (block.empty()) return block;
        ORACX_TRY(const std::size_t count, input(block));
        block.resize(count);
        read += count;
        return block;
    };
    ORACX_TRY(Bytes current, next_block());
    std::optional<Sha256Hasher> hasher;
    for (bool first = true;; first = false) {
        // One block ahead, to know the last one.
        Result<Bytes> next = current.size() == kDeflateBlockBytes ? next_block() : Result<Bytes>(Bytes());
        auto piece = std::make_unique<Piece>();
        piece->first = first;
        piece->last = !next || next->empty();
        piece->compressed_already = looks_compressed(current);
        if (first) piece->head = std::move(head);
        if (!piece->is_whole()) {
            piece->streamed = large;
            if (!hasher) hasher.emplace();
            hasher->update(current);
        }
        Verdict verdict{next.has_value(), false};
        if (piece->last) {
            if (hasher) piece->sha256 = hasher->finish();
            if (next && judge) verdict = judge(read, hasher ? &piece->sha256 : nullptr);
            piece->keep = verdict.keep;
            piece->changed_while_read = verdict.changed_while_read;
        }
        piece->content = std::move(current);
        const bool last = piece->last;
        const bool nothing_given = piece->is_whole() && !piece->keep;
        if (!nothing_given && !queue_->add(std::move(piece))) return fail(stopped());
        if (!next) return fail(std::move(next).error());
        if (last) return verdict.keep ? Outcome::done : Outcome::dropped;
        current = std::move(*next);
    }
}

Status MemberReader::read_file(const PlannedMember& member) {
    for (int attempt = 1; attempt <= kReadsMax; ++attempt) {
        UniqueFd fd = plan_.open(member, O_RDONLY | O_NONBLOCK | O_NOCTTY);
        if (!fd) {
            report(member, errno);
            return {};
        }
        ORACX_TRY(const FileStat before, stat_of(fd));
        if (!S_ISREG(before.mode)) {
            problems_.add(What::vanished, plan_.full_path(member), "it is no file any more");
            return {};
        }
        if (before.size >= kDatabaseBytesMin && !raw_databases_.contains(member.name) && is_sqlite_file(fd)) {
            fd.reset();  // closing it later would take SQLite's locks away
            return read_database(member);
        }
        if (attempt > 1 && before.size > PieceQueue::kHeldBytesMax) return read_changing_file(member);

        MemberHead head = planned_head(plan_, member);
        head.stat = before;
        bool changed = false;
        const Judge judge = [&](std::uint64_t bytes, const Sha256* sha256) -> Verdict {
            const auto after = stat_of(fd);
            changed = !after || *after != before || (before.size != 0 && bytes != before.size);
            if (changed && sha256 != nullptr && bytes > PieceQueue::kHeldBytesMax && is_same_again(fd, bytes, *sha256)) changed = false;
            return {!changed || attempt == kReadsMax, changed};
        };
        // Files without a size, as in /proc, may have content all the same.
        const std::optional<std::uint64_t> size = before.size != 0 ? std::optional(before.size) : std::nullopt;
        const auto outcome = cut(std::move(head), size, file_input(fd), judge);
        if (!outcome) {
            if (outcome.error().code == Errc::cancelled) return fail(outcome.error());
            report(member, outcome.error().native);
            return {};
        }
        if (*outcome == Outcome::dropped) continue;
        if (changed) problems_.add(What::changed_while_read, plan_.full_path(member), "it was written to each time it was read");
        return {};
    }
    return {};
}

// Large files are packed while they are read, so each attempt costs its size in the package. Copying is much faster than
// packing, hence much more likely to be done between two changes.
Status MemberReader::read_changing_file(const PlannedMember& member) {
    MemberHead head = planned_head(plan_, member);
    UniqueFd copy;
    bool changed = true;
    for (int attempt = 2; attempt <= kReadsMax && changed; ++attempt) {
        const UniqueFd fd = plan_.open(member, O_RDONLY | O_NONBLOCK | O_NOCTTY);
        if (!fd) {
            report(member, errno);
            return {};
        }
        ORACX_TRY(head.stat, stat_of(fd));
        if (!temps_.check_room(head.stat.size, request_.min_free)) break;
        copy.reset();
        const std::string path = temps_.next_path();
        auto copied = copy_to_temporary(fd, path, head.stat.size, stop_);
        if (!copied) {
            if (copied.error().code == Errc::cancelled) return fail(std::move(copied).error());
            break;
        }
        copy = std::move(*copied);
        const auto after = stat_of(fd);
        changed = !after || *after != head.stat;
    }
    if (!copy) {  // no room for a copy: as it comes
        copy = plan_.open(member, O_RDONLY | O_NONBLOCK | O_NOCTTY);
        if (!copy) {
            report(member, errno);
            return {};
        }
        ORACX_TRY(head.stat, stat_of(copy));
    }
    const auto outcome = cut(head, head.stat.size, file_input(copy), [&](std::uint64_t, const Sha256*) { return Verdict{true, changed}; });
    if (!outcome) {
        if (outcome.error().code == Errc::cancelled) return fail(outcome.error());
        report(member, outcome.error().native);
    } else if (changed) {
        problems_.add(What::changed_while_read, plan_.full_path(member), "it was written to each time it was read");
    }
    return {};
}

// What was read is a state that the file had: it only grew, or was only touched.
bool MemberReader::is_same_again(const UniqueFd& fd, std::uint64_t bytes, const Sha256& sha256) const {
    const auto before = stat_of(fd);
    if (!before || before->size < bytes) return false;
    const auto again = hash_file(fd, bytes, stop_);
    const auto after = stat_of(fd);
    return again && *again == sha256 && after && after->size >= before->size;
}

Result<std::string> MemberReader::copy_database(const PlannedMember& member) {
    const std::string path = plan_.full_path(member);
    ORACX_TRYV(temps_.check_room(member.stat.size, request_.min_free));
    const bool in_tree = plan_.sources[member.of].config.kind != "sqlite";
    std::string copy = temps_.next_path();
    ORACX_TRYV(sqlite::copy_live_database(path, copy, in_tree ? kPatienceInTree : kPatience, stop_));
    return copy;
}

Status MemberReader::read_database(const PlannedMember& member) {
    MemberHead head = planned_head(plan_, member);
    {
        // Before the copy: a change after it is told by the next run.
        const UniqueFd fd = plan_.open(member, O_PATH);
        if (!fd) {
            report(member, errno);
            return {};
        }
        ORACX_TRY(head.stat, stat_of(fd));
    }
    struct stat log {};
    if (::stat((plan_.full_path(member) + "-wal").c_str(), &log) == 0) add_log(head.stat, file_stat(log));
    auto path = copy_database(member);
    if (!path) {
        if (path.error().code == Errc::cancelled || plan_.sources[member.of].config.kind == "sqlite") return fail(std::move(path).error());
        problems_.add(What::copied_raw, plan_.full_path(member), path.error().why.empty() ? path.error().message : path.error().why);
        raw_databases_.insert(member.name);
        return read_file(member);
    }
    const UniqueFd copy(::open(path->c_str(), O_RDONLY | O_CLOEXEC));
    ::unlink(path->c_str());
    if (!copy) return fail(error_from_errno(errno, "read the copy of " + plan_.full_path(member)));
    ORACX_TRY(const FileStat stat, stat_of(copy));
    ORACX_TRYV(cut(std::move(head), stat.size, file_input(copy), nullptr));
    return {};
}

Status MemberReader::read_part(const PlannedMember& member) {
    if (member.name.ends_with("-shm") || !raw_databases_.contains(std::string(without_suffix(member.name)))) return {};
    return read_file(member);
}

Status MemberReader::read_link(const PlannedMember& member) {
    const UniqueFd fd = plan_.open(member, O_PATH | O_NOFOLLOW);
    Bytes target(PATH_MAX);
    const ssize_t count = fd ? ::readlinkat(fd.get(), "", reinterpret_cast<char*>(target.data()), target.size()) : -1;
    if (count < 0) {
        report(member, errno);
        return {};
    }
    target.resize(static_cast<std::size_t>(count));
    return add_small(planned_head(plan_, member), std::move(target));
}

Status MemberReader::read_command(const PlannedMember& member) {
    MemberHead head = planned_head(plan_, member);
    if (const auto ran = outputs_.find(member.name); ran != outputs_.end()) {
        const UniqueFd fd(::open(ran->second.c_str(), O_RDONLY | O_CLOEXEC));
        if (!fd) return fail(error_from_errno(errno, "read the output of " + member.name));
        ORACX_TRY(const FileStat stat, stat_of(fd));
        ORACX_TRYV(cut(std::move(head), stat.size, file_input(fd), nullptr));
        return {};
    }
    ORACX_TRY(const auto command, CommandInput::start(member.name, plan_.sources[member.of].config.command));
    const Input input = [&](std::span<std::byte> into) -> Result<std::size_t> {
        std::size_t done = 0;
        while (done < into.size()) {
            ORACX_TRY(const std::size_t count, command->read(into.subspan(done), stop_));
            if (count == 0) break;
            done += count;
        }
        return done;
    };
    ORACX_TRYV(cut(std::move(head), std::nullopt, input, nullptr));
    return {};
}

Result<std::optional<Sha256>> MemberReader::hash(const PlannedMember& member) {
    using Answer = std::optional<Sha256>;
    switch (member.kind) {
        case MemberKind::bytes: {
            const std::string& text = plan_.texts[member.of].bytes;
            return Answer(sha256_of(std::as_bytes(std::span(text.data(), text.size()))));
        }
        case MemberKind::command: {
            ORACX_TRY(const auto command, CommandInput::start(member.name, plan_.sources[member.of].config.command));
            std::string path = temps_.next_path();
            ORACX_TRY(const Sha256 sha256, spool([&](std::span<std::byte> into) { return command->read(into, stop_); }, path));
            outputs_[member.name] = std::move(path);
            return Answer(sha256);
        }
        case MemberKind::symlink: {
            const UniqueFd fd = plan_.open(member, O_PATH | O_NOFOLLOW);
            Bytes target(PATH_MAX);
            const ssize_t count = fd ? ::readlinkat(fd.get(), "", reinterpret_cast<char*>(target.data()), target.size()) : -1;
            if (count < 0) return Answer();
            return Answer(sha256_of(ByteSpan(target).first(static_cast<std::size_t>(count))));
        }
        default: break;
    }
    UniqueFd fd = plan_.open(member, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (!fd) return Answer();
    ORACX_TRY(FileStat stat, stat_of(fd));
    if (member.kind == MemberKind::database || (stat.size >= kDatabaseBytesMin && is_sqlite_file(fd))) {
        fd.reset();
        const auto copy = copy_database(member);
        if (!copy) return copy.error().code == Errc::cancelled ? Result<Answer>(fail(copy.error())) : Answer();
        fd.reset(::open(copy->c_str(), O_RDONLY | O_CLOEXEC));
        ::unlink(copy->c_str());
        if (!fd) return Answer();
        ORACX_TRY(stat, stat_of(fd));
    }
    const auto sha256 = hash_file(fd, stat.size, stop_);
    if (!sha256) return sha256.error().code == Errc::cancelled ? Result<Answer>(fail(sha256.error())) : Answer();
    const auto after = stat_of(fd);
    return after && *after == stat ? Answer(*sha256) : Answer();
}

}  // namespace oracxfs
