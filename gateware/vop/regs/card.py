# SPDX-License-Identifier: BSD-2-Clause
"""What only the card's CPU sees: machine timer, interrupts, UART; and its address map."""

from ..regmap.model import Access, Block, Constants, Field, Register, Side

__all__ = ["CARD_ADDRESSES", "INTERRUPT_LINES", "TIMER", "INTC", "UART"]

CARD_ADDRESSES = Constants("card_addresses", "The CPU's address map. A card address is a CPU "
                           "address and an offset in BAR2, all three the same number.", (
    ("ram", 0x0000_0000, "Card RAM; the CPU starts at its first word."),
    ("registers", 0xF000_0000, "The register space; its first 64 KiB are also BAR0."),
    ("bar0_bytes", 0x1_0000, "Size of BAR0."),
    ("default_ram_bytes", 0x4_0000, "Default size of card RAM."),
))

INTERRUPT_LINES = Constants("interrupt_lines", "Lines of the CPU's external interrupt array.", (
    ("uart", 0, "The UART has received a character."),
    ("copier", 1, "A card channel's command with the interrupt bit has ended, or a channel "
     "failed."),
    ("used", 2, "`complete` wrote a used element that the driver wants to hear of."),
    ("doorbell_group", 8, "Lines 8 to 11: doorbells 0 to 7, 8 to 15, 16 to 23, 24 to 31."),
))

TIMER = Block("timer", 0x1_0000, 0x1_0000, "Machine timer, laid out like a SiFive CLINT.", (
    Register("msip", 0x0000, "Software interrupt.", (
        Field("pending", 0, 1, Access.RW, "1 raises the machine software interrupt."),
    ), written_by=Side.CARD),
    Register("mtimecmp_lo", 0x4000, "Time of the next timer interrupt, low half.", (
        Field("value", 0, 32, Access.RW, "Bits 31 to 0, in ticks.", reset=0xFFFF_FFFF),
    ), written_by=Side.CARD),
    Register("mtimecmp_hi", 0x4004, "Time of the next timer interrupt, high half.", (
        Field("value", 0, 32, Access.RW, "Bits 63 to 32, in ticks.", reset=0xFFFF_FFFF),
    ), written_by=Side.CARD),
    Register("mtime_lo", 0xBFF8, "Time since reset, low half.", (
        Field("value", 0, 32, Access.R, "Bits 31 to 0, in ticks of the clock."),
    ), written_by=Side.CARD),
    Register("mtime_hi", 0xBFFC, "Time since reset, high half.", (
        Field("value", 0, 32, Access.R, "Bits 63 to 32, in ticks of the clock."),
    ), written_by=Side.CARD),
))

INTC = Block("intc", 0x2_0000, 0x100, "Interrupt lines, and the register that the CPU parks on.", (
    Register("pending", 0x00, "Lines that are high now, enabled or not.", (
        Field("lines", 0, 32, Access.R, "Bit n: line n is high."),
    ), written_by=Side.CARD),
    Register("enable", 0x04, "Lines that reach the CPU.", (
        Field("lines", 0, 32, Access.RW, "Bit n: line n interrupts the CPU and ends a wait."),
    ), written_by=Side.CARD),
    Register("clear", 0x08, "Clears the latched lines `copier` and `used`.", (
        Field("lines", 0, 32, Access.W, "Writing 1 to bit n clears line n if it is latched."),
    ), written_by=Side.CARD),
    Register("wait", 0x0C, "Reading it answers only when an enabled line is high, or the timer or "
             "software interrupt is pending: the CPU parks here, as its `wfi` does not wait.", (
        Field("pending", 0, 32, Access.R, "Enabled lines that are high; 0 if it was the timer."),
    ), written_by=Side.CARD),
))

UART = Block("uart", 0x2_1000, 0x100, "Serial line, 8 data bits, no parity, 1 stop bit.", (
    Register("data", 0x00, "Character.", (
        Field("sent", 0, 8, Access.W, "Writing sends a character; it is lost unless `tx_ready`."),
        Field("received", 0, 8, Access.R, "Reading takes the received character."),
    ), written_by=Side.CARD),
    Register("status", 0x04, "State of both directions.", (
        Field("tx_ready", 0, 1, Access.R, "A character can be written."),
        Field("rx_valid", 1, 1, Access.R, "A character can be read."),
        Field("rx_overrun", 2, 1, Access.R, "A character was lost since `data` was last read."),
    ), written_by=Side.CARD),
    Register("divisor", 0x08, "Clock cycles per bit.", (
        Field("cycles", 0, 16, Access.RW, "Clock frequency over baud rate.", reset=1085),
    ), written_by=Side.CARD),
))
