#pragma once
// The step that makes a file appear: one commit, its lost answers, and whether what the service then has is what was
// sent. Used by single requests, sessions and batches alike.

#include <functional>
#include <optional>
#include <string>

#include "providers/dropbox/dropbox_home.h"

namespace oracxfs::dropbox {

// CommitInfo: add, or update of exactly one rev; never a name that the service invents.
Json commit_info(const std::string& path, const PutOptions& options);

struct Publication {
    const ObjectKey& key;
    const PutOptions& options;
    std::uint64_t size = 0;
    std::optional<Sha256> content_hash;  // nothing: unknown, so what is stored can't be compared
};

// Sends the commit and settles its outcome. `send` is called again after answers that leave doubt. An answer that means
// neither success nor a conflict comes back as `other`.
struct Published {
    std::optional<RemoteObject> object;
    Reply other;
};
Result<Published> publish(DropboxHome& home, const OpContext& ctx, const Publication& what, const std::function<Result<Reply>()>& send);

// Judges what the service says it stored; takes it away again when it is not what was meant.
Result<RemoteObject> accept(DropboxHome& home, const OpContext& ctx, const Publication& what, const Metadata& stored);
// After a conflict. `in_doubt`: an earlier commit of the same bytes may have gone through.
Result<RemoteObject> explain_conflict(DropboxHome& home, const OpContext& ctx, const Publication& what, bool in_doubt);
// After an answer that did not come: what is there now, if it is what was meant. Nothing = it isn't there (yet).
Result<std::optional<RemoteObject>> look_for(DropboxHome& home, const OpContext& ctx, const Publication& what);

}  // namespace oracxfs::dropbox
