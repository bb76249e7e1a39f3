// Packs folders as the backup job does, for measuring: package_bench LEVEL WORKERS OUTPUT PATH...

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "base/unique_fd.h"
#include "tools/packager/packager.h"

namespace {

using namespace oracxfs;

class FileSink final : public PackageSink {
  public:
    explicit FileSink(const char* path) : fd_(::open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) {}
    [[nodiscard]] bool is_open() const { return static_cast<bool>(fd_); }
    Status write_at(std::uint64_t offset, std::span<const std::byte> data) override {
        while (!data.empty()) {
            const ssize_t count = ::pwrite(fd_.get(), data.data(), data.size(), static_cast<off_t>(offset));
            if (count < 0) return fail(error_from_errno(errno, "write"));
            offset += static_cast<std::uint64_t>(count);
            data = data.subspan(static_cast<std::size_t>(count));
        }
        return {};
    }

  private:
    UniqueFd fd_;
};

}  // namespace

int main(int count, char** arguments) {
    if (count < 5) {
        std::fputs("usage: package_bench max|balanced|store WORKERS OUTPUT PATH...\n", stderr);
        return 2;
    }
    const std::string level = arguments[1];
    PackageRequest request;
    request.compression = level == "store" ? Compression::store : level == "balanced" ? Compression::balanced : Compression::max;
    request.workers = static_cast<unsigned>(std::atoi(arguments[2]));
    request.instance = "bench";
    request.now = wall_from_ms(1'795'466'188'000);
    request.temp_dir = std::string(arguments[3]) + ".temp";
    for (int i = 4; i < count; ++i) {
        BackupSource source;
        source.kind = "tree";
        source.path = arguments[i];
        request.sources.push_back(source);
    }
    FileSink sink(arguments[3]);
    if (!sink.is_open()) return 1;
    const auto report = build_package({}, request, sink, nullptr);
    ::rmdir(request.temp_dir.c_str());
    if (!report) {
        std::fprintf(stderr, "%s\n", report.error().to_string().c_str());
        return 1;
    }
    std::printf("{\"archive_bytes\": %llu, \"members\": %llu, \"problems\": %llu}\n", static_cast<unsigned long long>(report->archive_bytes),
                static_cast<unsigned long long>(report->members), static_cast<unsigned long long>(report->problem_count));
    return 0;
}
