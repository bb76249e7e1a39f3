#include "tools/notify/sender.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/log.h"
#include "providers/http/http_client.h"
#include "tools/notify/desktop.h"
#include "tools/notify/local_addresses.h"
#include "tools/notify/mail_message.h"
#include "tools/notify/notice_language.h"
#include "tools/notify/smtp.h"
#include "tools/notify/web_message.h"
#include "tools/oracxfs/language.h"

namespace oracxfs {
namespace {

constexpr std::size_t kAnswerShown = 200;
constexpr std::size_t kSecretPathBytes = 20;
constexpr std::uint64_t kAnswerBytesMax = 64u << 10;

struct UrlPlace {
    std::string host;  // an IPv6 address with its brackets
    std::uint16_t port = 0;
};

std::optional<UrlPlace> place_of(const std::string& url) {
    const std::size_t scheme = url.find("://");
    if (scheme == std::string::npos) return std::nullopt;
    std::string_view rest = std::string_view(url).substr(scheme + 3);
    rest = rest.substr(0, rest.find_first_of("/?#"));
    const std::size_t bracket = rest.starts_with('[') ? std::min(rest.find(']'), rest.size()) : 0;
    const std::size_t colon = rest.find(':', bracket);
    UrlPlace place{std::string(rest.substr(0, colon)), static_cast<std::uint16_t>(url.starts_with("http://") ? 80 : 443)};
    if (place.host.empty()) return std::nullopt;
    if (colon != std::string_view::npos) {
        const std::string_view digits = rest.substr(colon + 1);
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), place.port);
        if (error != std::errc() || end != digits.data() + digits.size() || place.port == 0) return std::nullopt;
    }
    return place;
}

Result<std::string> secret_of(const SenderParts& parts, const std::string& name) {
    if (name.empty()) return std::string();
    auto value = parts.secret(name);
    if (!value && value.error().code == Errc::not_found) return fail(Errc::unauthenticated, "find secret " + name, "it is not stored: oracxfs secrets set " + name);
    if (value) log::redact_value(*value);
    return value;
}

Result<std::string> resolved_url(const SenderParts& parts, const NotifyTarget& target) {
    if (!target.url.starts_with("secret:")) return target.url;
    ORACX_TRY(std::string url, secret_of(parts, target.url.substr(7)));
    const bool plain = url.starts_with("http://");
    if (!url.starts_with("https://") && !(plain && target.allow_plain_http))
        return fail(Errc::config, "notify " + target.id, "the stored address does not begin with https://" + std::string(plain ? ", and allow_plain_http is off" : ""));
    return url;
}

std::string first_words(const std::string& body) {
    std::string words = printable_text(body.substr(0, kAnswerShown));
    if (body.size() > kAnswerShown) words += "...";
    return words;
}

Result<std::string> send_web(const OpContext& ctx, const SenderParts& parts, const Config& config, const NotifyTarget& target, const Delivery& delivery, const TextCatalogue* texts) {
    WebSecrets secrets;
    ORACX_TRY(secrets.url, resolved_url(parts, target));
    ORACX_TRY(secrets.key, secret_of(parts, target.secret));
    ORACX_TRY(secrets.token, secret_of(parts, target.auth));
    const auto place = place_of(secrets.url);
    if (!place) return fail(Errc::config, "notify " + target.id, "its address cannot be understood");
    // Chat services let in whoever knows the path; a short one is no secret, and a word that would be missed elsewhere.
    const std::size_t slash = secrets.url.find('/', secrets.url.find("://") + 3);
    if (slash != std::string::npos && secrets.url.size() - slash >= kSecretPathBytes) log::redact_value(secrets.url.substr(slash));

    http::ClientOptions options;
    options.ca_file = target.ca_file;
    options.connect_timeout = options.stall_timeout = target.timeout;
    options.clock = &parts.clock;
    options.plain_http = target.allow_plain_http;
    options.may_connect = address_check(config.notify.allowed_local, place->host, place->port);
    ORACX_TRY(const auto client, http::Client::create(std::move(options)));
    WebMessage message = delivery.notice ? web_message(target, secrets, delivery, config.instance, parts.clock.wall(), texts) : heartbeat_message(secrets, delivery);
    message.request.body = std::as_bytes(std::span(message.body));
    message.request.response_max = kAnswerBytesMax;
    message.request.http1_only = true;
    const OpContext limited{ctx.stop, parts.clock.steady() + target.timeout};
    const auto response = client->perform(limited, message.request);
    const std::string what = "notify " + target.id;
    if (!response) {
        const Error& error = response.error();
        if (error.code == Errc::cancelled) return fail(Errc::cancelled, what);
        std::string why = error.why.empty() ? error.message : error.why;
        if (why.find("must not be connected to") != std::string::npos) why += ": it is one of this machine or its own link, and notify.allowed_local does not list it";
        return fail(Errc::unavailable, what, std::move(why));
    }
    if (response->ok()) return std::to_string(response->status);
    std::string why = fmt::format("{} answered {}", place->host, response->status);
    if (response->status >= 300 && response->status < 400) why += ", a redirection, which is not followed";
    if (const std::string words = first_words(response->body); !words.empty()) why += ": " + words;
    Error error(response->status == 401 || response->status == 403 ? Errc::unauthenticated : Errc::unavailable, what, std::move(why));
    if (const auto pause = response->retry_after(parts.clock.wall())) error.retry_after = *pause;
    return fail(std::move(error));
}

Result<std::string> send_by_mail(const OpContext& ctx, const SenderParts& parts, const Config& config, const NotifyTarget& target, const Delivery& delivery, const TextCatalogue* texts) {
    SmtpServer server;
    server.host = target.host;
    server.port = target.port;
    server.implicit_tls = target.tls == "implicit";
    server.user = target.user;
    ORACX_TRY(server.password, secret_of(parts, target.auth));
    server.ca_file = target.ca_file;
    server.timeout = target.timeout;
    server.may_connect = address_check(config.notify.allowed_local, target.host, target.port);
    const std::string message = mail_message(*delivery.notice, target.from, target.to, delivery.id, config.instance, parts.clock.wall(), texts);
    ORACX_TRYV(send_mail(ctx, server, {target.from, target.to, message}));
    return std::string("accepted");
}

}  // namespace

Result<std::string> send_delivery(const OpContext& ctx, const SenderParts& parts, const Config& config, const NotifyTarget& target, const Delivery& english) {
    const auto language = texts_of(choose_language("", parts.environment, config.language));
    const TextCatalogue* const texts = language.get();
    const Delivery delivery = delivery_in(texts, english);
    if (target.type == "email" && delivery.notice) return send_by_mail(ctx, parts, config, target, delivery, texts);
    if (target.type == "desktop" && delivery.notice) {
        ORACX_TRY(const bool shown, show_on_desktop(ctx, parts.environment, *delivery.notice, texts));
        return std::string(shown ? "shown" : "no desktop session");
    }
    if ((target.type == "webhook" && delivery.notice) || (target.type == "heartbeat" && !delivery.notice)) return send_web(ctx, parts, config, target, delivery, texts);
    return fail(Errc::internal, "notify " + target.id, "a " + target.type + " takes no such message");
}

Delivery test_delivery(const NotifyTarget& target, const std::string& instance, WallTime now) {
    Delivery delivery;
    delivery.id = delivery_id();
    delivery.target = target.id;
    delivery.created = now;
    if (target.type == "heartbeat") {
        delivery.ping = "log";
        delivery.text = "This is a test of oracxfs at " + instance + ".";
        return delivery;
    }
    Notice& notice = delivery.notice.emplace();
    notice.topic = notice.kind = "test";
    notice.at = now;
    notice.title = instance + ": test of the notification \"" + target.id + "\"";
    notice.text = "This is a test. When you read it, notices of oracxfs reach you here.\n";
    return delivery;
}

std::optional<Delivery> test_delivery_for(const Config& config, const std::string& id, WallTime now) {
    for (const NotifyTarget& target : config.notify.targets)
        if (target.id == id) return test_delivery(target, config.instance, now);
    return std::nullopt;
}

Result<Json> run_test_delivery(const OpContext& ctx, const SenderParts& parts, const Config& config, const Delivery& delivery) {
    const auto target = std::find_if(config.notify.targets.begin(), config.notify.targets.end(), [&](const NotifyTarget& one) { return one.id == delivery.target; });
    if (target == config.notify.targets.end()) return fail(Errc::not_found, "test notification " + delivery.target);
    const SteadyTime begun = parts.clock.steady();
    ORACX_TRY(const std::string answer, send_delivery(ctx, parts, config, *target, delivery));
    return Json::object({{"id", target->id},
                         {"type", target->type},
                         {"place", target_place(*target)},
                         {"answer", answer},
                         {"took_ms", std::chrono::duration_cast<Millis>(parts.clock.steady() - begun).count()}});
}

std::string delivery_id() { return random_hex(16); }

std::string target_place(const NotifyTarget& target) {
    if (target.type == "desktop") return "this desktop";
    if (target.type == "email") {
        std::string all;
        for (const std::string& one : target.to) all += (all.empty() ? "" : ", ") + one;
        return all;
    }
    if (target.url.starts_with("secret:")) return target.url;
    const auto place = place_of(target.url);
    return place ? place->host : "";
}

}  // namespace oracxfs
