#pragma once
// Brings one delivery to its target, by whatever way the target wants.

#include <functional>

#include "base/op_context.h"
#include "tools/config/config.h"
#include "tools/notify/delivery_book.h"

namespace oracxfs {

struct SenderParts {
    Clock& clock;
    Environment environment;
    std::function<Result<std::string>(const std::string& name)> secret;  // not_found
};

// What the receiver said, in a few words: "200", "accepted", "no desktop session". Errors name neither address nor secrets.
Result<std::string> send_delivery(const OpContext& ctx, const SenderParts& parts, const Config& config, const NotifyTarget& target, const Delivery& delivery);

// A delivery that says that it is a test; of a heartbeat one that changes no state ("log").
Delivery test_delivery(const NotifyTarget& target, const std::string& instance, WallTime now);
std::optional<Delivery> test_delivery_for(const Config& config, const std::string& id, WallTime now);  // nothing: no such target
// {"id","type","place","answer","took_ms"}
Result<Json> run_test_delivery(const OpContext& ctx, const SenderParts& parts, const Config& config, const Delivery& delivery);
std::string delivery_id();

// Where it goes, for people: a host, mail addresses; never the rest of an address, which may be a secret.
std::string target_place(const NotifyTarget& target);

}  // namespace oracxfs
