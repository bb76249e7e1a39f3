#pragma once
// The signed request of a service account, apart from sending it (RFC 7515, 7519, 7523).

#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace oracxfs::http {

struct JwtClaims {
    std::string key_id;   // "" = no kid in the header
    std::string issuer, scope, audience, subject;
    WallTime issued{};
};

// base64url(header) "." base64url(claims), for a life of one hour.
std::string jwt_signing_input(const JwtClaims& claims);
// RSASSA-PKCS1-v1_5 with SHA-256, base64url. config when the key (PEM) can't be used.
Result<std::string> sign_rs256(const std::string& private_key_pem, const std::string& input);

}  // namespace oracxfs::http
