#include "tools/notify/desktop.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/unique_fd.h"
#include "tools/notify/notice_language.h"

extern char** environ;

namespace oracxfs {
namespace {

constexpr int kPatienceMs = 15'000;  // a bus that starts its notification service first takes some seconds

bool has_session_bus(const Environment& environment) {
    if (environment("DBUS_SESSION_BUS_ADDRESS")) return true;
    const auto run = environment("XDG_RUNTIME_DIR");
    return run && ::access((*run + "/bus").c_str(), F_OK) == 0;
}

class SpawnSettings {
  public:
    SpawnSettings() {
        ::posix_spawn_file_actions_init(&actions);
        ::posix_spawnattr_init(&attributes);
        for (const int fd : {0, 1, 2}) ::posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
        sigset_t none, all;
        ::sigemptyset(&none);
        ::sigfillset(&all);
        ::posix_spawnattr_setsigmask(&attributes, &none);
        ::posix_spawnattr_setsigdefault(&attributes, &all);
        ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    }
    ~SpawnSettings() {
        ::posix_spawn_file_actions_destroy(&actions);
        ::posix_spawnattr_destroy(&attributes);
    }
    SpawnSettings(const SpawnSettings&) = delete;
    SpawnSettings& operator=(const SpawnSettings&) = delete;

    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
};

}  // namespace

Result<bool> show_on_desktop(const OpContext& ctx, const Environment& environment, const Notice& notice, const TextCatalogue* texts) {
    if (!has_session_bus(environment)) return false;
    std::string program = "notify-send", app = "--app-name=oracxfs", icon = "--icon=dialog-information", urgency = "--urgency=normal", end = "--";
    if (notice.level == ActivityLevel::error) {
        urgency = "--urgency=critical";
        icon = "--icon=dialog-error";
    }
    if (notice.level == ActivityLevel::warning) icon = "--icon=dialog-warning";
    std::string title = notice.title, text = notice.text + next_line(texts, notice);
    std::array<char*, 8> arguments{program.data(), app.data(), icon.data(), urgency.data(), end.data(), title.data(), text.data(), nullptr};
    const SpawnSettings settings;
    pid_t child = 0;
    const int failed = ::posix_spawnp(&child, program.c_str(), &settings.actions, &settings.attributes, arguments.data(), environ);
    if (failed == ENOENT) return false;
    if (failed != 0) return fail(error_from_errno(failed, "start notify-send"));
    const UniqueFd ended(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
    const UniqueFd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    const std::stop_callback on_stop(ctx.stop, [&] { (void)::eventfd_write(wake.get(), 1); });
    std::array<pollfd, 2> waiting{pollfd{ended.get(), POLLIN, 0}, pollfd{wake.get(), POLLIN, 0}};
    const bool over = ended && ::poll(waiting.data(), waiting.size(), kPatienceMs) > 0 && waiting[0].revents != 0;
    if (!over) ::kill(child, SIGKILL);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (ctx.stop.stop_requested() && !over) return fail(Errc::cancelled, "show a notice");
    if (!over) return fail(Errc::unavailable, "show a notice", "the desktop did not answer");
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return fail(Errc::unavailable, "show a notice", "notify-send failed; is a notification service running?");
    return true;
}

}  // namespace oracxfs
