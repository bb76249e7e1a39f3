#pragma once
// What unicode_nfc.cpp needs to know of the Unicode character database, sorted by the first number of each row.

#include <cstdint>
#include <span>

namespace oracxfs::dropbox {

struct ClassRange {
    std::uint32_t first, last;
    std::uint8_t combining_class;  // never 0
};
struct CodeRange {
    std::uint32_t first, last;
};
struct Composition {
    std::uint32_t first, second, composite;
};

std::span<const ClassRange> combining_classes();
std::span<const CodeRange> never_in_nfc();    // NFC_Quick_Check=No
std::span<const Composition> compositions();  // primary composites, without Hangul syllables

}  // namespace oracxfs::dropbox
