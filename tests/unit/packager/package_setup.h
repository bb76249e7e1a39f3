#pragma once
// A folder to pack, sinks and readers that watch what is asked of them, programs that judge what came out.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>
#include <string>

#include "tests/support/child_process.h"
#include "tests/support/matchers.h"
#include "tests/support/temp_dir.h"
#include "tools/packager/package_reader.h"
#include "tools/packager/packager.h"
#include "tools/packager/restore.h"

namespace oracxfs {

inline void PrintTo(const RestoreItem& item, std::ostream* out) { *out << item.name << ": " << to_string(item.what) << ", " << item.why; }
inline void PrintTo(const PackageProblem& problem, std::ostream* out) { *out << problem.path << ": " << to_string(problem.what) << ", " << problem.why; }

}  // namespace oracxfs

namespace oracxfs::test {

// Keeps everything, and fails on a write that does not follow the one before.
class MemorySink final : public PackageSink {
  public:
    Status write_at(std::uint64_t offset, std::span<const std::byte> data) override {
        EXPECT_EQ(offset, bytes.size()) << "not strictly forward";
        EXPECT_FALSE(data.empty());
        bytes.append(reinterpret_cast<const char*>(data.data()), data.size());
        if (on_write) return on_write(bytes.size());
        return {};
    }
    std::string bytes;
    std::function<Status(std::uint64_t)> on_write;
};

class MemoryRanges final : public RangeReader {
  public:
    explicit MemoryRanges(std::string content) : content_(std::move(content)) {}
    [[nodiscard]] std::uint64_t size() const override { return content_.size(); }
    Status read_at(const OpContext&, std::uint64_t offset, std::span<std::byte> into) override {
        EXPECT_LE(offset + into.size(), content_.size());
        EXPECT_FALSE(into.empty());
        ++requests;
        bytes += into.size();
        std::copy_n(reinterpret_cast<const std::byte*>(content_.data()) + offset, into.size(), into.begin());
        return {};
    }
    int requests = 0;
    std::uint64_t bytes = 0;

  private:
    std::string content_;
};

inline std::string slurp(const std::string& file) {
    std::ifstream stream(file, std::ios::binary);
    std::stringstream text;
    text << stream.rdbuf();
    return text.str();
}

inline void spill(const std::string& file, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(file).parent_path());
    std::ofstream(file, std::ios::binary) << text;
}

// Text that compresses as prose does; the same for a seed.
inline std::string prose(std::size_t bytes, unsigned seed = 1) {
    static const char* kWords[] = {"the ", "folder ", "keeps ", "every ", "version ", "of ", "a ", "file ", "until ", "it ", "is ", "safe ",
                                   "elsewhere, ", "and ", "then ", "forgets ", "what ", "nobody ", "needs.\n"};
    std::string text;
    std::uint64_t state = seed * 2654435761u + 1;
    while (text.size() < bytes) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        text += kWords[(state >> 33) % std::size(kWords)];
        if ((state >> 40) % 7 == 0) text += std::to_string(state >> 44);
    }
    text.resize(bytes);
    return text;
}

inline std::string noise(std::size_t bytes, unsigned seed = 1) {
    std::string text(bytes, '\0');
    std::uint64_t state = seed * 88172645463325252u + 1;
    for (char& c : text) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        c = static_cast<char>(state >> 24);
    }
    return text;
}

inline void set_mtime(const std::string& file, std::int64_t seconds, long nanoseconds = 0) {
    const timespec times[2] = {{seconds, nanoseconds}, {seconds, nanoseconds}};
    ASSERT_EQ(::utimensat(AT_FDCWD, file.c_str(), times, AT_SYMLINK_NOFOLLOW), 0);
}

// Waits for a program; its output and whether it ended well.
struct Ran {
    bool ok = false;
    std::string output;
};
inline Ran run(std::vector<std::string> words) {
    const TempDir dir;
    Ran ran;
    ran.ok = run_process(std::move(words), dir / "log");
    ran.output = slurp(dir / "log");
    return ran;
}
inline Ran shell(const std::string& line) { return run({"/bin/sh", "-c", line}); }

inline std::vector<std::string> paths_of(const PackageReport& report, PackageProblem::What what) {
    std::vector<std::string> list;
    for (const PackageProblem& problem : report.problems)
        if (problem.what == what) list.push_back(problem.path);
    return list;
}

class PackageTest : public testing::Test {
  protected:
    std::string source(const std::string& name = "") const { return dir / ("data" + (name.empty() ? name : "/" + name)); }

    BackupSource tree() const {
        BackupSource source_config;
        source_config.kind = "tree";
        source_config.path = source();
        return source_config;
    }
    static BackupSource command(const std::string& name, const std::string& line) {
        BackupSource source_config;
        source_config.kind = "command";
        source_config.name = name;
        source_config.command = {"/bin/sh", "-c", line};
        return source_config;
    }
    BackupSource database(const std::string& name) const {
        BackupSource source_config;
        source_config.kind = "sqlite";
        source_config.path = source(name);
        return source_config;
    }

    PackageRequest request() const {
        PackageRequest wanted;
        wanted.sources = {tree()};
        wanted.compression = Compression::balanced;
        wanted.instance = "host01";
        wanted.version = "1.2.3";
        wanted.now = wall_from_ms(1'795'466'188'000);
        wanted.temp_dir = dir / "temp";
        wanted.min_free = 0;
        wanted.workers = 2;
        return wanted;
    }

    Result<PackageReport> build(const PackageRequest& wanted, MemorySink& sink, const OpContext& ctx = {}) const {
        auto report = build_package(ctx, wanted, sink, nullptr);
        EXPECT_TRUE(!std::filesystem::exists(dir / "temp") || std::filesystem::is_empty(dir / "temp")) << "temporary files were left";
        return report;
    }
    // The archive's bytes.
    std::string pack(const PackageRequest& wanted) {
        MemorySink sink;
        auto report = build(wanted, sink);
        EXPECT_THAT(report, IsOk());
        if (report) {
            EXPECT_EQ(report->archive_bytes, sink.bytes.size());
            last = std::move(*report);
        }
        return std::move(sink.bytes);
    }

    std::unique_ptr<PackageReader> open(const std::string& archive, const std::string& passphrase = "") const {
        PackageReaderOptions options;
        if (!passphrase.empty()) options.passphrase.emplace(passphrase);
        auto reader = PackageReader::open({}, std::make_shared<MemoryRanges>(archive), std::move(options));
        EXPECT_THAT(reader, IsOk());
        return reader ? std::move(*reader) : nullptr;
    }
    static std::string content(PackageReader& reader, const std::string& name) {
        const PackageEntry* entry = reader.find(name);
        if (entry == nullptr) return "(" + name + " is not there)";
        std::string text;
        const auto extracted = reader.extract({}, *entry, [&](ByteSpan data) -> Status {
            text.append(reinterpret_cast<const char*>(data.data()), data.size());
            return {};
        });
        return extracted ? text : extracted.error().to_string();
    }
    static std::vector<std::string> names(const PackageReader& reader) {
        std::vector<std::string> list;
        for (const PackageEntry& entry : reader.entries()) list.push_back(entry.name);
        return list;
    }

    TempDir dir;
    PackageReport last;
};

}  // namespace oracxfs::test
