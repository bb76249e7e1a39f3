// What other programs make of our packages, and we of theirs.

#include <gmock/gmock.h>
#include <zip.h>

#include "tests/unit/packager/package_setup.h"

namespace oracxfs::test {
namespace {

using testing::HasSubstr;

class InteropTest : public PackageTest {
  protected:
    void make_tree() const {
        spill(source("a.txt"), prose(300'000));
        spill(source("sub/noise.bin"), noise(700'000));
        spill(source("sub/large.txt"), prose(18u << 20, 3));
        spill(source("sub/medium.txt"), prose(2u << 20, 4) + noise(600'000));
        spill(source("zero"), "");
        spill(source("Übung/ß.txt"), "umlauts");
        spill(source("with space & 'quotes'"), "x");
        std::filesystem::create_directories(source("empty folder"));
        std::filesystem::create_symlink("a.txt", source("link"));
        ::chmod(source("a.txt").c_str(), 0751);
        set_mtime(source("a.txt"), 1'600'000'001);
    }
    std::string archive_file(const PackageRequest& wanted) {
        spill(dir / "package.zip", pack(wanted));
        return dir / "package.zip";
    }
};

TEST_F(InteropTest, UnzipTestsAndRestoresIt) {
    make_tree();
    const std::string file = archive_file(request());
    const Ran tested = run({"/usr/bin/unzip", "-tq", file});
    EXPECT_TRUE(tested.ok) << tested.output;
    EXPECT_THAT(tested.output, HasSubstr("No errors detected"));
    const Ran restored = shell("LC_ALL=C.UTF-8 unzip -q '" + file + "' -d '" + (dir / "out") + "' && diff -r --no-dereference '" + source() +
                               "' '" + (dir / "out/data") + "'");
    EXPECT_TRUE(restored.ok) << restored.output;
    struct stat status {};
    ASSERT_EQ(::stat((dir / "out/data/a.txt").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777u, 0751u);
    EXPECT_EQ(status.st_mtim.tv_sec, 1'600'000'001);
}

TEST_F(InteropTest, SevenZipTestsIt) {
    make_tree();
    const Ran tested = run({"/usr/bin/7z", "t", archive_file(request())});
    EXPECT_TRUE(tested.ok) << tested.output;
    EXPECT_THAT(tested.output, HasSubstr("Everything is Ok"));
    EXPECT_THAT(tested.output, testing::Not(HasSubstr("arning")));
}

TEST_F(InteropTest, PythonTestsItAndReadsIt) {
    make_tree();
    const Ran ran = run({"/usr/bin/python3", "-c",
                         "import zipfile, sys, hashlib, json\n"
                         "z = zipfile.ZipFile(sys.argv[1])\n"
                         "assert z.testzip() is None\n"
                         "m = json.loads(z.read('manifest.json'))\n"
                         "names = [x['name'] for x in m['members']] + ['manifest.json']\n"
                         "assert names == z.namelist(), (names, z.namelist())\n"
                         "for x in m['members']:\n"
                         "    if 'sha256' in x: assert hashlib.sha256(z.read(x['name'])).hexdigest() == x['sha256'], x\n"
                         "print('good', len(names))\n",
                         archive_file(request())});
    EXPECT_TRUE(ran.ok) << ran.output;
    EXPECT_THAT(ran.output, HasSubstr("good 14"));
}

TEST_F(InteropTest, EncryptedOnesOpenInSevenZipWithThePassphraseOnly) {
    make_tree();
    PackageRequest wanted = request();
    wanted.passphrase.emplace("correct horse ü");
    const std::string file = archive_file(wanted);
    const Ran tested = run({"/usr/bin/7z", "t", "-pcorrect horse ü", file});
    EXPECT_TRUE(tested.ok) << tested.output;
    EXPECT_FALSE(run({"/usr/bin/7z", "t", "-pwrong", file}).ok);
    const Ran listed = run({"/usr/bin/7z", "l", "-slt", file});
    EXPECT_THAT(listed.output, HasSubstr("AES-256"));
    // How to restore can be read by everybody.
    const Ran read = run({"/usr/bin/unzip", "-p", file, "RESTORE.txt"});
    EXPECT_TRUE(read.ok);
    EXPECT_THAT(read.output, HasSubstr("7-Zip"));
    const Ran extracted = shell("7z x -y '-pcorrect horse ü' -o'" + (dir / "out") + "' '" + file + "' >/dev/null && diff -r --no-dereference '" +
                                source() + "' '" + (dir / "out/data") + "'");
    EXPECT_TRUE(extracted.ok) << extracted.output;
}

struct Discard {
    void operator()(zip_t* archive) const { zip_discard(archive); }
};
struct CloseFile {
    void operator()(zip_file_t* file) const { zip_fclose(file); }
};

TEST_F(InteropTest, LibzipChecksItsConsistencyAndDecrypts) {
    make_tree();
    for (const bool encrypted : {false, true}) {
        PackageRequest wanted = request();
        if (encrypted) wanted.passphrase.emplace("secret");
        const std::string file = archive_file(wanted);
        int code = 0;
        const std::unique_ptr<zip_t, Discard> archive(zip_open(file.c_str(), ZIP_RDONLY | ZIP_CHECKCONS, &code));
        ASSERT_NE(archive, nullptr) << "libzip error " << code << (encrypted ? ", encrypted" : "");
        zip_set_default_password(archive.get(), "secret");
        for (const std::string name : {"data/a.txt", "data/sub/large.txt", "data/sub/noise.bin", "data/sub/medium.txt", "data/zero"}) {
            const std::unique_ptr<zip_file_t, CloseFile> opened(zip_fopen(archive.get(), name.c_str(), 0));
            ASSERT_NE(opened, nullptr) << name << ": " << zip_strerror(archive.get());
            std::string text(20u << 20, '\0');
            const zip_int64_t count = zip_fread(opened.get(), text.data(), text.size());
            ASSERT_GE(count, 0) << name;
            text.resize(static_cast<std::size_t>(count));
            EXPECT_TRUE(text == slurp(dir / name)) << name;
        }
    }
}

TEST_F(InteropTest, ReadsWhatLibzipWroteAndEncrypted) {
    const std::string text = prose(3u << 20), name = "folder/file.txt";
    for (const zip_uint16_t method : std::initializer_list<zip_uint16_t>{ZIP_EM_NONE, ZIP_EM_AES_128, ZIP_EM_AES_192, ZIP_EM_AES_256}) {
        const std::string file = dir / ("libzip" + std::to_string(method) + ".zip");
        int code = 0;
        zip_t* archive = zip_open(file.c_str(), ZIP_CREATE, &code);
        ASSERT_NE(archive, nullptr);
        const zip_int64_t index = zip_file_add(archive, name.c_str(), zip_source_buffer(archive, text.data(), text.size(), 0), 0);
        ASSERT_GE(index, 0);
        ASSERT_EQ(zip_file_set_encryption(archive, static_cast<zip_uint64_t>(index), method, "secret"), 0);
        ASSERT_EQ(zip_close(archive), 0);
        const auto reader = open(slurp(file), "secret");
        ASSERT_NE(reader, nullptr);
        EXPECT_TRUE(content(*reader, name) == text) << method;
    }
}

TEST_F(InteropTest, ReadsWhatInfoZipSevenZipAndPythonWrote) {
    make_tree();
    const std::string in = "cd '" + dir.path() + "' && ";
    ASSERT_TRUE(shell(in + "zip -q -r -y info.zip data").ok);
    ASSERT_TRUE(shell(in + "cat data/a.txt | zip -q stream.zip -").ok);
    ASSERT_TRUE(shell(in + "7z a -tzip -psecret -mem=AES256 seven.zip data >/dev/null").ok);
    ASSERT_TRUE(shell(in + "python3 -m zipfile -c python.zip data").ok);
    for (const char* file : {"info.zip", "seven.zip", "python.zip"}) {
        const auto reader = open(slurp(dir / file), "secret");
        ASSERT_NE(reader, nullptr) << file;
        EXPECT_TRUE(content(*reader, "data/sub/large.txt") == slurp(source("sub/large.txt"))) << file;
        EXPECT_EQ(content(*reader, "data/zero"), "") << file;
    }
    EXPECT_TRUE(content(*open(slurp(dir / "stream.zip")), "-") == slurp(source("a.txt")));
    EXPECT_EQ(open(slurp(dir / "info.zip"))->find("data/link")->kind, PackageEntry::Kind::symlink);
    EXPECT_EQ(open(slurp(dir / "info.zip"))->find("data/a.txt")->mtime_s, 1'600'000'001);
}

}  // namespace
}  // namespace oracxfs::test
