#pragma once
// Passwords, key passphrases and tokens, encrypted at rest: AES-256-GCM, a fresh nonce per record, the record's name as
// associated data (so records can't be swapped). The key comes from `master.key` (32 random bytes, hex, 0600, made at
// first use) or, when a passphrase is configured, from scrypt (N=2^15, r=8, p=1, random salt in secrets.db).
// Values are wiped from memory after use where we hold them.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace oracxfs {

struct SecretsOptions {
    std::string database;         // secrets.db (0600)
    std::string master_key_file;  // master.key (0600)
    std::optional<std::string> passphrase;  // from ORACXFS_PASSPHRASE_FILE, a prompt or a systemd credential
};

// Thread-safe.
class Secrets {
  public:
    // Errors: key_unavailable when the key does not fit what is stored (nothing is overwritten), when the database was
    // made with a passphrase and none is given (or the other way round), or when master.key is gone but records exist;
    // denied when master.key or secrets.db can be read by others.
    static Result<std::unique_ptr<Secrets>> open(const SecretsOptions& options);
    virtual ~Secrets() = default;

    virtual Result<std::string> get(std::string_view name) = 0;  // not_found; corrupt if the record was tampered with
    virtual Status put(std::string_view name, std::string_view value) = 0;  // durable
    virtual Status remove(std::string_view name) = 0;            // absent = success
    virtual Result<std::vector<std::string>> names() = 0;
    // Encrypts everything anew under a fresh key (or under the passphrase). All or nothing.
    virtual Status rekey(const std::optional<std::string>& new_passphrase) = 0;
};

}  // namespace oracxfs
