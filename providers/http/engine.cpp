#include "providers/http/engine.h"

#include <algorithm>
#include <csignal>

#include "base/assert.h"

namespace oracxfs::http {
namespace {

constexpr long kConnectionsKept = 32;
// Streams that one HTTP/2 connection is given; services allow about 100.
constexpr unsigned kSharedMax = 100;
// The longest time without a look at the stalls, and the pace at which a bandwidth limit lets bytes pass.
constexpr int kLookMs = 250;
constexpr int kGateMs = 10;
constexpr int kIdleMs = 60'000;

// OpenSSL writes to sockets without MSG_NOSIGNAL, and curl with CURLOPT_NOSIGNAL does not care for SIGPIPE. Threads that
// curl makes for name look-ups inherit the mask.
void block_signals() {
    sigset_t all;
    ::sigfillset(&all);
    for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) ::sigdelset(&all, fault);
    ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

}  // namespace

Engine::Engine(const ClientOptions& options, Clock& clock)
    : options_(options), multi_(curl_multi_init()),
      line_{clock, ByteGate(options.upload_limit, clock.steady()), ByteGate(options.download_limit, clock.steady())} {
    ORACX_ASSERT(multi_ != nullptr);
    curl_multi_setopt(multi_.get(), CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
    curl_multi_setopt(multi_.get(), CURLMOPT_MAXCONNECTS, kConnectionsKept);
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

Engine::~Engine() {
    thread_.request_stop();
    curl_multi_wakeup(multi_.get());
    thread_.join();
}

void Engine::look_at(std::shared_ptr<Transfer> transfer) {
    {
        const std::lock_guard lock(mutex_);
        inbox_.push_back(std::move(transfer));
    }
    curl_multi_wakeup(multi_.get());
}

void Engine::run(const std::stop_token& stop) {
    block_signals();
    while (!stop.stop_requested()) {
        take_inbox();
        open_gates();
        int running = 0;
        curl_multi_perform(multi_.get(), &running);
        collect();
        end_stalled();
        curl_multi_poll(multi_.get(), nullptr, 0, pause_ms(), nullptr);
    }
    end_all();
}

int Engine::pause_ms() const {
    if (line_.someone_waits) return kGateMs;
    return running_.empty() ? kIdleMs : kLookMs;
}

void Engine::take_inbox() {
    std::vector<std::shared_ptr<Transfer>> transfers;
    {
        const std::lock_guard lock(mutex_);
        transfers.swap(inbox_);
    }
    for (const auto& transfer : transfers) handle(transfer);
}

void Engine::handle(const std::shared_ptr<Transfer>& transfer) {
    Abort abort = Abort::none;
    bool drained = false;
    {
        const std::lock_guard lock(transfer->mutex);
        if (transfer->done) return;
        abort = transfer->wanted_abort;
        drained = std::exchange(transfer->drained, false);
    }
    const bool runs = running_.contains(transfer.get());
    if (abort != Abort::none) {
        complete(*transfer, CURLE_OK, abort);
    } else if (runs) {
        transfer->resume(drained);
    } else if (!queued_.contains(transfer.get())) {
        Host& host = hosts_[transfer->target.host];
        host.waiting.push_back(transfer);
        queued_.insert(transfer.get());
        if (!ending_) start_waiting(host);
    }
}

// The limit is kept here and not by curl, whose queue counts waiting as time spent on connecting.
void Engine::start_waiting(Host& host) {
    std::deque<std::shared_ptr<Transfer>> left;
    while (!host.waiting.empty()) {
        std::shared_ptr<Transfer> transfer = std::move(host.waiting.front());
        host.waiting.pop_front();
        transfer->exclusive = transfer->target.bulk || !host.speaks_http2;
        const bool room = transfer->exclusive ? host.exclusive < options_.connections_max : host.shared < kSharedMax;
        if (room)
            start(host, transfer);
        else
            left.push_back(std::move(transfer));
    }
    host.waiting = std::move(left);
}

void Engine::start(Host& host, const std::shared_ptr<Transfer>& transfer) {
    queued_.erase(transfer.get());
    if (!transfer->begin(line_) || curl_multi_add_handle(multi_.get(), transfer->easy()) != CURLM_OK) {
        transfer->finish(CURLE_OUT_OF_MEMORY, Abort::none);
        return;
    }
    ++(transfer->exclusive ? host.exclusive : host.shared);
    ++requests_;
    running_.emplace(transfer.get(), transfer);
}

void Engine::collect() {
    int left = 0;
    while (const CURLMsg* const message = curl_multi_info_read(multi_.get(), &left)) {
        if (message->msg != CURLMSG_DONE) continue;
        const CURLcode code = message->data.result;
        char* owner = nullptr;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &owner);
        Transfer& transfer = *reinterpret_cast<Transfer*>(owner);
        long version = 0;
        curl_easy_getinfo(message->easy_handle, CURLINFO_HTTP_VERSION, &version);
        if (version == CURL_HTTP_VERSION_2_0) hosts_[transfer.target.host].speaks_http2 = true;
        if (transfer.may_repeat(code)) {
            curl_multi_remove_handle(multi_.get(), transfer.easy());
            if (transfer.begin(line_) && curl_multi_add_handle(multi_.get(), transfer.easy()) == CURLM_OK) continue;
        }
        complete(transfer, code, Abort::none);
    }
}

void Engine::complete(Transfer& transfer, CURLcode code, Abort abort) {
    Host& host = hosts_[transfer.target.host];
    if (const auto found = running_.find(&transfer); found != running_.end()) {
        const std::shared_ptr<Transfer> kept = found->second;
        curl_multi_remove_handle(multi_.get(), transfer.easy());
        running_.erase(found);
        --(transfer.exclusive ? host.exclusive : host.shared);
        transfer.finish(code, abort);
    } else {
        std::shared_ptr<Transfer> kept;
        const auto place = std::find_if(host.waiting.begin(), host.waiting.end(),
                                        [&](const auto& waiting) { return waiting.get() == &transfer; });
        if (place != host.waiting.end()) {
            kept = *place;
            host.waiting.erase(place);
        }
        queued_.erase(&transfer);
        transfer.finish(code, abort);
    }
    if (!ending_) start_waiting(host);
}

void Engine::end_stalled() {
    const SteadyTime now = line_.clock.steady();
    std::vector<std::shared_ptr<Transfer>> stalled;
    for (const auto& [raw, transfer] : running_)
        if (const auto since = transfer->quiet_since(); since && now - *since > transfer->stall_timeout())
            stalled.push_back(transfer);
    for (const auto& transfer : stalled) complete(*transfer, CURLE_OPERATION_TIMEDOUT, Abort::stalled);
}

void Engine::open_gates() {
    if (!std::exchange(line_.someone_waits, false)) return;
    const SteadyTime now = line_.clock.steady();
    line_.up.refill(now);
    line_.down.refill(now);
    std::vector<std::shared_ptr<Transfer>> waiting;
    for (const auto& [raw, transfer] : running_)
        if (transfer->waits_for_gate()) waiting.push_back(transfer);
    // Whoever was served last comes last: the one at the front takes what there is.
    std::sort(waiting.begin(), waiting.end(),
              [](const auto& a, const auto& b) { return a->last_activity() < b->last_activity(); });
    for (const auto& transfer : waiting) {
        transfer->resume(false);
        if (transfer->waits_for_gate()) line_.someone_waits = true;
    }
}

void Engine::end_all() {
    ending_ = true;
    take_inbox();
    while (!running_.empty()) {
        const std::shared_ptr<Transfer> transfer = running_.begin()->second;
        complete(*transfer, CURLE_OK, Abort::cancelled);
    }
    for (auto& [name, host] : hosts_)
        while (!host.waiting.empty()) complete(*host.waiting.front(), CURLE_OK, Abort::cancelled);
}

}  // namespace oracxfs::http
