#include "tools/admin/http_connections.h"

#include <sys/socket.h>

namespace oracxfs {

void ConnectionBook::send_away(Entry& entry) {
    entry.given_up = true;
    ::shutdown(entry.fd, SHUT_RDWR);
}

ConnectionBook::Ref ConnectionBook::add(int fd) {
    const std::lock_guard lock(mutex_);
    if (entries_.size() >= most_) {
        Entry* oldest = nullptr;
        for (Entry& entry : entries_)
            if (entry.waiting && !entry.given_up && (oldest == nullptr || entry.since < oldest->since)) oldest = &entry;
        if (oldest != nullptr) send_away(*oldest);
    }
    return entries_.insert(entries_.end(), Entry{fd, clock_.steady(), true, false});
}

void ConnectionBook::remove(Ref ref) {
    const std::lock_guard lock(mutex_);
    entries_.erase(ref);
}

void ConnectionBook::arrived(Ref ref) {
    const std::lock_guard lock(mutex_);
    ref->waiting = false;
}

void ConnectionBook::answered(Ref ref) {
    const std::lock_guard lock(mutex_);
    ref->waiting = true;
    ref->since = clock_.steady();
}

void ConnectionBook::sweep(Millis longest) {
    const std::lock_guard lock(mutex_);
    const SteadyTime latest = clock_.steady() - longest;
    for (Entry& entry : entries_)
        if (entry.waiting && !entry.given_up && entry.since < latest) send_away(entry);
}

std::size_t ConnectionBook::size() const {
    const std::lock_guard lock(mutex_);
    return entries_.size();
}

}  // namespace oracxfs
