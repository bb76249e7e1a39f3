#include "tools/oracxfs/signals.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <utility>

namespace oracxfs {
namespace {

constexpr int kWake = SIGUSR2;  // ends the watching thread

sigset_t watched() {
    sigset_t set;
    ::sigemptyset(&set);
    for (const int number : {SIGINT, SIGTERM, SIGHUP, kWake}) ::sigaddset(&set, number);
    return set;
}

}  // namespace

SignalWatch::SignalWatch(std::function<void()> on_hangup, bool patient) : on_hangup_(std::move(on_hangup)), patient_(patient) {
    const sigset_t set = watched();
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
    ::signal(SIGPIPE, SIG_IGN);  // a reader that goes away is an error of write(), not the end
    thread_ = std::jthread([this](const std::stop_token& ending) { watch(ending); });
}

SignalWatch::~SignalWatch() {
    thread_.request_stop();
    ::pthread_kill(thread_.native_handle(), kWake);
}

void SignalWatch::watch(const std::stop_token& ending) {
    const sigset_t set = watched();
    while (!ending.stop_requested()) {
        int number = 0;
        if (::sigwait(&set, &number) != 0 || number == kWake) continue;
        if (number == SIGHUP && on_hangup_) {
            on_hangup_();
            continue;
        }
        if (signal_ != 0) {
            if (!patient_) ::_exit(128 + number);
            second_.request_stop();
        }
        signal_ = number;
        stop_.request_stop();
    }
}

}  // namespace oracxfs
