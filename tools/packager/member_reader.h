#pragma once
// Reads the members of a plan, in their order, and cuts them into pieces.

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>

#include "tools/packager/command_input.h"
#include "tools/packager/package_plan.h"
#include "tools/packager/piece_queue.h"
#include "tools/packager/temp_folder.h"

namespace oracxfs {

// One user at a time.
class MemberReader {
  public:
    MemberReader(const PackageRequest& request, const PackagePlan& plan, TempFolder& temps, ProblemList& problems, std::stop_token stop);

    // All members into the queue. Whatever ends the run is told to the queue.
    void read_all(PieceQueue& queue);
    // A member that was made here, likewise.
    void read_text(PieceQueue& queue, MemberHead head, std::string_view text);

    // The hash of one member's content, without packing it: a command's output is kept for read_all(). Nothing when the
    // content cannot be told (it changes just now, it is gone).
    Result<std::optional<Sha256>> hash(const PlannedMember& member);

  private:
    // Fills the whole span unless the content ends.
    using Input = std::function<Result<std::size_t>(std::span<std::byte>)>;
    enum class Outcome : std::uint8_t { done, dropped };

    Status read_member(const PlannedMember& member);
    Status read_file(const PlannedMember& member);
    Status read_changing_file(const PlannedMember& member);
    Status read_database(const PlannedMember& member);
    Status read_part(const PlannedMember& member);
    Status read_link(const PlannedMember& member);
    Status read_command(const PlannedMember& member);
    Status cut_text(MemberHead head, std::string_view text);
    Status add_small(MemberHead head, Bytes content);

    // Cuts `size` bytes (nothing: until the end) into pieces. `judge` is asked when all were read, before the last piece is
    // handed over; it gets the hash (null for a small member) and says whether to keep the member.
    struct Verdict {
        bool keep = true;
        bool changed_while_read = false;
    };
    using Judge = std::function<Verdict(std::uint64_t bytes, const Sha256* sha256)>;
    Result<Outcome> cut(MemberHead head, std::optional<std::uint64_t> size, const Input& input, const Judge& judge);

    Result<std::string> copy_database(const PlannedMember& member);
    [[nodiscard]] bool is_same_again(const UniqueFd& fd, std::uint64_t bytes, const Sha256& sha256) const;
    void report(const PlannedMember& member, int error);
    [[nodiscard]] Error stopped() const { return {Errc::cancelled, "pack"}; }

    const PackageRequest& request_;
    const PackagePlan& plan_;
    TempFolder& temps_;
    ProblemList& problems_;
    const std::stop_token stop_;
    PieceQueue* queue_ = nullptr;
    std::set<std::string> raw_databases_;  // names of databases that are packed as they lie there
    std::unordered_map<std::string, std::string> outputs_;  // of commands that have run already, by name
};

}  // namespace oracxfs
