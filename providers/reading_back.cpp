#include "providers/reading_back.h"

namespace oracxfs {

ReadingBackProvider::ReadingBackProvider(std::unique_ptr<Provider> wrapped)
    : ForwardingProvider(std::move(wrapped)), capabilities_(inner().capabilities()) {
    capabilities_.verifies_in_put = false;
    capabilities_.reads_back = true;
}

Result<PutResult> ReadingBackProvider::put(const OpContext& ctx, const ObjectKey& key, BlobReader& content,
                                           const PutOptions& options) {
    ORACX_TRY(PutResult result, inner().put(ctx, key, content, options));
    result.verified = false;
    return result;
}

void ReadingBackProvider::put_batch(const OpContext& ctx, std::span<PutRequest> requests,
                                    const std::function<void(std::size_t, Result<PutResult>)>& done) {
    inner().put_batch(ctx, requests, [&](std::size_t i, Result<PutResult> result) {
        if (result) result->verified = false;
        done(i, std::move(result));
    });
}

Status ReadingBackProvider::verify(const OpContext& ctx, const RemoteObject& object, const ContentDigests& expected) {
    const auto differs = [&](std::string why) {
        return fail(Error(Errc::corrupt, "verify", std::move(why)).with_path(object.key));
    };
    ORACX_TRY(RemoteObject there, inner().stat(ctx, object.key));
    if (there.is_directory) return fail(Error(Errc::is_directory, "verify").with_path(object.key));
    if (there.size != expected.size)
        return differs("it has " + std::to_string(there.size) + " bytes instead of " + std::to_string(expected.size));
    if (!object.id.empty()) there = object;  // of several with one name, this one is meant
    there.rev.clear();                       // whatever is there now
    Sha256Hasher hasher;
    std::uint64_t size = 0;
    ORACX_TRYV(inner().read(ctx, there, 0, expected.size + 1, [&](std::span<const std::byte> data) {
        hasher.update(data);
        size += data.size();
        return true;
    }));
    if (size != expected.size || hasher.finish() != expected.sha256) return differs("the bytes that came back have another SHA-256");
    return {};
}

}  // namespace oracxfs
