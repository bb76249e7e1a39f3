// Signing in by browser: RFC 6749, 4.1; RFC 7636; RFC 8252.

#include <openssl/evp.h>

#include <array>

#include "base/hash.h"
#include "base/log.h"
#include "providers/http/oauth_wire.h"

namespace oracxfs::http {
namespace {

constexpr std::size_t kPastedBytesMax = 16u << 10;

std::string random_word() {
    std::array<std::uint8_t, 32> bytes{};
    random_bytes(bytes);
    return base64url(bytes);
}

std::string_view trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

}  // namespace

Pkce make_pkce() {
    Pkce pkce;
    pkce.verifier = random_word();
    pkce.challenge = base64url(sha256_of(std::as_bytes(std::span(pkce.verifier))));
    log::redact_value(pkce.verifier);
    return pkce;
}

SignIn begin_sign_in(const SignInRequest& request, std::string redirect_uri) {
    SignIn sign_in;
    sign_in.state = random_word();
    sign_in.redirect_uri = std::move(redirect_uri);
    sign_in.pkce = make_pkce();
    Fields fields{{"response_type", "code"}, {"client_id", request.client_id}};
    if (!sign_in.redirect_uri.empty()) fields.emplace_back("redirect_uri", sign_in.redirect_uri);
    if (!request.endpoints.scopes.empty()) fields.emplace_back("scope", joined_scopes(request.endpoints.scopes));
    fields.emplace_back("state", sign_in.state);
    fields.emplace_back("code_challenge", sign_in.pkce.challenge);
    fields.emplace_back("code_challenge_method", "S256");
    for (const auto& extra : request.endpoints.authorize_extra) fields.push_back(extra);
    const bool has_query = request.endpoints.authorize_url.find('?') != std::string::npos;
    sign_in.url = request.endpoints.authorize_url + (has_query ? "&" : "?") + form(fields);
    return sign_in;
}

Result<std::string> code_from_paste(const SignIn& sign_in, std::string_view pasted) {
    constexpr const char* kWhat = "this is neither a code nor the address of the page";
    pasted = trimmed(pasted);
    if (pasted.empty() || pasted.size() > kPastedBytesMax) return fail(Errc::invalid, kWhat, pasted.empty() ? "it is empty" : "it is too long");
    const bool is_address = pasted.find("://") != std::string_view::npos || pasted.find('?') != std::string_view::npos ||
                            pasted.find("code=") != std::string_view::npos || pasted.find("state=") != std::string_view::npos ||
                            pasted.find("error=") != std::string_view::npos;
    if (!is_address) {
        for (const char c : pasted)
            if (c <= ' ' || c >= 0x7f) return fail(Errc::invalid, kWhat, "there are blanks or foreign characters in it");
        return std::string(pasted);
    }
    const auto mark = pasted.find('?');
    const bool bare_query = mark == std::string_view::npos && pasted.find("://") == std::string_view::npos;
    if (mark == std::string_view::npos && !bare_query)
        return fail(Errc::invalid, kWhat, "the address ends before the code; copy all of it");
    Redirect redirect = read_redirect(bare_query ? pasted : pasted.substr(mark + 1), sign_in.state);
    switch (redirect.kind) {
        case Redirect::Kind::code: return std::move(redirect.code);
        case Redirect::Kind::declined: return fail(Errc::unauthenticated, "sign in", "the service says " + redirect.error);
        case Redirect::Kind::foreign: return fail(Errc::invalid, "this address belongs to another attempt to sign in");
        case Redirect::Kind::malformed: break;
    }
    return fail(Errc::invalid, kWhat, "the address has no code, or parts of it twice; copy all of it once");
}

Result<TokenRecord> finish_sign_in(Client& client, const OpContext& ctx, Clock& clock, const SignInRequest& request,
                                   const SignIn& sign_in, const std::string& code) {
    TokenPost post{request.endpoints.token_url,
                   {{"grant_type", "authorization_code"},
                    {"code", code},
                    {"client_id", request.client_id},
                    {"code_verifier", sign_in.pkce.verifier}},
                   false};
    if (request.endpoints.secret_in_refresh && !request.client_secret.empty())
        post.fields.emplace_back("client_secret", request.client_secret);
    // Only if it was sent before, and then the same to the byte.
    if (!sign_in.redirect_uri.empty()) post.fields.emplace_back("redirect_uri", sign_in.redirect_uri);
    const WallTime now = clock.wall();
    auto reply = post_token(client, ctx, clock, post);
    if (!reply && reply.error().code == Errc::outcome_unknown)
        return fail(Errc::unavailable, "sign in", "the answer to the code was lost, and a code works once: sign in again");
    if (!reply) return fail(std::move(reply).error().at("sign in"));
    if (!reply->answer) {
        Error error = to_error(*reply, "sign in");
        if (error.code == Errc::unauthenticated) error.why += "; the code was used already, is too old or of another attempt: sign in again";
        return fail(std::move(error));
    }
    return first_record(*reply->answer, request, now + clock_skew(*reply, clock.wall()));
}

}  // namespace oracxfs::http
