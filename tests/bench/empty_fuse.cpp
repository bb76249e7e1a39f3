// The least that a FUSE file system can do, as a measure for one that does something.
//
//   empty_fuse DIR [--entries N] [--file PATH]
//
// DIR shows a folder `many` with N empty files whose names are made up, and, as `file`, PATH's bytes by splicing. Nothing
// is checked, looked up or stored. Stays in the foreground.

#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

constexpr fuse_ino_t kMany = 2, kFile = 3, kFirst = 10;
constexpr double kForever = 3600;

fuse_ino_t entries = 0;
int source = -1;
struct stat source_info {};

struct stat info_of(fuse_ino_t ino) {
    struct stat info {};
    if (ino == kFile) info = source_info;
    info.st_ino = ino;
    info.st_nlink = 1;
    info.st_mode = ino == FUSE_ROOT_ID || ino == kMany ? S_IFDIR | 0755 : S_IFREG | 0644;
    return info;
}

std::string name_of(fuse_ino_t ino) {
    char text[32];
    std::snprintf(text, sizeof text, "file%06llu", static_cast<unsigned long long>(ino - kFirst));
    return text;
}

fuse_entry_param entry_of(fuse_ino_t ino) {
    fuse_entry_param entry{};
    entry.ino = ino;
    entry.attr = info_of(ino);
    entry.attr_timeout = entry.entry_timeout = kForever;
    return entry;
}

void on_init(void*, fuse_conn_info* conn) {
    conn->want |= conn->capable & (FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE | FUSE_CAP_READDIRPLUS | FUSE_CAP_PARALLEL_DIROPS);
    conn->want &= ~static_cast<unsigned>(FUSE_CAP_READDIRPLUS_AUTO);
    conn->max_readahead = 1 << 20;
}

void on_lookup(fuse_req_t req, fuse_ino_t parent, const char* name) {
    fuse_ino_t ino = 0;
    if (parent == FUSE_ROOT_ID && std::strcmp(name, "many") == 0) ino = kMany;
    if (parent == FUSE_ROOT_ID && std::strcmp(name, "file") == 0 && source >= 0) ino = kFile;
    if (parent == kMany && std::strncmp(name, "file", 4) == 0) {
        const auto number = std::strtoull(name + 4, nullptr, 10);
        if (number < entries) ino = kFirst + number;
    }
    if (ino == 0) {
        fuse_reply_err(req, ENOENT);
        return;
    }
    const fuse_entry_param entry = entry_of(ino);
    fuse_reply_entry(req, &entry);
}

void on_getattr(fuse_req_t req, fuse_ino_t ino, fuse_file_info*) {
    const struct stat info = info_of(ino);
    fuse_reply_attr(req, &info, kForever);
}

void on_open(fuse_req_t req, fuse_ino_t, fuse_file_info* file) { fuse_reply_open(req, file); }

void on_read(fuse_req_t req, fuse_ino_t, std::size_t size, off_t offset, fuse_file_info*) {
    fuse_bufvec data = FUSE_BUFVEC_INIT(size);
    data.buf[0].flags = static_cast<fuse_buf_flags>(FUSE_BUF_IS_FD | FUSE_BUF_FD_SEEK);
    data.buf[0].fd = source;
    data.buf[0].pos = offset;
    fuse_reply_data(req, &data, FUSE_BUF_SPLICE_MOVE);
}

void on_opendir(fuse_req_t req, fuse_ino_t ino, fuse_file_info* file) {
    file->cache_readdir = file->keep_cache = ino == kMany;
    fuse_reply_open(req, file);
}

void list(fuse_req_t req, fuse_ino_t ino, std::size_t size, off_t offset, bool plus) {
    std::vector<char> buffer(size);
    std::size_t filled = 0;
    const auto add = [&](const std::string& name, fuse_ino_t which, off_t next) {
        const fuse_entry_param entry = entry_of(which);
        const std::size_t needed =
            plus ? fuse_add_direntry_plus(req, buffer.data() + filled, size - filled, name.c_str(), &entry, next)
                 : fuse_add_direntry(req, buffer.data() + filled, size - filled, name.c_str(), &entry.attr, next);
        if (needed > size - filled) return false;
        filled += needed;
        return true;
    };
    if (ino == FUSE_ROOT_ID) {
        if (offset == 0) add("many", kMany, 1);
        if (offset <= 1 && source >= 0) add("file", kFile, 2);
    } else {
        for (auto i = static_cast<fuse_ino_t>(offset); i < entries; ++i)
            if (!add(name_of(kFirst + i), kFirst + i, static_cast<off_t>(i + 1))) break;
    }
    fuse_reply_buf(req, buffer.data(), filled);
}

void on_readdir(fuse_req_t req, fuse_ino_t ino, std::size_t size, off_t offset, fuse_file_info*) { list(req, ino, size, offset, false); }
void on_readdirplus(fuse_req_t req, fuse_ino_t ino, std::size_t size, off_t offset, fuse_file_info*) { list(req, ino, size, offset, true); }
void on_getxattr(fuse_req_t req, fuse_ino_t, const char*, std::size_t) { fuse_reply_err(req, ENOSYS); }  // never asked again

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) {
        std::fprintf(stderr, "usage: empty_fuse DIR [--entries N] [--file PATH]\n");
        return 2;
    }
    for (int i = 2; i + 1 < argc; i += 2) {
        if (std::strcmp(argv[i], "--entries") == 0) entries = std::strtoull(argv[i + 1], nullptr, 10);
        if (std::strcmp(argv[i], "--file") == 0) {
            source = ::open(argv[i + 1], O_RDONLY | O_CLOEXEC);
            if (source < 0 || ::fstat(source, &source_info) != 0) {
                std::perror(argv[i + 1]);
                return 1;
            }
        }
    }
    fuse_lowlevel_ops operations{};
    operations.init = on_init;
    operations.lookup = on_lookup;
    operations.getattr = on_getattr;
    operations.open = on_open;
    operations.read = on_read;
    operations.opendir = on_opendir;
    operations.readdir = on_readdir;
    operations.readdirplus = on_readdirplus;
    operations.getxattr = on_getxattr;
    char name[] = "empty_fuse", option[] = "-o", value[] = "fsname=empty,subtype=empty,default_permissions";
    char* words[] = {name, option, value};
    fuse_args args = FUSE_ARGS_INIT(3, words);
    fuse_session* const session = fuse_session_new(&args, &operations, sizeof operations, nullptr);
    if (session == nullptr || fuse_set_signal_handlers(session) != 0 || fuse_session_mount(session, argv[1]) != 0) return 1;
    std::puts("ready");
    std::fflush(stdout);
    fuse_loop_config* const config = fuse_loop_cfg_create();
    fuse_loop_cfg_set_max_threads(config, 8);
    const int result = fuse_session_loop_mt(session, config);
    fuse_loop_cfg_destroy(config);
    fuse_session_unmount(session);
    fuse_session_destroy(session);
    return result == 0 ? 0 : 1;
}
