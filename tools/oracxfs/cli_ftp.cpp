// ftp: add an account on an FTP server (with TLS). Bare, at a terminal, it asks for everything.

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "base/disk.h"
#include "providers/ftp/ftp_certificate.h"
#include "tools/oracxfs/add_provider.h"
#include "tools/oracxfs/provider_factory.h"
#include "tools/oracxfs/provider_test.h"
#include "tools/oracxfs/secret_input.h"
#include "tools/oracxfs/wizard.h"

namespace oracxfs {
namespace {

constexpr int kPasswordTries = 3;
constexpr Millis kLookMax{20'000};
constexpr std::int64_t kPort = 21, kImplicitPort = 990;

struct FtpFlags : AddFlags {
    std::string host, user, folder = "ORACXPRED", password_file, ca_file;
    std::int64_t port = 0;
    bool password_stdin = false, implicit = false, allow_plain = false;
};

constexpr std::string_view kGuide = R"(FTP keeps copies in a folder of an account on an FTP server, over TLS.
Enter takes what stands in brackets.
)";

Status ask_all(Cli& cli, FtpFlags& flags, bool name_given) {
    cli.out().note(std::string(kGuide));
    if (flags.host.empty()) {
        std::int64_t port = 0;
        ORACX_TRY(const std::string host, ask("Host (as in its certificate, with :port unless that is 21)"));
        ORACX_TRYV(read_host(host, flags.host, port));
        if (flags.port == 0) flags.port = port;
        if (flags.port == kImplicitPort) flags.implicit = true;
    }
    if (flags.user.empty()) {
        const char* me = std::getenv("USER");
        ORACX_TRY(flags.user, ask("User there", me == nullptr ? "" : me));
    }
    if (!name_given && !flags.replace) {
        ORACX_TRY(const std::string free, free_name(cli, flags.name));
        ORACX_TRY(flags.name, ask("Its name here", free));
    }
    return {};
}

Json provider_values(const FtpFlags& flags) {
    Json values = Json::object({{"type", "ftp"}, {"enabled", true}, {"host", flags.host}});
    if (flags.port != 0) values.set("port", flags.port);
    values.set("user", flags.user);
    values.set("folder", flags.folder);
    if (flags.implicit) values.set("tls", "implicit");
    if (flags.allow_plain) values.set("allow_plain_ftp", true);
    if (!flags.ca_file.empty()) values.set("ca_file", flags.ca_file);
    return values;
}

Status store_certificate(const std::string& file, const std::string& pem) {
    SystemDisk disk;
    ORACX_TRYV(disk.make_directories(std::string(parent_key(file))));
    const std::string fresh = file + ".new";
    (void)disk.remove(fresh);
    ORACX_TRY(const auto out, disk.open(fresh, OpenMode::create_new));
    ORACX_TRYV(out->write_at(0, std::as_bytes(std::span(pem))));
    ORACX_TRYV(out->sync());
    return disk.rename(fresh, file);
}

// The server's certificate is not accepted: shows it, and asks whether to trust just this one. True if it is trusted now.
Result<bool> trust_certificate(Cli& cli, FtpFlags& flags) {
    SystemClock clock;
    const OpContext ctx{cli.stop_token(), clock.steady() + kLookMax};
    const auto port = static_cast<std::uint16_t>(flags.port != 0 ? flags.port : flags.implicit ? kImplicitPort : kPort);
    const auto shown = ftp::look_at_certificate(ctx, clock, flags.host, port, flags.implicit, kLookMax);
    if (!shown) {
        if (shown.error().code == Errc::cancelled) return fail(shown.error());
        cli.out().note("its certificate cannot be shown: " + shown.error().to_string());
        return false;
    }
    cli.out().note(fmt::format("The certificate of {} is signed by nobody that this machine trusts:\n"
                               "  for          {}\n  issued by    {}{}\n  valid until  {}\n  fingerprint  {}",
                               flags.host, printable(shown->subject), printable(shown->issuer), shown->self_signed ? " (itself)" : "",
                               shown->valid_until, shown->fingerprint));
    if (!shown->names_host) {
        cli.out().note("It was not issued for " + flags.host + ": use the name that stands in it. It cannot be trusted for another one.");
        return false;
    }
    if (!shown->in_time) {
        cli.out().note("It is not valid now. The server needs a new one (or is this machine's clock wrong?).");
        return false;
    }
    ORACX_TRY(const bool trusted, ask_yes_no("Compare the fingerprint with what the server's owner says. Trust this certificate?"));
    if (!trusted) return false;
    flags.ca_file = cli.places().state + "/certificates/" + flags.name + ".pem";
    ORACX_TRYV(store_certificate(flags.ca_file, shown->pem));
    return true;
}

Result<std::string> password_of(const FtpFlags& flags) {
    if (!flags.password_file.empty()) return read_secret_file(flags.password_file);
    if (flags.password_stdin) return read_secret_stdin();
    if (!can_prompt()) return fail(Errc::usage, "sign in at " + flags.host, "give --password-file FILE or --password-stdin");
    return prompt_secret("Password of " + flags.user + "@" + flags.host + " (not shown)");
}

Result<CommandResult> add_ftp(Cli& cli, FtpFlags flags, bool name_given) {
    const bool bare = flags.host.empty() || flags.user.empty();
    if (bare) {
        if (!may_ask(cli)) return fail(Errc::usage, "add an FTP account", "--host and --user are needed; at a terminal, oracxfs asks");
        ORACX_TRYV(ask_all(cli, flags, name_given));
    }
    if (!flags.ca_file.empty()) {
        ORACX_TRY(const std::string expanded, expand_path(flags.ca_file, cli.environment()));
        flags.ca_file = absolute_path(expanded, std::filesystem::current_path().string());
    }
    FreshSecrets secrets;
    std::string& password = secrets[secret_name(flags.name, "password")];
    ORACX_TRY(password, password_of(flags));
    if (bare) {
        ORACX_TRY(flags.folder, ask("Folder there, from where the sign-in leads unless it begins with /", flags.folder));
    }
    const bool typed = flags.password_file.empty() && !flags.password_stdin;
    for (int tries = 1;;) {
        if (flags.allow_plain)
            cli.out().note("WARNING: --allow-plain-ftp: where " + flags.host + " offers no TLS, the password and all files travel unencrypted");
        auto outcome = add_provider(cli, flags, provider_values(flags), secrets);
        if (!outcome || !outcome->error || !may_ask(cli)) return outcome;
        const Error& error = *outcome->error;
        const std::string_view step = contact_step("ftp", error);
        if (step == "certificate" && flags.ca_file.empty()) {
            ORACX_TRY(const bool trusted, trust_certificate(cli, flags));
            if (!trusted) return outcome;
        } else if (bare && step == "TLS" && error.code == Errc::config && !flags.allow_plain) {
            cli.out().note(cli.out().describe(error, 0));
            ORACX_TRY(flags.allow_plain, ask_yes_no("Go on WITHOUT encryption? Anybody on the way can read the password and all files."));
            if (!flags.allow_plain) return outcome;
        } else if (step == "sign-in" && typed && tries < kPasswordTries) {
            ++tries;
            cli.out().note(cli.out().describe(error, 0) + "\nOnce more:");
            ORACX_TRY(password, password_of(flags));
        } else {
            return outcome;
        }
    }
}

}  // namespace

Run declare_ftp(CLI::App& app) {
    const auto flags = std::make_shared<FtpFlags>();
    add_common(app, *flags, "ftp");
    app.add_option("--host", flags->host, "Name or address, as in its certificate")->type_name("HOST");
    app.add_option("--port", flags->port, "Port (21; 990 with --implicit)")->type_name("PORT")->check(CLI::Range(1, 65'535));
    app.add_option("--user", flags->user, "Account")->type_name("USER");
    app.add_option("--folder", flags->folder, "Folder there (ORACXPRED)")->type_name("DIR");
    auto* file = app.add_option("--password-file", flags->password_file, "First line of FILE, - for standard input")->type_name("FILE");
    app.add_flag("--password-stdin", flags->password_stdin, "First line of standard input")->excludes(file);
    app.add_option("--ca-file", flags->ca_file, "Certificate of the server or its authority, where the system does not know it (PEM)")->type_name("FILE");
    auto* implicit = app.add_flag("--implicit", flags->implicit, "TLS from the first byte (ftps, port 990)");
    app.add_flag("--allow-plain-ftp", flags->allow_plain, "Go on unencrypted where the server offers no TLS; anybody on the way can read the password")
        ->excludes(implicit);
    const CLI::App* parsed = &app;
    return [flags, parsed](Cli& cli) { return add_ftp(cli, *flags, parsed->get_option("--name")->count() > 0); };
}

}  // namespace oracxfs
