#include "tools/notify/web_message.h"

#include <fmt/format.h>

#include "base/hmac.h"
#include "tools/notify/mail_message.h"
#include "tools/notify/notice_language.h"

namespace oracxfs {
namespace {

// Headers are one line of ASCII; what has more in it is encoded as in mails, which ntfy reads.
std::string header_text(const std::string& text) { return encoded_words(text, " "); }

std::string full_text(const TextCatalogue* texts, const Notice& notice) {
    std::string text = notice.text + next_line(texts, notice);
    while (text.ends_with('\n')) text.pop_back();
    return text;
}

// Slack's own marks; everything else stays as it is.
std::string slack_text(const std::string& text) {
    std::string escaped;
    for (const char c : text) {
        if (c == '&')
            escaped += "&amp;";
        else if (c == '<')
            escaped += "&lt;";
        else if (c == '>')
            escaped += "&gt;";
        else
            escaped += c;
    }
    return escaped;
}

void as_json(WebMessage& message, const Notice& notice, const Delivery& delivery, const std::string& instance, const std::string& key, WallTime now) {
    Json body = Json::object({{"schema", "oracxfs/1"}, {"type", "notice"}, {"id", delivery.id}, {"instance", instance}});
    const Json notice_json = notice_to_json(notice);
    for (const auto& [name, value] : notice_json.members()) body.set(name, value);
    message.body = body.dump();
    message.request.headers.push_back({"X-Oracxfs-Delivery", delivery.id});
    if (key.empty()) return;
    const std::string timestamp = std::to_string(to_ms(now) / 1000);
    message.request.headers.push_back({"X-Oracxfs-Timestamp", timestamp});
    message.request.headers.push_back({"X-Oracxfs-Signature", "sha256=" + to_hex(hmac_sha256(key, timestamp + "." + message.body))});
}

int pick(ActivityLevel level, int info, int warning, int error) { return level == ActivityLevel::error ? error : level == ActivityLevel::warning ? warning : info; }

}  // namespace

WebMessage web_message(const NotifyTarget& target, const WebSecrets& secrets, const Delivery& delivery, const std::string& instance, WallTime now, const TextCatalogue* texts) {
    WebMessage message;
    const Notice& notice = *delivery.notice;
    message.request.method = "POST";
    message.request.url = secrets.url;
    message.request.content_type = "application/json";
    if (target.style == "ntfy") {
        message.request.content_type = "text/plain; charset=utf-8";
        message.body = full_text(texts, notice);
        message.request.headers.push_back({"Title", header_text(notice.title)});
        message.request.headers.push_back({"Priority", std::to_string(pick(notice.level, 3, 4, 5))});
        message.request.headers.push_back({"Tags", notice.level == ActivityLevel::info ? "white_check_mark" : notice.level == ActivityLevel::warning ? "warning" : "rotating_light"});
        message.request.bearer = secrets.token;
    } else if (target.style == "gotify") {
        message.body = Json::object({{"title", notice.title}, {"message", full_text(texts, notice)}, {"priority", pick(notice.level, 2, 5, 8)}}).dump();
        if (!secrets.token.empty()) message.request.headers.push_back({"X-Gotify-Key", secrets.token});
    } else if (target.style == "slack") {
        message.body = Json::object({{"text", "*" + slack_text(notice.title) + "*\n" + slack_text(full_text(texts, notice))}}).dump();
    } else {
        as_json(message, notice, delivery, instance, secrets.key, now);
        message.request.bearer = secrets.token;
    }
    return message;
}

WebMessage heartbeat_message(const WebSecrets& secrets, const Delivery& delivery) {
    WebMessage message;
    message.request.method = "POST";
    message.request.url = secrets.url;
    // A query, as some services want for their token, stays at the end.
    const std::size_t query = std::min(message.request.url.find('?'), message.request.url.size());
    std::size_t end = query;
    while (end > 0 && message.request.url[end - 1] == '/') --end;
    if (delivery.ping != "success") message.request.url.replace(end, query - end, "/" + delivery.ping);
    message.request.content_type = "text/plain; charset=utf-8";
    message.body = delivery.text;
    return message;
}

}  // namespace oracxfs
