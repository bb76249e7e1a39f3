// Which language is spoken, the French texts themselves, and the program as a French user meets it.

#include "tools/oracxfs/language.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <regex>
#include <set>

#include "base/translate.h"
#include "tests/support/matchers.h"
#include "tests/unit/tools/program.h"
#include "tools/control/envelope.h"
#include "tools/oracxfs/commands.h"
#include "tools/oracxfs/shown.h"

namespace oracxfs {
namespace {

using test::IsOk;
using test::Ran;
using testing::HasSubstr;
using testing::Not;

Environment with(std::map<std::string, std::string> variables) {
    return [variables = std::move(variables)](const std::string& name) -> std::optional<std::string> {
        const auto found = variables.find(name);
        return found == variables.end() || found->second.empty() ? std::nullopt : std::optional(found->second);
    };
}

TEST(ChooseLanguage, TheFirstThatSaysOneWins) {
    EXPECT_EQ(choose_language("fr", with({{"ORACXFS_LANG", "en"}}), "en"), "fr");
    EXPECT_EQ(choose_language("", with({{"ORACXFS_LANG", "fr"}, {"LC_ALL", "en_US.UTF-8"}}), "en"), "fr");
    EXPECT_EQ(choose_language("", with({{"LC_ALL", "en_US.UTF-8"}}), "fr"), "fr");
    EXPECT_EQ(choose_language("", with({{"LC_ALL", "fr_FR.UTF-8"}}), "auto"), "fr");
    EXPECT_EQ(choose_language("", with({{"LC_ALL", "en_US.UTF-8"}, {"LANG", "fr_FR.UTF-8"}}), ""), "en");
    EXPECT_EQ(choose_language("", with({{"LC_MESSAGES", "fr_CA"}, {"LANG", "en_US.UTF-8"}}), ""), "fr");
    EXPECT_EQ(choose_language("", with({{"LANG", "fr_FR.UTF-8"}}), ""), "fr");
    EXPECT_EQ(choose_language("", with({{"LANG", "fr@euro"}}), ""), "fr");
}

TEST(ChooseLanguage, AListOfLanguagesIsLookedThroughWhereThereIsALocale) {
    EXPECT_EQ(choose_language("", with({{"LANG", "C.UTF-8"}, {"LANGUAGE", "de:fr:en"}}), ""), "fr");
    EXPECT_EQ(choose_language("", with({{"LANG", "fr_FR.UTF-8"}, {"LANGUAGE", "en"}}), ""), "en");
    EXPECT_EQ(choose_language("", with({{"LANG", "C"}, {"LANGUAGE", "fr"}}), ""), "en");
    EXPECT_EQ(choose_language("", with({{"LANGUAGE", "fr"}}), ""), "en");
}

TEST(ChooseLanguage, WhatHasNoTextsIsEnglish) {
    EXPECT_EQ(choose_language("", with({}), ""), "en");
    EXPECT_EQ(choose_language("", with({{"LANG", "de_DE.UTF-8"}}), ""), "en");
    EXPECT_EQ(choose_language("xx", with({{"LANG", "frisian"}}), "auto"), "en");
}

// The catalogue as it was built, without the program around it.
class FrenchTexts : public testing::Test {
  protected:
    void SetUp() override {
        const auto file = std::filesystem::path(ORACXFS_BINARY).parent_path().parent_path() / "share/locale/fr/LC_MESSAGES/oracxfs.mo";
        auto texts = TextCatalogue::parse(test::slurp(file.string()));
        ASSERT_THAT(texts, IsOk()) << file;
        texts_ = std::make_shared<const TextCatalogue>(std::move(*texts));
        install_texts(texts_);
    }
    void TearDown() override { install_texts(nullptr); }
    std::shared_ptr<const TextCatalogue> texts_;
};

// These lines were there before this program was; people and scripts look for them.
TEST_F(FrenchTexts, TheLinesOfTheFirstVersionStandVerbatim) {
    EXPECT_EQ(tr("CLOUD STORAGE STATUS"), "STATUT DU STOCKAGE CLOUD");
    EXPECT_EQ(tr("Configured providers:"), "Providers configures:");
    EXPECT_EQ(trf("{}: Inactive", "FTP"), "FTP: Inactif");
    EXPECT_EQ(tr("Automatic sync: Inactive"), "Synchronisation automatique: Inactif");
    EXPECT_EQ(trf("Backups in the cloud: {}", 17), "Backups dans le cloud: 17");
    EXPECT_EQ(trf("Backup package created: {}", "a.zip"), "Package de backup cree: a.zip");
    EXPECT_EQ(trf("Uploading to {}: {}", "Dropbox", "/ORACXPRED/a.zip"), "Upload vers Dropbox: /ORACXPRED/a.zip");
    EXPECT_EQ(trf("OK {}: file uploaded successfully", "Dropbox"), "OK Dropbox: Fichier uploade avec succes");
    EXPECT_EQ(tr("Sync succeeded!"), "Synchronisation reussie!");
    EXPECT_EQ(tr("Starting cloud sync..."), "Debut de la synchronisation cloud...");
}

TEST_F(FrenchTexts, EveryErrorCodeHasAHintInBothLanguages) {
    constexpr std::array kCodes = {
#define X(name, e_code, err, exit_code, retry, hint) Errc::name,
#include "base/error_codes.def"
#undef X
    };
    for (const Errc code : kCodes) {
        const std::string hint(info(code).hint);
        EXPECT_NE(hint, "") << info(code).e_code;
        EXPECT_NE(tr(hint), hint) << info(code).e_code;
    }
}

TEST_F(FrenchTexts, EveryCommandIsExplainedInFrench) {
    for (const Command& command : command_table()) {
        EXPECT_NE(texts_->find(command.summary), nullptr) << command.path << ": " << command.summary;
        EXPECT_TRUE(command.group.empty() || texts_->find(command.group) != nullptr) << command.group;
    }
}

std::string filled(const std::string& text, const std::vector<std::string>& values) {
    std::string out;
    std::size_t at = 0;
    for (const TextPlace& place : places_in(text)) {
        out += text.substr(at, place.begin - at) + values.at(place.number);
        at = place.end;
    }
    return out + text.substr(at);
}

// An error that was made of a text and values is recognised again, and the values are in their places: no other text
// looks like it. Values here are words that no text has.
TEST_F(FrenchTexts, EverySentenceIsRecognisedWithItsValues) {
    const std::vector<std::string> values = {"Qa1", "Qb2", "Qc3", "Qd4", "Qe5", "Qf6"};
    std::size_t tried = 0;
    for (const TextCatalogue::Entry& entry : texts_->entries()) {
        const auto places = places_in(entry.english);
        // A date has no letters to be known by; neither has "{} {}".
        if (places.empty() || std::count_if(entry.english.begin(), entry.english.end(), [](unsigned char c) { return std::isalpha(c) != 0; }) < 5) continue;
        ++tried;
        EXPECT_EQ(texts_->sentence(filled(entry.english, values)), filled(entry.forms[0], values)) << entry.english;
    }
    EXPECT_GT(tried, 300u);
}

TEST_F(FrenchTexts, PlacesAgree) {
    for (const TextCatalogue::Entry& entry : texts_->entries()) {
        const auto numbers = [](const std::string& text) {
            std::multiset<std::size_t> all;
            for (const TextPlace& place : places_in(text)) all.insert(place.number);
            return all;
        };
        EXPECT_EQ(numbers(entry.forms[0]), numbers(entry.english)) << entry.english;
        EXPECT_EQ(numbers(entry.forms.back()), numbers(entry.english_plural.empty() ? entry.english : entry.english_plural)) << entry.english;
    }
}

TEST_F(FrenchTexts, SizesTimesAndStatesAreWrittenAsInFrance) {
    EXPECT_EQ(shown_size(std::uint64_t{1'975'684'956}), "1,84 Gio");
    EXPECT_EQ(shown_size(std::uint64_t{512}), "512 o");
    EXPECT_EQ(shown_duration(Millis(3 * 86'400'000 + 4 * 3'600'000)), "3 j 4 h");
    EXPECT_EQ(shown_age(Millis(7'200'000)), "il y a 2 h");
    EXPECT_EQ(shown_age(Millis(0)), "à l'instant");
    EXPECT_EQ(shown_age(Json(), SystemClock().wall()), "jamais");
    EXPECT_EQ(shown_word("auth_needed"), "connexion requise");
    EXPECT_EQ(shown_word("Providers"), "Providers") << "not a word of the JSON output";
    EXPECT_THAT(shown_time(Json("2025-01-05T12:34:56Z")), testing::MatchesRegex("0[456]/01/2025 [0-2][0-9]:[0-5][0-9]"));
    EXPECT_EQ(shown_time(Json()), "");
}

// --- the program ---------------------------------------------------------------------------------------------------------

class FrenchUser : public test::ProgramTest {
  protected:
    FrenchUser() : ProgramTest(ORACXFS_BINARY) { environment_["LANG"] = "fr_FR.UTF-8"; }
};

TEST_F(FrenchUser, ReadsTheStatusInFrenchAlsoWhereTheLocaleWasNeverGenerated) {
    const Ran ran = run({"status"});
    EXPECT_THAT(ran.out, HasSubstr("STATUT DU STOCKAGE CLOUD"));
    EXPECT_THAT(ran.out, HasSubstr("Providers configures:"));
    EXPECT_THAT(ran.out, HasSubstr("NON CONFIGURÉ"));
    EXPECT_THAT(ran.out, Not(HasSubstr("Files")));
}

TEST_F(FrenchUser, ReadsErrorsInFrenchWithTheCodeThatScriptsKnow) {
    const Ran ran = run({"providers", "test", "nas"});
    EXPECT_EQ(ran.code, 8);
    EXPECT_THAT(ran.err, HasSubstr("erreur : trouver le fournisseur nas\n"));
    EXPECT_THAT(ran.err, HasSubstr("cause :  aucun n'est configuré\n"));
    EXPECT_THAT(ran.err, HasSubstr("suite :  vérifiez le nom"));
    EXPECT_THAT(ran.err, HasSubstr("[E-NOT-FOUND · code 8]"));
}

TEST_F(FrenchUser, IsToldInFrenchWhatIsWrongWithACommandLine) {
    const Ran ran = run({"mount", "--nonsense"});
    EXPECT_EQ(ran.code, 2);
    EXPECT_THAT(ran.err, HasSubstr("L'argument suivant n'était pas attendu"));
    EXPECT_THAT(run({"local"}).err, HasSubstr("--path est obligatoire"));
}

TEST_F(FrenchUser, FindsNoEnglishInTheHelp) {
    const Ran ran = run({"--help"});
    for (const char* word : {"Utilisation: oracxfs", "Sauvegardes:", "Fournisseurs:", "Ne jamais demander", "Aide sur une commande"}) EXPECT_THAT(ran.out, HasSubstr(word));
    for (const char* word : {"Usage:", "Options:\n  -h,--help                   Show", "Backups:", "Never ask"}) EXPECT_THAT(ran.out, Not(HasSubstr(word)));
    const Ran topic = run({"help", "exit-codes"});
    EXPECT_THAT(topic.out, HasSubstr("15  le montage a échoué"));
}

TEST_F(FrenchUser, GetsTheSameJsonAsEverybody) {
    // All but the moment in which it was asked.
    const auto report = [this] { return std::regex_replace(run({"status", "--json"}).out, std::regex("\"at\":\"[^\"]*\""), ""); };
    const std::string french = report();
    const Ran failed = run({"providers", "test", "nas", "--json"});
    environment_["LANG"] = "C.UTF-8";
    EXPECT_EQ(french, report());
    EXPECT_EQ(failed.out, run({"providers", "test", "nas", "--json"}).out);
}

TEST_F(FrenchUser, MayAskForAnotherLanguage) {
    EXPECT_THAT(run({"status", "--lang", "en"}).out, HasSubstr("CLOUD STORAGE STATUS"));
    EXPECT_THAT(run({"--lang=en", "status"}).out, HasSubstr("CLOUD STORAGE STATUS"));
    EXPECT_EQ(run({"--lang=xx", "status"}).code, 2);
    environment_["ORACXFS_LANG"] = "en";
    EXPECT_THAT(run({"status"}).out, HasSubstr("CLOUD STORAGE STATUS"));
    environment_.erase("ORACXFS_LANG");
    ASSERT_EQ(run({"config", "set", "language", "en"}).code, 0);
    EXPECT_THAT(run({"status"}).out, HasSubstr("CLOUD STORAGE STATUS"));
    environment_["LANG"] = "C.UTF-8";
    ASSERT_EQ(run({"config", "set", "language", "fr"}).code, 0);
    EXPECT_THAT(run({"status"}).out, HasSubstr("STATUT DU STOCKAGE CLOUD"));
}

TEST_F(FrenchUser, ReadsWithoutAccentsAtATerminalThatHasNone) {
    environment_["LANG"] = "fr_FR";
    const Ran ran = run({"status"});
    EXPECT_THAT(ran.out, HasSubstr("NON CONFIGURE"));
    EXPECT_TRUE(std::all_of(ran.out.begin(), ran.out.end(), [](unsigned char c) { return c < 0x80; })) << ran.out;
}

TEST_F(FrenchUser, GetsSettingsAsTheyAre) {
    ASSERT_EQ(run({"config", "set", "instance", "none"}).code, 0);
    EXPECT_EQ(run({"config", "get", "instance"}).out, "none\n");
    EXPECT_EQ(run({"config", "get", "mount.close_waits_for"}).out, "all\n");
}

}  // namespace
}  // namespace oracxfs
