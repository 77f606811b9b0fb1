# SPDX-License-Identifier: BSD-2-Clause
"""The pins of ``pcie_7x`` at 64 and 128 bits, as seen from the block.

Ref: Xilinx PG054, receive and transmit interfaces.
"""

from tlp_codec import decode

__all__ = ["Configuration", "TxMonitor", "drive_rx", "pack_beats"]


def pack_beats(tlps, *, straddle, rng, width=128):
    """Lay ``(tlp, bar)`` pairs out in beats: a list of (tdata, tkeep, tlast, tuser).

    With ``straddle``, a TLP starts at byte 8 where the one before ends in the lower half, or, now
    and then, alone; without it, each starts at byte 0. 64 bits know no straddling.
    """
    if width == 64:
        return [beat for tlp, bar in tlps for beat in _narrow_beats(tlp, bar)]
    beats = []
    half = 0                             # next free half beat
    for tlp, bar in tlps:
        if half % 2 and not straddle:
            half += 1
        if straddle and rng.random() < 0.1:
            half += 1
        dwords = tlp.dwords()
        start, end = 2 * half, 2 * half + len(dwords)
        while len(beats) < -(-end // 4):
            beats.append({"dwords": [0xDEADBEEF] * 4, "tuser": 0, "keep": 0, "last": 0})
        for at, dword in enumerate(dwords, start):
            beats[at // 4]["dwords"][at % 4] = dword
            beats[at // 4]["keep"] |= 0xF << 4 * (at % 4)
        first, last = beats[start // 4], beats[(end - 1) // 4]
        first["tuser"] |= 1 << 14 | (8 if start % 4 else 0) << 10
        if bar is not None:
            first["tuser"] |= (1 << bar | (1 << bar + 1 if bar == 2 else 0)) << 2
        last["tuser"] |= 1 << 21 | (4 * ((end - 1) % 4) + 3) << 17
        last["last"] = 1
        half = -(-end // 2)
    return [(sum(dword << 32 * n for n, dword in enumerate(beat["dwords"])),
             beat["keep"], beat["last"], beat["tuser"]) for beat in beats if beat["keep"]]


def _narrow_beats(tlp, bar):
    dwords = tlp.dwords()
    user = 0 if bar is None else (1 << bar | (1 << bar + 1 if bar == 2 else 0)) << 2
    for at in range(0, len(dwords), 2):
        pair = dwords[at:at + 2]
        yield (pair[0] | (pair[1] if len(pair) > 1 else 0xDEADBEEF) << 32,
               0xFF if len(pair) > 1 else 0x0F, at + 2 >= len(dwords), user)


async def drive_rx(ctx, pins, beats, pace):
    """Send beats to the shim; return the cycles that it took."""
    cycles = 0
    for tdata, tkeep, tlast, tuser in beats:
        while not pace():
            await ctx.tick()
            cycles += 1
        ctx.set(pins.m_axis_rx_tdata, tdata)
        ctx.set(pins.m_axis_rx_tkeep, tkeep)
        ctx.set(pins.m_axis_rx_tlast, tlast)
        ctx.set(pins.m_axis_rx_tuser, tuser)
        ctx.set(pins.m_axis_rx_tvalid, 1)
        ready = 0
        while not ready:
            *_, ready = await ctx.tick().sample(pins.m_axis_rx_tready)
            cycles += 1
        ctx.set(pins.m_axis_rx_tvalid, 0)
    return cycles


class TxMonitor:
    """Takes what the shim sends, checks its framing, and keeps the TLPs.

    ``tlps`` are those received whole; ``beats`` counts beats; ``gaps`` counts cycles without a beat
    between the first and the latest one; ``poisoned`` keeps tuser[1] of each TLP.
    """

    def __init__(self, pins, pace):
        self._pins = pins
        self._pace = pace
        self._keeps = [(1 << 4 * lane + 4) - 1 for lane in range(pins.signature.width // 32)]
        self._link_bytes = b""
        self._idle = 0
        self.tlps = []
        self.poisoned = []
        self.beats = 0
        self.gaps = 0
        self.started = 0

    async def run(self, ctx):
        pins = self._pins
        offered = None
        while True:
            # A block that has begun to take a TLP may still pause; so does this one.
            ready = self._pace()
            ctx.set(pins.s_axis_tx_tready, ready)
            _, _, valid, *beat = await ctx.tick().sample(
                pins.s_axis_tx_tvalid, pins.s_axis_tx_tdata, pins.s_axis_tx_tkeep,
                pins.s_axis_tx_tlast, pins.s_axis_tx_tuser)
            assert offered is None or (valid and beat == offered), "tx must stand until taken"
            offered = beat if valid and not ready else None
            if valid and ready:
                self._take(*beat)
            elif self.beats:
                self._idle += 1

    def _take(self, tdata, tkeep, tlast, tuser):
        self.gaps += self._idle
        self._idle = 0
        self.beats += 1
        if not self._link_bytes:
            self.started += 1
        assert tkeep in self._keeps
        assert tlast or tkeep == self._keeps[-1], "only the last beat may be partial"
        assert tuser in (0, 2)
        for lane in range(tkeep.bit_length() // 4):
            self._link_bytes += (tdata >> 32 * lane & 0xFFFF_FFFF).to_bytes(4, "big")
        if tlast:
            self.tlps.append(decode(self._link_bytes))
            self.poisoned.append(bool(tuser & 2))
            self._link_bytes = b""


class Configuration:
    """Sets the configuration pins: what a host has programmed."""

    def __init__(self, pins):
        self._pins = pins

    def set(self, ctx, *, bus=5, device=3, function=0, bus_master=1, mps_log2=0, mrrs_log2=2,
            msi=1, msi_log2=0, msix=0, msix_masked=0, tx_buf_av=32):
        """``mps_log2`` and ``mrrs_log2`` count from 128 bytes."""
        pins = self._pins
        ctx.set(pins.cfg_bus_number, bus)
        ctx.set(pins.cfg_device_number, device)
        ctx.set(pins.cfg_function_number, function)
        ctx.set(pins.cfg_command, bus_master << 2 | 2)
        ctx.set(pins.cfg_dcommand, mps_log2 << 5 | mrrs_log2 << 12)
        ctx.set(pins.cfg_interrupt_msienable, msi)
        ctx.set(pins.cfg_interrupt_msixenable, msix)
        ctx.set(pins.cfg_interrupt_msixfm, msix_masked)
        ctx.set(pins.cfg_err_cpl_rdy, 1)
        ctx.set(pins.cfg_interrupt_mmenable, msi_log2)
        ctx.set(pins.tx_buf_av, tx_buf_av)
        ctx.set(pins.user_lnk_up, 1)
