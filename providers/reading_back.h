#pragma once
// Trusts no hash that a provider tells about its own copy: what was stored is read back and hashed here. For
// "replication.verify": "download".
//
// A put is not called verified; the caller verifies it afterwards, as with kinds that cannot do so in put.

#include "providers/forwarding.h"

namespace oracxfs {

class ReadingBackProvider final : public ForwardingProvider {
  public:
    explicit ReadingBackProvider(std::unique_ptr<Provider> inner);

    [[nodiscard]] const Capabilities& capabilities() const override { return capabilities_; }
    Result<PutResult> put(const OpContext& ctx, const ObjectKey& key, BlobReader& content,
                          const PutOptions& options) override;
    void put_batch(const OpContext& ctx, std::span<PutRequest> requests,
                   const std::function<void(std::size_t, Result<PutResult>)>& done) override;
    Status verify(const OpContext& ctx, const RemoteObject& object, const ContentDigests& expected) override;

  private:
    Capabilities capabilities_;
};

}  // namespace oracxfs
