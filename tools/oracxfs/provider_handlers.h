#pragma once
// Providers for the web admin: the same work as the command line's, done inside the daemon.

#include <memory>

#include "tools/control/handlers.h"
#include "tools/oracxfs/add_provider.h"

namespace oracxfs {

struct InsideOptions {
    Places places;
    Environment environment;
    const HandlerRegistry& registry;  // the daemon's own; outlives all calls
};

// A command line inside the daemon. `yes`: what it would ask is agreed to.
Cli make_inside(const InsideOptions& options, const OpContext& ctx, bool yes);

// What a command that tests and saves has come to: {"ok", "saved", "steps", "error", ...}.
Json outcome_report(Result<CommandResult>& outcome);
// Secrets as they were entered, by their short names, in the form in which they are kept. invalid: unknown ones.
Result<FreshSecrets> fresh_secrets_from(Cli& cli, const std::string& type, const std::string& name, const Json& settings, const Json& secrets);

// provider-list, -show, -types, -add, -change, -remove, -enable, -test, -try, -host-key, -trust-host, -sign-out;
// secret-list, -set, -remove; doctor.
void add_provider_handlers(HandlerRegistry& registry, const InsideOptions& options);
// oauth-start, -finish, -look, -drop, -callback. What is under way ends with the returned thing.
std::shared_ptr<void> add_oauth_handlers(HandlerRegistry& registry, const InsideOptions& options, Clock& clock);

}  // namespace oracxfs
