#include "providers/ftp/ftp_provider.h"

#include "base/log.h"
#include "providers/ftp/ftp_provider_impl.h"
#include "providers/ftp/ftp_publish.h"
#include "providers/ftp/ftp_upload.h"
#include "providers/ftp/ftp_verify.h"

namespace oracxfs {

using ftp::CallWait;
using ftp::FtpCall;
using ftp::Reply;

namespace {

// What remains behind a range is read to its end rather than cut off: a new connection costs more.
constexpr std::uint64_t kReadOnBytes = 1u << 20;

Capabilities describe_capabilities(const ftp::FtpConfig& config) {
    Capabilities out;
    out.resumable = true;
    out.verifies_in_put = true;
    out.sets_mtime = true;  // where the server can
    out.reads_on = true;
    out.parallel_max = config.connections;
    return out;
}

Result<ftp::ListEntry> find_file(FtpCall& call, const RemoteObject& object) {
    ORACX_TRY(auto found, call.find(object.key));
    if (!found) return fail(Errc::not_found, "look at it", "it is not there");
    if (found->is_directory()) return fail(Errc::is_directory, "look at it");
    return std::move(*found);
}

}  // namespace

FtpProvider::FtpProvider(ftp::FtpConfig config, Clock& clock)
    : capabilities_(describe_capabilities(config)), home_(std::move(config), clock) {}

tl::unexpected<Error> FtpProvider::named(Error error, const std::string& what, const ObjectKey& key) const {
    return fail(std::move(error).at(what).with_provider(home_.config.name()).with_path(key));
}

Result<Space> FtpProvider::probe(const OpContext& ctx) {
    const CallWait wait(ctx, home_.clock);
    return call<Space>(wait, "probe", {}, [&](FtpCall& call) -> Result<Space> {
        ORACX_TRYV(home_.ensure_root(call.connection(), wait));
        Space space;
        if (!call.connection().features().available_space) return space;
        ORACX_TRY(const Reply reply, call.ask("AVBL " + home_.path({})));
        space.free_bytes = ftp::parse_number(reply);
        return space;
    });
}

Result<PutResult> FtpProvider::put(const OpContext& ctx, const ObjectKey& key, BlobReader& content, const PutOptions& options) {
    if (key.empty()) return fail(Errc::invalid, "put", "the provider's folder itself");
    if (const Status usable = ftp::check_names(key); !usable) return named(usable.error(), "put", key);
    const CallWait wait(ctx, home_.clock);
    ORACX_TRYV(wait.check());
    auto result = ftp::Upload(home_, wait, key, content, options).run();
    if (!result) return named(std::move(result).error(), "put", key);
    return result;
}

Status FtpProvider::discard_upload(const OpContext& ctx, const ObjectKey& key, const std::string& upload_id, const std::string&) {
    const CallWait wait(ctx, home_.clock);
    return call<void>(wait, "discard upload", key, [&](FtpCall& call) -> Status {
        const std::string part = home_.part_path(upload_id);
        ORACX_TRY(const Reply removed, call.ask("DELE " + part));
        if (removed.ok()) return {};
        ORACX_TRY(const auto found, call.find_path(part));
        if (!found) return {};
        return fail(error_of(removed, "remove the leftover"));
    });
}

Result<RemoteObject> FtpProvider::stat(const OpContext& ctx, const ObjectKey& key) {
    ORACX_TRYV(check_key(key));
    const CallWait wait(ctx, home_.clock);
    ORACX_TRYV(wait.check());
    if (!ftp::check_names(key)) return named(Error(Errc::not_found, "no such name can be there"), "stat", key);
    return call<RemoteObject>(wait, "stat", key, [&](FtpCall& call) -> Result<RemoteObject> {
        ORACX_TRY(const auto found, call.find(key));
        if (!found) return fail(Errc::not_found, "look at it", "it is not there");
        return ftp::object_of(key, *found);
    });
}

Status FtpProvider::read(const OpContext& ctx, const RemoteObject& object, std::uint64_t offset, std::uint64_t length,
                         const ByteSink& sink) {
    if (const Status usable = ftp::check_names(object.key); !usable) return named(usable.error(), "read", object.key);
    const CallWait wait(ctx, home_.clock);
    ORACX_TRYV(wait.check());
    std::uint64_t at = offset;  // survives a second attempt: the sink never gets a byte twice
    bool enough = false;
    ftp::FtpPool::Transfer transfer{object.key, object.rev};
    const auto end = [&] { return offset + std::min(length, transfer.size - std::min(offset, transfer.size)); };
    const auto done = [&] { return enough || at >= end(); };
    const auto range = [&](std::uint64_t skip) {
        return ftp::FtpConnection::Range{skip, end() - at, transfer.size - end() <= kReadOnBytes};
    };
    const ByteSink take = [&](std::span<const std::byte> data) {
        at += data.size();
        enough = !sink(data);
        return !enough;
    };
    const auto too_short = [&] {
        return Error(Errc::unavailable, "read", "the server ended after " + std::to_string(at) + " of " + std::to_string(transfer.size) + " bytes");
    };
    if (auto held = home_.pool.take_transfer(object.key, object.rev, offset)) {
        transfer.size = held->transfer.size;
        const std::uint64_t skip = at - held->transfer.position;
        transfer.position = held->transfer.position;
        Status read_on;
        if (!done()) {
            read_on = held->lease.connection().go_on(wait, range(skip), take);
            transfer.position = at;
        }
        if (held->lease.connection().holds_transfer()) home_.pool.hold(std::move(held->lease), transfer);
        if (!read_on && read_on.error().code != Errc::unavailable) return named(read_on.error(), "read", object.key);
        if (read_on && done()) return {};
        // It broke off: what is missing is asked for anew.
    }
    return call<void>(wait, "read", object.key, [&](FtpCall& call) -> Status {
        ORACX_TRY(const ftp::ListEntry found, find_file(call, object));
        const std::string rev = ftp::rev_of(found);
        if (!object.rev.empty() && rev != object.rev)
            return fail(Errc::changed, "compare", "found " + rev + ", expected " + object.rev);
        transfer.size = found.size;
        if (done()) return {};
        const std::uint64_t from = at;
        ORACX_TRYV(call.connection().download(wait, home_.path(object.key), {from, range(0).length, range(0).to_the_end}, take));
        transfer.position = at;
        call.hold(transfer);
        return done() ? Status() : Status(fail(too_short()));
    });
}

Status FtpProvider::verify(const OpContext& ctx, const RemoteObject& object, const ContentDigests& expected) {
    if (const Status usable = ftp::check_names(object.key); !usable) return named(usable.error(), "verify", object.key);
    const CallWait wait(ctx, home_.clock);
    return call<void>(wait, "verify", object.key, [&](FtpCall& call) -> Status {
        ORACX_TRY(const ftp::ListEntry found, find_file(call, object));
        if (found.size != expected.size)
            return fail(Errc::corrupt, "compare",
                        "it has " + std::to_string(found.size) + " bytes instead of " + std::to_string(expected.size));
        return ftp::verify_stored(call, home_.path(object.key), expected);
    });
}

Status FtpProvider::remove(const OpContext& ctx, const RemoteObject& object, RemoveMode mode) {
    const ObjectKey& key = object.key;
    ORACX_TRYV(check_key(key));
    if (key.empty()) return fail(Errc::invalid, "remove", "the provider's folder itself");
    const CallWait wait(ctx, home_.clock);
    ORACX_TRYV(wait.check());
    if (!ftp::check_names(key)) return {};  // no such name can be there
    ORACX_TRY(const auto lock, home_.locks.lock(wait, {key}));
    return call<void>(wait, "remove", key, [&](FtpCall& call) -> Status {
        ORACX_TRY(const auto found, call.find(key));
        if (!found) return {};
        const RemoteObject now = ftp::object_of(key, *found);
        if (!object.rev.empty() && now.rev != object.rev)
            return fail(Errc::changed, "compare", "found " + now.rev + ", expected " + object.rev);
        home_.directories.forget(key);
        if (mode == RemoveMode::trash) {
            ORACX_TRYV(call.move_to_trash(key));
            return {};
        }
        if (now.is_directory) return fail(Errc::is_directory, "remove");
        ORACX_TRY(const Reply removed, call.change("DELE " + home_.path(key)));
        if (removed.ok()) return {};
        ORACX_TRY(const auto still_there, call.find(key));
        if (!still_there) return {};
        return fail(error_of(removed, "remove"));
    });
}

Result<RemoteObject> FtpProvider::rename(const OpContext& ctx, const RemoteObject& object, const ObjectKey& to,
                                         const std::optional<RemoteObject>& replaces) {
    ORACX_TRYV(check_key(object.key));
    if (object.key.empty() || to.empty()) return fail(Errc::invalid, "rename", "the provider's folder itself");
    if (const Status usable = ftp::check_names(to); !usable) return named(usable.error(), "rename", to);
    const CallWait wait(ctx, home_.clock);
    ORACX_TRYV(wait.check());
    if (!ftp::check_names(object.key)) return named(Error(Errc::not_found, "no such name can be there"), "rename", object.key);
    if (to.starts_with(object.key + "/")) return named(Error(Errc::invalid, "a folder cannot move into itself"), "rename", object.key);
    ORACX_TRY(const auto lock, home_.locks.lock(wait, {object.key, to}));
    return call<RemoteObject>(wait, "rename", object.key, [&](FtpCall& call) -> Result<RemoteObject> {
        ORACX_TRY(const auto found, call.find(object.key));
        if (!found) return fail(Errc::not_found, "look at it", "it is not there");
        if (!object.rev.empty() && found->is_file() && ftp::rev_of(*found) != object.rev)
            return fail(Errc::changed, "compare", "found " + ftp::rev_of(*found) + ", expected " + object.rev);
        if (object.key == to) return ftp::object_of(to, *found);
        home_.directories.forget(object.key);
        return ftp::publish(call, {home_.path(object.key), to, replaces, true, *found});
    });
}

Result<RemoteObject> FtpProvider::make_directory(const OpContext& ctx, const ObjectKey& key) {
    if (const Status usable = ftp::check_names(key); !usable) return named(usable.error(), "make folder", key);
    const CallWait wait(ctx, home_.clock);
    return call<RemoteObject>(wait, "make folder", key, [&](FtpCall& call) -> Result<RemoteObject> {
        home_.directories.forget(key);  // the truth is asked for
        Status made = call.make_directories(key);
        if (!made && made.error().code != Errc::not_directory) return fail(std::move(made).error());
        ORACX_TRY(const auto found, call.find(key));
        if (found && !found->is_directory()) return fail(Errc::exists, "look at it", "something else has this name");
        ORACX_TRYV(std::move(made));
        if (!found) return fail(Errc::name_refused, "make folder", "the server made it under another name, or not at all");
        return ftp::object_of(key, *found);
    });
}

Status FtpProvider::remove_directory(const OpContext& ctx, const ObjectKey& key) {
    ORACX_TRYV(check_key(key));
    if (key.empty()) return fail(Errc::invalid, "remove folder", "the provider's folder itself");
    const CallWait wait(ctx, home_.clock);
    ORACX_TRYV(wait.check());
    if (!ftp::check_names(key)) return {};  // no such name can be there
    return call<void>(wait, "remove folder", key, [&](FtpCall& call) -> Status {
        home_.directories.forget(key);
        ORACX_TRY(const Reply removed, call.change("RMD " + home_.path(key)));
        if (removed.ok()) return {};
        ORACX_TRY(const auto found, call.find(key));
        if (!found) return {};
        if (!found->is_directory()) return fail(Errc::not_directory, "remove");
        // What is in it may have a name that is not listed, so "nothing" proves nothing.
        ORACX_TRY(const auto entries, call.list_folder(key));
        if (!entries) return {};
        if (!entries->empty() || removed.code == 550) return fail(Errc::not_empty, "remove", "the server says '" + removed.text() + "'");
        return fail(error_of(removed, "remove"));
    });
}

Result<std::unique_ptr<Provider>> make_ftp_provider(const ProviderConfig& config) {
    auto settings = ftp::read_config(config);
    if (!settings) return fail(std::move(settings).error().with_provider(config.name));
    static SystemClock system_clock;
    Clock& clock = config.clock != nullptr ? *config.clock : system_clock;
    return std::unique_ptr<Provider>(std::make_unique<FtpProvider>(std::move(*settings), clock));
}

}  // namespace oracxfs
