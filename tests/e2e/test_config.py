"""`pssstd --config FILE`: what the file says is served, and a wrong file is refused as a whole."""

import os
import subprocess

import peer
import pytest
from conftest import require_root
from ports import KINDS, SERVER_IP, SERVER_IP6, UDP_PORT, kernel_sockets
from pssstd import PSSSTD
from world import running, temporary_files

REPLY = b"understood"


@pytest.fixture
def files():
    with temporary_files() as files:
        yield files


def write_config(files, port):
    """A file for two services on this port; their public keys, and a client's private key."""
    echo, ack, client = (peer.generate_private() for _ in range(3))
    files.key("echo", echo)
    files.key("ack", ack, prefix="f002:")
    files.clients([peer.public_key(client)])
    path = files.folder / "pssstd.toml"
    path.write_text(f"""
[server]
lcores = "0"
idle = "sleep"
counters = "json"
[clients]
file = "clients"
{port}
[[service]]
name = "first"
udp_port = {UDP_PORT}
handler = "echo"
keys = ["echo.key"]
policy = "required"
[[service]]
name = "second"
udp_port = {UDP_PORT + 1}
handler = "ack"
reply = "{REPLY.decode()}"
keys = ["ack.key"]
""")
    return path, peer.public_key(echo), client


def call(place, server_public, client, message):
    datagram, pending = peer.Client(server_public, client).seal(message)
    with place.socket() as connected:
        connected.send(datagram)
        return pending.open(connected.recv(65536))


def serves(place, path, public, client):
    with running(place.namespace.command(PSSSTD, "--config", path), place.after_start) as server:
        assert call(place, public, client, b"hello") == b"hello"
        report = server.settled_report()
        names = {service["name"]: service["requests"] for service in report["services"]}
        assert names == {"first": 1, "second": 0}


def test_kernel_sockets(files):
    with kernel_sockets("127.0.0.1") as place:
        path, public, client = write_config(files, '[socket]\naddresses = ["127.0.0.1"]')
        serves(place, path, public, client)
        assert (files.folder / "echo.key.replies").exists()


def test_tap(files):
    require_root("makes a network namespace")
    with KINDS["net_tap"]() as place:
        vdev = place.arguments[place.arguments.index("--vdev") + 1]
        serves(place, *write_config(files, f"""
[port]
kind = "dpdk"
[dpdk]
vdevs = ["{vdev}"]
addresses = ["{SERVER_IP}", "{SERVER_IP6}"]
verify_udp_checksum = {"false" if "--no-verify-udp-checksum" in place.arguments else "true"}
"""))


def test_credentials(files):
    """The key is $CREDENTIALS_DIRECTORY's, what it answers with goes to $STATE_DIRECTORY."""
    with kernel_sockets("127.0.0.1") as place:
        path, public, client = write_config(files, "")
        credentials, state = files.folder / "credentials", files.folder / "state"
        credentials.mkdir()
        state.mkdir()
        (files.folder / "echo.key").rename(credentials / "the.key")
        if os.geteuid() == 0:
            # Its access control list's mask looks like a right of the group; anybody else's is one.
            (credentials / "the.key").chmod(0o440)
        path.write_text(path.read_text().replace("echo.key", "credential:the.key"))
        environment = {"CREDENTIALS_DIRECTORY": str(credentials), "STATE_DIRECTORY": str(state)}
        command = place.namespace.command(PSSSTD, "--config", path)
        with running(command, env=environment):
            assert call(place, public, client, b"hello") == b"hello"
        assert (state / "suite1.replies").exists()
        assert [file.name for file in credentials.iterdir()] == ["the.key"]
        path.write_text(path.read_text().replace('handler = "echo"', 'handler = "ack"'))
        refused = subprocess.run(command, env=environment, capture_output=True, text=True,
                                 timeout=30)
        assert refused.returncode == 2
        assert f"{state}/suite1.replies: under this suite 1 key requests were" in refused.stderr


def test_every_fault_of_a_wrong_file_is_named(files):
    path, _, _ = write_config(files, "[sokcet]\naddresses = []")
    path.write_text(path.read_text().replace('"required"', '"requires"'))
    (files.folder / "ack.key").chmod(0o644)
    result = subprocess.run([PSSSTD, "--config", path], capture_output=True, text=True, timeout=30)
    assert result.returncode == 2 and result.stdout == ""
    assert result.stderr.splitlines() == [
        f"pssstd: {path}:8:2: there is no section [sokcet]: did you mean [socket]?",
        f'pssstd: {path}:15:10: [[service]] policy is "requires": choose "optional" or '
        '"anonymous" or "required"',
        f"pssstd: {path}:21:9: {path.parent}/ack.key: the key file is open to group or others "
        f"(mode 0644): chmod 600 {path.parent}/ack.key",
    ]
    assert not list(files.folder.glob("*.replies"))
