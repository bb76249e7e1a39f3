#include "fs/temp_names.h"

#include <gtest/gtest.h>

#include <string>

namespace oracxfs::test {
namespace {

TEST(TempNames, WhatProgramsWriteFirst) {
    for (const std::string name : {
             ".goutputstream-XZ4Q81",          // GIO
             ".backup.zip.a8Fx2Q", ".a.1B2c3D", ".db.sql.gz.k2LmNo", "..hidden.Ab12cD",  // rsync
             "backup.zip.part",                // KIO
             "backup.zip.partial", "backup.zip.partial~",  // Thunar
             "setup.exe.crdownload", "x.opdownload", "x.download",  // browsers
             "upload.filepart", "report.tmp",
             "~$report.docx", ".~lock.report.odt#",  // office programs
             ".notes.txt.swp", ".notes.txt.swx", ".notes.txt.swo", "4913", "notes.txt~",  // vim
             ".notes.txt.kate-swp", ".#notes.txt",  // Kate, Emacs
             ".fuse_hidden0000001200000003", ".nfs000000000123abcd",
             "app.db-journal", "app.db-wal", "app.db-shm",  // SQLite
             "tmp_obj_9Xy2aQ", "tmp_pack_1", "tmp_idx_2",  // git
             ".com.google.Chrome.aB12cd", ".org.chromium.Chromium.Q1w2e3",
             "lockfile.lck", ".directory", ".hidden", ".DS_Store", "Thumbs.db", "desktop.ini"})
        EXPECT_TRUE(is_temporary_name(name)) << name;
}

TEST(TempNames, WhatPeopleMean) {
    for (const std::string name : {
             "backup.zip", "oracxpred_backup_20261123_203628.zip", "dump.sql.gz", "README", "a", "~",
             "part", "report.part1.rar", "x.parts", "partial", "tmp", "tmp.txt", "swap.swpx", "4913.txt", "49130",
             ".part", ".partial", ".tmp", ".swp", ".download", "-wal", "-journal",  // nothing in front of the suffix
             ".bashrc", ".profile", ".gitignore", ".config",
             ".env.backup", ".my.config",     // six letters of a word, not a random tag
             ".snapshot.202611", ".log.261123",  // a date
             ".name.ABCDE", ".name.ABCDEFG",  // five, seven
             ".name.AB-DEF", "name.a8Fx2Q",   // not a letter or digit; no dot in front
             ".XXXXXX", "a8Fx2Q",
             "directory", "hidden", "thumbs.db.zip", "lck", "journal", "goutputstream-1", "fuse_hidden", "nfs", "$report.docx",
             "Trash", ""})
        EXPECT_FALSE(is_temporary_name(name)) << name;
}

TEST(TempNames, TagsOfRsyncStartAfterADot) {
    EXPECT_TRUE(is_temporary_name(".x.aaaaaB"));
    EXPECT_FALSE(is_temporary_name(".x.aaaaab"));
    EXPECT_TRUE(is_temporary_name(".x.aaaaa1"));
    EXPECT_FALSE(is_temporary_name("..aaaaaB"));  // no name between the dots
}

TEST(TempNames, TrashOfDesktops) {
    for (const std::string name : {".Trash-1000", ".Trash-0", ".Trash"}) EXPECT_TRUE(is_desktop_trash(name)) << name;
    for (const std::string name : {".Trashes", "Trash-1000", "Trash", ".trash", ".Tras", ""}) EXPECT_FALSE(is_desktop_trash(name)) << name;
}

}  // namespace
}  // namespace oracxfs::test
