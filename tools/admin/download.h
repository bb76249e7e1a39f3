#pragma once
// Bytes of files for a browser: read ahead a little by threads that may wait, so that the server's own never do.

#include <deque>
#include <memory>
#include <mutex>
#include <condition_variable>
#include <string>

#include "base/op_context.h"
#include "fs/executor.h"
#include "tools/admin/http_message.h"
#include "tools/control/handlers.h"
#include "tools/packager/range_reader.h"

namespace oracxfs {

// A part of a file. A read that fails breaks the connection, so that nobody takes what came for the whole.
class FileDownload final : public HttpStream, public std::enable_shared_from_this<FileDownload> {
  public:
    FileDownload(std::shared_ptr<RangeReader> file, std::uint64_t first, std::uint64_t count, Executor& readers)
        : file_(std::move(file)), next_(first), end_(first + count), count_(count), readers_(readers) {}

    Status begin();  // reads the first bytes; waits
    [[nodiscard]] std::optional<std::uint64_t> size() const override { return count_; }
    void on_ready(std::function<void()> wake) override;
    Pulled pull(std::span<char> into, std::size_t& count) override;
    void closed() override;

  private:
    Status read_some();
    void read_more();  // lock held

    const std::shared_ptr<RangeReader> file_;
    std::uint64_t next_;  // to be read
    const std::uint64_t end_, count_;
    Executor& readers_;
    std::stop_source stop_;
    std::mutex mutex_;
    std::function<void()> wake_;
    std::deque<std::string> parts_;
    std::size_t taken_ = 0;     // of the first part
    bool reading_ = false, broken_ = false, closed_ = false;
};

// What a handler sends as events {"type": "data", "b64": "..."}.
class HandlerDownload final : public HttpStream, public std::enable_shared_from_this<HandlerDownload> {
  public:
    // Returns when the first bytes are there, or the error when there will be none.
    static Result<std::shared_ptr<HandlerDownload>> begin(const HandlerRegistry& handlers, const std::string& command, Json args, Executor& readers);

    void on_ready(std::function<void()> wake) override;
    Pulled pull(std::span<char> into, std::size_t& count) override;
    void closed() override;

  private:
    void take(const Json& event);

    std::stop_source stop_;
    std::mutex mutex_;
    std::condition_variable_any changed_;
    std::function<void()> wake_;
    std::deque<std::string> parts_;
    std::size_t taken_ = 0, waiting_bytes_ = 0;
    std::optional<Status> outcome_;
};

// "attachment; filename=..." for any name.
std::string attachment(std::string_view name);

}  // namespace oracxfs
