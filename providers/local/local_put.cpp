// LocalProvider: uploads.

#include <unistd.h>

#include <cerrno>
#include <memory>
#include <vector>

#include "base/crash_point.h"
#include "providers/local/local_provider_impl.h"
#include "providers/local/part_file.h"
#include "providers/local/publish.h"
#include "providers/wait.h"

namespace oracxfs {
namespace {

constexpr std::size_t kPieceBytes = 1u << 20;
constexpr std::size_t kGroupFiles = 32;  // open at once in a batch
constexpr Millis kProgressEvery{250};

// Tells the caller how far the upload is: a few times a second, and before a wait for a writer who may himself be waiting
// to hear that we have caught up.
class Progress {
  public:
    Progress(const PutOptions& options, const Clock& clock)
        : report_(options.on_progress), clock_(clock), last_(clock.steady()) {}

    void now_at(std::uint64_t bytes, bool about_to_wait) {
        const bool due = clock_.steady() - last_ >= kProgressEvery;
        if (due || (about_to_wait && bytes - reported_ >= kPieceBytes)) report(bytes);
    }
    void report(std::uint64_t bytes) {
        if (report_) report_(bytes, "");
        reported_ = bytes;
        last_ = clock_.steady();
    }

  private:
    const std::function<void(std::uint64_t, const std::string&)>& report_;
    const Clock& clock_;
    SteadyTime last_;
    std::uint64_t reported_ = 0;
};

}  // namespace

struct LocalProvider::Upload {
    const ObjectKey* key = nullptr;
    BlobReader* content = nullptr;
    PutOptions options;
    std::optional<local::PartFile> part;
    std::shared_ptr<const ContentDigests> digests;
    PutResult result;
    Status status;
};

Status LocalProvider::begin(const local::Folder& folder, Upload& upload) const {
    const ObjectKey& key = *upload.key;
    ORACX_TRYV(local::check_new_key(key));
    if (upload.options.upload_id.empty()) upload.options.upload_id = random_hex(16);
    if (!is_internal_name(part_name(upload.options.upload_id)))
        return fail(Error(Errc::invalid, "put", "bad upload id").with_path(key));

    // A look before the work; whether the name is free is decided when it is given.
    const auto place = local::find_place(folder, key);
    if (place && upload.options.replaces)
        ORACX_TRYV(local::check_unchanged(folder, *place, upload.options.replaces->rev));
    if (place && !upload.options.replaces &&
        local::status_of(place->directory.get(), place->name, key))
        return fail(local::io_error(EEXIST, "put", key));
    if (!place && upload.options.replaces && place.error().code == Errc::not_found)
        return fail(Error(Errc::changed, "put", "it is gone").with_path(key));
    if (!place && place.error().code != Errc::not_found) return fail(place.error());

    ORACX_TRY(local::PartFile part,
              local::PartFile::create(folder, upload.options.upload_id, key));
    upload.part.emplace(std::move(part));
    return {};
}

Status LocalProvider::receive(const OpContext& ctx, Upload& upload,
                              std::span<std::byte> buffer) const {
    BlobReader& content = *upload.content;
    // Only a growing blob makes us wait inside read_at.
    std::optional<DeadlineStop> deadline;
    if (!content.size()) deadline.emplace(ctx, clock_);
    const std::stop_token stop = deadline ? deadline->token() : ctx.stop;
    Progress progress(upload.options, clock_);
    for (;;) {
        ORACX_TRYV(still_wanted(ctx, clock_));
        progress.now_at(upload.part->size(),
                        deadline && content.available(upload.part->size()) == 0);
        const Result<std::size_t> got = content.read_at(upload.part->size(), buffer, stop);
        if (!got) return fail(deadline ? deadline->reason(got.error()) : got.error());
        if (*got == 0) break;
        ORACX_TRYV(upload.part->append(buffer.first(*got)));
    }
    upload.digests = content.digests();
    if (!upload.digests || upload.digests->size != upload.part->size())
        return fail(Error(Errc::internal, "put", "the content ended without its digests")
                        .with_path(*upload.key));
    return {};
}

Status LocalProvider::settle(const OpContext& ctx, Upload& upload) const {
    ORACX_TRYV(still_wanted(ctx, clock_));
    ORACX_TRYV(upload.part->flush(upload.options.mtime_ns));
    return upload.part->verify(ctx, clock_, upload.digests->sha256);
}

Status LocalProvider::give_name(const local::Folder& folder, Upload& upload,
                                local::DirtyDirectories& dirty) {
    // Between the first byte and now hours may have gone by, and the disk with them.
    ORACX_TRYV(guard_.open());
    ORACX_CRASH_POINT("local.put.before_publish");
    Status published =
        local::publish(folder, clock_, *upload.part, *upload.key, upload.options, dirty);
    if (!published && published.error().code == Errc::not_found)
        published.error().code = Errc::unavailable;  // folders vanish under our hands
    ORACX_TRYV(std::move(published));
    ORACX_CRASH_POINT("local.put.published");
    ORACX_TRY(const struct stat status, upload.part->status());
    upload.result.object = local::object_of(*upload.key, status, features_);
    upload.result.verified = true;
    return {};
}

Result<PutResult> LocalProvider::put(const OpContext& ctx, const ObjectKey& key,
                                     BlobReader& content, const PutOptions& options) {
    return named([&]() -> Result<PutResult> {
        ORACX_TRY(const local::Folder folder, enter(ctx));
        Upload upload;  // after the folder, which its part file cleans up in
        upload.key = &key;
        upload.content = &content;
        upload.options = options;
        ORACX_TRYV(begin(folder, upload));
        const auto buffer = std::make_unique_for_overwrite<std::byte[]>(kPieceBytes);
        ORACX_TRYV(receive(ctx, upload, {buffer.get(), kPieceBytes}));
        ORACX_TRYV(settle(ctx, upload));
        local::DirtyDirectories dirty;
        ORACX_TRYV(give_name(folder, upload, dirty));
        ORACX_TRYV(dirty.sync());
        if (options.on_progress) options.on_progress(upload.result.object.size, "");
        return std::move(upload.result);
    });
}

// Each step for all files before the next: the first fsync then carries most of the others' work with it, and a folder
// is synced once.
void LocalProvider::put_group(const OpContext& ctx, std::span<Upload> uploads) {
    const auto fail_all = [&](const Error& error) {
        for (Upload& upload : uploads)
            if (upload.status) upload.status = fail(error);
    };
    const Result<local::Folder> folder = enter(ctx);
    if (!folder) return fail_all(folder.error());
    const auto buffer = std::make_unique_for_overwrite<std::byte[]>(kPieceBytes);
    const auto each = [&](auto&& step) {
        for (Upload& upload : uploads) {
            if (upload.status) upload.status = step(upload);
            if (!upload.status) upload.part.reset();
        }
    };
    each([&](Upload& upload) -> Status {
        ORACX_TRYV(begin(*folder, upload));
        ORACX_TRYV(receive(ctx, upload, {buffer.get(), kPieceBytes}));
        upload.part->start_flush();
        return {};
    });
    each([&](Upload& upload) { return settle(ctx, upload); });
    local::DirtyDirectories dirty;
    each([&](Upload& upload) { return give_name(*folder, upload, dirty); });
    if (const Status synced = dirty.sync(); !synced) fail_all(synced.error());
    for (Upload& upload : uploads) upload.part.reset();  // they point to the folder
}

void LocalProvider::put_batch(const OpContext& ctx, std::span<PutRequest> requests,
                              const std::function<void(std::size_t, Result<PutResult>)>& done) {
    for (std::size_t first = 0; first < requests.size(); first += kGroupFiles) {
        std::vector<Upload> uploads(std::min(kGroupFiles, requests.size() - first));
        for (std::size_t i = 0; i < uploads.size(); ++i) {
            PutRequest& request = requests[first + i];
            uploads[i].key = &request.key;
            uploads[i].content = request.content.get();
            uploads[i].options = request.options;
        }
        put_group(ctx, uploads);
        for (std::size_t i = 0; i < uploads.size(); ++i) {
            Upload& upload = uploads[i];
            if (upload.status && upload.options.on_progress)
                upload.options.on_progress(upload.result.object.size, "");
            done(first + i, named([&]() -> Result<PutResult> {
                     ORACX_TRYV(std::move(upload.status));
                     return std::move(upload.result);
                 }));
        }
    }
}

}  // namespace oracxfs
