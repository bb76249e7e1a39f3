#pragma once
// What every command gets: places, configuration, output, and a way to the state, through the daemon or without it.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tools/config/config.h"
#include "tools/control/handlers.h"
#include "tools/oracxfs/output.h"
#include "tools/oracxfs/secret_store.h"
#include "tools/oracxfs/signals.h"
#include "tools/oracxfs/state_lock.h"

namespace oracxfs {

struct GlobalFlags {
    std::string config_file;
    std::string socket;
    std::string color = "auto";
    std::string progress = "auto";
    std::string lang;  // "" = by the environment
    bool no_color = false;
    bool json = false;
    bool quiet = false;
    int verbose = 0;
    bool yes = false;
    bool no_input = false;
};

class Cli {
  public:
    Cli(GlobalFlags flags, Environment environment);
    // Inside the daemon, for what the web does as the command line would: asks the daemon's own handlers, ends with `stop`, and
    // never asks anybody. `registry` outlives it.
    Cli(GlobalFlags flags, Environment environment, const Places& places, const HandlerRegistry& registry, std::stop_token stop);

    [[nodiscard]] const GlobalFlags& flags() const { return flags_; }
    [[nodiscard]] const Environment& environment() const { return environment_; }
    [[nodiscard]] const Places& places() const { return places_; }
    [[nodiscard]] Output& out() { return out_; }
    SecretStore& secrets() { return secrets_; }

    Result<Config> config() const { return load_config(places_.config_file, environment_); }
    Result<ConfigDocument> document() const { return ConfigDocument::load(places_.config_file); }
    // Checks and saves; comments are dropped only with --yes or after a question. Then tells the daemon.
    Status save(ConfigDocument& document);

    // The daemon's socket, if one runs.
    [[nodiscard]] std::optional<std::string> daemon_socket() const;
    [[nodiscard]] std::optional<LockOwner> owner() const { return StateLock::owner(places_.lock_file); }
    // Asks the daemon. daemon_unreachable when none runs.
    Result<Json> ask_daemon(const std::string& command, Json args, const Emit& on_event = {});
    // Asks the daemon, or opens the state for a moment and answers here. For commands that only read the catalogue.
    Result<Json> ask(const std::string& command, Json args, const Emit& on_event = {});
    // Works on the catalogue without a daemon, under the lock; `work` is not called when there is no catalogue yet.
    Status with_catalog(const std::function<Status(Catalog&)>& work);
    // The running daemon reads the configuration again; nothing happens without one.
    void reload_daemon();

    // SIGINT and SIGTERM as a stop token, from the first call on.
    SignalWatch& signals();
    // The same for whoever only wants to know when to stop; inside the daemon, when the request ends.
    std::stop_token stop_token();
    // True after --yes or a yes at the terminal; else refused with `what`.
    Status confirm(const std::string& question, const std::string& what);

    // A path as the user typed it -> a path inside the mount ("a/b", "" = all). Paths below the mount point and, inside
    // the mount, relative paths are understood, also those that lead through a provider's folder.
    [[nodiscard]] std::string path_in_mount(const std::string& typed) const;

  private:
    const GlobalFlags flags_;
    const Environment environment_;
    Places places_;
    Output out_;
    SecretStore secrets_;
    std::unique_ptr<SignalWatch> signals_;
    const HandlerRegistry* inside_ = nullptr;
    std::stop_token inside_stop_;
};

}  // namespace oracxfs
