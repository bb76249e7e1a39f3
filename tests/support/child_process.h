#pragma once
// Programs that a test starts: ended by their ids, with everything below them.

#include <sys/types.h>

#include <string>
#include <vector>

namespace oracxfs::test {

// 0 if it cannot be started. Input is empty, output goes to the end of `log`.
pid_t spawn_process(std::vector<std::string> words, const std::string& log, const std::string& input = "/dev/null");
// Waits for it. True if it exited with 0.
bool run_process(std::vector<std::string> words, const std::string& log, const std::string& input = "/dev/null");
// Its children and theirs.
std::vector<pid_t> processes_below(pid_t parent);
// Ends it and all below it at once, and waits for it.
void end_process(pid_t pid);
// Somebody listens on this port of the loopback interface.
bool is_listening(int port);

}  // namespace oracxfs::test
