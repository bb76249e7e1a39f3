#include "providers/sftp/sftp_verify.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/log.h"
#include "providers/sftp/sftp_home.h"

namespace oracxfs::sftp {
namespace {

constexpr Millis kProbeTime{10'000};
// A server that was too busy for the probe is asked again after this.
constexpr Millis kProbePause{600'000};
constexpr std::uint64_t kReadWindowBytes = 4u << 20;
// While the server hashes, nothing else is heard of it.
constexpr Millis kPingPause{5'000};
// How long a login shell may take to start, and the slowest disk that is waited for.
constexpr Millis kShellTime{20'000};
constexpr std::uint64_t kSlowestBytesPerMs = 10'000;

// Reads a name (octal escapes, so any byte may be in it) and then counts of bytes, one a line; each time so many more
// bytes of the file go into one hash. `head` takes exactly what it is told, so the descriptor's position is the state.
// openssl, where it proves that it can, takes a fifth of sha256sum's time: it knows the processor's instructions for it.
// No single quote and no exclamation mark in it: the account's login shell, whatever it is, passes it on to sh.
constexpr const char* kScript =
    "exec /bin/sh -c 'IFS= read -r n || exit 1; p=$(printf \"%b.\" \"$n\"); exec 3<\"${p%.}\" || exit 1; h=sha256sum; "
    "case $(openssl dgst -sha256 -r </dev/null 2>/dev/null) in "
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855*) h=\"openssl dgst -sha256 -r\";; esac; "
    "while read -r c; do head -c \"$c\" <&3 || exit 1; done | $h; echo end'";

std::string escaped(std::string_view path) {
    std::string out;
    for (const char c : path) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' ||
                           c == '.' || c == '_' || c == '-';
        if (plain) {
            out += c;
            continue;
        }
        std::array<char, 8> digits{};
        std::snprintf(digits.data(), digits.size(), "\\0%03o", static_cast<unsigned>(static_cast<unsigned char>(c)));
        out += digits.data();
    }
    return out;
}

// The probe itself, on a connection of its own: some servers close the whole connection when a command is refused.
Result<bool> server_hashes(SftpHome& home, const OpContext& ctx) {
    OpContext limited = ctx;
    limited.deadline = std::min(ctx.deadline.value_or(SteadyTime::max()), home.clock.steady() + kProbeTime);
    const Waiter waiter(limited, home.clock);
    ORACX_TRY(const auto channel, home.pool.open_private(waiter));
    const std::string path = home.path(".oracxfs-probe-" + random_hex(8));
    const std::string content = random_hex(64);
    ORACX_TRY(const Answer opened, channel->ask(waiter, [&](Handler handler) {
        channel->open_file(path, kOpenRead | kOpenWrite | kOpenCreate | kOpenExclusive, std::move(handler));
    }));
    if (!opened.ok()) return fail(error_of(opened, "write the probe file"));
    const auto bytes = std::as_bytes(std::span(content));
    std::optional<Answer> refused;
    channel->write(opened.handle, 0, bytes, [&](Answer& answer) {
        if (!answer.ok()) refused = answer;
    });
    channel->close(opened.handle);
    Status pumped = channel->finish(waiter);
    channel->detach_handlers();
    std::optional<Sha256> hash;
    if (pumped && !refused) {
        RemoteHasher hasher(*channel, path);
        hasher.extend(content.size());
        hasher.finish(waiter.now());
        while (pumped && !hasher.failed(waiter.now()) && !hasher.result()) pumped = channel->drive(waiter);
        hash = hasher.result();
    }
    // The connection may be gone by now: another one removes the file.
    const Waiter cleaner(ctx, home.clock);
    if (auto lease = home.pool.take(cleaner))
        (void)lease->channel().ask(cleaner, [&](Handler handler) { lease->channel().remove(path, std::move(handler)); });
    if (refused) return fail(error_of(*refused, "write the probe file"));
    if (!pumped && pumped.error().code == Errc::deadline) return fail(pumped.error());  // slow is not unable
    return hash == sha256_of(bytes);
}

}  // namespace

ServerHash::State ServerHash::state() const {
    const std::lock_guard lock(mutex_);
    return state_;
}

void ServerHash::set(State state) {
    const std::lock_guard lock(mutex_);
    state_ = state;
}

bool ServerHash::begin_probing(SteadyTime now) {
    const std::lock_guard lock(mutex_);
    if (state_ != State::unknown || now < not_before_) return false;
    state_ = State::probing;
    return true;
}

void ServerHash::put_off(SteadyTime until) {
    const std::lock_guard lock(mutex_);
    state_ = State::unknown;
    not_before_ = until;
}

void find_out_server_hash(SftpHome& home) {
    if (home.config.verify != VerifyMode::automatic || !home.hash.begin_probing(home.clock.steady())) return;
    home.pool.run_later([&home](const OpContext& ctx) {
        const auto works = server_hashes(home, ctx);
        const bool yes = works && *works;
        // No connection says nothing about the server's abilities: asked again by the next upload.
        if (!works && works.error().code == Errc::unavailable) return home.hash.set(ServerHash::State::unknown);
        if (!works && works.error().code == Errc::deadline) return home.hash.put_off(home.clock.steady() + kProbePause);
        home.hash.set(yes ? ServerHash::State::works : ServerHash::State::absent);
        log::debug("sftp", home.config.name + (yes ? ": the server hashes files itself" : ": files are read back to verify them"));
    });
}

Status require_server_hash(SftpHome& home, const OpContext& ctx) {
    if (home.hash.state() == ServerHash::State::works) return {};
    ORACX_TRY(const bool works, server_hashes(home, ctx));
    ORACX_TRYV(Waiter(ctx, home.clock).check());  // interrupted is no answer
    home.hash.set(works ? ServerHash::State::works : ServerHash::State::absent);
    if (works) return {};
    return fail(Errc::config, "let the server hash a file",
                "\"verify\" is \"hash\", but this account has no shell with sha256sum; use \"auto\" or \"readback\"");
}

Status server_hash_failed(SftpHome& home) {
    home.hash.set(ServerHash::State::unknown);
    return fail(Errc::unavailable, "verify", "the server's sha256sum gave no answer");
}

RemoteHasher::RemoteHasher(SftpChannel& channel, const std::string& path)
    : channel_(channel), exec_(channel.start_exec(kScript)) {
    exec_.send(escaped(path) + "\n");
}

RemoteHasher::~RemoteHasher() { channel_.stop_exec(); }

void RemoteHasher::extend(std::uint64_t end) {
    if (end <= told_) return;
    exec_.send(std::to_string(end - told_) + "\n");
    told_ = end;
}

void RemoteHasher::finish(SteadyTime now) {
    if (patience_) return;
    patience_ = now + kShellTime + Millis(told_ / kSlowestBytesPerMs);
    exec_.send_eof();
}

std::optional<Sha256> RemoteHasher::result() const {
    // "<64 hex digits>  -\nend\n" or "<64 hex digits> *stdin\nend\n"
    const std::string& output = exec_.output();
    const std::size_t line = output.find('\n');
    if (line == std::string::npos || line < 65 || output[64] != ' ') return std::nullopt;
    if (!patience_ || output.compare(line + 1, std::string::npos, "end\n") != 0) return std::nullopt;
    return sha256_from_hex(std::string_view(output).substr(0, 64));
}

bool RemoteHasher::failed(SteadyTime now) const {
    return (exec_.finished() || (patience_ && now > *patience_)) && !result();
}

OrderedReader::OrderedReader(SftpChannel& channel, std::string handle, std::uint64_t offset, Sink sink)
    : channel_(channel), handle_(std::move(handle)), sink_(std::move(sink)), next_(offset), delivered_(offset) {}

void OrderedReader::request(std::uint64_t end, std::uint64_t window_bytes) {
    const std::uint32_t piece = channel_.abilities().read_bytes;
    while (!stopped_ && next_ < end && outstanding_bytes_ < window_bytes) {
        const auto length = static_cast<std::uint32_t>(std::min<std::uint64_t>(piece, end - next_));
        slots_.push_back({next_, length, false, {}});
        outstanding_bytes_ += length;
        Slot& slot = slots_.back();
        channel_.read(handle_, slot.offset, length, [this, &slot](Answer& answer) { answered(slot, answer); });
        next_ += length;
    }
}

void OrderedReader::answered(Slot& slot, Answer& answer) {
    if (stopped_) return;
    if (!answer.ok()) {
        outstanding_bytes_ -= slot.length;
        if (answer.code != Fx::eof) {
            failure_ = answer;
            stopped_ = true;
            return;
        }
        slot.answered = true;
        slot.length = 0;  // the end of the file, once everything before it has been delivered
        deliver_ready();
        return;
    }
    const std::size_t got = std::min<std::size_t>(answer.data.size(), slot.length);
    outstanding_bytes_ -= got;
    const std::uint64_t rest_offset = slot.offset + got;
    const auto rest = static_cast<std::uint32_t>(slot.length - got);
    if (got == 0) {
        outstanding_bytes_ -= rest;
        slot.answered = true;
        slot.length = 0;
    } else {
        slot.answered = true;
        slot.length = static_cast<std::uint32_t>(got);
        if (rest > 0) {
            // A short answer: ask for the remainder, in its place of the order.
            const auto place = std::find_if(slots_.begin(), slots_.end(), [&](const Slot& s) { return &s == &slot; });
            Slot& remainder = *slots_.insert(std::next(place), Slot{rest_offset, rest, false, {}});
            channel_.read(handle_, rest_offset, rest, [this, &remainder](Answer& next) { answered(remainder, next); });
        }
        if (&slot == &slots_.front()) {
            deliver(answer.data.first(got));
            slots_.pop_front();
        } else {
            slot.data.assign(answer.data.begin(), answer.data.begin() + static_cast<std::ptrdiff_t>(got));
        }
    }
    deliver_ready();
}

void OrderedReader::deliver_ready() {
    while (!stopped_ && !slots_.empty() && slots_.front().answered) {
        if (slots_.front().length == 0) {
            eof_ = stopped_ = true;
            return;
        }
        deliver(slots_.front().data);
        slots_.pop_front();
    }
}

void OrderedReader::deliver(std::span<const std::byte> data) {
    delivered_ += data.size();
    if (!sink_(data)) stopped_ = true;
}

Result<std::optional<Sha256>> hash_stored(SftpHome& home, SftpChannel& channel, const Waiter& waiter,
                                          const std::string& path, std::uint64_t size, bool by_server, Answer& why) {
    if (by_server) {
        RemoteHasher hasher(channel, path);
        hasher.extend(size);
        hasher.finish(waiter.now());
        SteadyTime next_ping = waiter.now() + kPingPause;
        while (!hasher.failed(waiter.now()) && !hasher.result()) {
            if (waiter.now() >= next_ping) {
                channel.ping();
                next_ping = waiter.now() + kPingPause;
            }
            ORACX_TRYV(channel.drive(waiter));
        }
        if (hasher.result()) return hasher.result();
        if (home.config.verify == VerifyMode::hash) return fail(server_hash_failed(home).error());
        log::debug("sftp", home.config.name + ": the server's hash failed, reading back");
    }
    ORACX_TRY(const Answer opened, channel.ask(waiter, [&](Handler handler) {
        channel.open_file(path, kOpenRead, std::move(handler));
    }));
    if (!opened.ok()) {
        why = opened;
        return std::optional<Sha256>();
    }
    Sha256Hasher hasher;
    OrderedReader reader(channel, opened.handle, 0, [&](std::span<const std::byte> data) {
        hasher.update(data);
        return true;
    });
    // One byte more than expected is asked for: a longer file must not pass for this one.
    while (!reader.stopped()) {
        reader.request(size + 1, kReadWindowBytes);
        if (reader.idle()) break;
        ORACX_TRYV(channel.drive(waiter));
    }
    channel.detach_handlers();
    channel.close(opened.handle);
    if (reader.failure()) {
        why = *reader.failure();
        return std::optional<Sha256>();
    }
    return std::optional<Sha256>(hasher.finish());
}

}  // namespace oracxfs::sftp
