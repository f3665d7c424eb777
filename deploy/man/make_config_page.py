#!/usr/bin/env python3
"""Fills the manual page's template of the configuration file from the documented example, so that
the two cannot differ.

    make_config_page.py TEMPLATE EXAMPLE > PAGE.scd

A line `@about@` of the template stands for the example's first comment, `@keys@` for its sections
and their keys, each with the comment above it."""

import re
import sys
from pathlib import Path

from make_page import escape

SECTION = re.compile(r"#?(\[+[\w.]+\]+)$")
KEY = re.compile(r"#?(\w+) = (.*)$")


def entries(text):
    """[(line, comment)] of sections and keys; the first is (None, what stands before all)."""
    found, comment = [], []
    for line in text.splitlines():
        if line.startswith("# "):
            comment.append(line[2:])
        elif line:
            found.append((line, " ".join(comment)))
            comment = []
        else:
            if not found:
                found.append((None, " ".join(comment)))
            comment = []
    return found


def format_key(name, value, comment):
    value, _, example = value.partition("  # ")
    shown = f"{name} = {value}" + (f" ({example})" if example else "")
    return f"*{escape(name)}*{escape(shown.removeprefix(name))}\n\t{escape(comment)}\n"


def format_keys(found):
    for at, (line, comment) in enumerate(found):
        if section := SECTION.match(line):
            yield f"## {section.group(1)}\n\n{escape(comment)}\n"
            continue
        name, value = KEY.match(line).groups()
        # A key with its default, and below it as the example has it.
        if at > 0 and not comment and found[at - 1][0].startswith(f"#{name} = "):
            continue
        yield format_key(name, value, comment)


def fill(template, example):
    found = entries(example)
    for line in template.splitlines():
        if line == "@about@":
            yield escape(found[0][1]) + "\n"
        elif line == "@keys@":
            yield from format_keys(found[1:])
        else:
            yield line


if __name__ == "__main__":
    texts = [Path(path).read_text(encoding="utf-8") for path in sys.argv[1:3]]
    print("\n".join(fill(*texts)))
