"""The rules of the house that no tool knows: floors, sizes, words, mirrored tests. Each rule takes
the root of a tree and returns its findings, one line each: "path:line: what is wrong"."""

import json
import re
from pathlib import Path

import source_text

# A folder includes only from folders of lower floors, from itself, and from include/pssst.
FLOORS = {
    "base": 0,
    "crypto": 1,
    "protocol": 2,
    "identity": 3, "telemetry": 3, "net": 3,
    "server": 4, "client": 4,
    "tools": 5, "capi": 5,
}  # fmt: skip
DPDK_HEADER = re.compile(r"(?:rte_|ethdev_|generic/rte_)\w+\.h$|dpdk/")
DPDK_SEEN_BY = re.compile(r"net/dpdk_(?:port|telemetry)\w*\.\w+$|server/main\.cpp$")
IPSEC_MB_HEADER = re.compile(r"(?:intel-ipsec-mb|ipsec_ossl_shim)\.h$")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]', re.MULTILINE)

LINE_COLUMNS_MAX = 100
FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 400


def line_of(text, place):
    return text.count("\n", 0, place) + 1


def includes(text):
    for match in INCLUDE.finditer(text):
        yield line_of(text, match.start()), match.group(1) == '"', match.group(2)


# Of the standard library, for public headers in C.
C_HEADERS = {"stdbool.h", "stddef.h", "stdint.h"}


def _floor_finding(place, folder, target):
    """`folder` is the including one, `target` the included path."""
    if folder == "pssst":
        return f'{place}: a public header includes "{target}"'
    room = target.split("/")[0]
    if room not in FLOORS:
        return f'{place}: "{target}" names no folder of src/'
    if room != folder and FLOORS[room] >= FLOORS[folder]:
        return f'{place}: {folder}/ must not include "{target}" (floor {FLOORS[room]})'
    return None


def check_floors(root):
    """src/ and the tests and benchmarks that mirror it: includes go down. Public headers include
    only each other and the standard library. DPDK and IPsec-MB are seen only where they may be."""
    findings = []
    for path, kind, text in source_text.programs(root):
        parts = path.parts
        if kind != "cpp" or len(parts) < 3 or parts[0] not in ("src", "include", "tests", "bench"):
            continue
        folder, inside = parts[1], "/".join(parts[1:])
        for line, quoted, target in includes(text):
            place = f"{path}:{line}"
            if DPDK_HEADER.match(target) and not DPDK_SEEN_BY.match(inside):
                findings.append(f"{place}: DPDK is not seen here: {target}")
            elif IPSEC_MB_HEADER.match(target) and folder != "crypto":
                findings.append(f"{place}: IPsec-MB is not seen here: {target}")
            elif not quoted and parts[0] == "include" and re.search(r"[/.]", target) and not (
                    path.suffix == ".h" and target in C_HEADERS):
                findings.append(f"{place}: a public header includes <{target}>")
            elif quoted and not target.startswith("pssst/") and folder in (*FLOORS, "pssst"):
                helpers = {"tests": ["tests"], "bench": ["bench", "tests"]}.get(parts[0], [])
                if any((root / helper / target).is_file() for helper in helpers):
                    continue
                findings.append(_floor_finding(place, folder, target))
    return [finding for finding in findings if finding]


def _excused(lines, number, what):
    """A reason for being long stands on the line itself or on one of the two before it."""
    near = "\n".join(lines[max(0, number - 3):number])
    return re.search(rf"(?://|#) long {what}: \w+", near) is not None


def check_sizes(root):
    """Lines, functions, files. What must be longer says why, beside it: "// long line: ...",
    "// long function: ...", and in a file's first lines "// long file: ..."."""
    findings = []
    for path, kind, text in source_text.programs(root):
        lines = text.splitlines()
        for number, line in enumerate(lines, 1):
            if len(line) > LINE_COLUMNS_MAX and not _excused(lines, number, "line"):
                findings.append(f"{path}:{number}: {len(line)} columns, {LINE_COLUMNS_MAX} allowed")
        for first, last in source_text.functions(kind, text):
            size = last - first + 1
            if size > FUNCTION_LINES_MAX and not _excused(lines, first, "function"):
                findings.append(f"{path}:{first}: function of {size} lines, "
                                f"{FUNCTION_LINES_MAX} allowed")
        if len(lines) > FILE_LINES_MAX and not _excused(lines, 3, "file"):
            findings.append(f"{path}:1: file of {len(lines)} lines, {FILE_LINES_MAX} allowed")
    return findings


# Spelt so that this file does not name them itself.
FORBIDDEN = {
    "unfinished work": re.compile(r"\b(?:TO[D]O|FIX[M]E|X[X]X|HA[C]K)\b"),
    "a path of one machine": re.compile(
        r"(?<![\w.])/(?:wo[r]k|ho[m]e|roo[t]|Use[r]s)/|/tm[p]/build"),
    "an issue number": re.compile(r"\b[Ii]s[s]ue #?\d"),
}


def check_words(root):
    """Nothing unfinished, nothing that only one machine has."""
    findings = []
    for path in source_text.all_files(root):
        if not source_text.is_text(root / path):
            continue
        text = (root / path).read_text(encoding="utf-8")
        for what, pattern in FORBIDDEN.items():
            findings += [f"{path}:{line_of(text, match.start())}: {what}: {match.group()}"
                         for match in pattern.finditer(text)]
    return findings


def check_suppressions(root):
    """A suppressed warning names its check and its reason."""
    good = re.compile(r"NO[L]INT(?:NEXTLINE|BEGIN|END)?\([\w.,\s*-]+\)(?::| -) ?\w+")
    findings = []
    for path, _, text in source_text.programs(root):
        for match in re.finditer(r"NO[L]INT\w*", text):
            if "END" not in match.group() and not good.match(text, match.start()):
                findings.append(f"{path}:{line_of(text, match.start())}: "
                                f"{match.group()} without check and reason")
    return findings


def read_exceptions(path):
    """Lines of "file: reason"; blank lines and comments are skipped."""
    exceptions = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        if line.strip() and not line.startswith("#"):
            file, _, reason = line.partition(":")
            exceptions[file.strip()] = reason.strip()
    return exceptions


def check_mirror(root):
    """Each src/a/b.cpp has its tests/a/b_test.cpp, or a reason in tests/lint/untested; and that
    list names nothing else."""
    listed = "tests/lint/untested"
    exceptions = read_exceptions(root / listed)
    findings, excused = [], set()
    for source in sorted((root / "src").rglob("*.cpp")):
        path = source.relative_to(root).as_posix()
        folder = source.parent.relative_to(root / "src")
        test = Path("tests") / folder / f"{source.stem}_test.cpp"
        if (root / test).is_file():
            continue
        if exceptions.get(path):
            excused.add(path)
        else:
            findings.append(f"{path}:1: no {test}, and no reason in {listed}")
    return findings + [f"{listed}: {path} needs no exception, or gives no reason"
                       for path in exceptions if path not in excused]


def check_built(root, databases):
    """Each C++ and assembly source of ours is compiled by one of the builds, whose compile
    databases are given: what is not built cannot fail."""
    built = set()
    for database in databases:
        for entry in json.loads(Path(database).read_text(encoding="utf-8")):
            built.add((Path(entry["directory"]) / entry["file"]).resolve())
    return [f"{path}:1: built by nothing"
            for path in source_text.all_files(root)
            if path.suffix in (".cpp", ".S") and (root / path).resolve() not in built]
