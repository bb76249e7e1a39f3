#include "tools/notify/notify_rules.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/translate.h"
#include "tools/config/units.h"
#include "tools/control/envelope.h"
#include "tools/oracxfs/status.h"

namespace oracxfs {
namespace {

constexpr Millis kDamageGather{30'000};       // copies that are found damaged together are one notice
constexpr Millis kDamagePause{3'600'000};     // at most one notice of damage in so long
constexpr std::size_t kNamesMax = 20;

int severity(const std::string& state) {
    if (state == "degraded") return 1;
    if (state == "at_risk") return 2;
    if (state == "unprotected") return 3;
    return 0;
}

bool needs_somebody(const std::string& provider_state) { return provider_state == "auth_needed" || provider_state == "blocked" || provider_state == "full"; }

ActivityLevel level_of(const std::string& state) {
    return severity(state) >= 2 ? ActivityLevel::error : severity(state) == 1 ? ActivityLevel::warning : ActivityLevel::info;
}

// Whole sentences, so that they can be said in another language when they are sent.
std::string state_words(const std::string& state, bool still) {
    if (state == "degraded") return still ? ORACX_TEXT("still DEGRADED") : ORACX_TEXT("DEGRADED");
    if (state == "at_risk") return still ? ORACX_TEXT("still AT RISK") : ORACX_TEXT("AT RISK");
    if (state == "unprotected") return still ? ORACX_TEXT("still UNPROTECTED") : ORACX_TEXT("UNPROTECTED");
    return ORACX_TEXT("protected again");
}

std::string provider_words(const std::string& name, const std::string& state) {
    if (state == "offline") return fmt::format(ORACX_TEXT("{} is offline"), name);
    if (state == "auth_needed") return fmt::format(ORACX_TEXT("{} needs a new sign-in"), name);
    if (state == "full") return fmt::format(ORACX_TEXT("{} is full"), name);
    if (state == "blocked") return fmt::format(ORACX_TEXT("{} is blocked for your safety"), name);
    if (state == "degraded") return fmt::format(ORACX_TEXT("{} is in trouble"), name);
    return fmt::format(ORACX_TEXT("{} is in use again"), name);
}

Notice make(const std::string& topic, const std::string& kind, ActivityLevel level, WallTime at) {
    Notice notice;
    notice.topic = topic;
    notice.kind = kind;
    notice.level = level;
    notice.at = at;
    return notice;
}

// What is wrong, a line each.
std::string situation(const NotifyFacts& facts, std::string& next) {
    std::string text;
    if (facts.without_copy > 0)
        text += facts.files == 1 ? ORACX_TEXT("The only file is without any verified copy in the cloud.")
                                 : fmt::format(ORACX_TEXT("{} of {} files are without any verified copy in the cloud."), facts.without_copy, facts.files);
    if (facts.without_copy > 0) text += '\n';
    if (facts.incomplete > facts.without_copy) {
        const std::uint64_t count = facts.incomplete - facts.without_copy;
        const std::string size = format_size(facts.pending_bytes);
        text += count == 1 ? fmt::format(ORACX_TEXT("1 file is not yet everywhere ({} to send)."), size) : fmt::format(ORACX_TEXT("{} files are not yet everywhere ({} to send)."), count, size);
        text += '\n';
    }
    for (const auto& provider : facts.providers) {
        if (provider.state == "active" || provider.state == "inactive") continue;
        text += provider_words(provider.name, provider.state) + (provider.text.empty() ? "" : ": " + provider.text) + ".\n";
        if (next.empty()) next = next_step_for(provider.name, provider.state, provider.reason);
    }
    if (facts.failing) text += std::string(ORACX_TEXT("Some copies failed or are damaged; they are made anew.")) + "\n";
    if (next.empty()) next = "oracxfs status";
    return text;
}

Notice state_notice(const NotifyFacts& facts, const std::string& before, bool reminder) {
    const bool good = severity(facts.state) == 0;
    Notice notice = make("state", good ? "recovered" : facts.state, level_of(facts.state), facts.now);
    notice.reminder = reminder;
    notice.title = facts.instance + ": " + state_words(facts.state, reminder);
    if (good) {
        notice.text = facts.files == 1 ? "The only file is verified at every provider.\n" : fmt::format("All {} files are verified at every provider.\n", facts.files);
    } else {
        notice.text = situation(facts, notice.next);
    }
    notice.details = Json::object({{"state", facts.state},
                                   {"before", before.empty() ? "protected" : before},
                                   {"files", Json::object({{"total", facts.files}, {"incomplete", facts.incomplete}, {"without_copy", facts.without_copy}})},
                                   {"pending_bytes", facts.pending_bytes}});
    return notice;
}

Notice provider_notice(const NotifyFacts& facts, const NotifyFacts::ProviderFact& provider, const std::string& before) {
    const bool good = !needs_somebody(provider.state);
    Notice notice = make("provider:" + provider.name, good ? "recovered" : "provider", good ? ActivityLevel::info : ActivityLevel::warning, facts.now);
    notice.title = facts.instance + ": " + provider_words(provider.name, good ? "active" : provider.state);
    if (!good) {
        notice.text = provider.text.empty() ? "" : provider.text + "\n";
        notice.text += "Uploads to it wait; the other providers go on.\n";
        notice.next = next_step_for(provider.name, provider.state, provider.reason);
    } else {
        notice.text = "What waited for it is uploaded now.\n";
    }
    notice.details = Json::object({{"provider", provider.name}, {"state", provider.state}, {"before", before}, {"reason", provider.reason.empty() ? Json() : Json(provider.reason)}});
    return notice;
}

void look_at_state(NotifyMemory& memory, const NotifyFacts& facts, const NotifySettings& settings, std::vector<Notice>& notices) {
    if (facts.state == "not_configured") {
        memory.other_since.reset();
        return;
    }
    const int now = severity(facts.state), told = severity(memory.told_state);
    // Files that are on their way make no state that somebody must be told of, as long as they get on.
    const bool trouble = facts.failing || std::any_of(facts.providers.begin(), facts.providers.end(), [](const auto& p) { return p.state != "active" && p.state != "inactive"; });
    const bool gets_on = !trouble && (facts.pending_bytes != memory.seen_bytes || facts.incomplete != memory.seen_files);
    memory.seen_bytes = facts.pending_bytes;
    memory.seen_files = facts.incomplete;
    if (now == told) {
        memory.other_since.reset();
        return;
    }
    const bool worse = now > told;
    if (!memory.other_since || memory.other_is_worse != worse || (worse && gets_on) || *memory.other_since > facts.now) memory.other_since = facts.now;
    memory.other_is_worse = worse;
    if (facts.now - *memory.other_since < settings.settle) return;
    notices.push_back(state_notice(facts, memory.told_state, false));
    memory.told_state = facts.state;
    memory.told_at = facts.now;
    memory.other_since.reset();
}

void look_at_providers(NotifyMemory& memory, const NotifyFacts& facts, std::vector<Notice>& notices) {
    std::map<std::string, std::string> told;
    for (const auto& provider : facts.providers) {
        const auto before = memory.told_providers.find(provider.name);
        const bool known = before != memory.told_providers.end();
        if (needs_somebody(provider.state)) {
            if (!known || before->second != provider.state) {
                notices.push_back(provider_notice(facts, provider, known ? before->second : "active"));
                memory.told_at = facts.now;
            }
            told[provider.name] = provider.state;
        } else if (known) {
            // Offline meanwhile: whether it would let us in is not known.
            if (provider.state == "active")
                notices.push_back(provider_notice(facts, provider, before->second));
            else
                told[provider.name] = before->second;
        }
    }
    memory.told_providers = std::move(told);  // without those that are not in use any more
}

void look_at_damage(NotifyMemory& memory, const NotifyFacts& facts, const NotifySettings& settings, std::vector<Notice>& notices) {
    if (!memory.damaged_since) return;
    if (facts.now - *memory.damaged_since < std::min(kDamageGather, settings.settle)) return;
    if (memory.damage_told && *memory.damage_told <= facts.now && facts.now - *memory.damage_told < kDamagePause) return;
    Notice notice = make("damage", "damage", ActivityLevel::error, facts.now);
    std::string places;
    Json names = Json::array();
    for (const std::string& name : memory.damaged_at) {
        places += (places.empty() ? "" : ", ") + name;
        names.push(name);
    }
    notice.title = places.empty() ? fmt::format("{}: damage found", facts.instance) : fmt::format("{}: damage found at {}", facts.instance, places);
    if (places.empty())
        notice.text = memory.damaged == 1 ? "1 copy was found damaged, changed or missing.\n" : fmt::format("{} copies were found damaged, changed or missing.\n", memory.damaged);
    else
        notice.text = memory.damaged == 1 ? fmt::format("1 copy was found damaged, changed or missing at {}.\n", places)
                                          : fmt::format("{} copies were found damaged, changed or missing at {}.\n", memory.damaged, places);
    if (!memory.damaged_path.empty()) notice.text += fmt::format("One of them is of \"{}\".\n", memory.damaged_path);
    notice.text += memory.healed >= memory.damaged ? "All are repaired from good copies.\n" : fmt::format("{} repaired from good copies so far; the others are being repaired.\n", memory.healed);
    notice.next = "oracxfs log --category repair";
    notice.details = Json::object({{"damaged", memory.damaged}, {"healed", memory.healed}, {"providers", std::move(names)}});
    notices.push_back(std::move(notice));
    memory.damaged = memory.healed = 0;
    memory.damaged_at.clear();
    memory.damaged_path.clear();
    memory.damaged_since.reset();
    memory.damage_told = facts.now;
}

void remind(NotifyMemory& memory, const NotifyFacts& facts, const NotifySettings& settings, std::vector<Notice>& notices) {
    if (memory.all_well() || settings.remind.count() <= 0) return;
    if (memory.told_at > facts.now) memory.told_at = facts.now;  // the clock was set back
    if (facts.now - memory.told_at < settings.remind) return;
    memory.told_at = facts.now;
    Notice notice = state_notice(facts, memory.told_state, true);
    if (severity(facts.state) == 0) {
        // Not the state of the files, but something that somebody was told of is still so.
        notice.kind = memory.told_providers.empty() ? "run" : "provider";
        notice.level = ActivityLevel::warning;
        notice.title = facts.instance + ": still to be looked at";
        notice.text = "All files are verified, but:\n";
        if (!memory.told_run.empty()) notice.next = "oracxfs runs";
        notice.text += situation(facts, notice.next);
    }
    if (!memory.told_run.empty()) notice.text += memory.told_run == "failed" ? "The last backup run was a failure.\n" : "The last backup run was not complete.\n";
    notices.push_back(std::move(notice));
}

int run_severity(const std::string& outcome) { return outcome == "failed" ? 2 : outcome == "partial" ? 1 : 0; }

}  // namespace

std::string printable_text(const std::string& bytes) {
    std::string text;
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7f)
            text += fmt::format("\\x{:02x}", byte);
        else
            text += c;
    }
    return is_utf8(text) ? text : "a file with an unusual name";
}

NotifyFacts notify_facts(const Json& report, const std::string& instance, WallTime now) {
    const auto count = [](const Json& json) { return static_cast<std::uint64_t>(std::max<std::int64_t>(json.as_int(), 0)); };
    NotifyFacts facts;
    facts.now = now;
    facts.instance = instance;
    facts.state = report["state"].as_string();
    facts.files = count(report["files"]["total"]);
    facts.incomplete = count(report["files"]["incomplete"]);
    facts.without_copy = count(report["files"]["without_copy"]);
    facts.pending_bytes = count(report["pending_bytes"]);
    for (const Json& provider : report["providers"].items()) {
        if (!provider["enabled"].as_bool()) continue;
        facts.providers.push_back({provider["name"].as_string(), provider["state"].as_string(), provider["reason"].as_string(), provider["reason_text"].as_string()});
        facts.failing = facts.failing || provider["files"]["failed"].as_int() > 0 || provider["files"]["damaged"].as_int() > 0;
    }
    return facts;
}

std::vector<Notice> after_entry(NotifyMemory& memory, const ActivityEntry& entry, const std::string& instance) {
    std::vector<Notice> notices;
    if (entry.seq != 0 && entry.seq <= memory.through_seq) return notices;
    memory.through_seq = std::max(memory.through_seq, entry.seq);
    const auto count = static_cast<std::uint64_t>(std::max<std::int64_t>(entry.args["count"].as_int(1), 1));
    if (entry.category == "repair" && entry.level != ActivityLevel::info) {
        memory.damaged += count;
        if (!memory.damaged_since) memory.damaged_since = entry.at;
        for (const std::string& name : entry.providers)
            if (memory.damaged_at.size() < kNamesMax && std::find(memory.damaged_at.begin(), memory.damaged_at.end(), name) == memory.damaged_at.end()) memory.damaged_at.push_back(name);
        if (memory.damaged_path.empty()) memory.damaged_path = printable_text(entry.path);
    } else if (entry.kind == "healed") {
        memory.healed += memory.damaged_since ? count : 0;
    } else if (entry.category == "run" && entry.kind != "run_started" && (entry.args["kind"].is_null() || entry.args["kind"].as_string() == "backup")) {
        const std::string outcome = entry.kind.substr(std::string_view("run_").size());
        if (outcome != "failed" && outcome != "partial" && outcome != "succeeded" && outcome != "unchanged") return notices;
        const int now = run_severity(outcome), told = run_severity(memory.told_run);
        if (now > told) {
            Notice notice = make("run", "run", now == 2 ? ActivityLevel::error : ActivityLevel::warning, entry.at);
            notice.title = now == 2 ? fmt::format("{}: backup failed", instance) : fmt::format("{}: backup is not everywhere", instance);
            notice.text = entry.message + "\n";
            notice.next = "oracxfs runs " + entry.run;
            notice.details = Json::object({{"run", entry.run}, {"outcome", outcome}, {"code", entry.code.empty() ? Json() : Json(entry.code)}});
            notices.push_back(std::move(notice));
            memory.told_at = entry.at;
            memory.told_run = outcome;
        } else if (now == 0 && told > 0) {
            Notice notice = make("run", "recovered", ActivityLevel::info, entry.at);
            notice.title = fmt::format("{}: backup succeeded again", instance);
            notice.text = entry.message + "\n";
            notice.details = Json::object({{"run", entry.run}, {"outcome", outcome}});
            notices.push_back(std::move(notice));
            memory.told_run.clear();
        } else if (now < told) {
            memory.told_run = outcome;  // partial after failed: better, but not good; the reminder says so
        }
    }
    return notices;
}

std::vector<Notice> after_look(NotifyMemory& memory, const NotifyFacts& facts, const NotifySettings& settings) {
    std::vector<Notice> notices;
    look_at_providers(memory, facts, notices);
    look_at_state(memory, facts, settings, notices);
    look_at_damage(memory, facts, settings, notices);
    remind(memory, facts, settings, notices);
    return notices;
}

std::optional<WallTime> next_look(const NotifyMemory& memory, const NotifySettings& settings) {
    std::optional<WallTime> next;
    const auto also = [&](WallTime at) { next = next ? std::min(*next, at) : at; };
    if (memory.other_since) also(*memory.other_since + settings.settle);
    if (memory.damaged_since) {
        const WallTime gathered = *memory.damaged_since + std::min(kDamageGather, settings.settle);
        also(memory.damage_told ? std::max(gathered, *memory.damage_told + kDamagePause) : gathered);
    }
    if (!memory.all_well() && settings.remind.count() > 0) also(memory.told_at + settings.remind);
    return next;
}

}  // namespace oracxfs
