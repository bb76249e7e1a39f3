#include "providers/provider.h"

#include <set>

#include "providers/registry.h"
#include "tests/support/fake_clock.h"
#include "tests/support/matchers.h"
#include "tests/support/memory_provider.h"

namespace oracxfs::test {
namespace {

TEST(InternalNames, OnlyOurOwnAreKnown) {
    for (const char* name :
         {".oracxfs-trash", ".ORACXFS-Trash", ".oracxfs-a.part", ".oracxfs-1a2b3c4d-17.part",
          ".Oracxfs-1A.Part", ".oracxfs-probe-", ".oracxfs-probe-1a2b"})
        EXPECT_TRUE(is_internal_name(name)) << name;
    for (const char* name : {"", ".oracxfs", ".oracxfs-", ".oracxfs-trash2", "oracxfs-trash", ".oracxfs-.part",
                             ".oracxfs-a b.part", ".oracxfs-a.part2", "x.part", ".oracxfs-\xc3\xa9.part"})
        EXPECT_FALSE(is_internal_name(name)) << name;
    EXPECT_TRUE(is_internal_name(part_name(std::string(64, 'a'))));
    EXPECT_FALSE(is_internal_name(part_name(std::string(65, 'a'))));
}

TEST(TrashEntry, TimeCanBeReadBack) {
    const FakeClock clock;
    const std::string entry = trash_entry(clock.wall(), "folder/file");
    EXPECT_TRUE(entry.starts_with("20261123-203628-")) << entry;
    EXPECT_TRUE(entry.ends_with("/folder/file")) << entry;
    EXPECT_EQ(trash_entry_time(entry.substr(0, entry.find('/'))), clock.wall());
    EXPECT_NE(entry, trash_entry(clock.wall(), "folder/file"));
}

TEST(TrashEntry, OtherNamesHaveNoTime) {
    for (const char* name : {"", "20261123", "20261123-203628", "20261123-203628-1a2b3c4", "20261323-203628-1a2b3c4d",
                             "20261123-243628-1a2b3c4d", "2026112x-203628-1a2b3c4d",
                             "20261123 203628-1a2b3c4d", "20261123-203628-1a2b3c4d5"})
        EXPECT_FALSE(trash_entry_time(name).has_value()) << name;
}

TEST(Keys, OnlyCleanRelativePathsAreValid) {
    for (const char* key : {"", "a", "a/b", ".hidden", "...", "a b/ c", "\xff\xfe", "a\nb"})
        EXPECT_THAT(check_key(key), IsOk()) << key;
    for (const char* key : {"/", "/a", "a/", "a//b", ".", "..", "a/.", "a/../b", "./a"})
        EXPECT_THAT(check_key(key), HasCode(Errc::invalid)) << key;
    EXPECT_THAT(check_key(std::string("a\0", 2)), HasCode(Errc::invalid));
}

TEST(Keys, SplitIntoParentAndName) {
    EXPECT_EQ(parent_key("a/b/c"), "a/b");
    EXPECT_EQ(base_name("a/b/c"), "c");
    EXPECT_EQ(parent_key("a"), "");
    EXPECT_EQ(base_name("a"), "a");
    EXPECT_EQ(parent_key(""), "");
}

TEST(Registry, CreatesByTypeAndNamesTheKnownOnes) {
    FakeClock clock;
    ProviderRegistry registry;
    registry.add("memory", [&](const ProviderConfig&) -> Result<std::unique_ptr<Provider>> {
        return std::make_unique<MemoryProvider>(clock);
    });
    registry.add("broken", [](const ProviderConfig&) -> Result<std::unique_ptr<Provider>> {
        return fail(Errc::config, "no");
    });
    ProviderConfig config;
    config.name = "here";
    config.type = "memory";
    EXPECT_THAT(registry.create(config), IsOk());
    config.type = "broken";
    EXPECT_THAT(registry.create(config), HasCode(Errc::config));
    config.type = "floppy";
    const auto unknown = registry.create(config);
    ASSERT_THAT(unknown, HasCode(Errc::config));
    EXPECT_THAT(unknown.error().to_string(), testing::HasSubstr("broken, memory"));
    EXPECT_THAT(registry.types(), testing::ElementsAre("broken", "memory"));
}

}  // namespace
}  // namespace oracxfs::test
