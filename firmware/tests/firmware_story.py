# SPDX-License-Identifier: Apache-2.0
"""The bare-metal firmware on the RTL mounts a share and copies a file. Runs in the simulator."""

from pathlib import Path

from tiny_9p import Tiny9p
from vop.regs.link import BootState
from vop_host import CONFIG_CHANGE, GUEST_ACK, REMOVE, VopHost

from sim.harness.bench import story
from sim.harness.simulate import parameters

VIRTIO_9P, VIRTIO_CONSOLE = 9, 3
MARKER_MOUNTED = 1
ILLEGAL_INSTRUCTION = 2  # mcause
COPY_LIMIT_NS = 8_000_000  # Zephyr needs half of it
LOG_LINE_NS = 3_000_000  # what the firmware may still write to the UART
DATA = bytes(n * 7 + (n >> 8) & 0xFF for n in range(10_000))


class Console:
    """The host's end of the card's console."""

    def __init__(self):
        self.said = ""

    def serve(self, index, request):
        if index == 0:
            return None
        self.said += request.decode()
        return b""


async def booted(bench):
    await bench.host.enable_msi(5)
    host = VopHost(bench)
    await host.start(Path(parameters()["image"]).read_bytes())
    await host.until(lambda: host.page.content[4] != 0xFF)
    await bench.card.becomes("link.boot_state", BootState.READY)
    return host


async def mounted(bench, files):
    host = await booted(bench)
    server = Tiny9p(files)
    await host.add(VIRTIO_9P, b"\x04\0host", [16], lambda _, request: server.answer(request))
    await host.until(lambda: bench.dut.marker.value == MARKER_MOUNTED)
    return host


async def with_shell(bench, files):
    host = await mounted(bench, files)
    console = Console()
    device = await host.add(VIRTIO_CONSOLE, b"", [16, 16], console.serve)
    await host.until(lambda: "card:/> " in console.said)
    return host, device, console


@story()
async def the_card_goes_online(bench):
    host = await booted(bench)

    assert host.page.content[4] == 0


@story(limit_ns=COPY_LIMIT_NS)
async def a_file_is_copied_within_the_share(bench):
    files = {"a": DATA}
    host, device, console = await with_shell(bench, files)

    await device.say(0, b"cp /host/a /host/b; mark 2\r")
    await host.until(lambda: console.said.count("133;D;0") == 2)

    assert bench.dut.marker.value == 2
    assert files["b"] == DATA


@story()
async def a_missing_file_is_told(bench):
    host, device, console = await with_shell(bench, {})

    await device.say(0, b"cat /host/none\r")
    await host.until(lambda: "133;D;2" in console.said)

    assert "cat: /host/none: ENOENT: no such file or directory\r\n" in console.said


@story()
async def a_share_that_is_removed_in_mid_request_ends_it(bench):
    host, device, console = await with_shell(bench, {"a": DATA})
    share = host.devices[0]
    share.serve = lambda _, request: None

    await device.say(0, b"cat /host/a\r")
    await host.until(lambda: share.waiting[0])
    share.put(CONFIG_CHANGE, REMOVE)
    await host.card.ring(0)
    await host.until(lambda: share.byte(GUEST_ACK) == 1)

    await host.until(lambda: "133;D;5" in console.said)
    assert "cat: /host/a: EIO: input/output error\r\n" in console.said


@story()
async def a_trap_is_told_at_once(bench):
    host = await booted(bench)
    await bench.host.vector(0)
    start, length = parameters()["early"]

    await bench.card.load(start, b"\xff" * length)  # no instruction is all ones
    await host.add(VIRTIO_9P, b"\x04\0host", [16], None)
    await bench.host.vector(0, LOG_LINE_NS)

    assert host.page.content[4] == 0xFF
    assert await bench.card.get("link.boot_state") == BootState.CRASHED
    detail = await bench.card.get("link.boot_detail")
    assert detail & 0xFF == ILLEGAL_INSTRUCTION
    assert start <= detail >> 8 < start + length
