#pragma once
// Bars on a terminal, redrawn in place; one plain line every 30 s elsewhere (ORACXFS_PROGRESS_INTERVAL).

#include <map>
#include <string>

#include "base/clock.h"
#include "base/json.h"
#include "tools/oracxfs/output.h"

namespace oracxfs {

class ProgressView {
  public:
    ProgressView(const Output& output, Clock& clock, const Environment& environment);
    ~ProgressView() { clear(); }
    ProgressView(const ProgressView&) = delete;
    ProgressView& operator=(const ProgressView&) = delete;

    void update(const Json& event);  // {"type":"progress","transfers":[...],"files":{...},"pending_bytes":n}
    void clear();

  private:
    [[nodiscard]] std::string bar(double share) const;
    void draw(const Json& event);

    const Output& output_;
    Clock& clock_;
    Millis plain_interval_{30'000};
    SteadyTime begun_;
    SteadyTime next_plain_;
    std::size_t lines_ = 0;  // drawn last
};

}  // namespace oracxfs
