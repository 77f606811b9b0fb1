# SPDX-License-Identifier: Apache-2.0
"""vopctl selftest against a folder that looks like sysfs, and a card with faults.

Every fault is named by its line. The card is `fake_selftest.c`.
"""

import struct
import subprocess

import pytest
from fake_card import LATE_SECONDS

ADDRESS = "0000:01:00.0"
SLOT = {"max_link_speed": "8.0 GT/s PCIe", "max_link_width": "16"}
FUNCTION = {
    "vendor": "0x1d1d",
    "device": "0x2f2f",
    "state": "online",
    "layout": "1.1",
    "build": "0000c0de",
    "ram_bytes": "262144",
    "vectors": "32",
    "counters/late": "0",
    "counters/peer_errors": "0",
    "counters/channel_resets": "0",
    "max_link_speed": "5.0 GT/s PCIe",
    "max_link_width": "4",
    "current_link_speed": "5.0 GT/s PCIe",
    "current_link_width": "4",
    "aer_dev_correctable": "RxErr 0\nBadTLP 0\nTOTAL_ERR_COR 0",
    "aer_dev_nonfatal": "Undefined 0\nTOTAL_ERR_NONFATAL 0",
    "aer_dev_fatal": "Undefined 0\nTOTAL_ERR_FATAL 0",
}
NO_BAR = "0x0000000000000000 0x0000000000000000 0x0000000000000000"
BARS = [
    "0x00000000fe800000 0x00000000fe80ffff 0x0000000000040200",
    NO_BAR,
    "0x0000004000000000 0x000000400003ffff 0x000000000014220c",
]

SOUND = """\
driver: vop_host: ok
PCI ids: 0x1d1d:0x2f2f: ok
register layout: 1.1, build 0000c0de: ok
firmware: online: ok
vectors granted: 32 of 32: ok
counter late: 0: ok
counter peer_errors: 0: ok
counter channel_resets: 0: ok
link width: x4 (card x4, slot x16): ok
link speed: 5.0 GT/s (card 5.0, slot 8.0): ok
BAR0: 65536 bytes at 0xfe800000: ok
BAR2: 262144 bytes at 0x4000000000: ok
correctable errors: 0: ok
nonfatal errors: 0: ok
fatal errors: 0: ok
"""
SOUND_CARD = """\
doorbells: 32 rang, each by itself: ok
vectors: 32 came, each by itself, the slowest after 2.5 us: ok
copies to card: 384 of 1 to 4099 bytes, host +0 to +7, card +0 to +7: ok
copies to host: 384 of 1 to 4099 bytes, host +0 to +7, card +0 to +7: ok
latency to card: 8 bytes, command to interrupt, half below 1.5 us, longest 1.5 us; \
us:times 1-2:1000: ok
latency to host: 8 bytes, command to interrupt, half below 1.5 us, longest 1.5 us; \
us:times 1-2:1000: ok
throughput to card: 1000.0 MB/s, 4096 copies of 32768 bytes: ok
throughput to host: 1000.0 MB/s, 4096 copies of 32768 bytes: ok
resets: 100, online after each: ok
doorbells after the resets: taken by the firmware: ok
copies after the resets: 4099 bytes to card and to host: ok
back in service: online: ok
27 checks, 0 failed
"""

RESEAT = "reseat card and adapter, clean the contacts, try another slot or cable"
ROOM = "boot with pci=realloc, allow 64-bit BARs (Above 4G Decoding) in the firmware setup"
FLASH = "flash the bitstream of this board, reboot the host"


class FakeSysfs:
    """A card below its slot."""

    def __init__(self, folder):
        self.folder = folder
        self.slot = folder / "devices" / "0000:00:01.0"
        self.card = self.slot / ADDRESS
        (self.card / "counters").mkdir(parents=True)
        for name, value in SLOT.items():
            (self.slot / name).write_text(value + "\n")
        for name, value in FUNCTION.items():
            self.write(name, value)
        self.write("resource", "\n".join(BARS))
        self.bind("vop_host")
        (folder / "class" / "misc" / "vop_virtio0").mkdir(parents=True)
        (folder / "class" / "misc" / "vop_virtio0" / "device").symlink_to(self.card)
        (folder / "bus" / "pci" / "devices").mkdir(parents=True)
        (folder / "bus" / "pci" / "devices" / ADDRESS).symlink_to(self.card)
        (folder / "dev").mkdir()
        (folder / "dev" / "function").symlink_to(self.card)
        self.device = folder / "dev" / "vop_virtio0"
        self.device.touch()

    def write(self, name, value):
        (self.card / name).write_text(value + "\n")

    def write_bar(self, bar, line):
        self.write("resource", "\n".join([*BARS[:bar], line, *BARS[bar + 1 :]]))

    def bind(self, driver):
        (self.folder / "drivers" / driver).mkdir(parents=True)
        (self.card / "driver").unlink(missing_ok=True)
        (self.card / "driver").symlink_to(self.folder / "drivers" / driver)


@pytest.fixture
def sysfs(tmp_path):
    return FakeSysfs(tmp_path)


@pytest.fixture
def selftest(sanitized_vopctl_program, sysfs):
    """Run the self-test; returns exit status, output and errors. No sanitizer may have spoken."""

    def run(*arguments):
        done = subprocess.run(
            [
                sanitized_vopctl_program,
                f"--sysfs={sysfs.folder}",
                "selftest",
                f"--device={sysfs.device}",
                *arguments,
            ],
            capture_output=True,
            text=True,
            timeout=LATE_SECONDS,
            check=False,
        )
        assert "Sanitizer" not in done.stderr, done.stderr
        assert "runtime error" not in done.stderr, done.stderr
        return done.returncode, done.stdout, done.stderr

    return run


def test_a_sound_card_passes_every_check(selftest):
    assert selftest("0") == (0, SOUND + SOUND_CARD, "")


def test_a_passive_test_leaves_the_card_in_service(selftest, sysfs):
    sysfs.device.write_text("busy")

    assert selftest("0", "--passive") == (0, SOUND + "15 checks, 0 failed\n", "")


def test_a_quick_test_resets_once_and_copies_less(selftest):
    status, output, _ = selftest("0", "--quick")

    assert status == 0
    lines = output.splitlines()
    assert "copies to card: 40 of 1 to 256 bytes, host +0 to +7, card +0 to +7: ok" in lines
    assert "resets: 1, online after each: ok" in lines


def test_resets_are_as_many_as_asked_for(selftest):
    assert "resets: 7, online after each: ok" in selftest("0", "--quick", "--resets=7")[1]


LOOK = "look into dmesg, load vop_host anew, flash the bitstream again"
IOMMU = "look into dmesg for faults of the IOMMU"
CARD_FAULTS = {
    "doorbell-dead": f"doorbell 5: FAILED: expected pending 0x3f, found 0x1f, do: {LOOK}",
    "doorbells-crossed": f"doorbell 2: FAILED: expected pending 0x7, found 0xf, do: {LOOK}",
    "doorbell-lasts": "doorbells after the resets: FAILED: expected pending 0, found 0x800, "
                      f"do: {LOOK}",
    "vector-dead": f"vector 7: FAILED: expected vectors 0x80, found 0, do: {IOMMU}",
    "vector-astray": f"vector 4: FAILED: expected vectors 0x10, found 0x40, do: {IOMMU}",
    "vectors-doubled": f"vector 1: FAILED: expected vectors 0x2, found 0x3, do: {IOMMU}",
    "to-card-corrupt": "copies to card: FAILED: expected 0xd1 at byte 60 of 61 (host +0, card +0), "
                       f"found 0xf1, do: {LOOK}",
    "to-card-overruns": "copies to card: FAILED: expected 0xff at byte 1 of 1 (host +0, card +3), "
                        f"found 0, do: {LOOK}",
    "to-card-nothing": "copies to card: FAILED: expected 0xd at byte 0 of 1 (host +0, card +0), "
                       f"found 0xff, do: {LOOK}",
    "to-host-corrupt": "copies to host: FAILED: expected 0xd0 at byte 128 of 256 "
                       f"(host +0, card +0), found 0xc9, do: {LOOK}",
    "to-host-underruns": "copies to host: FAILED: expected 0xff at byte -1 of 1 "
                         f"(host +1, card +3), found 0, do: {LOOK}",
    "to-host-short": "copies to host: FAILED: expected 0x99 at byte 7 of 8 (host +0, card +0), "
                     f"found 0xff, do: {LOOK}",
    "reset-harms": "copies after the resets: FAILED: expected 0x63 at byte 4098 of 4099 "
                   f"(host +5, card +6), found 0x62, do: {LOOK}",
    "restart-crashes": "back in service: FAILED: expected online, found crashed, "
                       "do: look into dmesg, load vop_host anew",
    "reset-crashes": "reset 1 of 100: FAILED: expected online, found crashed, "
                     "do: look into dmesg, load vop_host anew",
}  # fmt: skip


@pytest.mark.parametrize(("fault", "line"), CARD_FAULTS.items(), ids=CARD_FAULTS.keys())
def test_a_fault_of_the_card_is_named_by_its_line_and_by_no_other(selftest, sysfs, fault, line):
    sysfs.device.write_text(fault)

    status, output, errors = selftest("0")

    assert (status, errors) == (1, "")
    assert [found for found in output.splitlines() if "FAILED" in found] == [line]
    not_made = 3 if fault == "reset-crashes" else 0
    assert output.splitlines()[-1] == f"{27 - not_made} checks, 1 failed"


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        ("doorbell-stuck", "expected pending 0, found 0x200"),
        ("card-gone", 'expected an answer, found "No such device"'),
    ],
)
def test_doorbells_are_seen_at_rest_before_and_after(selftest, sysfs, fault, found):
    sysfs.device.write_text(fault)

    _, output, _ = selftest("0")

    assert [line for line in output.splitlines() if "FAILED" in line] == [
        f"doorbells {when}: FAILED: {found}, do: {LOOK}" for when in ("at rest", "after the resets")
    ]


def test_a_copier_that_is_late_fails_all_that_needs_it(selftest, sysfs):
    sysfs.device.write_text("to-host-late")

    _, output, _ = selftest("0")

    assert [line.split(":")[0] for line in output.splitlines() if "FAILED" in line] == [
        "copies to host",
        "latency to host",
        "throughput to host",
        "copies after the resets",
    ]
    assert 'found "Input/output error"' in output


@pytest.mark.parametrize(
    ("fault", "found", "remedy"),
    [
        (
            "busy",
            "Device or resource busy",
            "stop who serves or tests the card (systemctl stop vopd), load vop_host anew",
        ),
        ("forbidden", "Operation not permitted", "run it as root"),
    ],
)
def test_a_card_that_is_not_given_is_left_alone(selftest, sysfs, fault, found, remedy):
    sysfs.device.write_text(fault)

    status, output, errors = selftest("0")

    assert (status, errors) == (1, "")
    assert output == SOUND + (
        f'taking the card: FAILED: expected {sysfs.device} to give it, found "{found}", '
        f"do: {remedy}\n16 checks, 1 failed\n"
    )
    assert not (sysfs.folder / "drivers" / "vop_host" / "unbind").exists()


def test_a_driver_that_does_not_bind_anew_is_named(selftest, sysfs):
    (sysfs.folder / "drivers" / "vop_host" / "bind").mkdir()

    _, output, _ = selftest("0")

    assert (
        "reset 1 of 100: FAILED: expected vop_host to be bound anew, "
        'found "Is a directory", do: look into dmesg, reboot the host' in output.splitlines()
    )


FAULTS = {
    "another-device": (
        {"device": "0x7024"},
        "PCI ids: FAILED: expected 0x1d1d:0x2f2f, found 0x1d1d:0x7024, "
        "do: flash OpenVOP's bitstream, reboot the host",
    ),
    "another-layout": (
        {"layout": "2.0"},
        "register layout: FAILED: expected 1.x, found 2.0, "
        "do: install gateware and driver of one release",
    ),
    "crashed": (
        {"state": "crashed"},
        "firmware: FAILED: expected online, found crashed, "
        "do: look into dmesg for the trap, load vop_host anew",
    ),
    "refused": (
        {"state": "refused"},
        "firmware: FAILED: expected online, found refused, "
        "do: install firmware and driver of one release",
    ),
    "no-vector": (
        {"vectors": "0"},
        "vectors granted: FAILED: expected 1 to 32, found 0, "
        "do: boot without pci=nomsi, look into dmesg",
    ),
    "late": (
        {"counters/late": "3"},
        "counter late: FAILED: expected 0, found 3, do: look into dmesg for what was late",
    ),
    "peer-errors": (
        {"counters/peer_errors": "1"},
        "counter peer_errors: FAILED: expected 0, found 1, "
        "do: look into dmesg for what the firmware did wrong",
    ),
    "channel-resets": (
        {"counters/channel_resets": "2"},
        "counter channel_resets: FAILED: expected 0, found 2, "
        "do: look into dmesg for the command that failed",
    ),
    "one-lane": (
        {"current_link_width": "1"},
        "link width: FAILED: expected x4 (card x4, slot x16), found x1, do: " + RESEAT,
    ),
    "no-link": (
        {"current_link_width": "0"},
        "link width: FAILED: expected x4 (card x4, slot x16), found x0, do: " + RESEAT,
    ),
    "slow": (
        {"current_link_speed": "2.5 GT/s PCIe"},
        "link speed: FAILED: expected 5.0 GT/s (card 5.0, slot 8.0), found 2.5, do: " + RESEAT,
    ),
    "unknown-speed": (
        {"current_link_speed": "Unknown"},
        "link speed: FAILED: expected 5.0 GT/s (card 5.0, slot 8.0), found 0.0, do: " + RESEAT,
    ),
    "corrected-errors": (
        {"aer_dev_correctable": "BadTLP 7\nTOTAL_ERR_COR 7"},
        "correctable errors: FAILED: expected 0, found 7, do: " + RESEAT,
    ),
    "fatal-errors": (
        {"aer_dev_fatal": "DLP 1\nTOTAL_ERR_FATAL 1"},
        "fatal errors: FAILED: expected 0, found 1, do: " + RESEAT,
    ),
}


@pytest.mark.parametrize(("attributes", "line"), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_is_named_by_its_line_and_by_no_other(selftest, sysfs, attributes, line):
    for name, value in attributes.items():
        sysfs.write(name, value)

    assert_only_failure(selftest("0", "--passive"), line)


BAR_FAULTS = {
    "missing-bar0": (0, NO_BAR, f"BAR0: FAILED: expected memory of at least 65536 bytes, "
                                f"found 0, do: {FLASH}"),
    "small-bar0": (0, "0xfe800000 0xfe800fff 0x40200", "BAR0: FAILED: expected memory of at least "
                                                      f"65536 bytes, found 4096, do: {FLASH}"),
    "io-bar0": (0, "0xe000 0x1dfff 0x40101", "BAR0: FAILED: expected memory of at least "
                                             f"65536 bytes, found 0, do: {FLASH}"),
    "small-bar2": (2, "0x4000000000 0x400000ffff 0x14220c",
                   "BAR2: FAILED: expected memory of at least 262144 bytes, found 65536, "
                   f"do: {FLASH}"),
    "bar2-without-address": (2, "0x0 0x3ffff 0x2014220c",
                             "BAR2: FAILED: expected an address, found none for its 262144 bytes, "
                             f"do: {ROOM}"),
}  # fmt: skip


@pytest.mark.parametrize(("bar", "resource", "line"), BAR_FAULTS.values(), ids=BAR_FAULTS.keys())
def test_a_bad_bar_is_named(selftest, sysfs, bar, resource, line):
    sysfs.write_bar(bar, resource)

    assert_only_failure(selftest("0", "--passive"), line)


def assert_only_failure(outcome, line, checks=15):
    status, output, errors = outcome
    lines = output.splitlines()
    assert (status, errors) == (1, "")
    assert [found for found in lines if "FAILED" in found] == [line]
    assert lines[-1] == f"{checks} checks, 1 failed"


def test_another_driver_is_named_and_its_card_left_alone(selftest, sysfs):
    sysfs.bind("vfio-pci")

    assert_only_failure(
        selftest("0"),
        "driver: FAILED: expected vop_host, found vfio-pci, "
        "do: bind vop_host (modprobe vop_host), look into dmesg",
        checks=9,
    )


MAGIC, LAYOUT = 0x31504F56, 1 << 16 | 1
IDENTITIES = {
    "sound": ((MAGIC, LAYOUT), []),
    "dead": (
        (0xFFFF_FFFF, 0xFFFF_FFFF),
        [f"identity: FAILED: expected magic 0x31504f56, found 0xffffffff, do: {FLASH}"],
    ),
    "another-layout": (
        (MAGIC, 7 << 16 | 3),
        [
            "register layout: FAILED: expected 1.x, found 7.3, "
            "do: install gateware and driver of one release"
        ],
    ),
}


@pytest.mark.parametrize(("words", "lines"), IDENTITIES.values(), ids=IDENTITIES.keys())
def test_a_card_that_no_driver_took_is_asked_who_it_is(selftest, sysfs, words, lines):
    (sysfs.card / "driver").unlink()
    registers = struct.pack("<5I", *words, 0, 0, 0x4_0000)
    (sysfs.card / "resource0").write_bytes(registers.ljust(4096, b"\0"))

    status, output, errors = selftest(ADDRESS)

    assert (status, errors) == (1, "")
    assert [found for found in output.splitlines() if "FAILED" in found] == [
        "driver: FAILED: expected vop_host, found none, "
        "do: bind vop_host (modprobe vop_host), look into dmesg",
        *lines,
    ]
    assert (sysfs.card / "enable").read_text() == "0"


def test_a_stranger_is_not_asked(selftest, sysfs):
    (sysfs.card / "driver").unlink()
    sysfs.write("vendor", "0x8086")

    _, output, _ = selftest(ADDRESS)

    assert "PCI ids: FAILED: expected 0x1d1d:0x2f2f, found 0x8086:0x2f2f" in output
    assert "identity" not in output
    assert not (sysfs.card / "enable").exists()


def test_a_card_that_cannot_be_asked_is_named(selftest, sysfs):
    (sysfs.card / "driver").unlink()

    assert (
        'identity: FAILED: expected to read BAR0, found "No such file or directory", '
        "do: run it as root, see BAR0 below" in selftest(ADDRESS)[1].splitlines()
    )


def test_a_slot_that_limits_the_card_is_no_fault(selftest, sysfs):
    (sysfs.slot / "max_link_width").write_text("1\n")
    sysfs.write("current_link_width", "1")

    status, output, _ = selftest("0", "--passive")

    assert status == 0
    assert "link width: x1 (card x4, slot x1): ok" in output.splitlines()


def test_a_slot_that_limits_the_card_is_a_fault_where_more_was_asked_for(selftest, sysfs):
    (sysfs.slot / "max_link_width").write_text("1\n")
    sysfs.write("current_link_width", "1")

    assert_only_failure(
        selftest("0", "--passive", "--lanes=4"),
        "link width: FAILED: expected x4 (card x4, slot x1), found x1, "
        "do: use a slot or adapter with more lanes",
    )


def test_a_speed_that_is_asked_for_must_be_there(selftest):
    assert_only_failure(
        selftest("--speed=8.0", "--passive", "0"),
        "link speed: FAILED: expected 8.0 GT/s (card 5.0, slot 8.0), found 5.0, "
        "do: use a faster slot, raise the slot's limit in the firmware setup",
    )


def test_a_host_without_error_reporting_has_fewer_checks(selftest, sysfs):
    for severity in ("correctable", "nonfatal", "fatal"):
        (sysfs.card / f"aer_dev_{severity}").unlink()

    status, output, _ = selftest("0", "--passive")

    assert (status, output.splitlines()[-1]) == (0, "12 checks, 0 failed")


def test_help_is_shown(selftest):
    status, output, errors = selftest("--help")

    assert (status, errors) == (0, "")
    assert output.startswith("Usage: vopctl [--sysfs=PATH] selftest CARD")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "one CARD must be given"),
        (("0", "1"), "one CARD must be given"),
        (("0", "--lanes=0"), "lanes must be a number from 1 to 32"),
        (("0", "--lanes=x4"), "lanes must be a number from 1 to 32"),
        (("0", "--speed=fast"), "speed must be a number from 2.5 to 64, in GT/s"),
        (("0", "--resets=0"), "resets must be a number from 1 to 1000000"),
        (("0", "--dance"), "unknown option"),
    ],
)
def test_wrong_usage_is_told(selftest, arguments, message):
    status, output, errors = selftest(*arguments)

    assert (status, output) == (2, "")
    assert errors.endswith(f"vopctl: selftest: {message}\nTry 'vopctl selftest --help'.\n")


@pytest.mark.parametrize("card", ["7", "0000:02:00.0", "card"])
def test_a_card_that_is_not_there_is_an_error(selftest, card):
    assert selftest(card) == (
        1,
        "",
        f"vopctl: selftest: {card}: no such card; `vopctl list` shows those that vop_host drives, "
        "`lspci -D -d 1d1d:` the PCI address of others\n",
    )
