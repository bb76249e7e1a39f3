// Foreign changes at the emulated clouds, from their change feeds to the mount: everything below FUSE, a folder on a disk
// beside each cloud.

#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <set>

#include "fs/replication_plan.h"
#include "tests/contract/dropbox_setup.h"
#include "tests/contract/google_drive_setup.h"
#include "tests/support/file_system_stack.h"
#include "tests/support/matchers.h"
#include "tests/support/patience.h"

namespace oracxfs::test {
namespace {

constexpr std::chrono::seconds kLong{60};

// One cloud service, as somebody else sees it.
class Cloud {
  public:
    virtual ~Cloud() = default;
    virtual std::shared_ptr<Provider> provider(Clock& clock) = 0;
    virtual Emulator& service() = 0;
    virtual void put(const std::string& key, std::string content) = 0;
    virtual void remove(const std::string& key) = 0;
    virtual void move(const std::string& from, const std::string& to) = 0;
    virtual std::optional<std::string> content(const std::string& key) = 0;
    virtual void forget_positions() = 0;
    virtual void small_pages() = 0;
    virtual const char* listing() = 0;  // the endpoint
    virtual const char* changes() = 0;
    virtual bool waits() = 0;  // long poll
};

class DropboxCloud final : public Cloud {
  public:
    std::shared_ptr<Provider> provider(Clock& clock) override { return setup_.make(&clock); }
    Emulator& service() override { return setup_.service; }
    void put(const std::string& key, std::string content) override { setup_.service.put(setup_.path(key), std::move(content)); }
    void remove(const std::string& key) override { ASSERT_TRUE(setup_.service.remove(setup_.path(key))); }
    void move(const std::string& from, const std::string& to) override { ASSERT_TRUE(setup_.service.move(setup_.path(from), setup_.path(to))); }
    std::optional<std::string> content(const std::string& key) override { return setup_.service.content(setup_.path(key)); }
    void forget_positions() override { setup_.service.reset_cursors(); }
    void small_pages() override { setup_.service.set_page_entries(1); }
    const char* listing() override { return "files/list_folder"; }
    const char* changes() override { return "files/list_folder/continue"; }
    bool waits() override { return true; }

  private:
    DropboxSetup setup_;
};

class DriveCloud final : public Cloud {
  public:
    std::shared_ptr<Provider> provider(Clock& clock) override { return setup_.make(setup_.machine, &clock); }
    Emulator& service() override { return setup_.service; }
    void put(const std::string& key, std::string content) override {
        const auto there = setup_.at(key);
        if (there.empty()) setup_.add(key, std::move(content));
        else ASSERT_TRUE(setup_.service.replace(there.front().id, std::move(content)));
    }
    void remove(const std::string& key) override { ASSERT_TRUE(setup_.service.trash(setup_.at(key).at(0).id)); }
    void move(const std::string& from, const std::string& to) override {
        const std::string id = setup_.at(from).at(0).id;
        const std::string folder(parent_key(to));
        if (folder != parent_key(from)) {
            ASSERT_TRUE(setup_.service.move(id, folder.empty() ? setup_.folder() : setup_.at(folder).at(0).id));
        }
        if (base_name(from) != base_name(to)) {
            ASSERT_TRUE(setup_.service.rename(id, std::string(base_name(to))));
        }
    }
    std::optional<std::string> content(const std::string& key) override {
        const auto there = setup_.at(key);
        return there.empty() ? std::nullopt : setup_.service.content(there.front().id);
    }
    // Whatever has this name already.
    void put_beside(const std::string& key, std::string content) { setup_.add(key, std::move(content)); }
    [[nodiscard]] std::size_t count(const std::string& key) const { return setup_.at(key).size(); }
    void forget_positions() override { setup_.service.faults().add("changes.list", Fault::of(Fault::Kind::cursor_reset)); }
    void small_pages() override { setup_.service.set_page_entries(1); }
    const char* listing() override { return "files.list"; }
    const char* changes() override { return "changes.list"; }
    bool waits() override { return false; }

  private:
    GoogleDriveSetup setup_;
};

struct Kind {
    std::string name;
    std::function<std::unique_ptr<Cloud>()> make;
};
void PrintTo(const Kind& kind, std::ostream* out) { *out << kind.name; }

std::string kind_name(const testing::TestParamInfo<Kind>& kind) { return kind.param.name; }

class CloudFeedTest : public testing::TestWithParam<Kind> {
  protected:
    void SetUp() override {
        cloud = GetParam().make();
        mount();
    }
    void TearDown() override { unmount(); }

    void mount() {
        ReplicatorOptions options;
        options.heal_after = Millis(100);
        options.delete_grace = Millis(100);
        FileSystemStack::Others others{{"cloud", cloud->provider(clock)}};
        if (before_mount) before_mount();
        stack = std::make_unique<FileSystemStack>(home.path(), 1, options, others, [this](const Filesystem::Invalidation& one) {
            const std::lock_guard lock(mutex);
            appeared.insert(one.name);
            changed.notify_all();
        });
        const auto rows = stack->catalog->providers();
        for (const ProviderRow& row : *rows)
            if (row.name == "cloud") id = row.id;
    }
    void unmount() { stack.reset(); }
    // Where nobody waits for changes: as if the time for a look had come.
    void look() {
        if (!cloud->waits()) stack->replicator->probe_now(id);
    }
    // Until the name shows up in the mount without having been written there.
    void await(const std::string& name) {
        // A look that was under way already may have come too early: the next time for one comes, too.
        const SteadyTime until = clock.steady() + patient(kLong);
        std::unique_lock lock(mutex);
        while (!appeared.contains(name) && clock.steady() < until) {
            lock.unlock();
            look();
            lock.lock();
            changed.wait_for(lock, Millis(1'000), [&] { return appeared.contains(name); });
        }
        ASSERT_TRUE(appeared.contains(name)) << name;
    }
    // Where what others put under this name is kept: that name tells the day, and midnight may have come meanwhile.
    std::string await_kept(const std::string& key) {
        const SteadyTime until = clock.steady() + patient(kLong);
        std::unique_lock lock(mutex);
        while (clock.steady() < until) {
            for (const WallTime day : {begun, clock.wall()})
                if (std::string kept = conflict_key(key, "cloud", day); appeared.contains(kept)) return kept;
            lock.unlock();
            look();
            lock.lock();
            changed.wait_for(lock, Millis(1'000));
        }
        ADD_FAILURE() << "nothing was kept aside of " << key;
        return conflict_key(key, "cloud", begun);
    }
    // The feed was read to here: what was done before has been told.
    void barrier() {
        const std::string name = "barrier-" + std::to_string(++barriers);
        cloud->put(name, name);
        await(name);
        settle();
    }
    // A provider that counts as down for a moment, on a busy machine or after a fault, is asked again until it is not.
    void settle() {
        const SteadyTime until = clock.steady() + patient(kLong);
        Status settled = stack->settle();
        while (!settled && settled.error().code == Errc::partial && clock.steady() < until) {
            stack->replicator->probe_now(id);
            std::unique_lock lock(mutex);
            changed.wait_for(lock, Millis(100), [] { return false; });
            lock.unlock();
            settled = stack->settle();
        }
        ASSERT_THAT(settled, IsOk());
    }
    std::string on_disk(const std::string& key) {
        std::ifstream stream(home / ("p0/" + key), std::ios::binary);
        return stream ? std::string{std::istreambuf_iterator<char>(stream), {}} : "(none)";
    }
    std::size_t events(const std::string& kind, const std::string& path = "") {
        EventQuery query;
        query.kind = kind;
        query.path = path;
        return stack->catalog->events(query)->size();
    }
    std::uint64_t requests(const char* endpoint) { return cloud->service().count(endpoint); }

    SystemClock clock;
    const WallTime begun = clock.wall();
    TempDir home;
    std::unique_ptr<Cloud> cloud;
    std::function<void()> before_mount;
    std::unique_ptr<FileSystemStack> stack;
    ProviderId id;
    std::mutex mutex;
    std::condition_variable changed;
    std::set<std::string> appeared;
    int barriers = 0;
};

INSTANTIATE_TEST_SUITE_P(Clouds, CloudFeedTest,
                         testing::Values(Kind{"Dropbox", [] { return std::make_unique<DropboxCloud>(); }},
                                         Kind{"Drive", [] { return std::make_unique<DriveCloud>(); }}),
                         kind_name);

TEST_P(CloudFeedTest, AFileOfOthersAppearsAndIsReplicated) {
    ASSERT_THAT(stack->write_file("ours", "ours"), IsOk());
    barrier();
    cloud->service().clear_log();
    cloud->put("Docs/theirs", "theirs");
    await("theirs");
    settle();
    EXPECT_EQ(stack->read_file("Docs/theirs").value_or(""), "theirs");
    EXPECT_EQ(stack->read_file("Docs/theirs", "cloud").value_or(""), "theirs");
    EXPECT_EQ(on_disk("Docs/theirs"), "theirs");
    if (cloud->waits()) {
        EXPECT_EQ(requests(cloud->listing()), 0u) << "only what changed is looked at";
    }
}

TEST_P(CloudFeedTest, OurOwnChangesAreNobodyElses) {
    ASSERT_THAT(stack->write_file("first", "ours"), IsOk());  // our folder is there before anybody puts something into it
    barrier();
    ASSERT_THAT(stack->make_directory("d"), IsOk());
    for (int i = 0; i < 10; ++i) {
        ASSERT_THAT(stack->write_file("f" + std::to_string(i), std::string(100, static_cast<char>('a' + i))), IsOk());
        ASSERT_THAT(stack->write_file("d/f" + std::to_string(i), std::string(2'000'000, static_cast<char>('a' + i))), IsOk());
    }
    ASSERT_THAT(stack->write_file("f1", "new"), IsOk());
    ASSERT_THAT(stack->rename("f2", "g2"), IsOk());
    ASSERT_THAT(stack->rename("d", "e"), IsOk());
    ASSERT_THAT(stack->remove("f3"), IsOk());
    ASSERT_THAT(stack->write_file("f3", "again"), IsOk());
    ASSERT_THAT(stack->remove("f4"), IsOk());
    settle();
    barrier();
    barrier();
    EXPECT_EQ(events("adopted"), 3u) << "the barriers";
    EXPECT_EQ(events("missing") + events("changed") + events("conflict"), 0u);
    EXPECT_EQ(cloud->content("e/f9"), std::string(2'000'000, 'j'));
    EXPECT_EQ(cloud->content("f3"), "again");
    EXPECT_EQ(cloud->content("f1"), "new");
}

TEST_P(CloudFeedTest, WhatOthersRemoveIsPutBackAndNeverSpreads) {
    ASSERT_THAT(stack->make_directory("d"), IsOk());
    for (const char* path : {"a", "d/b", "d/c"}) ASSERT_THAT(stack->write_file(path, path), IsOk());
    barrier();
    cloud->remove("a");
    cloud->remove("d");
    barrier();
    barrier();
    EXPECT_EQ(events("missing", "a") + events("missing", "d/b") + events("missing", "d/c"), 3u);
    settle();
    for (const char* path : {"a", "d/b", "d/c"}) {
        EXPECT_EQ(cloud->content(path), path);
        EXPECT_EQ(on_disk(path), path);
    }
}

TEST_P(CloudFeedTest, WhatOthersChangeIsPutBack) {
    ASSERT_THAT(stack->write_file("a", "ours"), IsOk());
    barrier();
    cloud->put("a", "theirs");
    barrier();
    barrier();
    EXPECT_EQ(events("changed", "a"), 1u);
    settle();
    EXPECT_EQ(cloud->content("a"), "ours");
    EXPECT_EQ(stack->read_file("a").value_or(""), "ours");
}

TEST_P(CloudFeedTest, ARenameByOthersKeepsBothNames) {
    ASSERT_THAT(stack->make_directory("d"), IsOk());
    for (const char* path : {"a", "d/b"}) ASSERT_THAT(stack->write_file(path, path), IsOk());
    barrier();
    cloud->move("a", "a2");
    cloud->move("d", "d2");
    await("a2");
    await("b");
    barrier();
    settle();
    for (const auto& [path, content] : {std::pair("a", "a"), std::pair("a2", "a"), std::pair("d/b", "d/b"), std::pair("d2/b", "d/b")}) {
        EXPECT_EQ(cloud->content(path), content) << path;
        EXPECT_EQ(on_disk(path), content) << path;
    }
}

TEST_P(CloudFeedTest, AForgottenPositionLosesNothing) {
    for (const char* path : {"a", "b"}) ASSERT_THAT(stack->write_file(path, path), IsOk());
    barrier();
    unmount();
    cloud->remove("a");
    cloud->put("c", "theirs");
    cloud->forget_positions();
    mount();
    await("c");
    settle();
    EXPECT_EQ(events("missing", "a"), 1u);
    EXPECT_EQ(cloud->content("a"), "a");
    EXPECT_EQ(on_disk("c"), "theirs");
    EXPECT_EQ(events("missing", "b"), 0u);
    cloud->put("d", "theirs");
    await("d");
}

TEST_P(CloudFeedTest, ChangesComeInPagesOfOne) {
    cloud->small_pages();
    ASSERT_THAT(stack->make_directory("d"), IsOk());
    for (int i = 0; i < 6; ++i) ASSERT_THAT(stack->write_file("d/f" + std::to_string(i), std::string(10, 'x')), IsOk());
    ASSERT_THAT(stack->rename("d/f1", "g"), IsOk());
    barrier();
    cloud->put("d/theirs", "theirs");
    cloud->remove("d/f2");
    await("theirs");
    barrier();
    settle();
    EXPECT_EQ(cloud->content("d/f2"), std::string(10, 'x'));
    EXPECT_EQ(on_disk("d/theirs"), "theirs");
    EXPECT_EQ(events("missing"), 1u);
    EXPECT_EQ(events("conflict"), 0u);
}

TEST_P(CloudFeedTest, AMountWithNothingNewCostsTwoRequestsWhateverTheNumberOfFiles) {
    ASSERT_THAT(stack->make_directory("d"), IsOk());
    for (int i = 0; i < 40; ++i) ASSERT_THAT(stack->write_file((i % 2 ? "d/f" : "f") + std::to_string(i), std::string(10, 'x')), IsOk());
    settle();
    barrier();
    barrier();  // a reading with nothing of ours in it
    unmount();
    before_mount = [&] { cloud->service().clear_log(); };
    mount();
    ASSERT_TRUE(cloud->service().wait_for(cloud->changes(), 1));
    if (cloud->waits()) {
        ASSERT_TRUE(cloud->service().wait_for("files/list_folder/longpoll", 1));
    }
    settle();
    EXPECT_LE(requests("*"), 2u);
    for (const LoggedRequest& request : cloud->service().log()) EXPECT_NE(request.endpoint, cloud->listing());
}

TEST_P(CloudFeedTest, TwoOfOneNameAreBothKept) {
    ASSERT_THAT(stack->write_file("first", "ours"), IsOk());  // our folder is there before anybody puts something into it
    barrier();
    // Theirs lies there unseen when ours comes.
    cloud->service().faults().add(cloud->changes(), Fault::answer(503), 0, 0);
    cloud->put("name.txt", "theirs");
    ASSERT_THAT(stack->write_file("name.txt", "ours"), IsOk());
    cloud->service().faults().clear();
    stack->replicator->probe_now(id);
    settle();
    EXPECT_EQ(cloud->content("name.txt"), "ours");
    EXPECT_EQ(events("conflict", "name.txt"), 1u);
    (void)await_kept("name.txt");  // on its own: what was told with it is not held up by it
    barrier();
    settle();
    EXPECT_EQ(events("adopted"), 3u) << "two barriers, and what was kept aside";
    std::multiset<std::string> contents;
    for (const auto& file : std::filesystem::directory_iterator(home / "p0"))
        if (file.is_regular_file() && file.path().filename().string().starts_with("name")) contents.insert(on_disk(file.path().filename()));
    EXPECT_EQ(contents, (std::multiset<std::string>{"ours", "theirs"}));
}

// Drive keeps several files of one name.
class DriveFeedTest : public CloudFeedTest {
  protected:
    DriveCloud& drive() { return static_cast<DriveCloud&>(*cloud); }
    void expect_both_kept() {
        const std::string kept = await_kept("name.txt");
        settle();
        barrier();
        settle();
        for (const auto& [path, content] : {std::pair<std::string, std::string>("name.txt", "ours"), {kept, "theirs"}}) {
            EXPECT_EQ(stack->read_file(path).value_or(""), content) << path;
            EXPECT_EQ(on_disk(path), content) << path;
            EXPECT_EQ(cloud->content(path), content) << path;
            EXPECT_EQ(drive().count(path), 1u) << path;
        }
        EXPECT_EQ(events("conflict", "name.txt"), 1u);
        EXPECT_EQ(events("changed") + events("missing") + events("damaged"), 0u);
    }
};
INSTANTIATE_TEST_SUITE_P(Clouds, DriveFeedTest, testing::Values(Kind{"Drive", [] { return std::make_unique<DriveCloud>(); }}), kind_name);

TEST_P(DriveFeedTest, ATwinThatComesLaterIsKeptUnderAnotherName) {
    ASSERT_THAT(stack->write_file("name.txt", "ours"), IsOk());
    settle();
    barrier();
    drive().put_beside("name.txt", "theirs");
    expect_both_kept();
}

TEST_P(DriveFeedTest, ATwinThatWasThereUnseenIsKeptUnderAnotherName) {
    ASSERT_THAT(stack->write_file("first", "ours"), IsOk());  // our folder is there before anybody puts something into it
    barrier();
    ASSERT_THAT(stack->write_file("second", "ours"), IsOk());  // what others did until now is known
    settle();
    drive().put_beside("name.txt", "theirs");
    ASSERT_THAT(stack->write_file("name.txt", "ours"), IsOk());
    settle();
    ASSERT_EQ(drive().count("name.txt"), 2u) << "what was known a moment ago is believed";
    expect_both_kept();
}

TEST_P(DriveFeedTest, ATwinIsFoundByAListingAsWell) {
    ASSERT_THAT(stack->write_file("name.txt", "ours"), IsOk());
    settle();
    barrier();
    unmount();
    drive().put_beside("name.txt", "theirs");
    cloud->forget_positions();
    mount();
    expect_both_kept();
}

// Dropbox folds case, and tells ancestors in any.
class DropboxFeedTest : public CloudFeedTest {};
INSTANTIATE_TEST_SUITE_P(Clouds, DropboxFeedTest, testing::Values(Kind{"Dropbox", [] { return std::make_unique<DropboxCloud>(); }}),
                         kind_name);

TEST_P(DropboxFeedTest, FoldersInAnotherCaseAreTheSameAfterARestartAsWell) {
    ASSERT_THAT(stack->make_directory("Docs"), IsOk());
    for (const char* path : {"Docs/a", "Docs/b"}) ASSERT_THAT(stack->write_file(path, path), IsOk());
    barrier();
    unmount();
    cloud->put("docs/theirs", "theirs");
    cloud->remove("docs/b");
    mount();
    await("theirs");
    settle();
    barrier();
    settle();
    EXPECT_EQ(stack->read_file("Docs/theirs").value_or(""), "theirs");
    EXPECT_THAT(stack->find("docs"), HasCode(Errc::not_found));
    EXPECT_EQ(events("missing", "Docs/b"), 1u);
    EXPECT_EQ(cloud->content("Docs/b"), "Docs/b");
}

}  // namespace
}  // namespace oracxfs::test
