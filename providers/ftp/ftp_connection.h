#pragma once
// One control connection and its data connections, by libcurl: an easy handle of its own in a multi handle of its own,
// one transfer at a time. Never shared, because the TLS session of a data connection must resume the one of its own
// control connection. After anything that went wrong in a transfer the connection is given up: libcurl may have lost its
// place in the dialogue.
//
// Used by one thread at a time. Every wait ends with the CallWait.

#include <curl/curl.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "providers/ftp/ftp_config.h"
#include "providers/ftp/ftp_reply.h"
#include "providers/ftp/ftp_sockets.h"
#include "providers/ftp/ftp_wait.h"
#include "providers/provider.h"

namespace oracxfs::ftp {

struct CurlEasyDeleter {
    void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct CurlMultiDeleter {
    void operator()(CURLM* handle) const { curl_multi_cleanup(handle); }
};
struct CurlListDeleter {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using CurlList = std::unique_ptr<curl_slist, CurlListDeleter>;

// Where an upload takes its bytes from. fill() blocks until there is something; 0 = the end of this transfer.
class UploadSource {
  public:
    virtual ~UploadSource() = default;
    virtual Result<std::size_t> fill(std::span<std::byte> into) = 0;
    // Now and then during the transfer: bytes of it that the peer has taken.
    virtual void taken(std::uint64_t bytes) = 0;
};

enum class UploadMode {
    replace,  // STOR: from the start
    restart,  // REST and STOR: overwrites from an offset on
    append,   // APPE
};

class FtpConnection {
  public:
    // Connects, signs in, asks for the features. Errors: unauthenticated, throttled (too many connections), config (no
    // TLS there), unavailable, cancelled, deadline.
    static Result<std::unique_ptr<FtpConnection>> open(const FtpTarget& target, const CallWait& wait);
    ~FtpConnection();
    FtpConnection(const FtpConnection&) = delete;
    FtpConnection& operator=(const FtpConnection&) = delete;

    // One after the other, whatever the replies are; as many replies as commands. `patience` beyond the usual time for
    // commands that take the server long. An error means: the connection is gone.
    Result<std::vector<Reply>> commands(const CallWait& wait, const std::vector<std::string>& lines, Millis patience = {});
    Result<Reply> command(const CallWait& wait, const std::string& line, Millis patience = {});

    // The lines of a listing, by MLSD or else LIST. The server's refusal is an error (last_reply() tells), and the
    // connection is gone.
    Status list(const CallWait& wait, const std::string& directory, const std::function<void(std::string_view line)>& take);
    // Which bytes of a file are wanted.
    struct Range {
        std::uint64_t offset = 0;
        std::uint64_t length = UINT64_MAX;
        bool to_the_end = false;  // what follows is fetched as well and thrown away: cheaper than another connection
    };
    // `sink` gets the range, as far as the file goes. When it has had enough before the end of the file, the transfer waits
    // for go_on() (holds_transfer()), and the connection is good for nothing else.
    Status download(const CallWait& wait, const std::string& path, const Range& range, const ByteSink& sink);
    // Later bytes of that transfer; the offset counts from where it stopped.
    Status go_on(const CallWait& wait, const Range& range, const ByteSink& sink);
    [[nodiscard]] bool holds_transfer() const { return held_; }
    Status upload(const CallWait& wait, const std::string& path, UploadMode mode, std::uint64_t offset, UploadSource& source);

    [[nodiscard]] bool usable() const { return usable_ && !held_; }
    // It had died while nobody used it, and nothing was sent: whatever was asked may be asked on another one.
    [[nodiscard]] bool was_dead() const { return sockets_.control_was_refused(); }
    // The peer was silent for too long.
    [[nodiscard]] bool stalled() const { return stalled_; }
    [[nodiscard]] const Reply& last_reply() const { return last_reply_; }
    // How many of the commands of the last call were answered.
    [[nodiscard]] std::size_t answered() const { return answered_; }

    [[nodiscard]] const Features& features() const { return features_; }
    [[nodiscard]] const std::string& login_directory() const { return login_directory_; }  // "" if it was not told
    [[nodiscard]] bool encrypted() const { return encrypted_; }
    // SIZE means bytes only in this mode, says mod_facts of proftpd, for instance. False after a listing.
    [[nodiscard]] bool binary() const { return binary_; }
    void set_binary() { binary_ = true; }

  private:
    explicit FtpConnection(const FtpTarget& target);
    Status sign_in(const CallWait& wait);
    Status set_options(const std::string& password);
    std::string url(std::string_view path) const;
    void reset_transfer();
    // Runs what the easy handle is set up for. ok: libcurl's success, or an early end that somebody here asked for.
    Status run(const CallWait& wait, const std::string& what);
    void let_go();
    // Gives what came to the sink, as far as it is wanted, and keeps the rest.
    void take(std::span<const std::byte> data);
    Status loop(const CallWait& wait, CURLcode& code);
    Error explain(CURLcode code, const std::string& what) const;
    void interrupt();
    [[nodiscard]] std::string tls_hint(int reply_code) const;

    static std::size_t on_reply(char* data, std::size_t size, std::size_t count, void* self);
    static std::size_t on_data(char* data, std::size_t size, std::size_t count, void* self);
    static std::size_t on_read(char* buffer, std::size_t size, std::size_t count, void* self);
    static int on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t sent);

    const FtpTarget& target_;
    FtpSockets sockets_;
    ReplyReader reader_;
    Reply last_reply_;
    Features features_;
    std::string login_directory_;
    std::size_t answered_ = 0;
    bool usable_ = true, stalled_ = false, encrypted_ = false, binary_ = false, signed_in_ = false;

    // Of the transfer under way.
    const CallWait* wait_ = nullptr;
    const ByteSink* sink_ = nullptr;
    Range range_;  // still to come
    UploadSource* source_ = nullptr;
    bool ended_early_ = false, held_ = false;
    std::vector<std::byte> came_early_;  // behind what was wanted, of a transfer that is held
    std::optional<Error> source_error_;
    std::uint64_t sent_ = 0;
    bool moved_ = false;  // something came or went since the loop looked last
    char error_text_[CURL_ERROR_SIZE] = {};

    // Last: their clean-up calls back into the members above. The easy handle goes first.
    std::unique_ptr<CURLM, CurlMultiDeleter> multi_;
    std::unique_ptr<CURL, CurlEasyDeleter> easy_;
};

}  // namespace oracxfs::ftp
