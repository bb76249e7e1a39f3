#pragma once
// What the routes of the web admin share.

#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>

#include "fs/executor.h"
#include "tools/activity/activity_log.h"
#include "tools/admin/accounts.h"
#include "tools/admin/event_hub.h"
#include "tools/admin/reply_language.h"
#include "tools/admin/router.h"
#include "tools/admin/task_list.h"
#include "tools/config/config.h"
#include "tools/control/handlers.h"
#include "tools/packager/range_reader.h"

namespace oracxfs {

// What surrounds the web admin. All of it outlives it.
struct AdminEnvironment {
    const HandlerRegistry& handlers;
    Clock& clock;
    std::function<std::shared_ptr<const Config>()> config;
    std::string config_file;
    std::string state_directory;
    Environment variables;
    // For the activity log.
    std::function<void(const std::string& level, const std::string& kind, const std::string& message, const std::string& code)> event;
    // A file of the mount, below a provider's name only that provider's copy.
    std::function<Result<std::shared_ptr<RangeReader>>(const std::string& path)> open_file;
    ActivityLog* activity = nullptr;  // to be told of as it grows; null: nobody tells
    ReplyLanguage::TextsOf texts_of{};
};

struct AdminContext {
    const AdminEnvironment& env;
    Accounts& accounts;
    EventHub& hub;
    TaskList& tasks;
    Executor& readers;       // threads that may wait for providers, for downloads
    std::mutex& saving;      // of the configuration
    ReplyLanguage& language;

    // A handler of the program, as the command line would ask it. Rows that it sends on the way are put into `rows`.
    Result<Json> ask(const ApiCall& call, const std::string& command, Json args, Json* rows = nullptr) const;
    // Every change stands in the activity log, with who made it.
    void audit(const ApiCall& call, const std::string& what) const;
};

// Where it comes from: the other end, or what the proxy in front says.
std::string source_of(const HttpRequest& request, const Config& config);
bool is_secure(const HttpRequest& request, const Config& config);
std::string cookie_name(const HttpRequest& request);

// invalid when the body has other members than these.
Status allow_members(const Json& body, std::span<const std::string_view> names);
inline Status allow_members(const Json& body, std::initializer_list<std::string_view> names) { return allow_members(body, std::span(names.begin(), names.size())); }
// A whole number of the query; invalid.
Result<std::int64_t> query_number(const HttpRequest& request, std::string_view name, std::int64_t otherwise, std::int64_t least, std::int64_t most);
std::string query_bytes(const HttpRequest& request, std::string_view name);  // also as <name>_b64

Json token_report(const Accounts::Token& token);  // never the token itself

void add_account_routes(Router& router, const AdminContext& context);
void add_state_routes(Router& router, const AdminContext& context);
void add_provider_routes(Router& router, const AdminContext& context);
void add_backup_routes(Router& router, const AdminContext& context);
void add_package_routes(Router& router, const AdminContext& context);
void add_settings_routes(Router& router, const AdminContext& context);

}  // namespace oracxfs
