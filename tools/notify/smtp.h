#pragma once
// Sends one mail by SMTP (libcurl). Encrypted or not at all: with STARTTLS, which must succeed before anything else is said,
// or TLS from the first byte; certificate and host name are checked.

#include <functional>
#include <string>
#include <vector>

#include "base/op_context.h"
#include "base/result.h"

struct sockaddr;

namespace oracxfs {

struct SmtpServer {
    std::string host;
    std::uint16_t port = 587;
    bool implicit_tls = false;
    std::string user, password;  // "" = without signing in
    std::string ca_file;         // "" = the system's store
    Millis timeout{20'000};      // for the whole exchange
    std::function<bool(const sockaddr&)> may_connect;
};

struct SmtpMail {
    std::string from;
    std::vector<std::string> to;
    std::string message;  // lines with CR LF
};

// Success: the server has taken it for all recipients. Errors: unavailable (with the server's words), unauthenticated,
// invalid (an address was refused), cancelled.
Status send_mail(const OpContext& ctx, const SmtpServer& server, const SmtpMail& mail);

}  // namespace oracxfs
