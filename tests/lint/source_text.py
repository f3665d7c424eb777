"""Reading our sources: which files there are, and where C++, Python and shell functions begin and
end. Knows no rule."""

import ast
import re
from pathlib import Path

TOP_FOLDERS = ("src", "include", "tests", "bench", "deploy", ".ci")
TOP_FILES = ("meson.build", "meson_options.txt", "README.md")
CPP_SUFFIXES = {".cpp", ".hpp", ".h"}
ASSEMBLY_SUFFIXES = {".S", ".ld"}


def all_files(root):
    """All files of ours under `root`, as paths relative to it."""
    found = [root / name for name in TOP_FILES]
    for folder in TOP_FOLDERS:
        found += sorted((root / folder).rglob("*"))
    return [
        path.relative_to(root)
        for path in found
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"
    ]


def is_text(path):
    return b"\0" not in path.read_bytes()[:4096]


def language(root, path):
    """"cpp", "assembly", "python", "shell", "meson", or None for what is no program."""
    if path.suffix in CPP_SUFFIXES:
        return "cpp"
    if path.suffix in ASSEMBLY_SUFFIXES:
        return "assembly"
    if path.suffix == ".py":
        return "python"
    if path.name in ("meson.build", "meson_options.txt"):
        return "meson"
    if path.suffix in ("", ".sh"):
        with (root / path).open("rb") as file:
            first_line = file.readline(200)
        if b"python" in first_line and first_line.startswith(b"#!"):
            return "python"
        if re.match(rb"#!.*\b(ba)?sh\b|# shellcheck shell=", first_line):
            return "shell"
    return None


def programs(root):
    """(path, language, text) of each program text of ours."""
    for path in all_files(root):
        kind = language(root, path)
        if kind:
            yield path, kind, (root / path).read_text(encoding="utf-8")


_CPP_OPAQUE = re.compile(
    r"""
    //[^\n]* | /\*.*?\*/                       # comments
  | ^[ \t]*\#(?:\\\n|[^\n])*                   # preprocessor lines, continued ones too
  | R"(?P<delimiter>[^\s()\\]{0,16})\(.*?\)(?P=delimiter)"
  | \b\d[\w.']*                                # numbers, whose separators are no quotes
  | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*'
    """,
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)


def blank_cpp(text):
    """`text` with comments, literals and preprocessor lines blanked; every line stays in place."""
    return _CPP_OPAQUE.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)


_TEMPLATE = re.compile(r"\s*template\s*<(?:[^<>]|<(?:[^<>]|<[^<>]*>)*>)*>")
_SCOPE = re.compile(r"(?:inline |typedef )*(?:namespace|class|struct|union|enum|extern)\b")


def _block_kind(head):
    """What a `{` after `head` opens, where only scopes enclose it."""
    head = _TEMPLATE.sub("", head).strip()
    if _SCOPE.match(head) and not re.search(r"\)\s*(?:const|noexcept|override)*\s*$", head):
        return "scope"
    return "function" if ")" in head and not head.endswith("=") else "other"


def cpp_functions(text):
    """(first line, last line) of each function that stands in no other. Lambdas belong to the
    function around them."""
    code = blank_cpp(text)
    functions, stack = [], []
    head_start, parentheses, last_function = 0, 0, None
    for place, character in enumerate(code):
        if character in "()":
            parentheses += 1 if character == "(" else -1
        elif character == ";" and not parentheses:
            head_start, last_function = place + 1, None
        elif character == "{":
            kind, start, head = "inner", head_start, code[head_start:place]
            if last_function is not None and re.match(r"\s*(,|$)", head):
                kind, start = "function", last_function  # after a member initialiser in braces
            elif all(outer == "scope" for outer, *_ in stack):
                kind = _block_kind(head)
            stack.append((kind, start, parentheses))
            head_start, parentheses, last_function = place + 1, 0, None
        elif character == "}" and stack:
            kind, start, parentheses = stack.pop()
            if kind == "function":
                first = start + len(code[start:place]) - len(code[start:place].lstrip())
                functions = [one for one in functions if one[0] != first] + [(first, place)]
            last_function = start if kind == "function" else None
            head_start = place + 1 if not parentheses else head_start
    return [(text.count("\n", 0, a) + 1, text.count("\n", 0, b) + 1) for a, b in functions]


def python_functions(text):
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [(node.lineno, node.end_lineno) for node in ast.walk(ast.parse(text))
            if isinstance(node, kinds)]


def shell_functions(text):
    return [(text.count("\n", 0, match.start()) + 1, text.count("\n", 0, match.end()) + 1)
            for match in re.finditer(r"^\w+\(\) [{(]\n.*?^[})]", text, re.MULTILINE | re.DOTALL)]


def functions(kind, text):
    finder = {"cpp": cpp_functions, "python": python_functions, "shell": shell_functions}.get(kind)
    return finder(text) if finder else []
