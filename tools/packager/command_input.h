#pragma once
// The output of a program that is packed.

#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace oracxfs {

// One user at a time. A program that is still running when this goes away is killed, with all that it started and that
// stayed in its process group.
class CommandInput {
  public:
    // Its input is empty; signals are as for a program started from a shell. `name` is for messages, which never show the
    // command itself: its arguments may hold secrets.
    static Result<std::unique_ptr<CommandInput>> start(const std::string& name, const std::vector<std::string>& words);
    ~CommandInput();
    CommandInput(const CommandInput&) = delete;
    CommandInput& operator=(const CommandInput&) = delete;

    // Waits for output. 0 = it ended, with success. Errors: local_io when it ended otherwise, with the end of what it
    // wrote to its standard error; cancelled at once when stopped, and the program is killed.
    Result<std::size_t> read(std::span<std::byte> into, const std::stop_token& stop);

  private:
    CommandInput(std::string name, pid_t pid, UniqueFd output, UniqueFd errors, UniqueFd wake)
        : name_(std::move(name)), pid_(pid), output_(std::move(output)), errors_(std::move(errors)), wake_(std::move(wake)) {}
    Status wait_until_readable(int fd, const std::stop_token& stop);
    void take_errors();
    Result<std::size_t> finish(const std::stop_token& stop);
    void kill_group();

    const std::string name_;
    pid_t pid_;
    UniqueFd output_, errors_;
    UniqueFd wake_;  // written when stopped
    std::string last_words_;
};

}  // namespace oracxfs
