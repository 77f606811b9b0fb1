# SPDX-License-Identifier: BSD-2-Clause
"""The parts of the co-simulation that need neither QEMU nor a simulator."""

import os
import socket
import struct
import subprocess
import threading

import pytest
from cocotbext.pcie.core.caps import MsiCapability, MsixCapability

from .card_shell import CardShell, Outcome
from .channel import Late
from .commands import copy_on_share, split_commands
from .cpio import Archive
from .guest_memory import GuestMemory, OutsideMemory
from .host_space import HostSpace, msix_entry
from .vfio_user import HEADER, Command, ProtocolError, Region, VfioUserServer
from .write_combiner import WriteCombiner

PAGE = 4096


@pytest.mark.parametrize(
    ("text", "commands"),
    [
        ("", []),
        (" ; ;", []),
        ("ls /host; cat x", ["ls /host", "cat x"]),
        ("cat 'a;b'; cat a\\;b", ["cat 'a;b'", "cat a\\;b"]),
        ('cat "a\\";b"', ['cat "a\\";b"']),
        ("ls\ndf", ["ls", "df"]),
        ("cat 'never closed; ls", ["cat 'never closed; ls"]),
    ],
)
def test_commands_are_split_as_the_card_would(text, commands):
    assert split_commands(text) == commands


@pytest.mark.parametrize(
    ("stores", "writes"),
    [
        ([(0, 8)], [(0, 8)]),
        ([(8 * n, 8) for n in range(8)], [(0, 64)]),
        ([(8 * n, 8) for n in range(12)], [(0, 64), (64, 32)]),
        ([(40, 8), (48, 8), (56, 8), (64, 8)], [(40, 24), (64, 8)]),
        ([(0, 8), (16, 8)], [(0, 8), (16, 8)]),
        ([(8, 8), (0, 8)], [(8, 8), (0, 8)]),
        ([(0, 8), (0, 8)], [(0, 8), (0, 8)]),
        ([(61, 1), (62, 1), (63, 1), (64, 1)], [(61, 3), (64, 1)]),
        ([(60, 200)], [(60, 4), (64, 64), (128, 64), (192, 64), (256, 4)]),
    ],
)
def test_stores_that_continue_each_other_leave_as_lines(stores, writes):
    combiner, left = WriteCombiner(), []
    memory, expected = bytearray(320), bytearray(320)

    for number, (offset, count) in enumerate(stores, 1):
        data = bytes([number]) * count
        expected[offset : offset + count] = data
        left += combiner.add(offset, data)
    left += combiner.flush()

    for offset, data in left:
        memory[offset : offset + len(data)] = data
    assert [(offset, len(data)) for offset, data in left] == writes
    assert memory == expected
    assert combiner.flush() == []


def test_a_copy_is_found_on_the_host(tmp_path):
    (tmp_path / "directory").mkdir()

    def found(command):
        return copy_on_share(command, tmp_path, "/host")

    assert found("cp /host/a '/host/b c'") == (tmp_path / "a", tmp_path / "b c")
    assert found("cp /host/a /host/directory") == (tmp_path / "a", tmp_path / "directory" / "a")
    assert found("cp /host/../etc/a /host/b") is None
    assert found("cp /host/a /hostile/b") is None
    assert found("mv /host/a /host/b") is None


class Line:
    """A channel that answers each line with the next of ``answers``."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.sent = b""

    def send(self, data):
        self.sent += data

    def receive(self, timeout_s):
        return self.answers.pop(0) if self.answers else b""


def test_the_shell_takes_output_and_status_from_between_the_marks():
    line = Line(b"ls\r\n\x1b]133;C\x07a\r\nb\r", b"\n\x1b]133;D;0\x07\x1b]13", b"3;A\x07card:/> ")

    assert CardShell(line).run("ls", 1) == Outcome("ls", "a\nb\n", 0)
    assert line.sent == b"ls\r"


def test_a_shell_that_does_not_answer_is_late():
    with pytest.raises(Late, match="ls: the card did not answer in time"):
        CardShell(Line(b"\x1b]133;C\x07")).run("ls", 0)


def test_an_archive_is_one_that_cpio_understands():
    archive = Archive()
    archive.file("/bin/program", b"12345", 0o755)
    archive.link("/sbin", "bin")

    listing = subprocess.run(["cpio", "-tv"], input=archive.finish(), capture_output=True,
                             check=True).stdout.decode()  # fmt: skip

    names = [line.split(maxsplit=8)[8] for line in listing.splitlines()]
    assert names == ["bin", "bin/program", "sbin -> bin"]
    assert "-rwxr-xr-x" in listing


def test_memory_outside_every_range_and_writes_to_read_only_ranges_are_refused():
    memory, memfd = GuestMemory(), os.memfd_create("guest")
    os.ftruncate(memfd, PAGE)
    memory.map(0x1000, PAGE, 0, False, memfd)

    with pytest.raises(OutsideMemory, match="0x1ffe\\+0x4 is not guest memory"):
        memory.read(0x1FFE, 4)
    with pytest.raises(OutsideMemory, match="0x1000\\+0x1 is read-only"):
        memory.write(0x1000, b"x")
    memory.unmap_all()


class Guest:
    """Stands for the vfio-user server: takes vectors and memory writes."""

    def __init__(self):
        self.vectors, self.memory = [], GuestMemory()

    def raise_vector(self, vector, *, msix=False):
        self.vectors.append(("msix", vector) if msix else vector)
        return vector != 3


def write_to_host(guest, faults, address, value, granted_log2=1, msix=None):
    msi, msix = MsiCapability(), msix or MsixCapability()
    msi.msi_enable, msi.msi_multiple_message_enable = True, granted_log2
    msi.msi_message_address, msi.msi_message_data = 0xFEE0_0000, 0x4020
    space = HostSpace(guest, msi, msix, faults)
    with pytest.raises(StopIteration):
        space.write(address, value.to_bytes(4, "little")).send(None)


def test_only_address_and_data_of_the_capability_make_an_interrupt():
    guest, faults = Guest(), []

    write_to_host(guest, faults, 0xFEE0_0000, 0x4021)
    assert (guest.vectors, faults) == ([1], [])

    write_to_host(guest, faults, 0xFEE0_0000, 0x4022)
    write_to_host(guest, faults, 0xFEE0_0004, 0x4020)
    assert guest.vectors == [1]
    assert [fault[:24] for fault in faults] == ["stray write by the card:"] * 2


def test_only_a_whole_entry_makes_an_interrupt_and_only_while_msix_is_on():
    guest, faults, msix = Guest(), [], MsixCapability()
    address, data = msix_entry(5)
    msix.msix_enable = True

    write_to_host(guest, faults, address, data, msix=msix)
    assert (guest.vectors, faults) == ([("msix", 5)], [])

    write_to_host(guest, faults, address, data + 1, msix=msix)
    write_to_host(guest, faults, address, data)
    msix.msix_function_mask = True
    write_to_host(guest, faults, address, data, msix=msix)
    assert guest.vectors == [("msix", 5)]
    assert [fault[:24] for fault in faults] == ["stray write by the card:"] * 3


def test_an_interrupt_that_nobody_receives_is_a_fault():
    guest, faults = Guest(), []

    write_to_host(guest, faults, 0xFEE0_0000, 0x4023, granted_log2=2)

    assert faults == ["vector 3 has no receiver in the guest"]


@pytest.fixture
def served(tmp_path):
    """A server, and the raw socket of a client that has connected to it."""
    server = VfioUserServer(
        tmp_path / "card", region_bytes={0: PAGE, 7: PAGE}, vectors=2, msix_vectors=4
    )
    client = socket.socket(socket.AF_UNIX)
    client.connect(str(tmp_path / "card"))
    assert server.accept(1)
    yield server, client
    client.close()
    server.close()


def ask(client, number, command, body=b"", flags=0, descriptors=()):
    header = HEADER.pack(number, command, HEADER.size + len(body), flags, 0)
    socket.send_fds(client, [header + body], list(descriptors))


def answer(client):
    number, command, size, flags, error = HEADER.unpack(client.recv(HEADER.size))
    return number, command, flags, error, client.recv(size - HEADER.size) if size > 16 else b""


def test_the_version_that_is_offered_is_taken(served):
    server, client = served

    ask(client, 7, Command.VERSION, struct.pack("<HH", 0, 0) + b"{}\0")

    assert server.receive() is None
    number, command, _, error, body = answer(client)
    assert (number, command, error, body[:4]) == (7, Command.VERSION, 0, bytes(4))


def test_a_posted_write_is_handed_out_and_never_answered(served):
    server, client = served

    ask(client, 1, Command.REGION_WRITE, struct.pack("<QII", 8, 0, 4) + b"abcd", flags=0x10)
    request = server.receive()
    server.reply(request)

    assert (request.region, request.offset, request.data) == (Region.BAR0, 8, b"abcd")
    client.setblocking(False)
    with pytest.raises(BlockingIOError):
        client.recv(1)


def test_an_access_beyond_a_region_is_refused(served):
    server, client = served

    ask(client, 1, Command.REGION_READ, struct.pack("<QII", PAGE - 2, 0, 4))

    with pytest.raises(ProtocolError, match="4 bytes at 0xffe of region 0"):
        server.receive()


def test_mapped_guest_memory_is_shared_until_it_is_unmapped(served):
    server, client = served
    memfd = os.memfd_create("guest")
    os.ftruncate(memfd, PAGE)

    ask(client, 1, Command.DMA_MAP, struct.pack("<IIQQQ", 32, 3, 0, 0x10000, PAGE),
        descriptors=[memfd])  # fmt: skip
    server.receive()
    server.memory.write(0x10010, b"dma")
    ask(client, 2, Command.DMA_UNMAP, struct.pack("<IIQQ", 24, 0, 0x10000, PAGE))
    unmap = server.receive()

    assert os.pread(memfd, 3, 0x10) == b"dma"
    assert server.memory.read(0x10010, 3) == b"dma"
    server.reply(unmap)
    with pytest.raises(OutsideMemory):
        server.memory.read(0x10010, 3)
    os.close(memfd)


def test_a_vector_reaches_its_eventfd_and_one_that_is_off_does_not(served):
    server, client = served
    event = os.eventfd(0)
    body = struct.pack("<IIIII", 20, 0x24, 1, 0, 2)

    ask(client, 1, Command.DEVICE_SET_IRQS, body, descriptors=[event])
    server.receive()

    assert server.raise_vector(0)
    assert not server.raise_vector(1)
    assert os.eventfd_read(event) == 1
    os.close(event)


def test_vectors_of_msix_are_others_than_those_of_msi_and_are_told(served):
    server, client = served
    event = os.eventfd(0)

    ask(client, 1, Command.DEVICE_SET_IRQS, struct.pack("<IIIII", 20, 0x24, 2, 3, 1),
        descriptors=[event])  # fmt: skip
    server.receive()

    assert server.msix_wanted == {3}
    assert not server.raise_vector(3)
    assert server.raise_vector(3, msix=True)
    assert os.eventfd_read(event) == 1
    ask(client, 2, Command.DEVICE_SET_IRQS, struct.pack("<IIIII", 20, 0x21, 2, 0, 0))
    server.receive()
    assert server.msix_wanted == set()
    os.close(event)


def test_a_client_that_goes_ends_the_connection(served):
    server, client = served
    threading.Timer(0.05, client.close).start()

    assert server.wait(5)
    with pytest.raises(EOFError):
        server.receive()
