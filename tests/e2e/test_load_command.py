"""`pssst load` against pssstd, whose counters must be the generator's; and against a server in
Python that lies, doubles, delays."""

import contextlib
import json
import signal
import subprocess
import tempfile
import time

import peer
import pytest
from call_server import Server, pssst, silent
from conftest import on_ports, require_root
from namespaces import HostNamespace
from ports import SERVER_IP, UDP_PORT, Place, dpdk_arguments, kernel_sockets
from pssstd import PSSST, since
from world import ACK_TEXT, Service, command, running, temporary_files, world_in

TIME_LIMIT = 60  # seconds; no run takes that long


def load_command(host, port, key, *arguments):
    return [PSSST, "load", host, str(port), "--server", key, "--json", *map(str, arguments)]


def run_load(command):
    """(status, the JSON object, stderr) of a finished run."""
    process = subprocess.run(list(map(str, command)), stdin=subprocess.DEVNULL, text=True,
                             capture_output=True, timeout=TIME_LIMIT)
    return process.returncode, process.stdout and json.loads(process.stdout), process.stderr


def load_in(world, *arguments, service="echo", status=0):
    """A run against a world's pssstd, over kernel sockets."""
    target = world.services[service]
    words = load_command(world.place.host, target.udp_port, target.public.hex(), *arguments)
    got, result, stderr = run_load(world.place.clients.command(*words))
    assert got == status, (got, result, stderr)
    assert result["books_balance"] is True
    return result


def total(result, name):
    """Of the warm-up and of what was measured."""
    return result[name] + result["warmup"][name]


def assert_server_agrees(result, before, after):
    """Nothing was lost on the way, and every datagram was counted alike at both ends."""
    counts, drops = since(before["total"], after["total"])
    assert counts["datagrams"] == total(result, "sent") + total(result, "hostile_sent")
    assert counts["replied"] == total(result, "received")
    assert sum(drops.values()) == total(result, "hostile_sent") - total(result, "hostile_answered")
    return counts, drops


# ---- against pssstd, over kernel sockets ------------------------------------------------------

@on_ports("socket-ipv4", "socket-ipv6")
class TestSockets:
    def test_closed_loop(self, world):
        before = world.report()
        result = load_in(world, "--window", 16, "--count", 3000, "--warmup", 0.05, "--verify",
                         "all", "--size", "22:3,64:5,1200:1")
        assert_server_agrees(result, before, world.report())
        assert result["mode"] == "closed"
        assert result["sent"] == result["answered"] == result["verified"] == 3000
        assert result["lost"] == result["mismatches"] == result["duplicates"] == 0
        assert result["latency_ns"]["count"] == 3000
        assert 0 < result["latency_ns"]["p50"] <= result["latency_ns"]["max"]
        assert result["answered_per_s"] > 100

    def test_open_loop_on_two_threads(self, world):
        before = world.report()
        result = load_in(world, "--rate", 1000, "--duration", 0.6, "--threads", 2, "--warmup", 0.1,
                         "--timeout", 5000)
        assert_server_agrees(result, before, world.report())
        assert result["mode"] == "open"
        assert result["sent"] + result["unsent"] == 600
        assert result["answered"] == result["sent"]
        assert result["send_delay_ns"]["count"] == result["sent"]

    def test_another_text_is_expected(self, world):
        result = load_in(world, "--count", 100, "--verify", "all", "--expect", ACK_TEXT.hex(),
                         "--warmup", 0, service="ack")
        assert result["answered"] == result["verified"] == 100

    def test_no_reply_is_expected(self, world):
        before = world.report()
        result = load_in(world, "--rate", 1000, "--count", 200, "--expect", "none", "--warmup", 0,
                         service="discard")
        counts, drops = since(before["total"], world.report()["total"])
        assert result["sent"] == counts["answered_without_reply"] == 200 and not drops
        assert result["received"] == 0

    def test_hostile_traffic_is_dropped_for_its_reasons(self, world):
        before = world.report()
        kinds = "junk:.1,truncated:.1,header:.1,not-canonical:.1,small-order:.1,wrong-key:.1," \
                "unknown-client:.1,replay:.1"
        result = load_in(world, "--window", 8, "--count", 300, "--hostile", kinds, "--warmup", 0)
        _, drops = assert_server_agrees(result, before, world.report())
        sent = result["hostile_sent_by_kind"]
        assert result["answered"] == 300 and result["mismatches"] == 0
        assert abs(result["hostile_sent"] - 1200) <= 32
        assert drops["tag"] == sent["junk"] + sent["wrong-key"]
        assert drops["dh_small_order"] == sent["small-order"]
        assert drops["dh_not_canonical"] == sent["not-canonical"]
        assert drops["client_unknown"] == sent["unknown-client"]
        assert drops["too_short_for_suite"] + drops.get("too_short", 0) == sent["truncated"]
        assert drops["suite"] + drops["reply_flag"] + drops["reserved_flags"] == sent["header"]
        assert result["hostile_answered"] == sent["replay"]

    def test_hostile_traffic_has_a_rate_of_its_own(self, world):
        before = world.report()
        result = load_in(world, "--rate", 200, "--duration", 0.5, "--hostile", "small-order:1",
                         "--hostile-rate", 2000, "--warmup", 0, "--timeout", 5000)
        _, drops = assert_server_agrees(result, before, world.report())
        assert result["answered"] == result["sent"] > 0
        assert 500 <= result["hostile_sent"] <= 1001
        assert drops == {"dh_small_order": result["hostile_sent"]}

    def test_fresh_requests(self, world):
        result = load_in(world, "--fresh", "--pool", 64, "--window", 8, "--count", 500, "--verify",
                         "all", "--warmup", 0)
        assert result["answered"] == result["verified"] == 500


def test_clients_are_made_enrolled_and_accepted():
    service = Service("echo", UDP_PORT, peer.generate_private(), ",policy=required")
    with kernel_sockets("127.0.0.1") as place, temporary_files() as files:
        keys, clients = files.folder / "keys", files.folder / "clients"
        assert pssst("load", "--make-clients", 20, "--clients", keys, "--write-enrolment",
                     clients) == (0, b"", "")
        assert keys.stat().st_mode & 0o777 == 0o600
        assert len(set(keys.read_text().split())) == 20
        with running(command(place, files, [service], "--clients", clients)) as server:
            words = place.clients.command(*load_command(
                "127.0.0.1", UDP_PORT, service.public.hex(), "--count", 200, "--warmup", 0,
                "--verify", "all"))
            status, result, stderr = run_load([*words, "--clients", keys])
            assert status == 0 and result["answered"] == 200, (result, stderr)
            assert result["clients"] == 20 and result["authenticated_share"] == 1
            # The others are anonymous, and not served here.
            status, result, _ = run_load([*words, "--clients", keys, "--authenticated", 0.25,
                                          "--timeout", 300, "--window", 200, "--pool", 800])
            assert status == 0
            report = server.settled_report()
            assert report["services"][0]["authenticated"] == report["total"]["replied"]
            assert result["answered"] == 50 and result["lost"] == 150
            assert report["total"]["drops"]["policy_anonymous"] >= 150


def test_open_loop_latency_shows_a_stall():
    """Stopped for 200 ms of a second: a fifth of the requests was due meanwhile, and their latency
    goes from 200 ms down to nothing. A closed loop would have sent only a few of them."""
    with contextlib.ExitStack() as stack:
        place = stack.enter_context(kernel_sockets("127.0.0.1"))
        world = stack.enter_context(world_in(place))
        target = world.services["echo"]
        words = load_command(place.host, target.udp_port, target.public.hex(), "--rate", 1000,
                             "--duration", 1, "--warmup", 0, "--timeout", 10000, "--live")
        process = subprocess.Popen(place.clients.command(*words), stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        stack.callback(process.kill)
        deadline = time.monotonic() + 10
        while world.server.report()["total"]["replied"] < 200:
            assert time.monotonic() < deadline
        world.server.process.send_signal(signal.SIGSTOP)
        time.sleep(0.2)
        world.server.process.send_signal(signal.SIGCONT)
        stdout, _ = process.communicate(timeout=TIME_LIMIT)
        result = json.loads(stdout)
        assert process.returncode == 0 and result["lost"] == 0
        latency = result["latency_ns"]
        assert latency["count"] + result["unsent"] == 1000
        assert latency["max"] >= 190e6
        assert latency["p99"] >= 180e6
        assert latency["p90"] >= 80e6
        assert latency["p50"] < latency["p99"] / 2


def test_interrupted_it_still_reports():
    with Server() as server:
        words = load_command(server.address, server.port, server.key, "--rate", 50, "--duration",
                             1000, "--warmup", 0)
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 10
        while len(server.requests) < 5:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        stdout, _ = process.communicate(timeout=TIME_LIMIT)
        result = json.loads(stdout)
        assert process.returncode == 0
        assert 0 < result["sent"] == result["answered"] < 1000


# ---- against pssstd, over DPDK ----------------------------------------------------------------

@pytest.fixture(scope="module")
def vhost_world():
    """pssstd at the listening end of a vhost-user socket; pssst load is the other."""
    require_root("starts DPDK")
    with tempfile.TemporaryDirectory(prefix="pssst-test-") as folder:
        vdev = f"net_vhost0,iface={folder}/vhost.sock"
        place = Place("net_vhost", SERVER_IP, dpdk_arguments(vdev), HostNamespace(),
                      HostNamespace())
        with world_in(place) as world:
            world.path = f"{folder}/vhost.sock"
            yield world


def load_over_vhost(world, *arguments):
    return load_in(world, "--vdev", f"net_virtio_user0,path={world.path},queue_size=1024",
                   "--address", "10.77.0.1", *arguments)


@pytest.mark.parametrize("pace", [["--window", 128, "--count", 5000],
                                  ["--rate", 2000, "--duration", 1, "--timeout", 5000]],
                         ids=["closed", "open"])
def test_over_vhost(vhost_world, pace):
    before = vhost_world.report()
    result = load_over_vhost(vhost_world, *pace, "--warmup", 0.2, "--verify", 10)
    counts, drops = assert_server_agrees(result, before, vhost_world.report())
    assert not drops
    assert result["port"] == "dpdk" and "virtio" in result["devices"][0]
    assert result["answered"] == result["sent"] > 0
    assert result["mismatches"] == result["duplicates"] == 0
    assert result["verified"] >= result["answered"] // 10
    assert counts["answered"] >= 1, "it asked for the server's MAC address"


def test_hostile_traffic_from_elsewhere_over_vhost(vhost_world):
    """Under spoofed addresses the good requests keep their answers, and nobody hears of others."""
    before = vhost_world.report()
    result = load_over_vhost(vhost_world, "--window", 16, "--count", 500, "--hostile",
                             "small-order:.3,replay:.2", "--source-prefix", "198.18.0.0/15",
                             "--warmup", 0)
    counts, drops = since(before["total"], vhost_world.report()["total"])
    sent = result["hostile_sent_by_kind"]
    assert result["answered"] == 500
    assert drops == {"dh_small_order": sent["small-order"]}
    assert counts["replied"] == total(result, "sent") + sent["replay"]
    # Replies to spoofed addresses come by this link all the same, but not to us.
    assert result["hostile_answered"] == 0 and result["frames_ignored"] > 0


def test_nobody_at_the_address_over_vhost(vhost_world):
    words = load_command("10.77.0.9", UDP_PORT, vhost_world.services["echo"].public.hex(), "--vdev",
                         f"net_virtio_user0,path={vhost_world.path}", "--address", "10.77.0.1",
                         "--connect-timeout", 300)
    status, _, stderr = run_load(words)
    assert status == 1 and "10.77.0.9: nobody answers ARP requests" in stderr


# ---- against a server that misbehaves ---------------------------------------------------------

def run_against(server, *arguments, host=None):
    words = load_command(host or server.address, server.port, server.key, "--verify", "all",
                         "--warmup", 0, *arguments)
    status, result, stderr = run_load(words)
    assert not result or result["books_balance"] is True, (result, stderr)
    return status, result, stderr


def every_third(bad):
    """Echoes; in every third case does what `bad` does."""
    counter = [0]

    def behave(request):
        counter[0] += 1
        return bad(request) if counter[0] % 3 == 0 else [request.reply(request.message)]
    return behave


def wrong_tag(request):
    reply = bytearray(request.reply(request.message))
    reply[-1] ^= 1
    return [bytes(reply)]


def wrong_flags(request):
    reply = bytearray(request.reply(request.message))
    reply[0] ^= 0x40
    return [bytes(reply)]


@pytest.mark.parametrize("bad, counter", [
    (lambda request: [request.reply(request.message[::-1])], "mismatch_text"),
    (lambda request: [request.reply(request.message + b"x")], "mismatch_length"),
    (wrong_tag, "mismatch_tag"),
    (wrong_flags, "mismatch_flags"),
], ids=["text", "length", "tag", "flags"])
def test_wrong_answers_are_no_throughput(bad, counter):
    with Server(every_third(bad)) as server:
        status, result, _ = run_against(server, "--count", 60, "--window", 60, "--timeout", 1500)
    assert status == 1, "a wrong reply is an error"
    assert result[counter] == result["mismatches"] == 20
    assert (result["answered"], result["lost"]) == (40, 20)
    assert result["latency_ns"]["count"] == 40


def test_duplicates_are_counted_once():
    with Server(every_third(lambda request: [request.reply(request.message)] * 3)) as server:
        status, result, _ = run_against(server, "--count", 60, "--window", 60)
    assert status == 0
    assert (result["answered"], result["duplicates"], result["lost"]) == (60, 40, 0)


def test_late_answers_are_lost_ones():
    """One after another: the third waits for 800 ms, longer than the timeout."""
    slow = every_third(lambda request: [0.8, request.reply(request.message)])
    with Server(slow) as server:
        status, result, _ = run_against(server, "--count", 3, "--window", 1, "--timeout", 500)
    assert status == 0
    assert (result["answered"], result["lost"], result["late"]) == (2, 1, 1)
    assert result["latency_ns"]["count"] == 2


def test_unknown_and_malformed_replies_are_seen():
    def behave(request):
        reply = request.reply(request.message)
        unknown = reply[:4] + bytes(32) + reply[36:]
        return [b"", b"short", unknown, reply]
    with Server(behave) as server:
        status, result, _ = run_against(server, "--count", 10, "--window", 1)
    assert status == 0
    assert result["answered"] == 10
    assert total(result, "malformed") == 22 and total(result, "unknown") == 11


def test_nobody_answers():
    with Server(silent) as server:
        status, result, _ = run_against(server, "--connect-timeout", 250, "--pool", 64)
        assert status == 3 and result["reached"] is False and result["sent"] == 0
        status, stdout, stderr = pssst("load", server.address, server.port, "--server", server.key,
                                       "--connect-timeout", 150, "--pool", 64)
        assert (status, stdout) == (3, b"")
        assert stderr.startswith(f"pssst load: {server.address}:{server.port}: no good reply to "
                                 "the first requests: check address, --server and --expect")


# ---- what it says -----------------------------------------------------------------------------

def test_summary_live_line_and_plot(tmp_path):
    plot = tmp_path / "latency.svg"
    with Server() as server:
        status, stdout, stderr = pssst("load", server.address, server.port, "--server", server.key,
                                       "--rate", 100, "--duration", 1.3, "--warmup", 0, "--live",
                                       "--plot", plot)
    assert status == 0, stderr
    text = stdout.decode()
    assert text.startswith(f"{server.address}:{server.port}, open loop at 100/s, messages of 64 "
                           "bytes, anonymous, from a pool of 16,384\n")
    for part in ("sent ", "answered ", "lost ", "p50 ", "p99.99 ", "max ", "lateness: p50 "):
        assert part in text
    assert "/s sent, " in stderr and "p99 " in stderr
    svg = plot.read_text()
    assert svg.startswith("<svg ") and svg.endswith("</svg>\n") and "<polyline " in svg


@pytest.mark.parametrize("words, complaint", [
    ([], "HOST is required"),
    (["h"], "PORT is required"),
    (["h", 1], "--server is required"),
    (["h", 1, "-s", "k", "--rate", 0], "--rate: Value 0 not in range"),
    (["h", 1, "-s", "k", "--rate", 1, "--window", 1], "--rate and --window exclude each other"),
    (["h", 1, "-s", "k", "--hostile", "rubbish:0.5"], "there is no kind \"rubbish\""),
    (["--make-clients", 5], "--clients is missing"),
])
def test_wrong_command_lines(words, complaint):
    status, stdout, stderr = pssst("load", *words)
    assert (status, stdout) == (2, b"")
    assert complaint in stderr and stderr.endswith("; see `pssst load --help`\n")


def test_errors_name_what_to_do(tmp_path):
    status, _, stderr = pssst("load", "127.0.0.1", 1, "--server", "9" * 64)
    assert status == 1 and "not a usable public key" in stderr
    key = peer.public_key(peer.generate_private()).hex()
    status, _, stderr = pssst("load", "127.0.0.1", 1, "--server", key, "--clients", tmp_path / "x")
    assert status == 1 and "--make-clients" in stderr
    private = peer.generate_private().hex()
    status, _, stderr = pssst("load", "127.0.0.1", 1, "--server", key, "--clients", private)
    assert status == 1 and private not in stderr and "never stands on a command line" in stderr
