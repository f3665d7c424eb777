"""`pssst check --host FILE` and `deploy/host check FILE` say the same of a machine, in the same
words; the rest of what --host looks at, on this machine."""

import re
import subprocess

import peer
import pytest
from pssstd import PSSST
from test_host import FAULTS, WORDS, Root

TOPICS = ["hugepages", "driver", "isolation", "memlock", "users", "files", "capabilities"]
SAME = TOPICS[:3]


@pytest.fixture
def root(tmp_path):
    root = Root(tmp_path)
    (tmp_path / "server.key").write_text(peer.generate_private().hex())
    (tmp_path / "server.key").chmod(0o600)
    root.set("[dpdk]\n", '[dpdk]\naddresses = ["192.0.2.10"]\n')
    service = '[[service]]\nudp_port = 7700\nhandler = "echo"\nkeys = ["server.key"]\n'
    root.set("\n[server]\n", f"\n{service}[server]\n")
    return root


def check(*words, status):
    """What it says, one string a topic, as Root.host() has it."""
    result = subprocess.run([PSSST, "check", "--host", *words], capture_output=True, text=True,
                            timeout=20, stdin=subprocess.DEVNULL)
    assert (result.returncode, result.stderr) == (status, ""), result
    first, *lines = result.stdout.splitlines()
    assert ": good: 1 service, 1 key, at " in first
    said = {}
    for line in lines:
        topic, text = re.fullmatch(r"  (\w+) +(.*)", line).groups()
        said[topic] = said.get(topic, "") + text + "\n"
    assert list(said) == TOPICS
    return said


def assert_same(root, status):
    ours = check("--root", root.folder, root.config, status=1 if status else 0)
    theirs = root.host("check", status=status)
    for topic in SAME:
        assert ours[topic] == theirs[topic]
    return ours


def test_before_and_after_init(root):
    # Nothing of the process is known under this root.
    said = assert_same(root, 1)
    assert "16 of 512: run deploy/host init" in said["hugepages"]
    root.host("init")
    assert_same(root, 1)
    root.write("proc/cmdline", f"BOOT_IMAGE=/vmlinuz quiet {WORDS}\n")
    assert set(assert_same(root, 0).values()) == {
        "in order\n", "not needed: the configuration names nobody\n",
        "not needed: this port takes none\n"}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault(root, fault):
    FAULTS[fault][0](root)
    assert_same(root, 1)


@pytest.mark.parametrize("old, new", [
    ("hugepages = true", "hugepages = false"),
    ('pci = ["0000:81:00.0", "0000:82:00.0"]', 'vdevs = ["net_tap0"]'),
])
def test_what_is_not_needed(root, old, new):
    root.set(old, new)
    assert_same(root, 1)


def test_sockets(root, tmp_path):
    config = tmp_path / "sockets.toml"
    config.write_text('[[service]]\nudp_port = 7700\nhandler = "echo"\nkeys = ["server.key"]\n')
    said = check("--root", root.folder, config, status=0)
    nothing = 'not needed: nothing, as [port] kind is not "dpdk"\n'
    assert [said[topic] for topic in SAME] == [nothing] * len(SAME)


def test_this_machine(tmp_path, root):
    """Root's user is there, another is not; the rest depends on the machine."""
    config = tmp_path / "sockets.toml"
    text = ('[privileges]\nuser = "root"\n[control]\nsocket = "control"\nusers = ["no-such-user"]\n'
            '[[service]]\nudp_port = 7700\nhandler = "echo"\nkeys = ["server.key"]\n')
    config.write_text(text)
    said = check(config, status=1)
    assert said["users"] == ("there is no user no-such-user: create it (useradd --system) or name "
                             "another\n")
    assert said["files"] == "in order\n"


def test_a_wrong_file_is_not_looked_for_on_the_machine(tmp_path):
    config = tmp_path / "wrong.toml"
    config.write_text("[[service]]\n")
    result = subprocess.run([PSSST, "check", "--host", config], capture_output=True, text=True,
                            timeout=20)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.count("\n") == 3


def test_root_without_host(tmp_path):
    result = subprocess.run([PSSST, "check", "--root", "/", tmp_path / "x"], capture_output=True,
                            text=True, timeout=20)
    assert result.returncode == 2
