#pragma once
// What is needed to go on with an upload after a restart, encrypted: whoever has a session's address can write into Drive,
// and resume states are kept in a catalogue that is no safe. AES-256-GCM; the key is the provider's secret "upload_key".

#include <array>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.h"
#include "providers/google_drive/drive_config.h"

namespace oracxfs::drive {

struct SessionState {
    std::string address;    // the session URI; never logged
    std::string id;         // the file that comes into being, or is replaced
    std::string folder;     // where; "" when replacing
    std::string key;
    bool replaces = false;
    std::optional<std::uint64_t> total;  // as told when the session began
    WallTime begun{};
};

// Thread-safe.
class SessionSeal {
  public:
    explicit SessionSeal(const DriveConfig& config);

    // Text without blanks; "" if no key can be had: then the upload cannot be resumed after a restart.
    std::string close(const SessionState& state);
    // Nothing for anything but what close() gave.
    std::optional<SessionState> open(const std::string& text);

  private:
    using Key = std::array<std::uint8_t, 32>;
    std::optional<Key> key();

    const DriveConfig config_;
    std::mutex mutex_;
    std::optional<Key> key_;
};

}  // namespace oracxfs::drive
