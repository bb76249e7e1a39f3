#pragma once
// Which host keys are trusted: OpenSSH known_hosts files (plain, hashed, [host]:port, wildcards, negations, @revoked) and
// pinned keys or fingerprints. No network; the parser reads text that a person or another program wrote and skips lines
// it does not understand.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace oracxfs::sftp {

std::string base64_encode(std::string_view bytes);
std::optional<std::string> base64_decode(std::string_view text);  // padding may be missing

// "ssh-ed25519" out of the key's own bytes; "" if they are no key.
std::string key_type_of(std::string_view key_blob);
// "SHA256:" and base64 without padding, as ssh-keygen -l prints it.
std::string fingerprint_of(std::string_view key_blob);

struct KnownKey {
    std::string blob;    // the public key as it goes over the wire
    std::string source;  // "file:line", for messages
};

// What the files say about one host.
struct KnownHost {
    std::vector<KnownKey> keys;
    std::vector<KnownKey> revoked;
};

// Adds what `text` says about host:port to `into`.
void read_known_hosts(std::string_view text, std::string_view source, std::string_view host, unsigned port,
                      KnownHost& into);

// A pin as it is configured: "SHA256:..." or a public key line ("ssh-ed25519 AAAA... comment", a host in front is fine).
struct PinnedKey {
    std::string fingerprint;  // always set
    std::string blob;         // empty if only the fingerprint is known
};
Result<PinnedKey> parse_pinned_key(std::string_view text);

// The whole rule. Immutable.
class HostKeyPolicy {
  public:
    static HostKeyPolicy pinned(PinnedKey key);
    static HostKeyPolicy files(std::vector<std::string> known_hosts_paths);

    // Reads the files again, so that a key the user has just added is seen.
    struct Knowledge {
        std::optional<PinnedKey> pin;
        KnownHost known;
        std::vector<std::string> searched;
    };
    [[nodiscard]] Knowledge look_up(std::string_view host, unsigned port) const;

  private:
    std::optional<PinnedKey> pin_;
    std::vector<std::string> paths_;
};

// Key types worth offering for this host, best first: those that are known, then the rest.
std::vector<std::string> preferred_key_types(const HostKeyPolicy::Knowledge& knowledge);

// Success, host_key_unknown or host_key_changed. The error shows what was offered and what was expected.
Status check_host_key(const HostKeyPolicy::Knowledge& knowledge, std::string_view host, unsigned port,
                      std::string_view offered_blob);

}  // namespace oracxfs::sftp
