// Answers of Dropbox: whatever comes, it is read or refused, and what is read can be used.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "providers/dropbox/dropbox_api.h"
#include "providers/dropbox/dropbox_json.h"
#include "providers/dropbox/dropbox_names.h"
#include "providers/dropbox/dropbox_upload.h"

namespace {

void must(bool condition) {
    if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace oracxfs;
    using namespace oracxfs::dropbox;
    const std::string_view text(reinterpret_cast<const char*>(data), size);

    Reply reply;
    reply.status = size > 0 ? 400 + data[0] % 120 : 500;
    reply.problem = parse_problem(text);
    must(reply.problem.tags.size() <= 9);
    const Error error = error_of(reply, "fuzz");
    must(!error.why.empty() && error.why.find('\n') == std::string::npos);

    if (const auto state = SessionState::parse(std::string(text))) {
        const auto again = SessionState::parse(state->dump());
        must(again && again->done == state->done && again->session == state->session);
    }

    const auto json = parse_json(text);
    if (!json) return 0;
    (void)parse_metadata(*json);
    (void)parse_revisions(*json);
    const SpaceUsage space = parse_space_usage(*json);
    must(!space.free_bytes || *space.free_bytes <= *space.total_bytes);
    for (const char c : header_json(*json)) must(c >= 0x20 && c < 0x7f);
    const auto page = parse_folder_page(*json);
    if (!page) return 0;
    FolderNames names("/ORACXPRED");
    for (const Metadata& entry : page->entries) {
        if (entry.kind == Metadata::Kind::folder) names.note(entry);
        (void)names.key_of(entry, "");
        (void)names.key_of(entry, "a/b");
    }
    return 0;
}
