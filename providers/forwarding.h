#pragma once
// Hands every call on to another provider. Decorators override what they change.

#include <memory>

#include "base/assert.h"
#include "providers/provider.h"

namespace oracxfs {

class ForwardingProvider : public Provider {
  public:
    explicit ForwardingProvider(std::unique_ptr<Provider> inner) : inner_(std::move(inner)) {
        ORACX_ASSERT(inner_ != nullptr);
    }

    [[nodiscard]] const Capabilities& capabilities() const override { return inner_->capabilities(); }
    Result<Space> probe(const OpContext& ctx) override { return inner_->probe(ctx); }
    Result<PutResult> put(const OpContext& ctx, const ObjectKey& key, BlobReader& content,
                          const PutOptions& options) override {
        return inner_->put(ctx, key, content, options);
    }
    void put_batch(const OpContext& ctx, std::span<PutRequest> requests,
                   const std::function<void(std::size_t, Result<PutResult>)>& done) override {
        inner_->put_batch(ctx, requests, done);
    }
    Status discard_upload(const OpContext& ctx, const ObjectKey& key, const std::string& upload_id,
                          const std::string& resume_state) override {
        return inner_->discard_upload(ctx, key, upload_id, resume_state);
    }
    Result<RemoteObject> stat(const OpContext& ctx, const ObjectKey& key) override {
        return inner_->stat(ctx, key);
    }
    Status read(const OpContext& ctx, const RemoteObject& object, std::uint64_t offset,
                std::uint64_t length, const ByteSink& sink) override {
        return inner_->read(ctx, object, offset, length, sink);
    }
    Status verify(const OpContext& ctx, const RemoteObject& object,
                  const ContentDigests& expected) override {
        return inner_->verify(ctx, object, expected);
    }
    Result<ListPage> list(const OpContext& ctx, const ObjectKey& directory,
                          const std::string& cursor) override {
        return inner_->list(ctx, directory, cursor);
    }
    Status remove(const OpContext& ctx, const RemoteObject& object, RemoveMode mode) override {
        return inner_->remove(ctx, object, mode);
    }
    Result<RemoteObject> rename(const OpContext& ctx, const RemoteObject& object,
                                const ObjectKey& to,
                                const std::optional<RemoteObject>& replaces) override {
        return inner_->rename(ctx, object, to, replaces);
    }
    Result<RemoteObject> make_directory(const OpContext& ctx, const ObjectKey& key) override {
        return inner_->make_directory(ctx, key);
    }
    Status remove_directory(const OpContext& ctx, const ObjectKey& key) override {
        return inner_->remove_directory(ctx, key);
    }
    Result<ChangePage> changes(const OpContext& ctx, const std::string& cursor) override {
        return inner_->changes(ctx, cursor);
    }
    Result<bool> wait_for_changes(const OpContext& ctx, const std::string& cursor) override {
        return inner_->wait_for_changes(ctx, cursor);
    }
    Result<std::vector<RemoteObject>> versions(const OpContext& ctx,
                                               const RemoteObject& object) override {
        return inner_->versions(ctx, object);
    }
    Result<std::uint64_t> purge_trash(const OpContext& ctx, Millis age) override {
        return inner_->purge_trash(ctx, age);
    }

  protected:
    Provider& inner() { return *inner_; }

  private:
    const std::unique_ptr<Provider> inner_;
};

}  // namespace oracxfs
