// Signing in at Dropbox and Google Drive from a browser: one attempt after the other, each used once.

#include <algorithm>
#include <map>
#include <mutex>
#include <thread>

#include "base/hash.h"
#include "base/log.h"
#include "providers/dropbox/dropbox_config.h"
#include "providers/google_drive/google_drive_provider.h"
#include "tools/config/schema.h"
#include "tools/control/envelope.h"
#include "tools/oracxfs/cloud_access.h"
#include "tools/oracxfs/provider_factory.h"
#include "tools/oracxfs/provider_handlers.h"

namespace oracxfs {
namespace {

constexpr Millis kAttemptLife{600'000};
constexpr Millis kDeviceLife{1'800'000};
constexpr Millis kResultLife{600'000};  // for whoever asks what came of it
constexpr std::size_t kAttemptsMax = 20;

bool is_loopback_uri(const std::string& uri) { return uri.starts_with("http://localhost:") || uri.starts_with("http://127.0.0.1:") || uri.starts_with("http://[::1]:"); }

class OAuthDesk {
  public:
    OAuthDesk(InsideOptions options, Clock& clock) : options_(std::move(options)), clock_(clock) {}

    ~OAuthDesk() {
        std::map<std::string, std::shared_ptr<Attempt>> attempts;
        {
            const std::lock_guard lock(mutex_);
            attempts.swap(attempts_);
        }
        for (auto& [state, attempt] : attempts) attempt->stop.request_stop();
    }

    Result<Json> start(const Json& args, const OpContext& ctx);
    Result<Json> finish(const std::string& state, const std::string& owner, const std::string& pasted, const OpContext& ctx);
    Result<Json> callback(const Json& args, const OpContext& ctx);
    Result<Json> look(const std::string& state, const std::string& owner);
    Result<Json> drop(const std::string& state, const std::string& owner);

  private:
    struct Attempt {
        ~Attempt() { stop.request_stop(); }  // or `thread` would be waited for until its code expires

        std::string owner, name, type, mode, status = "waiting";
        bool yes = false;  // also with another account
        Json values;       // of the provider, for one that is not there yet: as they are to be saved
        bool is_new = false;
        http::SignInRequest request;
        http::SignIn sign_in;
        std::unique_ptr<http::Client> client;
        SteadyTime expires{};
        Json steps = Json::array(), error;
        std::stop_source stop;
        std::jthread thread;  // of the device flow
    };
    using AttemptPtr = std::shared_ptr<Attempt>;

    Result<http::SignInRequest> request_of(Cli& cli, const Attempt& attempt, const Json& values, const Json& args);
    Result<AttemptPtr> take(const std::string& state, const std::optional<std::string>& owner, std::string_view mode_wanted);
    void exchange(const AttemptPtr& attempt, const std::string& code, const OpContext& ctx);
    void settle(Attempt& attempt, Result<http::TokenRecord> record, const OpContext& ctx);
    Result<Json> save(Attempt& attempt, const http::TokenRecord& record, const OpContext& ctx);
    void fail_with(Attempt& attempt, const Error& error);
    Json report(const std::string& state, const Attempt& attempt) const;
    void forget_old();  // lock held

    const InsideOptions options_;
    Clock& clock_;
    std::mutex mutex_;
    std::map<std::string, AttemptPtr> attempts_;
};

Json OAuthDesk::report(const std::string& state, const Attempt& attempt) const {
    return Json::object({{"state", state}, {"mode", attempt.mode}, {"status", attempt.status}, {"provider", attempt.name}, {"steps", attempt.steps}, {"error", attempt.error}});
}

void OAuthDesk::forget_old() {
    const SteadyTime now = clock_.steady();
    for (auto it = attempts_.begin(); it != attempts_.end();) {
        const bool over = now > it->second->expires + (it->second->status == "working" ? kDeviceLife : kResultLife);
        it = over && it->second->status != "working" ? attempts_.erase(it) : std::next(it);
    }
}

Result<http::SignInRequest> OAuthDesk::request_of(Cli& cli, const Attempt& attempt, const Json& values, const Json& args) {
    http::SignInRequest request;
    ORACX_TRY(const auto last, last_client(cli, attempt.name));
    if (attempt.type == "dropbox") {
        request.client_id = args["app_key"].as_string();
        if (request.client_id.empty()) request.client_id = values["app_key"].as_string();
        if (request.client_id.empty() && last) request.client_id = last->client_id;
        if (request.client_id.empty()) return fail(Errc::invalid, "sign in at Dropbox", "the app key is missing");
        request.endpoints = dropbox::oauth_endpoints(dropbox::read_hosts(values), attempt.name);
        return request;
    }
    if (const std::string& text = args["client"].as_string(); !text.empty()) {
        ORACX_TRY(const http::GoogleClient client, http::parse_google_client(text));
        if (client.web && attempt.mode != "redirect") return fail(Errc::config, "use the OAuth client", "it is of the type \"Web application\"; create one of the type \"Desktop app\"");
        request.client_id = client.client_id;
        request.client_secret = client.client_secret;
    } else if (last && !last->client_id.empty()) {
        request.client_id = last->client_id;
        request.client_secret = last->client_secret;
    } else {
        return fail(Errc::invalid, "sign in at Google", "the client's JSON file is missing");
    }
    log::redact_value(request.client_secret);
    request.endpoints = google_drive_endpoints(values, attempt.name);
    return request;
}

Result<Json> OAuthDesk::start(const Json& args, const OpContext& ctx) {
    const auto attempt = std::make_shared<Attempt>();
    attempt->owner = args["owner"].as_string();
    attempt->name = args["name"].as_string();
    attempt->mode = args["mode"].as_string().empty() ? "paste" : args["mode"].as_string();
    attempt->yes = args["confirm"].as_bool();
    if (attempt->mode != "redirect" && attempt->mode != "paste" && attempt->mode != "device") return fail(Errc::invalid, "sign in", "mode is redirect, paste or device");
    if (!is_provider_name(attempt->name)) return fail(Errc::invalid, "sign in as provider " + attempt->name, "its name: 1 to 32 characters of a-z, 0-9 and -");
    Cli cli = make_inside(options_, ctx, false);
    ORACX_TRY(ConfigDocument document, cli.document());
    const Json* written = document.find("providers." + attempt->name);
    attempt->is_new = written == nullptr;
    attempt->type = written != nullptr ? (*written)["type"].as_string() : args["type"].as_string();
    if (attempt->type != "dropbox" && attempt->type != "google-drive") return fail(Errc::invalid, "sign in as provider " + attempt->name, "its type must be dropbox or google-drive");
    if (attempt->is_new) {
        attempt->values = Json::object({{"type", attempt->type}, {"enabled", true}});
        for (const auto& [key, value] : args["settings"].members())
            if (!value.is_null()) attempt->values.set(key, value);
        if (attempt->type == "dropbox" && !args["app_key"].as_string().empty()) attempt->values.set("app_key", args["app_key"]);
    }
    ORACX_TRY(const ProviderEntry entry, checked_entry(cli, attempt->name, attempt->is_new ? attempt->values : *written, document));
    if (attempt->mode == "device" && attempt->type == "dropbox") return fail(Errc::invalid, "sign in at Dropbox", "it has no device codes: use paste or redirect");
    ORACX_TRY(attempt->request, request_of(cli, *attempt, entry.values, args));
    http::ClientOptions options;
    options.ca_file = entry.values["ca_file"].as_string();
    options.clock = &clock_;
    ORACX_TRY(attempt->client, http::Client::create(std::move(options)));

    Json answer = Json::object({{"mode", attempt->mode}, {"provider", attempt->name}});
    std::string state;
    if (attempt->mode == "device") {
        ORACX_TRY(const http::DeviceCode code, http::begin_device_sign_in(*attempt->client, ctx, clock_, attempt->request));
        state = random_hex(16);
        attempt->status = "working";
        attempt->expires = code.expires;
        answer.set("url", code.verification_url);
        answer.set("verification_url", code.verification_url);
        answer.set("user_code", code.user_code);
        answer.set("interval_ms", code.interval.count());
        attempt->thread = std::jthread([this, raw = attempt.get(), code] {
            const OpContext waiting{raw->stop.get_token(), raw->expires};
            settle(*raw, http::finish_device_sign_in(*raw->client, waiting, clock_, raw->request, code), waiting);
        });
    } else {
        std::string redirect = attempt->mode == "redirect" ? args["redirect_uri"].as_string() : attempt->type == "google-drive" ? "http://127.0.0.1:1/" : "";
        if (attempt->mode == "redirect" && attempt->type == "google-drive" && !is_loopback_uri(redirect) && !redirect.starts_with("https://"))
            return fail(Errc::invalid, "sign in at Google", "it comes back only to localhost or to https: open this page at http://localhost (ssh -L), or use paste or device");
        attempt->sign_in = http::begin_sign_in(attempt->request, redirect);
        attempt->expires = clock_.steady() + kAttemptLife;
        state = attempt->sign_in.state;
        answer.set("url", attempt->sign_in.url);
        answer.set("redirect_uri", redirect.empty() ? Json() : Json(redirect));
    }
    answer.set("state", state);
    answer.set("expires", format_utc(clock_.wall() + std::chrono::duration_cast<Millis>(attempt->expires - clock_.steady())));
    const std::lock_guard lock(mutex_);
    forget_old();
    if (attempts_.size() >= kAttemptsMax) return fail(Errc::busy, "sign in", "too many sign-ins are under way; give one up");
    attempts_[state] = attempt;
    return answer;
}

Result<OAuthDesk::AttemptPtr> OAuthDesk::take(const std::string& state, const std::optional<std::string>& owner, std::string_view mode_wanted) {
    const std::lock_guard lock(mutex_);
    forget_old();
    const auto found = attempts_.find(state);
    const auto nothing = [&](std::string why) { return fail(Errc::not_found, "go on with the sign-in", std::move(why)); };
    if (state.empty() || found == attempts_.end() || (owner && found->second->owner != *owner)) return nothing("there is none of that name; it may be over");
    const AttemptPtr attempt = found->second;
    if (!mode_wanted.empty()) {
        if (attempt->mode != mode_wanted) return nothing("it goes another way (" + attempt->mode + ")");
        if (attempt->status != "waiting") return nothing("it was used already");
        if (clock_.steady() > attempt->expires) return nothing("it took longer than ten minutes; begin again");
        attempt->status = "working";
    }
    return attempt;
}

void OAuthDesk::fail_with(Attempt& attempt, const Error& error) {
    const std::lock_guard lock(mutex_);
    attempt.status = "failed";
    attempt.error = error_to_json(error);
    attempt.expires = clock_.steady();
}

void OAuthDesk::exchange(const AttemptPtr& attempt, const std::string& code, const OpContext& ctx) {
    settle(*attempt, http::finish_sign_in(*attempt->client, {ctx.stop, clock_.steady() + kAttemptLife}, clock_, attempt->request, attempt->sign_in, code), ctx);
}

void OAuthDesk::settle(Attempt& attempt, Result<http::TokenRecord> record, const OpContext& ctx) {
    if (!record) return fail_with(attempt, record.error());
    auto saved = save(attempt, *record, {ctx.stop, std::nullopt});
    if (!saved) return fail_with(attempt, saved.error());
    const std::lock_guard lock(mutex_);
    attempt.steps = (*saved)["steps"];
    attempt.error = (*saved)["error"];
    attempt.status = attempt.error.is_null() ? "done" : "failed";
    attempt.expires = clock_.steady();
}

Result<Json> OAuthDesk::save(Attempt& attempt, const http::TokenRecord& record, const OpContext& ctx) {
    for (const std::string* value : {&record.access_token, &record.refresh_token, &record.client_secret}) log::redact_value(*value);
    if (attempt.type == "dropbox")
        if (const std::string scope = dropbox::missing_scope(record.scope); !scope.empty())
            return fail(Error(Errc::unauthenticated, "check the permissions", "the app was not given " + scope + ": tick it in the App Console (Permissions, then Submit) and sign in again").with_provider(attempt.name));
    Cli cli = make_inside(options_, ctx, attempt.yes);
    ORACX_TRYV(check_account(cli, attempt.name, record));
    FreshSecrets fresh{{secret_name(attempt.name, "token"), record.dump()}};
    if (cli.secrets().get(secret_name(attempt.name, "service_account"))) fresh[secret_name(attempt.name, "service_account")] = "{}";
    if (attempt.is_new) {
        AddFlags flags;
        flags.name = attempt.name;
        auto outcome = add_provider(cli, flags, attempt.values, fresh);
        if (!outcome) return fail(std::move(outcome).error());
        return outcome_report(outcome);
    }
    ORACX_TRY(const Config config, cli.config());
    const ProviderEntry* entry = config.provider(attempt.name);
    if (entry == nullptr) return no_such_provider(config, attempt.name);
    auto outcome = renew_access(cli, *entry, fresh, false);
    if (!outcome) return fail(std::move(outcome).error());
    return outcome_report(outcome);
}

Result<Json> OAuthDesk::finish(const std::string& state, const std::string& owner, const std::string& pasted, const OpContext& ctx) {
    ORACX_TRY(const AttemptPtr attempt, take(state, owner, "paste"));
    const auto code = http::code_from_paste(attempt->sign_in, pasted);
    if (!code) {  // a slip of the hand: it may be tried again
        const std::lock_guard lock(mutex_);
        attempt->status = "waiting";
        return fail(Error(Errc::invalid, code.error().message, code.error().why));
    }
    exchange(attempt, *code, ctx);
    return look(state, owner);
}

Result<Json> OAuthDesk::callback(const Json& args, const OpContext& ctx) {
    const std::string& state = args["state"].as_string();
    ORACX_TRY(const AttemptPtr attempt, take(state, std::nullopt, "redirect"));
    if (const std::string& error = args["error"].as_string(); !error.empty()) {
        const std::string& words = args["error_description"].as_string();
        fail_with(*attempt, Error(Errc::unauthenticated, "sign in", "the service says: " + error + (words.empty() ? "" : ", " + words.substr(0, 200))).with_provider(attempt->name));
    } else if (const std::string& code = args["code"].as_string(); code.empty()) {
        fail_with(*attempt, Error(Errc::invalid, "sign in", "the service sent no code"));
    } else {
        exchange(attempt, code, ctx);
    }
    return Json::object({{"state", state}});
}

Result<Json> OAuthDesk::look(const std::string& state, const std::string& owner) {
    ORACX_TRY(const AttemptPtr attempt, take(state, owner, ""));
    const std::lock_guard lock(mutex_);
    if (attempt->status == "waiting" && clock_.steady() > attempt->expires) {
        attempt->status = "failed";
        attempt->error = error_to_json(Error(Errc::deadline, "sign in", "nobody came back within ten minutes"));
    }
    return report(state, *attempt);
}

Result<Json> OAuthDesk::drop(const std::string& state, const std::string& owner) {
    ORACX_TRY(AttemptPtr attempt, take(state, owner, ""));
    attempt->stop.request_stop();
    const std::lock_guard lock(mutex_);
    attempts_.erase(state);
    return Json::object({{"state", state}});  // `attempt` ends after the lock is gone
}

}  // namespace

std::shared_ptr<void> add_oauth_handlers(HandlerRegistry& registry, const InsideOptions& options, Clock& clock) {
    const auto desk = std::make_shared<OAuthDesk>(options, clock);
    OAuthDesk* const raw = desk.get();
    registry.add("oauth-start", [raw](const Json& args, const OpContext& ctx, const Emit&) { return raw->start(args, ctx); });
    registry.add("oauth-finish", [raw](const Json& args, const OpContext& ctx, const Emit&) { return raw->finish(args["state"].as_string(), args["owner"].as_string(), args["code"].as_string(), ctx); });
    registry.add("oauth-callback", [raw](const Json& args, const OpContext& ctx, const Emit&) { return raw->callback(args, ctx); });
    registry.add("oauth-look", [raw](const Json& args, const OpContext&, const Emit&) { return raw->look(args["state"].as_string(), args["owner"].as_string()); });
    registry.add("oauth-drop", [raw](const Json& args, const OpContext&, const Emit&) { return raw->drop(args["state"].as_string(), args["owner"].as_string()); });
    return desk;
}

}  // namespace oracxfs
