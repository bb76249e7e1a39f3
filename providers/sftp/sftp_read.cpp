#include <algorithm>

#include "providers/sftp/sftp_provider_impl.h"

namespace oracxfs {

using sftp::Answer;
using sftp::Fx;
using sftp::Handler;
using sftp::OrderedReader;
using sftp::ReadHandle;
using sftp::SftpCall;
using sftp::SftpChannel;
using sftp::SftpPool;

namespace {

constexpr std::size_t kHandlesMax = 8;
// Outstanding READs: enough for 100 MiB/s at 80 ms. Starts small, so that a reader who wants little costs little.
constexpr std::uint64_t kWindowBytesMax = 8u << 20;
constexpr std::uint64_t kWindowBytesStart = 1u << 20;

ReadHandle* find_handle(sftp::PooledConnection& connection, const RemoteObject& object) {
    auto& handles = connection.read_handles;
    const auto found = std::find_if(handles.begin(), handles.end(), [&](const ReadHandle& open) {
        return open.key == object.key && (object.rev.empty() || open.rev == object.rev);
    });
    return found == handles.end() ? nullptr : &*found;
}

// Opens the file and compares its rev. The handle stays with the connection, so the next read needs one round trip.
Result<std::string> open_for_reading(SftpCall& call, SftpPool::Lease& lease, const RemoteObject& object) {
    SftpChannel& channel = call.channel();
    auto& handles = lease.connection().read_handles;
    if (ReadHandle* open = find_handle(lease.connection(), object)) {
        open->used = call.waiter().now();
        return open->handle;
    }
    std::optional<Answer> status;
    channel.lstat(call.home().path(object.key), [&](Answer& answer) { status = answer; });
    ORACX_TRY(const Answer opened, call.ask([&](Handler handler) {
        channel.open_file(call.home().path(object.key), sftp::kOpenRead, std::move(handler));
    }));
    while (!status) ORACX_TRYV(channel.drive(call.waiter()));
    const auto refuse = [&](Error error) {
        if (opened.ok()) channel.close(opened.handle);
        return fail(std::move(error));
    };
    if (!status->ok()) return refuse(error_of(*status, "look at it", object.key));
    if (status->attrs.is_directory()) return refuse(Error(Errc::is_directory, "open"));
    if (!status->attrs.is_regular()) return refuse(Error(Errc::not_found, "open", "it is not a plain file"));
    if (!opened.ok()) return refuse(error_of(opened, "open", object.key));
    const std::string rev = rev_of(status->attrs);
    if (!object.rev.empty() && rev != object.rev)
        return refuse(Error(Errc::changed, "open", "found " + rev + ", expected " + object.rev));
    if (handles.size() >= kHandlesMax) {
        const auto oldest = std::min_element(handles.begin(), handles.end(),
                                             [](const auto& a, const auto& b) { return a.used < b.used; });
        channel.close(oldest->handle);
        handles.erase(oldest);
    }
    handles.push_back({object.key, rev, opened.handle, call.waiter().now()});
    return opened.handle;
}

}  // namespace

Status SftpProvider::read(const OpContext& ctx, const RemoteObject& object, std::uint64_t offset, std::uint64_t length,
                          const ByteSink& sink) {
    ORACX_TRYV(check_key(object.key));
    std::uint64_t delivered = 0;  // survives a second attempt: the sink never gets a byte twice
    const std::uint64_t end = length > UINT64_MAX - offset ? UINT64_MAX : offset + length;
    return call<void>(ctx, "read", object.key, [&](SftpCall& call, SftpPool::Lease& lease) -> Status {
        SftpChannel& channel = call.channel();
        ORACX_TRY(const std::string handle, open_for_reading(call, lease, object));
        if (offset + delivered >= end) return {};
        OrderedReader reader(channel, handle, offset + delivered, [&](std::span<const std::byte> data) {
            delivered += data.size();
            return sink(data);
        });
        // Known sizes are not read beyond: that would only cost empty answers.
        const std::uint64_t until = object.rev.empty() ? end : std::min(end, object.size);
        std::uint64_t window = kWindowBytesStart;
        Status driven;
        while (!reader.stopped() && driven) {
            reader.request(until, window);
            if (reader.idle()) break;
            driven = channel.drive(call.waiter());
            window = std::min(kWindowBytesMax, std::max(window, 2 * (reader.delivered() - offset)));
        }
        channel.detach_handlers();
        ORACX_TRYV(std::move(driven));
        if (!reader.failure()) return {};
        // The next attempt opens it anew.
        std::erase_if(lease.connection().read_handles, [&](const ReadHandle& open) { return open.handle == handle; });
        channel.close(handle);
        return fail(error_of(*reader.failure(), "read", object.key));
    });
}

Status SftpProvider::verify(const OpContext& ctx, const RemoteObject& object, const ContentDigests& expected) {
    ORACX_TRYV(check_key(object.key));
    find_out_server_hash(home_);
    ORACX_TRYV(require_hash(ctx));
    return call<void>(ctx, "verify", object.key, [&](SftpCall& call, SftpPool::Lease&) -> Status {
        ORACX_TRY(const auto found, call.find(object.key));
        if (!found) return fail(Errc::not_found, "look at it", "it is not there");
        if (found->is_directory()) return fail(Errc::is_directory, "look at it");
        const std::uint64_t size = found->size.value_or(0);
        if (size != expected.size)
            return fail(Errc::corrupt, "compare",
                        "it has " + std::to_string(size) + " bytes instead of " + std::to_string(expected.size));
        const bool by_server = home_.hash.state() == sftp::ServerHash::State::works;
        const std::string path = home_.path(object.key);
        for (const bool server : {by_server, false}) {
            Answer why;
            ORACX_TRY(const auto hash,
                      hash_stored(home_, call.channel(), call.waiter(), path, size, server, why));
            if (!hash) return fail(error_of(why, "read back", object.key));
            if (*hash == expected.sha256) return {};
            // Before a copy is condemned on a shell's word, its bytes are looked at.
            if (!server) break;
        }
        return fail(Errc::corrupt, "compare", "the stored bytes have another SHA-256");
    });
}

}  // namespace oracxfs
