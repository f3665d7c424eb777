"""`pssst identity`: the store of enrolled clients, as operators and scripts write and read it."""

import contextlib
import json
import os
import pty
import re
import signal
import sqlite3
import subprocess
import threading
import time

import peer
import pytest
from call_server import pssst
from pssstd import PSSST

P = 2**255 - 19


def new_key():
    return peer.public_key(peer.generate_private()).hex()


@pytest.fixture(scope="module")
def keys():
    return [new_key() for _ in range(40)]


@pytest.fixture
def store(tmp_path):
    return tmp_path / "clients.db"


def identity(*arguments, stdin=b""):
    status, stdout, stderr = pssst("identity", *arguments, stdin=stdin)
    return status, stdout.decode(), stderr


def good(*arguments, stdin=b""):
    status, stdout, stderr = identity(*arguments, stdin=stdin)
    assert status == 0, stderr
    return stdout


def records(store):
    return [json.loads(line) for line in good("export", store, "--format", "json").splitlines()]


# ---- one client -----------------------------------------------------------------------------


def test_a_client_from_enrolment_to_revocation(store, keys):
    assert good("enrol", store, keys[0], "--name", "meter 7", "--tag", "gas", "--tag", "eu",
                "--not-before", "2026-01-31", "--not-after", "2026-12-31",
                "--metadata", "00ff") == f"enrolled {keys[0]}\n"
    assert good("show", store, "meter 7") == good("show", store, keys[0]) == (
        f"key         {keys[0]}\nname        meter 7\ntags        eu gas\n"
        "not before  2026-01-31T00:00:00Z\nnot after   2026-12-31T23:59:59Z\n"
        "metadata    00ff\nstate       enrolled\n")
    assert good("list", store) == f"enrolled  {keys[0]} meter 7\n"
    assert good("revoke", store, "meter 7") == f"revoked {keys[0]} meter 7\n"
    assert good("revoke", store, keys[0]) == f"was revoked {keys[0]} meter 7\n"
    assert good("list", store, "--state", "revoked") == f"revoked   {keys[0]} meter 7\n"
    assert good("list", store, "--state", "enrolled") == ""
    status, stdout, stderr = identity("enrol", store, keys[0])
    assert (status, stdout) == (1, "")
    assert stderr == (f"pssst identity enrol: {keys[0]} meter 7: the key was revoked: to enrol it "
                      "again, say so: --again\n")
    assert good("enrol", store, keys[0], "--again") == f"changed {keys[0]}\n"
    assert good("list", store, "--tag", "eu") == f"enrolled  {keys[0]} meter 7\n"
    assert good("list", store, "--tag", "e") == ""


def test_enrolling_again_changes_what_is_named(store, keys):
    good("enrol", store, keys[0], "--name", "n", "--tag", "a", "--not-after", "2026-12-31")
    assert good("enrol", store, keys[0]) == f"unchanged {keys[0]}\n"
    assert good("enrol", store, keys[0], "--tag", "b", "--not-after", "") == f"changed {keys[0]}\n"
    record = records(store)[0]
    assert (record["name"], record["tags"], record["not_after"]) == ("n", ["b"], None)


def test_a_key_from_a_file_or_a_pipe(store, tmp_path, keys):
    (tmp_path / "key.pub").write_text(keys[0] + "\n")
    assert good("enrol", store, tmp_path / "key.pub") == f"enrolled {keys[0]}\n"
    assert good("enrol", store, "-", stdin=keys[1].encode()) == f"enrolled {keys[1]}\n"


def torsion_alias(key):
    """The key's point with the point of order 2 added: u becomes 1 / u."""
    u = int.from_bytes(bytes.fromhex(key), "little")
    return pow(u, P - 2, P).to_bytes(32, "little").hex()


def test_what_is_another_name_for_a_key_is_refused(store, keys):
    good("enrol", store, keys[0])
    top_bit = keys[0][:62] + f"{int(keys[0][62:], 16) | 0x80:02x}"
    for key, reason in [(top_bit, "not a canonical encoding"),
                        ((2**255 - 1).to_bytes(32, "little").hex(), "not a canonical encoding"),
                        (torsion_alias(keys[0]), "has a small-order component"),
                        ("00" * 32, "a point of small order"),
                        ("02" + "00" * 31, "not a point of the curve"),
                        ("09" + "00" * 31, "the base point"),
                        (keys[0] + "00", "66 characters")]:
        status, stdout, stderr = identity("enrol", store, "-", stdin=key.encode())
        assert (status, stdout) == (1, "")
        assert reason in stderr and stderr.startswith("pssst identity enrol: -: "), stderr
    assert len(records(store)) == 1


def test_two_keys_of_a_name_and_no_third(store, keys):
    for key in keys[:2]:
        good("enrol", store, key, "--name", "n")
    status, _, stderr = identity("enrol", store, keys[2], "--name", "n")
    assert status == 1
    assert stderr == ("pssst identity enrol: n: 2 other keys of this name are enrolled: revoke one "
                      "of them first\n")
    good("revoke", store, keys[0])
    good("enrol", store, keys[2], "--name", "n")
    assert good("revoke", store, "n").count("\n") == 3


@pytest.mark.parametrize("option, value", [
    ("--name", "a\nb"), ("--tag", "a,b"), ("--not-before", "soon"), ("--not-after", "2026-02-30"),
    ("--metadata", "0"), ("--metadata", "00" * 65)])
def test_a_bad_option_is_named(store, keys, option, value):
    status, _, stderr = identity("enrol", store, keys[0], option, value)
    assert status == 2
    assert stderr.startswith(f"pssst identity enrol: {option}: ")
    assert not store.exists()


def test_one_who_is_not_there_keeps_no_other_from_being_revoked(store, keys):
    good("enrol", store, keys[0], "--name", "n")
    status, stdout, stderr = identity("revoke", store, "nobody", "n", keys[1])
    assert (status, stdout) == (1, f"revoked {keys[0]} n\n")
    assert [line.split(": ")[1:3] for line in stderr.splitlines()] == [
        ["nobody", "no key of this name"], [keys[1], "no such key"]]
    assert identity("show", store, "nobody", "n")[0] == 1


def test_what_is_no_store_is_named(store, tmp_path):
    other = tmp_path / "other"
    other.write_text("key\n")
    for command in (["revoke", other, "n"], ["list", other], ["import", other],
                    ["list", store], ["export", store], ["list", tmp_path]):
        status, stdout, stderr = identity(*command)
        assert (status, stdout) == (1, "")
        assert stderr.startswith(f"pssst identity {command[0]}: {command[1]}: "), stderr
    assert not store.exists()


def test_a_store_is_one_file_that_others_can_read(store, keys):
    good("enrol", store, keys[0], "--name", "n")
    assert os.listdir(store.parent) == [store.name]
    with contextlib.closing(sqlite3.connect(store)) as database:
        assert database.execute("SELECT name, hex(key) FROM client").fetchall() == [
            ("n", keys[0].upper())]
        # What another program writes is a change as well.
        database.execute("UPDATE client SET revoked = 1")
        database.commit()
        assert database.execute("SELECT what FROM change ORDER BY sequence").fetchall() == [
            ("enrolled",), ("revoked",)]
    assert good("list", store) == f"revoked   {keys[0]} n\n"


# ---- import and export ----------------------------------------------------------------------


def bad_lines(key):
    """Lines, each bad in its own way, and what is said of them."""
    return [
        ("", None),  # and one that is not
        ("x", "not 64 hexadecimal digits but 1 characters"),
        (key[1:], "63 characters"),
        (key + "0", "65 characters"),
        ("g" + key[1:], "not 64 hexadecimal digits"),
        ("f002:" + key, "suite 0xF002"),
        (",a name without a key", "no key, but nothing"),
        (key[:62] + f"{int(key[62:], 16) | 0x80:02x}", "not a canonical encoding"),
        ("ff" * 32, "not a canonical encoding"),
        ("00" * 32, "small order"),
        ("02" + "00" * 31, "not a point of the curve"),
        (torsion_alias(key), "small-order component"),
        ("09" + "00" * 31, "base point"),
        (key + ",n,,,,,,one too many", "8 fields, and not 7"),
        (key + ',"n', "a quotation mark that is not closed"),
        (key + ',"n"x', "something behind a closing quotation mark"),
        (key + ',n"', "a quotation mark within a field"),
        (key + "," + "n" * 129, "a name of 129 bytes"),
        (key + ",a\x1b[2J", "a control character in the name"),
        (key + ",n,a;b", "a tag with something else"),
        (key + ",n,,31.1.2026", "not-before is no time"),
        (key + ",n,,,2026-02-30", "not-after is no time"),
        (key + ",n,,2026-02-02,2026-02-01", "ends (not-after) before it begins"),
        (key + ",n,,,,123", "metadata that are not pairs"),
        (key + ",n,,,," + "00" * 65, "metadata of more than 64 bytes"),
        (key + ",n,,,,,expelled", "an unknown state"),
        (key + ",taken", "2 other keys of this name are enrolled"),
        (key + "," + "x" * 9000, "a line of more than 8192 bytes"),
    ]


def test_each_bad_line_is_named_and_no_good_one_is_lost(store, tmp_path, keys):
    lines, expected = [f"{keys[0]},taken", f"{keys[1]},taken"], {}
    bad = bad_lines(keys[2])
    for i, (line, what) in enumerate(bad):
        lines.append(line)
        if what:
            expected[len(lines)] = what
        lines.append(f"{keys[3 + i]},good {i}")
    lines.append(keys[2][:10])  # the file ends within a line
    expected[len(lines)] = "10 characters"
    assert len(expected) > 20
    path = tmp_path / "clients.csv"
    path.write_bytes("\n".join(lines).encode() + b"\n" + keys[2].encode() + b",\xff\xfe")
    expected[len(lines) + 1] = "the name is not UTF-8"

    status, stdout, stderr = identity("import", store, path)
    assert (status, stdout) == (1, "")
    *complaints, summary = stderr.splitlines()
    named = {}
    for complaint in complaints:
        match = re.fullmatch(rf"{re.escape(str(path))}:(\d+): (.+): (.+)", complaint)
        assert match, complaint
        named[int(match.group(1))] = complaint
    assert list(named) == sorted(named) and named.keys() == expected.keys()
    for line, what in expected.items():
        assert what in named[line]
    assert "\x1b" not in stderr
    assert summary == (f"pssst identity import: {len(lines) + 1} lines: {len(bad) + 2} added, "
                       f"0 changed, 0 unchanged, {len(expected)} bad")
    assert {record["key"] for record in records(store)} == {*keys[:2], *keys[3:3 + len(bad)]}


@pytest.mark.parametrize("form", ["csv", "json"])
def test_what_is_exported_is_imported_as_it_was(store, tmp_path, keys, form):
    lines = [keys[0], f'{keys[1]},"a, ""b""",eu gas,1970-01-01,2105-12-31,{"5a" * 64},revoked',
             f"{keys[2]},Zähler,,2026-01-01T12:34:56Z,,,enrolled"]
    good("import", store, stdin="\n".join(lines).encode())
    exported = good("export", store, "--format", form)
    copy = tmp_path / "copy.db"
    good("import", copy, stdin=exported.encode())
    assert good("export", copy, "--format", form) == exported
    assert records(copy) == records(store)
    # Again: nothing changes, and nothing is left of what was otherwise.
    good("import", copy, "-", stdin="\n".join(
        [f"{keys[1]},other,x,,,,enrolled", f"{keys[0]},n,t,1,2,00"]).encode())
    assert records(copy) != records(store)
    good("import", copy, stdin=exported.encode())
    assert records(copy) == records(store)
    assert b"" == pssst("identity", "import", copy, stdin=exported.encode())[1]
    with contextlib.closing(sqlite3.connect(copy)) as database:
        assert database.execute("SELECT max(sequence) FROM change").fetchone()[0] == 7


def test_export_into_a_file_replaces_it_once_it_is_whole(store, tmp_path, keys):
    good("enrol", store, keys[0])
    for name, form in [("out.csv", "csv"), ("out.jsonl", "json"), ("out.json", "json"),
                       ("out", "csv")]:
        path = tmp_path / name
        path.write_text("what was there")
        assert good("export", store, path) == ""
        assert path.read_text() == good("export", store, "--format", form)
    assert not list(tmp_path.glob("*.partial"))
    status, _, stderr = identity("export", store, tmp_path / "no/out.csv")
    assert status == 1 and "No such file or directory" in stderr


@pytest.mark.parametrize("command", [["list"], ["export"], ["show", "n"], ["enrol", "KEY"],
                                     ["revoke", "n"]])
def test_a_full_disk_is_an_error(store, keys, command):
    good("enrol", store, keys[0], "--name", "n")
    words = [keys[1] if word == "KEY" else word for word in command[1:]]
    with open("/dev/full", "wb") as full:
        done = subprocess.run([PSSST, "identity", command[0], store, *words], stdout=full,
                              stderr=subprocess.PIPE, timeout=20)
    assert done.returncode == 1
    assert b"No space left on device" in done.stderr


def many_lines(keys, n):
    """Each key, renamed and renamed again."""
    return "".join(f"{keys[i % len(keys)]},name {i}\n" for i in range(n)).encode()


def test_a_long_import_shows_a_bar_on_a_terminal(store, tmp_path, keys):
    path = tmp_path / "many.csv"
    path.write_bytes(many_lines(keys, 30_000))
    leader, follower = pty.openpty()
    process = subprocess.Popen([PSSST, "identity", "import", store, path], stderr=follower)
    os.close(follower)
    shown = b""
    with contextlib.suppress(OSError):  # when the other end is closed
        while chunk := os.read(leader, 65536):
            shown += chunk
    os.close(leader)
    assert process.wait(timeout=60) == 0
    drawn = re.findall(rb"\r\x1b\[K\[(=*>? *)\] (\d+) %, [\d,]+ lines, [\d,]+/s, [\d,]+ s left",
                       shown)
    assert drawn and all(len(bar) == 24 for bar, _ in drawn)
    assert shown.endswith(b"\r\x1b[Kpssst identity import: 30,000 lines: 40 added, 29,960 changed, "
                          b"0 unchanged, 0 bad\r\n")


def test_an_import_that_is_interrupted_leaves_the_store_whole(store, keys):
    good("enrol", store, keys[0])
    process = subprocess.Popen([PSSST, "identity", "import", store], stdin=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    lines = many_lines(keys, 40_000)

    def feed():
        with contextlib.suppress(BrokenPipeError):
            while True:
                process.stdin.write(lines)

    feeder = threading.Thread(target=feed)
    feeder.start()
    deadline = time.monotonic() + 30
    while len(good("list", store).splitlines()) < len(keys):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 1
    feeder.join()
    said = process.stderr.read().decode()
    assert said.startswith("pssst identity import: stopped before the end\n")
    assert os.listdir(store.parent) == [store.name]
    written = int(re.search(r": ([\d,]+) lines:", said).group(1).replace(",", ""))
    assert records(store)[written % len(keys) - 1]["name"] == f"name {(written - 1) % 40_000}"
    process.stdin.close()
    process.stderr.close()


def test_others_write_while_an_import_goes_on(store, keys):
    """Revocations do not wait for the end."""
    good("import", store, stdin="\n".join(keys).encode())
    process = subprocess.Popen([PSSST, "identity", "import", store], stdin=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    lines = many_lines(keys[1:], 39_000)

    def feed():
        with contextlib.suppress(BrokenPipeError):
            while True:
                process.stdin.write(lines)

    feeder = threading.Thread(target=feed)
    feeder.start()
    waits = []
    for _ in range(5):
        time.sleep(0.3)
        begun = time.monotonic()
        good("enrol", store, keys[0], "--again")
        good("revoke", store, keys[0])
        waits.append((time.monotonic() - begun) / 2)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 1
    feeder.join()
    process.stdin.close()
    process.stderr.close()
    assert sorted(waits)[2] < 3, waits  # a transaction of the import, on a busy machine


def test_a_header_that_is_not_understood_is_named(store, tmp_path, keys):
    path = tmp_path / "clients.csv"
    path.write_text(f"\nkey,colour\n{keys[0]},red\n")
    status, _, stderr = identity("import", store, path)
    assert status == 1
    assert stderr.splitlines()[0] == (
        f"pssst identity import: {path}:2: there is no column 'colour': columns are key, name, "
        "tags, not_before, not_after, metadata and state")
    assert identity("import", store, tmp_path / "none")[2] == (
        f"pssst identity import: {tmp_path}/none: cannot open: No such file or directory\n")


@pytest.mark.parametrize("arguments", [["import", "s", "--format", "xml"], ["list", "s", "--state",
                                       "gone"], ["enrol", "s"], ["revoke", "s"], [], ["nothing"]])
def test_a_wrong_command_line(tmp_path, arguments):
    status, stdout, stderr = identity(*arguments)
    assert (status, stdout) == (2, "")
    assert stderr.startswith("pssst identity")
    assert "see `pssst identity" in stderr
