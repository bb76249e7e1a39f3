#include "tools/config/config.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <map>
#include <sstream>

#include "tests/support/matchers.h"
#include "tests/support/temp_dir.h"
#include "tools/config/schema.h"

namespace oracxfs {
namespace {

using test::HasCode;
using test::IsOk;

Environment environment(std::map<std::string, std::string> variables) {
    variables.emplace("HOME", "/home/ada");
    return [variables = std::move(variables)](const std::string& name) -> std::optional<std::string> {
        const auto found = variables.find(name);
        if (found == variables.end()) return std::nullopt;
        return found->second;
    };
}

ConfigDocument document(const std::string& text) {
    auto parsed = ConfigDocument::parse(text, "/etc/oracxfs/cloud_config.json");
    EXPECT_THAT(parsed, IsOk());
    return parsed ? std::move(*parsed) : ConfigDocument();
}

std::string slurp(const std::string& file) {
    std::ifstream stream(file);
    std::stringstream text;
    text << stream.rdbuf();
    return text.str();
}

void spill(const std::string& file, const std::string& text) { std::ofstream(file) << text; }

// --- what is wrong, and where ------------------------------------------------------------------------------------------

struct Mistake {
    const char* name;
    const char* text;
    const char* message;
    const char* hint;
};
void PrintTo(const Mistake& mistake, std::ostream* out) { *out << mistake.name; }

class ConfigMistake : public testing::TestWithParam<Mistake> {};

TEST_P(ConfigMistake, IsNamedWithItsPlaceAndWhatIsRight) {
    const auto problems = check_config(document(GetParam().text), environment({}));
    ASSERT_EQ(problems.size(), 1u);
    EXPECT_EQ(problems[0].message, GetParam().message);
    EXPECT_EQ(problems[0].hint, GetParam().hint);
}

INSTANTIATE_TEST_SUITE_P(
    All, ConfigMistake,
    testing::Values(
        Mistake{"alias", "{\n  \"auto_sync\": {\n    \"intervall\": \"6h\"\n  }\n}",
                "cloud_config.json:3:5: unknown key `intervall` in `auto_sync`", "did you mean `every`?"},
        Mistake{"typo", "{ \"mount\": { \"cahce_size\": \"1GiB\" } }",
                "cloud_config.json:1:14: unknown key `cahce_size` in `mount`", "did you mean `cache_size`?"},
        Mistake{"section", "{ \"muont\": {} }", "cloud_config.json:1:3: unknown key `muont`", "did you mean `mount`?"},
        Mistake{"far", "{ \"scrub\": { \"potatoes\": 1 } }", "cloud_config.json:1:14: unknown key `potatoes` in `scrub`",
                "allowed here: enabled, every, sample_percent, download, repair, download_limit"},
        Mistake{"package_prefix", "{ \"backup\": { \"name_prefix\": \"../up_\" } }",
                "cloud_config.json:1:30: `backup.name_prefix` cannot be used: it begins with a dot, a tilde or a blank", ""},
        Mistake{"section_type", "{ \"mount\": 7 }", "cloud_config.json:1:12: `mount` must be an object in { }", ""},
        Mistake{"boolean", "{ \"scrub\": { \"repair\": \"yes\" } }",
                "cloud_config.json:1:24: `scrub.repair` must be true or false, not \"yes\"", ""},
        Mistake{"integer", "{ \"retention\": { \"daily\": 1.5 } }",
                "cloud_config.json:1:27: `retention.daily` must be a whole number from 0 to 100000, not 1.5", ""},
        Mistake{"range", "{ \"replication\": { \"min_replicas\": 0 } }",
                "cloud_config.json:1:36: `replication.min_replicas` must be from 1 to 63, not 0", ""},
        Mistake{"choice", "{ \"backup\": { \"compression\": \"mx\" } }",
                "cloud_config.json:1:30: `backup.compression` must be \"max\", \"balanced\" or \"store\", not \"mx\"",
                "did you mean \"max\"?"},
        Mistake{"dropped_choice", "{ \"mount\": { \"provider_dir_write\": \"only\" } }",
                "cloud_config.json:1:36: `mount.provider_dir_write` must be \"replicate\" or \"deny\", not \"only\"", ""},
        Mistake{"unsafe_choice", "{ \"replication\": { \"verify\": \"size\" } }",
                "cloud_config.json:1:30: `replication.verify` must be \"hash\" or \"download\", not \"size\"", ""},
        Mistake{"size", "{ \"mount\": { \"cache_size\": \"lots\" } }",
                "cloud_config.json:1:28: `mount.cache_size` must be a size such as \"512MiB\" or \"5GiB\", not \"lots\"", ""},
        Mistake{"rate", "{ \"replication\": { \"upload_limit\": \"fast\" } }",
                "cloud_config.json:1:36: `replication.upload_limit` must be a rate such as \"1MiB/s\", not \"fast\"", ""},
        Mistake{"duration", "{ \"auto_sync\": { \"every\": \"12\" } }",
                "cloud_config.json:1:27: `auto_sync.every` must be a duration such as \"30s\", \"12h\" or \"7d\", not \"12\"", ""},
        Mistake{"duration_range", "{ \"replication\": { \"backoff\": \"5m..2s\" } }",
                "cloud_config.json:1:31: `replication.backoff` must be two durations such as \"2s..5m\", not \"5m..2s\"", ""},
        Mistake{"null", "{ \"mount\": { \"dir\": null } }", "cloud_config.json:1:21: `mount.dir` must not be null", ""},
        Mistake{"variable", "{ \"mount\": { \"dir\": \"$NOWHERE/x\" } }",
                "cloud_config.json:1:21: `mount.dir` cannot be used", "the variable $NOWHERE is not set"},
        Mistake{"ack", "{ \"mount\": { \"close_waits_for\": \"most\" } }",
                "cloud_config.json:1:33: `mount.close_waits_for` must be \"all\", \"quorum=N\" or \"journal\", not \"most\"", ""},
        Mistake{"clock", "{ \"auto_sync\": { \"at\": [\"06:00\", \"25:00\"] } }",
                "cloud_config.json:1:34: `auto_sync.at` must be a time such as \"06:00\", not \"25:00\"", ""},
        Mistake{"hours", "{ \"replication\": { \"limit_hours\": { \"daytime\": \"1MiB/s\" } } }",
                "cloud_config.json:1:48: `replication.limit_hours` has the key \"daytime\", which is not a time span such as "
                "\"08:00-19:00\"", ""},
        Mistake{"source", "{ \"backup\": { \"sources\": [ { \"path\": \"/a\", \"kid\": \"tree\" } ] } }",
                "cloud_config.json:1:51: `backup.sources` has an entry with the unknown key `kid`", "did you mean `kind`?"},
        Mistake{"source_kind", "{ \"backup\": { \"sources\": [ { \"path\": \"/a\", \"kind\": \"sqlit\" } ] } }",
                "cloud_config.json:1:52: `backup.sources` has an entry whose `kind` must be \"tree\", \"sqlite\" or \"command\", "
                "not \"sqlit\"", "did you mean \"sqlite\"?"},
        Mistake{"source_without_path", "{ \"backup\": { \"sources\": [ { \"kind\": \"sqlite\" } ] } }",
                "cloud_config.json:1:28: `backup.sources` has an entry without `path`", ""},
        Mistake{"command_without_name", "{ \"backup\": { \"sources\": [ { \"kind\": \"command\", \"command\": \"pg_dump a\" } ] } }",
                "cloud_config.json:1:28: `backup.sources` has an entry without `name`, which a command's output needs", ""},
        Mistake{"command_empty", "{ \"backup\": { \"sources\": [ { \"kind\": \"command\", \"name\": \"x\", \"command\": [] } ] } }",
                "cloud_config.json:1:73: `backup.sources` has an entry whose `command` must be a command such as \"pg_dump shop\" "
                "or [\"pg_dump\", \"shop\"], not []", ""},
        Mistake{"command_of_a_tree", "{ \"backup\": { \"sources\": [ { \"path\": \"/a\", \"command\": \"ls\" } ] } }",
                "cloud_config.json:1:55: `backup.sources` has an entry whose `command` has no meaning: its kind is not \"command\"",
                ""},
        Mistake{"source_name", "{ \"backup\": { \"sources\": [ { \"path\": \"/a\", \"name\": \"x/y\" } ] } }",
                "cloud_config.json:1:52: `backup.sources` has an entry whose `name` is no file name", ""},
        Mistake{"version", "{ \"version\": 2 }", "cloud_config.json:1:14: `version` must be from 1 to 1, not 2", ""},
        Mistake{"provider_name", "{ \"providers\": { \"My NAS\": { \"type\": \"local\", \"path\": \"/a\" } } }",
                "cloud_config.json:1:18: `My NAS` is not a provider's name", "1 to 32 characters of a-z, 0-9 and - are allowed"},
        Mistake{"no_type", "{ \"providers\": { \"nas\": { \"path\": \"/a\" } } }",
                "cloud_config.json:1:25: `providers.nas` has no `type`",
                "allowed types: local, sftp, ftp, dropbox, google-drive, s3, webdav"},
        Mistake{"bad_type", "{ \"providers\": { \"nas\": { \"type\": \"sfpt\" } } }",
                "cloud_config.json:1:35: `providers.nas.type` must be \"local\", \"sftp\", \"ftp\", \"dropbox\", \"google-drive\", "
                "\"s3\" or \"webdav\", not \"sfpt\"", "did you mean \"sftp\"?"},
        Mistake{"required", "{ \"providers\": { \"nas\": { \"type\": \"local\" } } }",
                "cloud_config.json:1:25: `providers.nas` has no `path`, which every local provider needs", ""},
        Mistake{"provider_alias", "{ \"providers\": { \"a\": { \"type\": \"local\", \"path\": \"/a\", \"dir\": \"/b\" } } }",
                "cloud_config.json:1:56: unknown key `dir` in `providers.a`", "did you mean `path`?"},
        Mistake{"secret", "{ \"providers\": { \"nas\": { \"type\": \"sftp\", \"host\": \"h\", \"user\": \"u\",\n \"password\": \"hunter22\" } } }",
                "cloud_config.json:2:2: `providers.nas.password` holds a secret",
                "remove it and enter it with --password-file or --token-file: secrets are kept encrypted, not in this file"},
        Mistake{"port", "{ \"providers\": { \"n\": { \"type\": \"sftp\", \"host\": \"h\", \"user\": \"u\", \"port\": 70000 } } }",
                "cloud_config.json:1:75: `providers.n.port` must be from 1 to 65535, not 70000", ""}),
    [](const auto& mistake) { return std::string(mistake.param.name); });

TEST(Config, AllProblemsAreFoundInTheOrderOfTheFile) {
    const auto problems = check_config(document("{\n\"scrub\": {\"repair\": 1},\n\"mount\": {\"dirr\": \"/x\"}\n}"), environment({}));
    ASSERT_EQ(problems.size(), 2u);
    EXPECT_NE(problems[0].message.find(":2:"), std::string::npos);
    EXPECT_NE(problems[1].message.find(":3:"), std::string::npos);
}

TEST(Config, TheErrorNamesTheFirstProblemAndCountsTheOthers) {
    const auto config = make_config(document("{\"scrub\": {\"repair\": 1}, \"mount\": {\"dirr\": \"/x\"}}"), environment({}));
    ASSERT_THAT(config, HasCode(Errc::config));
    EXPECT_EQ(config.error().message, "cloud_config.json:1:22: `scrub.repair` must be true or false, not 1");
    EXPECT_EQ(config.error().why, "1 more problem");
}

TEST(Config, BrokenSyntaxIsReportedWithLineAndColumn) {
    const auto parsed = ConfigDocument::parse("{\n  \"mount\": {,}\n}", "/x/cloud_config.json");
    ASSERT_THAT(parsed, HasCode(Errc::config));
    EXPECT_EQ(parsed.error().message.substr(0, 24), "cloud_config.json:2:13: ") << parsed.error().message;
}

TEST(Config, AKeyThatIsThereTwiceIsRefused) {
    const auto parsed = ConfigDocument::parse("{ \"mount\": {}, \"mount\": {} }", "/x/cloud_config.json");
    ASSERT_THAT(parsed, HasCode(Errc::config));
}

// --- values ------------------------------------------------------------------------------------------------------------

TEST(Config, AnEmptyDocumentGivesTheDefaults) {
    const auto config = make_config(ConfigDocument(), environment({}));
    ASSERT_THAT(config, IsOk());
    EXPECT_EQ(config->mount.dir, "/home/ada/OracxCloud");
    EXPECT_EQ(config->mount.close_waits_for, AckPolicy{});
    EXPECT_EQ(config->mount.cache_size, 5ull << 30);
    EXPECT_EQ(config->mount.write_ahead, 64ull << 20);
    EXPECT_EQ(config->replication.min_replicas, 1u);
    EXPECT_EQ(config->replication.heal_after, Millis(60'000));
    EXPECT_EQ(config->replication.sign_in_pause, Millis(300'000));
    EXPECT_EQ(config->replication.full_pause, Millis(60'000));
    EXPECT_EQ(config->replication.backoff, (DurationRange{Millis(2'000), Millis(300'000)}));
    EXPECT_EQ(config->staging.max_size, std::nullopt);
    EXPECT_EQ(config->staging.min_free, 512ull << 20);
    EXPECT_EQ(config->auto_sync.every, Millis(43'200'000));
    EXPECT_EQ(config->retention.keep_last, 4u);
    EXPECT_EQ(config->retention.hourly, 0u);
    EXPECT_EQ(config->retention.daily, 14u);
    EXPECT_EQ(config->retention.weekly, 8u);
    EXPECT_EQ(config->retention.monthly, 12u);
    EXPECT_EQ(config->retention.yearly, 0u);
    EXPECT_EQ(config->retention.min_verified_copies, 1u);
    EXPECT_EQ(config->retention.trash_days, 7u);
    EXPECT_EQ(config->retention.max_delete_percent, 25u);
    EXPECT_EQ(config->admin.listen.size(), 2u);
    EXPECT_EQ(config->backup.compression, "max");
    EXPECT_TRUE(config->providers.empty());
    EXPECT_FALSE(config->instance.empty());
}

TEST(Config, BackupSourcesAreReadWithTheirDefaults) {
    const auto config = make_config(document(R"({ "backup": { "sources": [
        { "path": "~/data/" },
        { "path": "/srv/app.db", "kind": "sqlite", "name": "app.db" },
        { "path": "/srv/one.txt", "kind": "file" },
        { "path": "/home/ada/x", "kind": "tree", "include": ["*.txt"], "exclude": ["*.tmp", "cache/"],
          "one_file_system": true, "follow": true },
        { "kind": "command", "name": "shop.sql", "command": "pg_dump shop | grep -v '^--'" },
        { "kind": "command", "name": "list", "command": ["ls", "-l", ""] } ] } })"),
                                    environment({}));
    ASSERT_THAT(config, IsOk());
    const auto& sources = config->backup.sources;
    ASSERT_EQ(sources.size(), 6u);
    EXPECT_EQ(sources[0].kind, "tree");
    EXPECT_EQ(sources[0].path, "/home/ada/data");
    EXPECT_FALSE(sources[0].one_file_system);
    EXPECT_FALSE(sources[0].follow);
    EXPECT_EQ(sources[1].kind, "sqlite");
    EXPECT_EQ(sources[1].name, "app.db");
    EXPECT_EQ(sources[2].kind, "tree") << "a word of earlier versions";
    EXPECT_EQ(sources[3].include, std::vector<std::string>{"*.txt"});
    EXPECT_EQ(sources[3].exclude, (std::vector<std::string>{"*.tmp", "cache/"}));
    EXPECT_TRUE(sources[3].one_file_system);
    EXPECT_TRUE(sources[3].follow);
    EXPECT_EQ(sources[4].command, (std::vector<std::string>{"/bin/sh", "-c", "pg_dump shop | grep -v '^--'"}));
    EXPECT_EQ(sources[5].command, (std::vector<std::string>{"ls", "-l", ""}));
}

TEST(Config, OldWordsForCompressionStillCount) {
    const auto compression = [](const std::string& word) {
        const auto config = make_config(document("{ \"backup\": { \"compression\": \"" + word + "\" } }"), environment({}));
        return config ? config->backup.compression : config.error().to_string();
    };
    EXPECT_EQ(compression("max"), "max");
    EXPECT_EQ(compression("balanced"), "balanced");
    EXPECT_EQ(compression("store"), "store");
    EXPECT_EQ(compression("fast"), "balanced");
    EXPECT_EQ(compression("none"), "store");
}

TEST(Config, EachRetentionRuleHasItsOwnPlace) {
    const auto config = make_config(document("{ \"retention\": { \"keep_last\": 11, \"hourly\": 12, \"daily\": 13, \"weekly\": 14,\n"
                                             "\"monthly\": 15, \"yearly\": 16, \"min_verified_copies\": 17, \"trash_days\": 18,\n"
                                             "\"max_delete_percent\": 19 } }"),
                                    environment({}));
    ASSERT_THAT(config, IsOk());
    const RetentionConfig& r = config->retention;
    EXPECT_THAT((std::vector{r.keep_last, r.hourly, r.daily, r.weekly, r.monthly, r.yearly, r.min_verified_copies, r.trash_days,
                             r.max_delete_percent}),
                testing::ElementsAre(11u, 12u, 13u, 14u, 15u, 16u, 17u, 18u, 19u));
}

TEST(Config, EveryDefaultPassesItsOwnCheck) {
    for (const Setting& setting : settings()) {
        const auto value = parse_json(setting.fallback);
        ASSERT_THAT(value, IsOk()) << setting.path;
        EXPECT_TRUE(check_value(setting, *value).empty()) << setting.path;
    }
    for (const std::string_view type : provider_types())
        for (const Setting& setting : provider_settings(type)) {
            if (setting.fallback.empty()) continue;
            const auto value = parse_json(setting.fallback);
            ASSERT_THAT(value, IsOk()) << type << " " << setting.path;
            EXPECT_TRUE(check_value(setting, *value).empty()) << type << " " << setting.path;
        }
}

TEST(Config, CommentsTrailingCommasAndCommentMembersAreAllowed) {
    const auto config = make_config(document("{ // a word\n \"_comment\": \"x\",\n /* more */ \"mount\": { \"_comment1\": 1, \"dir\": \"/mnt/c\", }, }"),
                                    environment({}));
    ASSERT_THAT(config, IsOk());
    EXPECT_EQ(config->mount.dir, "/mnt/c");
}

TEST(Config, ProviderEntriesGetDefaultsExpandedPathsAndPlainUnits) {
    const auto config = make_config(
        document("{ \"providers\": { \"_comment\": \"mine\", \"a\": { \"type\": \"local\", \"path\": \"$DISK/a/../b\" },\n"
                 "\"nas\": { \"type\": \"sftp\", \"host\": \"nas.lan\", \"user\": \"u\", \"key_file\": \"~/.ssh/id\", \"timeout\": \"1m\",\n"
                 "\"upload_limit\": \"1MiB/s\" } } }"),
        environment({{"DISK", "/mnt/disk"}}));
    ASSERT_THAT(config, IsOk());
    ASSERT_EQ(config->providers.size(), 2u);
    EXPECT_EQ(config->providers[0].values["path"].as_string(), "/mnt/disk/b");
    EXPECT_TRUE(config->providers[0].enabled);
    const ProviderEntry* nas = config->provider("nas");
    ASSERT_NE(nas, nullptr);
    EXPECT_EQ(nas->values["port"].as_int(), 22);
    EXPECT_EQ(nas->values["folder"].as_string(), "ORACXPRED");
    EXPECT_EQ(nas->values["key_file"].as_string(), "/home/ada/.ssh/id");
    EXPECT_EQ(nas->values["timeout"].as_double(), 60.0);
    EXPECT_EQ(nas->values["upload_limit"].as_int(), 1 << 20);
}

TEST(Config, AnEntryThatIsSwitchedOffMayBeUnfinished) {
    EXPECT_TRUE(check_config(document("{ \"providers\": { \"ftp\": { \"type\": \"ftp\", \"enabled\": false, \"host\": \"\" } } }"),
                             environment({})).empty());
}

TEST(Config, TheEnvironmentWinsOverTheFile) {
    const auto doc = document("{ \"mount\": { \"close_waits_for\": \"all\" } }");
    const auto env = environment({{"ORACXFS_MOUNT_CLOSE_WAITS_FOR", "quorum=2"}, {"ORACXFS_REPLICATION_MIN_REPLICAS", "2"}});
    const auto config = make_config(doc, env);
    ASSERT_THAT(config, IsOk());
    EXPECT_EQ(config->mount.close_waits_for, (AckPolicy{AckPolicy::Mode::quorum, 2, 2}));
}

TEST(Config, AWrongValueInTheEnvironmentIsNamed) {
    const auto config = make_config(ConfigDocument(), environment({{"ORACXFS_MOUNT_CACHE_SIZE", "big"}}));
    ASSERT_THAT(config, HasCode(Errc::config));
    EXPECT_EQ(config.error().message,
              "environment ORACXFS_MOUNT_CACHE_SIZE: `mount.cache_size` must be a size such as \"512MiB\" or \"5GiB\", not \"big\"");
}

TEST(Config, EachValueTellsItsOrigin) {
    const auto doc = document("{\n \"mount\": { \"dir\": \"/mnt/c\" } }");
    std::map<std::string, std::string> origins;
    for (const EffectiveSetting& setting : effective_settings(doc, environment({{"ORACXFS_LOG_LEVEL", "debug"}})))
        origins[setting.path] = setting.origin;
    EXPECT_EQ(origins["mount.dir"], "cloud_config.json:2:20");
    EXPECT_EQ(origins["log.level"], "environment ORACXFS_LOG_LEVEL");
    EXPECT_EQ(origins["scrub.repair"], "default");
}

TEST(Config, SettingFromTextChecksKeyAndValue) {
    ConfigDocument doc = document("{ \"providers\": { \"a\": { \"type\": \"local\", \"path\": \"/a\" } } }");
    const auto env = environment({});
    EXPECT_THAT(set_from_text(doc, "mount.cache_size", "1GiB", env), IsOk());
    EXPECT_THAT(set_from_text(doc, "scrub.repair", "off", env), IsOk());
    EXPECT_THAT(set_from_text(doc, "providers.a.enabled", "false", env), IsOk());
    EXPECT_EQ(doc.root()["mount"]["cache_size"].as_string(), "1GiB");
    EXPECT_FALSE(doc.root()["scrub"]["repair"].as_bool(true));
    EXPECT_FALSE(doc.root()["providers"]["a"]["enabled"].as_bool(true));
    const Json before = doc.root();
    const Status unknown = set_from_text(doc, "mount.cach_size", "1GiB", env);
    ASSERT_THAT(unknown, HasCode(Errc::config));
    EXPECT_EQ(unknown.error().why, "did you mean `mount.cache_size`?");
    EXPECT_THAT(set_from_text(doc, "mount.cache_size", "big", env), HasCode(Errc::config));
    EXPECT_THAT(set_from_text(doc, "providers.b.enabled", "true", env), HasCode(Errc::config));
    EXPECT_EQ(doc.root(), before);
}

// --- saving ------------------------------------------------------------------------------------------------------------

TEST(ConfigSave, IsPrivateAndKeepsTheOldTextAndCommentMembersInOrder) {
    const test::TempDir dir;
    const std::string file = dir / "cloud_config.json";
    const std::string old_text = "{ \"_comment\": \"first\", \"version\": 1, \"mount\": { \"_comment\": \"in\", \"dir\": \"/a\" } }";
    spill(file, old_text);
    auto doc = ConfigDocument::load(file);
    ASSERT_THAT(doc, IsOk());
    doc->set("mount.allow_other", true);
    ASSERT_THAT(doc->save(ConfigDocument::Comments::keep), IsOk());
    EXPECT_EQ(slurp(file + ".bak"), old_text);
    EXPECT_EQ(slurp(file), "{\n  \"_comment\": \"first\",\n  \"version\": 1,\n  \"mount\": {\n    \"_comment\": \"in\",\n"
                           "    \"dir\": \"/a\",\n    \"allow_other\": true\n  }\n}\n");
    struct stat info {};
    ASSERT_EQ(::stat(file.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777, 0600u);
}

TEST(ConfigSave, CreatesTheFileAndItsFolder) {
    const test::TempDir dir;
    auto doc = ConfigDocument::load(dir / "deep/er/cloud_config.json");
    ASSERT_THAT(doc, IsOk());
    EXPECT_FALSE(doc->exists());
    doc->set("version", 1);
    ASSERT_THAT(doc->save(ConfigDocument::Comments::keep), IsOk());
    EXPECT_THAT(load_config(dir / "deep/er/cloud_config.json", environment({})), IsOk());
}

TEST(ConfigSave, RefusesToDropCommentsUnlessToldTo) {
    const test::TempDir dir;
    const std::string file = dir / "cloud_config.json";
    const std::string text = "{ \"mount\": { \"dir\": \"http://no.comment\" } } // yes";
    spill(file, text);
    auto doc = ConfigDocument::load(file);
    ASSERT_THAT(doc, IsOk());
    doc->set("version", 1);
    EXPECT_THAT(doc->save(ConfigDocument::Comments::keep), HasCode(Errc::refused));
    EXPECT_EQ(slurp(file), text);
    EXPECT_THAT(doc->save(ConfigDocument::Comments::drop), IsOk());
    EXPECT_EQ(slurp(file + ".bak"), text);
}

TEST(ConfigSave, SlashesInTextsAreNoComments) {
    EXPECT_FALSE(document("{ \"mount\": { \"dir\": \"/a//b\\\" // c\" } }").has_comments());
    EXPECT_TRUE(document("{ /* c */ }").has_comments());
}

TEST(ConfigSave, NoticesThatSomebodyElseSavedMeanwhile) {
    const test::TempDir dir;
    const std::string file = dir / "cloud_config.json";
    spill(file, "{}");
    auto doc = ConfigDocument::load(file);
    ASSERT_THAT(doc, IsOk());
    spill(file, "{ \"version\": 1 }");
    doc->set("mount.dir", "/b");
    EXPECT_THAT(doc->save(ConfigDocument::Comments::keep), HasCode(Errc::changed));
    EXPECT_EQ(slurp(file), "{ \"version\": 1 }");
}

// --- places ------------------------------------------------------------------------------------------------------------

TEST(Places, OneFolderHoldsEverythingWhenAskedFor) {
    const Places places = find_places(environment({{"ORACXFS_HOME", "/srv/o/"}, {"XDG_RUNTIME_DIR", "/run/user/7"}}));
    EXPECT_EQ(places.config_file, "/srv/o/cloud_config.json");
    EXPECT_EQ(places.secrets_db, "/srv/o/secrets.db");
    EXPECT_EQ(places.master_key, "/srv/o/master.key");
    EXPECT_EQ(places.catalog_db, "/srv/o/catalog.db");
    EXPECT_EQ(places.staging, "/srv/o/staging");
    EXPECT_EQ(places.cache, "/srv/o/cache");
    EXPECT_EQ(places.socket, "/srv/o/run/control.sock");
    EXPECT_EQ(places.lock_file, "/srv/o/run/lock");
}

TEST(Places, XdgFoldersAreUsedElse) {
    const Places places = find_places(environment({{"XDG_RUNTIME_DIR", "/run/user/7"}, {"XDG_CACHE_HOME", "relative"}}));
    EXPECT_EQ(places.config_file, "/home/ada/.config/oracxfs/cloud_config.json");
    EXPECT_EQ(places.staging, "/home/ada/.local/state/oracxfs/staging");
    EXPECT_EQ(places.cache, "/home/ada/.cache/oracxfs");
    EXPECT_EQ(places.socket, "/run/user/7/oracxfs/control.sock");
    EXPECT_EQ(places.lock_file, "/home/ada/.local/state/oracxfs/run/lock");
}

TEST(Places, PathsAreExpanded) {
    const auto env = environment({{"DISK", "/mnt/d"}});
    EXPECT_EQ(expand_path("~/x", env).value(), "/home/ada/x");
    EXPECT_EQ(expand_path("$DISK/x${DISK}", env).value(), "/mnt/d/x/mnt/d");
    EXPECT_EQ(expand_path("$XDG_STATE_HOME/o", env).value(), "/home/ada/.local/state/o");
    EXPECT_EQ(expand_path("/a~b", env).value(), "/a~b");
    EXPECT_THAT(expand_path("$NOPE", env), HasCode(Errc::config));
    EXPECT_THAT(expand_path("${DISK", env), HasCode(Errc::config));
    EXPECT_THAT(expand_path("a$", env), HasCode(Errc::config));
}

}  // namespace
}  // namespace oracxfs
