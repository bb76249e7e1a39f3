// Rules of the project that a compiler does not check. Each rule is a function over one file or all of them, and is
// also tried on a sample that breaks it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <map>

#include "base/error.h"
#include "tests/tidy/definitions.h"
#include "tests/tidy/source_tree.h"

namespace oracxfs::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::uintmax_t kFileBytesMax = 256u << 10;

const std::vector<SourceFile>& tree() {
    static const std::vector<SourceFile> files = read_source_tree(ORACXFS_SOURCE_DIR);
    return files;
}

const std::string& text_of(const std::string& path) {
    static const std::string missing;
    for (const SourceFile& file : tree())
        if (file.path == path) return file.text;
    ADD_FAILURE() << path << " is missing";
    return missing;
}

SourceFile sample(std::string path, std::string text) {
    return {std::move(path), text, code_only(text)};
}

std::string joined(const std::vector<std::string>& lines) {
    std::string text;
    for (const std::string& line : lines) text += "\n  " + line;
    return text;
}

template <class Rule>
std::vector<std::string> violations(Rule rule) {
    std::vector<std::string> all;
    for (const SourceFile& file : tree())
        for (std::string& line : rule(file)) all.push_back(std::move(line));
    return all;
}

std::string_view first_folder(std::string_view path) { return path.substr(0, path.find('/')); }

// ---- Layers ----

std::vector<std::string> wrong_layer_includes(const SourceFile& file) {
    static const std::map<std::string_view, std::vector<std::string_view>> allowed{
        {"base", {"base"}},
        {"providers", {"base", "providers"}},
        {"cache", {"base", "cache"}},
        {"fs", {"base", "providers", "cache", "fs"}},
        {"tools", {"base", "providers", "cache", "fs", "tools"}},
    };
    std::vector<std::string> found;
    if (!is_product_code(file)) return found;
    const auto& layers = allowed.at(first_folder(file.path));
    for (const Include& include : includes_of(file.text)) {
        if (!include.quoted) continue;
        if (std::find(layers.begin(), layers.end(), first_folder(include.header)) == layers.end())
            found.push_back(file.path + ":" + std::to_string(include.line) + ": includes \"" + include.header + "\"");
    }
    return found;
}

TEST(Layers, IncludeOnlyWhatLiesBelowThem) {
    EXPECT_THAT(violations(wrong_layer_includes), IsEmpty()) << joined(violations(wrong_layer_includes));
}

TEST(Layers, RuleNoticesAWrongInclude) {
    EXPECT_THAT(wrong_layer_includes(sample("cache/x.cpp", "#include \"providers/provider.h\"")), SizeIs(1));
    EXPECT_THAT(wrong_layer_includes(sample("providers/x.h", "#include \"cache/catalog.h\"")), SizeIs(1));
    EXPECT_THAT(wrong_layer_includes(sample("base/x.cpp", "#include \"fs/ack.h\"")), SizeIs(1));
    EXPECT_THAT(wrong_layer_includes(sample("fs/x.cpp", "#include \"tests/support/blobs.h\"")), SizeIs(1));
    EXPECT_THAT(wrong_layer_includes(sample("fs/x.cpp", "#include \"sibling.h\"")), SizeIs(1));
    EXPECT_THAT(wrong_layer_includes(sample("fs/x.cpp", "#include \"cache/catalog.h\"\n#include <map>")), IsEmpty());
}

// ---- Third-party headers ----

struct Library {
    std::string_view header;              // how its headers begin
    std::vector<std::string_view> users;  // how the paths of the files begin that may include them
};

std::vector<std::string> wrong_library_includes(const SourceFile& file) {
    static const std::vector<Library> libraries{
        {"sqlite3", {"cache/sqlite.", "cache/sqlite_copy."}},
        {"libssh2", {"providers/sftp/"}},
        {"fuse", {"fs/fuse_adapter"}},
        {"spdlog/", {"base/log.cpp"}},
        {"rapidjson/", {"base/json.cpp"}},
        {"openssl/", {"base/", "cache/", "providers/", "tools/packager/zip_aes.cpp"}},
        {"curl/", {"providers/http/", "providers/ftp/", "tools/notify/smtp.cpp"}},
        {"CLI/", {"tools/"}},
        {"microhttpd", {"tools/admin/http_"}},
        {"libdeflate", {"tools/packager/deflate.cpp"}},
        {"zlib", {"tools/packager/deflate.cpp", "tools/packager/inflate.cpp"}},
        {"zip.h", {}},
        {"minizip", {}},
        {"gtest/", {}},
        {"gmock/", {}},
    };
    std::vector<std::string> found;
    if (!is_product_code(file)) return found;
    for (const Include& include : includes_of(file.text))
        for (const Library& library : libraries) {
            if (include.quoted || !include.header.starts_with(library.header)) continue;
            if (std::none_of(library.users.begin(), library.users.end(),
                             [&](std::string_view user) { return is_in(file.path, user); }))
                found.push_back(file.path + ":" + std::to_string(include.line) + ": includes <" + include.header + ">");
        }
    return found;
}

TEST(Libraries, AreIncludedOnlyByTheirOneUser) {
    EXPECT_THAT(violations(wrong_library_includes), IsEmpty()) << joined(violations(wrong_library_includes));
}

TEST(Libraries, RuleNoticesAWrongInclude) {
    EXPECT_THAT(wrong_library_includes(sample("cache/catalog.cpp", "#include <sqlite3.h>")), SizeIs(1));
    EXPECT_THAT(wrong_library_includes(sample("cache/sqlite.cpp", "#include <sqlite3.h>")), IsEmpty());
    EXPECT_THAT(wrong_library_includes(sample("tools/x.cpp", "#include <fuse3/fuse_lowlevel.h>")), SizeIs(1));
    EXPECT_THAT(wrong_library_includes(sample("base/json_value.cpp", "#include <rapidjson/reader.h>")), SizeIs(1));
    EXPECT_THAT(wrong_library_includes(sample("fs/x.cpp", "#include <gtest/gtest.h>")), SizeIs(1));
}

// ---- Words ----

struct BannedWord {
    std::string_view word;
    std::string_view instead;
    std::vector<std::string_view> except_in;
};

const std::vector<BannedWord>& banned_words() {
    constexpr std::string_view kNoSleep = "Clock::sleep_until or a condition";
    constexpr std::string_view kNoPrint = "log:: or a value that tools/ prints";
    constexpr std::string_view kNoBuffer = "std::string or fmt::format";
    static const std::vector<BannedWord> words{
        // getaddrinfo() can't be stopped: its thread owns all it touches and is left behind when nobody waits any more.
        {"std::thread", "std::jthread, which joins and can be stopped", {"providers/sftp/ssh_connection.cpp"}},
        {"detach()", "a thread that somebody joins", {"providers/sftp/ssh_connection.cpp"}},
        {"this_thread::sleep_for", kNoSleep, {}},
        {"this_thread::sleep_until", kNoSleep, {}},
        {"usleep(", kNoSleep, {}},
        {"nanosleep(", kNoSleep, {}},
        {"sleep(", kNoSleep, {}},
        {"system_clock::now", "Clock::wall", {"base/clock.cpp"}},
        {"gettimeofday(", "Clock::wall", {}},
        // The kernel's UTIME_NOW wants nanoseconds, which Clock does not have.
        {"clock_gettime(", "Clock::wall or Clock::steady", {"fs/fuse_adapter_operations.cpp"}},
        {"time(nullptr)", "Clock::wall", {}},
        // Waits of the operating system itself, poll() and conditions, know no other clock.
        {"steady_clock::now",
         "Clock::steady",
         {"base/clock.cpp", "providers/sftp/sftp_pool.cpp", "tools/control/socket.cpp"}},
        {"std::cout", kNoPrint, {"tools/"}},
        {"std::cerr", kNoPrint, {"tools/"}},
        {"printf(", kNoPrint, {"tools/"}},
        {"fprintf(", kNoPrint, {"tools/"}},
        {"puts(", kNoPrint, {"tools/"}},
        {"fputs(", kNoPrint, {"tools/"}},
        {"sprintf(", kNoBuffer, {}},
        {"vsprintf(", kNoBuffer, {}},
        {"strcpy(", kNoBuffer, {}},
        {"strcat(", kNoBuffer, {}},
        {"rand(", "random_bytes", {}},
        {"srand(", "random_bytes", {}},
        {"strerror(", "error_from_errno (strerror is not thread-safe)", {}},
        {"new", "std::make_unique", {}},
        {"delete", "an owner of its own type", {}},
        {"std::regex", "a scanner by hand (std::regex overflows the stack on long input)", {}},
        {"using namespace std;", "the name itself", {}},
    };
    return words;
}

bool is_name_character(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

bool is_harmless(std::string_view word, std::string_view before, std::string_view after) {
    if (word == "std::thread") return after.starts_with("::");  // std::thread::id, hardware_concurrency
    if (word == "sleep(" || word == "rand(") return before.ends_with('.') || before.ends_with("->");
    // A factory of a class with a private constructor; everything else needs no owner by hand.
    if (word == "new") return !after.starts_with(' ') || before.find("_ptr<") != std::string_view::npos;
    if (word == "delete") return after.starts_with(';') || after.starts_with(',') || after.starts_with(')');
    return false;
}

bool has_banned_word(std::string_view line, std::string_view word) {
    for (std::size_t at = line.find(word); at != std::string_view::npos; at = line.find(word, at + 1)) {
        const std::size_t end = at + word.size();
        if (is_name_character(word.front()) && at > 0 && is_name_character(line[at - 1])) continue;
        if (is_name_character(word.back()) && end < line.size() && is_name_character(line[end])) continue;
        if (!is_harmless(word, line.substr(0, at), line.substr(end))) return true;
    }
    return false;
}

std::vector<std::string> banned_words_in(const SourceFile& file) {
    std::vector<std::string> found;
    if (!is_product_code(file)) return found;
    for (const BannedWord& word : banned_words()) {
        if (file.code.find(word.word) == std::string::npos) continue;
        if (std::any_of(word.except_in.begin(), word.except_in.end(),
                        [&](std::string_view place) { return is_in(file.path, place); }))
            continue;
        for (const std::string& line :
             lines_with(file.path, file.code, [&](const std::string& text) { return has_banned_word(text, word.word); }))
            found.push_back(line + "   (use " + std::string(word.instead) + ")");
    }
    return found;
}

TEST(Words, BannedOnesAreNotInProductCode) {
    EXPECT_THAT(violations(banned_words_in), IsEmpty()) << joined(violations(banned_words_in));
}

class BannedWords : public testing::TestWithParam<const char*> {};

TEST_P(BannedWords, AreNoticed) { EXPECT_THAT(banned_words_in(sample("fs/x.cpp", GetParam())), SizeIs(1)); }

INSTANTIATE_TEST_SUITE_P(
    Samples, BannedWords,
    testing::Values("std::thread worker;", "worker.detach();", "std::this_thread::sleep_for(1s);", "usleep(5);",
                    " sleep(5);", "auto t = std::chrono::system_clock::now();", "auto t = time(nullptr);",
                    "auto t = steady_clock::now();", "std::cout << 1;", "printf(\"x\");", "fprintf(stderr, \"x\");",
                    "std::sprintf(buffer, \"x\");", "int x = rand();", "strerror(errno);", "auto* x = new Thing;",
                    "delete x;", "delete[] x;", "std::regex r;", "using namespace std;"));

class AllowedWords : public testing::TestWithParam<const char*> {};

TEST_P(AllowedWords, AreNotNoticed) { EXPECT_THAT(banned_words_in(sample("fs/x.cpp", GetParam())), IsEmpty()); }

INSTANTIATE_TEST_SUITE_P(
    Samples, AllowedWords,
    testing::Values("std::jthread worker;", "std::thread::hardware_concurrency();", "clock.sleep_for(pause, stop);",
                    "clock_->sleep_until(t, stop);", "// never std::thread", "auto s = \"printf(x)\";",
                    "X(const X&) = delete;", "snprintf(buffer, 3, \"x\");", "/* sleep(1) */", "renew = true;",
                    "auto x = std::unique_ptr<Thing>(new Thing);", "auto t = now + delete_grace;",
                    "wall_time(nullptr);", "auto s = R\"(delete x)\";", "strand(1);"));

TEST(Words, ClockMayAskForTheTime) {
    EXPECT_THAT(banned_words_in(sample("base/clock.cpp", "std::chrono::system_clock::now();")), IsEmpty());
    EXPECT_THAT(banned_words_in(sample("tools/x.cpp", "std::cout << 1;")), IsEmpty());
}

TEST(Words, NothingIsLeftToBeDoneNow) {
    const auto left = violations([](const SourceFile& file) {
        return lines_with(file.path, file.text,
                          [](const std::string& line) { return line.find("TODO(" "now)") != std::string::npos; });
    });
    EXPECT_THAT(left, IsEmpty()) << joined(left);
}

TEST(Headers, AreIncludedOnce) {
    const auto unguarded = violations([](const SourceFile& file) -> std::vector<std::string> {
        if (!file.path.ends_with(".h") || file.text.find("#pragma once") != std::string::npos) return {};
        return {file.path};
    });
    EXPECT_THAT(unguarded, IsEmpty());
}

// ---- Error catalogue and its page ----

constexpr std::array kAllInfos = {
#define X(name, e_code, err, exit_code, retry, hint) \
    ErrcInfo{Errc::name, #name, e_code, err, exit_code, RetryClass::retry, hint},
#include "base/error_codes.def"
#undef X
};

std::vector<std::string> headings_of_errors_page() {
    std::vector<std::string> headings;
    std::istringstream stream(text_of("docs/ERRORS.md"));
    for (std::string line; std::getline(stream, line);)
        if (line.starts_with("### E-")) headings.push_back(line.substr(4));
    return headings;
}

TEST(ErrorsPage, HasOneParagraphForEachCodeInTheCataloguesOrder) {
    std::vector<std::string> expected;
    for (const ErrcInfo& info : kAllInfos) expected.emplace_back(info.e_code);
    EXPECT_EQ(headings_of_errors_page(), expected);
}

TEST(ErrorsPage, GivesEachCodesExitCodeAndErrno) {
    const std::string& page = text_of("docs/ERRORS.md");
    for (const ErrcInfo& info : kAllInfos) {
        const std::string expected = "### " + std::string(info.e_code) + "\n\n*exit " + std::to_string(info.exit_code) +
                                     " · " + ::strerrorname_np(info.errno_value) + " · ";
        EXPECT_NE(page.find(expected), std::string::npos) << "expected in docs/ERRORS.md: " << expected;
    }
}

TEST(ErrorsPage, TableHasEveryExitCodeThatIsUsed) {
    const std::string& page = text_of("docs/ERRORS.md");
    for (const ErrcInfo& info : kAllInfos)
        EXPECT_THAT(page, HasSubstr("\n| " + std::to_string(info.exit_code) + " |"));
}

TEST(ErrorCatalogue, CodesAreUniqueAndHintsSaySomething) {
    std::map<std::string_view, int> count;
    for (const ErrcInfo& info : kAllInfos) {
        EXPECT_EQ(++count[info.e_code], 1) << info.e_code;
        EXPECT_GE(info.hint.size(), 10u) << info.e_code;
        EXPECT_GT(info.errno_value, 0) << info.e_code;
        EXPECT_GT(info.exit_code, 0) << info.e_code;
    }
}

// ---- Crash points ----

std::vector<std::string> crash_points_in(const SourceFile& file) {
    constexpr std::string_view kMacro = "ORACX_CRASH_POINT(\"";
    std::vector<std::string> names;
    if (!is_product_code(file)) return names;
    for (std::size_t at = file.text.find(kMacro); at != std::string::npos; at = file.text.find(kMacro, at + 1)) {
        const std::size_t start = at + kMacro.size();
        names.push_back(file.text.substr(start, file.text.find('"', start) - start));
    }
    return names;
}

TEST(CrashPoints, HaveUniqueNames) {
    std::vector<std::string> names = violations(crash_points_in);
    std::sort(names.begin(), names.end());
    for (std::size_t i = 1; i < names.size(); ++i) EXPECT_NE(names[i], names[i - 1]);
}

TEST(CrashPoints, AreFoundByTheRule) {
    EXPECT_EQ(crash_points_in(sample("cache/x.cpp", "ORACX_CRASH_POINT(\"a.b\"); ORACX_CRASH_POINT(\"a.c\");")),
              (std::vector<std::string>{"a.b", "a.c"}));
}

// ---- Types ----

// What a file is linked into: product code and the tests' support into everything, other tests into one program a folder.
std::string program_of(const std::string& path) {
    if (!is_in(path, "tests/") || is_in(path, "tests/support/")) return "";
    if (is_in(path, "tests/bench/")) return path;
    return path.substr(0, path.rfind('/'));
}

std::vector<std::string> types_defined_twice(const std::vector<SourceFile>& files) {
    std::map<std::string, std::vector<TypeDefinition>> by_name;
    for (const SourceFile& file : files)
        for (TypeDefinition& type : types_defined_in(file)) by_name[type.name].push_back(std::move(type));
    std::vector<std::string> found;
    for (const auto& [name, places] : by_name)
        for (std::size_t i = 0; i < places.size(); ++i)
            for (std::size_t j = i + 1; j < places.size(); ++j) {
                if (places[i].path == places[j].path) continue;
                const std::string a = program_of(places[i].path), b = program_of(places[j].path);
                if (a != b && !a.empty() && !b.empty()) continue;
                found.push_back(name + ": " + places[i].path + ":" + std::to_string(places[i].line) + " and " +
                                places[j].path + ":" + std::to_string(places[j].line));
            }
    return found;
}

TEST(Types, OfOneNameAreDefinedInOneFile) {
    const auto found = types_defined_twice(tree());
    EXPECT_THAT(found, IsEmpty()) << joined(found) << "\n  (an anonymous namespace keeps a type to its file)";
}

TEST(Types, AreFoundInTheTree) {
    std::vector<std::string> names;
    for (const SourceFile& file : tree())
        for (const TypeDefinition& type : types_defined_in(file)) names.push_back(type.name);
    EXPECT_GT(names.size(), 250u);
    for (const char* name : {"oracxfs::Catalog", "oracxfs::Filesystem::Impl", "oracxfs::Errc", "oracxfs::sftp::SftpHome",
                             "oracxfs::test::MemoryProvider", "oracxfs::Id"})
        EXPECT_THAT(names, testing::Contains(name));
}

TEST(Types, RuleNoticesTwoOfOneName) {
    const auto clash = [](const std::string& a, const std::string& b, const std::string& where = "fs/b.cpp") {
        return types_defined_twice({sample("fs/a.cpp", "namespace oracxfs {\n" + a + "\n}"),
                                    sample(where, "namespace oracxfs {\n" + b + "\n}")});
    };
    EXPECT_THAT(clash("struct Waiter {};", "class Waiter final : public Base { int x; };"),
                testing::ElementsAre("oracxfs::Waiter: fs/a.cpp:2 and fs/b.cpp:2"));
    EXPECT_THAT(clash("enum class Kind : int { a };", "enum Kind { b };"), SizeIs(1));
    EXPECT_THAT(clash("template <class T>\nstruct [[nodiscard]] Id { T x; };", "union Id { int a; };"), SizeIs(1));
    EXPECT_THAT(clash("struct A::Impl {};", "struct A::Impl {};"), SizeIs(1));
    EXPECT_THAT(clash("struct A {};", "struct A {};", "tests/support/b.h"), SizeIs(1));
    EXPECT_THAT(clash("struct A {};", "struct A {};", "tests/unit/fs/b_test.cpp"), SizeIs(1));
    EXPECT_THAT(clash("#define OPEN {\nstruct A {};", "namespace {\nint f() { return 1; }\n}\nstruct A {};"), SizeIs(1));
    EXPECT_THAT(clash("struct A {};", "namespace { struct A {}; }"), IsEmpty());
    EXPECT_THAT(clash("struct A {};", "namespace sftp { struct A {}; }"), IsEmpty());
    EXPECT_THAT(clash("struct A {};", "struct A;\nstruct B { struct A {}; };\nvoid f() { struct A {}; }"), IsEmpty());
    EXPECT_THAT(clash("struct A {};", "struct A make() { return {}; }\nstruct A value {};"), IsEmpty());
    EXPECT_THAT(clash("struct A<int> {};", "struct A<char> {};"), IsEmpty());
    EXPECT_THAT(types_defined_twice({sample("tests/fs/a.cpp", "struct A {};"), sample("tests/cache/a.cpp", "struct A {};")}),
                IsEmpty());
}

// ---- Files ----

// Paths that exist on one machine only: somebody's home, or the folder this tree happens to lie in.
std::vector<std::string> machine_paths_in(const SourceFile& file) {
    std::vector<std::string> found = lines_with(file.path, file.text, [](std::string_view line) {
        for (const std::string_view home : {"/home/", "/Users/", "/root/"})
            for (std::size_t at = line.find(home); at != std::string_view::npos; at = line.find(home, at + 1)) {
                const std::size_t end = at + home.size();
                const bool starts_a_path = at == 0 || (!is_name_character(line[at - 1]) && line[at - 1] != '.');
                const bool goes_on = end < line.size() && (is_name_character(line[end]) || line[end] == '.');
                // Nobody's: examples in the documents, and Ada, who lives in the tests.
                const std::string_view owner = line.substr(end, line.find_first_of("/ \"'`", end) - end);
                const bool made_up = owner == "you" || owner == "ada";
                if (starts_a_path && goes_on && !made_up) return true;
            }
        return false;
    });
    if (file.text.find(ORACXFS_SOURCE_DIR "/") != std::string::npos)
        found.push_back(file.path + ": names the folder " ORACXFS_SOURCE_DIR);
    return found;
}

TEST(Files, NameNoPathOfOneMachine) {
    const auto found = violations([](const SourceFile& file) {
        return file.path == "tests/tidy/tidy_test.cpp" ? std::vector<std::string>{} : machine_paths_in(file);
    });
    EXPECT_THAT(found, IsEmpty()) << joined(found);
}

TEST(Files, RuleNoticesAMachinePath) {
    EXPECT_THAT(machine_paths_in(sample("docs/x.md", "see /home/anna/x")), SizeIs(1));
    EXPECT_THAT(machine_paths_in(sample("docs/x.md", "see /root/.ssh")), SizeIs(1));
    EXPECT_THAT(machine_paths_in(sample("docs/x.md", "see " ORACXFS_SOURCE_DIR "/x")), SizeIs(1));
    EXPECT_THAT(machine_paths_in(sample("docs/x.md", "see ~/x, /etc/x and $HOME")), IsEmpty());
}

TEST(Files, AreSmall) {
    for (const SourceFile& file : tree()) EXPECT_LE(file.text.size(), kFileBytesMax) << file.path;
}

TEST(Files, AreTheWholeProject) {
    // The rules above would pass on an empty tree.
    EXPECT_GT(tree().size(), 50u);
    EXPECT_THAT(text_of("base/error_codes.def"), HasSubstr("X(internal"));
}

TEST(CodeOnly, BlanksCommentsAndLiteralsButKeepsLines) {
    EXPECT_EQ(code_only("a // b\nc"), "a     \nc");
    EXPECT_EQ(code_only("a /* b\n */ c"), "a     \n    c");
    EXPECT_EQ(code_only("f(\"a\\\"b\", 'c', 1'000)"), "f(\"    \", ' ', 1'000)");
    EXPECT_EQ(code_only("R\"x(a\")\")x\" b").substr(10), "  b");
}

}  // namespace
}  // namespace oracxfs::test
