#pragma once
// One upload: written to the part as its bytes come, verified there, published.
//
// A transfer ends when the content's writer pauses for long (servers drop silent data connections); the next one goes on
// at the same offset. How much of an interrupted one has arrived, the size of the part tells.

#include <optional>
#include <string>

#include "providers/ftp/ftp_home.h"

namespace oracxfs::ftp {

// What is persisted between attempts.
std::string encode_resume_state(std::uint64_t taken);
bool is_resume_state(const std::string& state);

class Upload final : private UploadSource {
  public:
    Upload(FtpHome& home, const CallWait& wait, const ObjectKey& key, BlobReader& content, const PutOptions& options);

    Result<PutResult> run();

  private:
    Result<PutResult> transfer();
    Result<FtpPool::Lease> take();
    Status find_offset(FtpCall& call);
    Status send_all();
    Status send_some(FtpConnection& connection);
    Status wait_for_content();
    Result<PutResult> finish(FtpCall& call);
    Error explain_failure(Error error, const Reply& reply, bool stalled);
    bool is_full();
    void report(bool now);
    void clean_up();

    Result<std::size_t> fill(std::span<std::byte> into) override;
    void taken(std::uint64_t bytes) override;

    FtpHome& home_;
    const CallWait& wait_;
    const ObjectKey& key_;
    BlobReader& content_;
    const PutOptions& options_;
    std::string part_;  // known from the first connection on

    std::uint64_t resumed_from_ = 0;
    std::uint64_t begin_ = 0;  // of the transfer under way
    std::uint64_t next_ = 0;   // first byte that libcurl has not got
    std::uint64_t taken_ = 0;  // by the peer
    std::uint64_t reported_ = UINT64_MAX;
    SteadyTime last_report_{};
    bool part_exists_ = false;
    bool restart_refused_ = false;
    bool in_doubt_ = false;
};

}  // namespace oracxfs::ftp
