#pragma once
// Something that a person should be told.

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "tools/activity/activity_entry.h"

namespace oracxfs {

struct Notice {
    std::string topic;  // what it is about; a newer one of a topic replaces an older one that was not delivered yet:
                        // "state", "provider:nas", "run", "damage", "test"
    std::string kind;   // what `notify.on` knows: degraded, at_risk, unprotected, recovered, provider, run, damage; or test
    ActivityLevel level = ActivityLevel::info;
    WallTime at;
    bool reminder = false;
    std::string title;  // one line, plain text
    std::string text;   // some lines
    std::string next;   // what to do, a command mostly; may be empty
    Json details;       // an object, for programs; may be null

    bool operator==(const Notice&) const = default;
};

// Without control characters, UTF-8.
std::string printable_text(const std::string& bytes);

Json notice_to_json(const Notice& notice);
Notice notice_from_json(const Json& json);

}  // namespace oracxfs
