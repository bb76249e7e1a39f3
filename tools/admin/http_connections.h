#pragma once
// Who is connected, and who may stay: the book behind the limits of the server. Knows sockets, not HTTP.

#include <cstddef>
#include <list>
#include <mutex>

#include "base/clock.h"

namespace oracxfs {

// Thread-safe. Sockets are shut down, never closed: whoever opened them notices and closes them.
class ConnectionBook {
  public:
    struct Entry {
        int fd = -1;
        SteadyTime since{};     // when it connected, or its last request was answered
        bool waiting = true;    // for (the rest of) a request
        bool given_up = false;  // shut down already
    };
    using Ref = std::list<Entry>::iterator;

    ConnectionBook(Clock& clock, std::size_t most) : clock_(clock), most_(most) {}

    Ref add(int fd);      // sends away the one that has been waiting longest when there are too many
    void remove(Ref ref); // before the socket is closed
    void arrived(Ref ref);   // a whole request is there
    void answered(Ref ref);  // it may send the next one
    void sweep(Millis longest);  // sends away those whose request takes longer than that to arrive
    [[nodiscard]] std::size_t size() const;

  private:
    static void send_away(Entry& entry);

    Clock& clock_;
    const std::size_t most_;
    mutable std::mutex mutex_;
    std::list<Entry> entries_;
};

}  // namespace oracxfs
