#include "providers/ftp/ftp_connection.h"

#include <algorithm>

#include "base/log.h"
#include "providers/ftp/ftp_status.h"

namespace oracxfs::ftp {
namespace {

constexpr long kBufferBytes = 512L << 10;
// libcurl ends silent commands by itself, with a better reason; this is the net below it.
constexpr Millis kStallGrace{1'000};
// libcurl 7.88 sometimes waits for no socket at all while a data connection is being opened, and only needs to be called
// again. So the waits are short after each sign of life, and grow.
constexpr Millis kPollMin{1}, kPollMax{250};
constexpr long kKeepAliveSeconds = 30;
constexpr long kConnectionAgeMax = 24L * 3600;  // the pool decides about idle connections

bool library_is_ready() {
    static const bool ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    return ready;
}

long seconds(Millis time) { return std::max<long>(1, static_cast<long>(std::chrono::ceil<std::chrono::seconds>(time).count())); }

// IPv6 addresses stand in brackets.
std::string url_host(const std::string& host) {
    return host.find(':') != std::string::npos && !host.starts_with('[') ? "[" + host + "]" : host;
}

}  // namespace

FtpConnection::FtpConnection(const FtpTarget& target) : target_(target), sockets_(target.port) {}

FtpConnection::~FtpConnection() {
    // Else libcurl says QUIT and waits for the answer, however long a hung server takes.
    sockets_.shut_down();
    if (held_) let_go();
}

Result<std::unique_ptr<FtpConnection>> FtpConnection::open(const FtpTarget& target, const CallWait& wait) {
    std::unique_ptr<FtpConnection> connection(new FtpConnection(target));
    ORACX_TRYV(connection->sign_in(wait));
    return connection;
}

std::string FtpConnection::url(std::string_view path) const {
    return (target_.tls == TlsMode::implicit ? "ftps://" : "ftp://") + url_host(target_.host) + ":" + std::to_string(target_.port) + "/" +
           url_path(path);
}

Status FtpConnection::set_options(const std::string& password) {
    CURL* const c = easy_.get();
    bool good = true;
    const auto set = [&](CURLoption option, auto value) { good &= curl_easy_setopt(c, option, value) == CURLE_OK; };
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_ERRORBUFFER, error_text_);
    set(CURLOPT_PROTOCOLS_STR, "ftp,ftps");
    set(CURLOPT_PROXY, "");
    set(CURLOPT_USERNAME, target_.user.c_str());
    set(CURLOPT_PASSWORD, password.c_str());
    set(CURLOPT_USE_SSL, static_cast<long>(target_.tls == TlsMode::if_offered ? CURLUSESSL_TRY : CURLUSESSL_ALL));
    set(CURLOPT_FTPSSLAUTH, static_cast<long>(CURLFTPAUTH_TLS));
    set(CURLOPT_SSL_VERIFYPEER, 1L);
    set(CURLOPT_SSL_VERIFYHOST, 2L);
    // With TLS 1.3 libcurl loses the session that servers want to see resumed on data connections.
    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2) |
                                static_cast<long>(target_.tls13 ? CURL_SSLVERSION_MAX_DEFAULT : CURL_SSLVERSION_MAX_TLSv1_2));
    if (!target_.ca_file.empty()) set(CURLOPT_CAINFO, target_.ca_file.c_str());
    set(CURLOPT_FTP_FILEMETHOD, static_cast<long>(CURLFTPMETHOD_NOCWD));
    set(CURLOPT_FTP_USE_EPSV, 1L);
    set(CURLOPT_FTP_SKIP_PASV_IP, 1L);
    set(CURLOPT_BUFFERSIZE, kBufferBytes);
    set(CURLOPT_UPLOAD_BUFFERSIZE, kBufferBytes);
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(target_.timeout.count()));
    set(CURLOPT_TCP_KEEPALIVE, 1L);
    set(CURLOPT_TCP_KEEPIDLE, kKeepAliveSeconds);
    set(CURLOPT_TCP_KEEPINTVL, kKeepAliveSeconds);
    set(CURLOPT_MAXAGE_CONN, kConnectionAgeMax);
    // Else the end of a cancelled call waits for a name server that does not answer.
    set(CURLOPT_QUICK_EXIT, 1L);
    set(CURLOPT_OPENSOCKETFUNCTION, &FtpSockets::open_hook);
    set(CURLOPT_OPENSOCKETDATA, &sockets_);
    set(CURLOPT_CLOSESOCKETFUNCTION, &FtpSockets::close_hook);
    set(CURLOPT_CLOSESOCKETDATA, &sockets_);
    set(CURLOPT_HEADERFUNCTION, &FtpConnection::on_reply);
    set(CURLOPT_HEADERDATA, this);
    set(CURLOPT_WRITEFUNCTION, &FtpConnection::on_data);
    set(CURLOPT_WRITEDATA, this);
    set(CURLOPT_READFUNCTION, &FtpConnection::on_read);
    set(CURLOPT_READDATA, this);
    set(CURLOPT_XFERINFOFUNCTION, &FtpConnection::on_progress);
    set(CURLOPT_XFERINFODATA, this);
    set(CURLOPT_NOPROGRESS, 0L);
    if (!good) return fail(Errc::internal, "set up libcurl", "it lacks an option that is needed");
    return {};
}

Status FtpConnection::sign_in(const CallWait& wait) {
    if (!library_is_ready()) return fail(Errc::internal, "set up libcurl");
    easy_.reset(curl_easy_init());
    multi_.reset(curl_multi_init());
    if (!easy_ || !multi_) return fail(Errc::internal, "set up libcurl");
    auto password = target_.secret ? target_.secret("password") : fail(Errc::not_found, "read the password");
    if (!password && target_.user != "anonymous") {
        if (password.error().code == Errc::not_found)
            return fail(Errc::unauthenticated, "sign in", "no password of " + target_.user + " is stored");
        return fail(std::move(password).error());
    }
    if (password) log::redact_value(*password);
    ORACX_TRYV(set_options(password.value_or("oracxfs@")));
    reset_transfer();
    // Relative to the login directory: so libcurl learns that this is where it is, and never sends a CWD of its own.
    curl_easy_setopt(easy_.get(), CURLOPT_URL, url("").c_str());
    ORACX_TRYV(run(wait, "sign in"));
    signed_in_ = true;
    sockets_.forbid_control(true);
    const auto& replies = reader_.replies();
    encrypted_ = target_.tls == TlsMode::implicit ||
                 std::any_of(replies.begin(), replies.end(), [](const Reply& reply) { return reply.code == 234; });
    if (!encrypted_)
        log::warn("ftp", target_.provider + ": NOT ENCRYPTED: " + target_.host +
                             " offers no TLS; the password and all files can be read and changed on the way (allow_plain_ftp is on)");
    const char* entry = nullptr;
    if (curl_easy_getinfo(easy_.get(), CURLINFO_FTP_ENTRY_PATH, &entry) == CURLE_OK && entry != nullptr) login_directory_ = entry;
    ORACX_TRY(const Reply features, command(wait, "FEAT"));
    features_ = parse_features(features);
    std::vector<std::string> choices;
    if (features_.utf8) choices.emplace_back("OPTS UTF8 ON");
    if (features_.hash_sha256 && !features_.xsha256) choices.emplace_back("OPTS HASH SHA-256");
    if (!choices.empty()) ORACX_TRYV(commands(wait, choices));
    return {};
}

void FtpConnection::reset_transfer() {
    CURL* const c = easy_.get();
    curl_easy_setopt(c, CURLOPT_UPLOAD, 0L);
    curl_easy_setopt(c, CURLOPT_APPEND, 0L);
    curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
    curl_easy_setopt(c, CURLOPT_IGNORE_CONTENT_LENGTH, 0L);
    curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, nullptr);
    curl_easy_setopt(c, CURLOPT_QUOTE, nullptr);
    curl_easy_setopt(c, CURLOPT_PREQUOTE, nullptr);
    curl_easy_setopt(c, CURLOPT_SERVER_RESPONSE_TIMEOUT, seconds(target_.timeout));
    curl_easy_setopt(c, CURLOPT_URL, url("/").c_str());
    sink_ = nullptr;
    range_ = {};
    source_ = nullptr;
}

Result<std::vector<Reply>> FtpConnection::commands(const CallWait& wait, const std::vector<std::string>& lines, Millis patience) {
    reset_transfer();
    CurlList list;
    for (const std::string& line : lines) {
        // '*': a refusal does not end the transfer (and with it the connection).
        curl_slist* const longer = curl_slist_append(list.get(), ("*" + line).c_str());
        if (longer == nullptr) return fail(Errc::internal, "send commands", "out of memory");
        (void)list.release();
        list.reset(longer);
    }
    curl_easy_setopt(easy_.get(), CURLOPT_QUOTE, list.get());
    curl_easy_setopt(easy_.get(), CURLOPT_SERVER_RESPONSE_TIMEOUT, seconds(target_.timeout + patience));
    const std::string what = lines.empty() ? "" : lines.front().substr(0, lines.front().find(' '));
    Status status = run(wait, what);
    curl_easy_setopt(easy_.get(), CURLOPT_QUOTE, nullptr);
    const auto& replies = reader_.replies();
    answered_ = std::min(replies.size(), lines.size());
    ORACX_TRYV(std::move(status));
    const bool closing = std::any_of(replies.begin(), replies.end(), [](const Reply& reply) { return reply.code == 421; });
    if (replies.size() == lines.size() && !closing) return replies;
    usable_ = false;
    return fail(Error(Errc::unavailable, what, closing ? "the server closes the connection: '" + last_reply_.text() + "'"
                                                       : "the server's replies do not belong to what was asked"));
}

Result<Reply> FtpConnection::command(const CallWait& wait, const std::string& line, Millis patience) {
    ORACX_TRY(auto replies, commands(wait, {line}, patience));
    return std::move(replies.front());
}

Status FtpConnection::list(const CallWait& wait, const std::string& directory, const std::function<void(std::string_view)>& take) {
    reset_transfer();
    std::string rest;
    const ByteSink sink = [&](std::span<const std::byte> data) {
        rest.append(reinterpret_cast<const char*>(data.data()), data.size());
        std::size_t begin = 0;
        for (std::size_t end = 0; (end = rest.find('\n', begin)) != std::string::npos; begin = end + 1)
            take(std::string_view(rest).substr(begin, end - begin));
        rest.erase(0, begin);
        return true;
    };
    CURL* const c = easy_.get();
    if (features_.mlst) {
        curl_easy_setopt(c, CURLOPT_NOBODY, 0L);
        curl_easy_setopt(c, CURLOPT_URL, url(directory == "/" ? directory : directory + "/").c_str());
        curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, "MLSD");
    } else {
        // LIST takes no path: servers read options and patterns out of it, and list nothing for a folder that is gone.
        ORACX_TRY(const Reply entered, command(wait, "CWD " + directory));
        if (!entered.ok()) return fail(error_of(entered, "open folder"));
        reset_transfer();
        curl_easy_setopt(c, CURLOPT_NOBODY, 0L);
        curl_easy_setopt(c, CURLOPT_URL, url("").c_str());  // the current directory; libcurl believes that it never changed
        curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, "LIST -a");
    }
    sink_ = &sink;
    binary_ = false;
    ORACX_TRYV(run(wait, "list"));
    if (!rest.empty()) take(rest);
    return {};
}

Status FtpConnection::download(const CallWait& wait, const std::string& path, const Range& range, const ByteSink& sink) {
    reset_transfer();
    const CurlList restart(range.offset > 0 ? curl_slist_append(nullptr, ("REST " + std::to_string(range.offset)).c_str()) : nullptr);
    curl_easy_setopt(easy_.get(), CURLOPT_URL, url(path).c_str());
    curl_easy_setopt(easy_.get(), CURLOPT_NOBODY, 0L);
    curl_easy_setopt(easy_.get(), CURLOPT_IGNORE_CONTENT_LENGTH, 1L);  // saves a SIZE
    curl_easy_setopt(easy_.get(), CURLOPT_PREQUOTE, restart.get());
    sink_ = &sink;
    range_ = range;
    range_.offset = 0;
    binary_ = true;
    Status status = run(wait, "read");
    curl_easy_setopt(easy_.get(), CURLOPT_PREQUOTE, nullptr);
    return status;
}

Status FtpConnection::go_on(const CallWait& wait, const Range& range, const ByteSink& sink) {
    if (!held_) return fail(Errc::internal, "read on", "no transfer is under way");
    sink_ = &sink;
    range_ = range;
    return run(wait, "read");
}

Status FtpConnection::upload(const CallWait& wait, const std::string& path, UploadMode mode, std::uint64_t offset, UploadSource& source) {
    reset_transfer();
    const bool restarts = mode == UploadMode::restart && offset > 0;
    const CurlList restart(restarts ? curl_slist_append(nullptr, ("REST " + std::to_string(offset)).c_str()) : nullptr);
    CURL* const c = easy_.get();
    curl_easy_setopt(c, CURLOPT_URL, url(path).c_str());
    curl_easy_setopt(c, CURLOPT_NOBODY, 0L);
    curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(c, CURLOPT_INFILESIZE_LARGE, curl_off_t{-1});
    curl_easy_setopt(c, CURLOPT_APPEND, mode == UploadMode::append ? 1L : 0L);
    curl_easy_setopt(c, CURLOPT_PREQUOTE, restart.get());
    source_ = &source;
    binary_ = true;
    Status status = run(wait, "write");
    curl_easy_setopt(c, CURLOPT_PREQUOTE, nullptr);
    return status;
}

Status FtpConnection::run(const CallWait& wait, const std::string& what) {
    ORACX_TRYV(wait.check());
    if (!usable_) return fail(Errc::internal, what, "the connection was given up");
    const bool goes_on = std::exchange(held_, false);
    wait_ = &wait;
    reader_.clear();
    last_reply_ = {};
    answered_ = 0;
    ended_early_ = false;
    source_error_.reset();
    sent_ = 0;
    error_text_[0] = 0;
    CURLcode code = CURLE_OK;
    Status looped;
    {
        const std::stop_callback interrupted(wait.token(), [this] { interrupt(); });
        if (goes_on) {
            const std::vector<std::byte> early = std::exchange(came_early_, {});
            take(early);
            if (!ended_early_ && curl_easy_pause(easy_.get(), CURLPAUSE_CONT) != CURLE_OK) looped = fail(Errc::unavailable, "read on");
        } else if (curl_multi_add_handle(multi_.get(), easy_.get()) != CURLM_OK) {
            return fail(Errc::internal, what, "libcurl refuses");
        }
        if (looped && !ended_early_) looped = loop(wait, code);
    }
    held_ = looped && ended_early_ && sink_ != nullptr && !wait.token().stop_requested();
    sink_ = nullptr;
    if (held_) return {};
    let_go();
    if (!reader_.replies().empty()) last_reply_ = reader_.replies().back();
    const bool whole = looped && !source_error_ && !ended_early_ && code == CURLE_OK;
    // interrupt() has shut the sockets, whether or not it was in time.
    if (!whole || wait.token().stop_requested()) usable_ = false;
    if (!looped) return fail(std::move(looped).error().at(what));
    if (source_error_) return fail(std::move(*source_error_));
    if (ended_early_ || code == CURLE_OK) return {};
    if (wait.token().stop_requested()) return fail(wait.reason());
    if (code == CURLE_OPERATION_TIMEDOUT) stalled_ = true;
    return fail(explain(code, what));
}

// Of a transfer that is not done it closes the connection without a word.
void FtpConnection::let_go() {
    curl_multi_remove_handle(multi_.get(), easy_.get());
    came_early_.clear();
}

Status FtpConnection::loop(const CallWait& wait, CURLcode& code) {
    const bool transfers = sink_ != nullptr || source_ != nullptr;
    SteadyTime last_sign = wait.now();
    moved_ = false;
    for (int running = 1;;) {
        if (curl_multi_perform(multi_.get(), &running) != CURLM_OK) return fail(Errc::internal, "drive libcurl");
        if (ended_early_ || source_error_) return {};
        if (running == 0) break;
        if (wait.token().stop_requested()) return fail(wait.reason());
        const SteadyTime now = wait.now();
        if (std::exchange(moved_, false)) last_sign = now;
        if (transfers && now - last_sign > target_.timeout + kStallGrace) {
            stalled_ = true;
            return fail(Error(Errc::unavailable, "wait for the server", "no sign of life for " + std::to_string(seconds(target_.timeout)) + " s")
                            .with_silence());
        }
        const Millis pause = std::clamp(std::chrono::duration_cast<Millis>(now - last_sign) / 4, kPollMin, kPollMax);
        if (curl_multi_poll(multi_.get(), nullptr, 0, static_cast<int>(pause.count()), nullptr) != CURLM_OK)
            return fail(Errc::internal, "drive libcurl");
    }
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left))
        if (message->msg == CURLMSG_DONE) code = message->data.result;
    return {};
}

// Called from any thread.
void FtpConnection::interrupt() {
    sockets_.shut_down();
    curl_multi_wakeup(multi_.get());
}

std::string FtpConnection::tls_hint(int reply_code) const {
    if (!target_.tls13 || (reply_code != 425 && reply_code != 426 && reply_code != 522)) return {};
    return "; many servers fail so with TLS 1.3: set tls_max to 1.2";
}

Error FtpConnection::explain(CURLcode code, const std::string& what) const {
    const Reply& reply = last_reply_;
    const std::string words = error_text_[0] != 0 ? error_text_ : curl_easy_strerror(code);
    const auto error = [&](Errc errc, const std::string& why) { return Error(errc, what, why).with_native(static_cast<int>(code)); };
    switch (code) {
        case CURLE_USE_SSL_FAILED:
            return error(Errc::config, "the server refuses TLS ('" + reply.text() +
                                           "'); if it wants TLS from the start, set tls to implicit; allow_plain_ftp would send everything unencrypted");
        case CURLE_PEER_FAILED_VERIFICATION:
            return error(Errc::unavailable, "the certificate of " + target_.host + " is not accepted: " + words +
                                                "; if it is a private one, give it or its authority as ca_file");
        case CURLE_SSL_CACERT_BADFILE: return error(Errc::config, "ca_file cannot be used: " + words);
        default: break;
    }
    if (reply.code >= 400) {
        Error refused = error_of(reply, what);
        refused.why += tls_hint(reply.code);
        if (!signed_in_ && refused.code == Errc::denied) refused.code = Errc::unauthenticated;
        // Only a greeting speaks of too many connections; later it means that this one ends.
        if (signed_in_ && refused.code == Errc::throttled) refused.code = Errc::unavailable;
        return refused;
    }
    if (sockets_.control_was_refused()) return error(Errc::unavailable, "the server had closed the idle connection");
    if (code == CURLE_SSL_CONNECT_ERROR)
        return error(Errc::unavailable, "TLS: " + words + (target_.tls == TlsMode::implicit ? " (tls is implicit: is this the port for it?)" : ""));
    return error(Errc::unavailable, words).with_silence(code == CURLE_OPERATION_TIMEDOUT);
}

std::size_t FtpConnection::on_reply(char* data, std::size_t size, std::size_t count, void* self) {
    auto& connection = *static_cast<FtpConnection*>(self);
    connection.reader_.feed({data, size * count});
    connection.moved_ = true;
    return size * count;
}

// A pause instead of an error: of an error libcurl would first await the server's answer, the loop just ends it.
std::size_t FtpConnection::on_data(char* data, std::size_t size, std::size_t count, void* self) {
    auto& connection = *static_cast<FtpConnection*>(self);
    if (connection.ended_early_ || connection.wait_->token().stop_requested()) return CURL_WRITEFUNC_PAUSE;
    connection.moved_ = true;
    if (connection.sink_ != nullptr) connection.take(std::as_bytes(std::span(data, size * count)));
    return size * count;
}

void FtpConnection::take(std::span<const std::byte> data) {
    const auto at_most = [&](std::uint64_t bytes) { return static_cast<std::size_t>(std::min<std::uint64_t>(bytes, data.size())); };
    const std::size_t skipped = at_most(range_.offset);
    range_.offset -= skipped;
    data = data.subspan(skipped);
    const std::size_t wanted = at_most(range_.length);
    const bool enough = wanted > 0 && !(*sink_)(data.first(wanted));
    range_.length -= wanted;
    if (enough && range_.length > 0) {  // had enough before the end of the range
        range_.length = 0;
        range_.to_the_end = false;
    }
    data = data.subspan(wanted);
    if (range_.length > 0 || range_.to_the_end) return;
    came_early_.assign(data.begin(), data.end());
    ended_early_ = true;
}

std::size_t FtpConnection::on_read(char* buffer, std::size_t size, std::size_t count, void* self) {
    auto& connection = *static_cast<FtpConnection*>(self);
    if (connection.source_ == nullptr || connection.source_error_) return CURL_READFUNC_PAUSE;
    auto got = connection.source_->fill(std::as_writable_bytes(std::span(buffer, size * count)));
    connection.moved_ = true;
    if (got) return *got;
    connection.source_error_ = std::move(got).error();
    return CURL_READFUNC_PAUSE;
}

int FtpConnection::on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t sent) {
    auto& connection = *static_cast<FtpConnection*>(self);
    const auto now_sent = static_cast<std::uint64_t>(std::max<curl_off_t>(sent, 0));
    if (connection.source_ == nullptr || now_sent <= connection.sent_) return 0;
    connection.sent_ = now_sent;
    connection.moved_ = true;
    const std::uint64_t waiting = connection.sockets_.unacknowledged_bytes();
    connection.source_->taken(now_sent - std::min(now_sent, waiting));
    return 0;
}

}  // namespace oracxfs::ftp
