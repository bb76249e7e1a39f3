// Answers of Google Drive: JSON, the ranges in its headers, times and names. Whatever comes is read or refused, and what is
// read can be used.

#include "providers/google_drive/drive_json.h"
#include "tests/fuzz/fuzz.h"

using namespace oracxfs;
using namespace oracxfs::drive;
using fuzz::require;

namespace {

void use(const FileMeta& file) {
    require(!file.id.empty());
    require(file.kind != FileKind::file || !file.rev().empty());
    const std::string component = component_of(file.name);
    require(!component.empty() && component.size() <= 255 && component != "." && component != "..");
    require(component.find('/') == std::string::npos && component.find('\0') == std::string::npos);
    (void)check_component(component);
    const std::string quoted = quote(file.name);
    require(quoted.size() >= 2 && quoted.front() == '\'' && quoted.back() == '\'');
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = fuzz::text_of(data, size);

    const ServiceError error = parse_error(text);
    require(error.message.find('\n') == std::string::npos && error.message.size() < 1024);
    (void)parse_stored_range(text);
    (void)parse_content_range_start(text);
    if (const auto time = parse_time(text)) require(parse_time(format_time(*time)).has_value());

    const auto json = parse_json(text);
    if (!json) return 0;
    if (const auto file = parse_file(*json)) use(*file);
    if (const auto page = parse_file_page(*json))
        for (const FileMeta& file : page->files) use(file);
    if (const auto changes = parse_changes(*json))
        for (const ChangeEntry& change : changes->changes) {
            require(!change.id.empty() && !(change.removed && change.file));
            if (change.file) use(*change.file);
        }
    if (const auto token = parse_start_token(*json)) require(!token->empty());
    if (const auto ids = parse_ids(*json))
        for (const std::string& id : *ids) require(!id.empty());
    (void)parse_about(*json);
    if (const auto page = parse_revisions(*json))
        for (const Revision& revision : page->revisions) require(!revision.id.empty());
    return 0;
}
