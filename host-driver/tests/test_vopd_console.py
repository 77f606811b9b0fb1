# SPDX-License-Identifier: Apache-2.0
"""Backend console: a pseudo-terminal at one end, the card's two queues at the other."""

import os
import random
import select
import threading

import pytest
from fake_card import LATE_SECONDS, eventually

RECEIVE, TRANSMIT = 0, 1


@pytest.fixture
def console(start_vopd, card, tmp_path):
    """Start a vopd with a console whose driver is up; return vopd, device and terminal."""
    link = tmp_path / "console"
    vopd = start_vopd(f"--console={link}")
    device = card.device().start()
    terminal = os.open(link, os.O_RDWR | os.O_NOCTTY)
    yield vopd, device, terminal
    os.close(terminal)


def read_exactly(terminal, count):
    data = b""
    while len(data) < count:
        assert select.select([terminal], [], [], LATE_SECONDS)[0], f"late after {len(data)} bytes"
        data += os.read(terminal, count - len(data))
    return data


def test_the_device_is_a_virtio_console_with_two_queues(console):
    _, device, _ = console

    assert (device.virtio_id, device.queues, device.features) == (3, 2, 1 << 32)


def test_what_the_card_says_is_read_from_the_terminal_unchanged(console):
    _, device, terminal = console
    text = bytes(range(256))

    device.offer(TRANSMIT, text, pieces=3)

    assert read_exactly(terminal, len(text)) == text
    assert device.used(TRANSMIT).length == 0


def test_what_is_typed_reaches_the_card_unchanged_and_no_echo_comes_back(console):
    _, device, terminal = console
    text = b"ls /host\r\n\x03\x04\x1a\x7f"

    os.write(terminal, text)
    device.offer(RECEIVE, writable=4096)

    assert device.used(RECEIVE).data == text
    assert not select.select([terminal], [], [], 0)[0]


def test_what_is_typed_before_the_card_is_ready_for_it_waits(console):
    _, device, terminal = console
    text = random.Random(1).randbytes(6000)
    writer = threading.Thread(target=os.write, args=(terminal, text))
    writer.start()

    received = b""
    while len(received) < len(text):
        device.offer(RECEIVE, writable=100)
        received += device.used(RECEIVE).data
    writer.join(LATE_SECONDS)

    assert received == text


def test_while_nobody_reads_the_card_is_held_back_and_nothing_is_lost(console):
    vopd, device, terminal = console
    text = random.Random(2).randbytes(144_000)  # beyond what the terminal holds
    chains = [text[at : at + 1200] for at in range(0, len(text), 1200)]

    for head, chain in enumerate(chains):
        device.offer(TRANSMIT, chain, head=head)

    assert vopd.process.poll() is None
    assert read_exactly(terminal, len(text)) == text
    assert [device.used(TRANSMIT).head for _ in chains] == list(range(len(chains)))


def test_what_was_said_before_anyone_listened_is_there(start_vopd, card, tmp_path):
    start_vopd(f"--console={tmp_path}/console")
    device = card.device().start()

    device.offer(TRANSMIT, b"card:/> ")
    device.used(TRANSMIT)
    terminal = os.open(tmp_path / "console", os.O_RDWR | os.O_NOCTTY)

    assert read_exactly(terminal, 8) == b"card:/> "
    os.close(terminal)


def test_the_console_survives_a_reset_of_the_driver(console):
    vopd, device, terminal = console
    os.write(terminal, b"typed for the old driver")

    device.reset()
    eventually(lambda: "waiting" in vopd.ask("list"))
    device.start()
    device.offer(TRANSMIT, b"new")

    assert read_exactly(terminal, 3) == b"new"


@pytest.mark.parametrize("hostile", ["readable_receive", "writable_transmit"])
def test_a_chain_in_the_wrong_direction_is_reported(console, hostile):
    vopd, device, terminal = console
    os.write(terminal, b"x")

    if hostile == "readable_receive":
        device.offer(RECEIVE, b"abc")
    else:
        device.offer(TRANSMIT, writable=10)

    eventually(lambda: "malformed request" in vopd.log())


def test_the_link_is_made_anew_and_removed_at_the_end(start_vopd, card, tmp_path):
    link = tmp_path / "console"
    link.symlink_to("/dev/null")
    vopd = start_vopd(f"--console={link}")
    card.device()
    assert str(link.readlink()).startswith("/dev/pts/")

    assert vopd.stop() == 0

    assert not link.is_symlink()


def test_a_link_never_replaces_a_file(start_vopd, tmp_path):
    (tmp_path / "file").write_text("precious")
    vopd = start_vopd(f"--console={tmp_path}/file")

    assert vopd.wait() == 1
    assert vopd.log() == f"vopd: console: {tmp_path}/file: File exists\n"
    assert (tmp_path / "file").read_text() == "precious"
