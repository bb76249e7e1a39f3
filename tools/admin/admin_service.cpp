#include "tools/admin/admin_service.h"

#include <algorithm>
#include <fstream>
#include <sstream>

#include "base/log.h"
#include "tools/admin/admin_api.h"
#include "tools/admin/live_watch.h"

namespace oracxfs {
namespace {

constexpr unsigned kReaders = 8;

std::string fingerprint(const AdminConfig& config) {
    std::string text = std::string(config.enabled ? "on" : "off") + " " + config.base_path + (config.behind_proxy ? " proxy " : " ") + config.tls_certificate + " " + config.tls_key;
    for (const std::string& address : config.listen) text += " " + address;
    return text;
}

Result<std::string> read_file(const std::string& path, const char* setting) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    if (file) text << file.rdbuf();
    if (!file || text.str().empty()) return fail(Errc::config, std::string("read ") + setting, path + " cannot be read or is empty");
    return text.str();
}

}  // namespace

// Everything that lives as long as it listens, in the order in which it is made.
struct AdminService::Running {
    explicit Running(const AdminEnvironment& environment) : language(environment.texts_of), hub(environment.clock, {}), readers(kReaders), watch(environment, hub, language) {}

    ReplyLanguage language;
    EventHub hub;
    Executor readers;
    LiveWatch watch;
    std::unique_ptr<AdminApi> api;
    std::unique_ptr<HttpServer> server;
};

std::string accounts_file(const std::string& state_directory) { return state_directory + "/admin.json"; }

AccountsOptions accounts_options(const std::string& state_directory, const Config& config) {
    AccountsOptions options;
    options.file = accounts_file(state_directory);
    options.session_idle = config.admin.session_idle;
    return options;
}

AdminService::AdminService(AdminEnvironment env)
    : env_(std::move(env)), tasks_(env_.handlers, env_.clock, [this](const Json& task) {
          if (const auto now = running()) now->hub.publish("task", task);
      }) {
    follower_ = std::jthread([this](const std::stop_token& stop) { follow_settings(stop); });
}

AdminService::~AdminService() {
    follower_ = {};
    stop();
    end_tasks();
}

std::shared_ptr<AdminService::Running> AdminService::running() const {
    const std::lock_guard lock(mutex_);
    return running_;
}

Result<Accounts*> AdminService::accounts() {
    if (!accounts_) {
        ORACX_TRY(accounts_, Accounts::open(accounts_options(env_.state_directory, *env_.config()), env_.clock));
    }
    return accounts_.get();
}

Result<HttpServerOptions> AdminService::server_options(const Config& config, bool has_password) const {
    HttpServerOptions options;
    for (const std::string& text : config.admin.listen) {
        ORACX_TRY(ListenAddress address, parse_listen_address(text));
        options.listen.push_back(std::move(address));
    }
    if (config.admin.tls_certificate.empty() != config.admin.tls_key.empty()) return fail(Errc::config, "start the web admin", "admin.tls_certificate and admin.tls_key belong together");
    if (!config.admin.tls_certificate.empty()) {
        ORACX_TRY(options.tls_certificate, read_file(config.admin.tls_certificate, "admin.tls_certificate"));
        ORACX_TRY(options.tls_key, read_file(config.admin.tls_key, "admin.tls_key"));
        log::redact_value(options.tls_key);
    }
    for (const ListenAddress& address : options.listen) {
        if (address.is_loopback()) continue;
        if (!has_password)
            return fail(Error(Errc::refused, "listen on " + address.to_string(), "others reach this address, and there is no password yet").with_next("set one by `oracxfs admin password`"));
        if (options.tls_certificate.empty() && !config.admin.behind_proxy)
            return fail(Errc::refused, "listen on " + address.to_string(),
                        "others reach this address, and passwords would go there unencrypted: set admin.tls_certificate and admin.tls_key, or admin.behind_proxy where a proxy speaks TLS");
    }
    return options;
}

Status AdminService::start(bool anyway) {
    const std::lock_guard one(changing_);
    {
        const std::lock_guard lock(mutex_);
        off_by_hand_ = false;
    }
    return begin(anyway);
}

Status AdminService::begin(bool anyway) {
    if (running()) return {};
    const auto config = env_.config();
    {
        const std::lock_guard lock(mutex_);
        running_with_ = fingerprint(config->admin);
        error_.reset();
    }
    if (!config->admin.enabled && !anyway) return {};
    const auto work = [&]() -> Result<std::shared_ptr<Running>> {
        Accounts* known = nullptr;
        {
            const std::lock_guard lock(mutex_);
            ORACX_TRY(known, accounts());
        }
        known->set_session_idle(config->admin.session_idle);
        ORACX_TRY(HttpServerOptions options, server_options(*config, known->has_password()));
        auto fresh = std::make_shared<Running>(env_);
        fresh->api = std::make_unique<AdminApi>(env_, *known, fresh->hub, tasks_, fresh->readers, fresh->language, options.listen);
        ORACX_TRY(fresh->server, HttpServer::start(std::move(options), *fresh->api, env_.clock));
        fresh->hub.start();
        fresh->watch.start();
        return fresh;
    };
    auto fresh = work();
    if (!fresh) {
        Error error = fresh.error();
        if (error.code == Errc::busy) error.why += "; end it, or choose another port: oracxfs config set admin.listen '[\"127.0.0.1:10010\"]'. The mount and the backups go on";
        log::error("admin", "the web admin does not run: " + error.to_string());
        env_.event("error", "admin", "the web admin does not run: " + error.to_string(), std::string(info(error.code).e_code));
        const std::lock_guard lock(mutex_);
        error_ = error;
        return fail(std::move(error));
    }
    std::string where;
    for (const ListenAddress& address : (*fresh)->server->addresses()) where += (where.empty() ? "" : ", ") + address.to_string();
    log::info("admin", "the web admin listens on " + where);
    const std::lock_guard lock(mutex_);
    running_ = std::move(*fresh);
    return {};
}

void AdminService::stop() {
    const std::lock_guard one(changing_);
    end();
}

void AdminService::end() {
    std::shared_ptr<Running> old;
    {
        const std::lock_guard lock(mutex_);
        old.swap(running_);
    }
    if (!old) return;
    old->watch.stop();
    old->server->stop();
    old->hub.stop();
    old->readers.stop();
    const std::lock_guard lock(mutex_);
    if (accounts_)
        if (const Status kept = accounts_->flush(); !kept) log::warn("admin", kept.error().to_string());
}

void AdminService::end_tasks() { tasks_.stop(); }

void AdminService::settings_changed() {
    const std::lock_guard lock(mutex_);
    look_ = true;
    changed_.notify_all();
}

void AdminService::follow_settings(const std::stop_token& stop) {
    for (;;) {
        {
            std::unique_lock lock(mutex_);
            changed_.wait(lock, stop, [this] { return look_; });
            if (stop.stop_requested()) return;
            look_ = false;
        }
        const std::lock_guard one(changing_);
        const auto config = env_.config();
        {
            const std::lock_guard lock(mutex_);
            if (accounts_) accounts_->set_session_idle(config->admin.session_idle);
            if (off_by_hand_ || fingerprint(config->admin) == running_with_) continue;
        }
        end();
        (void)begin(false);  // says itself in the log what became of it
    }
}

void AdminService::run_event(const Json& event) {
    if (const auto now = running()) now->watch.run_event(event);
}

Json AdminService::status() const {
    const std::lock_guard lock(mutex_);
    const auto config = env_.config();
    Json json = Json::object({{"enabled", config->admin.enabled}, {"running", running_ != nullptr}});
    Json listen = Json::array();
    std::string url;
    if (running_) {
        for (const ListenAddress& address : running_->server->addresses()) listen.push(address.to_string());
        const ListenAddress first = running_->server->addresses().front();
        const bool local = first.is_loopback() || first.host == "0.0.0.0" || first.host == "::";
        url = std::string(config->admin.tls_certificate.empty() ? "http://" : "https://") + (local ? "localhost:" + std::to_string(first.port) : first.to_string()) + config->admin.base_path;
        json.set("connections", running_->server->connections());
        json.set("streams", running_->hub.streams());
    }
    json.set("listen", std::move(listen));
    json.set("url", url.empty() ? Json() : Json(url));
    json.set("set_up", accounts_ ? Json(accounts_->has_password()) : Json());
    json.set("sessions", accounts_ ? Json(accounts_->sessions().size()) : Json(0));
    json.set("error", error_ ? Json(error_->to_string()) : Json());
    json.set("code", error_ ? Json(info(error_->code).e_code) : Json());
    return json;
}

Result<Json> AdminService::show_code() {
    const std::lock_guard lock(mutex_);
    ORACX_TRY(Accounts* const known, accounts());
    if (known->has_password()) return fail(Errc::exists, "make a first-run code", "a password is set already; `oracxfs admin password` sets a new one");
    const Accounts::Code code = known->first_run_code();
    return Json::object({{"code", code.text}, {"left_ms", code.left.count()}, {"tries_left", std::int64_t{code.tries_left}}, {"running", running_ != nullptr}});
}

Result<Json> AdminService::work_on_tokens(const Json& args) {
    const std::lock_guard lock(mutex_);
    ORACX_TRY(Accounts* const known, accounts());
    const std::string& action = args["action"].as_string();
    if (action == "add") {
        const std::int64_t days = args["days"].as_int();
        ORACX_TRY(const auto made, known->add_token(args["name"].as_string(), scope_from(args["scope"].as_string()).value_or(Scope::read), days > 0 ? std::optional(Millis(days * 86'400'000)) : std::nullopt));
        env_.event("info", "admin", "API token \"" + made.first.name + "\" (" + std::string(to_string(made.first.scope)) + ") was made from the command line", "");
        Json json = token_report(made.first);
        json.set("token", made.second);
        return json;
    }
    if (action == "remove") {
        const std::string& id = args["id"].as_string();
        ORACX_TRYV(known->remove_token(id));
        if (running_) running_->hub.close_of(id);
        env_.event("info", "admin", "API token " + id + " was removed from the command line", "");
        return Json::object({{"id", id}});
    }
    Json list = Json::array();
    for (const Accounts::Token& token : known->tokens()) list.push(token_report(token));
    return Json::object({{"tokens", std::move(list)}});
}

void AdminService::add_handlers(HandlerRegistry& registry) {
    registry.add("admin-status", [this](const Json&, const OpContext&, const Emit&) -> Result<Json> { return status(); });
    registry.add("admin-start", [this](const Json&, const OpContext&, const Emit&) -> Result<Json> {
        ORACX_TRYV(start(true));
        return status();
    });
    registry.add("admin-stop", [this](const Json&, const OpContext&, const Emit&) -> Result<Json> {
        const std::lock_guard one(changing_);
        {
            const std::lock_guard lock(mutex_);
            off_by_hand_ = true;
        }
        end();
        return status();
    });
    registry.add("admin-code", [this](const Json&, const OpContext&, const Emit&) { return show_code(); });
    registry.add("admin-password", [this](const Json& args, const OpContext&, const Emit&) -> Result<Json> {
        Accounts* known = nullptr;
        {
            const std::lock_guard lock(mutex_);
            ORACX_TRY(known, accounts());
            if (running_)
                for (const Accounts::Session& session : known->sessions()) running_->hub.close_of(session.id);
        }
        ORACX_TRYV(known->set_password(args["password"].as_string()));
        env_.event("info", "admin", "the password of the web admin was set from the command line", "");
        return Json::object({{"set", true}});
    });
    registry.add("admin-tokens", [this](const Json& args, const OpContext&, const Emit&) { return work_on_tokens(args); });
    registry.add("admin-sessions", [this](const Json& args, const OpContext&, const Emit&) -> Result<Json> {
        const std::lock_guard lock(mutex_);
        ORACX_TRY(Accounts* const known, accounts());
        std::size_t ended = 0;
        if (args["end_all"].as_bool()) {
            if (running_)
                for (const Accounts::Session& session : known->sessions()) running_->hub.close_of(session.id);
            ORACX_TRY(ended, known->end_sessions(""));
        }
        Json list = Json::array();
        for (const Accounts::Session& session : known->sessions())
            list.push(Json::object({{"id", session.id}, {"created", format_utc(session.created)}, {"last_used", format_utc(session.last_used)}, {"address", session.address}, {"agent", session.agent}}));
        return Json::object({{"sessions", std::move(list)}, {"ended", ended}});
    });
}

}  // namespace oracxfs
