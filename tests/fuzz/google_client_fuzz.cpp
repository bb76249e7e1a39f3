// The client's JSON as downloaded from Google, and what people give by mistake.

#include "providers/http/oauth.h"
#include "tests/fuzz/fuzz.h"

using namespace oracxfs;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto client = http::parse_google_client(fuzz::text_of(data, size));
    if (client)
        fuzz::require(!client->client_id.empty() && !client->client_secret.empty());
    else
        fuzz::require(client.error().code == Errc::config && !client.error().why.empty());
    return 0;
}
