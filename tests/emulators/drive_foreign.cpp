// What tests change behind DriveEmulator's API.

#include "tests/emulators/drive_state.h"

namespace oracxfs::test {
namespace {

DriveRevision revision_of(std::string content) {
    DriveRevision revision;
    Digest md5("MD5"), sha1("SHA1"), sha256("SHA256");
    for (Digest* digest : {&md5, &sha1, &sha256}) digest->update(content);
    revision.md5 = md5.hex();
    revision.sha1 = sha1.hex();
    revision.sha256 = sha256.hex();
    revision.content = Content(std::move(content));
    return revision;
}

}  // namespace

DriveEntry DriveEmulator::change(const std::function<DriveFile*(State&)>& step) {
    const std::lock_guard lock(state_->mutex);
    State& s = *state_;
    s.now = rfc3339(now());
    s.steady = clock_.steady();
    DriveFile* const file = step(s);
    if (file == nullptr) return {};
    s.record(*file);
    return s.entry(*file);
}

DriveEntry DriveEmulator::make(std::string_view parent, std::string_view name, std::string_view mime_type, Owner owner,
                               const std::function<void(State&, DriveFile&)>& fill) {
    return change([&](State& s) {
        DriveMetadata metadata;
        if (!parent.empty()) metadata.parent = std::string(parent);
        metadata.name = std::string(name);
        metadata.mime_type = std::string(mime_type);
        DriveFile& file = s.create(metadata, owner);
        fill(s, file);
        return &file;
    });
}

DriveEntry DriveEmulator::put(std::string_view parent, std::string_view name, std::string content, Owner owner) {
    DriveRevision revision = revision_of(std::move(content));
    return make(parent, name, "application/octet-stream", owner,
                [&](State& s, DriveFile& file) { s.set_content(file, std::move(revision), false); });
}

bool DriveEmulator::replace(std::string_view id, std::string content) {
    DriveRevision revision = revision_of(std::move(content));
    return !change([&](State& s) {
                DriveFile* const file = s.find(id);
                if (file == nullptr || !file->has_content()) return static_cast<DriveFile*>(nullptr);
                s.set_content(*file, std::move(revision), false);
                return file;
            }).id.empty();
}

DriveEntry DriveEmulator::make_folder(std::string_view parent, std::string_view name, Owner owner) {
    return make(parent, name, kFolderType, owner, [](State&, DriveFile&) {});
}

DriveEntry DriveEmulator::make_shortcut(std::string_view parent, std::string_view name, std::string_view target) {
    return make(parent, name, kShortcutType, Owner::app, [&](State& s, DriveFile& file) {
        file.shortcut_target = std::string(target);
        if (const DriveFile* there = s.find(target)) file.shortcut_type = there->mime_type;
    });
}

DriveEntry DriveEmulator::make_native_document(std::string_view parent, std::string_view name, std::string_view mime_type) {
    return make(parent, name, mime_type, Owner::app, [](State&, DriveFile&) {});
}

bool DriveEmulator::edit(std::string_view id, const std::function<void(State&, DriveFile&)>& step) {
    return !change([&](State& s) {
                DriveFile* const file = s.find(id);
                if (file != nullptr) step(s, *file);
                return file;
            }).id.empty();
}

bool DriveEmulator::rename(std::string_view id, std::string_view name) {
    return edit(id, [&](State& s, DriveFile& file) {
        DriveMetadata metadata;
        metadata.name = std::string(name);
        s.apply(file, metadata);
    });
}

bool DriveEmulator::move(std::string_view id, std::string_view parent) {
    return edit(id, [&](State& s, DriveFile& file) {
        s.set_parent(file, parent.empty() ? s.root : std::string(parent));
        ++file.version;
    });
}

bool DriveEmulator::trash(std::string_view id, bool trashed) {
    return edit(id, [&](State&, DriveFile& file) {
        file.trashed = trashed;
        ++file.version;
    });
}

bool DriveEmulator::set_writable(std::string_view id, bool writable) {
    return edit(id, [&](State&, DriveFile& file) { file.writable = writable; });
}

bool DriveEmulator::set_abusive(std::string_view id, bool abusive) {
    return edit(id, [&](State&, DriveFile& file) { file.abusive = abusive; });
}

bool DriveEmulator::remove(std::string_view id) {
    const std::lock_guard lock(state_->mutex);
    State& s = *state_;
    if (s.find(id) == nullptr || id == s.root) return false;
    s.now = rfc3339(now());
    s.erase(std::string(id));
    return true;
}

bool DriveEmulator::hide(std::string_view id) {
    const std::lock_guard lock(state_->mutex);
    State& s = *state_;
    DriveFile* const file = s.find(id);
    if (file == nullptr) return false;
    s.now = rfc3339(now());
    s.record(*file, true);
    file->owner = Owner::somebody;
    return true;
}

bool DriveEmulator::damage(std::string_view id, std::uint64_t offset) {
    const std::lock_guard lock(state_->mutex);
    DriveFile* const file = state_->find(id);
    if (file == nullptr || offset >= file->size()) return false;
    file->revisions.back().content.flip(offset);
    return true;
}

}  // namespace oracxfs::test
