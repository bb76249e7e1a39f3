// dropbox: add a Dropbox, with a token at hand or by signing in (OAuth 2.0 with PKCE).

#include <fmt/format.h>

#include "base/log.h"
#include "providers/dropbox/dropbox_config.h"
#include "tools/oracxfs/cloud_access.h"
#include "tools/oracxfs/provider_factory.h"
#include "tools/oracxfs/secret_input.h"
#include "tools/oracxfs/sign_in_terminal.h"
#include "tools/oracxfs/wizard.h"

namespace oracxfs {
namespace {

constexpr Millis kSignInMax{600'000};
constexpr std::uint16_t kRedirectPort = 53'682;
constexpr std::string_view kTokenPrefix = "sl.";  // of short-lived access tokens

struct DropboxFlags : AddFlags {
    std::string folder = "/ORACXPRED", token_file, app_key, app_secret_file, refresh_token_file, base_url, ca_file;
    bool token_stdin = false, browser = false;

    [[nodiscard]] bool has_token() const { return token_stdin || !token_file.empty() || !refresh_token_file.empty(); }
};

constexpr std::string_view kAppGuide = R"(oracxfs signs in at Dropbox with an app of your own, which you make once:
  1. Open https://www.dropbox.com/developers/apps and press "Create app".
  2. Choose "Scoped access" and "App folder" (then oracxfs sees nothing but its own folder), and give it a name.
  3. Tab Permissions: tick
         files.metadata.read   files.content.read   files.content.write   account_info.read
     and press Submit. This must come before signing in: a token never gains permissions later.
  4. Tab Settings: copy the "App key". The "App secret" is not needed.
)";

Json provider_values(const DropboxFlags& flags) {
    Json values = Json::object({{"type", "dropbox"}, {"enabled", true}, {"folder", flags.folder}});
    if (!flags.app_key.empty()) values.set("app_key", flags.app_key);
    if (!flags.base_url.empty()) values.set("base_url", flags.base_url);
    if (!flags.ca_file.empty()) values.set("ca_file", flags.ca_file);
    return values;
}

// A bare access token, or a whole record as it is stored.
Result<http::TokenRecord> record_of(const std::string& text) {
    if (text.starts_with('{')) return http::TokenRecord::parse(text);
    http::TokenRecord record;
    record.access_token = text;
    return record;
}

Result<http::TokenRecord> given_token(const DropboxFlags& flags) {
    http::TokenRecord record;
    if (!flags.refresh_token_file.empty()) {
        if (flags.app_key.empty())
            return fail(Errc::usage, "--refresh-token-file", "a refresh token belongs to an app: give --app-key as well");
        ORACX_TRY(record.refresh_token, read_secret_file(flags.refresh_token_file));
    } else {
        ORACX_TRY(const std::string text, flags.token_stdin ? read_secret_stdin() : read_secret_file(flags.token_file));
        ORACX_TRY(record, record_of(text));
    }
    if (!flags.app_key.empty()) record.client_id = flags.app_key;
    if (!flags.app_secret_file.empty()) {
        ORACX_TRY(record.client_secret, read_secret_file(flags.app_secret_file));
    }
    return record;
}

Result<std::string> code_by_browser(Cli& cli, const http::SignInRequest& request, http::SignIn& sign_in, const OpContext& ctx) {
    // Dropbox compares the whole address with the list in the App Console: the port is fixed, the slash belongs to it.
    ORACX_TRY(const auto receiver, http::LoopbackReceiver::listen("localhost", kRedirectPort));
    sign_in = http::begin_sign_in(request, receiver->redirect_uri());
    cli.out().note(fmt::format("The app's \"Redirect URIs\" must hold {}\nOpen this address, unless your browser shows it already:\n\n{}\n", receiver->redirect_uri(), sign_in.url));
    open_browser(sign_in.url);
    return receiver->wait(ctx, sign_in);
}

Result<std::string> code_by_paste(Cli& cli, const http::SignInRequest& request, http::SignIn& sign_in) {
    sign_in = http::begin_sign_in(request, {});
    cli.out().note(fmt::format("Open this address in any browser, agree, and copy the code that is shown:\n\n{}\n", sign_in.url));
    open_browser(sign_in.url);
    ORACX_TRY(const std::string pasted, prompt_secret("Code"));
    return http::code_from_paste(sign_in, pasted);
}

// Asks for the app's key; or for a token that the App Console made, where somebody only wants to have a look.
Result<std::optional<http::TokenRecord>> app_or_token(Cli& cli, DropboxFlags& flags) {
    cli.out().note("How do you want to sign in at Dropbox?\n"
                   "  1  with an app of your own: made once, in a few minutes; lasts until you end it\n"
                   "  2  with a token that the App Console shows (\"Generated access token\"): ends after some hours");
    ORACX_TRY(const int way, ask_choice("1 or 2", 2, 1));
    http::TokenRecord record;
    if (way == 2) {
        ORACX_TRY(record.access_token, prompt_secret("Access token (not shown)"));
        return std::optional(std::move(record));
    }
    cli.out().note(std::string(kAppGuide));
    ORACX_TRY(flags.app_key, ask_line("App key"));
    if (!flags.app_key.starts_with(kTokenPrefix)) return std::optional<http::TokenRecord>();
    record.access_token = std::exchange(flags.app_key, {});  // that is a token all the same
    return std::optional(std::move(record));
}

Result<http::TokenRecord> sign_in(Cli& cli, DropboxFlags& flags) {
    if (!may_ask(cli))
        return fail(Errc::usage, "sign in at Dropbox",
                    "give --token-file FILE, --token-stdin, or --app-key KEY with --refresh-token-file FILE; at a terminal, oracxfs asks");
    if (flags.app_key.empty()) {
        ORACX_TRY(auto pasted, app_or_token(cli, flags));
        if (pasted) return std::move(*pasted);
    }
    SystemClock clock;
    http::ClientOptions options;
    options.ca_file = flags.ca_file;
    options.clock = &clock;
    ORACX_TRY(const auto client, http::Client::create(std::move(options)));
    http::SignInRequest request;
    request.client_id = flags.app_key;
    request.endpoints = dropbox::oauth_endpoints(dropbox::read_hosts(provider_values(flags)), flags.name);
    const OpContext ctx{cli.signals().token(), clock.steady() + kSignInMax};
    http::SignIn attempt;
    ORACX_TRY(const std::string code, flags.browser ? code_by_browser(cli, request, attempt, ctx) : code_by_paste(cli, request, attempt));
    return http::finish_sign_in(*client, ctx, clock, request, attempt, code);
}

// A sign-in that can work; warns of one that ends soon.
Result<FreshSecrets> fresh_secrets(Cli& cli, DropboxFlags& flags) {
    ORACX_TRY(http::TokenRecord record, flags.has_token() ? given_token(flags) : sign_in(cli, flags));
    for (const std::string* value : {&record.access_token, &record.refresh_token, &record.client_secret}) log::redact_value(*value);
    if (record.refresh_token.empty())
        cli.out().warn("this token can't be renewed: it ends a few hours after it was made. For lasting use, sign in with `oracxfs dropbox`");
    if (const std::string scope = dropbox::missing_scope(record.scope); !scope.empty())
        return fail(Errc::unauthenticated, "check the permissions",
                    "the app was not given " + scope + ": tick it in the App Console (Permissions, then Submit) and sign in again");
    ORACX_TRYV(check_account(cli, flags.name, record));
    return FreshSecrets{{secret_name(flags.name, "token"), record.dump()}};
}

Result<CommandResult> connect_dropbox(Cli& cli, DropboxFlags flags);

Result<CommandResult> add_dropbox(Cli& cli, DropboxFlags flags) {
    if (!flags.has_token() && may_ask(cli)) {
        ORACX_TRY(const bool again, means_existing(cli, dropbox_kind(), flags));
        if (again) return connect_dropbox(cli, flags);
    }
    if (!flags.ca_file.empty()) {
        ORACX_TRY(flags.ca_file, expand_path(flags.ca_file, cli.environment()));
    }
    ORACX_TRY(const FreshSecrets fresh, fresh_secrets(cli, flags));
    return add_provider(cli, flags, provider_values(flags), fresh);
}

Result<CommandResult> connect_dropbox(Cli& cli, DropboxFlags flags) {
    ORACX_TRY(const ProviderEntry entry, provider_of_kind(cli, dropbox_kind(), flags.name));
    flags.name = entry.name;
    flags.base_url = entry.values["base_url"].as_string();
    flags.ca_file = entry.values["ca_file"].as_string();
    if (const std::string& key = entry.values["app_key"].as_string(); !key.empty()) flags.app_key = key;
    if (flags.app_key.empty()) {
        ORACX_TRY(const auto last, last_client(cli, entry.name));
        if (last) flags.app_key = last->client_id;
    }
    ORACX_TRY(const FreshSecrets fresh, fresh_secrets(cli, flags));
    return renew_access(cli, entry, fresh, flags.no_test);
}

void add_token_options(CLI::App& app, DropboxFlags& flags) {
    auto* file = app.add_option("--token-file", flags.token_file, "Access token in the first line of FILE, - for standard input")->type_name("FILE");
    auto* input = app.add_flag("--token-stdin", flags.token_stdin, "Access token in the first line of standard input")->excludes(file);
    app.add_option("--app-key", flags.app_key, "\"App key\" of your app in the App Console")->type_name("KEY");
    app.add_option("--app-secret-file", flags.app_secret_file, "\"App secret\", where the refresh token was made with it")->type_name("FILE");
    app.add_option("--refresh-token-file", flags.refresh_token_file, "Refresh token of that app")->type_name("FILE")->excludes(file)->excludes(input);
    app.add_flag("--browser", flags.browser, fmt::format("Sign in without copying a code; the app must list http://localhost:{}/", kRedirectPort));
}

}  // namespace

Run declare_dropbox(CLI::App& app) {
    const auto flags = std::make_shared<DropboxFlags>();
    add_common(app, *flags, "dropbox");
    app.add_option("--folder", flags->folder, "Folder there (/ORACXPRED)")->type_name("DIR");
    add_token_options(app, *flags);
    app.add_option("--base-url", flags->base_url, "Another address of the service")->type_name("URL");
    app.add_option("--ca-file", flags->ca_file, "Certificates to trust instead of the system's")->type_name("FILE");
    return [flags](Cli& cli) { return add_dropbox(cli, *flags); };
}

Run declare_dropbox_connect(CLI::App& app) {
    const auto flags = std::make_shared<DropboxFlags>();
    app.add_option("--name", flags->name, "Which provider, where there are several of this kind")->type_name("NAME");
    add_token_options(app, *flags);
    app.add_flag("--no-test", flags->no_test, "Store the sign-in without testing it");
    return [flags](Cli& cli) { return connect_dropbox(cli, *flags); };
}

}  // namespace oracxfs
