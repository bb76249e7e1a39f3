// The configuration: whatever somebody wrote is taken or complained about by its place, and `config set` keeps what it takes.

#include <optional>
#include <string>

#include "tests/fuzz/fuzz.h"
#include "tools/config/config.h"
#include "tools/config/document.h"

using namespace oracxfs;
using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string file = "cloud_config.json";
    auto document = ConfigDocument::parse(std::string(fuzz::text_of(data, size)), file);
    if (!document) {
        require(document.error().code == Errc::config && document.error().to_string().find(file) != std::string::npos);
        return 0;
    }
    const Environment nothing = [](const std::string&) -> std::optional<std::string> { return std::nullopt; };
    const auto problems = check_config(*document, nothing);
    for (const ConfigProblem& problem : problems) require(!problem.message.empty());
    const auto config = make_config(*document, nothing);
    require(config.has_value() == problems.empty());
    if (!config) require(config.error().code == Errc::config);
    document->set("auto_sync.every", Json("6h"));
    const auto again = ConfigDocument::parse(document->root().dump(), file);
    require(again && *again->find("auto_sync.every") == Json("6h"));
    return 0;
}
