#pragma once
// Three misbehaving providers, and what was done to them behind our back.

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/sim/crashing_provider.h"
#include "tests/sim/marks.h"
#include "tests/support/blobs.h"
#include "tests/support/fake_clock.h"
#include "tests/support/faulty_provider.h"
#include "tests/support/memory_provider.h"

namespace oracxfs::test {

class World {
  public:
    static constexpr std::size_t kProviders = 3;

    World(std::mt19937_64& random, FakeClock& clock, Marks& marks) : random_(random) {
        const auto uniform = [&] { return std::uniform_real_distribution<double>(0, 1)(random_); };
        const auto chance = [&](double p) { return uniform() < p; };
        for (std::size_t i = 0; i < kProviders; ++i) {
            MemoryOptions options;
            options.resumable = chance(0.5);
            options.verifies_in_put = chance(0.5);
            options.keeps_versions = chance(0.3);
            options.batch_max = chance(0.5) ? 8 : 1;
            options.small_bytes = chance(0.7) ? 4096 : 0;
            options.change_feed = chance(0.5);
            options.feed_by_id = chance(0.5);
            options.feed_page = chance(0.3) ? 1 + random_() % 3 : 1'000;
            auto memory = std::make_unique<MemoryProvider>(clock, options);
            memories_[i] = memory.get();
            FaultRates rates;
            // Two stages: a kind of fault is on in some histories, and then strikes often.
            if (chance(0.3)) rates.unavailable = 0.2 * uniform();
            if (chance(0.2)) rates.throttled = 0.1 * uniform();
            if (chance(0.3)) rates.outcome_unknown = 0.3 * uniform();
            if (chance(0.3)) rates.unavailable_in_body = 0.2 * uniform();
            if (chance(0.2)) rates.silent_damage = 0.2 * uniform();
            if (chance(0.1)) rates.quota_full = 0.1 * uniform();
            if (chance(0.1)) rates.damaged_read = 0.2 * uniform();
            auto faulty = std::make_unique<FaultyProvider>(std::move(memory), clock, random_(), rates, [this, i](const RemoteObject& object) {
                if (object.size > 0 && memories_[i]->damage(object.key, 0)) spoiled_.insert(*content(i, object.key));
            });
            faulty_[i] = faulty.get();
            providers_[i] = std::make_shared<CrashingProvider>(std::move(faulty), random_, crash_rate_, marks);
        }
    }

    [[nodiscard]] const std::shared_ptr<Provider>& provider(std::size_t i) const { return providers_[i]; }
    void set_crash_rate(double rate) { crash_rate_ = rate; }

    // Goes down, or comes back. True if it is down now.
    bool toggle(std::size_t i) {
        down_[i] = !down_[i];
        faulty_[i]->down(down_[i]);
        return down_[i];
    }
    void end_faults() {
        for (std::size_t i = 0; i < kProviders; ++i) {
            faulty_[i]->set_rates({});
            faulty_[i]->down(false);
        }
    }

    void forget_feed(std::size_t i) { memories_[i]->forget_feed(); }

    [[nodiscard]] std::vector<ObjectKey> files(std::size_t i) const { return memories_[i]->files(); }
    [[nodiscard]] std::optional<Bytes> content(std::size_t i, const ObjectKey& key) const { return memories_[i]->content(key); }
    [[nodiscard]] std::size_t leftovers(std::size_t i) const { return memories_[i]->leftover_count(); }
    // Where the object of this id is now, if it still is.
    [[nodiscard]] std::optional<ObjectKey> find(std::size_t i, const std::string& id) const {
        for (const ObjectKey& key : files(i))
            if (id_at(i, key) == id) return key;
        return std::nullopt;
    }

    // --- behind our back -----------------------------------------------------------------------------------------------

    void damage(std::size_t i, const ObjectKey& key) {
        lose_stranger(i, key);
        if (memories_[i]->damage(key, 0)) spoiled_.insert(*content(i, key));
    }
    void remove(std::size_t i, const ObjectKey& key) {
        lose_stranger(i, key);
        removed_.insert({i, id_at(i, key)});
        memories_[i]->remove_behind(key);
    }
    void remove_folder(std::size_t i, const ObjectKey& folder) {
        for (const ObjectKey& key : files(i))
            if (key.starts_with(folder + "/")) remove(i, key);
        memories_[i]->remove_behind(folder);
    }
    // Somebody else's file. `kept`: nothing of ours is there, so it has to stay somewhere. False if a folder or a file
    // is in the way.
    bool add(std::size_t i, const ObjectKey& key, bool kept) {
        for (ObjectKey above(parent_key(key)); !above.empty(); above = ObjectKey(parent_key(above)))
            if (content(i, above)) return false;
        const auto there = memories_[i]->stat({}, key);
        if (there && there->is_directory) return false;
        if (there) {
            lose_stranger(i, key);
            removed_.insert({i, there->id});
        }
        Bytes data = random_content(1 + random_() % 6000, random_());
        memories_[i]->add_behind(key, data);
        if (kept && !there) strangers_[i].insert(data);
        spoiled_.insert(std::move(data));
        return true;
    }

    [[nodiscard]] bool was_spoiled(const Bytes& data) const { return spoiled_.contains(data); }
    // By id: its row may know it under another key, where a folder was moved and the answer got lost.
    [[nodiscard]] bool was_removed(std::size_t i, const std::string& id) const { return removed_.contains({i, id}); }
    // Those that had to be kept.
    [[nodiscard]] const std::set<Bytes>& strangers(std::size_t i) const { return strangers_[i]; }

  private:
    [[nodiscard]] std::string id_at(std::size_t i, const ObjectKey& key) const {
        const auto object = memories_[i]->stat({}, key);
        return object ? object->id : std::string();
    }
    void lose_stranger(std::size_t i, const ObjectKey& key) {
        if (const auto there = content(i, key)) strangers_[i].erase(*there);
    }

    std::mt19937_64& random_;
    double crash_rate_ = 0;
    std::array<MemoryProvider*, kProviders> memories_{};  // owned by providers_, as the next
    std::array<FaultyProvider*, kProviders> faulty_{};
    std::array<std::shared_ptr<Provider>, kProviders> providers_;  // outlive the program's crashes
    std::array<bool, kProviders> down_{};
    std::set<Bytes> spoiled_;                              // contents that are not ours, or not any more
    std::set<std::pair<std::size_t, std::string>> removed_;  // provider and id
    std::array<std::set<Bytes>, kProviders> strangers_;
};

}  // namespace oracxfs::test
