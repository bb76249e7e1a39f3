// Every registered crash point: a child process dies there in the middle of real work, another one opens what it left,
// lets everything settle and checks that whatever was acknowledged is intact in the tree and at every provider, that
// nothing partial or foreign is visible, and that no leftovers stay.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>

#include "base/crash_point.h"
#include "base/log.h"
#include "tests/support/blobs.h"
#include "tests/support/file_system_stack.h"
#include "tests/support/patience.h"
#include "tests/support/temp_dir.h"

namespace oracxfs::test {
namespace {

std::string content_of(int number, std::size_t size) {
    const Bytes bytes = random_content(size, static_cast<std::uint64_t>(number));
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// One line per acknowledged operation: "write PATH NUMBER SIZE", "rename FROM TO", "remove PATH". The line before it says
// what was begun: after a crash the one operation in between may have happened or not.
class Ledger {
  public:
    explicit Ledger(const std::string& path) : fd_(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) {}
    ~Ledger() { ::close(fd_); }
    Ledger(const Ledger&) = delete;
    Ledger& operator=(const Ledger&) = delete;
    void note(const std::string& line) {
        const std::string text = line + "\n";
        if (::write(fd_, text.data(), text.size()) != static_cast<ssize_t>(text.size())) std::abort();
    }

  private:
    int fd_;
};

ReplicatorOptions quick() {
    ReplicatorOptions options;
    options.delete_grace = Millis(200);
    options.retry_pause_min = Millis(50);
    return options;
}

int work(const std::string& home) {
    FileSystemStack stack(home, 2, quick());
    Ledger ledger(home + "/ledger");
    const auto run = [&](const std::string& line, const Status& status) {
        if (!status) {
            std::cerr << line << ": " << status.error().to_string() << "\n";
            ::_exit(3);
        }
        ledger.note("done " + line);
    };
    const auto write = [&](const std::string& path, int number, std::size_t size) {
        const std::string line = "write " + path + " " + std::to_string(number) + " " + std::to_string(size);
        ledger.note("begin " + line);
        run(line, stack.write_file(path, content_of(number, size)));
    };
    const auto rename = [&](const std::string& from, const std::string& to) {
        ledger.note("begin rename " + from + " " + to);
        run("rename " + from + " " + to, stack.rename(from, to));
    };
    if (!stack.make_directory("d")) ::_exit(3);
    write("a", 1, 5'000);
    write("big", 2, 6u << 20);
    write("d/b", 3, 70'000);
    write("a", 4, 9'000);
    rename("a", "d/a");
    write("a", 5, 10);
    rename("d/a", "d/b");
    write(".x.AbC123", 6, 20'000);
    rename(".x.AbC123", "synced");
    write("big", 7, 3u << 20);
    ledger.note("begin remove a");
    run("remove a", stack.remove("a"));
    if (const Status settled = stack.settle(); !settled) ::_exit(4);
    write("last", 8, 100);
    return 0;
}

std::string file_text(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

// The tree that the ledger promises, once with and once without the operation that was under way.
using Tree = std::map<std::string, std::string>;
std::pair<Tree, Tree> promised(const std::string& home) {
    Tree tree, with;
    std::string begun;
    std::ifstream ledger(home + "/ledger");
    const auto apply = [](Tree& to, const std::string& line) {
        std::stringstream words(line);
        std::string verb, first, second;
        int number = 0;
        std::size_t size = 0;
        words >> verb >> first;
        if (verb == "write") {
            words >> number >> size;
            to[first] = content_of(number, size);
        } else if (verb == "rename") {
            words >> second;
            to[second] = to[first];
            to.erase(first);
        } else {
            to.erase(first);
        }
    };
    for (std::string line; std::getline(ledger, line);) {
        if (line.starts_with("begin ")) begun = line.substr(6);
        if (line.starts_with("done ")) {
            apply(tree, line.substr(5));
            begun.clear();
        }
    }
    with = tree;
    if (!begun.empty()) apply(with, begun);
    return {tree, with};
}

int check(const std::string& home) {
    const auto [without, with] = promised(home);
    FileSystemStack stack(home, 2, quick());
    if (const Status settled = stack.settle(); !settled) {
        std::cerr << "not settled: " << settled.error().to_string() << "\n";
        return 1;
    }
    const auto seen_by = [&](const std::string& provider) {
        Tree tree;
        for (const std::string path : {"a", "big", "d/a", "d/b", "synced", "last", ".x.AbC123"})
            if (auto text = stack.read_file(path, provider)) tree[path] = std::move(*text);
        return tree;
    };
    const auto names = [](const Tree& tree) {
        std::string text;
        for (const auto& [name, content] : tree) text += " " + name + ":" + std::to_string(content.size());
        return text;
    };
    const Tree tree = seen_by("");
    if (tree != without && tree != with) {
        std::cerr << "the tree is" << names(tree) << "\n promised" << names(without) << "\n or" << names(with) << "\n";
        return 1;
    }
    Tree replicated = tree;
    replicated.erase(".x.AbC123");  // a temporary name stays here
    // Removals and folders have their own times: at most a few seconds.
    const SteadyTime until = stack.clock.steady() + patient(std::chrono::seconds(20));
    while (true) {
        std::string trouble;
        for (const char* provider : {"p0", "p1"}) {
            Tree there;
            std::error_code absent;  // its first probe makes the folder, perhaps only in a moment
            for (const auto& entry : std::filesystem::recursive_directory_iterator(home + "/" + provider, absent)) {
                const std::string name = std::filesystem::relative(entry.path(), home + "/" + provider).string();
                if (name.starts_with(".oracxfs-trash") || entry.is_directory()) continue;
                there[name] = file_text(entry.path().string());
            }
            if (there != replicated) trouble += std::string(provider) + " holds" + names(there) + " instead of" + names(replicated) + "\n";
        }
        if (trouble.empty()) return 0;
        if (stack.clock.steady() > until) {
            std::cerr << trouble;
            return 1;
        }
        stack.clock.sleep_for(Millis(50), {});
    }
}

// The child's exit status, or 128 + signal.
template <class Body>
int in_child(const Body& body) {
    const pid_t child = ::fork();
    if (child == 0) {
        log::Options quiet;
        quiet.level = log::Level::error;
        log::configure(quiet);
        int status = 5;
        try {
            status = body();
        } catch (const std::exception& error) {
            std::cerr << error.what() << "\n";
        }
        ::_exit(status);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

TEST(CrashPoints, NothingAcknowledgedIsLostAtAnyOfThem) {
    std::vector<std::string> points;
    {
        const TempDir home;
        const std::string list = home / "points";
        ASSERT_EQ(in_child([&] {
                      const int status = work(home.path());
                      std::ofstream file(list);
                      for (const std::string& point : registered_crash_points()) file << point << "\n";
                      file.close();
                      return status;
                  }),
                  0);
        std::ifstream file(list);
        for (std::string line; std::getline(file, line);) points.push_back(line);
        ASSERT_EQ(in_child([&] { return check(home.path()); }), 0) << "without a crash";
    }
    ASSERT_GE(points.size(), 8u);
    for (const std::string& point : points)
        for (const int hit : {1, 2, 5}) {
            const std::string spec = point + ":" + std::to_string(hit);
            SCOPED_TRACE(spec);
            const TempDir home;
            const int status = in_child([&] {
                arm_crash_point(spec);
                return work(home.path());
            });
            ASSERT_TRUE(status == 128 + SIGKILL || status == 0) << status;
            if (status == 0) break;  // fewer hits than that
            EXPECT_EQ(in_child([&] { return check(home.path()); }), 0);
        }
}

}  // namespace
}  // namespace oracxfs::test
