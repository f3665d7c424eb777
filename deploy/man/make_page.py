#!/usr/bin/env python3
"""Fills a manual page's template from a command's own help texts, so that the two cannot differ.

    make_page.py TEMPLATE COMMAND > PAGE.scd

A line `@help@` of the template stands for what `COMMAND --help` says, `@help NAME@` for what
`COMMAND NAME --help` says: synopsis, description, arguments, options and whatever else, in scdoc.
`@subcommands@` stands for all of them, and theirs, each under a heading of its own."""

import re
import subprocess
import sys
from pathlib import Path

COLUMN = 26  # where help texts begin their descriptions
# What the page has elsewhere, or every command alike.
LEFT_OUT = {"Subcommands"}
SAME_EVERYWHERE = re.compile(r"(-h, )?--(help|version)$")


def escape(text):
    return re.sub(r"([\\*_`<>#])", r"\\\1", text)


def help_of(command, *words):
    return subprocess.run([command, *words, "--help"], check=True, capture_output=True, text=True,
                          timeout=10).stdout


def sections(text):
    """[(title, lines)]; what stands before the first title has the title ''."""
    found = [("", [])]
    for line in text.splitlines():
        if re.match(r"[A-Z][^:]*:$", line) or re.match(r"[A-Z][\w ]+, for --\w+:$", line):
            found.append((line[:-1], []))
        else:
            found[-1][1].append(line)
    return found


def items(lines):
    """[(term, description)] of a list in two columns."""
    found = []
    for line in lines:
        term, text = line[:COLUMN].strip(), line[COLUMN:].strip()
        if line.startswith(" " * COLUMN):
            found[-1][1].append(line.strip())
        elif term and len(line) > COLUMN and line[COLUMN - 1] != " ":
            found.append((line.strip(), []))  # a long term stands alone
        elif term:
            found.append((term, [text] if text else []))
    return [(term, " ".join(text)) for term, text in found]


def format_term(term):
    """Options bold, what they take underlined."""
    words = []
    for word in re.split(r"([ ,]+)", term):
        if word.startswith("-"):
            words.append(f"*{escape(word)}*")
        elif re.fullmatch(r"[A-Z][A-Z0-9_.]*", word):
            words.append(f"_{escape(word)}_")
        else:
            words.append(escape(word))
    return "".join(words)


def format_items(lines):
    for term, text in items(lines):
        if SAME_EVERYWHERE.match(term):
            continue
        yield f"{format_term(term)}\n\t{escape(text)}\n"


def format_examples(lines):
    body = [line[2:] for line in lines]
    while body and not body[-1]:
        body.pop()
    yield "```"
    yield from body
    yield "```\n"


def format_text(lines):
    """Paragraphs; the usage line first; what is indented stays as it is."""
    text = "\n".join(lines).strip("\n")
    for paragraph in text.split("\n\n"):
        if paragraph.startswith("Usage: "):
            yield f"*{escape(paragraph[len('Usage: '):])}*\n"
        elif paragraph.startswith("  "):
            yield from format_examples(paragraph.split("\n"))
        else:
            yield escape(" ".join(paragraph.split())) + "\n"


def format_help(text, heading):
    for title, lines in sections(text):
        if title in LEFT_OUT:
            continue
        if title == "Options" and all(SAME_EVERYWHERE.match(term) for term, _ in items(lines)):
            continue
        if title:
            shown = title if "-" in title else title.upper()
            yield f"{heading} {shown}\n" if heading == "#" else f"*{escape(title)}*\n"
        if title == "Examples":
            yield from format_examples(lines)
        elif title:
            yield from format_items(lines)
        else:
            yield from format_text(lines)


def subcommands(command, *above):
    """Each as its words, those of a subcommand behind itself."""
    for title, lines in sections(help_of(command, *above)):
        if title == "Subcommands":
            for term, _ in items(lines):
                yield *above, term
                yield from subcommands(command, *above, term)


def fill(template, command):
    for line in template.splitlines():
        directive = re.fullmatch(r"@(\w+)(?: (\w+))?@", line)
        if not directive:
            yield line
        elif directive.group(1) == "subcommands":
            for words in subcommands(command):
                yield f"## {' '.join(words)}\n"
                yield from format_help(help_of(command, *words), "##")
        else:
            yield from format_help(help_of(command, *filter(None, [directive.group(2)])), "#")


if __name__ == "__main__":
    print("\n".join(fill(Path(sys.argv[1]).read_text(encoding="utf-8"), sys.argv[2])))
