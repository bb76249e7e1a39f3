#pragma once
// The certificate that an FTP server shows, for a person who is to say whether to trust it. Nothing secret is sent.

#include <string>

#include "base/clock.h"
#include "base/op_context.h"
#include "base/result.h"

namespace oracxfs::ftp {

struct ServerCertificate {
    std::string pem;          // the server's own, good as a ca_file
    std::string fingerprint;  // "SHA256:" and hex pairs
    std::string subject, issuer;
    std::string valid_until;
    bool self_signed = false;
    bool names_host = false;  // it was issued for this host; one that was not can't be trusted for it
    bool in_time = false;     // neither expired nor still to begin
};

// unavailable: nobody answers, or not with TLS.
Result<ServerCertificate> look_at_certificate(const OpContext& ctx, Clock& clock, const std::string& host, std::uint16_t port,
                                              bool implicit, Millis timeout);

}  // namespace oracxfs::ftp
