#include "providers/sftp/sftp_home.h"

namespace oracxfs::sftp {

SftpHome::SftpHome(SftpConfig settings, Clock& time)
    : config(std::move(settings)), clock(time),
      pool(config.target, config.connections, time,
           [this](SftpChannel& channel, const Waiter& waiter) { return prepare(channel, waiter); }) {}

std::string SftpHome::path(const ObjectKey& key) const {
    if (key.empty()) return root_;
    return root_.ends_with('/') ? root_ + key : root_ + "/" + key;
}

// Connections are opened one after another, so the root is set exactly once, before anybody uses one.
Status SftpHome::prepare(SftpChannel& channel, const Waiter& waiter) {
    {
        const std::lock_guard lock(root_mutex_);
        if (root_ready_) return {};
        const std::string& login = channel.abilities().home;
        if (config.folder.empty()) root_ = login;
        else if (config.folder.starts_with('/')) root_ = config.folder;
        else root_ = (login == "/" ? "" : login) + "/" + config.folder;
    }
    ORACX_TRYV(ensure_root(channel, waiter));
    const std::lock_guard lock(root_mutex_);
    root_ready_ = true;
    return {};
}

Status SftpHome::ensure_root(SftpChannel& channel, const Waiter& waiter) {
    const std::string what = "reach folder " + root_;
    ORACX_TRY(Answer found, channel.ask(waiter, [&](Handler handler) { channel.stat(root_, std::move(handler)); }));
    if (found.absent()) {
        directories.forget({});
        ORACX_TRY(const Answer made,
                  channel.ask(waiter, [&](Handler handler) { channel.make_directory(root_, std::move(handler)); }));
        if (made.absent()) return fail(Errc::config, what, "its parent folder does not exist on the server");
        ORACX_TRY(found, channel.ask(waiter, [&](Handler handler) { channel.stat(root_, std::move(handler)); }));
        if (found.absent()) return fail(error_of(made, what, root_));
    }
    if (!found.ok()) return fail(error_of(found, what, root_));
    if (!found.attrs.is_directory()) return fail(Errc::config, what, "it is not a folder");
    return {};
}

void SftpHome::request_directories(SftpChannel& channel, const ObjectKey& key) {
    if (directories.contains(key)) return;
    request_directories(channel, ObjectKey(parent_key(key)));
    channel.make_directory(path(key), {});
}

Result<Answer> SftpCall::change(const std::function<void(Handler)>& request) {
    in_doubt_ = true;
    auto answer = ask(request);
    if (answer) in_doubt_ = false;
    return answer;
}

Result<std::optional<Attrs>> SftpCall::find(const ObjectKey& key) {
    ORACX_TRY(const Answer answer, ask([&](Handler handler) { channel_.lstat(home_.path(key), std::move(handler)); }));
    if (answer.absent()) return std::optional<Attrs>();
    if (!answer.ok()) return fail(error_of(answer, "look at it", key));
    if (!answer.attrs.is_directory() && !answer.attrs.is_regular()) return std::optional<Attrs>();
    return std::optional<Attrs>(answer.attrs);
}

Result<bool> SftpCall::move_to_trash(const ObjectKey& key) {
    const ObjectKey entry = std::string(kTrashFolder) + "/" + trash_entry(home_.clock.wall(), key);
    home_.request_directories(channel_, ObjectKey(parent_key(entry)));
    ORACX_TRY(const Answer moved, change([&](Handler handler) {
        channel_.rename(home_.path(key), home_.path(entry), std::move(handler));
    }));
    if (moved.ok()) {
        home_.directories.add(kTrashFolder);
        return true;
    }
    home_.directories.forget(kTrashFolder);
    ORACX_TRY(const auto still_there, find(key));
    if (!still_there) return false;
    return fail(error_of(moved, "move to the trash", key));
}

}  // namespace oracxfs::sftp
