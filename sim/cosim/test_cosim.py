# SPDX-License-Identifier: BSD-2-Clause
"""A stock kernel, our module, our daemon, the RTL and its firmware: what a user would see.

Each machine boots once for all the tests that use it; they run in file order.
"""

import errno
import fnmatch
import os
import subprocess
import threading
import time
from collections import Counter

import pytest
from vop.regs.msi import VECTORS

from sim.bench import record, sequence

from .channel import Late
from .host_machine import HostMachine

pytestmark = pytest.mark.cosim

COMMAND_TIMEOUT_S = 300
ORDINARY_USER = 1000
SMALL_DISK_BYTES = 6 << 20
MIB = 1 << 20


def pattern(length):
    return bytes(range(251)) * (length // 251) + bytes(range(length % 251))


@pytest.fixture(scope="module")
def share(tmp_path_factory):
    """A share of an ordinary user; on a small disk of its own, if we may mount one."""
    directory = tmp_path_factory.mktemp("share")
    is_root = os.geteuid() == 0
    if is_root:
        options = f"size={SMALL_DISK_BYTES},uid={ORDINARY_USER},gid={ORDINARY_USER},mode=755"
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "share", directory], check=True)
    for length in (0, 1, 4095, 4096, 4097, 65536, MIB):
        (directory / f"{length}").write_bytes(pattern(length))
    (directory / "secret").write_text("nobody reads this\n")
    (directory / "secret").chmod(0)
    (directory / "many").mkdir()
    for number in range(500):
        (directory / "many" / f"entry-{number:03}").touch()
    if is_root:
        for path in directory.rglob("*"):
            os.chown(path, ORDINARY_USER, ORDINARY_USER)
    yield directory
    if is_root:
        subprocess.run(["umount", directory], check=True)


@pytest.fixture(scope="module")
def machine(share):
    """A host that grants the card one MSI vector. Its bridge must not have met any fault."""
    with HostMachine("test-one-vector", share) as machine:
        machine.attach_share()
        yield machine
    assert machine.counters()["faults"] == []


def on_card(machine, command, timeout_s=COMMAND_TIMEOUT_S):
    return machine.shell.run(command, timeout_s)


def test_the_driver_works_with_the_one_vector_that_x86_grants(machine):
    granted = machine.guest.check("cat /sys/bus/pci/drivers/vop_host/0*/vectors")

    assert granted.strip() == "1"


def test_the_guest_reads_the_configuration_space_that_the_card_has(machine):
    # Every byte: QEMU emulates BARs and MSI, but tells the card what the guest programs there.
    assert on_card(machine, "mark 3").status == 0
    model = machine.configuration()

    listing = machine.guest.check(f"lspci -n -xxxx -d {int.from_bytes(model[:2], 'little'):04x}:")

    rows = (line.partition(": ") for line in listing.splitlines()[1:] if line)
    guest = b"".join(bytes.fromhex(content) for _, _, content in rows)
    different = [hex(at) for at, pair in enumerate(zip(guest, model, strict=True))
                 if pair[0] != pair[1]]  # fmt: skip
    assert different == []
    assert len(model) == 4096


@pytest.mark.parametrize("length", [0, 1, 4095, 4096, 4097, 65536, MIB])
def test_a_copy_is_identical_to_its_source(machine, share, length):
    outcome = on_card(machine, f"cp /host/{length} /host/copy")

    assert outcome.status == 0
    assert (share / "copy").read_bytes() == pattern(length)


def test_names_may_have_spaces_and_any_letters(machine, share):
    outcome = on_card(machine, "cp /host/4097 '/host/zwölf Bögen; naïve'")

    assert outcome.status == 0
    assert (share / "zwölf Bögen; naïve").read_bytes() == pattern(4097)


def test_a_directory_of_500_entries_is_listed_whole(machine, share):
    outcome = on_card(machine, "ls /host/many")

    assert sorted(outcome.output.split()) == sorted(os.listdir(share / "many"))


def test_directories_nest(machine, share):
    for command in ("mkdir /host/one", "mkdir /host/one/two", "cp /host/1 /host/one/two/three"):
        assert on_card(machine, command).status == 0

    assert (share / "one" / "two" / "three").read_bytes() == pattern(1)


def test_what_the_card_changes_belongs_to_the_owner_of_the_share(machine, share):
    on_card(machine, "cp /host/1 /host/mine")

    assert (share / "mine").stat().st_uid == share.stat().st_uid


@pytest.mark.parametrize(
    ("command", "error"),
    [
        ("frobnicate", errno.ENOSYS),
        ("cat /host/none", errno.ENOENT),
        ("cat /host/secret", errno.EACCES),
        ("mkdir /host/" + "x" * 256, errno.ENAMETOOLONG),
        ("rm -d /host/one", errno.ENOTEMPTY),
        ("cat /host/many", errno.EISDIR),
    ],
)
def test_a_command_that_fails_names_its_error(machine, command, error):
    outcome = on_card(machine, command)

    assert outcome.status == error
    assert errno.errorcode[error] in outcome.output


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk for the share")
def test_a_full_disk_is_told_as_such(machine, share):
    space = os.statvfs(share)
    (share / "filler").write_bytes(bytes(space.f_bavail * space.f_frsize - 64 * 1024))

    outcome = on_card(machine, f"cp /host/{MIB} /host/too-much")

    assert outcome.status == errno.ENOSPC
    (share / "filler").unlink()
    (share / "too-much").unlink(missing_ok=True)


def test_a_killed_server_fails_the_command_and_the_share_can_be_attached_again(machine, share):
    server = threading.Timer(1.0, lambda: machine.guest.check("kill -9 $(pidof diod)"))
    server.start()

    outcome = on_card(machine, f"cp /host/{MIB} /host/broken-off; echo alive")
    server.join()

    assert outcome.status == 0
    assert "EIO" in outcome.output
    machine.guest.check("vopctl add 9p /share,tag=host")
    wait_until(lambda: "/host" in on_card(machine, "mounts").output)
    assert on_card(machine, "cp /host/4096 /host/after").status == 0
    assert (share / "after").read_bytes() == pattern(4096)


def test_a_killed_daemon_can_be_started_again(machine, share):
    stop_daemon(machine, "KILL")

    machine.start_daemon()
    machine.wait_mounted()

    assert on_card(machine, "cp /host/4095 /host/restarted").status == 0
    assert (share / "restarted").read_bytes() == pattern(4095)


def test_the_module_comes_and_goes(machine, share):
    stop_daemon(machine, "TERM")

    machine.guest.check("rmmod vop_host", COMMAND_TIMEOUT_S)
    machine.attach_share()

    assert on_card(machine, "cp /host/1 /host/again").status == 0
    assert (share / "again").read_bytes() == pattern(1)


SOUND = """\
driver: vop_host: ok
PCI ids: 0x1d1d:0x2f2f: ok
register layout: 1.1, build *: ok
firmware: online: ok
vectors granted: 1 of 32: ok
counter late: 0: ok
counter peer_errors: 0: ok
counter channel_resets: 0: ok
link width: x4 (card x4, slot x*): ok
link speed: 5.0 GT/s (card 5.0, slot *): ok
BAR0: 65536 bytes at 0x*: ok
BAR2: 262144 bytes at 0x*: ok
doorbells: 32 rang, each by itself: ok
vectors: 1 came, each by itself, the slowest after * us: ok
copies to card: 40 of 1 to 256 bytes, host +0 to +7, card +0 to +7: ok
copies to host: 40 of 1 to 256 bytes, host +0 to +7, card +0 to +7: ok
latency to card: 8 bytes, command to interrupt, half below * us, longest * us; us:times *: ok
latency to host: 8 bytes, command to interrupt, half below * us, longest * us; us:times *: ok
throughput to card: * MB/s, 4 copies of 4096 bytes: ok
throughput to host: * MB/s, 4 copies of 4096 bytes: ok
resets: 2, online after each: ok
doorbells after the resets: taken by the firmware: ok
copies after the resets: 4099 bytes to card and to host: ok
back in service: online: ok
24 checks, 0 failed
"""


def test_the_self_test_passes(machine):
    stop_daemon(machine, "TERM")

    status, output = machine.guest.run("vopctl selftest 0 --quick --resets=2", COMMAND_TIMEOUT_S)

    assert fnmatch.fnmatchcase(output, SOUND), output
    assert status == 0


def test_the_self_test_names_what_is_wrong_with_the_link(machine):
    machine.disturb("one-lane", "bit-flips")

    status, output = machine.guest.run("vopctl selftest 0 --quick", COMMAND_TIMEOUT_S)

    machine.disturb()
    assert status == 1
    assert [line.split(":")[0] for line in output.splitlines() if "FAILED" in line] == [
        "link width",
        "copies to host",
        "copies after the resets",
    ], output
    assert "expected 0xd at byte 32 of 61 (host +0, card +0), found 0xc" in output


def test_the_card_serves_behind_a_self_test(machine, share):
    machine.start_daemon()
    machine.wait_mounted()

    assert on_card(machine, "cp /host/1 /host/tested").status == 0
    assert (share / "tested").read_bytes() == pattern(1)


def test_a_small_request_costs_the_tlps_that_the_bench_says(machine):
    recorded = record.read()["sweeps"].get("small_requests")
    if recorded is None:
        pytest.skip("the bench has no small request on record: the gateware cannot push")
    assert on_card(machine, "mark 4").status == 0
    for _ in range(5):
        assert on_card(machine, "cp /host/1 /host/small").status == 0
    assert on_card(machine, "mark 5").status == 0

    driver, bench = usual_shapes(machine.tlps()), usual_shapes(recorded)

    assert driver == bench


def test_the_kernel_has_nothing_to_complain_of(machine):
    assert machine.guest.kernel_complaints() == ""


def test_with_interrupt_remapping_each_device_has_a_vector_of_its_own(tmp_path):
    (tmp_path / "source").write_bytes(pattern(65536))

    with HostMachine("test-many-vectors", tmp_path, remap=True) as machine:
        machine.attach_share()
        outcome = on_card(machine, "cp /host/source /host/copy")
        used = vectors_used(machine)

    assert outcome.status == 0
    assert (tmp_path / "copy").read_bytes() == pattern(65536)
    assert used >= 4
    assert machine.counters()["faults"] == []


def test_by_the_cards_own_msix_table_each_device_has_a_vector_of_its_own(tmp_path):
    (tmp_path / "source").write_bytes(pattern(65536))

    with HostMachine("test-msix", tmp_path, msix=True) as machine:
        machine.attach_share()
        outcome = on_card(machine, "cp /host/source /host/copy")
        modes = machine.guest.check("cat /sys/bus/pci/drivers/vop_host/0*/msi_irqs/*").split()
        used = vectors_used(machine)
        stop_daemon(machine, "TERM")
        tested = machine.guest.run("vopctl selftest 0 --quick", COMMAND_TIMEOUT_S)
        machine.guest.check("rmmod vop_host", COMMAND_TIMEOUT_S)
        machine.load_driver()

    assert outcome.status == 0
    assert (tmp_path / "copy").read_bytes() == pattern(65536)
    assert set(modes) == {"msix"}
    assert len(modes) == VECTORS["count"]
    assert used >= 4
    assert tested[0] == 0, tested[1]
    assert "vectors: 32 came, each by itself, the slowest after" in tested[1]
    counters = machine.counters()
    assert counters["faults"] == []
    assert counters["end"]["msis"] == 0


def vectors_used(machine):
    """How many interrupts of our devices the guest has counted anything for."""
    return int(machine.guest.check("awk '/vop_virtio/ && $2 > 0' /proc/interrupts | wc -l"))


def usual_shapes(tlps):
    """The two commonest small exchanges: with the batch's end, where commands go, and within it.

    What else there is has to do with the console, which goes its own ways.
    """
    shapes = Counter(map(sequence.shape, sequence.exchanges(tlps)))
    del shapes[None]
    return {shape for shape, _ in shapes.most_common(2)}


def stop_daemon(machine, signal):
    """Returns when it is gone: its devices are removed first, which the card acknowledges."""
    machine.guest.check(
        f"kill -{signal} $(cat /run/vopd.pid); while pidof vopd; do sleep 0.1; done", 60
    )


def wait_until(condition, timeout_s=60):
    end = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > end:
            raise Late(f"not so after {timeout_s} s")
        time.sleep(0.2)
