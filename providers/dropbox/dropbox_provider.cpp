#include "providers/dropbox/dropbox_provider.h"

#include <algorithm>

#include "base/log.h"
#include "providers/dropbox/content_hash.h"
#include "providers/dropbox/dropbox_provider_impl.h"
#include "providers/dropbox/dropbox_upload.h"

namespace oracxfs {

using dropbox::DropboxApi;
using dropbox::Metadata;
using dropbox::Reply;

namespace {

constexpr std::uint64_t kSmallBytes = 1u << 20;
constexpr std::uint64_t kObjectBytesMax = (std::uint64_t{1} << 41) - (std::uint64_t{1} << 22);
constexpr Millis kPollInterval{60'000};  // a listing costs requests; the change feed is what tells of changes

Capabilities describe_capabilities(const dropbox::DropboxConfig& config) {
    Capabilities out;
    out.resumable = true;
    out.keeps_versions = true;
    out.case_insensitive = true;
    out.verifies_in_put = true;
    out.change_feed = true;
    out.sets_mtime = true;
    out.wanted_digests.blocks = true;
    out.parallel_max = config.connections;
    out.batch_max = 200;
    out.small_bytes = kSmallBytes;
    out.max_object_bytes = kObjectBytesMax;
    out.poll_interval = kPollInterval;
    return out;
}

}  // namespace

DropboxProvider::DropboxProvider(dropbox::DropboxConfig config, Clock& clock, std::unique_ptr<DropboxApi> api)
    : capabilities_(describe_capabilities(config)), home_(std::move(config), clock, std::move(api)) {}

Result<Space> DropboxProvider::probe(const OpContext& ctx) { return named(do_probe(ctx), "probe", {}); }

Result<Space> DropboxProvider::do_probe(const OpContext& ctx) {
    // A record that tells its permissions saves finding out one by one what is missing.
    if (const auto text = home_.config.tokens.load()) {
        const auto record = http::TokenRecord::parse(*text);
        if (const std::string scope = record ? dropbox::missing_scope(record->scope) : ""; !scope.empty())
            return fail(Errc::unauthenticated, "check the permissions",
                        "the app was not given " + scope + ": tick it in the App Console (Permissions, then Submit) and sign in again");
    }
    ORACX_TRY(const Reply account, home_.api->rpc(ctx, "users/get_current_account", nullptr));
    if (!account.ok()) return fail(error_of(account, "ask for the account"));
    if (account.result["disabled"].as_bool()) return fail(Errc::unauthenticated, "ask for the account", "the account is disabled");
    ORACX_TRYV(home_.ensure_root(ctx));
    ORACX_TRY(const Reply listing, home_.api->rpc(ctx, "files/list_folder", Json::object({{"path", home_.config.root}, {"limit", 1}})));
    if (!listing.ok()) return fail(error_of(listing, "look into the folder"));
    ORACX_TRY(const Reply usage, home_.api->rpc(ctx, "users/get_space_usage", nullptr));
    if (!usage.ok()) return fail(error_of(usage, "ask for the space"));
    const dropbox::SpaceUsage space = dropbox::parse_space_usage(usage.result);
    return Space{space.total_bytes, space.free_bytes};
}

Result<PutResult> DropboxProvider::put(const OpContext& ctx, const ObjectKey& key, BlobReader& content, const PutOptions& options) {
    const auto put = [&]() -> Result<PutResult> {
        ORACX_TRYV(dropbox::check_storable(key));
        if (key.empty()) return fail(Errc::invalid, "check the name", "the provider's folder itself");
        ORACX_TRYV(still_wanted(ctx, home_.clock));
        if (content.size().value_or(0) > kObjectBytesMax) return fail(Errc::too_large, "check the size", "Dropbox takes no file of more than 2 TiB");
        return dropbox::FileUpload(home_, ctx, key, content, options).run();
    };
    return named(put(), "put", key);
}

Status DropboxProvider::discard_upload(const OpContext& ctx, const ObjectKey& key, const std::string&, const std::string&) {
    ORACX_TRYV(check_key(key));
    return still_wanted(ctx, home_.clock);  // an unfinished session shows nowhere, and ends by itself within 7 days
}

Result<std::optional<Metadata>> DropboxProvider::look_at(const OpContext& ctx, const ObjectKey& key) {
    ORACX_TRYV(check_key(key));
    // What could never be stored is not there; asking would be a malformed request.
    if (!dropbox::check_storable(key)) {
        ORACX_TRYV(still_wanted(ctx, home_.clock));
        return std::optional<Metadata>();
    }
    if (!key.empty() || !home_.config.root.empty()) return home_.find(ctx, home_.names.path_of(key));
    ORACX_TRYV(still_wanted(ctx, home_.clock));
    Metadata root;  // get_metadata knows no root of an account
    root.kind = Metadata::Kind::folder;
    return std::optional(std::move(root));
}

Result<RemoteObject> DropboxProvider::stat(const OpContext& ctx, const ObjectKey& key) {
    const auto stat = [&]() -> Result<RemoteObject> {
        ORACX_TRY(const auto there, look_at(ctx, key));
        if (!there || !there->downloadable) return fail(Errc::not_found, "look at it", "it is not there");
        if (key.empty()) return object_of(key, *there);
        const std::string_view parent = parent_key(key);
        return object_of(parent.empty() ? there->name : ObjectKey(parent) + "/" + there->name, *there);
    };
    return named(stat(), "stat", key);
}

Status DropboxProvider::read(const OpContext& ctx, const RemoteObject& object, std::uint64_t offset, std::uint64_t length, const ByteSink& sink) {
    return named(do_read(ctx, object, offset, length, sink), "read", object.key);
}

Status DropboxProvider::do_read(const OpContext& ctx, const RemoteObject& object, std::uint64_t offset, std::uint64_t length, const ByteSink& sink) {
    ORACX_TRYV(check_key(object.key));
    ORACX_TRYV(still_wanted(ctx, home_.clock));
    std::string rev = object.rev;
    std::uint64_t size = object.size;
    if (rev.empty()) {
        ORACX_TRY(const auto there, look_at(ctx, object.key));
        if (!there) return fail(Errc::not_found, "look at it", "it is not there");
        if (there->kind != Metadata::Kind::file) return fail(Errc::is_directory, "look at it");
        rev = there->rev;
        size = there->size;
    }
    // An empty range is not satisfiable there.
    if (offset >= size || length == 0) return {};
    length = std::min(length, size - offset);
    std::uint64_t got = 0;
    bool stopped = false;
    const auto count = [&](std::span<const std::byte> data) {
        data = data.first(static_cast<std::size_t>(std::min<std::uint64_t>(data.size(), length - got)));
        got += data.size();
        if (!data.empty() && !sink(data)) stopped = true;
        return !stopped;
    };
    std::optional<std::pair<std::uint64_t, std::uint64_t>> range;
    if (offset > 0 || length < size) range.emplace(offset, length);
    // By rev: a newer version of the file doesn't get mixed into what is being read.
    ORACX_TRY(const Reply reply, home_.api->download(ctx, Json::object({{"path", "rev:" + rev}}), range, count));
    if (!reply.ok()) {
        Error error = error_of(reply, "download");
        // Gone together with its history, or the service never had this rev.
        if (error.code == Errc::not_found || (error.code == Errc::name_refused && !object.rev.empty())) {
            ORACX_TRY(const auto there, look_at(ctx, object.key));
            error.code = there ? Errc::changed : Errc::not_found;
        }
        return fail(std::move(error));
    }
    ORACX_TRYV(still_wanted(ctx, home_.clock));
    if (stopped) return {};
    if (range && reply.status != 206) return fail(Errc::unavailable, "download", "the answer is not the range that was asked for");
    if (got != length) return fail(Errc::unavailable, "download", "the answer is too short");
    return {};
}

Status DropboxProvider::verify(const OpContext& ctx, const RemoteObject& object, const ContentDigests& expected) {
    return named(do_verify(ctx, object, expected), "verify", object.key);
}

Status DropboxProvider::do_verify(const OpContext& ctx, const RemoteObject& object, const ContentDigests& expected) {
    ORACX_TRY(const auto there, look_at(ctx, object.key));
    if (!there) return fail(Errc::not_found, "look at it", "it is not there");
    if (there->kind != Metadata::Kind::file) return fail(Errc::corrupt, "compare", "a folder is there");
    if (there->size != expected.size)
        return fail(Errc::corrupt, "compare", "it has " + std::to_string(there->size) + " bytes, not " + std::to_string(expected.size));
    const auto hash = dropbox::content_hash_of(expected);
    if (!hash || !there->content_hash) return read_back(ctx, *there, expected);
    if (*hash == *there->content_hash) return {};
    return fail(Errc::corrupt, "compare", "Dropbox's content_hash differs");
}

// For digests that were taken before a Dropbox was configured.
Status DropboxProvider::read_back(const OpContext& ctx, const Metadata& there, const ContentDigests& expected) {
    Sha256Hasher hasher;
    if (there.size > 0) {
        ORACX_TRY(const Reply reply, home_.api->download(ctx, Json::object({{"path", "rev:" + there.rev}}), std::nullopt, [&](auto data) {
            hasher.update(data);
            return true;
        }));
        if (!reply.ok()) return fail(error_of(reply, "read back"));
    }
    if (hasher.finish() == expected.sha256) return {};
    return fail(Errc::corrupt, "compare", "the bytes read back differ");
}

Result<std::vector<RemoteObject>> DropboxProvider::versions(const OpContext& ctx, const RemoteObject& object) {
    return named(do_versions(ctx, object), "list versions", object.key);
}

Result<std::vector<RemoteObject>> DropboxProvider::do_versions(const OpContext& ctx, const RemoteObject& object) {
    constexpr int kPagesMax = 10;
    ORACX_TRYV(check_key(object.key));
    std::vector<RemoteObject> all;
    Json argument = Json::object({{"path", home_.names.path_of(object.key)}, {"mode", "path"}, {"limit", 100}});
    bool current = true;
    for (int page = 0; page < kPagesMax; ++page) {
        ORACX_TRY(const Reply reply, home_.api->rpc(ctx, "files/list_revisions", argument));
        if (!reply.ok()) return fail(error_of(reply, "list revisions"));
        ORACX_TRY(const dropbox::Revisions revisions, dropbox::parse_revisions(reply.result));
        if (revisions.is_deleted) current = false;  // then the newest one is an older content, too
        for (const Metadata& entry : revisions.entries) {
            if (!std::exchange(current, false)) all.push_back(object_of(object.key, entry));
        }
        if (!revisions.has_more || revisions.entries.empty()) break;
        argument.set("before_rev", revisions.entries.back().rev);
    }
    return all;
}

Result<std::uint64_t> DropboxProvider::purge_trash(const OpContext& ctx, Millis) {
    ORACX_TRYV(still_wanted(ctx, home_.clock));
    return 0;  // Dropbox's own history ends by itself
}

Result<std::string> dropbox_account(const ProviderConfig& config, const OpContext& ctx) {
    SystemClock clock;
    ORACX_TRY(const dropbox::DropboxConfig settings, dropbox::read_config(config));
    ORACX_TRY(const auto api, DropboxApi::make(settings, clock));
    ORACX_TRY(const Reply account, api->rpc(ctx, "users/get_current_account", nullptr));
    if (!account.ok()) return fail(error_of(account, "ask for the account"));
    return account.result["account_id"].as_string();
}

Result<std::unique_ptr<Provider>> make_dropbox_provider(const ProviderConfig& config) {
    static SystemClock system_clock;
    Clock& clock = config.clock != nullptr ? *config.clock : system_clock;
    const auto make = [&]() -> Result<std::unique_ptr<Provider>> {
        ORACX_TRY(dropbox::DropboxConfig settings, dropbox::read_config(config));
        ORACX_TRY(auto api, DropboxApi::make(settings, clock));
        return std::unique_ptr<Provider>(std::make_unique<DropboxProvider>(std::move(settings), clock, std::move(api)));
    };
    auto made = make();
    if (!made) return fail(std::move(made).error().with_provider(config.name));
    return made;
}

}  // namespace oracxfs
