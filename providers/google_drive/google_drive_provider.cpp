#include "providers/google_drive/google_drive_provider.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <thread>

#include "base/assert.h"
#include "base/log.h"
#include "providers/google_drive/google_drive_provider_impl.h"
#include "providers/wait.h"

namespace oracxfs {

using drive::DriveHome;
using drive::FileChange;
using drive::FileKind;
using drive::FileMeta;
using drive::Located;
using drive::Trust;

namespace {

constexpr std::uint64_t kObjectBytesMax = 5'497'558'138'880;  // documented: 5,120 GB
constexpr std::uint64_t kBatchedBytes = 1u << 20;
constexpr Millis kPollInterval{20'000};  // of the change feed: one request

Capabilities describe(const drive::DriveConfig& config) {
    Capabilities out;
    out.resumable = true;
    out.keeps_versions = true;
    out.duplicate_names = true;
    out.verifies_in_put = true;
    out.change_feed = true;
    out.sets_mtime = true;
    out.parallel_max = config.connections;
    out.batch_max = 64;
    out.small_bytes = kBatchedBytes;
    out.max_object_bytes = kObjectBytesMax;
    out.poll_interval = kPollInterval;
    return out;
}

Status check_new_key(const ObjectKey& key) {
    ORACX_TRYV(check_key(key));
    if (key.empty()) return fail(Errc::invalid, "check name", "the provider's folder itself");
    for (std::string_view rest = key; !rest.empty();) {
        const std::size_t slash = std::min(rest.find('/'), rest.size());
        ORACX_TRYV(drive::check_component(rest.substr(0, slash)));
        rest.remove_prefix(std::min(slash + 1, rest.size()));
    }
    return {};
}

}  // namespace

GoogleDriveProvider::GoogleDriveProvider(std::unique_ptr<drive::DriveApi> api, const drive::DriveConfig& config)
    : name_(config.name), sees_only_own_(config.scope == drive::Scope::own_files && config.shared_drive.empty()),
      capabilities_(describe(config)), home_(std::move(api)), seal_(config) {}

Result<Space> GoogleDriveProvider::probe(const OpContext& ctx) {
    ORACX_TRYV(still_wanted(ctx, home_.clock()));
    return named("probe", "", home_.probe(ctx));
}

Result<PutResult> GoogleDriveProvider::put(const OpContext& ctx, const ObjectKey& key, BlobReader& content,
                                           const PutOptions& options) {
    const auto run = [&]() -> Result<PutResult> {
        ORACX_TRYV(still_wanted(ctx, home_.clock()));
        ORACX_TRYV(check_new_key(key));
        if (content.size().value_or(0) > kObjectBytesMax) return fail(Errc::too_large, "upload", "Drive takes at most 5,120 GB");
        return drive::DrivePut(home_, seal_, pending_, ctx, key, content, options).run();
    };
    return named("put", key, run());
}

// Each file is a request of its own; what is gained is that they are under way together.
void GoogleDriveProvider::put_batch(const OpContext& ctx, std::span<PutRequest> requests,
                                    const std::function<void(std::size_t, Result<PutResult>)>& done) {
    std::atomic<std::size_t> next = 0;
    std::mutex mutex;
    std::condition_variable ended;
    std::vector<std::pair<std::size_t, Result<PutResult>>> results;
    std::vector<std::jthread> workers;
    const std::size_t width = std::min<std::size_t>(capabilities_.parallel_max, requests.size());
    for (std::size_t w = 0; w < width; ++w)
        workers.emplace_back([&] {
            for (std::size_t i = next++; i < requests.size(); i = next++) {
                auto result = put(ctx, requests[i].key, *requests[i].content, requests[i].options);
                const std::lock_guard lock(mutex);
                results.emplace_back(i, std::move(result));
                ended.notify_one();
            }
        });
    for (std::size_t told = 0; told < requests.size();) {
        std::vector<std::pair<std::size_t, Result<PutResult>>> some;
        {
            std::unique_lock lock(mutex);
            ended.wait(lock, [&] { return !results.empty(); });
            some.swap(results);
        }
        told += some.size();
        for (auto& [i, result] : some) done(i, std::move(result));
    }
}

// A session is invisible and ends by itself after a week; what had been finished under its name is no leftover.
Status GoogleDriveProvider::discard_upload(const OpContext&, const ObjectKey&, const std::string& upload_id, const std::string&) {
    pending_.drop(upload_id);
    return {};
}

Result<RemoteObject> GoogleDriveProvider::stat(const OpContext& ctx, const ObjectKey& key) {
    const auto run = [&]() -> Result<RemoteObject> {
        ORACX_TRYV(still_wanted(ctx, home_.clock()));
        ORACX_TRYV(check_key(key));
        if (key.empty()) {
            ORACX_TRY(const std::string root, home_.root(ctx));
            RemoteObject object;
            object.id = root;
            object.is_directory = true;
            return object;
        }
        ORACX_TRY(const std::vector<Located> found, home_.find_all(ctx, key, Trust::ask));
        if (found.empty()) return fail(Errc::not_found, "look at it", "it is not there");
        return DriveHome::object_of(key, found.front().meta);
    };
    return named("stat", key, run());
}

Status GoogleDriveProvider::remove(const OpContext& ctx, const RemoteObject& object, RemoveMode mode) {
    const auto run = [&]() -> Status {
        ORACX_TRYV(still_wanted(ctx, home_.clock()));
        ORACX_TRYV(check_key(object.key));
        if (object.key.empty()) return fail(Errc::invalid, "remove", "the provider's folder itself");
        auto there = home_.locate(ctx, object);
        if (!there && there.error().code == Errc::not_found) {
            // In the trash, but it shall be gone for good.
            if (mode == RemoveMode::permanent && !object.id.empty()) return home_.api().erase(ctx, object.id);
            return {};
        }
        if (!there) return fail(std::move(there).error());
        const FileMeta& meta = there->meta;
        if (there->key != object.key) return {};  // somebody moved it: nothing of it is here
        if (meta.kind == FileKind::special) return fail(Errc::changed, "remove", "a Google document is there now");
        if (meta.kind == FileKind::file && !object.rev.empty() && meta.rev() != object.rev)
            return fail(Errc::changed, "remove", "somebody changed it");
        if (mode == RemoveMode::permanent && meta.kind == FileKind::folder) return fail(Errc::is_directory, "remove");
        if (mode == RemoveMode::permanent) {
            ORACX_TRYV(home_.api().erase(ctx, meta.id));
        } else {
            FileChange change;
            change.trashed = true;
            const bool folder = meta.kind == FileKind::folder;
            if (folder) home_.removes(meta.id, true);
            const auto gone = home_.api().update(ctx, meta.id, change);
            if (!gone && gone.error().code != Errc::not_found) {
                if (folder) home_.removes(meta.id, false);
                return fail(gone.error());
            }
        }
        home_.tree().forget(meta.id);
        home_.heads().forget(meta.id);
        home_.tree().forget_name(there->folder, drive::component_of(meta.name), meta.id);
        return {};
    };
    return named("remove", object.key, run());
}

Result<RemoteObject> GoogleDriveProvider::rename(const OpContext& ctx, const RemoteObject& object, const ObjectKey& to,
                                                 const std::optional<RemoteObject>& replaces) {
    const auto run = [&]() -> Result<RemoteObject> {
        ORACX_TRYV(still_wanted(ctx, home_.clock()));
        ORACX_TRYV(check_key(object.key));
        ORACX_TRYV(check_new_key(to));
        if (object.key.empty()) return fail(Errc::invalid, "rename", "the provider's folder itself");
        ORACX_TRY(const Located source, home_.locate(ctx, object));
        const FileMeta& meta = source.meta;
        const bool done = source.key == to;  // by an earlier attempt
        if (meta.kind == FileKind::special) return fail(Errc::changed, "rename", "a Google document is there now");
        if (!done && source.key != object.key) return fail(Errc::not_found, "rename", "it was moved or renamed by somebody else");
        if (meta.kind == FileKind::file && !object.rev.empty() && meta.rev() != object.rev)
            return fail(Errc::changed, "rename", "somebody changed it");
        if (meta.kind == FileKind::folder && to.starts_with(object.key + "/"))
            return fail(Errc::invalid, "rename", "a folder cannot be moved into itself");
        std::optional<FileMeta> old;
        if (replaces) {
            auto target = home_.locate(ctx, *replaces);
            if (!target && target.error().code != Errc::not_found) return fail(std::move(target).error());
            const bool same = target && target->key == to && target->meta.kind == FileKind::file && target->meta.id != meta.id &&
                              (replaces->rev.empty() || target->meta.rev() == replaces->rev);
            if (!same && !done) return fail(Errc::changed, "replace", target ? "something else is there" : "it is gone");
            if (same) old = std::move(target->meta);
        }
        RemoteObject moved = DriveHome::object_of(to, meta);
        if (!done) {
            ORACX_TRY(moved, move(ctx, source, to, replaces.has_value()));
        }
        if (!old) return moved;
        // Only after the new one is there: for a moment both carry the name, never none.
        FileChange change;
        change.trashed = true;
        const auto gone = home_.api().update(ctx, old->id, change);
        if (!gone && gone.error().code != Errc::not_found) {
            Error error = gone.error();
            error.code = Errc::outcome_unknown;
            return fail(std::move(error).at("remove what was replaced"));
        }
        home_.heads().forget(old->id);
        return moved;
    };
    return named("rename", object.key, run());
}

Result<RemoteObject> GoogleDriveProvider::move(const OpContext& ctx, const Located& source, const ObjectKey& to, bool onto) {
    const FileMeta& meta = source.meta;
    const std::string component(base_name(to));
    ORACX_TRY(const std::string folder, home_.make_folders(ctx, parent_key(to)));
    ORACX_TRY(const drive::KeyedLock::Hold hold, home_.locks().take(ctx, home_.clock(), "name " + folder + "/" + component));
    if (!onto) {
        ORACX_TRY(const std::vector<Located> there, home_.find_all(ctx, to, Trust::known));
        if (!there.empty()) return fail(Errc::exists, "rename", "the name is taken");
    }
    FileChange change;
    change.name = component;
    if (std::find(meta.parents.begin(), meta.parents.end(), folder) == meta.parents.end()) {
        change.add_parent = folder;
        for (const std::string& parent : meta.parents) change.remove_parents += (change.remove_parents.empty() ? "" : ",") + parent;
    }
    auto moved = home_.api().update(ctx, meta.id, change);
    if (!moved && (moved.error().code == Errc::outcome_unknown || moved.error().code == Errc::invalid)) {
        // A repeated move may complain that the old folder isn't its parent any more: it has happened.
        auto now = home_.api().get(ctx, meta.id);
        const bool there = now && now->name == component && now->parents == std::vector{folder} && !now->trashed;
        if (there) moved = std::move(now);
    }
    if (!moved) return fail(std::move(moved).error());
    home_.tree().forget_name(source.folder, drive::component_of(meta.name), meta.id);
    home_.saw(*moved);
    return DriveHome::object_of(to, *moved);
}

Result<RemoteObject> GoogleDriveProvider::make_directory(const OpContext& ctx, const ObjectKey& key) {
    const auto run = [&]() -> Result<RemoteObject> {
        ORACX_TRYV(still_wanted(ctx, home_.clock()));
        ORACX_TRYV(check_key(key));
        if (key.empty()) return stat(ctx, key);
        ORACX_TRYV(check_new_key(key));
        for (int attempt = 1;; ++attempt) {
            auto made = home_.make_folders(ctx, key);
            if (!made && made.error().code == Errc::not_directory) made.error().code = Errc::exists;
            // What was taken for a folder above may be gone.
            const bool lost = !made && made.error().code == Errc::not_found;
            if (!made && !lost) return fail(std::move(made).error());
            if (made) {
                auto meta = home_.api().get(ctx, *made);
                if (meta && !meta->trashed && meta->kind == FileKind::folder) return DriveHome::object_of(key, *meta);
                if (!meta && meta.error().code != Errc::not_found) return fail(std::move(meta).error());
                home_.forget_stale(ctx, *made);
            } else if (const auto above = home_.folders(ctx, parent_key(key), Trust::known); above && !above->empty()) {
                home_.forget_stale(ctx, above->front());
            }
            if (attempt == 3) return fail(Errc::unavailable, "create folder", "folders vanish under our hands");
        }
    };
    return named("make folder", key, run());
}

Status GoogleDriveProvider::remove_directory(const OpContext& ctx, const ObjectKey& key) {
    const auto run = [&]() -> Status {
        ORACX_TRYV(still_wanted(ctx, home_.clock()));
        ORACX_TRYV(check_key(key));
        if (key.empty()) return fail(Errc::invalid, "remove folder", "the provider's folder itself");
        ORACX_TRY(const std::vector<Located> found, home_.find_all(ctx, key, Trust::ask));
        for (const Located& folder : found)
            if (folder.meta.kind == FileKind::folder) ORACX_TRYV(remove_folder(ctx, folder.meta.id));
        const bool file = !found.empty() && std::none_of(found.begin(), found.end(), [](const Located& object) {
            return object.meta.kind == FileKind::folder;
        });
        if (file) return fail(Errc::not_directory, "remove");
        return {};
    };
    return named("remove folder", key, run());
}

// Into the trash, never for good: with the scope drive.file there may be children that we cannot see.
Status GoogleDriveProvider::remove_folder(const OpContext& ctx, const std::string& id) {
    std::string token;
    do {
        ORACX_TRY(const auto page, home_.api().list(ctx, drive::quote(id) + " in parents", token, 10));
        if (!page.files.empty()) {
            for (const FileMeta& meta : page.files) home_.tree().saw(meta);
            return fail(Errc::not_empty, "remove", "it holds " + page.files.front().name);
        }
        token = page.next;
    } while (!token.empty());
    FileChange change;
    change.trashed = true;
    home_.removes(id, true);
    const auto gone = home_.api().update(ctx, id, change);
    if (!gone && gone.error().code != Errc::not_found) {
        home_.removes(id, false);
        return fail(gone.error());
    }
    home_.tree().forget(id);
    return {};
}

// Drive empties its trash itself after 30 days; with the scope drive.file nobody else may.
Result<std::uint64_t> GoogleDriveProvider::purge_trash(const OpContext&, Millis) { return 0; }

Result<std::unique_ptr<Provider>> make_google_drive_provider(const ProviderConfig& config) {
    auto settings = drive::read_config(config);
    if (!settings) return fail(std::move(settings).error().with_provider(config.name));
    static SystemClock system_clock;
    Clock& clock = config.clock != nullptr ? *config.clock : system_clock;
    auto api = drive::DriveApi::make(*settings, clock);
    if (!api) return fail(std::move(api).error().with_provider(config.name));
    return std::unique_ptr<Provider>(std::make_unique<GoogleDriveProvider>(std::move(*api), *settings));
}

}  // namespace oracxfs
