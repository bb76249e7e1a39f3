#include "fs/executor.h"

#include "base/log.h"

namespace oracxfs {

void Executor::post(std::function<void()> work) {
    {
        const std::lock_guard lock(mutex_);
        if (!stopping_) {
            queue_.push_back(std::move(work));
            if (idle_ < queue_.size() && threads_.size() < threads_max_) threads_.emplace_back([this] { run(); });
            work = nullptr;
        }
    }
    if (work)
        work();
    else
        wake_.notify_one();
}

void Executor::run() {
    std::unique_lock lock(mutex_);
    while (true) {
        idle_ += 1;
        wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
        idle_ -= 1;
        if (queue_.empty()) return;
        const std::function<void()> work = std::move(queue_.front());
        queue_.pop_front();
        lock.unlock();
        try {
            work();
        } catch (const std::exception& error) {
            log::error("executor", error.what());
        }
        lock.lock();
    }
}

void Executor::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    for (std::jthread& thread : threads_)
        if (thread.joinable()) thread.join();
}

}  // namespace oracxfs
