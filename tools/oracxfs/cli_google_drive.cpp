// google-drive: add a Google Drive, by signing in (OAuth 2.0 with PKCE), with a sign-in made elsewhere, or by a service
// account.

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>

#include "base/disk.h"
#include "base/log.h"
#include "base/unique_fd.h"
#include "providers/google_drive/google_drive_provider.h"
#include "providers/google_drive/token_file.h"
#include "tools/oracxfs/cloud_access.h"
#include "tools/oracxfs/provider_factory.h"
#include "tools/oracxfs/secret_input.h"
#include "tools/oracxfs/sign_in_terminal.h"
#include "tools/oracxfs/wizard.h"

namespace oracxfs {
namespace {

constexpr Millis kSignInMax{600'000};
constexpr Millis kDeviceSignInMax{1'800'000};
constexpr std::size_t kFileBytesMax = 64u << 10;

struct DriveFlags : AddFlags {
    std::string folder = "ORACXPRED", credentials, token_file, service_account, scope = "drive.file", shared_drive, act_for,
                base_url, ca_file;
    bool paste = false, device = false, new_folder = false;
};

constexpr std::string_view kProjectGuide = R"(oracxfs signs in at Google with a project of your own, which you make once:
  1. Open https://console.cloud.google.com/ and create a project.
  2. "APIs & Services", "Enable APIs": enable the Google Drive API.
  3. "Google Auth Platform" (OAuth consent screen): give it a name and your mail address, user type "External".
     Data access: add the scope .../auth/drive.file (then oracxfs sees nothing but its own files).
     Audience: press "Publish app", so that it says "In production". Left in "Testing", every sign-in ends after 7 days.
     Google will warn that the app is not verified: for your own use that is fine, go on by "Advanced".
  4. Clients, "Create client": type "Desktop app". Download its JSON file.
Keep the project: its files can be seen only by clients of the same project.
)";

Result<std::string> read_small_file(const std::string& path) {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return fail(error_from_errno(errno, "read " + path));
    std::string text(kFileBytesMax + 1, '\0');
    std::size_t size = 0;
    while (size < text.size()) {
        const ssize_t got = ::read(fd.get(), text.data() + size, text.size() - size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail(error_from_errno(errno, "read " + path));
        if (got == 0) break;
        size += static_cast<std::size_t>(got);
    }
    if (size > kFileBytesMax) return fail(Errc::invalid, "read " + path, "it is too long to be what was asked for");
    text.resize(size);
    return text;
}

Json provider_values(const DriveFlags& flags) {
    Json values = Json::object({{"type", "google-drive"}, {"enabled", true}, {"folder", flags.folder}});
    if (flags.scope != "drive.file") values.set("scope", flags.scope);
    if (!flags.shared_drive.empty()) values.set("shared_drive", flags.shared_drive);
    if (!flags.act_for.empty()) values.set("act_for", flags.act_for);
    if (!flags.base_url.empty()) values.set("base_url", flags.base_url);
    if (!flags.ca_file.empty()) values.set("ca_file", flags.ca_file);
    return values;
}

Result<std::string> code_by_browser(Cli& cli, const http::SignInRequest& request, http::SignIn& sign_in, const OpContext& ctx) {
    ORACX_TRY(const auto receiver, http::LoopbackReceiver::listen("127.0.0.1", 0));
    sign_in = http::begin_sign_in(request, receiver->redirect_uri());
    cli.out().note(fmt::format("Open this address, unless your browser shows it already, and agree:\n\n{}\n", sign_in.url));
    open_browser(sign_in.url);
    return receiver->wait(ctx, sign_in);
}

// The browser is on another machine: there the last page can't be loaded, but its address holds the code.
Result<std::string> code_by_paste(Cli& cli, const http::SignInRequest& request, http::SignIn& sign_in) {
    sign_in = http::begin_sign_in(request, "http://127.0.0.1:1/");
    cli.out().note(fmt::format("Open this address in any browser and agree:\n\n{}\n\n"
                               "At the end the browser says that it can't reach 127.0.0.1. That is as it should be: copy the whole "
                               "address of that page.\n",
                               sign_in.url));
    ORACX_TRY(const std::string pasted, prompt_secret("Address"));
    return http::code_from_paste(sign_in, pasted);
}

Result<http::TokenRecord> sign_in_by_device(Cli& cli, http::Client& client, Clock& clock, const http::SignInRequest& request) {
    const OpContext ctx{cli.signals().token(), clock.steady() + kDeviceSignInMax};
    ORACX_TRY(const http::DeviceCode code, http::begin_device_sign_in(client, ctx, clock, request));
    cli.out().note(fmt::format("Open {} on any device and enter the code\n\n    {}\n", code.verification_url, code.user_code));
    return http::finish_device_sign_in(client, ctx, clock, request, code);
}

// Asks how, where that was not said.
Status choose_way(Cli& cli, DriveFlags& flags) {
    if (flags.paste || flags.device) return {};
    cli.out().note("How do you want to sign in?\n"
                   "  1  in a browser on this machine\n"
                   "  2  in a browser on another machine, copying an address\n"
                   "  3  on another device, entering a code there (needs a client of the type \"TVs and Limited Input devices\")");
    ORACX_TRY(const int way, ask_choice("1, 2 or 3", 3, has_desktop() ? 1 : 2));
    flags.paste = way == 2;
    flags.device = way == 3;
    return {};
}

Result<http::TokenRecord> sign_in(Cli& cli, DriveFlags& flags, std::optional<http::GoogleClient> client) {
    if (!may_ask(cli))
        return fail(Errc::usage, "sign in at Google Drive",
                    "give --token-file TOKEN.json (with --credentials CLIENT.json where it does not name its client), or "
                    "--service-account FILE; at a terminal, oracxfs asks");
    if (!client) {
        cli.out().note(std::string(kProjectGuide));
        ORACX_TRY(const std::string typed, ask_line("The downloaded JSON file"));
        ORACX_TRY(const std::string path, expand_path(typed, cli.environment()));
        ORACX_TRY(const std::string text, read_small_file(path));
        ORACX_TRY(client, http::parse_google_client(text));
    }
    log::redact_value(client->client_secret);
    if (client->web)
        return fail(Errc::config, "use the OAuth client", "it is of the type \"Web application\"; create one of the type \"Desktop app\"");
    ORACX_TRYV(choose_way(cli, flags));
    SystemClock clock;
    http::ClientOptions options;
    options.ca_file = flags.ca_file;
    options.clock = &clock;
    ORACX_TRY(const auto http_client, http::Client::create(std::move(options)));
    http::SignInRequest request;
    request.client_id = client->client_id;
    request.client_secret = client->client_secret;
    request.endpoints = google_drive_endpoints(provider_values(flags), flags.name);
    if (flags.device) return sign_in_by_device(cli, *http_client, clock, request);
    const OpContext ctx{cli.signals().token(), clock.steady() + kSignInMax};
    http::SignIn attempt;
    ORACX_TRY(const std::string code, flags.paste ? code_by_paste(cli, request, attempt) : code_by_browser(cli, request, attempt, ctx));
    return http::finish_sign_in(*http_client, ctx, clock, request, attempt, code);
}

Result<FreshSecrets> secrets_of(Cli& cli, DriveFlags& flags) {
    FreshSecrets fresh;
    const std::string key_name = secret_name(flags.name, "service_account");
    if (!flags.service_account.empty()) {
        ORACX_TRY(const std::string key, read_small_file(flags.service_account));
        if (flags.shared_drive.empty() && flags.act_for.empty())
            cli.out().warn("a service account has no storage of its own: give --shared-drive ID, or --act-for ADDRESS in a Workspace");
        fresh[key_name] = key;
        return fresh;
    }
    std::optional<http::GoogleClient> client;
    if (!flags.credentials.empty()) {
        ORACX_TRY(const std::string text, read_small_file(flags.credentials));
        ORACX_TRY(client, http::parse_google_client(text));
        log::redact_value(client->client_secret);
    }
    if (!client) {
        ORACX_TRY(const auto last, last_client(cli, flags.name));
        if (last && !last->client_id.empty()) client = http::GoogleClient{last->client_id, last->client_secret};
    }
    http::TokenRecord record;
    if (flags.token_file.empty()) {
        ORACX_TRY(record, sign_in(cli, flags, client));
    } else {
        ORACX_TRY(const std::string text, read_small_file(flags.token_file));
        ORACX_TRY(record, parse_google_token(text, client));
    }
    for (const std::string* value : {&record.access_token, &record.refresh_token, &record.client_secret}) log::redact_value(*value);
    if (record.refresh_token.empty())
        cli.out().warn("this token can't be renewed: it ends an hour after it was made. For lasting use, sign in with `oracxfs google-drive`");
    fresh[secret_name(flags.name, "token")] = record.dump();
    // A key of a service account would go first.
    if (cli.secrets().get(key_name)) fresh[key_name] = "{}";
    return fresh;
}

// Which folder is the provider's is remembered by its name: a new provider begins anew.
Status forget_folder(Cli& cli, const DriveFlags& flags) {
    ORACX_TRY(ConfigDocument document, cli.document());
    if (document.find("providers." + flags.name) != nullptr && !flags.new_folder) return {};
    return SystemDisk().remove(google_drive_root_file(cli.places().state, flags.name));
}

Status expand_paths(Cli& cli, DriveFlags& flags) {
    for (std::string* path : {&flags.ca_file, &flags.credentials, &flags.token_file, &flags.service_account}) {
        if (path->empty()) continue;
        ORACX_TRY(*path, expand_path(*path, cli.environment()));
    }
    return {};
}

Result<CommandResult> connect_google_drive(Cli& cli, DriveFlags flags);

Result<CommandResult> add_google_drive(Cli& cli, DriveFlags flags) {
    if (flags.token_file.empty() && flags.service_account.empty() && may_ask(cli)) {
        ORACX_TRY(const bool again, means_existing(cli, google_drive_kind(), flags));
        if (again) return connect_google_drive(cli, flags);
    }
    ORACX_TRYV(expand_paths(cli, flags));
    ORACX_TRY(const FreshSecrets fresh, secrets_of(cli, flags));
    ORACX_TRYV(forget_folder(cli, flags));
    return add_provider(cli, flags, provider_values(flags), fresh);
}

Result<CommandResult> connect_google_drive(Cli& cli, DriveFlags flags) {
    ORACX_TRYV(expand_paths(cli, flags));
    ORACX_TRY(const ProviderEntry entry, provider_of_kind(cli, google_drive_kind(), flags.name));
    flags.name = entry.name;
    const Json& values = entry.values;
    flags.scope = values["scope"].as_string().empty() ? "drive.file" : values["scope"].as_string();
    flags.shared_drive = values["shared_drive"].as_string();
    flags.act_for = values["act_for"].as_string();
    flags.base_url = values["base_url"].as_string();
    flags.ca_file = values["ca_file"].as_string();
    ORACX_TRY(const FreshSecrets fresh, secrets_of(cli, flags));
    ORACX_TRYV(forget_folder(cli, flags));
    return renew_access(cli, entry, fresh, flags.no_test);
}

void add_sign_in_options(CLI::App& app, DriveFlags& flags) {
    app.add_option("--credentials", flags.credentials, "JSON file of your OAuth client, as downloaded from Google")->type_name("FILE");
    auto* token = app.add_option("--token-file", flags.token_file, "A sign-in that was made before, instead of signing in")->type_name("FILE");
    app.add_option("--service-account", flags.service_account, "Key file of a service account (Google Workspace)")->type_name("FILE")->excludes(token);
    auto* paste = app.add_flag("--paste", flags.paste, "Sign in with a browser on another machine, copying an address");
    app.add_flag("--device", flags.device, "Sign in by entering a code on another device")->excludes(paste);
    app.add_flag("--new-folder", flags.new_folder, "Make a new folder if the one used before is gone or in another account");
}

}  // namespace

Run declare_google_drive(CLI::App& app) {
    const auto flags = std::make_shared<DriveFlags>();
    add_common(app, *flags, "google-drive");
    app.add_option("--folder", flags->folder, "Folder there (ORACXPRED)")->type_name("DIR");
    add_sign_in_options(app, *flags);
    app.add_option("--act-for", flags->act_for, "Whom the service account acts for (domain-wide delegation)")->type_name("ADDRESS");
    app.add_option("--shared-drive", flags->shared_drive, "Id of a shared drive, instead of My Drive")->type_name("ID");
    app.add_option("--scope", flags->scope, "drive.file: sees only its own files (default). drive: sees everything")
        ->check(CLI::IsMember({"drive.file", "drive"}));
    app.add_option("--base-url", flags->base_url, "Another address of the service")->type_name("URL");
    app.add_option("--ca-file", flags->ca_file, "Certificates to trust instead of the system's")->type_name("FILE");
    return [flags](Cli& cli) { return add_google_drive(cli, *flags); };
}

Run declare_google_drive_connect(CLI::App& app) {
    const auto flags = std::make_shared<DriveFlags>();
    app.add_option("--name", flags->name, "Which provider, where there are several of this kind")->type_name("NAME");
    add_sign_in_options(app, *flags);
    app.add_flag("--no-test", flags->no_test, "Store the sign-in without testing it");
    return [flags](Cli& cli) { return connect_google_drive(cli, *flags); };
}

}  // namespace oracxfs
