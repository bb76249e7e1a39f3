// sftp: add an account on an SSH server. Bare, at a terminal, it asks for everything.

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>

#include "tools/oracxfs/add_provider.h"
#include "tools/oracxfs/provider_factory.h"
#include "tools/oracxfs/secret_input.h"
#include "tools/oracxfs/wizard.h"

namespace oracxfs {
namespace {

constexpr int kPasswordTries = 3;

struct SftpFlags : AddFlags {
    std::string host, user, folder = "ORACXPRED", key, key_passphrase_file, password_file, host_key, fingerprint, known_hosts;
    std::int64_t port = 22;
    bool password_stdin = false, agent = false;
    bool asked = false;  // by the wizard: then it may ask again
    FreshSecrets typed;

    [[nodiscard]] bool has_way_in() const { return password_stdin || agent || !password_file.empty() || !key.empty() || !typed.empty(); }
};

constexpr std::string_view kGuide = R"(SFTP keeps copies in a folder on a machine that you reach by SSH: a NAS, a server, another computer.
Enter takes what stands in brackets.
)";

// The key that ssh itself would try first.
std::string usual_key(Cli& cli) {
    for (const char* name : {"~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa"}) {
        const auto path = expand_path(name, cli.environment());
        std::error_code ignored;
        if (path && std::filesystem::exists(*path, ignored)) return name;
    }
    return "";
}

Status ask_password(SftpFlags& flags) {
    ORACX_TRY(flags.typed[secret_name(flags.name, "password")], prompt_secret("Password of " + flags.user + "@" + flags.host + " (not shown)"));
    return {};
}

Status ask_way_in(Cli& cli, SftpFlags& flags) {
    cli.out().note("How does the server know you?\n"
                   "  1  by a password\n"
                   "  2  by a private key in a file\n"
                   "  3  by the keys of ssh-agent");
    const std::string usual = usual_key(cli);
    ORACX_TRY(const int way, ask_choice("1, 2 or 3", 3, usual.empty() ? 1 : 2));
    if (way == 1) return ask_password(flags);
    if (way == 3) {
        flags.agent = true;
        return {};
    }
    ORACX_TRY(flags.key, ask("Private key", usual));
    ORACX_TRY(const bool locked, ask_yes_no("Does the key have a passphrase?"));
    if (!locked) return {};
    ORACX_TRY(flags.typed[secret_name(flags.name, "key_passphrase")], prompt_secret("Passphrase of " + flags.key + " (not shown)"));
    return {};
}

Status ask_all(Cli& cli, SftpFlags& flags, bool name_given) {
    flags.asked = true;
    cli.out().note(std::string(kGuide));
    if (flags.host.empty()) {
        ORACX_TRY(const std::string host, ask("Host (name or address, with :port unless that is 22)"));
        ORACX_TRYV(read_host(host, flags.host, flags.port));
    }
    if (flags.user.empty()) {
        const char* me = std::getenv("USER");
        ORACX_TRY(flags.user, ask("User there", me == nullptr ? "" : me));
    }
    if (!name_given && !flags.replace) {
        ORACX_TRY(const std::string free, free_name(cli, flags.name));
        ORACX_TRY(flags.name, ask("Its name here", free));
    }
    if (!flags.has_way_in()) ORACX_TRYV(ask_way_in(cli, flags));
    ORACX_TRY(flags.folder, ask("Folder there, from the home folder unless it begins with /", flags.folder));
    return {};
}

Result<FreshSecrets> secrets_of(SftpFlags& flags) {
    FreshSecrets secrets = flags.typed;
    if (!flags.password_file.empty()) {
        ORACX_TRY(secrets[secret_name(flags.name, "password")], read_secret_file(flags.password_file));
    } else if (flags.password_stdin) {
        ORACX_TRY(secrets[secret_name(flags.name, "password")], read_secret_stdin());
    } else if (flags.key.empty() && !flags.agent && flags.typed.empty()) {
        if (!can_prompt())
            return fail(Errc::usage, "sign in at " + flags.host, "give --key FILE, --agent, --password-file FILE or --password-stdin");
        ORACX_TRY(secrets[secret_name(flags.name, "password")], prompt_secret("Password of " + flags.user + "@" + flags.host));
    }
    if (!flags.key_passphrase_file.empty()) {
        ORACX_TRY(secrets[secret_name(flags.name, "key_passphrase")], read_secret_file(flags.key_passphrase_file));
    }
    return secrets;
}

Result<Json> provider_values(Cli& cli, const SftpFlags& flags) {
    const std::string here = std::filesystem::current_path().string();
    Json values = Json::object({{"type", "sftp"}, {"enabled", true}, {"host", flags.host}, {"port", flags.port}, {"user", flags.user}, {"folder", flags.folder}});
    const auto add_path = [&](const char* key, const std::string& typed) -> Status {
        if (typed.empty()) return {};
        ORACX_TRY(const std::string expanded, expand_path(typed, cli.environment()));
        values.set(key, absolute_path(expanded, here));
        return {};
    };
    ORACX_TRYV(add_path("key_file", flags.key));
    ORACX_TRYV(add_path("known_hosts", flags.known_hosts));
    if (flags.agent) values.set("use_agent", true);
    if (!flags.host_key.empty()) values.set("host_key", flags.host_key);
    if (!flags.fingerprint.empty()) values.set("host_key", flags.fingerprint);
    return values;
}

Result<CommandResult> add_sftp(Cli& cli, SftpFlags flags, bool name_given) {
    if (flags.host.empty() || flags.user.empty()) {
        if (!may_ask(cli)) return fail(Errc::usage, "add an SFTP account", "--host and --user are needed; at a terminal, oracxfs asks");
        ORACX_TRYV(ask_all(cli, flags, name_given));
    }
    ORACX_TRY(Json values, provider_values(cli, flags));
    ORACX_TRY(FreshSecrets secrets, secrets_of(flags));
    for (int tries = 1;; ++tries) {
        auto outcome = add_provider(cli, flags, values, secrets);
        if (!outcome || !outcome->error || !may_ask(cli)) return outcome;
        if (outcome->error->code == Errc::host_key_unknown) {
            const std::string fingerprint = offered_fingerprint(*outcome->error);
            if (fingerprint.empty()) return outcome;
            ORACX_TRY(const bool trusted, ask_yes_no(fmt::format("First contact with {}. Its key is {}.\nCompare it with `ssh-keygen -lf` on the server. Trust it?", flags.host, fingerprint)));
            if (!trusted) return outcome;
            values.set("host_key", fingerprint);
            continue;
        }
        // A slip of the finger need not end everything.
        const auto typed = flags.typed.find(secret_name(flags.name, "password"));
        if (outcome->error->code != Errc::unauthenticated || typed == flags.typed.end() || tries > kPasswordTries) return outcome;
        cli.out().note(cli.out().describe(*outcome->error, 0) + "\nOnce more:");
        ORACX_TRYV(ask_password(flags));
        secrets = flags.typed;
    }
}

}  // namespace

std::string offered_fingerprint(const Error& error) {
    const std::size_t at = error.why.find("SHA256:");
    if (at == std::string::npos) return "";
    return error.why.substr(at, error.why.find_first_of(" ,;)", at) - at);
}

Run declare_sftp(CLI::App& app) {
    const auto flags = std::make_shared<SftpFlags>();
    add_common(app, *flags, "sftp");
    app.add_option("--host", flags->host, "Name or address")->type_name("HOST");
    app.add_option("--port", flags->port, "Port (22)")->type_name("PORT")->check(CLI::Range(1, 65'535));
    app.add_option("--user", flags->user, "Account")->type_name("USER");
    app.add_option("--folder", flags->folder, "Folder there (ORACXPRED)")->type_name("DIR");
    app.add_option("--key", flags->key, "Private key")->type_name("FILE");
    app.add_option("--key-passphrase-file", flags->key_passphrase_file, "Passphrase of the private key")->type_name("FILE");
    app.add_flag("--agent", flags->agent, "Use the keys of ssh-agent");
    app.add_option("--password-file", flags->password_file, "First line of FILE, - for standard input")->type_name("FILE");
    app.add_flag("--password-stdin", flags->password_stdin, "First line of standard input");
    auto* key = app.add_option("--host-key", flags->host_key, "The server's public key, \"ssh-ed25519 AAAA...\"")->type_name("KEY");
    auto* print = app.add_option("--host-key-fingerprint", flags->fingerprint, "SHA256:...")->type_name("FP");
    app.add_option("--known-hosts", flags->known_hosts, "OpenSSH known_hosts file")->type_name("FILE")->excludes(key)->excludes(print);
    key->excludes(print);
    const CLI::App* parsed = &app;
    return [flags, parsed](Cli& cli) { return add_sftp(cli, *flags, parsed->get_option("--name")->count() > 0); };
}

}  // namespace oracxfs
