#include "tests/support/lossy_disk.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <random>
#include <set>

#include "base/assert.h"

namespace oracxfs::test {
namespace {

constexpr std::uint64_t kPageBytes = 4096;
using Page = std::array<std::byte, kPageBytes>;
// A page that a durable state shares with the present one is copied before it is changed.
using Pages = std::map<std::uint64_t, std::shared_ptr<Page>>;

Page& page_for_writing(Pages& pages, std::uint64_t number) {
    std::shared_ptr<Page>& page = pages[number];
    if (!page)
        page = std::make_shared<Page>();
    else if (page.use_count() > 1)
        page = std::make_shared<Page>(*page);
    return *page;
}

}  // namespace

struct LossyDisk::Node {
    struct Content {
        std::uint64_t size = 0;
        Pages pages;  // a missing page is a hole
    };
    using Names = std::map<std::string, NodePointer>;

    bool is_directory = false;
    Content now;
    Content synced;
    Names names;
    Names synced_names;
    std::size_t handles = 0;

    // Bytes behind the end are always zeros, so that growing again shows a hole.
    void resize(std::uint64_t size) {
        now.pages.erase(now.pages.lower_bound((size + kPageBytes - 1) / kPageBytes), now.pages.end());
        if (size % kPageBytes != 0 && now.pages.contains(size / kPageBytes)) {
            Page& last = page_for_writing(now.pages, size / kPageBytes);
            std::fill(last.begin() + static_cast<std::ptrdiff_t>(size % kPageBytes), last.end(),
                      std::byte{});
        }
        now.size = size;
    }
};

struct LossyDisk::Place {
    NodePointer parent;
    std::string name;
};

// A handle. Its methods lock the disk.
class LossyFile final : public DiskFile {
  public:
    LossyFile(LossyDisk& disk, LossyDisk::NodePointer node, std::string path, bool writable)
        : disk_(disk), node_(std::move(node)), path_(std::move(path)), writable_(writable),
          epoch_(disk.epoch_) {
        ++node_->handles;
    }
    ~LossyFile() override {
        const std::lock_guard lock(disk_.mutex_);
        --node_->handles;
    }
    LossyFile(const LossyFile&) = delete;
    LossyFile& operator=(const LossyFile&) = delete;

    Status write_at(std::uint64_t offset, std::span<const std::byte> data) override {
        const std::lock_guard lock(disk_.mutex_);
        ORACX_TRYV(begin(DiskOp::write, "write ", writable_));
        return disk_.write(*node_, offset, data);
    }

    Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) override {
        const std::lock_guard lock(disk_.mutex_);
        ORACX_TRYV(begin(DiskOp::read, "read ", true));
        return read(offset, into);
    }

    Status truncate(std::uint64_t size) override {
        const std::lock_guard lock(disk_.mutex_);
        ORACX_TRYV(begin(DiskOp::truncate, "truncate ", writable_));
        node_->resize(size);
        return {};
    }

    Status sync() override {
        const std::lock_guard lock(disk_.mutex_);
        if (lost_) return fail(Errc::local_io, "sync " + path_, "an earlier sync failed");
        if (Status begun = begin(DiskOp::sync, "sync ", true); !begun) {
            lost_ = true;
            return begun;
        }
        node_->synced = node_->now;
        return {};
    }

    [[nodiscard]] Result<std::uint64_t> size() const override {
        const std::lock_guard lock(disk_.mutex_);
        ORACX_TRYV(alive());
        return node_->now.size;
    }

    [[nodiscard]] Result<std::uint64_t> allocated_bytes() const override {
        const std::lock_guard lock(disk_.mutex_);
        ORACX_TRYV(alive());
        return node_->now.pages.size() * kPageBytes;
    }

    [[nodiscard]] int fd() const override { return -1; }

    // For LossyDisk::copy, which holds the lock.
    Status begin(DiskOp op, const std::string& what, bool allowed) {
        ORACX_TRYV(disk_.begin(op, what + path_));
        ORACX_TRYV(alive());
        if (!allowed) return fail(Errc::local_io, what + path_, "opened for reading only");
        return {};
    }

    std::size_t read(std::uint64_t offset, std::span<std::byte> into) const {
        const LossyDisk::Node::Content& content = node_->now;
        if (offset >= content.size) return 0;
        const std::size_t count = std::min<std::uint64_t>(into.size(), content.size - offset);
        for (std::size_t done = 0; done < count;) {
            const std::uint64_t in_page = (offset + done) % kPageBytes;
            const std::size_t part = std::min<std::uint64_t>(count - done, kPageBytes - in_page);
            const auto page = content.pages.find((offset + done) / kPageBytes);
            if (page == content.pages.end())
                std::memset(into.data() + done, 0, part);
            else
                std::memcpy(into.data() + done, page->second->data() + in_page, part);
            done += part;
        }
        return count;
    }

    [[nodiscard]] LossyDisk::Node& node() { return *node_; }
    [[nodiscard]] bool writable() const { return writable_; }
    [[nodiscard]] Status alive() const {
        if (epoch_ == disk_.epoch_) return {};
        return fail(Errc::local_io, "use " + path_, "opened before the power was cut");
    }

  private:
    LossyDisk& disk_;
    const LossyDisk::NodePointer node_;
    const std::string path_;
    const bool writable_;
    const std::uint64_t epoch_;
    bool lost_ = false;
};

LossyDisk::LossyDisk(std::uint64_t total_bytes)
    : total_bytes_(total_bytes), root_(std::make_shared<Node>()) {
    root_->is_directory = true;
}

LossyDisk::~LossyDisk() = default;

Status LossyDisk::begin(DiskOp op, const std::string& what) {
    ++operations_;
    if (power_lost_at_ && operations_ >= *power_lost_at_)
        return fail(Errc::local_io, what, "the power is off");
    if (failure_.left > 0 && (!failure_.only || *failure_.only == op) && --failure_.left == 0)
        return fail(failure_.code, what, "planned failure");
    return {};
}

Result<LossyDisk::NodePointer> LossyDisk::walk(const std::string& path) const {
    ORACX_ASSERT(path.starts_with('/'));
    NodePointer node = root_;
    std::size_t start = 1;
    while (start < path.size()) {
        const std::size_t end = std::min(path.find('/', start), path.size());
        const std::string name = path.substr(start, end - start);
        start = end + 1;
        if (name.empty()) continue;
        if (!node->is_directory) return fail(Errc::not_directory, "find " + path);
        const auto found = node->names.find(name);
        if (found == node->names.end()) return fail(Errc::not_found, "find " + path);
        node = found->second;
    }
    return node;
}

Result<LossyDisk::Place> LossyDisk::place_of(const std::string& path) const {
    const std::size_t slash = path.rfind('/');
    ORACX_ASSERT(slash != std::string::npos && slash + 1 < path.size());
    ORACX_TRY(NodePointer parent, walk(slash == 0 ? "/" : path.substr(0, slash)));
    if (!parent->is_directory) return fail(Errc::not_directory, "find " + path);
    return Place{std::move(parent), path.substr(slash + 1)};
}

Result<std::unique_ptr<DiskFile>> LossyDisk::open(const std::string& path, OpenMode mode) {
    const std::lock_guard lock(mutex_);
    ORACX_TRYV(begin(DiskOp::open, "open " + path));
    ORACX_TRY(const Place place, place_of(path));
    NodePointer& node = place.parent->names[place.name];
    if (node && mode == OpenMode::create_new) return fail(Errc::exists, "open " + path);
    if (node && node->is_directory) return fail(Errc::is_directory, "open " + path);
    if (!node && mode != OpenMode::create_new) {
        place.parent->names.erase(place.name);
        return fail(Errc::not_found, "open " + path);
    }
    if (!node) {
        node = std::make_shared<Node>();
        files_.emplace_back(node);
    }
    return std::make_unique<LossyFile>(*this, node, path, mode != OpenMode::read_only);
}

Status LossyDisk::rename(const std::string& from, const std::string& to) {
    const std::lock_guard lock(mutex_);
    ORACX_TRYV(begin(DiskOp::rename, "rename " + from));
    ORACX_TRY(const Place source, place_of(from));
    ORACX_TRY(const Place target, place_of(to));
    const auto found = source.parent->names.find(source.name);
    if (found == source.parent->names.end()) return fail(Errc::not_found, "rename " + from);
    const NodePointer moved = found->second;
    if (const auto present = target.parent->names.find(target.name);
        present != target.parent->names.end()) {
        const Node& replaced = *present->second;
        if (&replaced == moved.get()) return {};
        if (replaced.is_directory != moved->is_directory)
            return fail(replaced.is_directory ? Errc::is_directory : Errc::not_directory,
                        "rename " + from);
        if (!replaced.names.empty()) return fail(Errc::not_empty, "rename " + from);
    }
    source.parent->names.erase(found);
    target.parent->names[target.name] = moved;
    return {};
}

Status LossyDisk::remove(const std::string& path) {
    const std::lock_guard lock(mutex_);
    ORACX_TRYV(begin(DiskOp::remove, "remove " + path));
    const Result<Place> place = place_of(path);
    if (!place && place.error().code == Errc::not_found) return {};
    if (!place) return fail(place.error());
    const auto found = place->parent->names.find(place->name);
    if (found == place->parent->names.end()) return {};
    if (!found->second->names.empty()) return fail(Errc::not_empty, "remove " + path);
    place->parent->names.erase(found);
    return {};
}

Status LossyDisk::make_directories(const std::string& path) {
    const std::lock_guard lock(mutex_);
    ORACX_TRYV(begin(DiskOp::make_directories, "make directory " + path));
    for (std::size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
        const std::string part = path.substr(0, slash);
        if (part.back() != '/') {
            ORACX_TRY(const Place place, place_of(part));
            NodePointer& node = place.parent->names[place.name];
            if (!node) {
                node = std::make_shared<Node>();
                node->is_directory = true;
            }
            if (!node->is_directory) return fail(Errc::not_directory, "make directory " + part);
        }
        if (slash == std::string::npos) return {};
    }
}

Status LossyDisk::sync_directory(const std::string& path) {
    const std::lock_guard lock(mutex_);
    ORACX_TRYV(begin(DiskOp::sync_directory, "sync directory " + path));
    ORACX_TRY(const NodePointer node, walk(path));
    if (!node->is_directory) return fail(Errc::not_directory, "sync directory " + path);
    node->synced_names = node->names;
    return {};
}

Result<std::vector<DiskEntry>> LossyDisk::list(const std::string& path) {
    const std::lock_guard lock(mutex_);
    ORACX_TRYV(begin(DiskOp::list, "list " + path));
    ORACX_TRY(const NodePointer node, walk(path));
    if (!node->is_directory) return fail(Errc::not_directory, "list " + path);
    std::vector<DiskEntry> entries;
    for (const auto& [name, child] : node->names)
        entries.push_back({name, child->is_directory, child->now.size});
    return entries;
}

Result<DiskSpace> LossyDisk::space(const std::string& path) {
    const std::lock_guard lock(mutex_);
    ORACX_TRYV(begin(DiskOp::space, "ask for free space of " + path));
    ORACX_TRYV(walk(path));
    const std::uint64_t most = std::min(total_bytes_, used_max_.value_or(total_bytes_));
    return DiskSpace{total_bytes_, most - std::min(most, used())};
}

Status LossyDisk::copy(DiskFile& from, DiskFile& to, std::uint64_t size) {
    const std::lock_guard lock(mutex_);
    auto& source = dynamic_cast<LossyFile&>(from);
    auto& target = dynamic_cast<LossyFile&>(to);
    ORACX_TRYV(source.alive());
    ORACX_TRYV(target.begin(DiskOp::copy, "copy to ", target.writable()));
    if (source.node().now.size < size)
        return fail(Errc::local_io, "copy", "the source is shorter than expected");
    Page page;
    for (std::uint64_t offset = 0; offset < size; offset += kPageBytes) {
        const std::size_t count =
            source.read(offset, std::span(page).first(std::min(size - offset, kPageBytes)));
        const bool hole = !source.node().now.pages.contains(offset / kPageBytes);
        if (hole && target.node().now.size <= offset) continue;
        ORACX_TRYV(write(target.node(), offset, std::span(page).first(count)));
    }
    if (target.node().now.size < size) target.node().resize(size);
    return {};
}

// As a real disk does, what fits is written before the error.
Status LossyDisk::write(Node& node, std::uint64_t offset, std::span<const std::byte> data) {
    while (!data.empty()) {
        const std::uint64_t number = offset / kPageBytes;
        const std::uint64_t in_page = offset % kPageBytes;
        const std::size_t part = std::min<std::uint64_t>(data.size(), kPageBytes - in_page);
        if (!node.now.pages.contains(number) && !has_room_for_page())
            return fail(Errc::local_full, "write", "no space left");
        std::memcpy(page_for_writing(node.now.pages, number).data() + in_page, data.data(), part);
        offset += part;
        data = data.subspan(part);
        node.now.size = std::max(node.now.size, offset);
    }
    return {};
}

bool LossyDisk::has_room_for_page() const {
    if (!used_max_ && total_bytes_ >= 1ull << 40) return true;  // no test fills that; spares the count
    return used() + kPageBytes <= std::min(total_bytes_, used_max_.value_or(total_bytes_));
}

std::uint64_t LossyDisk::used() const {
    std::uint64_t pages = 0;
    std::set<const Node*> named;
    std::vector<const Node*> waiting{root_.get()};
    while (!waiting.empty()) {
        const Node* const node = waiting.back();
        waiting.pop_back();
        if (!named.insert(node).second) continue;
        for (const auto& [name, child] : node->names) waiting.push_back(child.get());
    }
    for (const std::weak_ptr<Node>& weak : files_)
        if (const NodePointer file = weak.lock(); file && (file->handles > 0 || named.contains(file.get())))
            pages += file->now.pages.size();
    return pages * kPageBytes;
}

void LossyDisk::restart() {
    std::erase_if(files_, [](const std::weak_ptr<Node>& weak) { return weak.expired(); });
    ++epoch_;
    failure_ = {};
    power_lost_at_.reset();
}

void LossyDisk::power_cut() {
    const std::lock_guard lock(mutex_);
    std::vector<NodePointer> waiting{root_};
    while (!waiting.empty()) {
        const NodePointer node = waiting.back();
        waiting.pop_back();
        node->names = node->synced_names;
        node->now = node->synced;
        for (const auto& [name, child] : node->names) waiting.push_back(child);
    }
    restart();
}

void LossyDisk::power_cut(std::uint64_t seed) {
    const std::lock_guard lock(mutex_);
    std::mt19937_64 random(seed);
    const bool keep_names = random() % 2 == 0;
    std::vector<NodePointer> waiting{root_};
    while (!waiting.empty()) {
        const NodePointer node = waiting.back();
        waiting.pop_back();
        (keep_names ? node->synced_names : node->names) = keep_names ? node->names : node->synced_names;
        Node::Content kept = node->synced;
        if (random() % 2 == 0) kept.size = node->now.size;
        for (const auto& [number, page] : node->now.pages)
            if (random() % 2 == 0) kept.pages[number] = page;
        node->now = kept;
        node->resize(kept.size);
        node->synced = node->now;
        for (const auto& [name, child] : node->names) waiting.push_back(child);
    }
    restart();
}

void LossyDisk::settle() {
    const std::lock_guard lock(mutex_);
    std::vector<NodePointer> waiting{root_};
    while (!waiting.empty()) {
        const NodePointer node = waiting.back();
        waiting.pop_back();
        node->synced_names = node->names;
        node->synced = node->now;
        for (const auto& [name, child] : node->names) waiting.push_back(child);
    }
}

void LossyDisk::fail_nth(std::uint64_t n, Errc code, std::optional<DiskOp> only) {
    const std::lock_guard lock(mutex_);
    failure_ = {n, code, only};
}

void LossyDisk::lose_power_at(std::uint64_t n) {
    const std::lock_guard lock(mutex_);
    power_lost_at_ = operations_ + n;
}

bool LossyDisk::power_lost() const {
    const std::lock_guard lock(mutex_);
    return power_lost_at_ && operations_ >= *power_lost_at_;
}

std::uint64_t LossyDisk::operations() const {
    const std::lock_guard lock(mutex_);
    return operations_;
}

void LossyDisk::limit_free_bytes(std::optional<std::uint64_t> bytes) {
    const std::lock_guard lock(mutex_);
    used_max_.reset();
    if (bytes) used_max_ = used() + *bytes;
}

std::uint64_t LossyDisk::used_bytes() const {
    const std::lock_guard lock(mutex_);
    return used();
}

}  // namespace oracxfs::test
