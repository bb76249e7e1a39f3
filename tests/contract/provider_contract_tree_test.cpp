// Names, folders, renames and listings.

#include <algorithm>
#include <set>

#include "tests/contract/provider_contract.h"
#include "tests/support/matchers.h"

namespace oracxfs::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Names that break somebody's quoting, encoding or path rules.
std::vector<std::string> names_from_hell() {
    std::vector<std::string> names{
        "space in the middle",
        " leading and trailing ",
        "trailing dot.",
        "...",
        "-rf",
        "--",
        "it's",
        "\"double\"",
        "back\\slash",
        "new\nline",
        "carriage\rreturn",
        "tab\tbell\a",
        "\x01\x1f\x7f",
        "$(touch x)",
        "`touch x`",
        "; rm -rf *",
        "%2e%2e%2f",
        "%s%n",
        "*?[a]{b}",
        "a:b|c<d>e",
        "#hash&amp;",
        "~",
        "CON",
        "caf\xc3\xa9",        // e with acute, one code point (NFC)
        "cafe\xcc\x81",       // the same to the eye, two code points (NFD)
        "\xe6\x97\xa5\xe6\x9c\xac",
        "\xf0\x9f\x92\xbe",
        "\xe2\x80\xaeknoc",   // right-to-left override
        "latin1-\xe9\xff",    // not UTF-8
        "\xc0\xaf",           // overlong '/'
        std::string(255, 'n'),
    };
    std::string wide;
    while (wide.size() + 3 <= 255) wide += "\xe6\x97\xa5";
    names.push_back(wide);
    return names;
}

TEST_P(ProviderContract, NamesFromHellAreStoredAsTheyAre) {
    std::set<ObjectKey> expected;
    for (const std::string& name : names_from_hell()) {
        SCOPED_TRACE(testing::PrintToString(name));
        const auto result = put(name, "content of " + name);
        if (traits().refuses(name)) {
            EXPECT_THAT(result, HasCode(Errc::name_refused));
            continue;
        }
        ASSERT_THAT(result, IsOk());
        EXPECT_EQ(result->object.key, name);
        EXPECT_EQ(text(name), "content of " + name);
        expected.insert(name);
    }
    const Listing all = listing();
    const std::vector<ObjectKey> keys = all.keys();
    EXPECT_EQ(std::set<ObjectKey>(keys.begin(), keys.end()), expected);
    EXPECT_EQ(keys.size(), expected.size());
    for (const RemoteObject& object : all.entries) {
        SCOPED_TRACE(testing::PrintToString(object.key));
        EXPECT_THAT(provider().remove(ctx_, object, RemoveMode::trash), IsOk());
    }
    EXPECT_THAT(listing().entries, IsEmpty());
    expect_no_leftovers();
}

TEST_P(ProviderContract, FoldersFromHellWorkToo) {
    for (const std::string& name : names_from_hell()) {
        if (traits().refuses(name)) continue;
        SCOPED_TRACE(testing::PrintToString(name));
        const auto object = put(name + "/inner", "x");
        ASSERT_THAT(object, IsOk());
        EXPECT_THAT(listing(name).keys(), ElementsAre(name + "/inner"));
        const auto moved = provider().rename(ctx_, object->object, name + "/moved", std::nullopt);
        ASSERT_THAT(moved, IsOk());
        ASSERT_THAT(provider().remove(ctx_, *moved, RemoveMode::permanent), IsOk());
        EXPECT_THAT(provider().remove_directory(ctx_, name), IsOk());
    }
    EXPECT_THAT(listing().entries, IsEmpty());
}

TEST_P(ProviderContract, CaseTwinsAreTwoFilesOrRefused) {
    stored("Case", "upper");
    const auto lower = put("case", "lower");
    if (provider().capabilities().case_insensitive) {
        EXPECT_THAT(lower, HasCode(traits().case_twin));
        EXPECT_EQ(text("CASE"), "upper");
        EXPECT_THAT(listing().keys(), ElementsAre("Case"));
    } else {
        EXPECT_THAT(lower, IsOk());
        EXPECT_EQ(text("Case"), "upper");
        EXPECT_EQ(text("case"), "lower");
    }
}

TEST_P(ProviderContract, FoldersMayBeDeep) {
    ObjectKey key = "deep";
    std::size_t folders = 1;
    for (; folders < 60; ++folders) key += "/level-" + std::to_string(folders);
    stored(key + "/file", "at the bottom");
    EXPECT_EQ(text(key + "/file"), "at the bottom");
    EXPECT_EQ(listing().entries.size(), folders + 1);
    EXPECT_THAT(listing(key).keys(), ElementsAre(key + "/file"));
}

TEST_P(ProviderContract, MakeDirectoryIsRepeatable) {
    const auto made = provider().make_directory(ctx_, "a/b/c");
    ASSERT_THAT(made, IsOk());
    EXPECT_TRUE(made->is_directory);
    EXPECT_EQ(made->key, "a/b/c");
    EXPECT_THAT(provider().make_directory(ctx_, "a/b/c"), IsOk());
    EXPECT_THAT(provider().make_directory(ctx_, "a"), IsOk());
    EXPECT_THAT(listing().keys(), ElementsAre("a", "a/b", "a/b/c"));
}

TEST_P(ProviderContract, MakeDirectoryOverAFileIsRefused) {
    stored("file", "x");
    EXPECT_THAT(provider().make_directory(ctx_, "file"), HasCode(Errc::exists));
    EXPECT_EQ(text("file"), "x");
}

TEST_P(ProviderContract, RemoveDirectoryTakesOnlyEmptyOnes) {
    stored("folder/file", "x");
    EXPECT_THAT(provider().remove_directory(ctx_, "folder"), HasCode(Errc::not_empty));
    const auto object = provider().stat(ctx_, "folder/file");
    ASSERT_THAT(object, IsOk());
    ASSERT_THAT(provider().remove(ctx_, *object, RemoveMode::trash), IsOk());
    EXPECT_THAT(provider().remove_directory(ctx_, "folder"), IsOk());
    EXPECT_THAT(provider().remove_directory(ctx_, "folder"), IsOk());
    EXPECT_THAT(provider().remove_directory(ctx_, "no/such/folder"), IsOk());
    EXPECT_THAT(listing().entries, IsEmpty());
}

TEST_P(ProviderContract, RemoveDirectorySparesForeignFiles) {
    ASSERT_THAT(provider().make_directory(ctx_, "folder"), IsOk());
    if (!environment().add_behind("folder/.hidden", bytes_of("x")))
        GTEST_SKIP() << "cannot add anything here";
    EXPECT_THAT(provider().remove_directory(ctx_, "folder"), HasCode(Errc::not_empty));
    EXPECT_EQ(text("folder/.hidden"), "x");
}

TEST_P(ProviderContract, RenameMovesAFile) {
    const RemoteObject object = stored("a/from", "moving");
    const auto moved = provider().rename(ctx_, object, "b/c/to", std::nullopt);
    ASSERT_THAT(moved, IsOk());
    EXPECT_EQ(moved->key, "b/c/to");
    EXPECT_EQ(moved->size, 6u);
    EXPECT_EQ(text("b/c/to"), "moving");
    EXPECT_THAT(provider().stat(ctx_, "a/from"), HasCode(Errc::not_found));
    EXPECT_THAT(listing().files(), ElementsAre("b/c/to"));
    const auto seen = provider().stat(ctx_, "b/c/to");
    ASSERT_THAT(seen, IsOk());
    EXPECT_EQ(seen->rev, moved->rev);
}

TEST_P(ProviderContract, RenameMovesAFolder) {
    stored("old/one", "1");
    stored("old/sub/two", "2");
    const auto folder = provider().stat(ctx_, "old");
    ASSERT_THAT(folder, IsOk());
    ASSERT_THAT(provider().rename(ctx_, *folder, "new/name", std::nullopt), IsOk());
    EXPECT_THAT(listing().files(), ElementsAre("new/name/one", "new/name/sub/two"));
    EXPECT_EQ(text("new/name/sub/two"), "2");
    EXPECT_THAT(provider().stat(ctx_, "old"), HasCode(Errc::not_found));
}

TEST_P(ProviderContract, RenameDoesNotOverwrite) {
    const RemoteObject object = stored("from", "source");
    stored("to", "target");
    EXPECT_THAT(provider().rename(ctx_, object, "to", std::nullopt), HasCode(Errc::exists));
    EXPECT_EQ(text("from"), "source");
    EXPECT_EQ(text("to"), "target");
}

TEST_P(ProviderContract, RenameReplacesExactlyWhatWasNamed) {
    const RemoteObject object = stored("from", "source");
    const RemoteObject target = stored("to", "target");
    const auto moved = provider().rename(ctx_, object, "to", target);
    ASSERT_THAT(moved, IsOk());
    EXPECT_EQ(text("to"), "source");
    EXPECT_THAT(listing().keys(), ElementsAre("to"));
    const std::uint64_t kept = provider().capabilities().keeps_versions ? 0 : 1;
    EXPECT_EQ(provider().purge_trash(ctx_, Millis(0)).value_or(99), kept);

    const RemoteObject other = stored("other", "a third content");
    EXPECT_THAT(provider().rename(ctx_, other, "to", target), HasCode(Errc::changed));
    EXPECT_EQ(text("to"), "source");
    EXPECT_EQ(text("other"), "a third content");
}

TEST_P(ProviderContract, ReplacedAndRemovedContentsCanBeHad) {
    if (!traits().versions) GTEST_SKIP() << "older contents cannot be listed here";
    const auto contents = [&](const ObjectKey& key) {
        RemoteObject object;
        object.key = key;
        std::multiset<std::string> texts;
        const auto kept = provider().versions(ctx_, object);
        if (!kept && kept.error().code == Errc::not_found) return texts;
        if (!kept) {
            ADD_FAILURE() << kept.error().to_string();
            return texts;
        }
        for (const RemoteObject& version : *kept) {
            const Bytes bytes = content(version);
            texts.emplace(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        }
        return texts;
    };
    const RemoteObject first = stored("folder/doc", "version 1");
    EXPECT_THAT(contents("folder/doc"), IsEmpty());
    const auto second = put("folder/doc", "version 2 is longer", first);
    ASSERT_THAT(second, IsOk());
    EXPECT_EQ(contents("folder/doc"), (std::multiset<std::string>{"version 1"}));
    ASSERT_THAT(provider().remove(ctx_, second->object, RemoveMode::trash), IsOk());
    EXPECT_EQ(contents("folder/doc"), (std::multiset<std::string>{"version 1", "version 2 is longer"}));
    EXPECT_THAT(contents("doc"), IsEmpty());
    EXPECT_THAT(listing().files(), IsEmpty()) << "looking changes nothing";
}

TEST_P(ProviderContract, RenameOfAnOutdatedObjectIsRefused) {
    const RemoteObject first = stored("doc", "version 1");
    ASSERT_THAT(put("doc", "version 2 is longer", first), IsOk());
    EXPECT_THAT(provider().rename(ctx_, first, "moved", std::nullopt), HasCode(Errc::changed));
    EXPECT_EQ(text("doc"), "version 2 is longer");
}

TEST_P(ProviderContract, RenameIntoItselfIsRefused) {
    stored("folder/file", "x");
    const auto folder = provider().stat(ctx_, "folder");
    ASSERT_THAT(folder, IsOk());
    EXPECT_FALSE(provider().rename(ctx_, *folder, "folder/inner", std::nullopt).has_value());
    EXPECT_EQ(text("folder/file"), "x");
}

TEST_P(ProviderContract, ListsOnlyWhatIsBelow) {
    stored("a/1", "x");
    stored("a/sub/2", "x");
    stored("ab", "x");
    stored("b/3", "x");
    EXPECT_THAT(listing("a").keys(), ElementsAre("a/1", "a/sub", "a/sub/2"));
    EXPECT_THAT(listing("a/sub").keys(), ElementsAre("a/sub/2"));
    EXPECT_THAT(listing().files(), ElementsAre("a/1", "a/sub/2", "ab", "b/3"));
    ASSERT_THAT(provider().make_directory(ctx_, "empty"), IsOk());
    EXPECT_THAT(listing("empty").entries, IsEmpty());
}

TEST_P(ProviderContract, LongListingsComeInPagesThatStandChanges) {
    const std::size_t count = traits().page_entries;
    if (count == 0) GTEST_SKIP() << "one page is enough here";
    std::set<ObjectKey> expected;
    for (std::size_t i = 0; i < count; ++i) {
        const ObjectKey key = "d" + std::to_string(i % 3) + "/f" + std::to_string(i);
        if (!environment().add_behind(key, {})) GTEST_SKIP() << "cannot add anything here";
        expected.insert(key);
    }
    const Listing all = listing();
    EXPECT_GT(all.pages, 1u);
    const std::vector<ObjectKey> files = all.files();
    EXPECT_EQ(files.size(), expected.size());
    EXPECT_EQ(std::set<ObjectKey>(files.begin(), files.end()), expected);

    // The object that the cursor stands on goes away between two pages: nothing else may be missed.
    const auto first = provider().list(ctx_, "", "");
    ASSERT_THAT(first, IsOk());
    ASSERT_FALSE(first->next.empty());
    std::set<ObjectKey> seen;
    for (const RemoteObject& entry : first->entries)
        if (!entry.is_directory) seen.insert(entry.key);
    ASSERT_FALSE(first->entries.back().is_directory);
    ASSERT_TRUE(environment().remove_behind(first->entries.back().key));
    for (std::string cursor = first->next; !cursor.empty();) {
        const auto page = provider().list(ctx_, "", cursor);
        ASSERT_THAT(page, IsOk());
        for (const RemoteObject& entry : page->entries)
            if (!entry.is_directory && !seen.insert(entry.key).second)
                ADD_FAILURE() << "listed twice: " << entry.key;
        cursor = page->next;
    }
    EXPECT_EQ(seen, expected);
}

}  // namespace
}  // namespace oracxfs::test
