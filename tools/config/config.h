#pragma once
// The configuration as the program uses it: checked, with defaults and environment overrides filled in, paths expanded.
//
// Precedence: command line flag (applied by the commands) > environment ORACXFS_<SECTION>_<KEY> > file > default.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "fs/ack.h"
#include "tools/config/document.h"
#include "tools/config/places.h"
#include "tools/config/units.h"

namespace oracxfs {

struct BackupSource {
    std::string kind;  // tree | sqlite | command
    std::string path;  // of tree and sqlite
    std::string name;  // in the package; "": the path's last part
    std::vector<std::string> include;  // globs; empty: everything
    std::vector<std::string> exclude;
    bool one_file_system = false;
    bool follow = false;                // pack what symbolic links point to, instead of the links
    std::vector<std::string> command;   // program and arguments; a single text of the file is {"/bin/sh", "-c", text}
};

struct BackupConfig {
    std::string name_prefix;
    std::vector<BackupSource> sources;
    bool include_metadata = true;
    std::string compression;  // max | balanced | store
    bool skip_if_unchanged = false;
    std::string zip_encryption;  // none | aes256
    std::optional<std::string> staging_dir;  // where packages are built
    std::uint64_t staging_min_free = 0;
};

struct ReplicationConfig {
    std::uint32_t min_replicas = 1;
    std::string verify;
    std::uint32_t retries = 5;
    DurationRange backoff;
    std::optional<std::uint64_t> upload_limit;  // bytes per second
    struct LimitHours {
        std::uint32_t from_minute = 0, to_minute = 0;  // of the day, local time
        std::uint64_t rate = 0;
        bool operator==(const LimitHours&) const = default;
    };
    std::vector<LimitHours> limit_hours;
    Millis heal_after{0};    // an object that vanished at a provider is uploaded again after this
    Millis delete_grace{0};  // from removing a file to its removal at the providers
    Millis sign_in_pause{0};  // before a provider that refused the sign-in is asked again
    Millis full_pause{0};     // before a full provider is tried again
};

struct ProviderEntry {
    std::string name;
    std::string type;
    bool enabled = true;
    // As a factory takes it: defaults filled in, paths expanded, durations in seconds, rates in bytes per second.
    Json values;
    bool operator==(const ProviderEntry&) const = default;
};

struct AutoSyncConfig {
    bool enabled = false;
    Millis every{0};
    std::vector<std::string> at;
    Millis jitter{0};
    bool catch_up = true;
    bool on_battery = true;
};

struct RetentionConfig {
    std::uint32_t keep_last = 0, hourly = 0, daily = 0, weekly = 0, monthly = 0, yearly = 0;
    std::uint32_t min_verified_copies = 1;
    std::uint32_t trash_days = 7;
    std::uint32_t max_delete_percent = 25;
};

struct ScrubConfig {
    bool enabled = true;
    Millis every{0};
    double sample_percent = 5;
    std::string download;
    bool repair = true;
    std::optional<std::uint64_t> download_limit;  // bytes per second, of all providers together
};

struct MountConfig {
    std::string dir;
    bool at_login = false;
    AckPolicy close_waits_for;  // with replication.min_replicas
    std::string provider_dir_write;
    std::uint64_t cache_size = 0;
    std::uint64_t write_ahead = 0;
    bool offline_reads = true;
    bool browse = true;  // packages as folders
    bool allow_other = false;
};

struct StagingConfig {
    std::optional<std::uint64_t> max_size;
    std::uint64_t min_free = 0;
};

struct AdminConfig {
    bool enabled = true;
    std::vector<std::string> listen;
    std::string base_path;
    std::vector<std::string> allowed_hosts;
    bool behind_proxy = false;
    Millis session_idle{0};
    std::string tls_certificate, tls_key;  // PEM files; "" = plain HTTP
};

// One place to send notices to; keys that do not belong to its type are empty.
struct NotifyTarget {
    std::string id;
    std::string type;      // webhook | email | heartbeat | desktop
    bool enabled = true;
    std::vector<std::string> on;  // as notify.on; only for this target
    std::string url;       // or "secret:NAME"
    std::string style;     // json | ntfy | gotify | slack
    std::string secret;    // name of the key that webhooks are signed with
    std::string auth;      // name of a token, or of the mail server's password
    std::string host;
    std::uint16_t port = 0;
    std::string tls;       // starttls | implicit
    std::string user, from;
    std::vector<std::string> to;
    std::string ca_file;
    bool allow_plain_http = false;
    Millis timeout{0};
    bool operator==(const NotifyTarget&) const = default;
};

struct NotifyConfig {
    std::vector<std::string> on;
    Millis settle{0};                        // so long a worse state must last
    Millis remind{0};                        // 0 = never
    std::vector<std::string> allowed_local;  // "host" or "host:port" on this machine or its link that may be asked
    std::vector<NotifyTarget> targets;
};

struct LogConfig {
    std::string level;
    std::uint32_t keep_days = 90;
    std::uint64_t activity_size = 4u << 20;  // of one file of the activity log
    std::uint32_t activity_files = 8;        // older ones that are kept
};

struct Config {
    std::string language;
    std::string instance;  // this machine's name unless configured
    BackupConfig backup;
    ReplicationConfig replication;
    std::vector<ProviderEntry> providers;  // in the order of the file
    AutoSyncConfig auto_sync;
    RetentionConfig retention;
    ScrubConfig scrub;
    MountConfig mount;
    StagingConfig staging;
    AdminConfig admin;
    NotifyConfig notify;
    LogConfig log;

    [[nodiscard]] const ProviderEntry* provider(std::string_view name) const;
};

// One thing that is wrong: "cloud_config.json:14:7: unknown key `intervall` in `auto_sync`", "did you mean `every`?".
struct ConfigProblem {
    std::string message;
    std::string hint;
};
// All of them, in the order of the file; the environment's after them.
std::vector<ConfigProblem> check_config(const ConfigDocument& document, const Environment& environment);
// config with the first problem (and how many there are).
Result<Config> make_config(const ConfigDocument& document, const Environment& environment);
Result<Config> load_config(const std::string& file, const Environment& environment);

// What a setting is and where it comes from, for `config show --origin`.
struct EffectiveSetting {
    std::string path;  // "mount.dir", "providers.nas.port"
    Json value;
    std::string origin;  // "cloud_config.json:14:7", "environment ORACXFS_MOUNT_DIR", "default"
};
std::vector<EffectiveSetting> effective_settings(const ConfigDocument& document, const Environment& environment);

// Sets one value from the text of a command line. Errors: config (unknown key, wrong value), nothing is changed then.
Status set_from_text(ConfigDocument& document, std::string_view path, std::string_view text, const Environment& environment);

// "ORACXFS_MOUNT_DIR" for "mount.dir".
std::string environment_name(std::string_view path);

}  // namespace oracxfs
