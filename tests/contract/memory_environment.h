#pragma once
// MemoryProvider, bare or inside a decorator.

#include <functional>
#include <memory>

#include "tests/contract/provider_contract.h"
#include "tests/support/memory_provider.h"

namespace oracxfs::test {

class MemoryEnvironment final : public ContractEnvironment {
  public:
    using Wrap =
        std::function<std::unique_ptr<Provider>(std::unique_ptr<Provider> inner, Clock& clock)>;

    explicit MemoryEnvironment(MemoryOptions options, const Wrap& wrap = {})
        : bare_(wrap == nullptr), options_(with_small_pages(options)) {
        auto memory = std::make_unique<MemoryProvider>(clock(), options_);
        memory_ = memory.get();
        provider_ = std::move(memory);
        if (wrap) provider_ = wrap(std::move(provider_), clock());
    }

    Provider& provider() override { return *provider_; }
    [[nodiscard]] ContractTraits traits() const override {
        ContractTraits traits;
        traits.huge_file = bare_ && options_.gives_digests && options_.resumable;
        traits.page_entries = 200;
        traits.versions = !options_.keeps_versions;  // they are kept, somewhere
        return traits;
    }
    bool damage(const ObjectKey& key, std::uint64_t offset) override {
        return memory_->damage(key, offset);
    }
    bool remove_behind(const ObjectKey& key) override { return memory_->remove_behind(key); }
    bool add_behind(const ObjectKey& key, const Bytes& data) override {
        memory_->add_behind(key, data);
        return true;
    }

  private:
    static MemoryOptions with_small_pages(MemoryOptions options) {
        options.page_entries = 60;
        return options;
    }

    const bool bare_;
    const MemoryOptions options_;
    std::unique_ptr<Provider> provider_;
    MemoryProvider* memory_ = nullptr;  // inside provider_
};

}  // namespace oracxfs::test
