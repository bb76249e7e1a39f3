#include "fs/temp_names.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace oracxfs {
namespace {

constexpr std::array<std::string_view, 14> kPrefixes = {
    ".goutputstream-", "~$", ".~lock.", ".fuse_hidden", ".nfs", ".sb-", ".xdp-", ".#", "tmp_obj_", "tmp_pack_",
    "tmp_idx_", ".oracx-tmp", ".com.google.Chrome.", ".org.chromium.Chromium."};
constexpr std::array<std::string_view, 16> kSuffixes = {
    ".part",  ".partial", ".partial~", ".crdownload", ".tmp", ".swp",    ".swx",      ".swo",
    ".lck",   ".kate-swp", "-journal", "-wal",        "-shm", ".filepart", ".download", ".opdownload"};
constexpr std::array<std::string_view, 6> kWhole = {"4913", ".directory", ".hidden", ".DS_Store", "Thumbs.db", "desktop.ini"};

// ".name.XXXXXX" with six letters and digits. All lower case ("backup") is a word somebody chose, not a random tag.
bool is_rsync_name(std::string_view name) {
    if (name.size() < 9 || name.front() != '.') return false;
    const std::string_view tag = name.substr(name.size() - 6);
    if (name[name.size() - 7] != '.') return false;
    const bool alnum = std::all_of(tag.begin(), tag.end(), [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; });
    const bool random = std::any_of(tag.begin(), tag.end(), [](char c) { return std::islower(static_cast<unsigned char>(c)) == 0; });
    const bool digits = std::all_of(tag.begin(), tag.end(), [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; });
    return alnum && random && !digits;  // all digits: a date
}

}  // namespace

bool is_temporary_name(std::string_view name) {
    for (const std::string_view prefix : kPrefixes)
        if (name.starts_with(prefix)) return true;
    for (const std::string_view suffix : kSuffixes)
        if (name.size() > suffix.size() && name.ends_with(suffix)) return true;
    if (std::find(kWhole.begin(), kWhole.end(), name) != kWhole.end()) return true;
    if (name.size() > 1 && name.ends_with('~')) return true;
    return is_rsync_name(name);
}

bool is_desktop_trash(std::string_view name) { return name.starts_with(".Trash-") || name == ".Trash"; }

}  // namespace oracxfs
