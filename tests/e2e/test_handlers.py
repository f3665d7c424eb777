"""Handlers out of shared objects: what is refused, what they may do and what is counted, message
types, the examples, reloads."""

import contextlib
import shutil
import subprocess
import threading
import time

import peer
import pytest
from conftest import require_root
from control import control_place
from handlers import EXAMPLES, LIBRARIES, Called, serving
from ports import KINDS, UDP_PORT
from pssstd import PSSSTD, since
from test_reload import File
from world import UNPRIVILEGED_USER, running, temporary_files


def library(name, *options, folder=LIBRARIES, **fields):
    words = [f"handler=library,library={folder / name}.so"]
    words += [f"option={option}" for option in options]
    return ",".join(words + [f"{field}={value}" for field, value in fields.items()])


REFUSED = {
    "wrong_abi": "it is of handler ABI 2, and this server of 1",
    "wrong_size": "its struct pssst_handler has",
    "wrong_message_size": "its struct pssst_message has 72 bytes, and this server's 64",
    "wrong_server_size": "its struct pssst_server has 8 bytes",
    "no_symbol": "it has no symbol pssst_library_handler",
    "another_object": "pssst_library_handler is no struct pssst_handler",
    "no_handle_burst": "its handler has no handle_burst",
    "unknown_flags": "its handler declares what this server does not know",
    "long_replies": "its handler declares replies of 1421 bytes",
    "nowhere": "cannot open the library",
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_wrong_library_is_refused_at_the_start(files, place, name):
    called = Called(files, place)
    command = [PSSSTD, *place.arguments, *called.option(library(name))]
    done = subprocess.run(place.namespace.command(*command), capture_output=True, text=True,
                          timeout=20)
    assert done.returncode == 1
    assert REFUSED[name] in done.stderr and f"{name}.so" in done.stderr, done.stderr


def test_varying_replies_are_refused_on_suite_1(files, place):
    key = files.key("old", peer.generate_private())
    for fields in (library("scripted_1"), "handler=forward,backend=/run/nobody",
                   f"type=1,handler=echo,type=2,{library('scripted_1')}"):
        command = [PSSSTD, *place.arguments, "--service", f"port=1,key={key},{fields}"]
        done = subprocess.run(place.namespace.command(*command), capture_output=True, text=True,
                              timeout=20)
        assert done.returncode == 1
        assert "suite 1 is broken by two different replies to one request" in done.stderr


def test_what_a_handler_may_do_and_what_it_may_not(files, any_place):
    place = any_place
    called, echo = Called(files, place), Called(files, place, 1)
    at_once = Called(files, place, 2)
    with serving(place, called.option(library("scripted_1", deadline=150)),
                 echo.option("handler=echo"),
                 at_once.option(library("scripted_at_once"))) as server:
        before = server.settled_report()
        assert called.call(b"now hello") == b"1:hello"
        assert called.ask(b"later 40 slow", b"later 1 fast") == [b"1:slow", b"1:fast"]
        assert called.call(b"twice once") == b"1:once"
        assert called.call(b"wrong right") == b"1:right"
        for bad in (b"nothing", b"long", b"bogus", b"never", b"later 400 late"):
            assert called.call(bad, patience=0.25) is None, bad
            assert called.call(b"now next") == b"1:next", bad
            assert echo.call(b"others") == b"others", bad
        assert at_once.call(b"later 1 undeclared", patience=0.2) is None
        time.sleep(0.3)
        after = server.settled_report()
        gone, drops = since(before["total"], after["total"])
        assert drops == {"reply_too_long": 1, "handler_misbehaved": 2, "later_expired": 2}
        assert gone["answered_without_reply"] == 1 and gone["pending"] == 0
        later = after["later"]
        assert (later["asked"], later["answered"], later["awaited"]) == (6, 4, 0)
        assert (later["answers_twice"], later["answers_late"], later["answers_wrong"]) == (1, 1, 1)


def test_messages_have_types(files, place):
    called = Called(files, place)
    fields = ("type=1,handler=echo,type=0x20-0x2f,handler=ack,reply=known,"
              f"type=110,{library('scripted_1')}")
    with serving(place, called.option(fields)) as server:
        before = server.settled_report()
        assert called.ask(b"\x01abc", b"\x20", b"\x2fxyz", b"now typed") == [
            b"\x01abc", b"known", b"known", b"1:typed"]
        assert called.ask(b"\x02", b"\x30", b"", patience=0.3) == [None] * 3
        assert called.call(b"\x01") == b"\x01"
        _, drops = since(before["total"], server.settled_report()["total"])
        assert drops == {"message_type": 3}


def test_a_library_that_does_not_take_a_type_is_refused(files, place):
    called = Called(files, place)
    fields = f"type=3,{library('probe')}"
    done = subprocess.run(place.namespace.command(PSSSTD, *place.arguments, *called.option(fields)),
                          capture_output=True, text=True, timeout=20)
    assert done.returncode == 1
    assert "its handler probe does not take messages of type 3" in done.stderr


def test_so_many_later_replies_are_awaited_and_no_more(files, place):
    called = Called(files, place)
    fields = library("scripted_1", **{"deadline": 1000, "in-flight": 64})
    with serving(place, called.option(fields), ["--later-replies", "40"]) as server:
        replies = called.ask(*[b"later 300 x"] * 60, patience=2)
        assert replies.count(b"1:x") == 40
        assert server.settled_report()["total"]["drops"] == {"later_full": 20}
        assert called.call(b"later 1 next") == b"1:next"


@pytest.mark.parametrize("deadline, reason", [(5000, "shutdown"), (700, "later_expired")])
def test_a_stop_waits_for_later_replies(files, place, deadline, reason):
    """For a second, and for each no longer than its deadline."""
    called = Called(files, place)
    with serving(place, called.option(library("scripted_1", deadline=deadline))) as server:
        answers = []
        asking = threading.Thread(target=lambda: answers.extend(
            called.ask(b"later 300 in time", b"never", patience=3)))
        asking.start()
        time.sleep(0.1)
        report = server.stop()
        asking.join()
        assert answers == [b"1:in time", None]
        assert report["total"]["drops"] == {reason: 1}


def test_the_example_looks_values_up(files, place):
    table = files.folder / "meters"
    table.write_text("m1 10 kWh\nm2 20 kWh\n")
    called = Called(files, place)
    with serving(place, called.option(library("lookup", f"table={table}", folder=EXAMPLES))):
        assert called.ask(b"m2", b"m1") == [b"20 kWh", b"10 kWh"]
        assert called.ask(b"m3", b"m", b"m11", b"", patience=0.3) == [None] * 4
    command = [PSSSTD, *place.arguments,
               *called.option(library("lookup", "table=/nowhere", folder=EXAMPLES))]
    done = subprocess.run(place.namespace.command(*command), capture_output=True, text=True,
                          timeout=20)
    assert done.returncode == 1
    assert "its handler could not start: cannot open /nowhere" in done.stderr


def test_the_example_writes_telemetry_on_suite_1(files, place):
    """Its acknowledgement is constant, so an old key may serve it."""
    log = files.folder / "telemetry"
    private = peer.generate_private()
    key = files.key("old", private)
    option = f"port={UDP_PORT},key={key}," + library("telemetry", f"file={log}", folder=EXAMPLES)
    client = peer.Client(peer.public_key(private), None)
    with serving(place, ["--service", option]) as server:
        with place.socket() as connected:
            for number in range(200):
                datagram, pending = client.seal(b"reading %d" % number)
                connected.send(datagram)
                assert pending.open(connected.recv(65536)) == b"ok"
        report = server.settled_report()
        assert report["later"]["answered"] == 200
        assert report["total"]["replied"] == 200
    assert log.read_text().splitlines() == [f"reading {number}" for number in range(200)]


def configure(file, key, path, *more):
    file.write(['name = "scripted"', f"udp_port = {UDP_PORT}", 'handler = "library"',
                f'library = "{path}"', f'keys = ["{key}"]', "reply_limit = 3.0",
                "in_flight = 1000", "deadline_ms = 2000"], more=more)


@contextlib.contextmanager
def reloadable(*more, user=None):
    """Yields (called, put, control, server): put(version) puts that version's library in place."""
    with KINDS["socket-ipv4"]() as place, temporary_files() as files, \
            control_place(user) as control:
        called = Called(files, place)
        path = files.folder / "handler.so"
        file = File(files, place, control)

        def put(version):
            # Written over where it is, while it serves.
            shutil.copyfile(LIBRARIES / f"scripted_{version}.so", path)
            configure(file, called.key, path, *more)
            return path

        put(1)
        if user:
            files.hand_to(user)
            for name in (path, file.path):
                shutil.chown(name, "root")
        words = place.namespace.command(PSSSTD, "--config", file.path)
        with running(words) as server:
            yield called, put, control, server


def test_a_library_is_reloaded_with_replies_pending(files):
    """Requests all the time, answered at once and after 60 ms, while versions come and go: nothing
    is lost, and each request is answered by the version that it was given to."""
    rounds, sent = 6, []
    with reloadable() as (called, put, control, server):
        stop, failures = threading.Event(), []

        def ask_all_the_time():
            try:
                while not stop.is_set():
                    began = time.monotonic()
                    replies = called.ask(*[b"later 60 a", b"now b"] * 10)
                    sent.append((began, replies))
            except Exception as failure:
                failures.append(failure)

        threads = [threading.Thread(target=ask_all_the_time) for _ in range(3)]
        for thread in threads:
            thread.start()
        switches = [(0, "1")]
        for number in range(rounds):
            time.sleep(0.3)
            version = 2 - number % 2
            put(version)
            began = time.monotonic()
            said = control.ask("reload")
            assert "service scripted: library loaded again" in said, said
            switches.append((began, time.monotonic(), str(version)))
        time.sleep(0.3)
        stop.set()
        for thread in threads:
            thread.join()
        assert not failures
        asked = sum(len(replies) for _, replies in sent)
        assert asked > 500
        for began, replies in sent:
            assert None not in replies
            versions = {reply[:1].decode() for reply in replies}
            # What was current when the requests were sent; both around a switch.
            current = {switches[0][1]}
            for start, end, version in switches[1:]:
                if began > end:
                    current = {version}
                elif began > start - 0.1:
                    current.add(version)
            assert versions <= current, (began, versions, switches)
        report = server.settled_report()
        assert report["total"]["drops"] == {}
        assert report["total"]["replied"] == asked
        assert report["later"]["answers_wrong"] == 0
        libraries = [line for line in open(f"/proc/{server.pid}/maps", encoding="ascii")
                     if "pssst-handler" in line and "r-xp" in line]
        assert len(libraries) == 1, "those that were replaced are closed"


def test_a_reload_refuses_a_wrong_library_and_serves_on(files):
    with reloadable() as (called, put, control, server):
        assert called.call(b"now a") == b"1:a"
        shutil.copyfile(LIBRARIES / "wrong_abi.so", put(2))
        done = control.run("reload")
        assert done.returncode != 0
        assert "it is of handler ABI 2, and this server of 1" in done.stdout + done.stderr
        assert called.call(b"now b") == b"1:b"


def test_a_library_is_reloaded_without_rights_and_under_the_filter():
    require_root("becomes another user")
    more = ("[privileges]", f'user = "{UNPRIVILEGED_USER}"')
    with reloadable(*more, user=UNPRIVILEGED_USER) as (called, put, control, server):
        assert called.call(b"later 10 a") == b"1:a"
        put(2)
        control.ask("reload")
        assert called.call(b"later 10 b") == b"2:b"


def test_no_library_comes_in_later_where_there_was_none():
    require_root("makes network namespaces")
    with KINDS["socket-ipv4"]() as place, temporary_files() as files, control_place() as control:
        called = Called(files, place)
        file = File(files, place, control)
        file.write(['name = "scripted"', f"udp_port = {UDP_PORT}", 'handler = "echo"',
                    f'keys = ["{called.key}"]'])
        with running(place.namespace.command(PSSSTD, "--config", file.path)):
            configure(file, called.key, LIBRARIES / "scripted_1.so")
            done = control.run("reload")
            assert done.returncode != 0
            assert "a server that was started without libraries lets none in later" in \
                done.stdout + done.stderr
            assert called.call(b"still here") == b"still here"
