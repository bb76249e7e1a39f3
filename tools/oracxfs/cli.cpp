#include "tools/oracxfs/cli.h"

#include <unistd.h>

#include <filesystem>

#include "tools/control/client.h"
#include "tools/oracxfs/activity_setup.h"
#include "tools/oracxfs/secret_input.h"
#include "tools/oracxfs/service.h"

namespace oracxfs {
namespace {

constexpr Millis kLockPatience{5'000};

When when_from(const std::string& word) {
    if (word == "always") return When::always;
    if (word == "never") return When::never;
    return When::automatic;
}

// A folder of its own that goes away with its content.
class ScratchFolder {
  public:
    ScratchFolder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "oracxfs-XXXXXX").string();
        if (::mkdtemp(pattern.data()) != nullptr) path_ = pattern;
    }
    ~ScratchFolder() {
        std::error_code ignored;
        if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
    }
    ScratchFolder(const ScratchFolder&) = delete;
    ScratchFolder& operator=(const ScratchFolder&) = delete;
    [[nodiscard]] const std::string& path() const { return path_; }

  private:
    std::string path_;
};

}  // namespace

Cli::Cli(GlobalFlags flags, Environment environment)
    : flags_(std::move(flags)),
      environment_(std::move(environment)),
      places_(find_places(environment_)),
      out_({flags_.json, flags_.quiet, flags_.no_color ? When::never : when_from(flags_.color), when_from(flags_.progress)}, environment_),
      secrets_(places_, environment_) {
    const std::string here = std::filesystem::current_path().string();
    if (!flags_.config_file.empty()) places_.config_file = absolute_path(flags_.config_file, here);
    if (!flags_.socket.empty()) places_.socket = absolute_path(flags_.socket, here);
}

Cli::Cli(GlobalFlags flags, Environment environment, const Places& places, const HandlerRegistry& registry, std::stop_token stop)
    : flags_(std::move(flags)), environment_(std::move(environment)), places_(places), out_({true, true, When::never, When::never}, environment_), secrets_(places_, environment_), inside_(&registry), inside_stop_(std::move(stop)) {}

Status Cli::save(ConfigDocument& document) {
    auto problems = check_config(document, environment_);
    if (!problems.empty()) return fail(Errc::config, problems.front().message, problems.front().hint);
    auto comments = ConfigDocument::Comments::keep;
    if (document.has_comments()) {
        ORACX_TRYV(confirm("Saving drops the // comments in " + document.file() + " (a copy stays as .bak). Go on?",
                           "rewrite " + document.file() + ", whose // comments would be lost"));
        comments = ConfigDocument::Comments::drop;
    }
    ORACX_TRYV(document.save(comments));
    reload_daemon();
    return {};
}

std::optional<std::string> Cli::daemon_socket() const {
    if (inside_ != nullptr) return places_.socket;
    if (auto client = ControlClient::connect(places_.socket)) return places_.socket;
    // Started from another session, whose run folder is another one.
    const auto owner = StateLock::owner(places_.lock_file);
    if (owner && owner->daemon && !owner->socket.empty())
        if (auto client = ControlClient::connect(owner->socket)) return owner->socket;
    return std::nullopt;
}

Result<Json> Cli::ask_daemon(const std::string& command, Json args, const Emit& on_event) {
    if (inside_ != nullptr) return inside_->call(command, args, {inside_stop_, std::nullopt}, on_event ? on_event : [](const Json&) {});
    const auto socket = daemon_socket();
    if (!socket) {
        if (const auto owner = StateLock::owner(places_.lock_file); owner && owner->daemon)
            return fail(Errc::daemon_unreachable, "reach the daemon", "process " + std::to_string(owner->pid) + " is starting, ending or hangs");
        return fail(Errc::daemon_unreachable, "reach the daemon", "none is running");
    }
    ORACX_TRY(auto client, ControlClient::connect(*socket));
    const OpContext ctx{signals().token(), std::nullopt};
    return client.call(command, std::move(args), ctx, on_event);
}

Result<Json> Cli::ask(const std::string& command, Json args, const Emit& on_event) {
    auto answer = ask_daemon(command, args, on_event);
    if (answer || answer.error().code != Errc::daemon_unreachable || owner().value_or(LockOwner{}).daemon) return answer;

    ORACX_TRY(const Config loaded, config());
    const auto shared = std::make_shared<const Config>(loaded);
    SystemClock clock;
    SystemDisk disk;
    const auto answer_from = [&](Catalog& catalog, const std::string& state_directory) -> Result<Json> {
        HandlerRegistry registry;
        std::unique_ptr<ActivityLog> activity;
        std::unique_ptr<EventFeed> feed;
        if (command == "log") {
            ActivityOptions options = activity_options(*shared, state_directory);
            options.first_seq = EventFeed::first_seq(catalog);
            ORACX_TRY(activity, ActivityLog::open(disk, clock, options));
            // What the last writer left is brought over while the feed is closed again.
            feed = std::make_unique<EventFeed>(catalog, *activity, clock, std::make_shared<EventBell>(), describe_run_in(catalog));
            feed.reset();
        }
        const auto view = [&] {
            StateView state{catalog, clock, shared, nullptr, nullptr, {}, false};
            state.activity = activity.get();
            return state;
        };
        add_state_handlers(registry, view);
        const OpContext ctx{signals().token(), std::nullopt};
        return registry.call(command, args, ctx, on_event ? on_event : [](const Json&) {});
    };
    Result<Json> result = fail(Errc::internal, command);
    bool asked = false;
    ORACX_TRYV(with_catalog([&](Catalog& catalog) -> Status {
        asked = true;
        result = answer_from(catalog, places_.state);
        return {};
    }));
    if (asked) return result;
    // Nothing was ever stored. An empty catalogue gives the same answers without leaving a state behind.
    const ScratchFolder scratch;
    ORACX_TRY(const auto catalog, Catalog::open({scratch.path() + "/catalog.db", &clock, Millis(0)}));
    return answer_from(*catalog, scratch.path());
}

Status Cli::with_catalog(const std::function<Status(Catalog&)>& work) {
    if (::access(places_.catalog_db.c_str(), F_OK) != 0) return {};
    ORACX_TRY(const StateLock lock, StateLock::acquire(places_.lock_file, {::getpid(), false, {}, {}}, kLockPatience));
    SystemClock clock;
    ORACX_TRY(const auto catalog, Catalog::open({places_.catalog_db, &clock, Millis(60'000)}));
    return work(*catalog);
}

void Cli::reload_daemon() {
    if (!daemon_socket()) return;
    const auto answer = ask_daemon("reload", nullptr);
    if (!answer)
        out_.warn("the running daemon did not take the change over: " + answer.error().to_string());
    else if ((*answer)["needs_new_mount"].as_bool())
        out_.warn("the change takes effect at the next `oracxfs mount`");
}

SignalWatch& Cli::signals() {
    if (!signals_) signals_ = std::make_unique<SignalWatch>();
    return *signals_;
}

std::stop_token Cli::stop_token() { return inside_ != nullptr ? inside_stop_ : signals().token(); }

Status Cli::confirm(const std::string& question, const std::string& what) {
    if (flags_.yes) return {};
    if (inside_ != nullptr || flags_.no_input || flags_.json || !can_prompt()) return fail(Errc::refused, what, "it was not confirmed");
    ORACX_TRY(const bool yes, ask_yes_no(question));
    if (!yes) return fail(Errc::refused, what, "the answer was no");
    return {};
}

std::string Cli::path_in_mount(const std::string& typed) const {
    const auto loaded = config();
    std::string mount = loaded ? loaded->mount.dir : std::string();
    if (const auto daemon = owner(); daemon && !daemon->mount_point.empty()) mount = daemon->mount_point;
    const auto below = [&](const std::string& path) -> std::optional<std::string> {
        if (mount.empty()) return std::nullopt;
        if (path == mount) return "";
        if (path.starts_with(mount + "/")) return path.substr(mount.size() + 1);
        return std::nullopt;
    };
    std::error_code ignored;
    const std::string here = std::filesystem::current_path(ignored).string();
    std::string inside;
    if (typed.starts_with('/')) {
        const std::string path = absolute_path(typed, "/");
        inside = below(path).value_or(path.substr(1));
    } else {
        const auto found = below(absolute_path(typed, here.empty() ? "/" : here));
        inside = found ? *found : absolute_path(typed, "/").substr(1);
    }
    // In a provider's folder the same files show under the same paths.
    const std::size_t slash = std::min(inside.find('/'), inside.size());
    if (loaded && loaded->provider(inside.substr(0, slash)) != nullptr) inside.erase(0, std::min(slash + 1, inside.size()));
    return inside;
}

}  // namespace oracxfs
