#pragma once
// What the commands that add a provider share: common options; check, test, save.

#include <map>
#include <string>

#include "providers/provider.h"
#include "tools/oracxfs/commands.h"

namespace oracxfs {

struct AddFlags {
    std::string name;
    bool no_test = false;
    bool replace = false;
};
// --name, --no-test, --replace
void add_common(CLI::App& app, AddFlags& flags, const std::string& default_name);

// Secrets just entered and not yet stored, by their full names ("nas/password").
using FreshSecrets = std::map<std::string, std::string>;

// Everything after the command line was read: checks the entry, tests the provider unless told not to, stores the secrets
// and saves the configuration. Nothing is saved when the test fails.
Result<CommandResult> add_provider(Cli& cli, const AddFlags& flags, Json values, const FreshSecrets& fresh);

// As the configuration and the stored (or fresh) secrets say, outside of a daemon.
Result<std::unique_ptr<Provider>> open_provider(Cli& cli, const ProviderEntry& entry, const FreshSecrets& fresh, Clock& clock);
// not_found, with what is configured.
tl::unexpected<Error> no_such_provider(const Config& config, const std::string& name);

struct TestOutcome {
    Json steps = Json::array();
    std::optional<Error> error;  // names the failing step
};
// Tests the provider step by step, showing each.
TestOutcome run_test(Cli& cli, const ProviderEntry& entry, const FreshSecrets& fresh);

// Only members that differ from their defaults stand in the file. Checks the whole, with `values` as provider `name`.
Result<ProviderEntry> checked_entry(Cli& cli, const std::string& name, const Json& values, ConfigDocument& document);
Result<CommandResult> enable_provider(Cli& cli, const ProviderEntry& entry, bool on);  // asks before the only one is disabled
Result<CommandResult> remove_provider(Cli& cli, const ProviderEntry& entry);           // asks
Result<CommandResult> rename_provider(Cli& cli, const std::string& from, const std::string& to);
// The fingerprint that the server offered, out of the words of host_key_unknown or host_key_changed; "" = none is there.
std::string offered_fingerprint(const Error& error);

// Commands with files of their own.
Run declare_sftp(CLI::App& app);
Run declare_ftp(CLI::App& app);
Run declare_dropbox(CLI::App& app);
Run declare_dropbox_connect(CLI::App& app);
Run declare_google_drive(CLI::App& app);
Run declare_google_drive_connect(CLI::App& app);

}  // namespace oracxfs
