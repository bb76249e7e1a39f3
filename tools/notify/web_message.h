#pragma once
// Notices and signs of life as HTTP requests, in the styles of several services. No I/O.

#include <string>
#include <vector>

#include "base/translate.h"
#include "providers/http/http_client.h"
#include "tools/config/config.h"
#include "tools/notify/delivery_book.h"

namespace oracxfs {

// What a target's request needs beside its settings.
struct WebSecrets {
    std::string url;   // resolved
    std::string key;   // signs style "json"; "" = unsigned
    std::string token; // "" = none
};

struct WebMessage {
    http::Request request;  // its body is `body`
    std::string body;
};

// style "json": the body is
//   {"schema":"oracxfs/1","type":"notice","id","instance","topic","kind","level","at","reminder","title","text","next","details"}
// and, with a key, signed: X-Oracxfs-Timestamp (seconds since 1970) and X-Oracxfs-Signature ("sha256=" and the hex of
// HMAC-SHA256 over "<timestamp>.<body>"). The delivery is in the language of `texts` already; words around it come from them.
WebMessage web_message(const NotifyTarget& target, const WebSecrets& secrets, const Delivery& delivery, const std::string& instance, WallTime now, const TextCatalogue* texts = nullptr);
// Healthchecks' form: URL/start, URL, URL/fail; URL/log for a test.
WebMessage heartbeat_message(const WebSecrets& secrets, const Delivery& delivery);

}  // namespace oracxfs
