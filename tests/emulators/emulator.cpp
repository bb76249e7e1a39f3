#include "tests/emulators/emulator.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

#include "tests/support/patience.h"

namespace oracxfs::test {
namespace {

using Kind = Fault::Kind;
using Finish = HttpsResponse::Finish;

HttpsResponse no_answer(Finish finish) {
    HttpsResponse response;
    response.silent = true;
    response.finish = finish;
    response.status = 0;
    return response;
}

bool matches(std::string_view pattern, std::string_view endpoint) {
    if (!pattern.ends_with('*')) return pattern == endpoint;
    return endpoint.starts_with(pattern.substr(0, pattern.size() - 1));
}

// RFC 9110, 5.6.7.
std::string http_date(WallTime time) {
    static constexpr std::array kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr std::array kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::seconds>(time - day));
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%s, %02u %s %04d %02d:%02d:%02d GMT",
                  kDays[std::chrono::weekday(day).c_encoding()], static_cast<unsigned>(date.day()),
                  kMonths[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()),
                  static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                  static_cast<int>(clock.seconds().count()));
    return text.data();
}

}  // namespace

Emulator::Emulator(const EmulatorOptions& options, OAuthDialect dialect)
    : clock_(options.clock != nullptr ? *options.clock : system_clock_),
      faults_(options.seed),
      oauth_(std::make_unique<OAuthEmulator>(dialect, clock_, options.seed)),
      latency_ms_(options.latency.count()),
      random_(options.seed) {}

Emulator::~Emulator() = default;

void Emulator::start() {
    server_ = std::make_unique<HttpsServer>([this](HttpsRequest& request) { return serve(request); });
    oauth_->set_base_url(base_url());
}

void Emulator::stop() { server_.reset(); }

std::string Emulator::base_url() const { return server_->url(); }
std::string Emulator::ca_file() const { return server_->ca_file(); }
WallTime Emulator::now() const { return oauth_->service_time(); }

std::string Emulator::random_name(std::size_t characters) {
    static constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    const std::lock_guard lock(log_mutex_);
    std::string name;
    while (name.size() < characters) name += kAlphabet[random_() % kAlphabet.size()];
    return name;
}

std::size_t Emulator::Call::read(std::span<char> into) {
    if (http.stream == nullptr) return 0;
    if (has(Kind::reset_before)) {
        if (received >= fault->bytes) throw Cut();
        into = into.first(static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), fault->bytes - received)));
    }
    const std::size_t n = http.stream->read(into);
    received += n;
    return n;
}

std::string Emulator::Call::body(std::uint64_t bytes_max) {
    std::string text;
    std::uint64_t announced = 0;
    const std::string_view length = http.header("content-length");
    std::from_chars(length.data(), length.data() + length.size(), announced);
    text.reserve(static_cast<std::size_t>(std::min(announced, bytes_max)));
    std::vector<char> buffer(256u << 10);
    while (const std::size_t n = read(buffer)) {
        if (text.size() < bytes_max) text.append(buffer.data(), n);
    }
    return text;
}

void Emulator::Call::damage(std::span<char> content, std::uint64_t at) const {
    if (has(Kind::damage_store) && fault->bytes >= at && fault->bytes < at + content.size())
        content[static_cast<std::size_t>(fault->bytes - at)] ^= 1;
}

HttpsResponse Emulator::serve(HttpsRequest& request) {
    std::string path = request.path;
    std::string endpoint = oauth_->endpoint_of(path);
    if (endpoint.empty()) endpoint = endpoint_of(request, path);
    Call call{request, endpoint, path, faults_.next(endpoint), {}, 0};
    {
        const std::lock_guard lock(log_mutex_);
        Tally& tally = tallies_[endpoint];
        ++tally.begun;
        tally.at_work_max = std::max(tally.at_work_max, ++tally.at_work);
        logged_.notify_all();
    }
    // At work until the answer goes out, so the round trip counts.
    std::shared_ptr<void> at_work(nullptr, [this, endpoint](void*) {
        const std::lock_guard lock(log_mutex_);
        --tallies_[endpoint].at_work;
    });
    HttpsResponse response;
    // Also when the client goes away in the body.
    struct AtEnd {
        Emulator& emulator;
        Call& call;
        HttpsResponse& response;
        bool answered = false;
        ~AtEnd() {
            const std::lock_guard lock(emulator.log_mutex_);
            Tally& tally = emulator.tallies_[call.endpoint];
            tally.received += call.received;
            emulator.log_.push_back({call.endpoint, call.http.method, call.path, call.argument,
                                     answered ? response.status : 0, call.received,
                                     call.fault ? std::string(fault_name(call.fault->kind)) : std::string()});
        }
    } at_end{*this, call, response};
    try {
        response = serve_call(call);
    } catch (Refused& refused) {
        response = std::move(refused.response);
    } catch (const Cut&) {
        return response = no_answer(Finish::reset);
    }
    finish(response, call);
    at_end.answered = !response.silent;
    response.until_answer = std::shared_ptr<void>(
        nullptr, [mine = std::move(at_work), its = std::move(response.until_answer)](void*) mutable { its.reset(), mine.reset(); });
    return response;
}

HttpsResponse Emulator::serve_call(Call& call) {
    if (call.fault) {
        const Fault& fault = *call.fault;
        switch (fault.kind) {
            case Kind::hang: return no_answer(Finish::hang);
            case Kind::reset_before:
                if (fault.bytes == 0) throw Cut();
                break;
            case Kind::token_expired: {
                const std::string_view header = call.http.header("authorization");
                if (header.size() > 7) oauth_->expire(header.substr(7));
                break;
            }
            case Kind::throttle:
            case Kind::answer: {
                (void)call.body();
                HttpsResponse response = fault.kind == Kind::answer && !fault.body.empty()
                                             ? HttpsResponse::text(fault.body, fault.status, fault.content_type)
                                             : words_for(fault, call);
                response.headers.insert(response.headers.end(), fault.headers.begin(), fault.headers.end());
                if (fault.retry_after)
                    response.headers.emplace_back("Retry-After", std::to_string(fault.retry_after->count()));
                return response;
            }
            default: break;
        }
    }
    if (!oauth_->endpoint_of(call.path).empty()) return oauth_->handle(call.endpoint, call.http);
    HttpsResponse response = handle(call);
    // A connection that was to be cut in a body that is shorter.
    if (call.has(Kind::reset_before)) return no_answer(Finish::reset);
    return response;
}

void Emulator::finish(HttpsResponse& response, const Call& call) {
    response.delay += std::chrono::milliseconds(latency_ms_);
    response.headers.emplace_back("Date", http_date(oauth_->service_time()));
    if (!call.fault) return;
    const Fault& fault = *call.fault;
    switch (fault.kind) {
        case Kind::lost_answer: response = no_answer(Finish::reset); break;
        case Kind::hang_after: response = no_answer(Finish::hang); break;
        case Kind::reset_after_head:
            if (response.body.empty()) response.announced = 1;
            response.cut_after = 0;
            response.finish = Finish::reset;
            break;
        case Kind::reset_in_body:
            response.cut_after = std::min<std::uint64_t>(fault.bytes, response.body.size());
            response.finish = Finish::reset;
            break;
        case Kind::truncate:
            response.cut_after = std::min<std::uint64_t>(fault.bytes, response.body.size());
            response.finish = Finish::close;
            break;
        case Kind::shorten:
            if (fault.bytes < response.body.size()) response.body.resize(static_cast<std::size_t>(fault.bytes));
            break;
        case Kind::damage_answer:
            if (fault.bytes < response.body.size()) response.body[static_cast<std::size_t>(fault.bytes)] ^= 1;
            break;
        case Kind::slow:
            response.drip_delay = std::chrono::milliseconds(100);
            response.drip_bytes = static_cast<std::size_t>(std::max<std::uint64_t>(1, fault.bytes_per_second / 10));
            break;
        case Kind::delay: response.delay += fault.wait; break;
        default: break;
    }
}

std::vector<LoggedRequest> Emulator::log() const {
    const std::lock_guard lock(log_mutex_);
    return log_;
}

std::uint64_t Emulator::count(std::string_view endpoint) const {
    const std::lock_guard lock(log_mutex_);
    std::uint64_t sum = 0;
    for (const auto& [name, tally] : tallies_)
        if (matches(endpoint, name)) sum += tally.begun;
    return sum;
}

std::map<std::string, std::uint64_t> Emulator::counts() const {
    const std::lock_guard lock(log_mutex_);
    std::map<std::string, std::uint64_t> all;
    for (const auto& [name, tally] : tallies_)
        if (tally.begun > 0) all[name] = tally.begun;
    return all;
}

std::uint64_t Emulator::bytes_received() const { return bytes_received("*"); }

std::uint64_t Emulator::bytes_received(std::string_view endpoint) const {
    const std::lock_guard lock(log_mutex_);
    std::uint64_t sum = 0;
    for (const auto& [name, tally] : tallies_)
        if (matches(endpoint, name)) sum += tally.received;
    return sum;
}

std::uint64_t Emulator::concurrent_max(std::string_view endpoint) const {
    const std::lock_guard lock(log_mutex_);
    const auto it = tallies_.find(endpoint);
    return it == tallies_.end() ? 0 : it->second.at_work_max;
}

void Emulator::clear_log() {
    const std::lock_guard lock(log_mutex_);
    log_.clear();
    for (auto& [name, tally] : tallies_) {
        tally.begun = tally.received = 0;
        tally.at_work_max = tally.at_work;
    }
}

bool Emulator::wait_for(std::string_view endpoint, std::uint64_t count) const {
    std::unique_lock lock(log_mutex_);
    return logged_.wait_for(lock, patient(std::chrono::seconds(60)), [&] {
        std::uint64_t sum = 0;
        for (const auto& [name, tally] : tallies_)
            if (matches(endpoint, name)) sum += tally.begun;
        return sum >= count;
    });
}

}  // namespace oracxfs::test
