#pragma once
// What was needed once and is free again goes back to the system.

#include <cstddef>

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace oracxfs {

// From so many small things on (names of a folder, objects of a listing) it is worth the milliseconds.
inline constexpr std::size_t kManyThings = 10'000;

// glibc keeps freed small blocks for later, wherever in the heap they lie. Call it after letting go of many. Any thread.
inline void give_back_free_memory() {
#ifdef __GLIBC__
    ::malloc_trim(0);
#endif
}

}  // namespace oracxfs
