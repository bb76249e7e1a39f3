// The fixture, and the tests about single objects. More: provider_contract_{put,tree}_test.cpp.

#include "tests/contract/provider_contract.h"

#include <algorithm>

#include "tests/support/matchers.h"

namespace oracxfs::test {

// A program in which one of the instances is missing must not fail to link or to run.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ProviderContract);

void ProviderContract::SetUp() {
    environment_ = GetParam().make();
    traits_ = environment_->traits();
    const auto space = provider().probe(ctx_);
    ASSERT_THAT(space, IsOk());
}

std::string ProviderContract::next_upload_id() { return "contract-" + std::to_string(++uploads_); }

PutOptions ProviderContract::options(std::optional<RemoteObject> replaces) {
    PutOptions put_options;
    put_options.replaces = std::move(replaces);
    put_options.upload_id = next_upload_id();
    return put_options;
}

Result<PutResult> ProviderContract::put(const ObjectKey& key, std::string_view text,
                                        std::optional<RemoteObject> replaces) {
    MemoryBlob blob(text);
    return provider().put(ctx_, key, blob, options(std::move(replaces)));
}

RemoteObject ProviderContract::stored(const ObjectKey& key, std::string_view text) {
    const auto result = put(key, text);
    EXPECT_THAT(result, IsOk());
    return result ? result->object : RemoteObject{};
}

Bytes ProviderContract::content(const RemoteObject& object) {
    Bytes bytes;
    const Status status =
        provider().read(ctx_, object, 0, UINT64_MAX, [&](std::span<const std::byte> data) {
            bytes.insert(bytes.end(), data.begin(), data.end());
            return true;
        });
    return status ? bytes : bytes_of("<" + status.error().to_string() + ">");
}

std::string ProviderContract::text(const ObjectKey& key) {
    const auto object = provider().stat(ctx_, key);
    if (!object) return "<" + object.error().to_string() + ">";
    std::string text;
    for (const std::byte byte : content(*object)) text += static_cast<char>(byte);
    return text;
}

std::vector<ObjectKey> ProviderContract::Listing::keys() const {
    std::vector<ObjectKey> keys;
    for (const RemoteObject& entry : entries) keys.push_back(entry.key);
    std::sort(keys.begin(), keys.end());
    return keys;
}

std::vector<ObjectKey> ProviderContract::Listing::files() const {
    std::vector<ObjectKey> keys;
    for (const RemoteObject& entry : entries)
        if (!entry.is_directory) keys.push_back(entry.key);
    std::sort(keys.begin(), keys.end());
    return keys;
}

ProviderContract::Listing ProviderContract::listing(const ObjectKey& directory) {
    Listing all;
    std::string cursor;
    do {
        auto page = provider().list(ctx_, directory, cursor);
        EXPECT_THAT(page, IsOk());
        if (!page) return all;
        ++all.pages;
        all.entries.insert(all.entries.end(), page->entries.begin(), page->entries.end());
        all.leftovers.insert(all.leftovers.end(), page->leftovers.begin(), page->leftovers.end());
        cursor = page->next;
    } while (!cursor.empty());
    return all;
}

void ProviderContract::expect_no_leftovers() {
    for (const RemoteObject& leftover : listing().leftovers)
        ADD_FAILURE() << "leftover: " << leftover.key;
}

namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST_P(ProviderContract, FreshProviderIsEmpty) {
    EXPECT_THAT(listing().entries, IsEmpty());
    EXPECT_THAT(provider().purge_trash(ctx_, Millis(0)), IsOk());
}

TEST_P(ProviderContract, RootHasAStat) {
    const auto root = provider().stat(ctx_, "");
    ASSERT_THAT(root, IsOk());
    EXPECT_TRUE(root->is_directory);
}

TEST_P(ProviderContract, PutObjectIsSeenByStatListAndRead) {
    const auto result = put("file.txt", "hello");
    ASSERT_THAT(result, IsOk());
    EXPECT_EQ(result->object.key, "file.txt");
    EXPECT_EQ(result->object.size, 5u);
    EXPECT_FALSE(result->object.is_directory);
    EXPECT_FALSE(result->object.rev.empty());
    EXPECT_EQ(result->resumed_from, 0u);
    if (provider().capabilities().verifies_in_put) {
        EXPECT_TRUE(result->verified);
    }

    const auto seen = provider().stat(ctx_, "file.txt");
    ASSERT_THAT(seen, IsOk());
    EXPECT_EQ(seen->rev, result->object.rev);
    EXPECT_EQ(seen->size, 5u);
    const Listing all = listing();
    ASSERT_THAT(all.keys(), ElementsAre("file.txt"));
    EXPECT_EQ(all.entries[0].rev, result->object.rev);
    EXPECT_EQ(all.entries[0].size, 5u);
    EXPECT_EQ(text("file.txt"), "hello");
    expect_no_leftovers();
}

TEST_P(ProviderContract, PutCreatesParents) {
    stored("a/b/c", "deep");
    EXPECT_THAT(listing().keys(), ElementsAre("a", "a/b", "a/b/c"));
    const auto parent = provider().stat(ctx_, "a/b");
    ASSERT_THAT(parent, IsOk());
    EXPECT_TRUE(parent->is_directory);
}

TEST_P(ProviderContract, PutSetsTheTimeWhereItCan) {
    if (!provider().capabilities().sets_mtime) GTEST_SKIP() << "times are not kept here";
    MemoryBlob blob("x");
    PutOptions with_time = options();
    with_time.mtime_ns = 1'600'000'000'000'000'000;
    ASSERT_THAT(provider().put(ctx_, "dated", blob, with_time), IsOk());
    const auto seen = provider().stat(ctx_, "dated");
    ASSERT_THAT(seen, IsOk());
    EXPECT_EQ(seen->mtime_ns, 1'600'000'000'000'000'000);
}

TEST_P(ProviderContract, AbsentIsNotFound) {
    EXPECT_THAT(provider().stat(ctx_, "nothing"), HasCode(Errc::not_found));
    EXPECT_THAT(provider().stat(ctx_, "no/such/folder"), HasCode(Errc::not_found));
    EXPECT_THAT(provider().list(ctx_, "nothing", ""), HasCode(Errc::not_found));
    RemoteObject absent;
    absent.key = "nothing";
    EXPECT_THAT(provider().read(ctx_, absent, 0, 1, [](auto) { return true; }),
                HasCode(Errc::not_found));
    EXPECT_THAT(provider().verify(ctx_, absent, digests_of(bytes_of("x"))),
                HasCode(Errc::not_found));
    EXPECT_THAT(provider().rename(ctx_, absent, "elsewhere", std::nullopt),
                HasCode(Errc::not_found));
}

TEST_P(ProviderContract, BadKeysAreInvalid) {
    for (const char* key : {"/absolute", "a//b", "a/", ".", "..", "a/../b", "a/./b"}) {
        SCOPED_TRACE(key);
        EXPECT_THAT(put(key, "x"), HasCode(Errc::invalid));
        EXPECT_THAT(provider().stat(ctx_, key), HasCode(Errc::invalid));
        EXPECT_THAT(provider().make_directory(ctx_, key), HasCode(Errc::invalid));
    }
    EXPECT_THAT(put("", "x"), HasCode(Errc::invalid));
    EXPECT_THAT(put(std::string("a\0b", 3), "x"), HasCode(Errc::invalid));
    EXPECT_THAT(listing().entries, IsEmpty());
}

TEST_P(ProviderContract, TooLongNameIsRefusedAndNothingIsLeft) {
    EXPECT_THAT(put(std::string(256, 'n'), "x"), HasCode(Errc::name_too_long));
    EXPECT_THAT(put("folder/" + std::string(300, 'n'), "x"), HasCode(Errc::name_too_long));
    EXPECT_THAT(listing().files(), IsEmpty());
    expect_no_leftovers();
}

TEST_P(ProviderContract, PutOntoAnExistingNameIsRefusedAndChangesNothing) {
    const RemoteObject first = stored("taken", "first");
    EXPECT_THAT(put("taken", "second"), HasCode(Errc::exists));
    EXPECT_EQ(text("taken"), "first");
    EXPECT_EQ(provider().stat(ctx_, "taken")->rev, first.rev);
    expect_no_leftovers();
}

TEST_P(ProviderContract, SameBytesTwiceAreOneObject) {
    stored("once", "same");
    EXPECT_THAT(put("once", "same"), HasCode(Errc::exists));
    EXPECT_THAT(listing().keys(), ElementsAre("once"));
    EXPECT_EQ(text("once"), "same");
}

TEST_P(ProviderContract, PutOntoAFolderIsRefused) {
    ASSERT_THAT(provider().make_directory(ctx_, "folder"), IsOk());
    EXPECT_THAT(put("folder", "x"), HasCode(Errc::exists));
    EXPECT_TRUE(provider().stat(ctx_, "folder")->is_directory);
}

TEST_P(ProviderContract, PutBelowAFileIsRefused) {
    stored("file", "x");
    const auto result = put("file/below", "y");
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(text("file"), "x");
    expect_no_leftovers();
}

TEST_P(ProviderContract, ReplacesExactlyWhatWasNamed) {
    const RemoteObject first = stored("doc", "version 1");
    const auto second = put("doc", "version two", first);
    ASSERT_THAT(second, IsOk());
    EXPECT_NE(second->object.rev, first.rev);
    EXPECT_EQ(text("doc"), "version two");
    EXPECT_THAT(listing().keys(), ElementsAre("doc"));
    expect_no_leftovers();

    EXPECT_THAT(put("doc", "late", first), HasCode(Errc::changed));
    EXPECT_EQ(text("doc"), "version two");
    EXPECT_THAT(listing().keys(), ElementsAre("doc"));
    expect_no_leftovers();
}

TEST_P(ProviderContract, ReplacingWithoutKeepingLeavesNoTrash) {
    const RemoteObject first = stored("doc", "version 1");
    MemoryBlob blob("version 2");
    PutOptions replacing = options(first);
    replacing.keep_replaced = false;
    ASSERT_THAT(provider().put(ctx_, "doc", blob, replacing), IsOk());
    EXPECT_EQ(text("doc"), "version 2");
    expect_no_leftovers();
    EXPECT_EQ(provider().purge_trash(ctx_, Millis(0)).value_or(99), 0u);
}

TEST_P(ProviderContract, ReplacingWhatIsGoneIsRefused) {
    const RemoteObject first = stored("doc", "version 1");
    ASSERT_THAT(provider().remove(ctx_, first, RemoveMode::permanent), IsOk());
    EXPECT_THAT(put("doc", "version 2", first), HasCode(Errc::changed));
    EXPECT_THAT(provider().stat(ctx_, "doc"), HasCode(Errc::not_found));
    expect_no_leftovers();
}

TEST_P(ProviderContract, ReplacedAndRemovedFilesGoToTheTrashUntilItIsPurged) {
    const RemoteObject first = stored("folder/doc", "version 1");
    const auto second = put("folder/doc", "version 2", first);
    ASSERT_THAT(second, IsOk());
    ASSERT_THAT(provider().remove(ctx_, second->object, RemoveMode::trash), IsOk());
    EXPECT_THAT(listing().keys(), ElementsAre("folder"));  // the trash is not listed
    expect_no_leftovers();
    EXPECT_EQ(provider().purge_trash(ctx_, std::chrono::hours(1)).value_or(99), 0u);
    const std::uint64_t kept = provider().capabilities().keeps_versions ? 0 : 2;
    EXPECT_EQ(provider().purge_trash(ctx_, Millis(0)).value_or(99), kept);
    EXPECT_EQ(provider().purge_trash(ctx_, Millis(0)).value_or(99), 0u);
}

TEST_P(ProviderContract, RemovesForGood) {
    const RemoteObject object = stored("file", "x");
    ASSERT_THAT(provider().remove(ctx_, object, RemoveMode::permanent), IsOk());
    EXPECT_THAT(provider().stat(ctx_, "file"), HasCode(Errc::not_found));
    EXPECT_EQ(provider().purge_trash(ctx_, Millis(0)).value_or(99), 0u);
}

TEST_P(ProviderContract, RemovingWhatIsAbsentSucceeds) {
    const RemoteObject object = stored("file", "x");
    for (const RemoveMode mode : {RemoveMode::trash, RemoveMode::permanent}) {
        EXPECT_THAT(provider().remove(ctx_, object, mode), IsOk());
        EXPECT_THAT(provider().remove(ctx_, object, mode), IsOk());
    }
    RemoteObject never;
    never.key = "no/such/folder/file";
    EXPECT_THAT(provider().remove(ctx_, never, RemoveMode::trash), IsOk());
}

TEST_P(ProviderContract, RemovingAnOutdatedObjectIsRefused) {
    if (provider().capabilities().duplicate_names) GTEST_SKIP() << "an id names one object for ever";
    const RemoteObject first = stored("doc", "version 1");
    ASSERT_THAT(put("doc", "version 2 is longer", first), IsOk());
    EXPECT_THAT(provider().remove(ctx_, first, RemoveMode::trash), HasCode(Errc::changed));
    EXPECT_THAT(provider().remove(ctx_, first, RemoveMode::permanent), HasCode(Errc::changed));
    EXPECT_EQ(text("doc"), "version 2 is longer");
}

TEST_P(ProviderContract, ReadsRanges) {
    const Bytes data = random_content(300'000, 7);
    MemoryBlob blob(data);
    const auto result = provider().put(ctx_, "ranges", blob, options());
    ASSERT_THAT(result, IsOk());
    struct Range {
        std::uint64_t offset, length;
    };
    for (const Range range : {Range{0, 1}, Range{0, 300'000}, Range{299'999, 1}, Range{299'999, 10},
                              Range{65'535, 2}, Range{100'000, 100'000}, Range{300'000, 5},
                              Range{400'000, 5}, Range{7, 0}, Range{0, UINT64_MAX}}) {
        SCOPED_TRACE(std::to_string(range.offset) + "+" + std::to_string(range.length));
        Bytes got;
        ASSERT_THAT(provider().read(ctx_, result->object, range.offset, range.length,
                                    [&](auto piece) {
                                        got.insert(got.end(), piece.begin(), piece.end());
                                        return true;
                                    }),
                    IsOk());
        const auto begin = std::min<std::uint64_t>(range.offset, data.size());
        const auto end = begin + std::min<std::uint64_t>(range.length, data.size() - begin);
        EXPECT_TRUE(std::equal(got.begin(), got.end(),
                               data.begin() + static_cast<std::ptrdiff_t>(begin),
                               data.begin() + static_cast<std::ptrdiff_t>(end)));
    }
}

TEST_P(ProviderContract, SinkMayStopReadingEarly) {
    MemoryBlob blob(random_content(4u << 20, 3));
    const auto result = provider().put(ctx_, "big", blob, options());
    ASSERT_THAT(result, IsOk());
    int calls = 0;
    EXPECT_THAT(provider().read(ctx_, result->object, 0, 4u << 20,
                                [&](auto) {
                                    ++calls;
                                    return false;
                                }),
                IsOk());
    EXPECT_EQ(calls, 1);
}

TEST_P(ProviderContract, ReadOfAnOutdatedObjectIsRefused) {
    if (!traits().read_detects_change) GTEST_SKIP() << "the service cannot tell";
    const RemoteObject first = stored("doc", "version 1");
    ASSERT_THAT(put("doc", "version 2 is longer", first), IsOk());
    EXPECT_THAT(provider().read(ctx_, first, 0, 100, [](auto) { return true; }),
                HasCode(Errc::changed));
}

TEST_P(ProviderContract, VerifyComparesTheStoredBytes) {
    const RemoteObject object = stored("file", "good bytes");
    EXPECT_THAT(provider().verify(ctx_, object, digests_of(bytes_of("good bytes"))), IsOk());
    EXPECT_THAT(provider().verify(ctx_, object, digests_of(bytes_of("evil bytes"))),
                HasCode(Errc::corrupt));
    EXPECT_THAT(provider().verify(ctx_, object, digests_of(bytes_of("good bytes, more"))),
                HasCode(Errc::corrupt));
}

TEST_P(ProviderContract, VerifyFindsDamageBehindItsBack) {
    const Bytes data = random_content(3u << 20, 5);
    MemoryBlob blob(data);
    const auto result = provider().put(ctx_, "sound", blob, options());
    ASSERT_THAT(result, IsOk());
    ASSERT_THAT(provider().verify(ctx_, result->object, *blob.digests()), IsOk());
    if (!environment().damage("sound", 2'000'000)) GTEST_SKIP() << "cannot damage anything here";
    EXPECT_THAT(provider().verify(ctx_, result->object, *blob.digests()), HasCode(Errc::corrupt));
}

TEST_P(ProviderContract, VerifyOfWhatOthersRemovedIsNotFound) {
    const RemoteObject object = stored("file", "x");
    if (!environment().remove_behind("file")) GTEST_SKIP() << "cannot remove anything here";
    EXPECT_THAT(provider().verify(ctx_, object, digests_of(bytes_of("x"))),
                HasCode(Errc::not_found));
    EXPECT_THAT(listing().entries, IsEmpty());
}

TEST_P(ProviderContract, ForeignChangesChangeTheRev) {
    const RemoteObject object = stored("file", "ours");
    if (!environment().add_behind("file", bytes_of("theirs, longer")) ||
        provider().capabilities().duplicate_names)
        GTEST_SKIP() << "cannot replace anything here";
    const auto seen = provider().stat(ctx_, "file");
    ASSERT_THAT(seen, IsOk());
    EXPECT_NE(seen->rev, object.rev);
    EXPECT_THAT(put("file", "ours again", object), HasCode(Errc::changed));
    EXPECT_EQ(text("file"), "theirs, longer");
    expect_no_leftovers();
}

TEST_P(ProviderContract, DuplicatesAreToldApartById) {
    if (!provider().capabilities().duplicate_names) GTEST_SKIP() << "no duplicates here";
    const RemoteObject ours = stored("twin", "ours");
    if (!environment().add_behind("twin", bytes_of("theirs"))) GTEST_SKIP() << "cannot add here";
    const Listing both = listing();
    ASSERT_THAT(both.keys(), ElementsAre("twin", "twin"));
    EXPECT_NE(both.entries[0].id, both.entries[1].id);
    ASSERT_THAT(provider().remove(ctx_, ours, RemoveMode::trash), IsOk());
    EXPECT_EQ(text("twin"), "theirs");
}

}  // namespace
}  // namespace oracxfs::test
