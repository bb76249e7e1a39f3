// GoogleDriveProvider: contents, verification, older versions.

#include <algorithm>

#include "providers/google_drive/google_drive_provider_impl.h"
#include "providers/wait.h"

namespace oracxfs {

using drive::FileKind;
using drive::FileMeta;
using drive::HeadCache;
using drive::Located;

namespace {

constexpr char kRevisionMark = '#';

}  // namespace

// The object still has this content, as of half a minute ago at the latest; `size`: of the content.
Status GoogleDriveProvider::check_head(const OpContext& ctx, const RemoteObject& object, const std::string& id, std::uint64_t& size) {
    auto head = home_.heads().get(id, home_.clock().steady());
    if (!head || (!object.rev.empty() && head->rev != object.rev)) {
        ORACX_TRY(const FileMeta meta, home_.api().get(ctx, id));
        home_.saw(meta);
        if (meta.trashed) return fail(Errc::not_found, "read", "it is in Drive's trash");
        if (meta.kind == FileKind::folder) return fail(Errc::is_directory, "read");
        if (meta.kind == FileKind::special) return fail(Errc::unsupported, "read", "a Google document has no bytes of its own");
        head = HeadCache::Head{meta.rev(), meta.size};
    }
    if (!object.rev.empty() && head->rev != object.rev) return fail(Errc::changed, "read", "somebody changed it");
    size = head->size;
    return {};
}

Status GoogleDriveProvider::read(const OpContext& ctx, const RemoteObject& object, std::uint64_t offset, std::uint64_t length,
                                 const ByteSink& sink) {
    const auto run = [&]() -> Status {
        ORACX_TRYV(still_wanted(ctx, home_.clock()));
        ORACX_TRYV(check_key(object.key));
        std::string id = object.id, revision;
        std::uint64_t size = object.size;
        if (const std::size_t mark = id.find(kRevisionMark); mark != std::string::npos) {
            revision = id.substr(mark + 1);
            id.resize(mark);
        } else {
            if (id.empty()) {
                ORACX_TRY(const Located there, home_.locate(ctx, object));
                id = there.meta.id;
            }
            ORACX_TRYV(check_head(ctx, object, id, size));
        }
        // Drive answers 416 to any range of nothing.
        if (offset >= size || length == 0) return {};
        length = std::min(length, size - offset);
        std::uint64_t got = 0;
        bool enough = false;
        const Status read = home_.api().download(ctx, id, revision, offset, offset == 0 && length == size ? UINT64_MAX : length,
                                                 [&](std::span<const std::byte> data) {
                                                     got += data.size();
                                                     enough = !sink(data);
                                                     return !enough;
                                                 });
        if (!read) {
            home_.heads().forget(id);
            return read;
        }
        if (enough || got == length) return {};
        // Another length than the metadata said: the content was replaced in between, or the answer was cut.
        home_.heads().forget(id);
        ORACX_TRYV(check_head(ctx, object, id, size));
        return fail(Errc::unavailable, "read", "Drive sent " + std::to_string(got) + " bytes instead of " + std::to_string(length));
    };
    return named("read", object.key, run());
}

Status GoogleDriveProvider::verify(const OpContext& ctx, const RemoteObject& object, const ContentDigests& expected) {
    const auto run = [&]() -> Status {
        ORACX_TRYV(still_wanted(ctx, home_.clock()));
        ORACX_TRYV(check_key(object.key));
        ORACX_TRY(const Located there, home_.locate(ctx, object));
        const FileMeta& meta = there.meta;
        if (there.key != object.key) return fail(Errc::not_found, "verify", "it was moved or renamed");
        if (meta.kind == FileKind::folder) return fail(Errc::is_directory, "verify");
        if (meta.kind == FileKind::special) return fail(Errc::corrupt, "verify", "a Google document is there now");
        if (meta.size != expected.size)
            return fail(Errc::corrupt, "verify",
                        "Drive has " + std::to_string(meta.size) + " bytes, not " + std::to_string(expected.size));
        if (meta.sha256) {
            if (*meta.sha256 == expected.sha256) return {};
            return fail(Errc::corrupt, "verify", "Drive's SHA-256 is " + to_hex(*meta.sha256));
        }
        if (meta.md5 && expected.md5) {
            if (*meta.md5 == *expected.md5) return {};
            return fail(Errc::corrupt, "verify", "Drive's MD5 is " + to_hex(*meta.md5));
        }
        // No checksum to compare with: the bytes themselves.
        Sha256Hasher hasher;
        if (meta.size != 0)
            ORACX_TRYV(home_.api().download(ctx, meta.id, "", 0, UINT64_MAX, [&](std::span<const std::byte> data) {
                hasher.update(data);
                return true;
            }));
        if (hasher.finish() == expected.sha256) return {};
        return fail(Errc::corrupt, "verify", "other bytes came back than were written");
    };
    return named("verify", object.key, run());
}

// What has this name in this folder and lies in the trash.
Result<std::vector<FileMeta>> GoogleDriveProvider::trashed_twins(const OpContext& ctx, const ObjectKey& key) {
    std::vector<FileMeta> found;
    ORACX_TRY(const std::vector<std::string> folders, home_.folders(ctx, parent_key(key), drive::Trust::ask));
    for (const std::string& folder : folders) {
        std::string token;
        do {
            ORACX_TRY(drive::FilePage page, home_.api().list(ctx, drive::quote(folder) + " in parents", token, drive::kPageSize, true));
            for (FileMeta& meta : page.files)
                if (meta.kind == FileKind::file && drive::component_of(meta.name) == base_name(key)) found.push_back(std::move(meta));
            token = std::move(page.next);
        } while (!token.empty());
    }
    return found;
}

// Replaced contents are revisions of the file; removed ones are files in the trash.
Result<std::vector<RemoteObject>> GoogleDriveProvider::versions(const OpContext& ctx, const RemoteObject& object) {
    const auto run = [&]() -> Result<std::vector<RemoteObject>> {
        ORACX_TRYV(still_wanted(ctx, home_.clock()));
        ORACX_TRYV(check_key(object.key));
        ORACX_TRY(std::vector<FileMeta> files, trashed_twins(ctx, object.key));
        auto there = home_.locate(ctx, object);
        if (there) files.push_back(std::move(there->meta));
        else if (there.error().code != Errc::not_found) return fail(std::move(there).error());
        std::vector<RemoteObject> older;
        for (const FileMeta& file : files) {
            ORACX_TRY(const std::vector<drive::Revision> revisions, home_.api().revisions(ctx, file.id));
            for (const drive::Revision& revision : revisions) {
                if (!file.trashed && revision.id == file.head_revision) continue;
                RemoteObject version;
                version.key = object.key;
                version.id = file.id + kRevisionMark + revision.id;
                version.rev = revision.id;
                version.size = revision.size;
                version.mtime_ns = revision.modified_ns;
                older.push_back(std::move(version));
            }
        }
        std::stable_sort(older.begin(), older.end(), [](const RemoteObject& a, const RemoteObject& b) { return a.mtime_ns < b.mtime_ns; });
        std::reverse(older.begin(), older.end());
        return older;
    };
    return named("list versions", object.key, run());
}

}  // namespace oracxfs
