#include "providers/sftp/sftp_provider.h"

#include "base/log.h"
#include "providers/sftp/sftp_provider_impl.h"
#include "providers/sftp/sftp_publish.h"

namespace oracxfs {

using sftp::Answer;
using sftp::Attrs;
using sftp::Fx;
using sftp::Handler;
using sftp::SftpCall;
using sftp::SftpChannel;
using sftp::SftpPool;

namespace {

constexpr std::uint64_t kSmallBytes = 1u << 20;

Capabilities describe_capabilities(const sftp::SftpConfig& config) {
    Capabilities out;
    out.resumable = true;
    out.verifies_in_put = true;
    out.reads_back = config.verify == sftp::VerifyMode::readback;
    out.sets_mtime = true;
    out.parallel_max = config.connections;
    out.batch_max = 512;
    out.small_bytes = kSmallBytes;
    return out;
}

}  // namespace

SftpProvider::SftpProvider(sftp::SftpConfig config, Clock& clock)
    : capabilities_(describe_capabilities(config)), home_(std::move(config), clock) {}

Status SftpProvider::require_hash(const OpContext& ctx) {
    if (home_.config.verify != sftp::VerifyMode::hash || home_.hash.state() == sftp::ServerHash::State::works) return {};
    ORACX_TRYV(probe(ctx));
    return {};
}

Result<Space> SftpProvider::probe(const OpContext& ctx) {
    auto found = call<Space>(ctx, "probe", {}, [&](SftpCall& call, SftpPool::Lease&) -> Result<Space> {
        SftpChannel& channel = call.channel();
        ORACX_TRYV(home_.ensure_root(channel, call.waiter()));
        find_out_server_hash(home_);
        Space space;
        if (!channel.abilities().statvfs) return space;
        ORACX_TRY(const Answer answer,
                  call.ask([&](Handler handler) { channel.statvfs(home_.path({}), std::move(handler)); }));
        if (!answer.ok()) return space;  // space unknown is no fault
        ORACX_TRY(const sftp::StatVfs numbers, sftp::decode_statvfs(answer.extended));
        space.total_bytes = numbers.total();
        space.free_bytes = numbers.available();
        return space;
    });
    if (!found || home_.config.verify != sftp::VerifyMode::hash) return found;
    if (Status hashes = require_server_hash(home_, ctx); !hashes)
        return fail(std::move(hashes).error().at("probe").with_provider(home_.config.name));
    return found;
}

Result<RemoteObject> SftpProvider::stat(const OpContext& ctx, const ObjectKey& key) {
    ORACX_TRYV(check_key(key));
    return call<RemoteObject>(ctx, "stat", key, [&](SftpCall& call, SftpPool::Lease&) -> Result<RemoteObject> {
        ORACX_TRY(const auto found, call.find(key));
        if (!found) return fail(Errc::not_found, "look at it", "it is not there");
        return object_of(key, *found);
    });
}

Status SftpProvider::discard_upload(const OpContext& ctx, const ObjectKey& key, const std::string& upload_id,
                                    const std::string&) {
    return call<void>(ctx, "discard upload", key, [&](SftpCall& call, SftpPool::Lease&) -> Status {
        ORACX_TRY(const Answer answer, call.ask([&](Handler handler) {
            call.channel().remove(home_.part_path(upload_id), std::move(handler));
        }));
        if (answer.ok() || answer.absent()) return {};
        return fail(error_of(answer, "remove the leftover"));
    });
}

Status SftpProvider::remove(const OpContext& ctx, const RemoteObject& object, RemoveMode mode) {
    const ObjectKey& key = object.key;
    ORACX_TRYV(check_key(key));
    if (key.empty()) return fail(Errc::invalid, "remove", "the provider's folder itself");
    return call<void>(ctx, "remove", key, [&](SftpCall& call, SftpPool::Lease&) -> Status {
        ORACX_TRY(const auto found, call.find(key));
        if (!found) return {};
        const RemoteObject now = object_of(key, *found);
        if (!object.rev.empty() && now.rev != object.rev)
            return fail(Errc::changed, "compare", "found " + now.rev + ", expected " + object.rev);
        home_.pool.forget_handles(key);
        home_.directories.forget(key);
        if (mode == RemoveMode::trash) {
            ORACX_TRYV(call.move_to_trash(key));
            return {};
        }
        if (now.is_directory) return fail(Errc::is_directory, "remove");
        ORACX_TRY(const Answer answer,
                  call.change([&](Handler handler) { call.channel().remove(home_.path(key), std::move(handler)); }));
        if (answer.ok() || answer.absent()) return {};
        return fail(error_of(answer, "remove", key));
    });
}

Result<RemoteObject> SftpProvider::rename(const OpContext& ctx, const RemoteObject& object, const ObjectKey& to,
                                          const std::optional<RemoteObject>& replaces) {
    ORACX_TRYV(check_key(object.key));
    ORACX_TRYV(check_key(to));
    if (object.key.empty() || to.empty()) return fail(Errc::invalid, "rename", "the provider's folder itself");
    return call<RemoteObject>(ctx, "rename", object.key, [&](SftpCall& call, SftpPool::Lease&) -> Result<RemoteObject> {
        SftpChannel& channel = call.channel();
        std::optional<Answer> target;
        channel.lstat(home_.path(to), [&](Answer& answer) { target = answer; });
        ORACX_TRY(const auto found, call.find(object.key));
        if (!found) return fail(Errc::not_found, "look at it", "it is not there");
        while (!target) ORACX_TRYV(channel.drive(call.waiter()));
        if (!object.rev.empty() && rev_of(*found) != object.rev && !found->is_directory())
            return fail(Errc::changed, "compare", "found " + rev_of(*found) + ", expected " + object.rev);
        if (object.key == to) return object_of(to, *found);
        home_.pool.forget_handles(object.key);
        home_.pool.forget_handles(to);
        home_.directories.forget(object.key);
        return sftp::publish(call, {.from = home_.path(object.key),
                                    .key = to,
                                    .replaces = replaces,
                                    .keep_replaced = true,
                                    .close_handle = {},
                                    .attrs = *found},
                             *target);
    });
}

Result<RemoteObject> SftpProvider::make_directory(const OpContext& ctx, const ObjectKey& key) {
    ORACX_TRYV(check_key(key));
    return call<RemoteObject>(ctx, "make folder", key, [&](SftpCall& call, SftpPool::Lease&) -> Result<RemoteObject> {
        SftpChannel& channel = call.channel();
        home_.directories.forget(key);  // the truth is asked for
        std::optional<Answer> made;
        if (!key.empty()) {
            home_.request_directories(channel, ObjectKey(parent_key(key)));
            channel.make_directory(home_.path(key), [&](Answer& answer) { made = answer; });
        }
        ORACX_TRY(Answer found, call.ask([&](Handler handler) { channel.lstat(home_.path(key), std::move(handler)); }));
        if (found.absent() && !key.empty() && home_.directories.contains(parent_key(key))) {
            // A parent that was known has gone in the meantime.
            home_.directories.forget({});
            home_.request_directories(channel, key);
            ORACX_TRY(found, call.ask([&](Handler handler) { channel.lstat(home_.path(key), std::move(handler)); }));
        }
        if (found.ok() && found.attrs.is_directory()) {
            home_.directories.add(key);
            return object_of(key, found.attrs);
        }
        if (found.ok()) return fail(Errc::exists, "look at it", "something else has this name");
        return fail(error_of(made && !made->ok() && made->code != Fx::failure ? *made : found, "create", key));
    });
}

Status SftpProvider::remove_directory(const OpContext& ctx, const ObjectKey& key) {
    ORACX_TRYV(check_key(key));
    if (key.empty()) return fail(Errc::invalid, "remove folder", "the provider's folder itself");
    return call<void>(ctx, "remove folder", key, [&](SftpCall& call, SftpPool::Lease&) -> Status {
        home_.directories.forget(key);
        home_.pool.forget_handles(key);
        ORACX_TRY(const Answer answer, call.change([&](Handler handler) {
            call.channel().remove_directory(home_.path(key), std::move(handler));
        }));
        if (answer.ok()) return {};
        ORACX_TRY(const Answer found,
                  call.ask([&](Handler handler) { call.channel().lstat(home_.path(key), std::move(handler)); }));
        if (found.absent()) return {};
        if (found.ok() && !found.attrs.is_directory()) return fail(Errc::not_directory, "remove");
        // FX_FAILURE is what servers of version 3 say of a folder with something in it.
        if (answer.code == Fx::failure || answer.code == Fx::dir_not_empty)
            return fail(Errc::not_empty, "remove", describe(answer));
        return fail(error_of(answer, "remove", key));
    });
}

Result<std::unique_ptr<Provider>> make_sftp_provider(const ProviderConfig& config) {
    auto settings = sftp::read_config(config);
    if (!settings) return fail(std::move(settings).error().with_provider(config.name));
    static SystemClock system_clock;
    Clock& clock = config.clock != nullptr ? *config.clock : system_clock;
    return std::unique_ptr<Provider>(std::make_unique<SftpProvider>(std::move(*settings), clock));
}

}  // namespace oracxfs
