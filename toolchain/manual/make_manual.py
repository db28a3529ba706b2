#!/usr/bin/env python3
"""Writes the manual pages: NAME.SECTION.in with what the programs themselves tell put in.

Usage: make_manual.py [--emulator WORDS] --framelogd PROGRAM --framelog PROGRAM DIRECTORY

WORDS stand before the programs, where those are another processor's; a ";" is between two of them.

A line "@OPTIONS@", "@COMMANDS@", "@EXPORT@" or "@REFERENCE@" in a page stands for the options of the
page's program, its subcommands, the formats and options of `framelog export` and the table of all
configuration keys. They are taken from the programs'
help and from `framelog config reference`, so that a page cannot tell of anything else.
"""

import argparse
import pathlib
import re
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
# "  -i [ --instrument ] NAME the instrument ...", and further lines that are indented deeply.
OPTION = re.compile(r"^  (?:(-\w) \[ (--[\w-]+) \]|(--[\w-]+))(?: ([A-Z.=_]+))? +(\S.*)$")
COMMAND = re.compile(r"^  ([a-z][a-z-]*) +(\S.*)$")
# "  --name VALUE   what it means", with what it means in the lines below where the name is long.
EXPORT_OPTION = re.compile(r"^  (--[\w-]+)((?: |\[)\S+)?(?: {2,}(\S.*))?$")
EXPORT_FORMAT = re.compile(r"^  ([a-z][\w-]*) {2,}(\S.*)$")
CONTINUED = re.compile(r"^ {12,}(\S.*)$")


def told_by(program, *arguments):
    done = subprocess.run([*program, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def escaped(text):
    """Text as groff prints it unchanged: hyphens that can be copied, no requests."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("`", "\\(ga").replace("^", "\\(ha")
    text = text.replace("~", "\\(ti").replace("'", "\\(aq")
    return "\\&" + text if text.startswith((".", "'", "\\(aq")) else text


def bold(text):
    return f"\\fB{escaped(text)}\\fR"


def entry(head, text):
    return [".TP", head, escaped(text)]


def joined(lines, pattern):
    """The matches of a pattern, each with its text complete over continued lines."""
    found = []
    for line in lines:
        match = pattern.match(line)
        if match:
            found.append([*match.groups()])
        elif found and CONTINUED.match(line):
            found[-1][-1] = found[-1][-1].rstrip() + " " + CONTINUED.match(line)[1]
    return found


def options(lines):
    result = []
    for short, long, alone, value, text in joined(lines, OPTION):
        names = [bold(name) for name in (short, long, alone) if name]
        result += entry(", ".join(names) + (f" \\fI{escaped(value)}\\fR" if value else ""), text)
    return result


def commands(program):
    result = []
    for name, _ in joined(told_by(program, "--help"), COMMAND):
        lines = told_by(program, name, "--help")
        usage, about = lines[0].removeprefix("framelog "), lines[2]
        topics = joined(lines[3:], COMMAND)
        words = usage.split(" ", 1)
        arguments = f" {escaped(words[1])}" if len(words) > 1 else ""
        result += entry(bold(words[0]) + arguments, about[:1].upper() + about[1:] + ".")
        if topics:
            result.append(".RS")
            for topic, text in topics:
                result += entry(bold(topic), text)
            result.append(".RE")
    return result


def export(program):
    """The formats and options that `framelog help export` tells, under its headings."""
    result, text = [], None
    for line in told_by(program, "help", "export")[2:]:
        option, form = EXPORT_OPTION.match(line), EXPORT_FORMAT.match(line)
        if option or form:
            head = bold(option[1]) if option else bold(form[1])
            if option and option[2]:
                head += escaped(option[2])
            text = (option[3] or "") if option else form[2]
            result += entry(head, text)
        elif CONTINUED.match(line):
            text = f"{text} {CONTINUED.match(line)[1]}".strip()
            result[-1] = escaped(text)
        elif line:
            result.append(f'.SS "{escaped(line)}"')
    return result


def cells(row):
    """The cells of a row of a Markdown table; a bar that is text has a backslash before it."""
    parts = re.split(r"(?<!\\)\|", row.strip().strip("|"))
    return [part.strip().replace("\\|", "|") for part in parts]


def reference(program):
    result = []
    for line in told_by(program, "config", "reference"):
        if line.startswith("## "):
            result.append(f'.SS "{escaped(line[3:])}"')
        elif line.startswith("| `"):
            key, value, default, meaning = cells(line)
            name, _, driver = key.partition("` (")
            head = bold(name.strip("`"))
            if driver:
                head += f" (driver {escaped(driver.rstrip(')'))})"
            result += entry(head, meaning)
            text = f"Value: {value}."
            if default:
                text += " Required." if default == "required" else f" Default: {default.strip('`')}."
            result += [".br", escaped(text)]
    return result


def page(source, programs):
    name = source.name.split(".")[0]
    program = programs[name]
    version = told_by(program, "--version")[0].split()[1]
    parts = {
        "@OPTIONS@": lambda: options(told_by(program, "--help")),
        "@COMMANDS@": lambda: commands(program),
        "@EXPORT@": lambda: export(program),
        "@REFERENCE@": lambda: reference(programs["framelog"]),
    }
    lines = []
    for line in source.read_text(encoding="utf-8").splitlines():
        made = parts[line]() if line in parts else [line.replace("@VERSION@", version)]
        if not made:
            raise SystemExit(f"{source.name}: {line}: the program's help has nothing for it")
        lines += made
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--emulator", default="")
    parser.add_argument("--framelogd", required=True)
    parser.add_argument("--framelog", required=True)
    parser.add_argument("directory", type=pathlib.Path)
    arguments = parser.parse_args()
    arguments.directory.mkdir(parents=True, exist_ok=True)
    emulator = [word for word in arguments.emulator.split(";") if word]
    programs = {"framelogd": [*emulator, arguments.framelogd],
                "framelog": [*emulator, arguments.framelog]}
    for source in sorted(HERE.glob("*.in")):
        (arguments.directory / source.stem).write_text(page(source, programs), encoding="utf-8")


if __name__ == "__main__":
    main()
