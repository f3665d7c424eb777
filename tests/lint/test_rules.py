"""Each rule finds what it is there to find, in small trees made for it, and nothing else."""

import json

import pytest
import rules
import source_text


@pytest.fixture
def tree(tmp_path):
    def write(files):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path
    return write


def lines(count, line="  step();\n"):
    return line * count


@pytest.mark.parametrize("path, include", [
    ("src/base/a.cpp", '"crypto/x25519.hpp"'),
    ("src/net/a.hpp", '"identity/key_file.hpp"'),
    ("src/net/a.hpp", '"server/worker.hpp"'),
    ("src/server/a.cpp", '"client/socket.hpp"'),
    ("src/server/a.cpp", '"unknown/a.hpp"'),
    ("tests/base/a_test.cpp", '"crypto/x25519.hpp"'),
    ("src/net/socket_port.cpp", "<rte_ethdev.h>"),
    ("src/server/worker.cpp", "<rte_cycles.h>"),
    ("src/protocol/suite1.cpp", "<intel-ipsec-mb.h>"),
    ("include/pssst/a.hpp", '"base/hex.hpp"'),
    ("include/pssst/a.hpp", "<sys/socket.h>"),
])
def test_floors_finds(tree, path, include):
    (finding,) = rules.check_floors(tree({path: f"// One.\n#include {include}\n"}))
    assert finding.startswith(f"{path}:2: ")


@pytest.mark.parametrize("path, include", [
    ("src/server/worker.cpp", '"net/port.hpp"'),
    ("src/server/worker.cpp", '"server/worker.hpp"'),
    ("src/base/hex.cpp", '"pssst/keys.hpp"'),
    ("src/net/dpdk_port.cpp", "<rte_ethdev.h>"),
    ("src/server/main.cpp", "<rte_eal.h>"),
    ("src/crypto/symmetric.cpp", "<intel-ipsec-mb.h>"),
    ("src/net/socket_port.cpp", "<sys/socket.h>"),
    ("include/pssst/a.hpp", '"pssst/keys.hpp"'),
    ("include/pssst/a.hpp", "<vector>"),
    ("tests/net/frame_test.cpp", '"net/frame.hpp"'),
])
def test_floors_allows(tree, path, include):
    assert not rules.check_floors(tree({path: f"#include {include}\n"}))


def test_floors_allows_helpers_of_tests(tree):
    root = tree({"tests/base/a_test.cpp": '#include "support/vectors.hpp"\n',
                 "tests/support/vectors.hpp": ""})
    assert not rules.check_floors(root)


@pytest.mark.parametrize("helper, including, findings", [
    ("bench/timing/windows.hpp", "bench/crypto/a_bench.cpp", 0),
    ("tests/timing/windows.hpp", "bench/crypto/a_bench.cpp", 0),
    ("bench/timing/windows.hpp", "tests/crypto/a_test.cpp", 1),
    ("bench/timing/windows.hpp", "src/crypto/a.cpp", 1),
])
def test_floors_of_benchmarks(tree, helper, including, findings):
    root = tree({including: '#include "timing/windows.hpp"\n', helper: ""})
    assert len(rules.check_floors(root)) == findings


FUNCTIONS = {
    "free": "int f(int a) {\n%s}\n",
    "in a namespace": "namespace a {\nint f() {\n%s}\n}\n",
    "in a class": "class A : public B<int> {\n  A() = default;\n  void f() const {\n%s  }\n};\n",
    "template": "template <class T, class U = std::array<int, 4>>\nvoid f(T a) {\n%s}\n",
    "constructor": "A::A(int b)\n    : a_{b}, b_(1), c_{2} {\n%s}\n",
    "qualified": "auto A::f() const noexcept -> std::span<int> {\n%s}\n",
    "test": "TEST(Suite, Name) {\n%s}\n",
    "after braces in text": "char c = '{';\nconst char* s = \"{{\";\n// {\nvoid f() {\n%s}\n",
    "after digit separators": "int n = 1'000;\nvoid f() {\n%s}\n",
    "after a raw string": 'auto s = R"x({"a": {)x";\nvoid f() {\n%s}\n',
    "with blocks": "void f() {\n  for (int i = 0; i < 3; ++i) {\n    g([&](int x) { h({x}); });\n"
                   "  }\n%s}\n",
}  # fmt: skip


@pytest.mark.parametrize("text", FUNCTIONS.values(), ids=FUNCTIONS.keys())
def test_sizes_measures_cpp_functions(tree, text):
    found = rules.check_sizes(tree({"src/base/a.cpp": text % lines(71)}))
    assert len(found) == 1 and "function of" in found[0]
    assert not rules.check_sizes(tree({"src/base/a.cpp": text % lines(60)}))


def test_sizes_does_not_take_scopes_for_functions(tree):
    methods = "\n".join("  void f%d() {\n%s  }" % (i, lines(30)) for i in range(5))
    text = f"namespace a {{\nclass alignas(64) A {{\n{methods}\n}};\n}}  // namespace a\n"
    table = "constexpr std::array kTable{\n" + lines(90, "    f(1),\n") + "};\n"
    assert not rules.check_sizes(tree({"src/base/a.cpp": text, "src/base/b.cpp": table}))


@pytest.mark.parametrize("path, text", [
    ("tests/e2e/a.py", "def f():\n" + lines(71, "    a = 1\n")),
    ("tests/totals", "#!/usr/bin/python3\ndef f():\n" + lines(71, "    a = 1\n")),
    ("tests/run", "#!/usr/bin/env bash\nf() {\n" + lines(71, "  true\n") + "}\n"),
])
def test_sizes_measures_scripts(tree, path, text):
    found = rules.check_sizes(tree({path: text}))
    assert len(found) == 1 and "function of" in found[0]


def test_sizes_measures_lines_and_files(tree):
    root = tree({"src/base/a.cpp": "// " + "x" * 98 + "\n", "src/base/b.cpp": lines(401, "//\n"),
                 "tests/c.S": lines(401, "nop\n"), "tests/d.ld": "/* " + "x" * 98})
    assert rules.check_sizes(root) == ["src/base/a.cpp:1: 101 columns, 100 allowed",
                                       "src/base/b.cpp:1: file of 401 lines, 400 allowed",
                                       "tests/c.S:1: file of 401 lines, 400 allowed",
                                       "tests/d.ld:1: 101 columns, 100 allowed"]


def test_sizes_takes_reasons(tree):
    function = "// long function: one table\nvoid f() {\n" + lines(80) + "}\n"
    assert not rules.check_sizes(tree({
        "src/base/a.cpp": "// long line: a link\n// " + "x" * 98 + "\n",
        "src/base/b.cpp": "// long file: a table\n" + lines(500, "//\n"),
        "src/base/c.cpp": function,
    }))
    assert rules.check_sizes(tree({"src/base/c.cpp": function.replace("one table", "")}))


@pytest.mark.parametrize("text", [
    "// TO" + "DO: later", "// FIX" + "ME", "see /ho" + "me/me/notes", 'open("/wo' + 'rk/x")',
    "HOME=/roo" + "t/lib", "/tm" + "p/build-x", "see iss" + "ue 12",
])
def test_words_finds(tree, text):
    (finding,) = rules.check_words(tree({"src/base/a.cpp": f"\n{text}\n"}))
    assert finding.startswith("src/base/a.cpp:2: ")


def test_words_allows(tree):
    assert not rules.check_words(tree({"README.md": "work/home, todos, an issue of 12 pages\n"}))


@pytest.mark.parametrize("comment, fine", [
    ("(cert-err33-c): the process is ending", True),
    ("NEXTLINE(bugprone-*,cert-*): macro of the library", True),
    ("(cert-err33-c)", False),
    ("", False),
    (": because", False),
])
def test_suppressions(tree, comment, fine):
    root = tree({"src/base/a.cpp": "f();  // NO" + f"LINT{comment}\n"})
    assert (rules.check_suppressions(root) == []) == fine


def test_mirror(tree):
    root = tree({"src/base/a.cpp": "", "tests/base/a_test.cpp": "", "src/base/b.cpp": ""})
    (finding,) = rules.check_mirror(root)
    assert finding.startswith("src/base/b.cpp:1: no tests/base/b_test.cpp")
    tree({"tests/lint/untested": "# Reasons.\nsrc/base/b.cpp: only a table\n"})
    assert not rules.check_mirror(root)
    tree({"tests/lint/untested": "src/base/b.cpp:\n"})
    assert len(rules.check_mirror(root)) == 2
    tree({"tests/lint/untested": "src/base/b.cpp: a table\nsrc/base/a.cpp: has a test after all\n"})
    assert len(rules.check_mirror(root)) == 1


def test_built(tree):
    root = tree({"src/base/a.cpp": "", "src/base/b.cpp": "", "src/base/c.hpp": "",
                 "tests/c.cpp": "", "tests/d.S": ""})
    databases = []
    for name, file in (("build", "../src/base/a.cpp"), ("build-fuzz", "../tests/c.cpp")):
        entry = [{"directory": str(root / name), "file": file}]
        tree({f"{name}/compile_commands.json": json.dumps(entry)})
        databases.append(root / name / "compile_commands.json")
    assert rules.check_built(root, databases) == ["src/base/b.cpp:1: built by nothing",
                                                  "tests/d.S:1: built by nothing"]


def test_only_our_files_are_read(tree):
    root = tree({"build/a.cpp": "x", "src/base/a.cpp": "", "tests/__pycache__/a.py": "",
                 "meson.build": "", "README.md": "", "deploy/packages": ""})
    found = sorted(str(path) for path in source_text.all_files(root))
    assert found == ["README.md", "deploy/packages", "meson.build", "src/base/a.cpp"]
