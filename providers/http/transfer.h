#pragma once
// One request on its way, shared by the caller who waits for it and the engine's thread, which moves its bytes.

#include <array>
#include <condition_variable>
#include <mutex>
#include <string>

#include "providers/http/byte_gate.h"
#include "providers/http/curl_handles.h"
#include "providers/http/target.h"

namespace oracxfs::http {

// Why a transfer ended without curl's doing.
enum class Abort { none, cancelled, deadline, enough, stalled, too_long, bad_answer };

struct TransferEnd {
    CURLcode code = CURLE_OK;
    Abort abort = Abort::none;
    std::string reason;      // the peer's or curl's words
    bool may_have_acted = false;  // the server may have the whole request
};

// What all transfers of a client share; the engine's thread only.
struct SharedLine {
    Clock& clock;
    ByteGate up, down;
    // By callbacks of transfers: a gate was found closed.
    bool someone_waits = false;
};

class Transfer : public std::enable_shared_from_this<Transfer> {
  public:
    // `request` outlives the transfer's end.
    Transfer(const Request& request, Target target, const ClientOptions& options);
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;

    // --- the caller's side ---
    std::mutex mutex;
    std::condition_variable_any changed;  // pending or done
    std::string pending;                  // bytes for the sink
    bool done = false;
    Abort wanted_abort = Abort::none;
    bool held = false;                    // the engine waits until the caller has taken `pending`
    bool drained = false;                 // which it has done
    TransferEnd end;                      // once done
    Response response;                    // once done

    // --- the engine's side ---
    const Target target;
    bool exclusive = true;  // counts against the connections of its host; set by the engine

    // A new handle for the first or another try. False: no memory.
    bool begin(SharedLine& line);
    [[nodiscard]] CURL* easy() const { return easy_.get(); }
    // Lets paused directions go on, as far as their reasons are gone.
    void resume(bool caller_drained);
    [[nodiscard]] bool waits_for_gate() const { return receive_gated_ || send_gated_; }
    // Since when nothing moved; nothing while that is our own doing, or before the request began.
    [[nodiscard]] std::optional<SteadyTime> quiet_since() const;
    [[nodiscard]] SteadyTime last_activity() const { return last_activity_; }
    [[nodiscard]] Millis stall_timeout() const { return stall_timeout_; }
    // Whether the connection broke so that the request may go once more over a new one.
    [[nodiscard]] bool may_repeat(CURLcode code) const;
    void finish(CURLcode code, Abort abort);  // frees the handle and tells the caller

  private:
    static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self);
    static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self);
    static curl_socket_t on_socket(void* self, curlsocktype purpose, curl_sockaddr* address);
    static std::size_t on_read(char* into, std::size_t size, std::size_t count, void* self);
    static int on_seek(void* self, curl_off_t offset, int origin);
    static int on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t sent);
    static int on_begin(void* self, char*, char*, int, int);

    template <class Value>
    void set(CURLoption option, Value value);
    void set_security();
    void set_method();
    void set_headers();
    void take_header(std::string_view line);
    [[nodiscard]] bool goes_to_sink() const;
    [[nodiscard]] bool whole_body_given() const { return given_max_ >= request_.body.size(); }
    [[nodiscard]] bool has_unframed_body() const;
    std::size_t take_body(std::string_view bytes);
    void touch() { last_activity_ = line_->clock.steady(); }

    const Request& request_;
    const ClientOptions& options_;
    const Millis stall_timeout_;
    SharedLine* line_ = nullptr;
    CurlEasy easy_;
    CurlList headers_;
    std::array<char, CURL_ERROR_SIZE> error_{};
    bool options_accepted_ = true;

    unsigned tries_ = 0;        // handles made
    unsigned begun_ = 0;        // times that this handle began to send the request
    bool ever_begun_ = false;
    std::size_t offset_ = 0;    // next byte of the body
    std::size_t given_max_ = 0; // the most of the body that any try has given to curl
    bool refused_ = false;  // by ClientOptions::may_connect
    bool lost_answer_ = false;
    bool too_long_ = false, bad_answer_ = false;

    bool expects_status_line_ = true, trailers_ = false;
    std::size_t header_bytes_ = 0;
    Response building_;

    bool receive_held_ = false;   // by the caller's full queue
    bool receive_gated_ = false;  // by the bandwidth limit
    bool send_gated_ = false;
    SteadyTime last_activity_{};
    std::uint64_t sent_reported_ = 0;
};

}  // namespace oracxfs::http
