// The browser's way back: queries, and what people paste.

#include "providers/http/oauth_wire.h"
#include "tests/fuzz/fuzz.h"

using namespace oracxfs;
using fuzz::require;

namespace {

bool fits_a_form(const std::string& code) {
    for (const char c : code)
        if (c <= ' ' || c >= 0x7f) return false;
    return !code.empty();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = fuzz::text_of(data, size);
    const http::Redirect redirect = http::read_redirect(text, "the-state");
    const bool is_code = redirect.kind == http::Redirect::Kind::code;
    require(is_code == !redirect.code.empty());
    if (is_code) require(fits_a_form(redirect.code) && text.find("state") != std::string_view::npos);
    require(http::read_redirect(text, "").kind != http::Redirect::Kind::code);
    const http::SignIn sign_in{"", "the-state", "", {}};
    if (const auto code = http::code_from_paste(sign_in, text)) require(fits_a_form(*code));
    if (const auto decoded = http::percent_decode(text)) require(http::percent_decode(http::percent_encode(*decoded)) == decoded);
    return 0;
}
