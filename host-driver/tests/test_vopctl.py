# SPDX-License-Identifier: Apache-2.0
"""vopctl against a folder that looks like sysfs, and against a running vopd; vopd's own options."""

import subprocess

import p9
import pytest
from fake_card import LATE_SECONDS

ATTRIBUTES = {"state": "online", "layout": "1.0", "ram_bytes": "262144", "power": "elsewhere"}


@pytest.fixture
def sysfs(tmp_path):
    """Lay out two cards, the second of which has lost its driver."""
    pci = tmp_path / "devices" / "0000:01:00.0"
    (pci / "counters").mkdir(parents=True)
    for name, value in ATTRIBUTES.items():
        (pci / name).write_text(value + "\n")
    (pci / "counters" / "late").write_text("3\n")
    (pci / "counters" / "chains").write_text("7\n")
    for number in (0, 10):
        (tmp_path / "class" / "misc" / f"vop_virtio{number}").mkdir(parents=True)
    (tmp_path / "class" / "misc" / "vop_virtio0" / "device").symlink_to(pci)
    (tmp_path / "class" / "misc" / "fuse").mkdir()
    return tmp_path


@pytest.fixture
def vopctl(vopctl_program):
    """Run vopctl; return exit status, output and errors."""

    def run(*arguments):
        done = subprocess.run(
            [vopctl_program, *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=LATE_SECONDS,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    return run


def test_list_shows_each_card_and_its_state(vopctl, sysfs):
    assert vopctl(f"--sysfs={sysfs}", "list") == (
        0,
        "/dev/vop_virtio0 0000:01:00.0 online\n/dev/vop_virtio10 - gone\n",
        "",
    )


@pytest.mark.parametrize("name", ["0", "/dev/vop_virtio0", "vop_virtio0"])
def test_show_prints_what_the_module_tells(vopctl, sysfs, name):
    assert vopctl(f"--sysfs={sysfs}", "show", name) == (
        0,
        "state online\nlayout 1.0\nram_bytes 262144\n",
        "",
    )


def test_stats_prints_every_counter(vopctl, sysfs):
    assert vopctl(f"--sysfs={sysfs}", "stats", 0) == (0, "chains 7\nlate 3\n", "")


@pytest.mark.parametrize("verb", ["show", "stats"])
def test_a_card_that_is_not_there_is_an_error(vopctl, sysfs, verb):
    assert vopctl(f"--sysfs={sysfs}", verb, 7) == (1, "", "vopctl: vop_virtio7: no such card\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "no command"),
        (("--unknown",), "unknown option"),
        (("dance",), "unknown command, or wrong number of arguments"),
        (("list", "0"), "unknown command, or wrong number of arguments"),
        (("show", "card"), "CARD must be a number or a device file"),
    ],
)
def test_wrong_usage_is_told(vopctl, arguments, message):
    status, output, errors = vopctl(*arguments)

    assert (status, output) == (2, "")
    assert errors.endswith(f"vopctl: {message}\nTry 'vopctl --help'.\n")


def test_without_a_vopd_it_says_so(vopctl, tmp_path):
    socket = tmp_path / "none"

    assert vopctl(f"--control={socket}", "backends") == (
        1,
        "",
        f"vopctl: {socket}: No such file or directory\n",
    )


def test_backends_come_and_go_while_vopd_runs(vopctl, start_vopd, card, share, tmp_path):
    vopd = start_vopd(f"--console={tmp_path}/console")
    card.device()
    control = f"--control={vopd.control}"

    assert vopctl(control, "add", "9p", f"{share},tag=music") == (0, "", "")
    device = card.device().start()
    p9.Client(device).attach()
    status, output, _ = vopctl(control, "backends")
    assert (status, output.splitlines()) == (
        0,
        ["9p:music ready requests=2 malformed=0", "console waiting requests=0 malformed=0"],
    )

    assert vopctl(control, "remove", "9p:music") == (0, "", "")
    assert device.is_removed()
    assert vopctl(control, "remove", "9p:music") == (1, "", "vopctl: there is no such backend\n")


def test_a_backend_that_cannot_start_leaves_the_others_alone(vopctl, start_vopd, card, share):
    vopd = start_vopd(f"--9p={share}")
    client = p9.Client(card.device().start())
    client.attach()

    for argument in (share, share / "none"):
        assert vopctl(f"--control={vopd.control}", "add", "9p", argument) == (
            1,
            "",
            "vopctl: not added: vopd's log says why\n",
        )

    assert 'there is a backend "9p:host" already' in vopd.log()
    assert "No such file or directory" in vopd.log()
    assert client.is_alive()


def test_a_share_whose_server_died_can_be_attached_again(vopctl, start_vopd, card, share, tmp_path):
    vopd = start_vopd(f"--console={tmp_path}/console", f"--9p={share}")
    card.device()
    device = card.device().start()
    p9.Client(device).attach()
    subprocess.run(["kill", "-KILL", str(vopd.diod())], check=True)
    assert device.is_removed()

    assert vopctl(f"--control={vopd.control}", "add", "9p", share) == (0, "", "")
    client = p9.Client(card.device().start())
    client.attach()

    assert client.is_alive()
    assert vopd.process.poll() is None


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        ((), 2, "nothing to serve: give --9p or --console"),
        (("--9p=/tmp", "extra"), 2, 'unexpected argument "extra"'),
        (("--card=x", "--console"), 2, 'card must be a number from 0 to 999, not "x"'),
        (("--user=root", "--console"), 2, 'user must be a numeric user id, not "root"'),
        (("--9p=/nonexistent",), 1, '9p: export "/nonexistent": No such file or directory'),
        (("--9p=/etc/passwd",), 1, '9p: export "/etc/passwd": Not a directory'),
        (("--9p=/tmp,msize=512",), 1, '9p: msize must be 4096 to 1048576 bytes, not "512"'),
        (("--9p=/tmp,tag=a/b",), 1, "9p: tag must be 1 to 31 bytes"),
        (
            ("--control=/nonexistent/x", "--console"),
            1,
            "control socket /nonexistent/x: No such file or directory",
        ),
    ],
)
def test_vopd_tells_what_is_wrong_with_its_options(start_vopd, options, status, message):
    vopd = start_vopd(*options)

    assert vopd.wait() == status
    assert f"vopd: {message}" in vopd.log()


def test_vopd_without_a_card_says_so(start_vopd, card, share):
    card.unplug()
    vopd = start_vopd(f"--9p={share}")

    assert vopd.wait() == 1
    assert vopd.log() == (f"vopd: 9p:host: cannot add a device to {card.folder}: No such device\n")


def test_a_second_vopd_does_not_take_the_control_socket_of_a_running_one(start_vopd, card, share):
    first = start_vopd(f"--9p={share}")
    card.device()

    second = start_vopd("--console")

    assert second.wait() == 1
    assert "Address already in use" in second.log()
    assert "9p:host" in first.ask("list")


def test_a_vopd_takes_the_control_socket_of_a_dead_one(start_vopd, card, share):
    first = start_vopd(f"--9p={share}")
    card.device()
    first.process.kill()
    first.wait()

    second = start_vopd(f"--9p={share}")
    card.device()

    assert "9p:host" in second.ask("list")
