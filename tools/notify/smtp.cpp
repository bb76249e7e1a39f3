#include "tools/notify/smtp.h"

#include <curl/curl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <mutex>

#include "base/log.h"
#include "providers/http/curl_handles.h"

namespace oracxfs {
namespace {

struct Exchange {
    const OpContext& ctx;
    const SmtpServer& server;
    std::string_view left;    // of the message
    std::string last_answer;  // the server's
    bool refused = false;     // the address
};

std::size_t give_message(char* into, std::size_t size, std::size_t count, void* self) {
    auto& exchange = *static_cast<Exchange*>(self);
    const std::size_t n = std::min(size * count, exchange.left.size());
    if (n > 0) std::memcpy(into, exchange.left.data(), n);
    exchange.left.remove_prefix(n);
    return n;
}

std::size_t take_answer(char* data, std::size_t size, std::size_t count, void* self) {
    auto& exchange = *static_cast<Exchange*>(self);
    exchange.last_answer.assign(data, std::min<std::size_t>(size * count, 500));
    return size * count;
}

// libcurl calls this at least once a second.
int still_wanted(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) { return static_cast<Exchange*>(self)->ctx.stop.stop_requested() ? 1 : 0; }

curl_socket_t open_socket(void* self, curlsocktype, curl_sockaddr* address) {
    auto& exchange = *static_cast<Exchange*>(self);
    if (!exchange.server.may_connect || exchange.server.may_connect(address->addr)) return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    exchange.refused = true;
    return CURL_SOCKET_BAD;
}

bool is_one_line(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; });
}

std::string one_line(std::string text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
    for (char& c : text)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
    return text;
}

Status outcome(CURLcode code, long answer, const Exchange& exchange, const char* words) {
    const std::string what = "send a mail through " + exchange.server.host;
    if (code == CURLE_OK) return {};
    if (exchange.ctx.stop.stop_requested()) return fail(Errc::cancelled, what);
    if (exchange.refused) return fail(Errc::unavailable, what, "its address is one of this machine or its own link, and notify.allowed_local does not list it");
    std::string why = words;
    if (answer >= 400 && !exchange.last_answer.empty()) why += ": " + one_line(exchange.last_answer);
    if (why.empty()) why = curl_easy_strerror(code);
    switch (code) {
        case CURLE_LOGIN_DENIED: return fail(Errc::unauthenticated, what, why);
        case CURLE_USE_SSL_FAILED: return fail(Errc::unavailable, what, "the server offers no encryption, so nothing was sent");
        case CURLE_SEND_ERROR: return answer >= 500 ? fail(Errc::invalid, what, why) : fail(Errc::unavailable, what, why);
        default: return fail(Errc::unavailable, what, why);
    }
}

}  // namespace

Status send_mail(const OpContext& ctx, const SmtpServer& server, const SmtpMail& mail) {
    static std::once_flag once;
    static CURLcode ready = CURLE_OK;
    std::call_once(once, [] { ready = curl_global_init(CURL_GLOBAL_DEFAULT); });
    if (ready != CURLE_OK) return fail(Errc::internal, "libcurl can't be used", curl_easy_strerror(ready));
    // What stands in a command of SMTP must not begin another one.
    bool clean = is_one_line(server.host) && is_one_line(mail.from) && is_one_line(server.user) && is_one_line(server.password);
    for (const std::string& to : mail.to) clean = clean && is_one_line(to);
    if (!clean || mail.to.empty()) return fail(Errc::invalid, "send a mail", "an address or name has characters that must not be there");

    const http::CurlEasy easy(curl_easy_init());
    http::CurlList recipients;
    bool accepted = easy != nullptr;
    if (!easy) return fail(Errc::unavailable, "send a mail", "no memory");
    const auto set = [&](CURLoption option, auto value) { accepted = accepted && curl_easy_setopt(easy.get(), option, value) == CURLE_OK; };
    Exchange exchange{ctx, server, mail.message, {}, false};
    std::array<char, CURL_ERROR_SIZE> words{};
    const bool v6 = server.host.find(':') != std::string::npos && !server.host.starts_with('[');
    const std::string url = std::string(server.implicit_tls ? "smtps://" : "smtp://") + (v6 ? "[" + server.host + "]" : server.host) + ":" + std::to_string(server.port);
    const std::string from = "<" + mail.from + ">";
    for (const std::string& to : mail.to) recipients.append("<" + to + ">");

    set(CURLOPT_URL, url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    set(CURLOPT_USE_SSL, static_cast<long>(CURLUSESSL_ALL));
    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    set(CURLOPT_SSL_VERIFYPEER, 1L);
    set(CURLOPT_SSL_VERIFYHOST, 2L);
    if (!server.ca_file.empty()) {
        set(CURLOPT_CAINFO, server.ca_file.c_str());
        set(CURLOPT_CAPATH, static_cast<char*>(nullptr));  // otherwise the system's folder would count as well
    }
    set(CURLOPT_PROXY, "");
    set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_QUICK_EXIT, 1L);
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(server.timeout.count()));
    set(CURLOPT_ERRORBUFFER, words.data());
    if (!server.user.empty()) {
        set(CURLOPT_USERNAME, server.user.c_str());
        set(CURLOPT_PASSWORD, server.password.c_str());
    }
    set(CURLOPT_MAIL_FROM, from.c_str());
    set(CURLOPT_MAIL_RCPT, recipients.get());
    set(CURLOPT_UPLOAD, 1L);
    set(CURLOPT_READFUNCTION, &give_message);
    set(CURLOPT_READDATA, &exchange);
    set(CURLOPT_HEADERFUNCTION, &take_answer);
    set(CURLOPT_HEADERDATA, &exchange);
    set(CURLOPT_OPENSOCKETFUNCTION, &open_socket);
    set(CURLOPT_OPENSOCKETDATA, &exchange);
    set(CURLOPT_XFERINFOFUNCTION, &still_wanted);
    set(CURLOPT_XFERINFODATA, &exchange);
    set(CURLOPT_NOPROGRESS, 0L);
    if (!accepted) return fail(Errc::internal, "send a mail", "libcurl does not take an option");
    const CURLcode code = curl_easy_perform(easy.get());
    long answer = 0;
    curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &answer);
    return outcome(code, answer, exchange, words.data());
}

}  // namespace oracxfs
