#include <algorithm>
#include <deque>

#include "providers/directory_cursor.h"
#include "providers/sftp/sftp_provider_impl.h"

namespace oracxfs {

using sftp::Answer;
using sftp::Attrs;
using sftp::Fx;
using sftp::Handler;
using sftp::SftpCall;
using sftp::SftpChannel;
using sftp::SftpPool;

namespace {

// A page ends with the directory that takes it over this.
constexpr std::size_t kPageEntries = 2'048;
// Started with few, so that a page does not grow to the sum of many large directories.
constexpr std::size_t kDirectoriesAtOnceStart = 1, kDirectoriesAtOnceMax = 16;
constexpr unsigned kReadsAheadMax = 16;

ObjectKey join(const ObjectKey& directory, const std::string& name) {
    return directory.empty() ? name : directory + "/" + name;
}

// Reads several directories at once, and several answers ahead in each.
class Lister {
  public:
    Lister(SftpCall& call, std::deque<ObjectKey> queue, bool first_must_exist)
        : call_(call), channel_(call.channel()), queue_(std::move(queue)), first_must_exist_(first_must_exist) {}

    Result<ListPage> run() {
        while (!failure_ && (!reading_.empty() || (page_.entries.size() < kPageEntries && !queue_.empty()))) {
            while (reading_.size() < at_once_ && !queue_.empty() && page_.entries.size() < kPageEntries) open_next();
            ORACX_TRYV(channel_.drive(call_.waiter()));
            std::erase_if(reading_, [](const auto& directory) { return directory->done && directory->outstanding == 0; });
        }
        channel_.detach_handlers();
        if (failure_) return fail(std::move(*failure_));
        page_.next = encode_directories(queue_);
        return std::move(page_);
    }

  private:
    struct Directory {
        ObjectKey key;
        std::string handle;
        unsigned ahead = 1;  // answers wanted at once; doubled while the directory goes on
        unsigned outstanding = 0;
        bool done = false;
    };

    void open_next() {
        auto& directory = *reading_.emplace_back(std::make_unique<Directory>());
        directory.key = std::move(queue_.front());
        queue_.pop_front();
        directory.outstanding = 1;
        const bool must_exist = std::exchange(first_must_exist_, false);
        channel_.open_directory(call_.home().path(directory.key), [this, &directory, must_exist](Answer& answer) {
            --directory.outstanding;
            if (answer.ok()) {
                directory.handle = answer.handle;
                return read_ahead(directory);
            }
            directory.done = true;
            // One that went away while the listing was under way is simply not there.
            if (answer.absent() && !must_exist) return;
            failure_ = error_of(answer, "open folder", directory.key).with_path(directory.key);
        });
    }

    void read_ahead(Directory& directory) {
        while (!directory.done && directory.outstanding < directory.ahead) {
            ++directory.outstanding;
            channel_.read_directory(directory.handle, [this, &directory](Answer& answer) { take(directory, answer); });
        }
    }

    void take(Directory& directory, Answer& answer) {
        --directory.outstanding;
        if (answer.ok()) {
            for (const sftp::NameEntry& entry : answer.names) add(directory.key, entry);
            directory.ahead = std::min(kReadsAheadMax, directory.ahead * 2);
            return read_ahead(directory);
        }
        if (!directory.done) channel_.close(directory.handle);
        if (!directory.done) at_once_ = std::min(kDirectoriesAtOnceMax, at_once_ * 2);
        directory.done = true;
        if (answer.code != Fx::eof && !answer.absent()) failure_ = error_of(answer, "read folder", directory.key);
    }

    void add(const ObjectKey& directory, const sftp::NameEntry& entry) {
        if (!sftp::is_safe_name(entry.name)) return;
        const bool internal = is_internal_name(entry.name);
        // Links are never followed, devices are nobody's business.
        if (!entry.attrs.is_regular() && !entry.attrs.is_directory()) return;
        RemoteObject object = object_of(join(directory, entry.name), entry.attrs);
        if (internal) {
            if (!object.is_directory && entry.name.ends_with(".part")) page_.leftovers.push_back(std::move(object));
            return;
        }
        if (object.is_directory) queue_.push_back(object.key);
        page_.entries.push_back(std::move(object));
    }

    SftpCall& call_;
    SftpChannel& channel_;
    std::deque<ObjectKey> queue_;
    bool first_must_exist_;
    std::size_t at_once_ = kDirectoriesAtOnceStart;
    std::vector<std::unique_ptr<Directory>> reading_;
    ListPage page_;
    std::optional<Error> failure_;
};

}  // namespace

Result<ListPage> SftpProvider::list(const OpContext& ctx, const ObjectKey& directory, const std::string& cursor) {
    ORACX_TRYV(check_key(directory));
    std::deque<ObjectKey> queue{directory};
    if (!cursor.empty()) {
        ORACX_TRY(queue, decode_directories(cursor));
    }
    return call<ListPage>(ctx, "list", directory, [&](SftpCall& call, SftpPool::Lease&) -> Result<ListPage> {
        return Lister(call, queue, cursor.empty()).run();
    });
}

namespace {

// What is in one folder. Links are entries like others here: they are removed, not followed.
Result<std::vector<sftp::NameEntry>> read_folder(SftpCall& call, const ObjectKey& key) {
    SftpChannel& channel = call.channel();
    std::vector<sftp::NameEntry> names;
    ORACX_TRY(const Answer opened, call.ask([&](Handler handler) {
        channel.open_directory(call.home().path(key), std::move(handler));
    }));
    if (opened.absent()) return names;
    if (!opened.ok()) return fail(error_of(opened, "open folder", key));
    for (;;) {
        ORACX_TRY(Answer answer,
                  call.ask([&](Handler handler) { channel.read_directory(opened.handle, std::move(handler)); }));
        if (!answer.ok()) {
            channel.close(opened.handle);
            if (answer.code == Fx::eof) return names;
            return fail(error_of(answer, "read folder", key));
        }
        for (sftp::NameEntry& entry : answer.names)
            if (sftp::is_safe_name(entry.name)) names.push_back(std::move(entry));
    }
}

Status remove_tree(SftpCall& call, const ObjectKey& key, int depth) {
    constexpr int kDepthMax = 256;
    if (depth > kDepthMax) return fail(Errc::invalid, "empty the trash", "folders nested too deep");
    SftpChannel& channel = call.channel();
    ORACX_TRY(const auto names, read_folder(call, key));
    for (const sftp::NameEntry& entry : names) {
        if (entry.attrs.is_directory()) ORACX_TRYV(remove_tree(call, join(key, entry.name), depth + 1));
        else channel.remove(call.home().path(join(key, entry.name)), {});
    }
    ORACX_TRY(const Answer removed, call.ask([&](Handler handler) {
        channel.remove_directory(call.home().path(key), std::move(handler));
    }));
    if (!removed.ok() && !removed.absent()) return fail(error_of(removed, "remove", key));
    return {};
}

}  // namespace

Result<std::uint64_t> SftpProvider::purge_trash(const OpContext& ctx, Millis age) {
    const ObjectKey trash(kTrashFolder);
    const WallTime oldest = home_.clock.wall() - age;
    return call<std::uint64_t>(ctx, "empty the trash", trash, [&](SftpCall& call, SftpPool::Lease&) -> Result<std::uint64_t> {
        std::uint64_t removed = 0;
        ORACX_TRY(const auto names, read_folder(call, trash));
        for (const sftp::NameEntry& entry : names) {
            const auto time = trash_entry_time(entry.name);
            if (!time || *time > oldest || !entry.attrs.is_directory()) continue;
            ORACX_TRYV(remove_tree(call, join(trash, entry.name), 0));
            ++removed;
        }
        return removed;
    });
}

}  // namespace oracxfs
