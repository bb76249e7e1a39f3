#pragma once
// A provider in memory: the whole contract, and the peculiarities of real ones as options.

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "providers/provider.h"
#include "tests/support/blobs.h"
#include "tests/support/memory_content.h"

namespace oracxfs::test {

struct MemoryOptions {
    bool duplicate_names = false;   // add_behind() may create a second object of the same key
    bool case_insensitive = false;  // ASCII letters only
    bool gives_digests = true;      // RemoteObject.sha256 is filled in
    bool verifies_in_put = true;
    bool resumable = false;         // whole parts of an interrupted put are kept
    bool keeps_versions = false;    // no trash folder; replaced and removed bytes count as kept elsewhere
    std::uint64_t part_bytes = 1u << 20;
    std::uint64_t quota_bytes = UINT64_MAX;
    std::uint64_t max_object_bytes = UINT64_MAX;
    std::size_t page_entries = 1'000;
    Millis listing_delay{0};  // a new object shows up in list() this much later (stat sees it at once)
    std::uint32_t parallel_max = 4;
    std::uint32_t batch_max = 1;
    std::uint64_t small_bytes = 0;
    bool change_feed = false;
    bool feed_by_id = false;        // it tells ids of what is gone, and of a moved folder nothing but itself (Drive)
    std::size_t feed_page = 1'000;  // changes in one answer
    bool long_poll = true;          // wait_for_changes() works
    bool reads_on = false;
};

class MemoryProvider final : public Provider {
  public:
    explicit MemoryProvider(Clock& clock, MemoryOptions options = {});

    [[nodiscard]] const Capabilities& capabilities() const override { return capabilities_; }
    Result<Space> probe(const OpContext& ctx) override;
    Result<PutResult> put(const OpContext& ctx, const ObjectKey& key, BlobReader& content,
                          const PutOptions& options) override;
    Status discard_upload(const OpContext& ctx, const ObjectKey& key, const std::string& upload_id,
                          const std::string& resume_state) override;
    Result<RemoteObject> stat(const OpContext& ctx, const ObjectKey& key) override;
    Status read(const OpContext& ctx, const RemoteObject& object, std::uint64_t offset,
                std::uint64_t length, const ByteSink& sink) override;
    Status verify(const OpContext& ctx, const RemoteObject& object,
                  const ContentDigests& expected) override;
    Result<ListPage> list(const OpContext& ctx, const ObjectKey& directory,
                          const std::string& cursor) override;
    Status remove(const OpContext& ctx, const RemoteObject& object, RemoveMode mode) override;
    Result<RemoteObject> rename(const OpContext& ctx, const RemoteObject& object,
                                const ObjectKey& to,
                                const std::optional<RemoteObject>& replaces) override;
    Result<RemoteObject> make_directory(const OpContext& ctx, const ObjectKey& key) override;
    Status remove_directory(const OpContext& ctx, const ObjectKey& key) override;
    Result<std::uint64_t> purge_trash(const OpContext& ctx, Millis age) override;
    Result<std::vector<RemoteObject>> versions(const OpContext& ctx, const RemoteObject& object) override;
    Result<ChangePage> changes(const OpContext& ctx, const std::string& cursor) override;
    Result<bool> wait_for_changes(const OpContext& ctx, const std::string& cursor) override;

    // What others do behind the product's back. False if there is no such file.
    bool damage(const ObjectKey& key, std::uint64_t offset);     // flips a byte; rev and digest stay as they were
    bool remove_behind(const ObjectKey& key);                    // with everything below it
    bool rename_behind(const ObjectKey& from, const ObjectKey& to);
    void add_behind(const ObjectKey& key, Bytes data);           // replaces, or with duplicate_names adds
    void add_directory_behind(const ObjectKey& key);
    void forget_feed();                                          // all cursors given out so far are void
    void set_quota(std::uint64_t bytes);
    // Looking without the interface.
    [[nodiscard]] std::optional<Bytes> content(const ObjectKey& key) const;
    [[nodiscard]] std::vector<ObjectKey> files() const;
    [[nodiscard]] std::size_t trash_count() const;
    [[nodiscard]] std::size_t leftover_count() const;
    bool await_waiting(Millis most);  // until somebody is in wait_for_changes()

  private:
    using Content = MemoryContent;
    struct Object {
        RemoteObject remote;
        std::shared_ptr<const Content> content;
        SteadyTime listed_from;
    };
    // Folded key and id: duplicates lie side by side, oldest first.
    using Objects = std::map<std::pair<std::string, std::uint64_t>, Object>;

    [[nodiscard]] std::string fold(const ObjectKey& key) const;
    // All of these need the mutex.
    Objects::iterator find(const ObjectKey& key, const std::string& id = {});
    [[nodiscard]] Objects::const_iterator find(const ObjectKey& key, const std::string& id = {}) const;
    [[nodiscard]] bool has_children(const ObjectKey& key) const;
    Status make_parents(const ObjectKey& key);
    Status check_target(const ObjectKey& key, const std::optional<RemoteObject>& replaces);
    void displace(const ObjectKey& key, const std::optional<RemoteObject>& replaces, bool keep);
    Object& insert(const ObjectKey& key, std::shared_ptr<const Content> content,
                   const std::optional<Sha256>& sha256 = {});
    [[nodiscard]] std::uint64_t used_bytes() const;
    RemoteObject move_to(Objects::iterator source, const ObjectKey& to);
    void tell(Change change);
    void tell_of(const RemoteObject& object);
    void tell_gone(const RemoteObject& object, bool by_us);
    Result<std::size_t> place_in_feed(const std::string& cursor) const;

    Status receive(const OpContext& ctx, BlobReader& source, const PutOptions& options,
                   Content& content);
    Status check_new_key(const ObjectKey& key) const;
    static Status stream(const OpContext& ctx, const Clock& clock, const Content& content,
                         std::uint64_t offset, std::uint64_t length, const ByteSink& sink);

    Clock& clock_;
    const MemoryOptions options_;
    Capabilities capabilities_;

    mutable std::mutex mutex_;
    Objects objects_;
    std::vector<std::pair<WallTime, Object>> trash_;
    std::map<std::string, Content> parts_;  // upload id -> what was taken of it
    std::uint64_t quota_bytes_;
    std::uint64_t next_number_ = 1;  // ids and revs
    std::vector<Change> feed_;
    std::uint64_t feed_age_ = 1;
    int waiting_ = 0;
    std::condition_variable_any told_;
};

}  // namespace oracxfs::test
