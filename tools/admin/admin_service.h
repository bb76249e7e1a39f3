#pragma once
// The web admin as a whole: on, off, and how it stands. A port that is taken or a file that can't be read is told and changes
// nothing else: the mount and the backups go on.

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "fs/executor.h"
#include "tools/admin/admin_context.h"
#include "tools/admin/http_server.h"

namespace oracxfs {

class AdminApi;
class LiveWatch;

// Where the accounts are kept in the state folder.
std::string accounts_file(const std::string& state_directory);
AccountsOptions accounts_options(const std::string& state_directory, const Config& config);

// Thread-safe.
class AdminService {
  public:
    explicit AdminService(AdminEnvironment env);
    ~AdminService();
    AdminService(const AdminService&) = delete;
    AdminService& operator=(const AdminService&) = delete;

    // As the configuration says. When it is off there, only if `anyway`. Errors: busy (a port is taken; says which), refused
    // (an address that others reach without password and TLS), config, denied, local_io.
    Status start(bool anyway);
    void stop();
    void end_tasks();  // cancels what was begun in the web and still goes on; for the end of the program
    // Starts anew where the configuration of the admin is another one; a little later, because the one who says so may be an answer
    // that is still to be sent.
    void settings_changed();
    [[nodiscard]] Json status() const;
    void run_event(const Json& event);  // of a backup run; any thread

    // admin-status, admin-start, admin-stop, admin-code, admin-password, admin-sessions, admin-tokens.
    void add_handlers(HandlerRegistry& registry);

  private:
    struct Running;
    Status begin(bool anyway);  // `changing_` held
    void end();                 // the same
    void follow_settings(const std::stop_token& stop);
    Result<HttpServerOptions> server_options(const Config& config, bool has_password) const;
    Result<Accounts*> accounts();  // opened at first use; `mutex_` held
    Result<Json> show_code();
    Result<Json> work_on_tokens(const Json& args);
    [[nodiscard]] std::shared_ptr<Running> running() const;

    const AdminEnvironment env_;
    TaskList tasks_;       // goes on while the server is started anew
    std::mutex changing_;  // one start or stop at a time; taken before mutex_, which is never held while something ends
    mutable std::mutex mutex_;
    std::condition_variable_any changed_;
    bool look_ = false;            // at the configuration
    std::unique_ptr<Accounts> accounts_;
    std::shared_ptr<Running> running_;
    std::string running_with_;     // the configuration it was started with
    std::optional<Error> error_;   // why it does not run although it should
    bool off_by_hand_ = false;
    std::jthread follower_;
};

}  // namespace oracxfs
