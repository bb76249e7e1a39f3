#include "providers/local/lister.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "providers/wait.h"

namespace oracxfs::local {
namespace {

constexpr std::size_t kEntriesPerCheck = 256;

struct CloseDir {
    void operator()(DIR* dir) const noexcept { ::closedir(dir); }
};

ObjectKey join(const ObjectKey& directory, const std::string& name) {
    return directory.empty() ? name : directory + "/" + name;
}

bool is_absent(const Error& error) {
    return error.code == Errc::not_found || error.code == Errc::not_directory;
}

// Belongs to the file system when the folder is a whole disk, and only root can look inside.
bool is_lost_and_found(const ObjectKey& key, const struct stat& status) {
    return key == "lost+found" && status.st_uid == 0 && (status.st_mode & 077) == 0;
}

class Lister {
  public:
    Lister(const OpContext& ctx, const Clock& clock, const Features& features)
        : ctx_(ctx), clock_(clock), features_(features) {}

    // Adds what comes after `after` (a path relative to `key`; "" = everything). True if the page is full.
    Result<bool> add(int directory, const ObjectKey& key, std::string_view after) {
        Result<std::vector<DirectoryName>> names = names_in(directory, key);
        if (!names) return fail(std::move(names).error());
        const std::size_t slash = after.find('/');
        const std::string first(after.substr(0, slash));
        const std::string_view rest = slash == std::string_view::npos ? "" : after.substr(slash + 1);
        std::erase_if(*names, [&](const DirectoryName& entry) {
            return entry.name < first || entry.name == kTrashFolder;
        });
        std::sort(names->begin(), names->end(),
                  [](const auto& a, const auto& b) { return a.name < b.name; });
        for (const DirectoryName& entry : *names) {
            const bool given_out = !after.empty() && entry.name == first;
            ORACX_TRY(const bool full,
                      add_entry(directory, entry, join(key, entry.name), given_out, rest));
            if (full) return true;
        }
        return false;
    }

    ListPage take() { return std::move(page_); }

  private:
    Result<bool> add_entry(int directory, const DirectoryName& entry, const ObjectKey& key,
                           bool given_out, std::string_view rest) {
        if (++seen_ % kEntriesPerCheck == 1) ORACX_TRYV(still_wanted(ctx_, clock_));
        if (entry.type != DT_REG && entry.type != DT_DIR && entry.type != DT_UNKNOWN) return false;
        if (given_out && entry.type == DT_REG) return false;
        const Result<struct stat> status = status_of(directory, entry.name, key);
        if (!status && is_absent(status.error())) return false;  // removed meanwhile
        if (!status) return fail(status.error());
        const bool is_directory = S_ISDIR(status->st_mode);
        if (!is_directory && !S_ISREG(status->st_mode)) return false;
        if (is_directory && is_lost_and_found(key, *status)) return false;
        if (!given_out) {
            if (page_full()) return true;
            const bool internal = is_internal_name(entry.name);
            const bool part = internal && !is_directory && entry.name.ends_with(".part");
            if (part) page_.leftovers.push_back(object_of(key, *status, features_));
            if (!internal) page_.entries.push_back(object_of(key, *status, features_));
            page_.next = key;
            if (internal) return false;
        }
        return is_directory && !is_internal_name(entry.name)
                   ? descend(directory, entry.name, key, given_out ? rest : std::string_view())
                   : Result<bool>(false);
    }

    Result<bool> descend(int directory, const std::string& name, const ObjectKey& key,
                         std::string_view after) {
        const UniqueFd below(
            ::openat(directory, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (!below && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)) return false;
        if (!below) return fail(io_error(errno, "open folder", key));
        return add(below.get(), key, after);
    }

    [[nodiscard]] bool page_full() const {
        return page_.entries.size() + page_.leftovers.size() >= kListPageEntries;
    }

    const OpContext& ctx_;
    const Clock& clock_;
    const Features& features_;
    ListPage page_;
    std::size_t seen_ = 0;
};

}  // namespace

Result<std::vector<DirectoryName>> names_in(int directory, const ObjectKey& key) {
    // A descriptor of its own: the position in the folder belongs to it.
    UniqueFd fd(::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd) return fail(io_error(errno, "list", key));
    const std::unique_ptr<DIR, CloseDir> dir(::fdopendir(fd.get()));
    if (!dir) return fail(io_error(errno, "list", key));
    static_cast<void>(fd.release());
    std::vector<DirectoryName> names;
    for (;;) {
        errno = 0;
        const dirent* entry = ::readdir(dir.get());
        if (entry == nullptr && errno != 0) return fail(io_error(errno, "list", key));
        if (entry == nullptr) return names;
        const std::string_view name = entry->d_name;
        if (name != "." && name != "..") names.push_back({std::string(name), entry->d_type});
    }
}

Result<ListPage> list_page(const OpContext& ctx, const Clock& clock, const Folder& folder,
                           const ObjectKey& directory, const std::string& cursor) {
    ORACX_TRYV(still_wanted(ctx, clock));
    ORACX_TRY(const UniqueFd top, folder.open_directory(directory));
    std::string_view after = cursor;
    if (!cursor.empty() && !directory.empty()) {
        if (!cursor.starts_with(directory + "/"))
            return fail(Error(Errc::invalid, "list", "the cursor belongs to another folder")
                            .with_path(directory));
        after.remove_prefix(directory.size() + 1);
    }
    Lister lister(ctx, clock, folder.features());
    ORACX_TRY(const bool more, lister.add(top.get(), directory, after));
    ListPage page = lister.take();
    if (!more) page.next.clear();
    return page;
}

Status remove_tree(const OpContext& ctx, const Clock& clock, int parent, const std::string& name) {
    ORACX_TRYV(still_wanted(ctx, clock));
    if (::unlinkat(parent, name.c_str(), 0) == 0 || errno == ENOENT) return {};
    if (errno != EISDIR && errno != EPERM) return fail(io_error(errno, "remove", name));
    {
        const UniqueFd below(
            ::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (!below) return fail(io_error(errno, "remove", name));
        ORACX_TRY(const std::vector<DirectoryName> names, names_in(below.get(), name));
        for (const DirectoryName& entry : names)
            ORACX_TRYV(remove_tree(ctx, clock, below.get(), entry.name));
    }
    if (::unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return {};
    return fail(io_error(errno, "remove", name));
}

}  // namespace oracxfs::local
