#pragma once
// One large or growing file: written to the part as its bytes come, over one or several connections, verified while it
// is under way, published at the end.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "providers/sftp/sftp_home.h"

namespace oracxfs::sftp {

// Which bytes have been acknowledged. Several connections finish out of order; only the contiguous prefix can be relied
// on after a restart.
class WrittenRanges {
  public:
    explicit WrittenRanges(std::uint64_t prefix) : prefix_(prefix) {}
    void add(std::uint64_t begin, std::uint64_t end);
    [[nodiscard]] std::uint64_t prefix() const { return prefix_; }

  private:
    std::uint64_t prefix_;
    std::map<std::uint64_t, std::uint64_t> beyond_;  // begin -> end
};

// What is persisted between attempts.
std::string encode_resume_state(std::uint64_t acknowledged);
std::uint64_t decode_resume_state(const std::string& state);  // 0 if it is of no use

class Upload {
  public:
    Upload(SftpHome& home, const Waiter& waiter, const ObjectKey& key, BlobReader& content, const PutOptions& options);
    ~Upload();
    Upload(const Upload&) = delete;
    Upload& operator=(const Upload&) = delete;

    Result<PutResult> run();

  private:
    struct Lane {
        explicit Lane(SftpPool::Lease taken) : lease(std::move(taken)) {}
        SftpPool::Lease lease;
        std::string handle;
        bool opening = false;
        bool leaving = false;  // gives its connection back as soon as everything is answered
    };

    Result<PutResult> transfer();
    Status open_first();
    Status send_all();
    Result<bool> send_some();
    Result<bool> fill(Lane& lane);
    Status wait_for_content();
    Status step(Millis at_most);
    [[nodiscard]] bool is_worth_lanes() const;
    void add_lanes();
    void drop_lanes();
    void start_verifying();
    void keep_verifying();
    void report(bool now);
    Status finish_part();
    Status finish_verifying();
    Result<PutResult> publish_part();
    Status settle(Status outcome);
    void clean_up(const Error& error);
    SftpChannel& first() { return lanes_.front()->lease.channel(); }

    SftpHome& home_;
    const Waiter& waiter_;
    const ObjectKey& key_;
    BlobReader& content_;
    const PutOptions& options_;

    std::string part_;
    std::uint64_t resumed_from_ = 0;
    std::uint64_t next_ = 0;  // first byte that has not been queued
    std::optional<WrittenRanges> written_;
    std::vector<std::byte> buffer_;
    std::optional<Answer> write_failure_;
    bool in_doubt_ = false;

    std::unique_ptr<RemoteHasher> server_hash_;
    std::unique_ptr<OrderedReader> read_back_;
    Sha256Hasher read_back_hash_;
    std::uint64_t hashed_to_ = 0;
    std::optional<Answer> final_status_, target_;

    SteadyTime last_report_{};
    SteadyTime lanes_wanted_at_{};
    std::uint64_t reported_ = UINT64_MAX;
    std::vector<std::unique_ptr<Lane>> lanes_;  // the first one does everything but extra writes
};

}  // namespace oracxfs::sftp
