#include "tools/scheduler/job_state.h"

#include <fmt/format.h>

#include "base/json.h"

namespace oracxfs {
namespace {

Json record_to_json(const RunRecord& record) {
    Json json = Json::object({{"slot_ms", to_ms(record.slot)}, {"start_ms", to_ms(record.start)}});
    if (record.end) json.set("end_ms", to_ms(*record.end));
    json.set("result", to_string(record.result));
    json.set("failures", std::int64_t{record.failures});
    if (record.retry_at) json.set("retry_ms", to_ms(*record.retry_at));
    return json;
}

std::optional<WallTime> time_of(const Json& json) {
    if (!json.is_int()) return std::nullopt;
    return wall_from_ms(json.as_int());
}

Result<RunRecord> record_from_json(const Json& json) {
    const auto slot = time_of(json["slot_ms"]);
    const auto start = time_of(json["start_ms"]);
    const auto result = run_result_from(json["result"].as_string());
    const std::int64_t failures = json["failures"].as_int(-1);
    if (!slot || !start || !result || failures < 0 || failures > UINT32_MAX)
        return fail(Errc::invalid, "read the state of a job", "its last run is not complete");
    RunRecord record;
    record.slot = *slot;
    record.start = *start;
    record.end = time_of(json["end_ms"]);
    record.result = *result;
    record.failures = static_cast<std::uint32_t>(failures);
    record.retry_at = time_of(json["retry_ms"]);
    return record;
}

}  // namespace

std::string job_state_to_text(const JobState& state) {
    Json json = Json::object({{"version", 1}, {"schedule", state.schedule}, {"since_ms", to_ms(state.history.since)}});
    if (state.history.last) json.set("last", record_to_json(*state.history.last));
    if (state.last_ok) json.set("last_ok_ms", to_ms(*state.last_ok));
    if (state.last_error) {
        Json error = Json::object({{"code", info(state.last_error->code).name},
                                   {"message", state.last_error->message},
                                   {"why", state.last_error->why},
                                   {"provider", state.last_error->provider}});
        json.set("error", std::move(error));
    }
    return json.dump();
}

Result<JobState> job_state_from_text(std::string_view text) {
    ORACX_TRY(const Json json, parse_json(text));
    const auto since = time_of(json["since_ms"]);
    if (json["version"].as_int() != 1 || !since) return fail(Errc::invalid, "read the state of a job", "it is of another form");
    JobState state;
    state.history.since = *since;
    state.schedule = json["schedule"].as_string();
    if (const Json* last = json.find("last")) {
        ORACX_TRY(state.history.last, record_from_json(*last));
    }
    state.last_ok = time_of(json["last_ok_ms"]);
    if (const Json* error = json.find("error")) {
        state.last_error = Error(errc_from_name((*error)["code"].as_string()).value_or(Errc::internal),
                                 (*error)["message"].as_string(), (*error)["why"].as_string());
        state.last_error->provider = (*error)["provider"].as_string();
    }
    return state;
}

std::string slots_in_words(const Schedule& schedule) {
    if (!schedule.enabled) return "off";
    if (schedule.at.empty()) return fmt::format("every {}", schedule.every.count());
    std::string text = "at";
    for (const std::chrono::minutes minute : schedule.at) text += fmt::format(" {}", minute.count());
    return text;
}

}  // namespace oracxfs
