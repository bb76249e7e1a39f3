#!/usr/bin/env python3
"""Man pages, completions, the menu and terminals: what is made of the command table, tried with real programs."""

import glob
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "fuse"))
from processes import HANGS, patience  # noqa: E402
from terminal import Terminal  # noqa: E402

BINARY = os.path.abspath(os.environ.get("ORACXFS_BINARY", "build/release/bin/oracxfs"))
SHARE = os.path.join(os.path.dirname(os.path.dirname(BINARY)), "share")


def have(program):
    return shutil.which(program) is not None


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="oracxfs-cli-")
        self.addCleanup(shutil.rmtree, self.folder)
        # Found as a user would: by PATH.
        os.mkdir(self.path("bin"))
        os.symlink(BINARY, self.path("bin/oracxfs"))
        self.environment = {"ORACXFS_HOME": self.path("home"), "HOME": self.folder, "PATH": self.path("bin") + ":/usr/bin:/bin",
                            "LANG": "C.UTF-8", "TERM": "xterm", "ASAN_OPTIONS": "detect_leaks=0"}

    def path(self, name):
        return os.path.join(self.folder, name)

    def run_it(self, *words, code=0, **variables):
        done = subprocess.run([BINARY, *words], env={**self.environment, **variables}, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=HANGS * patience())
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout

    def terminal(self, *words, **variables):
        terminal = Terminal([BINARY, *words], {**self.environment, **variables}, self.folder)
        self.addCleanup(terminal.close)
        return terminal


class ManPages(Case):
    def pages(self, language):
        folder = self.path("man-" + language)
        self.run_it("--lang", language, "internal", "man", folder)
        return sorted(glob.glob(folder + "/*.1"))

    def test_there_is_one_for_the_program_and_each_command(self):
        names = {os.path.basename(page) for page in self.pages("en")}
        for name in ("oracxfs.1", "oracxfs-status.1", "oracxfs-mount.1", "oracxfs-google-drive.1", "oracxfs-completions.1"):
            self.assertIn(name, names)
        self.assertNotIn("oracxfs-internal.1", names)
        self.assertEqual(names, {os.path.basename(page) for page in self.pages("fr")})

    @unittest.skipUnless(have("groff"), "groff is missing")
    def test_groff_has_nothing_to_complain_about(self):
        for language in ("en", "fr"):
            for page in self.pages(language):
                done = subprocess.run(["groff", "-man", "-Kutf8", "-Tutf8", "-ww", "-z", page], capture_output=True, text=True)
                self.assertEqual((done.returncode, done.stderr), (0, ""), page)

    @unittest.skipUnless(have("man"), "man is missing")
    def test_man_shows_them(self):
        page = [page for page in self.pages("fr") if page.endswith("/oracxfs-mount.1")][0]
        done = subprocess.run(["man", "--warnings", "--encoding=UTF-8", "-l", page], capture_output=True, text=True,
                              env={**self.environment, "MANPAGER": "cat", "MANWIDTH": "100"})
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        for words in ("Monter le dossier", "--close-waits-for=POLICY", "Rien ne peut être écrit"):
            self.assertIn(words, done.stdout)

    def test_they_lie_where_they_are_installed_from(self):
        self.assertTrue(os.path.exists(SHARE + "/man/man1/oracxfs.1") or not os.path.exists(SHARE + "/manual.stamp"))


class Completions(Case):
    def bash(self, *words, program="oracxfs"):
        """What bash offers for a command line; the last word is the one being typed."""
        script = self.path("oracxfs.bash")
        with open(script, "w") as file:
            file.write(self.run_it("completions", "bash"))
        # As readline does it: "=" is a word of its own.
        parts = []
        for word in (program,) + words:
            name, equals, value = word.partition("=") if word.startswith("--") else (word, "", "")
            parts += [name] + ([equals, value] if equals else [])
        code = 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _oracxfs; printf "%s\\n" "${COMPREPLY[@]}"'
        done = subprocess.run(["bash", "--norc", "-c", code, "bash", script, *parts], env=self.environment, cwd=self.folder, capture_output=True, text=True, timeout=HANGS * patience())
        self.assertEqual(done.stderr, "")
        return [line for line in done.stdout.split("\n") if line]

    def test_bash_knows_commands_options_and_choices(self):
        self.assertIn("status", self.bash("sta"))
        self.assertNotIn("internal", self.bash(""))
        self.assertEqual(self.bash("backups", "pi"), ["pin"])
        self.assertIn("--close-waits-for", self.bash("mount", "--cl"))
        self.assertIn("--json", self.bash("mount", "--js"))
        self.assertEqual(self.bash("--color", "al"), ["always"])
        self.assertEqual(self.bash("status", "--color=ne"), ["never"])
        self.assertEqual(self.bash("--config", "x.json", "stat"), ["status"])
        self.assertEqual(self.bash("completions", ""), ["bash", "zsh", "fish"])

    def test_bash_asks_for_the_names_of_providers_and_settings(self):
        self.run_it("setup", "--demo")
        self.assertEqual(self.bash("providers", "show", ""), ["local-a", "local-b"])
        self.assertEqual(self.bash("log", "--provider", "local-b"), ["local-b"])
        self.assertEqual(self.bash("log", "--provider=local-a"), ["local-a"])
        self.assertIn("mount.cache_size", self.bash("config", "get", "mount."))
        self.assertEqual(self.bash("backups", "show", "la"), ["latest"])

    def test_bash_offers_files_and_folders(self):
        pathlib.Path(self.path("some file.json")).touch()
        os.mkdir(self.path("some folder"))
        self.assertEqual(sorted(self.bash("--config", "some")), ["some file.json", "some folder"])
        self.assertEqual(self.bash("local", "--path", "some"), ["some folder"])

    def test_bash_survives_a_broken_configuration(self):
        os.mkdir(self.path("home"))
        pathlib.Path(self.path("home/cloud_config.json")).write_text("{ broken")
        self.assertEqual(self.bash("providers", "show", ""), [])

    @unittest.skipUnless(have("zsh"), "zsh is missing")
    def test_zsh_reads_its_script(self):
        script = self.path("_oracxfs")
        pathlib.Path(script).write_text(self.run_it("completions", "zsh"))
        done = subprocess.run(["zsh", "-n", script], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    @unittest.skipUnless(have("fish"), "fish is missing")
    def test_fish_reads_its_script_and_offers_commands(self):
        script = self.path("oracxfs.fish")
        pathlib.Path(script).write_text(self.run_it("completions", "fish"))
        self.run_it("setup", "--demo")
        for line, wanted in (("oracxfs stat", "status"), ("oracxfs backups pi", "pin"), ("oracxfs mount --read", "--read-only"), ("oracxfs providers show local", "local-a")):
            done = subprocess.run(["fish", "--no-config", "-c", "source %s; complete -C '%s'" % (script, line)], env=self.environment, capture_output=True, text=True)
            self.assertEqual(done.stderr, "")
            self.assertIn(wanted, [word.split("\t")[0] for word in done.stdout.split("\n")])


class Menu(Case):
    def test_bare_at_a_terminal_it_shows_the_menu_and_runs_what_is_chosen(self):
        terminal = self.terminal()
        terminal.expect("oracxfs sync")
        terminal.expect("Your choice:")
        terminal.type("1")
        terminal.expect("CLOUD STORAGE STATUS")
        terminal.expect("The same from a shell: oracxfs status")
        terminal.expect("Your choice:")
        terminal.type("x")
        terminal.expect('There is no "x" in the menu.')
        terminal.expect("Your choice:")
        terminal.type("3")
        terminal.expect("Automatic sync: on, every 12 h")
        terminal.expect("Switch the automatic sync off")
        terminal.expect("Your choice:")
        terminal.type("q")
        self.assertEqual(terminal.end(), 0)

    def test_it_speaks_french_and_leaves_with_0(self):
        terminal = self.terminal(LANG="fr_FR.UTF-8")
        terminal.expect("Quitter")
        terminal.expect("Votre choix :")
        terminal.type("0")
        self.assertEqual(terminal.end(), 0)

    def test_a_failing_command_is_told_with_its_code(self):
        terminal = self.terminal("menu")
        terminal.expect("Your choice:")
        terminal.type("2")
        terminal.expect("it ended with code")
        terminal.expect("Your choice:")
        terminal.type("q")
        self.assertEqual(terminal.end(), 0)

    def test_the_end_of_input_leaves(self):
        terminal = self.terminal()
        terminal.expect("Your choice:")
        os.write(terminal.fd, b"\x04")
        self.assertEqual(terminal.end(), 0)

    def test_without_a_terminal_there_is_the_usage_and_code_2(self):
        done = subprocess.run([BINARY], env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn("Usage: oracxfs", done.stderr)
        self.run_it("menu", code=2)
        self.assertEqual(json.loads(self.run_it("menu", "--json", code=2))["error"]["code"], "E-USAGE")


class Terminals(Case):
    def shown(self, *words, **variables):
        terminal = self.terminal(*words, **variables)
        terminal.end()
        return terminal.shown

    def test_colours_are_for_terminals_that_want_them(self):
        self.assertIn("\x1b[", self.shown("status"))
        self.assertNotIn("\x1b[", self.shown("status", NO_COLOR="1"))
        self.assertIn("\x1b[", self.shown("status", NO_COLOR=""))
        self.assertNotIn("\x1b[", self.shown("status", TERM="dumb"))
        self.assertNotIn("\x1b[", self.shown("status", "--no-color"))
        self.assertNotIn("\x1b[", self.shown("status", "--color=never"))
        self.assertIn("\x1b[", self.shown("status", "--color=always", NO_COLOR="1"))
        self.assertNotIn("\x1b[", self.run_it("status"))
        self.assertNotIn("\x1b[", self.shown("status", "--json"))

    def test_watching_writes_over_what_was_shown_only_where_that_works(self):
        for variables, redraws in (({}, True), ({"TERM": "dumb"}, False)):
            terminal = self.terminal("status", "--watch", **variables)
            terminal.expect("Not mounted")
            os.write(terminal.fd, b"\x03")
            terminal.end()
            self.assertEqual("\x1b[2J" in terminal.shown, redraws)

    def test_questions_understand_french(self):
        self.run_it("setup", "--demo")
        terminal = self.terminal("providers", "remove", "local-a", LANG="fr_FR.UTF-8")
        terminal.expect("Continuer ? [o/N]")
        terminal.type("oui")
        terminal.expect("est retiré")
        self.assertEqual(terminal.end(), 0)
        terminal = self.terminal("providers", "remove", "local-b")
        terminal.expect("Go on? [y/N]")
        terminal.type("oui")
        self.assertEqual(terminal.end(), 14)


if __name__ == "__main__":
    if not os.access(BINARY, os.X_OK):
        print("skipped: no oracxfs at %s (set ORACXFS_BINARY)" % BINARY)
        sys.exit(77)
    unittest.main(verbosity=2)
