# SPDX-License-Identifier: BSD-2-Clause
"""The kernel module in a real kernel, against a card in plain Python that can misbehave."""

import errno
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from sim.cosim.artifacts import ROOT, artifact
from sim.cosim.run import Cosim

HERE = Path(__file__).resolve().parent
KERNEL = HERE.parent / "kernel"
SYSFS = "/sys/bus/pci/devices/0000:01:00.0"
DRIVER = "/sys/bus/pci/drivers/vop_host"

pytestmark = [pytest.mark.cosim, pytest.mark.slow]


class Machine(Cosim):
    """A host machine with the module, the exerciser, and a model card."""

    def __init__(self, folder, name, **options):
        subprocess.run(["make", "-s", "-C", HERE.parent / "daemon"], check=True)
        program = folder / "exercise"
        subprocess.run(
            ["gcc", "-D_GNU_SOURCE", "-O1", "-Wall", "-Wextra", "-Werror", f"-I{KERNEL}",
             HERE / "exercise.c", "-o", program],
            check=True)  # fmt: skip
        image = folder / "card.bin"
        image.write_bytes(bytes(range(256)) * 5 + b"end")
        self.behaviour = folder / "behaviour"
        super().__init__(
            name, firmware=image, programs=(program, artifact("vopctl")),
            modules=(artifact("vop_host"),),
            simulator=["env", f"PYTHONPATH={ROOT}:{ROOT / 'gateware'}", sys.executable,
                       HERE / "model_card.py", folder],
            **options)  # fmt: skip

    def behave(self, *words):
        self.behaviour.write_text(" ".join(words))

    def load(self, *parameters):
        self.guest.check(f"insmod /lib/modules/vop_host.ko {' '.join(parameters)}")
        self.wait_booted()

    def wait_booted(self):
        self.guest.check(f"for n in $(seq 100); do case $(cat {SYSFS}/state) in "
                         "offline|booting) sleep 0.1;; *) break;; esac; done")  # fmt: skip

    def unload(self):
        self.guest.check("rmmod vop_host")

    def show(self, attribute):
        return self.guest.check(f"cat {SYSFS}/{attribute}").strip()

    def exercise(self, *arguments):
        return self.guest.run(f"exercise {' '.join(arguments)}", 60)


@pytest.fixture(scope="module")
def booted(tmp_path_factory):
    with Machine(tmp_path_factory.mktemp("driver"), "driver") as machine:
        yield machine


@contextmanager
def loaded(booted, *behaviour, timeout_scale=1):
    """The machine with the module loaded; afterwards it must unload without a complaint."""
    booted.behave(*behaviour)
    booted.load(f"timeout_scale={timeout_scale}")
    yield booted
    booted.behave()
    booted.unload()
    assert booted.guest.kernel_complaints() == ""


@pytest.fixture
def machine(booted):
    with loaded(booted) as machine:
        yield machine


@pytest.fixture
def plain_machine(booted):
    """The same with a card that can neither push nor take a used element in one store."""
    with loaded(booted, "plain") as machine:
        yield machine


def test_a_card_comes_online_and_tells_who_it_is(machine):
    assert machine.show("state") == "online"
    assert machine.show("layout") == "1.1"
    assert machine.show("vectors") == "1"
    assert machine.show("firmware_bytes") == "1283"
    assert machine.show("vop_device") == "vop_virtio0"


def test_chains_of_every_length_come_back_whole(machine):
    assert machine.exercise("echo", "14") == (0, "ok\n")
    assert machine.show("counters/chains") == "14"
    assert machine.show("counters/peer_errors") == "0"
    assert machine.show("counters/late") == "0"


def test_chains_come_back_whole_where_every_byte_takes_a_command(plain_machine):
    assert plain_machine.exercise("echo", "14") == (0, "ok\n")
    assert plain_machine.show("counters/chains") == "14"


def test_a_short_chain_costs_one_command_and_no_interrupt_of_its_own(machine):
    commands = int(machine.show("counters/commands"))

    assert machine.exercise("echo", "2") == (0, "ok\n")

    # Their requests were pushed, their replies stored; what is left are two used elements.
    assert int(machine.show("counters/commands")) - commands == 2


def test_a_used_element_that_fails_breaks_its_ring_and_nothing_else(machine):
    machine.behave("fail-used")

    assert machine.exercise("failed") == (0, "ok\n")
    assert machine.show("counters/channel_resets") == "0"
    assert machine.exercise("echo", "2") == (0, "ok\n")
    assert machine.show("counters/channel_resets") == "1"


def test_devices_come_and_go_in_one_slot_after_the_other(machine):
    for _ in range(3):
        assert machine.exercise("echo", "2") == (0, "ok\n")


def test_what_the_uapi_forbids_is_refused(machine):
    assert machine.exercise("misuse") == (0, "ok\n")


SELFTEST = "vopctl selftest 0 --resets"
TAKE = ("exercise take >/tmp/held 2>&1 & for n in $(seq 100); do "
        "grep -q . /tmp/held && break; sleep 0.1; done; cat /tmp/held")  # fmt: skip
KILL_EXERCISE = "kill -9 $(pidof exercise); while pidof exercise; do sleep 0.1; done"
LATE_S = 120
# Values of timeout_scale: where nothing is late, and where what never comes is waited for.
PATIENT, QUICK = 20, 2


def failed_checks(outcome):
    """Exit status, and the names of the checks that failed."""
    status, output = outcome
    return status, [line.split(":")[0] for line in output.splitlines() if "FAILED" in line]


def test_a_sound_card_passes_the_self_test_again_and_again(booted):
    with loaded(booted, timeout_scale=PATIENT) as machine:
        for options in ("3", "1 --quick"):
            status, output = machine.guest.run(f"{SELFTEST}={options}", LATE_S)

            assert status == 0, output
            assert "doorbells: 32 rang, each by itself: ok" in output
            assert f"resets: {options[0]}, online after each: ok" in output
        assert machine.exercise("echo", "6") == (0, "ok\n")


def test_a_card_that_is_served_is_not_given_to_the_self_test(machine):
    machine.guest.check("exercise hold >/tmp/held 2>&1 & sleep 1; grep -q held /tmp/held")

    outcome = machine.guest.run(f"{SELFTEST}=1", 60)

    machine.guest.check(KILL_EXERCISE)
    assert failed_checks(outcome) == (1, ["taking the card"])
    assert "Device or resource busy" in outcome[1]


def test_a_self_test_that_is_killed_gives_the_card_back(machine):
    assert machine.guest.check(TAKE) == "held\n"
    assert failed_checks(machine.guest.run(f"{SELFTEST}=1")) == (1, ["firmware", "taking the card"])

    machine.guest.check(KILL_EXERCISE)

    machine.wait_booted()
    assert machine.show("state") == "online"
    assert machine.exercise("echo", "2") == (0, "ok\n")


def test_the_self_test_gives_card_ram_back_where_nobody_loads_firmware(booted):
    booted.behave("little-ram")
    booted.load("firmware=", f"timeout_scale={PATIENT}")
    status, before = booted.exercise("scribble")

    booted.wait_booted()

    assert booted.exercise("scribble") == (status, before)
    assert before.endswith("ok\n")
    booted.unload()


def test_the_driver_leaves_in_the_middle_of_a_self_test(machine):
    assert machine.guest.check(TAKE) == "held\n"

    machine.guest.check(f"echo 0000:01:00.0 >{DRIVER}/unbind")

    machine.guest.check(KILL_EXERCISE)
    machine.guest.check(f"echo 0000:01:00.0 >{DRIVER}/bind")
    assert machine.exercise("echo", "2") == (0, "ok\n")


def test_the_self_test_needs_a_capability(machine):
    without = "/usr/bin/setpriv --bounding-set=-sys_rawio"

    outcome = machine.guest.run(f"{without} {SELFTEST}=1", 60)

    assert failed_checks(outcome) == (1, ["taking the card"])
    assert "Operation not permitted" in outcome[1]
    assert machine.exercise("echo", "2") == (0, "ok\n")


def test_a_config_change_is_acknowledged(machine):
    assert machine.exercise("config") == (0, "ok\n")


def test_a_chain_that_loops_breaks_its_ring_and_nothing_else(machine):
    machine.behave("loop")

    assert machine.exercise("broken") == (0, "ok\n")
    assert machine.show("counters/peer_errors") == "1"
    assert machine.exercise("echo", "2") == (0, "ok\n")


@pytest.mark.parametrize("fault", ["fail-command", "lose-record"])
def test_a_command_that_fails_or_is_late_ends_in_eio_and_the_channel_is_reset(
    plain_machine, fault
):
    plain_machine.behave("plain", fault)

    assert plain_machine.exercise("broken") == (0, "ok\n")
    assert plain_machine.show("counters/channel_resets") == "1"
    assert plain_machine.exercise("echo", "2") == (0, "ok\n")


def test_the_driver_leaves_under_an_open_file_and_a_mapping(machine):
    machine.guest.check("exercise revoked >/tmp/held 2>&1 & sleep 1; grep -q held /tmp/held")

    machine.guest.check(f"echo 0000:01:00.0 >{DRIVER}/unbind")

    machine.guest.check(
        "for n in 1 2 3 4 5 6 7 8 9; do grep -q ok /tmp/held && break; sleep 0.5; done; "
        "grep -q ok /tmp/held"
    )
    machine.guest.check(f"echo 0000:01:00.0 >{DRIVER}/bind")


def test_the_driver_leaves_in_the_middle_of_transfers(machine):
    for _ in range(5):
        machine.guest.check("exercise echo 1000000 >/tmp/echo 2>&1 & sleep 0.3")
        assert machine.show("counters/chains") != "0"

        machine.guest.check(f"echo 0000:01:00.0 >{DRIVER}/unbind", 5)

        machine.guest.check("sleep 0.2; grep -E 'errno (ENODEV|0)' /tmp/echo")
        machine.guest.check(f"echo 0000:01:00.0 >{DRIVER}/bind; sleep 0.2")


def test_a_card_that_died_is_left_without_a_long_wait(machine):
    machine.guest.check("exercise hold >/tmp/held 2>&1 & sleep 1; grep -q held /tmp/held")
    machine.behave("dead")

    machine.guest.check(f"echo 0000:01:00.0 >{DRIVER}/unbind", 5)

    machine.guest.check(
        "for n in 1 2 3 4 5 6 7 8 9; do grep -q ok /tmp/held && break; sleep 0.5; done; "
        "cat /tmp/held; grep -q ok /tmp/held"
    )


def test_firmware_that_traps_and_withdraws_its_doorbell_is_told_by_the_state(machine):
    machine.guest.check("exercise hold >/tmp/held 2>&1 & sleep 1; grep -q held /tmp/held")
    machine.behave("trap")
    machine.exercise("echo", "1")

    assert machine.show("state") == "crashed"
    machine.guest.check(
        "for n in 1 2 3 4 5 6 7 8 9; do grep -q ok /tmp/held && break; sleep 0.5; done; "
        "cat /tmp/held; grep -q ok /tmp/held"
    )
    assert "firmware trapped: mcause 5, mepc 0x1234" in machine.guest.check("dmesg | tail -n 5")


@pytest.mark.parametrize(
    ("behaviour", "message"),
    [
        ("other-major", "register layout must be 1.x, not 7.3"),
        ("dead", "card does not answer"),
    ],
)
def test_a_strange_card_is_refused_with_a_reason(booted, behaviour, message):
    booted.behave(behaviour)

    booted.guest.check("insmod /lib/modules/vop_host.ko")

    assert message in booted.guest.check("dmesg | tail -n 5")
    booted.unload()


def test_firmware_that_refuses_is_told_by_the_state(booted):
    booted.behave("refuse")

    booted.load()

    assert booted.show("state") == "refused"
    assert booted.exercise("echo", "1")[0] == 1
    booted.unload()


def test_firmware_that_is_not_there_is_named(booted):
    booted.behave()

    booted.load("firmware=vop/none.bin")

    assert "firmware vop/none.bin: -ENOENT" in booted.guest.check("dmesg | tail -n 5")
    booted.unload()


def test_firmware_baked_into_the_card_is_started_by_an_empty_name(booted):
    booted.behave()

    booted.load("firmware=")

    assert booted.show("state") == "online"
    booted.unload()


def test_the_information_block_can_lie_where_later_kernels_have_it(booted):
    booted.behave()

    booted.load("info_align=4")

    assert booted.exercise("echo", "1", "4") == (0, "ok\n")
    booted.unload()


def test_another_alignment_of_the_information_block_is_refused(booted):
    assert booted.guest.run("insmod /lib/modules/vop_host.ko info_align=2")[0] == errno.EINVAL
    assert "info_align must be 1 or 4, not 2" in booted.guest.check("dmesg | tail -n 1")


def test_a_deaf_card_costs_one_bounded_wait(booted):
    booted.behave()
    booted.load()
    booted.guest.check("exercise hold >/tmp/held 2>&1 & sleep 1; grep -q held /tmp/held")
    booted.behave("deaf")

    booted.guest.check(f"echo 0000:01:00.0 >{DRIVER}/unbind", 25)

    booted.unload()
    assert booted.guest.kernel_complaints() == ""


def test_devices_that_come_and_go_before_the_card_is_up_leave_nothing_behind(booted):
    booted.behave("asleep")
    booted.guest.check("insmod /lib/modules/vop_host.ko")

    assert booted.exercise("churn", "200") == (0, "ok\n")

    booted.behave()
    booted.unload()
    assert booted.guest.kernel_complaints() == ""


@pytest.fixture(scope="module")
def many_vectors(tmp_path_factory):
    """A machine that grants the card several vectors."""
    with Machine(tmp_path_factory.mktemp("driver"), "driver-vectors", remap=True) as machine:
        yield machine


def test_with_several_vectors_each_has_its_purpose(many_vectors):
    with loaded(many_vectors) as machine:
        assert machine.exercise("echo", "6") == (0, "ok\n")

        vectors = int(machine.show("vectors"))
        lines = machine.guest.check("grep vop_virtio0 /proc/interrupts").splitlines()
        rang = [number for number, line in enumerate(lines) if line.split()[1] != "0"]
        assert vectors == len(lines) > 3
        # The link, the completion records, the one virtio device.
        assert rang == [0, 1, 2]


FAULTS = {
    "one-lane": ["link width"],
    "slow-link": ["link speed"],
    "dead-doorbell": ["doorbell 5"],
    "stuck-doorbell": ["doorbells at rest", "doorbells after the resets"],
    "lasting-doorbell": ["doorbells after the resets"],
    "dead-vector": ["vector 7"],
    "astray-vector": ["vector 4"],
    "corrupt-to-card": ["copies to card"],
    "corrupt-to-host": ["copies to host", "copies after the resets"],
    "long-to-host": ["copies to host", "copies after the resets"],
    "lost-to-host": ["copies to host", "throughput to host", "copies after the resets"],
    "failed-to-card": ["copies to card", "latency to card", "throughput to card",
                       "copies after the resets"],
    "endless-reset": ["reset 1 of 1"],
    "empty-reset": ["copies after the resets"],
    "refuse": ["reset 1 of 1"],
}  # fmt: skip


WAITED_FOR = {
    "stuck-doorbell", "lasting-doorbell", "dead-vector", "astray-vector", "lost-to-host",
    "endless-reset", "empty-reset",
}  # fmt: skip


@pytest.mark.parametrize(("fault", "checks"), FAULTS.items(), ids=FAULTS.keys())
def test_a_fault_of_the_card_is_named_by_the_self_test(many_vectors, fault, checks):
    timeout_scale = QUICK if fault in WAITED_FOR else PATIENT
    with loaded(many_vectors, timeout_scale=timeout_scale) as machine:
        machine.behave(fault)

        outcome = machine.guest.run(f"{SELFTEST}=1 --quick", LATE_S)

    assert failed_checks(outcome) == (1, checks), outcome[1]


def test_a_vector_that_comes_late_is_waited_for_by_the_self_test(many_vectors):
    with loaded(many_vectors, timeout_scale=PATIENT) as machine:
        machine.behave("late-vector")

        outcome = machine.guest.run(f"{SELFTEST}=1 --quick", LATE_S)

    assert failed_checks(outcome) == (1, ["vector 3"])
    assert "vector 3: FAILED: expected vectors 0x8, found 0x9, do: " in outcome[1]


def test_vectors_that_come_beside_another_are_named_by_the_self_test(many_vectors):
    with loaded(many_vectors, timeout_scale=PATIENT) as machine:
        machine.behave("doubled-vectors")

        outcome = machine.guest.run(f"{SELFTEST}=1 --quick", LATE_S)

    # QEMU may hand the surplus one on while the next is awaited already.
    status, checks = failed_checks(outcome)
    assert status == 1
    assert {check.split()[0] for check in checks} == {"vector"}, outcome[1]


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        ("other-magic", "identity: FAILED: expected magic 0x31504f56, found 0x656e6f6e"),
        ("other-major", "register layout: FAILED: expected 1.x, found 7.3"),
        ("other-device", "PCI ids: FAILED: expected 0x1d1d:0x2f2f, found 0x1d1d:0x7024"),
    ],
)
def test_a_card_that_is_no_card_of_ours_is_asked_why(many_vectors, fault, check):
    many_vectors.behave(fault)
    many_vectors.guest.check(f"echo 1 >{SYSFS}/remove; echo 1 >/sys/bus/pci/rescan")
    many_vectors.guest.check("insmod /lib/modules/vop_host.ko")

    status, output = many_vectors.guest.run("vopctl selftest 0000:01:00.0")

    many_vectors.behave()
    many_vectors.guest.check("rmmod vop_host")
    many_vectors.guest.check(f"echo 1 >{SYSFS}/remove; echo 1 >/sys/bus/pci/rescan")
    assert status == 1
    assert "driver: FAILED: expected vop_host, found none" in output
    assert check in output


def test_bars_that_are_small_or_missing_are_named(tmp_path):
    machine = Machine(tmp_path, "driver-bars")
    machine.behave("bad-bars")
    with machine:
        machine.guest.check("insmod /lib/modules/vop_host.ko")

        status, output = machine.guest.run("vopctl selftest 0000:01:00.0")

    assert status == 1
    assert "BAR0: FAILED: expected memory of at least 65536 bytes, found 4096" in output
    assert "BAR2: FAILED: expected memory of at least 262144 bytes, found 0" in output
