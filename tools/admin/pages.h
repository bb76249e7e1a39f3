#pragma once
// The few pages that the program writes itself. Whatever comes from elsewhere is escaped.

#include <string>
#include <string_view>

#include "base/json.h"
#include "tools/admin/http_message.h"

namespace oracxfs {

std::string escape_html(std::string_view text);
HttpResponse text_page(int status, const std::string& text);
// Why a name is not answered, and which setting would change that.
HttpResponse host_refusal_page(const std::string& host);
// Goes on to `address` at once, without a script.
HttpResponse going_on_page(const std::string& address);
// index.html with its places filled in. `table`: for browsers without scripts.
HttpResponse index_page(const std::string& base, const std::string& language, const HttpRequest& request, const std::string& table);
std::string status_table(const Json& status);

}  // namespace oracxfs
