// Catalogues made here byte by byte, in the form that msgfmt writes.

#include "base/translate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/matchers.h"

namespace oracxfs {
namespace {

using test::HasCode;
using test::IsOk;

constexpr std::string_view kHeader =
    "Language: fr\nContent-Type: text/plain; charset=UTF-8\nPlural-Forms: nplurals=2; plural=(n > 1);\nX-Decimal-Point: ,\n";

std::string little_endian(std::size_t number) {
    std::string bytes;
    for (int i = 0; i < 4; ++i) bytes += static_cast<char>(number >> (8 * i) & 0xff);
    return bytes;
}

using Texts = std::vector<std::pair<std::string, std::string>>;

std::string compiled(Texts texts, std::string_view header = kHeader) {
    texts.insert(texts.begin(), {"", std::string(header)});
    const std::size_t count = texts.size(), first = 28, second = first + 8 * count;
    std::string head = little_endian(0x950412de) + little_endian(0) + little_endian(count) + little_endian(first) + little_endian(second) + little_endian(0) + little_endian(0);
    std::string table, body;
    const auto add = [&](const std::string& text) {
        table += little_endian(text.size()) + little_endian(second + 8 * count + body.size());
        body += text + '\0';
    };
    for (const auto& text : texts) add(text.first);
    for (const auto& text : texts) add(text.second);
    return head + table + body;
}

TextCatalogue french(const Texts& texts, TextCatalogue::Letters letters = TextCatalogue::Letters::all) {
    auto catalogue = TextCatalogue::parse(compiled(texts), letters);
    EXPECT_THAT(catalogue, IsOk());
    return std::move(*catalogue);
}

std::string two_forms(const std::string& one, const std::string& many) { return one + '\0' + many; }

// What is installed by a test is gone after it.
class TranslateTest : public testing::Test {
  protected:
    void install(const Texts& texts) { install_texts(std::make_shared<const TextCatalogue>(french(texts))); }
    void TearDown() override { install_texts(nullptr); }
};

TEST_F(TranslateTest, WithoutACatalogueEverythingIsEnglish) {
    EXPECT_EQ(tr("Providers"), "Providers");
    EXPECT_EQ(ntr("file", "files", 0), "files");
    EXPECT_EQ(trf("provider {} works", "nas"), "provider nas works");
    EXPECT_EQ(ntrf("{} file", "{} files", 1, 1), "1 file");
    EXPECT_EQ(tr_sentence("put x"), "put x");
    EXPECT_EQ(tr_lines("a\n  b\n"), "a\n  b\n");
}

TEST_F(TranslateTest, ATextIsFoundAndOneThatIsNotStaysEnglish) {
    install({{"Providers", "Fournisseurs"}});
    EXPECT_EQ(tr("Providers"), "Fournisseurs");
    EXPECT_EQ(tr("Provider"), "Provider");
}

TEST_F(TranslateTest, NothingIsSingularInFrenchAndPluralInEnglish) {
    install({{two_forms("{} file", "{} files"), two_forms("{} fichier", "{} fichiers")}});
    EXPECT_EQ(ntrf("{} file", "{} files", 0, 0), "0 fichier");
    EXPECT_EQ(ntrf("{} file", "{} files", 1, 1), "1 fichier");
    EXPECT_EQ(ntrf("{} file", "{} files", 2, 2), "2 fichiers");
    install_texts(nullptr);
    EXPECT_EQ(ntrf("{} file", "{} files", 0, 0), "0 files");
}

TEST_F(TranslateTest, TheOrderOfValuesMayChange) {
    install({{"{} of {}", "de {1}, {0}"}, {"{:02}/{:02}", "{1:02}.{0:02}"}});
    EXPECT_EQ(trf("{} of {}", 3, "nas"), "de nas, 3");
    EXPECT_EQ(trf("{:02}/{:02}", 1, 2), "02.01");
}

TEST_F(TranslateTest, ATranslationWithWrongPlacesIsNotUsed) {
    install({{"{} copies", "{} copies de {}"}});
    EXPECT_EQ(trf("{} copies", 3), "3 copies");
}

TEST_F(TranslateTest, ASentenceIsTranslatedWithItsValues) {
    const auto texts = french({{"provider {} is {}", "le fournisseur {} est {}"}, {"provider {} is full", "le fournisseur {} est plein"}, {"put {}", "déposer {}"}});
    EXPECT_EQ(texts.sentence("put a {} b.zip"), "déposer a {} b.zip");
    EXPECT_EQ(texts.sentence("provider nas is gone"), "le fournisseur nas est gone");
    EXPECT_EQ(texts.sentence("provider nas is full"), "le fournisseur nas est plein") << "the text of which most is fixed";
    EXPECT_EQ(texts.sentence("put "), "put ") << "no value";
    EXPECT_EQ(texts.sentence("something else"), "something else");
}

TEST_F(TranslateTest, WhatStandsBehindAColonIsASentenceOfItsOwn) {
    const auto texts = french({{"the test failed: {}", "le test a échoué : {}"}, {"no answer", "pas de réponse"}, {"connect", "se connecter"}});
    EXPECT_EQ(texts.sentence("the test failed: no answer"), "le test a échoué : pas de réponse");
    EXPECT_EQ(texts.sentence("the test failed: connect: no answer"), "le test a échoué : se connecter: pas de réponse");
    EXPECT_EQ(texts.sentence("the test failed: at 12"), "le test a échoué : at 12");
}

TEST_F(TranslateTest, NestedErrorsAreTranslatedPieceByPiece) {
    const auto texts = french({{"no answer", "pas de réponse"}, {"connect to {}", "se connecter à {}"}});
    EXPECT_EQ(texts.sentence("nas: connect to host: no answer"), "nas: se connecter à host: pas de réponse");
    EXPECT_EQ(texts.sentence("connect to host: no answer [E-DEADLINE]"), "se connecter à host: pas de réponse [E-DEADLINE]");
    EXPECT_EQ(texts.sentence("E-DEADLINE no answer"), "E-DEADLINE pas de réponse");
}

TEST_F(TranslateTest, AValueIsANameAndStaysWhatItIs) {
    const auto texts = french({{"missing", "manquant"}, {"read {}", "lire {}"}});
    EXPECT_EQ(texts.sentence("read missing"), "lire missing");
}

TEST_F(TranslateTest, MeasuresInSentencesAreWrittenAsTheLanguageDoes) {
    const auto texts = french({{"{} are free", "{} sont libres"}, {"MiB", "Mio"}, {"d", "j"}, {"{} ago", "il y a {}"}, {"just now", "à l'instant"}, {"seen {} there", "vu {} là"}});
    EXPECT_EQ(texts.sentence("1.84 MiB are free"), "1,84 Mio sont libres");
    EXPECT_EQ(texts.sentence("seen 3 d 4 h ago there"), "vu il y a 3 j 4 h là");
    EXPECT_EQ(texts.sentence("seen just now there"), "vu à l'instant là");
    EXPECT_EQ(texts.sentence("seen 1.2 there"), "vu 1.2 là") << "a number alone may be a version";
    EXPECT_EQ(texts.sentence("seen 127.0.0.1 there"), "vu 127.0.0.1 là");
}

TEST_F(TranslateTest, ResultsAreTranslatedLineByLineButNotSingleWords) {
    install({{"all copies are verified", "toutes les copies sont vérifiées"}, {"none", "aucun"}, {"put {} back", "remettre {}"}, {"{} could not be asked: {}", "{} n'a pas pu être interrogé: {}"}, {"{} files", "{} fichiers"}, {"provider {} works", "{} fonctionne"}});
    EXPECT_EQ(tr_lines("  all copies are verified\nnone\nprovider nas works\n"), "  toutes les copies sont vérifiées\nnone\nnas fonctionne\n");
    EXPECT_EQ(tr_lines("x: all copies are verified"), "x: all copies are verified") << "part of a line is somebody's data";
    EXPECT_EQ(tr_result("provider nas works\n"), "nas fonctionne\n");
    EXPECT_EQ(tr_result("  put nas back\nall copies are verified\n"), "  put nas back\ntoutes les copies sont vérifiées\n") << "a file may be called like this";
    EXPECT_EQ(tr_result("nas could not be asked: out\n2 files\n"), "nas n'a pas pu être interrogé: out\n2 files\n");
}

TEST_F(TranslateTest, LettersLoseTheirAccentsWhereTheTerminalShowsNone) {
    const auto texts = french({{"a", "«\u00a0Çà\u00a0» œuvre – été… 中"}, {"called \"{}\" here", "dit « {} » là"}}, TextCatalogue::Letters::ascii);
    EXPECT_EQ(*texts.find("a"), "\"Ca\" oeuvre - ete... ?");
    EXPECT_EQ(texts.sentence("called \"x\" here"), "dit \"x\" la");
}

TEST_F(TranslateTest, PlacesAreFoundAsFmtFindsThem) {
    const auto places = places_in("{1:02} {} {\"a\": {x}} {:>{}} {");
    ASSERT_EQ(places.size(), 3u);
    EXPECT_EQ(places[0].number, 1u);
    EXPECT_EQ(places[0].end, 6u);
    EXPECT_TRUE(places_in("{ } {} ").size() == 1);
}

TEST_F(TranslateTest, ADamagedCatalogueIsRefusedWithoutReadingBeyondIt) {
    const std::string good = compiled({{"put {}", "déposer {}"}, {"x", "y"}});
    for (std::size_t size = 0; size < good.size(); ++size) {
        const std::string cut = good.substr(0, size);  // of its own, so that a sanitizer sees its end
        EXPECT_THAT(TextCatalogue::parse(std::string_view(cut.data(), cut.size())), HasCode(Errc::invalid)) << size;
    }
    for (std::size_t at = 0; at < 28 + 6 * 8; ++at) {
        std::string changed = good;
        changed[at] = '\xff';
        (void)TextCatalogue::parse(changed);
    }
}

TEST_F(TranslateTest, AnUnknownRuleForPluralsIsRefused) {
    EXPECT_THAT(TextCatalogue::parse(compiled({}, "Language: ru\nContent-Type: text/plain; charset=UTF-8\nPlural-Forms: nplurals=3; plural=n;\n")), HasCode(Errc::invalid));
    EXPECT_THAT(TextCatalogue::parse(compiled({}, "Content-Type: text/plain; charset=UTF-8\n")), HasCode(Errc::invalid));
}

}  // namespace
}  // namespace oracxfs
