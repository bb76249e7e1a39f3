#pragma once
// What the calls of one provider share: the service, the folder, the queue for commits; and the steps that several calls
// are made of.

#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>

#include "providers/dropbox/dropbox_api.h"
#include "providers/dropbox/dropbox_names.h"
#include "providers/dropbox/turnstile.h"

namespace oracxfs::dropbox {

struct DropboxHome {
    DropboxHome(DropboxConfig settings, Clock& the_clock, std::unique_ptr<DropboxApi> service)
        : config(std::move(settings)), clock(the_clock), api(std::move(service)), names(config.root),
          pieces(config.connections), random(std::random_device{}()) {}

    const DropboxConfig config;
    Clock& clock;
    const std::unique_ptr<DropboxApi> api;
    FolderNames names;
    Turnstile commits{1};   // two changes of one account at once disturb each other (too_many_write_operations)
    Turnstile listings{1};  // two identical listings at once are refused
    Turnstile pieces;       // of large files, over all uploads: this bounds memory and connections

    // Waits; cancelled or deadline when nobody wants to wait that long.
    Status pause(const OpContext& ctx, Millis time);
    Millis jitter(Millis upper);  // 50 % to 100 % of it

    // For calls that change nothing, or nothing that a second one would not: repeated over short hiccups.
    Result<Reply> repeat(const OpContext& ctx, const std::function<Result<Reply>()>& call);
    // One change of the account at a time, repeated while the service reports contention.
    Result<Reply> commit(const OpContext& ctx, const std::function<Result<Reply>()>& call);

    // Nothing = not there. Errors: all others.
    Result<std::optional<Metadata>> find(const OpContext& ctx, const std::string& path);
    // name_refused when a folder on the way to `key` is there under a name of another case.
    Status check_parents(const OpContext& ctx, const ObjectKey& key);
    // The root folder exists afterwards.
    Status ensure_root(const OpContext& ctx);

  private:
    std::mutex random_mutex_;
    std::mt19937_64 random;
};

// Worth another try after a moment: what broke off at once, not what ended in silence.
bool is_hiccup(const Error& error);

// "Docs" and "docs" are one object there.
Error twin_error(const ObjectKey& key, const std::string& existing_name);
// What stands under the name: exists, or name_refused if only by the service's own rules it is the same name.
Error occupied_error(const ObjectKey& key, const Metadata& there);

RemoteObject object_of(const ObjectKey& key, const Metadata& metadata);
Json listing_argument(const std::string& path);  // of everything below it
bool has_internal_part(const ObjectKey& key);

}  // namespace oracxfs::dropbox
