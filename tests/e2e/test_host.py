"""deploy/host on a root of the test's own, with a driverctl that works there."""

import errno
import importlib.machinery
import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

HOST = Path(__file__).resolve().parents[2] / "deploy/host"
NIC, SHARED_NIC = "0000:81:00.0", "0000:82:00.0"
SYSCTL = "etc/sysctl.d/70-pssst-hugepages.conf"
GRUB = "etc/default/grub.d/pssst.cfg"
WORDS = "isolcpus=managed_irq,domain,2-7 nohz_full=2-7 rcu_nocbs=2-7 irqaffinity=0-1"

CONFIG = f"""
[port]
kind = "dpdk"
[dpdk]
pci = ["{NIC}", "{SHARED_NIC}"]
hugepages = true
memory_mb = 1023
[server]
lcores = "2-7"
"""

DRIVERCTL = """#!/bin/bash
root=${0%/usr/sbin/driverctl}
device=$root/sys/bus/pci/devices/$2
[[ ! -e $root/broken ]] || { echo "driverctl: failed to bind"; exit 1; }
case $1 in
  set-override) driver=$3; echo "$3" > "$root/etc/driverctl.d/pci-$2" ;;
  unset-override) driver=$(< "$device/usual"); rm -f "$root/etc/driverctl.d/pci-$2" ;;
esac
ln -sfn "../../drivers/$driver" "$device/driver"
"""


class Root:
    """A machine with 8 CPUs, 2 MB pages, and two NICs."""

    def __init__(self, folder):
        self.folder = folder / "root"
        self.config = folder / "pssstd.toml"
        self.config.write_text(CONFIG)
        for name, text in {
            "proc/meminfo": "MemTotal: 99 kB\nHugepagesize:       2048 kB\n",
            "proc/sys/vm/nr_hugepages": "16\n",
            "proc/sys/kernel/random/boot_id": "first\n",
            "proc/cmdline": "BOOT_IMAGE=/vmlinuz quiet\n",
            "proc/net/route": "Iface\tDestination\neth9\t00000000\n",
            "proc/net/ipv6_route": f"fe80{'0' * 28} 40 {'0' * 32} 00 x x x x fast0\n",
            "proc/irq/default_smp_affinity": "ff\n",
            "proc/irq/0/smp_affinity_list": "0-7\n",
            "proc/irq/24/smp_affinity_list": "4\n",
            "proc/irq/25/smp_affinity_list": "0-1\n",
            "proc/irq/26/smp_affinity_list": "1,3-5\n",
            "sys/devices/system/cpu/online": "0-7\n",
            "etc/default/grub": "GRUB_TIMEOUT=5\n",
            "usr/sbin/driverctl": DRIVERCTL,
        }.items():
            self.write(name, text)
        self.path("usr/sbin/driverctl").chmod(0o755)
        for name in ("etc/sysctl.d", "etc/default/grub.d", "etc/driverctl.d", "var/lib"):
            self.path(name).mkdir(parents=True, exist_ok=True)
        for address, driver, interface in ((NIC, "ice", "fast0"), (SHARED_NIC, "mlx5_core", "ml0")):
            device = f"sys/bus/pci/devices/{address}"
            self.write(f"{device}/usual", driver)
            for name in ("iommu_group", f"net/{interface}"):
                self.path(f"{device}/{name}").mkdir(parents=True)
            for each in (driver, "vfio-pci"):
                self.path(f"sys/bus/pci/drivers/{each}").mkdir(parents=True, exist_ok=True)
            self.path(f"{device}/driver").symlink_to(f"../../drivers/{driver}")

    def path(self, name):
        return self.folder / name

    def write(self, name, text):
        self.path(name).parent.mkdir(parents=True, exist_ok=True)
        self.path(name).write_text(text)

    def read(self, name):
        return self.path(name).read_text().strip()

    def set(self, old, new):
        text = self.config.read_text()
        assert old in text
        self.config.write_text(text.replace(old, new))

    def driver(self, address=NIC):
        return os.path.basename(os.readlink(self.path(f"sys/bus/pci/devices/{address}/driver")))

    def tree(self):
        """All that there is, byte for byte."""
        found = {}
        for path in sorted(self.folder.rglob("*")):
            name = path.relative_to(self.folder).as_posix()
            if path.is_symlink():
                found[name] = ("link", os.path.basename(os.readlink(path)))
            else:
                found[name] = path.read_bytes() if path.is_file() else "folder"
        return found

    def host(self, *words, status=0):
        """What it says, one string a stage."""
        config = [] if words[0] == "fini" else [self.config]
        result = subprocess.run([HOST, *words, "--root", self.folder, *config], text=True,
                                stdin=subprocess.DEVNULL, capture_output=True, timeout=20)
        assert result.returncode == status, result.stdout + result.stderr
        if status == 2:
            return result.stderr
        said = {}
        for line in result.stdout.splitlines():
            stage, text = re.fullmatch(r"  (\w+) +(.*)", line).groups()
            said[stage] = said.get(stage, "") + text + "\n"
        return said


@pytest.fixture
def root(tmp_path):
    return Root(tmp_path)


def test_init_does_all_of_it(root):
    root.host("init")
    assert root.read("proc/sys/vm/nr_hugepages") == "512"
    assert root.read(SYSCTL).endswith("\nvm.nr_hugepages = 512")
    assert (root.driver(), root.driver(SHARED_NIC)) == ("vfio-pci", "mlx5_core")
    assert root.read(f"etc/driverctl.d/pci-{NIC}") == "vfio-pci"
    affinity = {number: root.read(f"proc/irq/{number}/smp_affinity_list")
                for number in ("0", "24", "25", "26")}
    assert affinity == {"0": "0-1", "24": "0-1", "25": "0-1", "26": "1"}
    assert root.read("proc/irq/default_smp_affinity") == "03"
    assert root.read(GRUB).endswith(f'\nGRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX {WORDS}"')


def test_init_twice_changes_nothing_the_second_time(root):
    root.host("init")
    after_first = root.tree()
    said = root.host("init")
    assert root.tree() == after_first
    assert not re.search("write|driverctl", str(said))


def test_init_again_keeps_what_was_before_the_first(root):
    before = root.tree()
    root.host("init")
    root.set("memory_mb = 1023", "memory_mb = 2048")
    root.set('"2-7"', "[2, 3, 4]")
    root.host("init")
    assert root.read("proc/sys/vm/nr_hugepages") == "1024"
    root.host("fini")
    assert root.tree() == before


def test_fini_restores_byte_for_byte(root):
    before = root.tree()
    root.host("init")
    assert root.tree() != before
    root.host("fini")
    assert root.tree() == before
    assert all(text == "was not changed\n" for text in root.host("fini").values())


def test_fini_gives_back_another_override(root):
    root.write(f"etc/driverctl.d/pci-{NIC}", "uio_pci_generic\n")
    root.path("sys/bus/pci/drivers/uio_pci_generic").mkdir()
    link = root.path(f"sys/bus/pci/devices/{NIC}/driver")
    link.unlink()
    link.symlink_to("../../drivers/uio_pci_generic")
    before = root.tree()
    root.host("init")
    assert root.driver() == "vfio-pci"
    root.host("fini")
    assert root.tree() == before


def test_interrupts_of_an_earlier_boot_are_not_put_back(root):
    root.host("init")
    root.write("proc/sys/kernel/random/boot_id", "second\n")
    root.write("proc/irq/24/smp_affinity_list", "0\n")
    root.host("fini")
    assert root.read("proc/irq/24/smp_affinity_list") == "0"


def test_interrupts_are_kept_anew_after_a_boot(root):
    root.host("init")
    root.write("proc/sys/kernel/random/boot_id", "second\n")
    root.write("proc/irq/24/smp_affinity_list", "5-6\n")
    root.host("init")
    root.host("fini")
    assert root.read("proc/irq/24/smp_affinity_list") == "5-6"


def test_hugepages_of_others_stay(root):
    root.write("proc/sys/vm/nr_hugepages", "1024\n")
    before = root.tree()
    root.host("init")
    assert root.read("proc/sys/vm/nr_hugepages") == "1024"
    assert root.read(SYSCTL).endswith("= 1024")  # a boot gives no fewer either
    root.host("fini")
    assert root.tree() == before


def test_two_devices(root):
    link = root.path(f"sys/bus/pci/devices/{SHARED_NIC}/driver")
    link.unlink()
    root.path("sys/bus/pci/drivers/ixgbe").mkdir()
    root.write(f"sys/bus/pci/devices/{SHARED_NIC}/usual", "ixgbe")
    link.symlink_to("../../drivers/ixgbe")
    before = root.tree()
    root.host("init")
    assert root.driver() == root.driver(SHARED_NIC) == "vfio-pci"
    root.set(f', "{SHARED_NIC}"', "")
    root.host("init")
    root.host("fini")
    assert root.tree() == before


def test_check_before_and_after(root):
    before = root.tree()
    said = root.host("check", status=1)
    assert root.tree() == before
    assert "16 of 512: run deploy/host init" in said["hugepages"]
    assert f"{NIC} is bound to ice: run deploy/host init" in said["driver"]
    assert "may get interrupt 0, 24, 26: run deploy/host init" in said["irq"]
    assert f"lacks {WORDS}: run deploy/host init" in said["isolation"]
    root.host("init")
    said = root.host("check", status=1)
    assert "run update-grub, then reboot" in said.pop("isolation")
    assert set(said.values()) == {"in order\n"}
    root.write("proc/cmdline", f"BOOT_IMAGE=/vmlinuz quiet {WORDS}\n")
    assert set(root.host("check").values()) == {"in order\n"}


@pytest.mark.parametrize("command", ["init", "fini"])
def test_dry_run_changes_nothing_and_says_all(root, command):
    if command == "fini":
        root.host("init")
    before = root.tree()
    would = root.host(command, "--dry-run")
    assert root.tree() == before
    did = root.host(command)
    assert root.tree() != before
    assert {stage: text.replace("would ", "") for stage, text in would.items()} == did
    assert all("would " in would[stage] for stage in ("hugepages", "driver", "irq", "isolation"))



FAULTS = {
    "no hugepages in the kernel": (
        lambda root: root.write("proc/meminfo", "MemTotal: 99 kB\n"),
        "hugepages", "no hugepages: boot one with CONFIG_HUGETLBFS"),
    "no such device": (
        lambda root: root.set(NIC, "0000:99:00.0"),
        "driver", "no PCI device 0000:99:00.0: see lspci -D"),
    "no IOMMU": (
        lambda root: root.path(f"sys/bus/pci/devices/{NIC}/iommu_group").rmdir(),
        "driver", f"{NIC} is behind no IOMMU: switch it on"),
    "the way in": (
        lambda root: root.write("proc/net/route", "Iface\tDestination\nfast0\t00000000\n"),
        "driver", f"{NIC} is fast0, over which routes of this machine lead: take its addresses"),
    "the way in by IPv6": (
        lambda root: root.write("proc/net/ipv6_route", f"2001{'0' * 28} 40 x x x x x x x fast0\n"),
        "driver", "fast0, over which routes of this machine lead"),
    "no lcores": (
        lambda root: root.set('lcores = "2-7"', ""),
        "irq", '[server] lcores is missing: say which CPUs the workers have'),
    "lcores that are not there": (
        lambda root: root.set('"2-7"', '"2-9"'),
        "isolation", "CPU 8-9 of [server] lcores is not online (0-7 are)"),
    "all CPUs": (
        lambda root: root.set('"2-7"', '"0-7"'),
        "irq", "takes every CPU: leave one"),
    "the boot CPU": (
        lambda root: root.set('"2-7"', '"0-5"'),
        "isolation", "has CPU 0"),
    "another boot loader": (
        lambda root: root.path("etc/default/grub").unlink(),
        "isolation", f"give the boot loader, whatever it is, {WORDS}"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_named(root, fault):
    """By check and by init alike; the other stages go on."""
    spoil, stage, text = FAULTS[fault]
    spoil(root)
    assert text in root.host("check", status=1)[stage]
    assert text in root.host("init", status=1)[stage]
    if stage != "hugepages":
        assert root.read("proc/sys/vm/nr_hugepages") == "512"


INIT_FAULTS = {
    "no driverctl": (lambda root: root.path("usr/sbin/driverctl").unlink(),
                     "driver", "not installed: apt-get install driverctl"),
    "driverctl fails": (lambda root: root.write("broken", ""),
                        "driver", "failed: driverctl: failed to bind: see dmesg"),
    "a sysctl file of others": (lambda root: root.write(SYSCTL, "vm.nr_hugepages = 3\n"),
                                "hugepages", f"/{SYSCTL} is there and not from deploy/host"),
    "a boot file of others": (lambda root: root.write(GRUB, "A=b\n"),
                              "isolation", f"/{GRUB} is there and not from deploy/host"),
    "damaged state": (lambda root: root.write("var/lib/pssst-host/irq.json", "{"),
                      "irq", "/var/lib/pssst-host/irq.json is damaged: put back by hand"),
}


@pytest.mark.parametrize("fault", INIT_FAULTS)
def test_what_init_cannot_do_is_named(root, fault):
    spoil, stage, text = INIT_FAULTS[fault]
    spoil(root)
    foreign = {name: root.read(name) for name in (SYSCTL, GRUB) if root.path(name).exists()}
    assert text in root.host("init", status=1)[stage]
    assert {name: root.read(name) for name in foreign} == foreign


@pytest.mark.parametrize("old, new, text", [
    ('"dpdk"', "7", "[port] kind: has the wrong type"),
    ("hugepages = true", 'hugepages = "yes"', "[dpdk] hugepages: has the wrong type"),
    ("memory_mb = 1023", "memory_mb = 0", "[dpdk] memory_mb: 0 is out of range"),
    ("memory_mb = 1023", "memory_mb = true", "[dpdk] memory_mb: has the wrong type"),
    (NIC, "../../etc", "'../../etc' is no PCI address: write it like 0000:81:00.0"),
    ('"2-7"', '"2-x"', "[server] lcores: '2-x' is no CPU and no range of CPUs"),
    ("[server]", "[server", "name a configuration file of pssstd"),
])
def test_bad_configuration(root, old, new, text):
    root.set(old, new)
    before = root.tree()
    assert text in root.host("init", status=2)
    assert root.tree() == before


@pytest.mark.parametrize("old, new, stages", [
    ('"dpdk"', '"socket"', ["hugepages", "driver", "irq", "isolation"]),
    ("hugepages = true", "", ["hugepages"]),
    (f'"{NIC}", "{SHARED_NIC}"', "", ["driver"]),
])
def test_what_is_not_needed_is_left_alone(root, old, new, stages):
    root.set(old, new)
    said = root.host("init")
    assert [stage for stage in said if said[stage].startswith("not needed: ")] == stages
    said = root.host("check", status=0 if len(stages) == 4 else 1)
    assert [stage for stage in said if said[stage].startswith("not needed: ")] == stages


def program():
    """deploy/host as a module, for what no file of a test's own does: a kernel that says no."""
    sys.path.insert(0, str(HOST.parent))
    loader = importlib.machinery.SourceFileLoader("deploy_host", str(HOST))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("deploy_host", loader))
    loader.exec_module(module)
    return module


@pytest.fixture
def refusing(root, monkeypatch):
    """A Host whose kernel does not take what is written to the files named here."""
    host = program()
    machine, refused = host.Host(root.folder, dry_run=False), {}
    write = Path.write_text

    def write_text(path, text):
        code = refused.get(path.relative_to(root.folder).as_posix())
        if code:
            raise OSError(code, os.strerror(code))
        return write(path, text) if code is None else None
    monkeypatch.setattr(Path, "write_text", write_text)
    return host, machine, host.Config(root.config), refused


def test_an_interrupt_that_the_kernel_keeps(root, refusing):
    host, machine, config, refused = refusing
    refused["proc/irq/24/smp_affinity_list"] = errno.EIO
    host.Irq().init(machine, config)
    assert root.read("proc/irq/24/smp_affinity_list") == "4"
    assert json.loads(root.read("var/lib/pssst-host/irq.json"))["refused"] == ["24"]
    assert not list(host.Irq().check(machine, config))


def test_a_kernel_that_finds_too_few_hugepages(root, refusing):
    host, machine, config, refused = refusing
    refused["proc/sys/vm/nr_hugepages"] = 0  # taken without effect
    with pytest.raises(host.Fault, match="found memory for 16 of 512: reboot"):
        host.Hugepages().init(machine, config)


def test_without_the_right(root, refusing):
    host, machine, config, refused = refusing
    refused["proc/irq/24/smp_affinity_list"] = errno.EACCES
    with pytest.raises(host.Fault, match="Permission denied: run as root"):
        host.Irq().init(machine, config)
