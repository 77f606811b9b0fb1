# SPDX-License-Identifier: BSD-2-Clause
"""The pins of the UltraScale+ block, as seen from the block.

Ref: Xilinx PG213, descriptor formats. Nothing here is shared with vop but pin names.
"""

from tlp_codec import Tlp

__all__ = ["REQUEST_TYPES", "Block", "completion_packet", "request_packet"]

REQUEST_TYPES = {
    "MRd": 0, "MWr": 1, "IORd": 2, "IOWr": 3, "FetchAdd": 4, "Swap": 5, "CAS": 6, "MRdLk": 7,
    "CfgRd0": 8, "CfgRd1": 9, "CfgWr0": 10, "CfgWr1": 11, "Msg": 12, "MsgD": 12,
}
_NAMES = {0: "MRd", 1: "MWr"}


def _words(data):
    return [int.from_bytes(data[n:n + 4], "little") for n in range(0, len(data), 4)]


def request_packet(tlp, bar):
    """What CQ carries: (DWs, byte enables of each DW, first_be, last_be)."""
    has_address = REQUEST_TYPES[tlp.kind] < 8
    address = tlp.address if has_address else 0
    words = [address & 0xFFFF_FFFC, address >> 32,
             tlp.length | REQUEST_TYPES[tlp.kind] << 11 | tlp.requester << 16,
             tlp.tag | (bar or 0) << 16 | 12 << 19 | tlp.traffic_class << 25 | tlp.attr << 28]
    payload = _words(tlp.payload)
    enables = [0xF] * len(payload)
    if payload:
        enables[-1] = tlp.last_be
        enables[0] = tlp.first_be
    return words + payload, [0] * 4 + enables, tlp.first_be, tlp.last_be


def completion_packet(tlp, *, error=0):
    """What RC carries, in the same form."""
    words = [tlp.lower_address | error << 12 | tlp.byte_count << 16 | 1 << 30,
             tlp.length | tlp.status << 11 | tlp.poisoned << 14 | tlp.requester << 16,
             tlp.tag | tlp.completer << 8 | tlp.traffic_class << 25 | tlp.attr << 28]
    return words + _words(tlp.payload), [0] * 3 + [0xF] * tlp.length, 0, 0


class Block:
    """Drives and watches the pins.

    ``sent`` holds the TLPs that the card sent, in the order in which they ended; ``refused`` the
    request DWs behind each refusal; ``sequences`` the sequence numbers of writes not yet reported.
    While ``reports`` is set they are reported ``delay`` cycles after their last beat.
    """

    def __init__(self, pins, pace, *, reports=True, delay=5):
        self.pins, self.pace = pins, pace
        self.width = pins.signature.width
        self.lanes = self.width // 32
        self.reports, self.delay = reports, delay
        self.sent, self.refused, self.locked = [], [], []
        self.sequences = []
        self.beats = {"rq": 0, "cc": 0}
        self.gaps = {"rq": 0, "cc": 0}
        self.cycle = 0

    def configure(self, ctx, *, bus=5, bus_master=1, mps_log2=0, mrrs_log2=2, msi=1, msi_log2=0,
                  credits=15):
        """``mps_log2`` and ``mrrs_log2`` count from 128 bytes."""
        pins = self.pins
        ctx.set(pins.cfg_bus_number, bus)
        ctx.set(pins.cfg_function_status, bus_master << 2 | 2)
        ctx.set(pins.cfg_max_payload, mps_log2)
        ctx.set(pins.cfg_max_read_req, mrrs_log2)
        ctx.set(pins.cfg_interrupt_msi_enable, msi)
        ctx.set(pins.cfg_interrupt_msi_mmenable, msi_log2)
        ctx.set(pins.pcie_tfc_nph_av, credits)
        ctx.set(pins.user_lnk_up, 1)

    async def drive(self, ctx, name, packets, *, discontinue=()):
        """Send packets on ``cq`` or ``rc``; those whose number is in ``discontinue`` are broken."""
        pin = {part: getattr(self.pins, f"m_axis_{name}_t{part}")
               for part in ("data", "keep", "last", "valid", "ready", "user")}
        at_discontinue = 41 if name == "cq" else 42
        at_enables = 8 if name == "cq" else 0
        for number, (words, enables, first_be, last_be) in enumerate(packets):
            for at in range(0, len(words), self.lanes):
                while not self.pace():
                    await ctx.tick()
                part, enable = words[at:at + self.lanes], enables[at:at + self.lanes]
                last = at + self.lanes >= len(words)
                user = sum(bits << 4 * n + at_enables for n, bits in enumerate(enable))
                if name == "cq" and at == 0:
                    user |= first_be | last_be << 4 | 1 << 40
                user |= (last and number in discontinue) << at_discontinue
                ctx.set(pin["data"], sum(word << 32 * n for n, word in enumerate(part)))
                ctx.set(pin["keep"], (1 << len(part)) - 1)
                ctx.set(pin["last"], last)
                ctx.set(pin["user"], user)
                ctx.set(pin["valid"], 1)
                ready = 0
                while not ready:
                    *_, ready = await ctx.tick().sample(pin["ready"])
                ctx.set(pin["valid"], 0)

    async def watch_rq(self, ctx):
        """Take what comes on RQ."""
        await self._watch(ctx, "rq", self._take_request)

    async def watch_cc(self, ctx):
        """Take what comes on CC."""
        await self._watch(ctx, "cc", self._take_completion)

    async def _watch(self, ctx, name, take):
        pin = {part: getattr(self.pins, f"s_axis_{name}_t{part}")
               for part in ("data", "keep", "last", "valid", "ready", "user")}
        words, user, offered, idle = [], 0, None, 0
        while True:
            ready = self.pace()
            ctx.set(pin["ready"], ready)
            _, _, valid, *beat = await ctx.tick().sample(
                pin["valid"], pin["data"], pin["keep"], pin["last"], pin["user"])
            assert offered is None or (valid and beat == offered), f"{name} must stand until taken"
            offered = beat if valid and not ready else None
            if not (valid and ready):
                idle += self.beats[name] > 0
                continue
            data, keep, last, beat_user = beat
            self.gaps[name] += idle
            self.beats[name] += 1
            idle = 0
            user = user if words else beat_user
            present = keep.bit_length()
            assert keep == (1 << present) - 1, "tkeep must be whole from the bottom"
            assert last or present == self.lanes, "only the last beat may be partial"
            words += [data >> 32 * n & 0xFFFF_FFFF for n in range(present)]
            if last:
                take(words, user)
                words = []

    def _take_request(self, words, user):
        assert not words[0] & 3
        assert not words[3] & 1 << 24, "the block knows the requester better"
        length = words[2] & 0x7FF
        kind = _NAMES[words[2] >> 11 & 15]
        payload = b"".join(word.to_bytes(4, "little") for word in words[4:])
        assert len(payload) == (4 * length if kind == "MWr" else 0)
        sequence = user >> 24 & 15 | (user >> 60 & 3) << 4
        assert not user & 0xFFF_FFFF & ~0xFF00_00FF & ~(0xF << 24), "nothing else in tuser"
        self.sent.append(Tlp(
            kind, length, payload, requester=words[2] >> 16, tag=words[3] & 0xFF,
            address=words[0] | words[1] << 32, first_be=user & 15, last_be=user >> 4 & 15,
            traffic_class=words[3] >> 25 & 7, attr=words[3] >> 28 & 3,
            poisoned=bool(words[2] >> 15 & 1)))
        if kind == "MWr":
            self.sequences.append((self.cycle + self.delay, sequence))

    def _take_completion(self, words, user):
        assert user == 0
        assert not words[2] & 1 << 24, "the block knows the completer better"
        length = words[1] & 0x7FF
        status = words[1] >> 11 & 7
        if length == 0 and status:
            self.refused.append(words[3:])
            self.locked.append(bool(words[0] >> 29 & 1))
        else:
            assert len(words) == 3 + length
        payload = b"".join(word.to_bytes(4, "little") for word in words[3:3 + length])
        self.sent.append(Tlp(
            "CplD" if length else "Cpl", length, payload, requester=words[1] >> 16,
            completer=words[2] >> 8 & 0xFFFF, tag=words[2] & 0xFF, status=status,
            byte_count=words[0] >> 16 & 0x1FFF, lower_address=words[0] & 0x7F,
            traffic_class=words[2] >> 25 & 7, attr=words[2] >> 28 & 3,
            poisoned=bool(words[1] >> 14 & 1)))

    async def report(self, ctx):
        """Report writes, each some cycles after its end, and reads as well."""
        pins = self.pins
        while True:
            await ctx.tick()
            self.cycle += 1
            ctx.set(pins.pcie_rq_seq_num_vld0, 0)
            ctx.set(pins.pcie_rq_seq_num_vld1, 0)
            if self.reports:
                for number, valid in ((pins.pcie_rq_seq_num0, pins.pcie_rq_seq_num_vld0),
                                      (pins.pcie_rq_seq_num1, pins.pcie_rq_seq_num_vld1)):
                    if self.sequences and self.sequences[0][0] <= self.cycle:
                        ctx.set(number, self.sequences.pop(0)[1])
                        ctx.set(valid, 1)
