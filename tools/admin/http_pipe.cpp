#include "tools/admin/http_pipe.h"

#include <microhttpd.h>

namespace oracxfs {
namespace {

constexpr std::size_t kBlockBytes = 16u << 10;

}  // namespace

class HttpPipe : public std::enable_shared_from_this<HttpPipe> {
  public:
    HttpPipe(HttpPipes& owner, std::shared_ptr<HttpStream> stream, MHD_Connection* connection, bool ended)
        : owner_(owner), stream_(std::move(stream)), connection_(connection), ended_(ended) {}

    void connect() {
        stream_->on_ready([weak = weak_from_this()] {
            if (const auto pipe = weak.lock()) pipe->wake();
        });
    }

    void end() {
        {
            const std::lock_guard lock(mutex_);
            ended_ = true;
        }
        wake();
    }

    // In the server's thread.
    ssize_t read(char* buffer, std::size_t max) {
        for (;;) {
            {
                const std::lock_guard lock(mutex_);
                if (ended_) return stream_->size() ? MHD_CONTENT_READER_END_WITH_ERROR : MHD_CONTENT_READER_END_OF_STREAM;
                woken_ = false;
            }
            std::size_t count = 0;
            switch (stream_->pull({buffer, max}, count)) {
                case HttpStream::Pulled::some: return static_cast<ssize_t>(count);
                case HttpStream::Pulled::end: return MHD_CONTENT_READER_END_OF_STREAM;
                case HttpStream::Pulled::broken: return MHD_CONTENT_READER_END_WITH_ERROR;
                case HttpStream::Pulled::later: break;
            }
            const std::lock_guard lock(mutex_);
            if (woken_ || ended_) continue;  // something came just now
            suspended_ = true;
            MHD_suspend_connection(connection_);
            return 0;
        }
    }

    void close() {
        {
            const std::lock_guard lock(mutex_);
            connection_ = nullptr;
            suspended_ = false;
        }
        stream_->closed();
        const auto self = shared_from_this();  // the last one may be in the list
        const std::lock_guard lock(owner_.mutex_);
        owner_.live_.erase(self);
    }

  private:
    void wake() {
        const std::lock_guard lock(mutex_);
        woken_ = true;
        if (!suspended_) return;
        suspended_ = false;
        MHD_resume_connection(connection_);  // can't be gone: a suspended connection is not closed
    }

    HttpPipes& owner_;
    const std::shared_ptr<HttpStream> stream_;
    std::mutex mutex_;
    MHD_Connection* connection_;
    bool ended_;
    bool woken_ = false;
    bool suspended_ = false;
};

namespace {

ssize_t read_pipe(void* pipe, std::uint64_t, char* buffer, std::size_t max) { return static_cast<HttpPipe*>(pipe)->read(buffer, max); }
void close_pipe(void* pipe) { static_cast<HttpPipe*>(pipe)->close(); }

}  // namespace

MHD_Response* HttpPipes::respond(std::shared_ptr<HttpStream> stream, MHD_Connection* connection) {
    const std::uint64_t size = stream->size().value_or(MHD_SIZE_UNKNOWN);
    std::shared_ptr<HttpPipe> pipe;
    {
        const std::lock_guard lock(mutex_);
        pipe = std::make_shared<HttpPipe>(*this, std::move(stream), connection, ended_);
        live_.insert(pipe);
    }
    pipe->connect();
    MHD_Response* response = MHD_create_response_from_callback(size, kBlockBytes, read_pipe, pipe.get(), close_pipe);
    if (response == nullptr) pipe->close();
    return response;
}

void HttpPipes::end_all() {
    std::set<std::shared_ptr<HttpPipe>> live;
    {
        const std::lock_guard lock(mutex_);
        ended_ = true;
        live = live_;
    }
    for (const auto& pipe : live) pipe->end();
}

}  // namespace oracxfs
