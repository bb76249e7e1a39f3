// Answers of a token endpoint, and stored records.

#include "providers/http/oauth_wire.h"
#include "tests/fuzz/fuzz.h"

using namespace oracxfs;
using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view text = fuzz::text_of(data + 1, size - 1);
    static constexpr int kStatuses[] = {200, 400, 401, 403, 428, 429, 500, 503};
    const http::Response response{kStatuses[data[0] % 8], {}, std::string(text)};
    const http::TokenReply reply = http::read_token_reply(response, WallTime{});
    if (reply.answer) {
        require(response.ok() && reply.error.empty());
        const std::string& token = reply.answer->access_token;
        require(!token.empty() && token.find_first_of("\r\n") == std::string::npos);
        if (reply.answer->life)
            require(*reply.answer->life >= std::chrono::minutes(1) && *reply.answer->life <= std::chrono::hours(24));
    }
    for (const std::string& words : {reply.error, reply.description})
        require(words.find_first_of("\r\n") == std::string::npos);
    require(!http::to_error(reply, "fuzz").why.empty() || reply.answer);
    if (const auto record = http::TokenRecord::parse(text)) {
        const auto copy = http::TokenRecord::parse(record->dump());
        require(copy && copy->dump() == record->dump());
    }
    return 0;
}
