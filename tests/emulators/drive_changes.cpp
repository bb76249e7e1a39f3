// The change feed of DriveEmulator.

#include <algorithm>
#include <charconv>

#include "tests/emulators/drive_state.h"

namespace oracxfs::test {

HttpsResponse DriveEmulator::start_page_token(Call& call, const DriveCaller&) {
    const DriveParameters parameters(call.http.query, {"driveId"});
    const std::lock_guard lock(state_->mutex);
    const Json result = Json::object(
        {{"kind", "drive#startPageToken"}, {"startPageToken", std::to_string(state_->changes.size() + 1)}});
    return HttpsResponse::json(parameters.masked(result, result, "*").dump());
}

HttpsResponse DriveEmulator::changes(Call& call, const DriveCaller& caller) {
    const DriveParameters parameters(call.http.query,
                                     {"pageToken", "pageSize", "includeRemoved", "restrictToMyDrive", "spaces",
                                      "includeItemsFromAllDrives", "includeCorpusRemovals", "driveId"});
    if (parameters.find("spaces").value_or("drive") != "drive")
        throw DriveError{400, "invalidParameter", "Invalid value", "spaces"};
    const bool with_removed = parameters.flag("includeRemoved", true);
    (void)parameters.flag("restrictToMyDrive", false);
    const auto text = parameters.find("pageToken");
    if (!text) throw DriveError{400, "required", "Required parameter: pageToken", "pageToken"};
    const std::lock_guard lock(state_->mutex);
    State& s = *state_;
    std::size_t token = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), token);
    if (error != std::errc() || end != text->data() + text->size() || token == 0 || token > s.changes.size() + 1 ||
        call.has(Fault::Kind::cursor_reset))
        throw DriveError{400, "invalid", "Invalid Value", "pageToken"};
    const std::size_t size = std::min(parameters.number("pageSize", 1, 1000, 100), s.options.page_entries);
    Json list = Json::array();
    std::size_t at = token - 1;
    // By turns, so that nobody takes an empty page for the end.
    const bool empty_page = s.options.empty_pages && ++s.change_pages % 2 == 1;
    for (; !empty_page && at < s.changes.size() && list.items().size() < size; ++at) {
        const State::Change& change = s.changes[at];
        if (s.last_change.at(change.id) != at) continue;  // told later, with a later state
        const DriveFile* const file = s.find(change.id);
        const bool removed = change.removed || file == nullptr;
        if (removed ? !with_removed || !(caller.everything || change.owner == Owner::app) : !s.is_visible(*file, caller)) continue;
        Json entry = Json::object({{"kind", "drive#change"},
                                   {"changeType", "file"},
                                   {"time", change.time},
                                   {"removed", removed},
                                   {"fileId", change.id}});
        if (!removed) entry.set("file", s.resource(*file));
        list.push(std::move(entry));
    }
    Json result = Json::object({{"kind", "drive#changeList"}, {"changes", std::move(list)}});
    result.set(at < s.changes.size() ? "nextPageToken" : "newStartPageToken", std::to_string(at + 1));
    Json sample = Json::array();
    sample.push(Json::object({{"kind", nullptr}, {"changeType", nullptr}, {"time", nullptr}, {"removed", nullptr},
                              {"fileId", nullptr}, {"driveId", nullptr}, {"file", known_file()}}));
    const Json known = Json::object(
        {{"kind", nullptr}, {"nextPageToken", nullptr}, {"newStartPageToken", nullptr}, {"changes", sample}});
    return HttpsResponse::json(
        parameters
            .masked(result, known,
                    "kind,nextPageToken,newStartPageToken,"
                    "changes(kind,changeType,time,removed,fileId,file(kind,id,name,mimeType))")
            .dump());
}

}  // namespace oracxfs::test
