#!/usr/bin/env python3
"""Translations: complete, up to date, and made of the same values as the originals. Needs nothing but Python."""

import ast
import collections
import importlib.util
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
Entry = collections.namedtuple("Entry", "msgid plural forms flags obsolete line")


def read_po(path):
    """The entries of a .po file, without its header."""
    entries, fields, flags, obsolete, name, line_of = [], {}, "", False, None, 0

    def finish():
        if "msgid" in fields and fields["msgid"]:
            forms = [fields[key] for key in ("msgstr", "msgstr[0]", "msgstr[1]") if key in fields]
            entries.append(Entry(fields["msgid"], fields.get("msgid_plural"), forms, flags, obsolete, line_of))

    for number, line in enumerate(path.read_text().split("\n"), 1):
        old = line.startswith("#~")
        line = line[2:].strip() if old else line.strip()
        if not line:
            finish()
            fields, flags, obsolete, name = {}, "", False, None
        elif line.startswith("#,"):
            flags += line
        elif line.startswith("#"):
            continue
        elif match := re.match(r'(msgid|msgid_plural|msgstr(?:\[\d\])?|msgctxt) (".*")$', line):
            name, obsolete, line_of = match.group(1), old, number
            fields[name] = ast.literal_eval(match.group(2))
        elif line.startswith('"'):
            fields[name] += ast.literal_eval(line)
        else:
            raise ValueError("%s:%d: %s" % (path, number, line))
    finish()
    return entries


PLACE = re.compile(r"\{(\d*)((?::[^{}]*)?)\}")


def places(text):
    """The values of a text by number, with how they are written."""
    found = []
    for at, match in enumerate(PLACE.finditer(text)):
        found.append((int(match.group(1)) if match.group(1) else at, match.group(2)))
    return sorted(found)


class Extractor(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        spec = importlib.util.spec_from_file_location("extract_texts", ROOT / "scripts" / "extract_texts.py")
        cls.module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(cls.module)

    def texts(self, source, name="tools/x.cpp"):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "x.cpp"
            path.write_text(source)
            texts = self.module.Texts()
            self.module.extract_file(path, name, texts)
        return list(texts.entries)

    def test_values_become_places(self):
        self.assertEqual(self.texts('fail(Errc::x, "add provider " + name, "it is at " + a.b(c, d) + "!");'),
                         ["add provider {}", "it is at {}!"])
        self.assertEqual(self.texts('fail(Errc::x, fmt::format("{} of {:>3}", a, b + 1));'), ["{} of {}"])

    def test_each_choice_is_a_sentence(self):
        self.assertEqual(self.texts('note(on ? "is on" : "is off");'), ["is on", "is off"])
        self.assertEqual(self.texts('warn("it " + (a < b ? "has" : "had") + " " + n);'), ["it has {}", "it had {}"])
        self.assertEqual(self.texts('note(fmt::format("{} is {}", x, y ? "up" : "down"));'), ["{} is up", "{} is down"])

    def test_adjacent_and_raw_literals_and_constants(self):
        self.assertEqual(self.texts('tr("one "\n   "two");'), ["one two"])
        self.assertEqual(self.texts('constexpr std::string_view kGuide = R"(a "guide"\n)"; tr(kGuide);'), ['a "guide"\n'])

    def test_what_is_no_text_is_left_out(self):
        self.assertEqual(self.texts('// fail(Errc::x, "a comment")\ncli.ask("backups-list", x); fail(Errc::x, path);'), [])
        self.assertEqual(self.texts('fail(Errc::x, "auto_sync.every", ": {} {}");'), [])

    def test_plurals_are_one_entry(self):
        self.assertEqual(self.texts('ntrf("{} file", "{} files", n, n);'), ["{} file"])

    def test_command_table_and_options(self):
        self.assertEqual(self.texts('const std::string group = "Look"; table.push_back({"status", group, "Am I safe?", f});'
                                    'app.add_flag("--x", x, "Does x")->type_name("N");'), ["Look", "Am I safe?", "Does x"])


class Catalogue(unittest.TestCase):
    def setUp(self):
        self.template = read_po(ROOT / "po" / "oracxfs.pot")
        self.french = read_po(ROOT / "po" / "fr.po")

    def test_template_is_up_to_date(self):
        checked = subprocess.run([sys.executable, str(ROOT / "scripts" / "extract_texts.py"), "--check"], capture_output=True, text=True)
        self.assertEqual(checked.returncode, 0, checked.stderr)

    def test_nothing_is_missing_fuzzy_or_left_over(self):
        known = {entry.msgid: entry for entry in self.french if not entry.obsolete}
        for entry in self.template:
            self.assertIn(entry.msgid, known)
            translated = known[entry.msgid]
            self.assertEqual(translated.plural, entry.plural, entry.msgid)
            self.assertNotIn("fuzzy", translated.flags, "po/fr.po:%d" % translated.line)
            self.assertEqual(len(translated.forms), 2 if entry.plural else 1, entry.msgid)
            for form in translated.forms:
                self.assertTrue(form, "po/fr.po:%d is not translated: %s" % (translated.line, entry.msgid))
        self.assertEqual({entry.msgid for entry in self.template} ^ set(known), set(), "run scripts/update-po.sh")

    def test_places_agree(self):
        for entry in self.french:
            originals = [entry.msgid, entry.plural] if entry.plural else [entry.msgid]
            for original, form in zip(originals, entry.forms):
                self.assertEqual(places(form), places(original), "po/fr.po:%d" % entry.line)

    def test_what_is_typed_stays_as_it_is(self):
        """Commands in `…`, options and error codes are the same in every language."""
        words = re.compile(r"(?<!\w)--[a-z][a-z-]+|E-[A-Z][A-Z-]+|ORACXFS_[A-Z_]+")
        for entry in self.french:
            for form in entry.forms:
                self.assertEqual(sorted(words.findall(form)), sorted(words.findall(entry.msgid)), "po/fr.po:%d" % entry.line)
                ticks = re.findall(r"`[^`]+`", entry.msgid)
                if not any("{" in tick or "COMMAND" in tick for tick in ticks):
                    self.assertEqual(sorted(re.findall(r"`[^`]+`", form)), sorted(ticks), "po/fr.po:%d" % entry.line)

    def test_ends_agree(self):
        for entry in self.french:
            for form in entry.forms:
                self.assertEqual(form.endswith("\n"), entry.msgid.endswith("\n"), "po/fr.po:%d" % entry.line)
                self.assertEqual(len(form) - len(form.lstrip(" ")), len(entry.msgid) - len(entry.msgid.lstrip(" ")), "po/fr.po:%d" % entry.line)


if __name__ == "__main__":
    unittest.main(verbosity=2)
