#include "tools/oracxfs/help_topics.h"

#include <array>

#include "base/translate.h"

namespace oracxfs {
namespace {

struct Topic {
    std::string_view name, text;
};
constexpr std::array kTopics = {
    Topic{"exit-codes", ORACX_TEXT(R"(Exit codes of oracxfs are stable.
  0   done; all active providers hold verified copies where that was asked
  1   unexpected failure
  2   wrong usage
  3   partial: safe, but not at all providers
  4   sign-in needed
  5   temporary: retried by itself
  6   integrity: a copy does not match
  7   quota or disk full
  8   not found
  9   busy, or uploads still pending
  10  not configured, or the configuration is invalid
  11  the daemon is not reachable
  12  passphrase wrong or master key unavailable
  13  host key unknown or changed
  14  refused: needs --yes
  15  mount failed
  130, 143  interrupted by SIGINT, SIGTERM; what was begun goes on later
)")},
    Topic{"json", ORACX_TEXT(R"(With --json each command prints one envelope on stdout, also when it fails:
  {"schema":"oracxfs/1","command":"status","ok":true,"exit_code":0,"data":{...},"warnings":[...],"error":null}
Times are RFC 3339 in UTC, sizes bytes, durations milliseconds (_ms). A name that is not UTF-8 comes with its bytes in
"<key>_b64". New members may appear, none changes its meaning within oracxfs/1.
`log -f --json` prints one event a line.
)")},
    Topic{"environment", ORACX_TEXT(R"(ORACXFS_HOME             everything in one folder: configuration, state, cache, log, socket
ORACXFS_<SECTION>_<KEY>  overrides one setting, as ORACXFS_MOUNT_CLOSE_WAITS_FOR=journal
ORACXFS_PASSPHRASE_FILE  a file with the passphrase of the stored secrets
ORACXFS_LANG             en or fr, whatever LC_ALL, LC_MESSAGES, LANG and the configuration say
NO_COLOR, COLUMNS        respected
)")},
    Topic{"security", ORACX_TEXT(R"(Passwords and tokens are never taken from the command line: use --password-file, --password-stdin or the prompt.
They are kept encrypted (AES-256-GCM) in secrets.db under the key in master.key; cloud_config.json holds none.
Host keys and certificates are always checked. The control socket is for this user and root only.
)")},
    Topic{"restore", ORACX_TEXT(R"(Every copy is a plain file in a plain folder. To restore, copy it out of the mount, or fetch it from any one provider
with its own tools (a file manager, sftp, a browser). oracxfs is not needed for that.
)")},
};

}  // namespace

std::string help_topic(std::string_view name) {
    for (const Topic& topic : kTopics)
        if (topic.name == name) return tr(topic.text);
    return {};
}

std::vector<std::string_view> help_topics() {
    std::vector<std::string_view> names;
    for (const Topic& topic : kTopics) names.push_back(topic.name);
    return names;
}

}  // namespace oracxfs
