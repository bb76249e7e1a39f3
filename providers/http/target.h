#pragma once
// What a request must fulfil before anything is sent.

#include <string>

#include "providers/http/http_client.h"

namespace oracxfs::http {

struct Target {
    std::string host;   // "https://api.example:443": what connections are counted by
    std::string label;  // "POST https://api.example/path", for messages: without query, user and fragment
    bool loopback = false;
    bool plain = false;  // http
    bool bulk = false;   // HTTP/1.1, on a connection of its own
};

// invalid: another scheme than https (http for a loopback address, or where `plain_http`), a user in the URL, line breaks anywhere, or headers
// that are made here (Content-Length, Transfer-Encoding, Host, Expect, Connection, Authorization beside bearer).
Result<Target> check_request(const Request& request, bool plain_http = false);

}  // namespace oracxfs::http
