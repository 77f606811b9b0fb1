# SPDX-License-Identifier: BSD-2-Clause
"""The vring contexts of the commands under way: fetched, checked once, kept per channel."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from ..regs.copier import VRING_CONTEXT, VRING_FLAGS
from ..requester.segment import CHANNELS
from .barrel import BarrelRegister
from .ring_port import BLOCK_BYTES

__all__ = ["AVAIL_HOST", "DESC_HOST", "FLAG", "PUSH_HOST", "USED_HOST", "ContextStore"]

#: Bit number of each flag of a context.
FLAG = {name: value.bit_length() - 1 for name, value, _doc in VRING_FLAGS.values}

_FLAGS = max(FLAG.values()) + 1
_ROWS = VRING_CONTEXT.size // BLOCK_BYTES

# Rows in the order in which they are fetched: what the ring's reader waits for comes first.
_ORDER = (0, 2, 3, 1)

#: Host addresses of a context, for ``select``: a bit per half of a row, and bit 0 tells the row.
DESC_HOST, PUSH_HOST, AVAIL_HOST, USED_HOST = range(2, 6)


def _member(block, name):
    """A member of the context within the row that has it."""
    member = VRING_CONTEXT.member(name)
    lsb = 8 * (member.offset % BLOCK_BYTES)
    return block[lsb:lsb + 8 * member.width]


class ContextStore(wiring.Component):
    """Fetch the context of a virtqueue, refuse one that contradicts itself, and keep what counts.

    The parts of the ring that lie in card RAM must lie in it whole, each with the alignment that
    virtio asks for. Host addresses are for the guard to judge, when they are used.

    Specification
    -------------
    virtio 1.3, 2.7 (Split Virtqueues: sizes and alignments).

    Parameters
    ----------
    ram_bytes : :class:`int`
        Size of card RAM.

    Members
    -------
    channel : ``In(3)``
        Whose context. Unchanged while ``busy``.
    start : ``In(1)``
        Strobe: fetch the context at ``address``, a multiple of 64, which stays until ``done``.
    address : ``In(range(ram_bytes))``
        See ``start``.
    asks, fetches : ``Out(1)``, row_address : ``Out(range(ram_bytes))``, ready : ``In(1)``,
    came : ``In(1)``, block : ``In(128)``
        Towards :class:`~vop.copier.ring_port.RingPort`, which it has to itself while it asks:
        from the cycle of ``start`` on. ``fetches`` is a register, and later.
    expects : ``Out(1)``
        Answers of the port are for the store.
    shaped, placed : ``Out(1)``
        The fields of the first row are valid; those of the third row as well.
    done : ``Out(1)``, bad : ``Out(1)``
        All has been fetched and judged. ``bad``: the context contradicts itself.
    desc_card, avail_card, used_card : ``Out(range(ram_bytes))``
        Where the parts of the ring start.
    mask : ``Out(16)``
        Number of entries, less one.
    flags : ``Out(9)``
        See constants `vring_flags`; :data:`FLAG` has the bit numbers.
    published, used_idx : ``Out(16)``, vector : ``Out(5)``, push_slot_log2 : ``Out(5)``
        As in the context.
    select : ``In(3)``, host : ``Out(64)``
        Host address of a part of the ring, or of the push area; 0 selects none, and gives zero.
    reroot : ``In(1)``, last : ``In(16)``
        Strobe, not before that: the descriptor table is the indirect one that the held descriptor
        names, and its last index is ``last``. The next ``start`` reverts it.
    """

    def __init__(self, *, ram_bytes):
        self._ram_bytes = ram_bytes
        card = range(ram_bytes)
        super().__init__({
            "channel":        In(range(CHANNELS)),
            "start":          In(1),
            "address":        In(card),
            "asks":           Out(1),
            "fetches":        Out(1),
            "row_address":    Out(card),
            "ready":          In(1),
            "came":           In(1),
            "block":          In(8 * BLOCK_BYTES),
            "expects":        Out(1),
            "shaped":         Out(1),
            "placed":         Out(1),
            "done":           Out(1),
            "bad":            Out(1),
            "desc_card":      Out(card),
            "avail_card":     Out(card),
            "used_card":      Out(card),
            "mask":           Out(16),
            "flags":          Out(_FLAGS),
            "published":      Out(16),
            "used_idx":       Out(16),
            "vector":         Out(5),
            "push_slot_log2": Out(5),
            "select":         In(3),
            "host":           Out(64),
            "reroot":         In(1),
            "last":           In(16),
        })

    def elaborate(self, platform):
        m = Module()
        rows_asked = Signal(range(_ROWS + 1), init=_ROWS)
        rows_come = Signal(range(_ROWS + 1), init=_ROWS)
        order = Signal(2)
        row = Signal(_ROWS)                  # one-hot: the row that has come
        m.d.comb += [
            self.fetches.eq(~rows_asked[2]),
            self.asks.eq(self.start | self.fetches),
            self.expects.eq(~rows_come[2]),
            order.eq(Cat(Const(row, 2) for row in _ORDER).word_select(
                Mux(self.start, 0, rows_asked[:2]), 2)),
            self.row_address.eq(Cat(Const(0, 4), order, self.address[6:])),
        ]
        with m.Switch(rows_come):
            for n, number in enumerate(_ORDER):
                with m.Case(n):
                    m.d.comb += row[number].eq(self.came)
        with m.If(self.start):
            m.d.sync += [rows_asked.eq(self.ready), rows_come.eq(0)]
        with m.Else():
            m.d.sync += [
                rows_asked.eq(rows_asked + (self.asks & self.ready)),
                rows_come.eq(rows_come + (self.expects & self.came)),
            ]

        block = self.block
        num = _member(block, "num")
        flags = _member(block, "flags")
        mask_come = Signal(16)
        m.d.comb += mask_come.eq(num - 1)
        kept = {}

        def keep(number, name, shape, value, *, fast=False):
            register = kept[name] = BarrelRegister(m, name, shape, self.channel, fast=fast)
            m.d.comb += getattr(self, name).eq(register.value)
            with m.If(row[number]):
                register.set(value)

        for name in ("desc_card", "avail_card", "used_card"):
            keep(0, name, range(self._ram_bytes), _member(block, name))
        keep(0, "mask", 16, mask_come, fast=True)
        keep(0, "flags", _FLAGS, flags, fast=True)
        for name, bits in (("published", 16), ("used_idx", 16), ("vector", 5),
                           ("push_slot_log2", 5)):
            keep(2, name, bits, _member(block, name))
        with m.If(self.reroot):
            kept["desc_card"].set(block)
            kept["mask"].set(self.last)
        for register in kept.values():
            register.finish()

        # Host addresses of either half of a row.
        def hosts(name, half, place, enable):
            m.submodules[name] = memory = Memory(shape=64, depth=2 * CHANNELS, init=[],
                                                 attrs={"ram_style": "distributed"})
            store, fetch = memory.write_port(), memory.read_port(domain="comb")
            m.d.comb += [
                store.addr.eq(Cat(place, self.channel)),
                store.data.eq(half),
                store.en.eq(enable),
                fetch.addr.eq(Cat(self.select[0], self.channel)),
            ]
            return fetch.data

        low = hosts("low_hosts", block[:64], row[3], row[1] | row[3] | self.reroot)
        high = hosts("high_hosts", block[64:], row[2], row[1] | row[2])
        m.d.comb += self.host.eq(Mux(self.select[1], low, 0) | Mux(self.select[2], high, 0))

        # Each row is judged as it comes; the parts' ends one after the other.
        fault = Signal()
        part = Signal(range(4))
        judging = Signal()
        in_host = self.flags
        with m.If(row[0]):
            m.d.sync += [self.shaped.eq(1), part.eq(0)]
            with m.If(self._shape_is_bad(block, num, mask_come, flags)):
                m.d.sync += fault.eq(1)
        with m.If(row[2]):
            m.d.sync += self.placed.eq(1)
            with m.If((_member(block, "vector") >= 32) | (_member(block, "used_host")[:2] != 0)
                      | (self.flags[FLAG["push"]]
                         & ((_member(block, "push_slot_log2") < 6)
                            | (_member(block, "push_slot_log2") > 16)))):
                m.d.sync += fault.eq(1)
        with m.If(row[3] & self.flags[FLAG["push"]] & (_member(block, "push_host")[:6] != 0)):
            m.d.sync += fault.eq(1)
        with m.If(row[1] & ((_member(block, "desc_host")[:4] != 0)
                            | _member(block, "avail_host")[0])):
            m.d.sync += fault.eq(1)

        entries = Signal(16)                 # mask + 1: of a power of two only one bit stays
        end = Signal(max(20, ceil_log2(self._ram_bytes)) + 1)   # where the part's last unit starts
        m.d.comb += [
            judging.eq(self.shaped & (part != 3)),
            entries.eq(Cat(1, self.mask) & ~self.mask),
        ]
        start, size = Signal(range(self._ram_bytes)), Signal(20)
        m.d.comb += end.eq(start + size)
        with m.Switch(part):
            with m.Case(0):
                m.d.comb += [start.eq(self.desc_card), size.eq(self.mask << 4)]
            with m.Case(1):
                # 2 * entries + 4; there are 2 at least.
                least, few = entries[1], entries[1] | entries[2]
                m.d.comb += [start.eq(self.avail_card),
                             size.eq(Cat(Const(0, 2), ~least, few, entries[3:]))]
            with m.Default():
                m.d.comb += [start.eq(self.used_card), size.eq((entries << 3) | 4)]
        with m.If(judging):
            m.d.sync += part.eq(part + 1)
            exempt = Cat(in_host[FLAG[name]] for name in
                         ("desc_in_host", "avail_in_host", "used_in_host")).bit_select(part, 1)
            with m.If((end[ceil_log2(self._ram_bytes):] != 0) & ~exempt):
                m.d.sync += fault.eq(1)

        m.d.comb += [
            self.done.eq(self.shaped & rows_come[2] & (part == 3)),
            self.bad.eq(fault),
        ]
        with m.If(self.start):
            m.d.sync += [self.shaped.eq(0), self.placed.eq(0), fault.eq(0)]
        return m

    def _shape_is_bad(self, block, num, mask, flags):
        """Whether the first row contradicts itself, apart from where its parts end."""
        card_bits = ceil_log2(self._ram_bytes)

        def part_is_bad(name, align_log2, in_host):
            address = _member(block, name)
            beyond = (address[card_bits:] != 0) & ~flags[FLAG[in_host]]
            return (address[:align_log2] != 0) | beyond

        pushes = flags[FLAG["push"]] & (flags[FLAG["buffers_in_host"]]
                                        | flags[FLAG["avail_in_host"]])
        return ((num & mask) != 0) | (num[1:] == 0) | (flags[_FLAGS:] != 0) | pushes \
            | (flags[FLAG["desc_in_host"]] & ~flags[FLAG["buffers_in_host"]]) \
            | part_is_bad("desc_card", 4, "desc_in_host") \
            | part_is_bad("avail_card", 2, "avail_in_host") \
            | part_is_bad("used_card", 2, "used_in_host")
