#pragma once
// Who may come in: decided from the head of a request alone, before its body is read.

#include <string>
#include <vector>

#include "tools/admin/accounts.h"
#include "tools/admin/http_message.h"
#include "tools/admin/http_server.h"
#include "tools/config/config.h"

namespace oracxfs {

// The host of a Host header, without its port: "localhost", "[::1]". "" for nonsense.
std::string host_name_of(std::string_view host_header);

// DNS rebinding: a page of a stranger whose name leads to this machine. Only names that are ours are answered; `listen`: where
// we listen.
bool is_allowed_host(std::string_view host_header, const std::vector<ListenAddress>& listen, const std::vector<std::string>& allowed_hosts);

// A request that a page of another origin made the browser send. "" = none; else why it is taken for one.
std::string foreign_origin(const HttpRequest& request);

// Everything that is needed to change something by the session's cookie: ours by Origin and Sec-Fetch-Site, JSON, and the
// header that no other page can know. denied; says which of them is missing.
Status check_forgery(const HttpRequest& request, const Principal& who);

bool is_json(const HttpRequest& request);  // by its Content-Type

// By bearer token, else by cookie. A wrong token is nobody, whatever the cookie says.
Principal identify(const HttpRequest& request, Accounts& accounts);

}  // namespace oracxfs
