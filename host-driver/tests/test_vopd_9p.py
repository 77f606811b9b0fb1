# SPDX-License-Identifier: Apache-2.0
"""Backend 9p against a real diod: what a well-behaved, a hostile and a vanishing card get."""

import errno
import os
import random
import signal
import struct

import p9
import pytest
from fake_card import NEXT, WRITE, eventually, is_root

EVERY_REQUEST = (
    8,
    12,
    14,
    16,
    18,
    20,
    22,
    24,
    26,
    30,
    32,
    40,
    50,
    52,
    54,
    70,
    72,
    74,
    76,
    100,
    102,
    104,
    108,
    110,
    116,
    118,
    120,
    122,
)


@pytest.fixture
def served(start_vopd, card, share):
    """Start a vopd with one share whose driver is up."""
    vopd = start_vopd(f"--9p={share}")
    return vopd, card.device().start()


@pytest.fixture
def client(served):
    """Return a client in a session of its own."""
    client = p9.Client(served[1])
    client.attach()
    return client


def error_of(reply):
    size, number, tag = struct.unpack_from("<IBH", reply)
    assert (size, number) == (11, p9.RLERROR)
    return struct.unpack_from("<I", reply, 7)[0], tag


def test_the_device_has_the_tag_and_the_features_of_virtio_9p(start_vopd, card, share):
    start_vopd(f"--9p={share},tag=music")

    device = card.device()

    assert (device.virtio_id, device.queues) == (9, 1)
    assert device.features == 1 << 0 | 1 << 32
    assert device.config == b"\x05\x00music"


def test_the_card_reads_what_is_in_the_share(client, share):
    (share / "song").write_bytes(b"la la")

    client.walk(1, 2, "song")
    client.open(2)

    assert client.read(2, 0, 100) == b"la la"


@pytest.mark.parametrize("pieces", [1, 7])
def test_what_the_card_writes_is_in_the_share(served, share, pieces):
    client = p9.Client(served[1], pieces=pieces)
    client.attach()
    data = random.Random(1).randbytes(60000)

    client.walk(1, 2)
    client.create(2, "tune ä")
    assert client.write(2, 0, data) == len(data)

    assert (share / "tune ä").read_bytes() == data
    assert client.read(2, 0, len(data)) == data


def test_a_file_that_is_not_there_is_enoent(client):
    with pytest.raises(OSError, match="No such file") as caught:
        client.walk(1, 2, "none")

    assert caught.value.errno == errno.ENOENT


def test_the_card_cannot_choose_another_export(served):
    client = p9.Client(served[1])

    client.attach(aname="/")

    with pytest.raises(OSError, match="No such file"):
        client.walk(1, 2, "etc")


@pytest.mark.skipif(not is_root(), reason="--user of another user needs root")
def test_diod_serves_as_the_given_user(start_vopd, card):
    card.folder.chmod(0o711)
    share = card.folder / "share"
    share.mkdir()
    share.chmod(0o777)
    (share / "secret").touch(mode=0o600)
    start_vopd(f"--9p={share}", "--user=12345")
    client = p9.Client(card.device().start())
    client.attach(user=0)

    client.walk(1, 2)
    client.create(2, "mine")
    client.walk(1, 3, "secret")

    assert (share / "mine").stat().st_uid == 12345
    with pytest.raises(OSError, match="denied"):
        client.open(3)


def test_msize_is_no_larger_than_the_option_allows(start_vopd, card, share):
    start_vopd(f"--9p={share},tag=host,msize=8192")
    client = p9.Client(card.device().start())

    assert client.attach(msize=65536) == 8192


@pytest.mark.parametrize(
    ("request_bytes", "error", "tag"),
    [
        (b"", None, None),
        (b"\x07", errno.EPROTO, 0xFFFF),
        (p9.message("clunk", b"abcd", tag=5, size=12), errno.EPROTO, 5),
        (p9.message("clunk", b"abcd", tag=5, size=10), errno.EPROTO, 5),
        (p9.message("clunk", b"abcd", tag=5, size=0xFFFFFFFF), errno.EPROTO, 5),
        (p9.message("clunk", b"abc", tag=5), errno.EPROTO, 5),
        (p9.message("clunk", b"abcde", tag=5), errno.EPROTO, 5),
        (p9.message("walk", struct.pack("<IIHH", 1, 2, 1, 9) + b"short", tag=5), errno.EPROTO, 5),
        (
            p9.message("walk", struct.pack("<IIH", 1, 2, 17) + 17 * p9.string("x"), tag=5),
            errno.EPROTO,
            5,
        ),
        (p9.message("write", struct.pack("<IQI", 1, 0, 0xFFFFFFFF) + b"x", tag=5), errno.EPROTO, 5),
        (p9.message(99, tag=5), errno.EOPNOTSUPP, 5),
        (p9.message(p9.RLERROR, b"abcd", tag=5), errno.EOPNOTSUPP, 5),
        (p9.message("clunk", bytes(70000), tag=5), None, None),
    ],
)
def test_a_malformed_request_is_answered_and_the_share_lives(client, request_bytes, error, tag):
    reply = client.device.request(request_bytes)

    assert reply == b"" if error is None else error_of(reply) == (error, tag)
    assert client.is_alive()


def test_no_request_whatever_its_body_ends_the_share(client):
    chance = random.Random(2)
    # Not Tversion, which would begin a new session, and none that waits for a lock.
    kinds = [kind for kind in EVERY_REQUEST if kind not in (52, 54, 100)]
    for _ in range(400):
        body = chance.randbytes(chance.choice([2, 4, 8, 12, 16, 24, 60]))
        body = body.replace(b"\xff", b"\x00") if chance.random() < 0.5 else bytes(len(body))
        client.device.request(p9.message(chance.choice(kinds), body, tag=3))
    client.attach()

    assert client.is_alive()


def test_a_reply_that_does_not_fit_becomes_emsgsize(client, share):
    (share / "song").write_bytes(bytes(1000))
    client.walk(1, 2, "song")
    client.open(2)

    client.writable = 500
    with pytest.raises(OSError, match="too long") as caught:
        client.read(2, 0, 1000)

    assert caught.value.errno == errno.EMSGSIZE
    assert client.is_alive()


@pytest.mark.parametrize("writable", [0, 10])
def test_a_request_without_room_for_an_error_is_dropped(client, writable):
    client.device.offer(0, p9.message("clunk", b"abcd"), writable)
    used = client.device.used(0)

    assert used.length == 0
    assert client.is_alive()


@pytest.mark.parametrize(
    "hostile", ["loop", "head", "next", "readable_last", "indirect", "overflow", "avail"]
)
def test_a_ring_that_holds_no_chain_is_reported_once_and_heals_by_a_reset(served, client, hostile):
    vopd, device = served

    if hostile == "loop":
        device.write_descriptor(0, 0, 0, 8, NEXT, 1)
        device.write_descriptor(0, 1, 0, 8, NEXT, 0)
    elif hostile == "next":
        device.write_descriptor(0, 0, 0, 8, NEXT, 128)
    elif hostile == "readable_last":
        device.write_descriptor(0, 0, 0, 8, WRITE | NEXT, 1)
        device.write_descriptor(0, 1, 0, 8, 0)
    elif hostile == "indirect":
        device.write_descriptor(0, 0, 0, 16, 4)
    elif hostile == "overflow":
        device.write_descriptor(0, 0, 0, 0x80000000, NEXT, 1)
        device.write_descriptor(0, 1, 0, 0x80000000, 0)
    device.publish(0, 0xFFFF if hostile == "head" else 0, ahead=200 if hostile == "avail" else 1)
    for _ in range(10):
        device.ring()
    eventually(lambda: "no descriptor chain" in vopd.log())
    device.reset()
    eventually(lambda: "waiting" in vopd.ask("list"))
    device.start()
    client.attach()

    assert client.is_alive()
    assert vopd.log().count("malformed") == 1


def test_a_new_session_has_no_fid_of_the_one_before(client):
    client.walk(1, 2)

    client.attach()

    with pytest.raises(OSError, match=r"Input/output|Bad file|Invalid"):
        client.walk(2, 3)
    assert client.is_alive()


def test_a_reset_by_the_card_begins_a_new_session(served, client):
    vopd, device = served
    old_diod = vopd.diod()
    client.walk(1, 2)

    device.reset()
    eventually(lambda: "waiting" in vopd.ask("list"))
    device.start()
    client.attach()

    with pytest.raises(OSError, match=r"Input/output|Bad file|Invalid"):
        client.walk(2, 3)
    assert vopd.diod() != old_diod


def test_a_reply_of_before_a_reset_never_reaches_the_new_driver(served, client):
    vopd, device = served
    vopd.freeze_diod()
    device.offer(0, p9.message("walk", struct.pack("<IIH", 1, 2, 0), tag=77), 100)

    device.reset()
    eventually(lambda: "waiting" in vopd.ask("list"))
    device.start()
    client.attach()

    assert client.is_alive()


def test_a_reset_that_vopd_did_not_see_begins_a_new_session_too(served, client):
    vopd, device = served
    old_diod = vopd.freeze_diod()
    device.offer(0, p9.message("walk", struct.pack("<IIH", 1, 2, 0), tag=77), 100)
    eventually(lambda: "busy" in vopd.ask("list"))
    stopped = vopd.freeze()
    device.reset()
    device.start()
    version = struct.pack("<I", 65536) + p9.string("9P2000.L")
    device.offer(0, p9.message("version", version, p9.NOTAG), 65536)

    os.kill(old_diod, signal.SIGCONT)
    os.kill(stopped, signal.SIGCONT)

    (tag,) = struct.unpack_from("<H", device.used(0).data, 5)
    assert tag == p9.NOTAG
    assert vopd.diod() != old_diod


def test_a_card_that_comes_back_finds_its_share_again(start_vopd, card, share):
    vopd = start_vopd(f"--9p={share}")
    device = card.device().start()
    p9.Client(device).attach()

    card.unplug(device)
    card.plug()
    client = p9.Client(card.device().start())
    client.attach()

    assert client.is_alive()
    assert vopd.log().count("the card is gone") == 1


def test_diod_killed_in_mid_transfer_is_an_io_error_and_removes_the_device(served, client):
    vopd, device = served
    diod = vopd.freeze_diod()
    device.offer(0, p9.message("walk", struct.pack("<IIH", 1, 2, 0), tag=8), 100)
    eventually(lambda: "busy" in vopd.ask("list"))

    os.kill(diod, signal.SIGKILL)

    assert error_of(device.used(0).data) == (errno.EIO, 8)
    assert device.is_removed()
    assert vopd.wait() == 1
    assert vopd.log().count("vopd: ") == 1
    assert "9p:host: diod was killed by signal 9 (Killed); the share is removed" in vopd.log()


def test_diod_that_cannot_be_run_is_one_line(start_vopd, card, share):
    vopd = start_vopd(f"--9p={share}", "--diod=/nonexistent/diod")

    assert card.device().is_removed()
    assert vopd.wait() == 1
    assert vopd.log() == "vopd: 9p:host: diod could not be run; the share is removed\n"


def test_two_shares_do_not_mix(start_vopd, card, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    start_vopd(f"--9p={tmp_path}/one,tag=one", f"--9p={tmp_path}/two,tag=two")

    for _ in range(2):
        device = card.device().start()
        client = p9.Client(device)
        client.attach()
        client.walk(1, 2, device.config[2:].decode())
