#pragma once
// Signing in again at a web service, and forgetting or ending that sign-in: what `dropbox` and `google-drive` share.
//
// Secrets of a provider: "NAME/token" is the sign-in. "NAME/client" keeps, when that is forgotten, which client it was made
// with and whose account it was, so that signing in again needs no more than a consent.

#include <optional>
#include <string>

#include "providers/http/oauth.h"
#include "tools/oracxfs/add_provider.h"

namespace oracxfs {

struct CloudKind {
    std::string type;         // "dropbox"
    std::string title;        // "Dropbox"
    std::string grants_page;  // where people look after what they granted
    http::OAuthEndpoints (*endpoints)(const Json& values, const std::string& provider_name);
};
const CloudKind& dropbox_kind();
const CloudKind& google_drive_kind();

// The provider of this kind called `name`; with "" the only one there is. not_found, usage (several).
Result<ProviderEntry> provider_of_kind(Cli& cli, const CloudKind& kind, const std::string& name);

// There is a provider of this name already, and it is not to be replaced: who calls the command bare means to sign in
// again. exists: it is of another kind.
Result<bool> means_existing(Cli& cli, const CloudKind& kind, const AddFlags& flags);

// With which client somebody signed in the last time, and as whom: a record without tokens. Nothing: nobody ever did.
Result<std::optional<http::TokenRecord>> last_client(Cli& cli, const std::string& provider_name);

// Another account under the same name would look as if every copy were lost: asks, else refused.
Status check_account(Cli& cli, const std::string& provider_name, const http::TokenRecord& fresh);

// The same for a token that does not say whose it is: the service is asked, and the answer is noted in `fresh`. A service that
// cannot be asked is no reason to refuse it: the test tells that better.
Status check_account_of_token(Cli& cli, const ProviderEntry& entry, FreshSecrets& fresh);

// Tests the provider with the fresh secrets (unless told not to), stores them, and has the daemon begin with them at once.
// The configuration stays as it is. Nothing is stored when the test fails.
Result<CommandResult> renew_access(Cli& cli, const ProviderEntry& entry, const FreshSecrets& fresh, bool no_test);

// Forgets the sign-in; with `to_revoke` ends the access at the service as well.
Result<CommandResult> sign_out_provider(Cli& cli, const CloudKind& kind, const std::string& name, bool to_revoke);

Run declare_disconnect(CLI::App& app, const CloudKind& kind);

}  // namespace oracxfs
