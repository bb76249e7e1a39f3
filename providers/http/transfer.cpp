#include "providers/http/transfer.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

namespace oracxfs::http {
namespace {

// What waits for a caller who is slower than the line; as much again may be in the caller's hands.
constexpr std::size_t kPendingBytesMax = 2u << 20;
constexpr std::size_t kHeaderBytesMax = 128u << 10;
constexpr long kReceiveBuffer = 256L << 10;
constexpr long kSendBuffer = 1L << 20;
constexpr std::size_t kSmallBody = 64u << 10;

std::string printable(std::string_view text) {
    std::string clean(text);
    std::erase_if(clean, [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return (byte < 0x20 && c != '\t') || byte == 0x7f;
    });
    return clean;
}

std::string_view trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

}  // namespace

Transfer::Transfer(const Request& request, Target place, const ClientOptions& options)
    : target(std::move(place)), request_(request), options_(options),
      stall_timeout_(request.stall_timeout.value_or(options.stall_timeout)) {}

template <class Value>
void Transfer::set(CURLoption option, Value value) {
    if (curl_easy_setopt(easy_.get(), option, value) != CURLE_OK) options_accepted_ = false;
}

bool Transfer::begin(SharedLine& line) {
    line_ = &line;
    easy_.reset(curl_easy_init());
    headers_ = {};
    if (!easy_) return false;
    options_accepted_ = true;
    offset_ = 0;
    begun_ = 0;
    lost_answer_ = false;
    receive_held_ = receive_gated_ = send_gated_ = false;
    error_.front() = '\0';
    touch();

    set(CURLOPT_URL, request_.url.c_str());
    set(CURLOPT_PATH_AS_IS, 1L);
    set(CURLOPT_ERRORBUFFER, error_.data());
    set(CURLOPT_PRIVATE, this);
    set(CURLOPT_NOSIGNAL, 1L);
    // A name server that does not answer must not hold up the thread that all transfers share.
    set(CURLOPT_QUICK_EXIT, 1L);
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options_.connect_timeout.count()));
    set(CURLOPT_TCP_KEEPALIVE, 1L);
    set(CURLOPT_FRESH_CONNECT, tries_ > 0 ? 1L : 0L);
    const bool http1 = target.bulk || target.plain;
    set(CURLOPT_HTTP_VERSION, static_cast<long>(http1 ? CURL_HTTP_VERSION_1_1 : CURL_HTTP_VERSION_2TLS));
    set(CURLOPT_PIPEWAIT, target.bulk ? 0L : 1L);
    if (request_.sink) set(CURLOPT_BUFFERSIZE, kReceiveBuffer);
    if (request_.body.size() > kSmallBody) set(CURLOPT_UPLOAD_BUFFERSIZE, kSendBuffer);
    if (target.loopback) set(CURLOPT_PROXY, "");
    if (options_.may_connect) {
        set(CURLOPT_OPENSOCKETFUNCTION, &Transfer::on_socket);
        set(CURLOPT_OPENSOCKETDATA, this);
    }

    set(CURLOPT_HEADERFUNCTION, &Transfer::on_header);
    set(CURLOPT_HEADERDATA, this);
    set(CURLOPT_WRITEFUNCTION, &Transfer::on_body);
    set(CURLOPT_WRITEDATA, this);
    set(CURLOPT_PREREQFUNCTION, &Transfer::on_begin);
    set(CURLOPT_PREREQDATA, this);
    set(CURLOPT_XFERINFOFUNCTION, &Transfer::on_progress);
    set(CURLOPT_XFERINFODATA, this);
    set(CURLOPT_NOPROGRESS, 0L);
    set_security();
    set_method();
    set_headers();
    ++tries_;
    return options_accepted_;
}

void Transfer::set_security() {
    set(CURLOPT_PROTOCOLS_STR, target.plain ? "http" : "https");
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    set(CURLOPT_SSL_VERIFYPEER, 1L);
    set(CURLOPT_SSL_VERIFYHOST, 2L);
    // A proxy sees CONNECT only, never our headers.
    set(CURLOPT_HEADEROPT, static_cast<long>(CURLHEADER_SEPARATE));
    set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    if (options_.ca_file.empty()) return;
    set(CURLOPT_CAINFO, options_.ca_file.c_str());
    // Otherwise the system's folder would count as well.
    set(CURLOPT_CAPATH, static_cast<char*>(nullptr));
}

void Transfer::set_method() {
    const bool carries_body = !request_.body.empty() || request_.method == "POST" || request_.method == "PUT" ||
                              request_.method == "PATCH";
    if (request_.method == "HEAD") {
        set(CURLOPT_NOBODY, 1L);
        return;
    }
    if (carries_body) {
        // Not CURLOPT_POST: that one adds a form's content type.
        set(CURLOPT_UPLOAD, 1L);
        set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
        set(CURLOPT_READFUNCTION, &Transfer::on_read);
        set(CURLOPT_READDATA, this);
        set(CURLOPT_SEEKFUNCTION, &Transfer::on_seek);
        set(CURLOPT_SEEKDATA, this);
    }
    set(CURLOPT_CUSTOMREQUEST, request_.method.c_str());
}

void Transfer::set_headers() {
    set(CURLOPT_USERAGENT, options_.user_agent.empty() ? "oracxfs/" ORACXFS_VERSION : options_.user_agent.c_str());
    // Waiting for "100 Continue" costs a round trip, and a second with servers that don't know it.
    headers_.append("Expect:");
    if (!request_.bearer.empty()) headers_.append("Authorization: Bearer " + request_.bearer);
    if (!request_.content_type.empty()) headers_.append("Content-Type: " + request_.content_type);
    // curl's spelling of a header without a value has a semicolon.
    for (const Header& header : request_.headers)
        headers_.append(trimmed(header.value).empty() ? header.name + ";" : header.name + ": " + header.value);
    set(CURLOPT_HTTPHEADER, headers_.get());
}

curl_socket_t Transfer::on_socket(void* self, curlsocktype, curl_sockaddr* address) {
    auto& t = *static_cast<Transfer*>(self);
    if (t.options_.may_connect(address->addr)) return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    t.refused_ = true;
    return CURL_SOCKET_BAD;
}

int Transfer::on_begin(void* self, char*, char*, int, int) {
    auto& t = *static_cast<Transfer*>(self);
    t.touch();
    const bool again = t.begun_++ > 0;
    // curl found that a kept connection had died and sends the request once more. That is right only for requests that
    // may be repeated; bytes of the body that it had read ahead would be lost, so those go through may_repeat().
    const bool acted = t.ever_begun_ && t.whole_body_given();
    t.ever_begun_ = true;
    if (!again || (t.offset_ == 0 && (t.request_.idempotent || !acted))) return CURL_PREREQFUNC_OK;
    t.lost_answer_ = true;
    return CURL_PREREQFUNC_ABORT;
}

std::size_t Transfer::on_read(char* into, std::size_t size, std::size_t count, void* self) {
    auto& t = *static_cast<Transfer*>(self);
    t.touch();
    const auto left = t.request_.body.subspan(t.offset_);
    const std::size_t n = t.line_->up.room(std::min(size * count, left.size()));
    if (n == 0 && !left.empty()) {
        t.send_gated_ = t.line_->someone_waits = true;
        return CURL_READFUNC_PAUSE;
    }
    if (n > 0) std::memcpy(into, left.data(), n);
    t.line_->up.take(n);
    t.offset_ += n;
    t.given_max_ = std::max(t.given_max_, t.offset_);
    return n;
}

int Transfer::on_seek(void* self, curl_off_t offset, int origin) {
    auto& t = *static_cast<Transfer*>(self);
    if (origin != SEEK_SET || offset < 0 || static_cast<std::uint64_t>(offset) > t.request_.body.size())
        return CURL_SEEKFUNC_FAIL;
    t.offset_ = static_cast<std::size_t>(offset);
    return CURL_SEEKFUNC_OK;
}

int Transfer::on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t sent) {
    auto& t = *static_cast<Transfer*>(self);
    if (static_cast<std::uint64_t>(sent) == t.sent_reported_) return 0;
    t.touch();
    t.sent_reported_ = static_cast<std::uint64_t>(sent);
    if (t.request_.on_sent) t.request_.on_sent(t.sent_reported_);
    return 0;
}

std::size_t Transfer::on_header(char* data, std::size_t size, std::size_t count, void* self) {
    auto& t = *static_cast<Transfer*>(self);
    t.touch();
    t.header_bytes_ += size * count;
    if (t.header_bytes_ > kHeaderBytesMax) {
        t.bad_answer_ = true;
        return 0;
    }
    t.take_header(std::string_view(data, size * count));
    return size * count;
}

void Transfer::take_header(std::string_view line) {
    if (trailers_) return;
    if (expects_status_line_) {
        expects_status_line_ = false;
        building_.headers.clear();
        building_.status = 0;
        const auto space = line.find(' ');
        if (space != std::string_view::npos)
            std::from_chars(line.data() + space + 1, line.data() + line.size(), building_.status);
        return;
    }
    line = trimmed(line);
    if (line.empty()) {
        // An interim answer (1xx) is followed by another head, the final one by the body.
        expects_status_line_ = building_.status < 200;
        trailers_ = !expects_status_line_;
        return;
    }
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) return;
    std::string name(trimmed(line.substr(0, colon)));
    for (char& c : name)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    building_.headers.push_back({printable(name), printable(trimmed(line.substr(colon + 1)))});
}

bool Transfer::goes_to_sink() const { return request_.sink && building_.ok(); }

std::size_t Transfer::on_body(char* data, std::size_t size, std::size_t count, void* self) {
    auto& t = *static_cast<Transfer*>(self);
    t.touch();
    if (!t.line_->down.open()) {
        t.receive_gated_ = t.line_->someone_waits = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    const std::size_t taken = t.take_body(std::string_view(data, size * count));
    if (taken == size * count) t.line_->down.take(taken);
    return taken;
}

std::size_t Transfer::take_body(std::string_view bytes) {
    if (!goes_to_sink()) {
        if (building_.body.size() + bytes.size() > request_.response_max) {
            too_long_ = true;
            return 0;
        }
        building_.body += bytes;
        return bytes.size();
    }
    const std::lock_guard lock(mutex);
    if (pending.size() >= kPendingBytesMax) {
        receive_held_ = held = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    if (pending.empty()) changed.notify_all();
    pending += bytes;
    return bytes.size();
}

void Transfer::resume(bool caller_drained) {
    const bool receive = receive_gated_ ? line_->down.open() : receive_held_ && caller_drained;
    const bool send = send_gated_ && line_->up.open();
    if (!receive && !send) return;
    if (receive) receive_gated_ = receive_held_ = false;
    if (send) send_gated_ = false;
    touch();
    int mask = 0;
    if (receive_gated_ || receive_held_) mask |= CURLPAUSE_RECV;
    if (send_gated_) mask |= CURLPAUSE_SEND;
    // May call on_body() at once, and that may pause again. An error shows up as the end of the transfer.
    static_cast<void>(curl_easy_pause(easy_.get(), mask));
}

std::optional<SteadyTime> Transfer::quiet_since() const {
    if (!ever_begun_ || receive_held_ || receive_gated_ || send_gated_) return std::nullopt;
    return last_activity_;
}

bool Transfer::may_repeat(CURLcode code) const {
    switch (code) {
        case CURLE_SEND_ERROR:
        case CURLE_RECV_ERROR:
        case CURLE_GOT_NOTHING:
        case CURLE_SEND_FAIL_REWIND:
        case CURLE_ABORTED_BY_CALLBACK:
        case CURLE_HTTP2:
        case CURLE_HTTP2_STREAM: break;
        default: return false;
    }
    long connects = 0;
    curl_easy_getinfo(easy_.get(), CURLINFO_NUM_CONNECTS, &connects);
    const bool kept_connection = connects == 0 || lost_answer_;
    const bool acted = ever_begun_ && whole_body_given();
    return tries_ == 1 && kept_connection && header_bytes_ == 0 && (request_.idempotent || !acted);
}

// HTTP/1 without a length: the end of the body and a broken connection look alike. (TLS would tell them apart, but curl
// takes a missing close_notify for an end.)
bool Transfer::has_unframed_body() const {
    long version = 0;
    curl_easy_getinfo(easy_.get(), CURLINFO_HTTP_VERSION, &version);
    const bool bodiless = request_.method == "HEAD" || building_.status == 204 || !building_.ok();
    if (bodiless || version > CURL_HTTP_VERSION_1_1) return false;
    return building_.header("content-length").empty() && building_.header("transfer-encoding").empty();
}

void Transfer::finish(CURLcode code, Abort abort) {
    if (abort == Abort::none && too_long_) abort = Abort::too_long;
    if (abort == Abort::none && (bad_answer_ || (code == CURLE_OK && has_unframed_body()))) abort = Abort::bad_answer;
    if (code == CURLE_OK && abort == Abort::none && request_.on_sent && sent_reported_ < request_.body.size() &&
        offset_ == request_.body.size())
        request_.on_sent(request_.body.size());
    std::string reason = printable(error_.front() != '\0' ? error_.data() : curl_easy_strerror(code));
    if (refused_) reason = "its address must not be connected to";
    if (lost_answer_) reason = "the connection was closed before the answer";
    easy_.reset();
    const std::lock_guard lock(mutex);
    end = {code, abort, std::move(reason), ever_begun_ && whole_body_given()};
    response = std::move(building_);
    done = true;
    changed.notify_all();
}

}  // namespace oracxfs::http
