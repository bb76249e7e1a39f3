#!/usr/bin/env python3
"""Collects the texts of the sources that people read, as msgids for po/oracxfs.pot.

xgettext takes literals. Here most texts are sentences put together from literals and values ("add provider " + name,
fmt::format("{} files", n)), and translations need whole sentences. So expressions are evaluated as far as the source
tells: values become {}, and where a literal is chosen by a condition, each choice is a sentence of its own.

    scripts/extract_texts.py [--check] [FOLDER]      writes po/oracxfs.pot, or says whether it is up to date

Which arguments of which calls are texts is listed in CALLS and FIELDS below. A literal anywhere else is marked with
ORACX_TEXT("..."), which does nothing (base/translate.h).
"""

import argparse
import itertools
import pathlib
import re
import sys

LAYERS = ("base", "providers", "cache", "fs", "tools")
CHOICES_MAX = 24  # sentences that one expression may come to

# Calls whose arguments are texts: name -> positions, from 0. Braces count as parentheses: Error{code, "text"}.
CALLS = {
    "tr": (0,), "trf": (0,), "ORACX_TEXT": (0,),
    "fail": (1, 2), "Error": (1, 2), "error_from_errno": (1,), "at": (0,), "with_next": (0,),
    "note": (0,), "warn": (0,), "confirm": (0, 1), "say_text": (0,),
    "ask": (0,), "ask_line": (0,), "ask_yes_no": (0,), "prompt_secret": (0,), "ask_choice": (0,),
    "add_option": (2,), "add_flag": (2,), "set_help_flag": (1,), "description": (0,), "footer": (0,),
    "CommandResult": (1,), "must_be": (2,),
}
# Functions of one file.
LOCAL_CALLS = {
    "tools/config/check.cpp": {"add": (1, 2)},
    "tools/oracxfs/cli_doctor.cpp": {"add": (0, 2, 3)},
    "tools/oracxfs/cli_scrub.cpp": {"error_of": (1,)},
    "tools/oracxfs/cli_recovery.cpp": {"error_of": (1,)},
    "tools/backup/packages.cpp": {"not_there": (0,)},
    "tools/scheduler/retention.cpp": {"note": (2,), "RetentionNote": (1,)},
}
LISTS = {"format_table": 0}  # calls with a list of texts
PLURAL_CALLS = {"ntr": (0, 1), "ntrf": (0, 1)}
# Assignments whose right side is a text.
FIELDS = re.compile(r"^((outcome|result)\.text|(event|row)\.message|error->message|notice\.(title|text)|delivery\.text|row_\.error_text|verdict\.(text|next))$")

TOKEN = re.compile(r'''
    (?P<comment>//[^\n]*|/\*.*?\*/)
  | (?P<raw>(?:u8|u|U|L)?R"(?P<delim>[^()\\\s]{0,16})\((?P<body>.*?)\)(?P=delim)")
  | (?P<string>(?:u8|u|U|L)?"(?:[^"\\\n]|\\.)*")
  | (?P<char>'(?:[^'\\\n]|\\.)+')
  | (?P<number>\.?[0-9](?:'?[0-9a-zA-Z_.])*)
  | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<op>::|->|<<=|>>=|<=>|&&|\|\||[-+*/%&|^!=<>]=|<<|[^\s])
''', re.X | re.S)

ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "\\": "\\", '"': '"', "'": "'", "?": "?", "a": "\a", "b": "\b",
           "x": ""}


class Token:
    __slots__ = ("kind", "text", "line")

    def __init__(self, kind, text, line):
        self.kind, self.text, self.line = kind, text, line


def unescape(text):
    def one(match):
        body = match.group(1)
        if body[0] == "x":
            return chr(int(body[1:], 16))
        return ESCAPES.get(body, body)
    return re.sub(r"\\(x[0-9a-fA-F]+|.)", one, text, flags=re.S)


def tokens_of(source):
    result, line, at = [], 1, 0
    for match in TOKEN.finditer(source):
        line += source.count("\n", at, match.start())
        at = match.start()
        kind = match.lastgroup
        if match.group("comment") is not None:
            continue
        if match.group("raw") is not None:
            result.append(Token("string", match.group("body"), line))
        elif match.group("string") is not None:
            text = match.group("string")
            result.append(Token("string", unescape(text[text.index('"') + 1:-1]), line))
        elif match.group("char") is not None:
            result.append(Token("char", unescape(match.group("char")[1:-1]), line))
        else:
            result.append(Token(kind, match.group(0), line))
    return without_directives(result, source)


def without_directives(tokens, source):
    """Drops #include lines and #define's own name; the bodies of macros stay."""
    lines = source.split("\n")
    return [token for token in tokens if not lines[token.line - 1].lstrip().startswith(("#include", "#if", "#pragma"))]


OPEN, CLOSE = {"(": ")", "{": "}", "[": "]"}, {")", "}", "]"}


def closing(tokens, at):
    """The index of the bracket that closes the one at `at`."""
    depth = 0
    for i in range(at, len(tokens)):
        if tokens[i].kind == "op":
            if tokens[i].text in OPEN:
                depth += 1
            elif tokens[i].text in CLOSE:
                depth -= 1
                if depth == 0:
                    return i
    return len(tokens) - 1


def split_at(tokens, separator):
    """Parts between top-level separators."""
    parts, current, depth = [], [], 0
    for token in tokens:
        if token.kind == "op":
            if token.text in OPEN:
                depth += 1
            elif token.text in CLOSE:
                depth -= 1
            elif token.text == separator and depth == 0:
                parts.append(current)
                current = []
                continue
        current.append(token)
    parts.append(current)
    return parts


PLACE = re.compile(r"\{(\d*)(?::[^{}]*)?\}")


class Evaluator:
    """What an expression can come to: a list of sentences with {} for what is not known."""

    def __init__(self, constants):
        self.constants = constants

    def values(self, tokens):
        tokens = list(tokens)
        while tokens and tokens[0].kind == "op" and tokens[0].text == "(" and closing(tokens, 0) == len(tokens) - 1:
            tokens = tokens[1:-1]
        if not tokens:
            return [""]
        question = self.top_level(tokens, "?")
        if question is not None:
            colon = self.matching_colon(tokens, question)
            found = self.values(tokens[question + 1:colon]) + self.values(tokens[colon + 1:])
            return list(dict.fromkeys(found))[:CHOICES_MAX]
        parts = split_at(tokens, "+")
        if len(parts) > 1 and all(parts):
            return self.joined([self.values(part) for part in parts])
        if all(token.kind == "string" for token in tokens):
            return ["".join(token.text for token in tokens)]
        return self.call_or_name(tokens)

    def call_or_name(self, tokens):
        words = [token.text for token in tokens]
        if len(tokens) == 1 and tokens[0].kind == "name":
            return self.constants.get(words[0], ["{}"])
        if len(tokens) == 1 and tokens[0].kind == "char":
            return [words[0]]
        for i, token in enumerate(tokens):
            if token.kind == "op" and token.text in "({" and i > 0 and closing(tokens, i) == len(tokens) - 1:
                name, inside = words[i - 1], tokens[i + 1:-1]
                if name == "format" and words[:i] == ["fmt", "::", "format"]:
                    return self.formatted(inside)
                if name in ("string", "string_view", "printable", "move", "ORACX_TEXT") and inside and len(split_at(inside, ",")) == 1:
                    return self.values(inside)  # not tr(): its text is found where it stands
                break
        return ["{}"]

    def formatted(self, inside):
        arguments = split_at(inside, ",")
        formats = self.values(arguments[0])
        shown = [self.values(argument) for argument in arguments[1:]]
        # A value that is not known stays a place; literals are put in.
        known = [[value for value in values] if all("{}" != value for value in values) else ["{}"] for values in shown]
        found = []
        for text in formats:
            if text == "{}":
                return ["{}"]
            for choice in itertools.islice(itertools.product(*known), CHOICES_MAX):
                numbers = itertools.count()

                def put(match):
                    at = int(match.group(1)) if match.group(1) else next(numbers)
                    return choice[at] if at < len(choice) else "{}"
                pieces = re.split(r"(\{\{|\}\}|\{\d*(?::(?:[^{}]|\{\d*\})*)?\})", text)
                out = ""
                for piece in pieces:
                    if piece in ("{{", "}}"):
                        out += piece[0]
                    elif piece.startswith("{") and PLACE.match(re.sub(r"\{\d*\}", "0", piece[1:-1]).join("{}")):
                        inner = piece.count("{") - 1
                        match = re.match(r"\{(\d*)", piece)
                        at = int(match.group(1)) if match.group(1) else next(numbers)
                        out += choice[at] if at < len(choice) else "{}"
                        for _ in range(inner):
                            next(numbers)
                    else:
                        out += piece
                found.append(out)
        return list(dict.fromkeys(found))[:CHOICES_MAX]

    @staticmethod
    def joined(lists):
        found = []
        for choice in itertools.islice(itertools.product(*lists), CHOICES_MAX):
            found.append("".join(choice))
        return list(dict.fromkeys(found))

    @staticmethod
    def top_level(tokens, operator):
        depth = 0
        for i, token in enumerate(tokens):
            if token.kind != "op":
                continue
            if token.text in OPEN:
                depth += 1
            elif token.text in CLOSE:
                depth -= 1
            elif token.text == operator and depth == 0:
                return i
        return None

    @staticmethod
    def matching_colon(tokens, question):
        depth = pending = 0
        for i in range(question + 1, len(tokens)):
            token = tokens[i]
            if token.kind != "op":
                continue
            if token.text in OPEN:
                depth += 1
            elif token.text in CLOSE:
                depth -= 1
            elif depth == 0 and token.text == "?":
                pending += 1
            elif depth == 0 and token.text == ":":
                if pending == 0:
                    return i
                pending -= 1
        return len(tokens) - 1


def constants_of(tokens):
    """Names of the file that stand for one literal: constexpr std::string_view kGuide = "...";"""
    found = {}
    for i, token in enumerate(tokens[:-2]):
        if token.kind != "name" or tokens[i + 1].text != "=" or tokens[i + 2].kind != "string":
            continue
        end = i + 2
        while end < len(tokens) and tokens[end].kind == "string":
            end += 1
        if end < len(tokens) and tokens[end].text == ";":
            before = [t.text for t in tokens[max(0, i - 6):i]]
            if "constexpr" in before or "const" in before:
                found[token.text] = ["".join(t.text for t in tokens[i + 2:end])]
    return found


def is_text(text):
    """Worth translating: there is a word, and not only a name of something."""
    rest = PLACE.sub(" ", text)
    if not re.search(r"[A-Za-z]{2,}", rest) or text.startswith("oracxfs "):  # a command
        return False
    return not re.fullmatch(r"\s*[-\w./:=<>]*_[-\w./:=<>]*\s*", rest)  # one_technical_word


def normal(text):
    text = re.sub(r"(\{\})+", "{}", text)
    return text


# Where an error came through: names of parts of the program, the same in every language.
PARTS = {"activity", "admin", "cache", "catalog", "control", "core", "dropbox", "filesystem", "ftp", "google-drive", "lane",
         "local", "log", "oauth", "README.txt", "scheduler", "secrets", "sftp", "staging"}


class Texts:
    def __init__(self):
        self.entries = {}  # msgid -> (plural, [places])

    def add(self, text, place, plural=None, lines=False, marked=False):
        for line in text.split("\n") if lines else [text]:
            if lines:
                line = line.strip()
            if not marked and (not is_text(line) or line in PARTS):
                continue
            old, places = self.entries.setdefault(line, (None, []))
            self.entries[line] = (plural or old, places)
            if place not in places:
                places.append(place)


def extract_file(path, relative, texts):
    tokens = tokens_of(path.read_text())
    evaluator = Evaluator(constants_of(tokens))
    for i, token in enumerate(tokens):
        if token.kind != "name":
            continue
        # The summary and the heading of a row of the command table.
        if token.text == "push_back" and [t.text for t in tokens[i + 1:i + 3]] == ["(", "{"] and tokens[i - 2].text == "table":
            row = split_at(tokens[i + 3:closing(tokens, i + 2)], ",")
            for part in row[1:3]:
                for text in evaluator.values(part):
                    texts.add(text, relative)
            continue
        if token.text == "push_back" and [t.text for t in tokens[i + 1:i + 3]] == ["(", "{"] and tokens[i - 2].text == "holds":
            for text in evaluator.values(split_at(tokens[i + 3:closing(tokens, i + 2)], ",")[1]):
                texts.add(normal(text), relative)
            continue
        # What is wrong with a setting: the output shows it behind the setting's name.
        if token.text == "push_back" and [t.text for t in tokens[i + 1:i + 3]] == ["(", "{"] and tokens[i - 2].text == "complaints":
            row = split_at(tokens[i + 3:closing(tokens, i + 2)], ",")
            for text in evaluator.values(row[0]):
                texts.add(normal("`{}` " + text), relative)
            for text in evaluator.values(row[1]) if len(row) > 1 and row[1] and row[1][0].text != "{" else []:
                texts.add(normal(text), relative)
            continue
        following = tokens[i + 1] if i + 1 < len(tokens) else None
        if following is None:
            continue
        if following.text in ("=", "+=") and i >= 2 and FIELDS.match(tokens[i - 2].text + tokens[i - 1].text + token.text):
            end = i + 2
            depth = 0
            while end < len(tokens) and not (depth == 0 and tokens[end].text == ";"):
                depth += (tokens[end].text in OPEN and tokens[end].kind == "op") - (tokens[end].text in CLOSE and tokens[end].kind == "op")
                end += 1
            for text in evaluator.values(tokens[i + 2:end]):
                if not text.startswith(", "):  # the rest of a sentence: its whole stands in po/extra.txt
                    texts.add(normal(text), relative, lines=True)
            continue
        if following.text not in ("(", "{") or following.kind != "op":
            continue
        if token.text in LISTS:
            for part in split_at(tokens[i + 2:closing(tokens, i + 1)], ",")[LISTS[token.text]:LISTS[token.text] + 1]:
                if part and part[0].text == "{":
                    for item in split_at(part[1:-1], ","):
                        for text in evaluator.values(item):
                            texts.add(text.lstrip(">"), relative)
            continue
        calls = {**CALLS, **LOCAL_CALLS.get(relative, {})}
        if token.text == "event":  # what happened, for the log: level, kind, file, code, words
            for argument in split_at(tokens[i + 2:closing(tokens, i + 1)], ",")[2:]:
                for text in evaluator.values(argument):
                    if " " in text.strip():
                        texts.add(normal(text), relative)
        if token.text == "must_be":
            for text in evaluator.values(split_at(tokens[i + 2:closing(tokens, i + 1)], ",")[0]):
                if text != "{}":
                    texts.add("`{}` must be " + text + ", not {}", relative)
        if token.text in calls or token.text in PLURAL_CALLS:
            member = tokens[i - 1].text in (".", "->")
            if (token.text == "at" and not member) or (token.text == "ask" and member):
                continue
            inside = tokens[i + 2:closing(tokens, i + 1)]
            arguments = split_at(inside, ",")
            if token.text in PLURAL_CALLS:
                forms = [evaluator.values(arguments[k]) for k in PLURAL_CALLS[token.text] if k < len(arguments)]
                if len(forms) == 2 and is_text(forms[0][0]):
                    texts.add(forms[0][0], relative, plural=forms[1][0])
                continue
            keeps_places = token.text in ("tr", "trf", "ORACX_TEXT", "add_option", "add_flag", "description", "footer")
            for k in calls[token.text]:
                if k >= len(arguments):
                    continue
                for text in evaluator.values(arguments[k]):
                    texts.add(text if keeps_places else normal(text), relative, lines=token.text == "CommandResult",
                              marked=token.text in ("tr", "trf", "ORACX_TEXT") and text != "{}")


def extract_catalogue(path, relative, texts):
    """The hints of base/error_codes.def."""
    for match in re.finditer(r'^X\(.*?,\s*"((?:[^"\\]|\\.)*)"\)\s*$', path.read_text(), re.M):
        texts.add(unescape(match.group(1)), relative)


def extract_list(path, relative, texts):
    """One text a line: what is not found otherwise."""
    for line in path.read_text().split("\n"):
        if line and not line.startswith("#"):
            texts.add(line.encode().decode("unicode_escape") if "\\n" in line else line, relative, marked=True)


def quoted(text):
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t")
    if "\n" not in text.rstrip("\n"):
        return '"' + escaped.replace("\n", "\\n") + '"'
    lines = escaped.split("\n")
    parts = [line + "\\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])
    return '""\n' + "\n".join('"' + part + '"' for part in parts)


HEADER = '''# The texts of oracxfs that people read. Made by scripts/update-po.sh; not to be edited.
msgid ""
msgstr ""
"Project-Id-Version: oracxfs\\n"
"Language: \\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=UTF-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"
'''


def template(root):
    texts = Texts()
    for layer in LAYERS:
        for path in sorted((root / layer).rglob("*")):
            relative = path.relative_to(root).as_posix()
            if path.suffix in (".cpp", ".h"):
                extract_file(path, relative, texts)
            elif path.name == "error_codes.def":
                extract_catalogue(path, relative, texts)
    extract_list(root / "po" / "extra.txt", "po/extra.txt", texts)
    out = [HEADER]
    for text, (plural, places) in texts.entries.items():
        entry = "#: " + " ".join(places) + "\nmsgid " + quoted(text) + "\n"
        if plural:
            entry += "msgid_plural " + quoted(plural) + '\nmsgstr[0] ""\nmsgstr[1] ""\n'
        else:
            entry += 'msgstr ""\n'
        out.append(entry)
    return "\n".join(out)


def main():
    parser = argparse.ArgumentParser(description="Writes po/oracxfs.pot from the sources.")
    parser.add_argument("--check", action="store_true", help="only say whether it is up to date")
    parser.add_argument("folder", nargs="?", default=pathlib.Path(__file__).resolve().parent.parent, type=pathlib.Path)
    options = parser.parse_args()
    target = options.folder / "po" / "oracxfs.pot"
    text = template(options.folder)
    if not options.check:
        target.parent.mkdir(exist_ok=True)
        target.write_text(text)
        return 0
    if target.exists() and target.read_text() == text:
        return 0
    print("po/oracxfs.pot is not up to date: run scripts/update-po.sh", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
