#include "tools/oracxfs/cloud_access.h"

#include <fmt/format.h>

#include "base/log.h"
#include "providers/dropbox/dropbox_config.h"
#include "providers/dropbox/dropbox_provider.h"
#include "providers/google_drive/google_drive_provider.h"
#include "tools/oracxfs/provider_factory.h"

namespace oracxfs {
namespace {

constexpr Millis kRevokeMax{60'000};
constexpr Millis kAccountMax{30'000};

http::OAuthEndpoints dropbox_endpoints(const Json& values, const std::string& name) {
    return dropbox::oauth_endpoints(dropbox::read_hosts(values), name);
}

// What the old key of a service account is replaced with where a token is to count (providers/google_drive/token_choice).
constexpr const char* kNoServiceAccount = "{}";

// Everything that lets somebody in as this provider.
struct Access {
    std::optional<http::TokenRecord> token;
    bool service_account = false;
    [[nodiscard]] bool any() const { return token || service_account; }
};

Result<std::optional<std::string>> secret_if_any(Cli& cli, const std::string& name) {
    auto text = cli.secrets().get(name);
    if (text) return std::optional(std::move(*text));
    if (text.error().code == Errc::not_found) return std::optional<std::string>();
    return fail(std::move(text).error());
}

Result<Access> find_access(Cli& cli, const std::string& name) {
    Access access;
    ORACX_TRY(const auto key, secret_if_any(cli, secret_name(name, "service_account")));
    access.service_account = key && *key != kNoServiceAccount;
    ORACX_TRY(const auto text, secret_if_any(cli, secret_name(name, "token")));
    if (!text) return access;
    auto record = http::TokenRecord::parse(*text);
    access.token = record ? std::move(*record) : http::TokenRecord();  // damaged: to be forgotten all the same
    for (const std::string* value : {&access.token->access_token, &access.token->refresh_token, &access.token->client_secret})
        if (!value->empty()) log::redact_value(*value);
    return access;
}

Status revoke(Cli& cli, const CloudKind& kind, const ProviderEntry& entry, const http::TokenRecord& record) {
    SystemClock clock;
    http::ClientOptions options;
    options.ca_file = entry.values["ca_file"].as_string();
    options.clock = &clock;
    ORACX_TRY(const auto client, http::Client::create(std::move(options)));
    const OpContext ctx{cli.stop_token(), clock.steady() + kRevokeMax};
    const Status ended = http::revoke(*client, ctx, kind.endpoints(entry.values, entry.name), record);
    if (ended || ended.error().code == Errc::cancelled) return ended;
    Error error = ended.error();
    error.why = fmt::format("{}; nothing was changed. Try again later, or run `oracxfs {} disconnect --name {}` without --revoke and end the "
                            "access yourself at {}",
                            error.why.empty() ? error.message : error.why, kind.type, entry.name, kind.grants_page);
    error.message = "end the access at " + kind.title;
    return fail(std::move(error).with_provider(entry.name));
}

Status forget_access(Cli& cli, const std::string& name) {
    for (const char* what : {"token", "service_account"}) {
        const Status gone = cli.secrets().remove(secret_name(name, what));
        if (!gone && gone.error().code != Errc::not_found) return gone;
    }
    return {};
}

// The running daemon lets go of what it has in memory; without one, the state that `status` shows is set right.
Status take_effect(Cli& cli, const ProviderEntry& entry, bool signed_in) {
    if (cli.daemon_socket()) {
        ORACX_TRYV(cli.ask_daemon("provider-reopen", Json::object({{"name", entry.name}, {"signed_in", signed_in}})));
        return {};
    }
    return cli.with_catalog([&](Catalog& catalog) -> Status {
        ORACX_TRY(const auto rows, catalog.providers());
        for (ProviderRow row : rows) {
            if (row.name != entry.name || !row.active) continue;
            row.state = signed_in ? ProviderState::active : ProviderState::auth_needed;
            row.reason = signed_in ? "" : std::string(info(Errc::unauthenticated).e_code) + " nobody is signed in";
            ORACX_TRYV(catalog.update_provider(row));
        }
        EventRow event;
        event.level = "info";
        event.kind = signed_in ? "signed_in" : "signed_out";
        event.provider = entry.name;
        event.message = entry.name + (signed_in ? " has new sign-in data" : " is signed out");
        return catalog.append_event(event);
    });
}

}  // namespace

Result<CommandResult> sign_out_provider(Cli& cli, const CloudKind& kind, const std::string& name, bool to_revoke) {
    ORACX_TRY(const ProviderEntry entry, provider_of_kind(cli, kind, name));
    ORACX_TRY(const Access access, find_access(cli, entry.name));
    const bool has_tokens = access.token && (!access.token->access_token.empty() || !access.token->refresh_token.empty());
    if (to_revoke && has_tokens) ORACX_TRYV(revoke(cli, kind, entry, *access.token));
    if (access.token) {
        http::TokenRecord client = *access.token;
        client.access_token.clear();
        client.refresh_token.clear();
        client.scope.clear();
        client.expires.reset();
        if (!client.client_id.empty() || !client.account_id.empty())
            ORACX_TRYV(cli.secrets().put(secret_name(entry.name, "client"), client.dump()));
    }
    ORACX_TRYV(forget_access(cli, entry.name));
    ORACX_TRYV(take_effect(cli, entry, false));
    // The daemon may have been renewing, and stored what it got, before it let go.
    ORACX_TRY(const Access stored_meanwhile, find_access(cli, entry.name));
    if (stored_meanwhile.any()) {
        ORACX_TRYV(forget_access(cli, entry.name));
        ORACX_TRYV(take_effect(cli, entry, false));
    }
    std::string text = fmt::format("provider {} is signed out here; its files and its settings stay, uploads to it wait.", entry.name);
    if (to_revoke && has_tokens)
        text += fmt::format("\nThe access at {} is ended.", kind.title);
    else if (to_revoke)
        text += fmt::format("\nThere was no access at {} to end.", kind.title);
    else if (access.any())
        text += fmt::format("\nThe access at {} was not ended: see {}.", kind.title, kind.grants_page);
    text += fmt::format("\nSign in again with: oracxfs {} connect --name {}", kind.type, entry.name);
    return CommandResult{Json::object({{"name", entry.name}, {"was_signed_in", access.any()}, {"revoked", to_revoke && has_tokens}}), std::move(text), 0, {}, false};
}

const CloudKind& dropbox_kind() {
    static const CloudKind kind{"dropbox", "Dropbox", "https://www.dropbox.com/account/connected_apps", dropbox_endpoints};
    return kind;
}

const CloudKind& google_drive_kind() {
    static const CloudKind kind{"google-drive", "Google", "https://myaccount.google.com/connections", google_drive_endpoints};
    return kind;
}

Result<ProviderEntry> provider_of_kind(Cli& cli, const CloudKind& kind, const std::string& name) {
    ORACX_TRY(const Config config, cli.config());
    std::vector<ProviderEntry> found;
    std::string names;
    for (const ProviderEntry& entry : config.providers) {
        if (entry.type != kind.type) continue;
        names += (names.empty() ? "" : ", ") + entry.name;
        if (name.empty() || entry.name == name) found.push_back(entry);
    }
    if (found.size() == 1) return found.front();
    if (found.size() > 1) return fail(Errc::usage, "choose a provider", "there are several of this kind (" + names + "): give --name");
    const std::string why = names.empty() ? "none of this kind is configured; add it with `oracxfs " + kind.type + "`"
                                          : "configured of this kind: " + names;
    return fail(Error(Errc::not_found, "find provider " + (name.empty() ? kind.type : name), why).with_provider(name));
}

Result<bool> means_existing(Cli& cli, const CloudKind& kind, const AddFlags& flags) {
    ORACX_TRY(const Config config, cli.config());
    const ProviderEntry* entry = config.provider(flags.name);
    if (entry == nullptr || flags.replace) return false;
    if (entry->type != kind.type)
        return fail(Errc::exists, "add provider " + flags.name, "there is one of this name, of the kind " + entry->type + "; give another --name");
    cli.out().note(fmt::format("There is a provider {} already: this signs in again, its settings stay. (A second one: --name; other settings: --replace.)", flags.name));
    return true;
}

Result<std::optional<http::TokenRecord>> last_client(Cli& cli, const std::string& provider_name) {
    for (const char* what : {"token", "client"}) {
        ORACX_TRY(const auto text, secret_if_any(cli, secret_name(provider_name, what)));
        if (!text) continue;
        // After signing out there are no tokens in it, so it is no TokenRecord that could be parsed as one.
        const auto json = parse_json(*text);
        if (!json || !json->is_object()) continue;
        http::TokenRecord record;
        record.client_id = (*json)["client_id"].as_string();
        record.client_secret = (*json)["client_secret"].as_string();
        record.account = (*json)["account"].as_string();
        record.account_id = (*json)["account_id"].as_string();
        log::redact_value(record.client_secret);
        if (!record.client_id.empty() || !record.account_id.empty()) return std::optional(std::move(record));
    }
    return std::optional<http::TokenRecord>();
}

namespace {

Status confirm_account(Cli& cli, const std::string& provider_name) {
    const std::string what = "change the account behind provider " + provider_name;
    Status confirmed = cli.confirm("This is another account than before: what the old one holds is not counted as copies any more. Go on?", what);
    if (confirmed || confirmed.error().code != Errc::refused) return confirmed;
    return fail(Errc::refused, what, "this sign-in belongs to another account than before, and the copies are in the other one: sign in with that account, or confirm (--yes) to begin anew with this one");
}

}  // namespace

Status check_account(Cli& cli, const std::string& provider_name, const http::TokenRecord& fresh) {
    ORACX_TRY(const auto before, last_client(cli, provider_name));
    if (!before || before->account_id.empty() || fresh.account_id.empty() || before->account_id == fresh.account_id) return {};
    return confirm_account(cli, provider_name);
}

Status check_account_of_token(Cli& cli, const ProviderEntry& entry, FreshSecrets& fresh) {
    const std::string name = secret_name(entry.name, "token");
    const auto token = fresh.find(name);
    if (entry.type != kDropboxType || token == fresh.end()) return {};
    ORACX_TRY(auto record, http::TokenRecord::parse(token->second));
    if (!record.account_id.empty()) return {};  // who made it out of a sign-in has compared it
    const auto account_of = [&](const std::string& text) -> std::string {
        ProviderConfig config;
        config.name = entry.name;
        config.type = entry.type;
        config.config = entry.values;
        config.secret = [&text](const std::string&) -> Result<std::string> { return text; };
        SystemClock clock;
        const auto account = dropbox_account(config, {cli.stop_token(), clock.steady() + kAccountMax});
        if (account) return *account;
        log::info("dropbox", entry.name + ": whose account it is could not be asked: " + account.error().to_string());
        return {};
    };
    record.account_id = account_of(token->second);
    if (record.account_id.empty()) return {};
    token->second = record.dump();
    ORACX_TRY(const auto before, last_client(cli, entry.name));
    if (before && !before->account_id.empty()) return check_account(cli, entry.name, record);
    // One that was saved before accounts were noted, or untested: it can still say whose it is, unless it has ended.
    ORACX_TRY(const auto stored, secret_if_any(cli, name));
    if (!stored) return {};
    const std::string known = account_of(*stored);
    return known.empty() || known == record.account_id ? Status() : confirm_account(cli, entry.name);
}

Result<CommandResult> renew_access(Cli& cli, const ProviderEntry& entry, const FreshSecrets& given, bool no_test) {
    FreshSecrets fresh = given;
    ORACX_TRYV(check_account_of_token(cli, entry, fresh));
    TestOutcome test;
    if (!no_test) test = run_test(cli, entry, fresh);
    CommandResult outcome;
    outcome.data = Json::object({{"name", entry.name}, {"type", entry.type}, {"saved", !test.error}, {"tested", !no_test}, {"steps", std::move(test.steps)}});
    if (test.error) {
        outcome.error = std::move(test.error);
        cli.out().note("nothing was saved");
        return outcome;
    }
    for (const auto& [secret, value] : fresh) ORACX_TRYV(cli.secrets().put(secret, value));
    ORACX_TRYV(take_effect(cli, entry, true));
    outcome.text = fmt::format("provider {} is signed in again; what waited for it {}", entry.name,
                               cli.daemon_socket() ? "is uploaded now" : "is uploaded from the next `oracxfs mount` on");
    return outcome;
}

Run declare_disconnect(CLI::App& app, const CloudKind& kind) {
    struct DisconnectFlags {
        std::string name;
        bool revoke = false;
    };
    const auto flags = std::make_shared<DisconnectFlags>();
    app.add_option("--name", flags->name, "Which provider, where there are several of this kind")->type_name("NAME");
    app.add_flag("--revoke", flags->revoke, "End the access at " + kind.title + " as well; without it the sign-in is only forgotten here");
    return [flags, kind](Cli& cli) { return sign_out_provider(cli, kind, flags->name, flags->revoke); };
}

}  // namespace oracxfs
