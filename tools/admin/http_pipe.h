#pragma once
// From a stream of ours to a connection of libmicrohttpd: suspended while there is nothing to send.

#include <memory>
#include <mutex>
#include <set>

#include "tools/admin/http_message.h"

struct MHD_Connection;
struct MHD_Response;

namespace oracxfs {

class HttpPipe;

// All pipes of a server. Thread-safe.
class HttpPipes {
  public:
    // The response that sends `stream` over `connection`; null when there is no memory.
    MHD_Response* respond(std::shared_ptr<HttpStream> stream, MHD_Connection* connection);
    void end_all();  // those that come later end at once

  private:
    friend class HttpPipe;
    std::mutex mutex_;
    std::set<std::shared_ptr<HttpPipe>> live_;
    bool ended_ = false;
};

}  // namespace oracxfs
