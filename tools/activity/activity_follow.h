#pragma once
// Follows the activity log's files, whoever writes them: through rotations, and while a daemon ends and another begins.
// Woken by the kernel (inotify), never by a clock.

#include <functional>
#include <stop_token>
#include <string>

#include "base/unique_fd.h"
#include "tools/activity/activity_entry.h"

namespace oracxfs {

class ActivityFollower {
  public:
    // Entries after `seq` are shown. not_found: there is no such folder.
    static Result<ActivityFollower> open(const std::string& directory, std::uint64_t after_seq);

    // Until `stop`, which is success. `visit` gets each entry once, in order.
    Status run(const std::stop_token& stop, const std::function<void(const ActivityEntry&)>& visit);

  private:
    ActivityFollower(std::string directory, std::uint64_t seq, UniqueFd watch) : directory_(std::move(directory)), seq_(seq), watch_(std::move(watch)) {}
    Status look(const std::function<void(const ActivityEntry&)>& visit);
    // Reads on in the file that is open; true: it is still the current one.
    Result<bool> read_on(const std::function<void(const ActivityEntry&)>& visit);
    Status wait(const std::stop_token& stop, int wake);

    std::string directory_;
    std::uint64_t seq_;
    UniqueFd watch_;
    UniqueFd file_;
    std::uint64_t offset_ = 0;  // of the first line not read yet
};

}  // namespace oracxfs
