#include "providers/google_drive/id_stock.h"

namespace oracxfs::drive {
namespace {

constexpr int kBatch = 250;  // of at most 1000; the ones of a process that ends are lost

}  // namespace

Result<std::string> IdStock::take(const OpContext& ctx) {
    const auto pop = [this]() -> std::string {
        const std::lock_guard lock(mutex_);
        if (ids_.empty()) return "";
        std::string id = std::move(ids_.back());
        ids_.pop_back();
        return id;
    };
    if (std::string id = pop(); !id.empty()) return id;
    ORACX_TRY(const KeyedLock::Hold hold, fetching_.take(ctx, api_.clock(), "ids"));
    if (std::string id = pop(); !id.empty()) return id;
    ORACX_TRY(std::vector<std::string> fresh, api_.generate_ids(ctx, kBatch));
    std::string id = std::move(fresh.back());
    fresh.pop_back();
    const std::lock_guard lock(mutex_);
    ids_ = std::move(fresh);
    return id;
}

}  // namespace oracxfs::drive
