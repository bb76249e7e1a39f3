// A provider that fails is probed at once, whichever of its workers met the failure: close() waits for the answer.

#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "providers/forwarding.h"
#include "tests/support/file_system_stack.h"
#include "tests/support/matchers.h"
#include "tests/support/memory_provider.h"
#include "tests/support/patience.h"
#include "tests/support/temp_dir.h"

namespace oracxfs::test {
namespace {

class Mortal final : public ForwardingProvider {
  public:
    using ForwardingProvider::ForwardingProvider;
    Result<Space> probe(const OpContext& ctx) override {
        ORACX_TRYV(alive());
        return inner().probe(ctx);
    }
    Result<PutResult> put(const OpContext& ctx, const ObjectKey& key, BlobReader& content, const PutOptions& options) override {
        ORACX_TRYV(alive());
        return inner().put(ctx, key, content, options);
    }

    std::atomic<bool> dead = false;

  private:
    Status alive() const { return dead ? Status(fail(Errc::unavailable, "reach it", "it is dead")) : Status(); }
};

TEST(Suspicion, EndsSoonWhoeverMetTheFailure) {
    TempDir home;
    SystemClock clock;
    MemoryOptions options;
    options.small_bytes = 1'000;
    const auto mortal = std::make_shared<Mortal>(std::make_unique<MemoryProvider>(clock, options));
    FileSystemStack stack(home.path(), 1, {}, {{"mortal", mortal}}, {});
    ProviderId id;
    const auto rows = stack.catalog->providers();
    ASSERT_THAT(rows, IsOk());
    for (const ProviderRow& row : *rows)
        if (row.name == "mortal") id = row.id;
    // Small and large files have workers of their own, and the small ones several.
    for (int i = 0; i < 12; ++i) {
        ASSERT_THAT(stack.write_file("before" + std::to_string(i), "x"), IsOk());
        mortal->dead = true;
        auto closed = std::async(std::launch::async, [&] { return stack.write_file("f" + std::to_string(i), std::string(i % 2 ? 10 : 10'000, 'x')); });
        const bool in_time = closed.wait_for(patient(std::chrono::seconds(10))) == std::future_status::ready;
        EXPECT_TRUE(in_time) << "round " << i;
        mortal->dead = false;
        stack.replicator->probe_now(id);
        EXPECT_THAT(closed.get(), IsOk());
        if (!in_time) return;
        // Settled is also who is known to be down.
        const SteadyTime latest = clock.steady() + patient(std::chrono::seconds(30));
        while (!stack.settle() && clock.steady() < latest) stack.replicator->probe_now(id);
        ASSERT_THAT(stack.settle(), IsOk());
    }
}

}  // namespace
}  // namespace oracxfs::test
