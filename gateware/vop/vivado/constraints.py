# SPDX-License-Identifier: BSD-2-Clause
"""Constraints that the platform does not write: asynchronous pins, clock crossings, transceivers.

The platform itself writes pins and input clocks, and excepts the first flip-flop of every
synchroniser.
"""

from ..shims.pcie_7x_ip import MODULE

__all__ = ["ASYNCHRONOUS_PINS", "PCIE_CLOCK", "CPU_CLOCK", "asynchronous_pins", "linked_design",
           "routed_design"]

#: Name of the file of :func:`asynchronous_pins`.
ASYNCHRONOUS_PINS = "asynchronous.xdc"

#: Where the two clocks of the card come from, as pins of the design: see :mod:`vop.vivado.top`.
PCIE_CLOCK = "pcie/block/user_clk_out"
CPU_CLOCK = "cpu_clock/pll/CLKOUT0"

_CHANNELS = {"GTPE2": "gtp_channel.gtpe2_channel_i", "GTXE2": "gtx_channel.gtxe2_channel_i"}


def asynchronous_pins(inputs, outputs):
    """XDC: no path from ``inputs`` or to ``outputs`` has a time to keep."""
    return "".join([
        "# Pins that no clock is related to. vop/vivado/constraints.py wrote this.\n",
        *(f"set_false_path -from [get_ports {{{name}}}]\n" for name in inputs),
        *(f"set_false_path -to [get_ports {{{name}}}]\n" for name in outputs)])


def linked_design(board, *, cpu_hz):
    """Tcl for the design with all IP in it, before it is placed."""
    pcie_ns, cpu_ns = 1e9 / board.link.clock_hz, 1e9 / cpu_hz
    kind = board.transceivers[0].partition("_")[0]
    places = "\n".join(f"place_lane {lane} {site}"
                       for lane, site in enumerate(board.transceivers))
    return f"""\
# What only the whole design can be told. vop/vivado/constraints.py wrote this.

# The IP is synthesised by itself: this puts its netlist in its place.
opt_design

# Crossings between the clocks of card and CPU: what crosses stands still, behind a toggle that
# takes two cycles of the other clock. It has one of them to arrive.
proc clock_at {{pin}} {{
    set clocks [get_clocks -quiet -of_objects [get_pins -quiet $pin]]
    if {{[llength $clocks] == 0}} {{
        error "expected a clock at $pin, found none: has the hierarchy changed?"
    }}
    return $clocks
}}
set pcie [clock_at {PCIE_CLOCK}]
set cpu [clock_at {CPU_CLOCK}]
set_max_delay -datapath_only -from $cpu -to $pcie {pcie_ns:.3f}
set_max_delay -datapath_only -from $pcie -to $cpu {cpu_ns:.3f}

# The IP places its transceivers as on Xilinx's own boards. A cell's place beats that of a pin
# without a word, and the lane would end at the pins of another.
set channels [get_cells -quiet -hierarchical -filter {{NAME =~ *{_CHANNELS[kind]}}}]
if {{[llength $channels] != {board.link.lanes}}} {{
    error "expected {board.link.lanes} transceivers in {MODULE}, found [llength $channels]"
}}
reset_property LOC $channels
proc place_lane {{lane site}} {{
    set cell [get_cells -hierarchical -filter \\
        "NAME =~ *pipe_lane\\[$lane\\].gt_wrapper_i/{_CHANNELS[kind]}"]
    if {{[llength $cell] != 1}} {{
        error "expected one transceiver of lane $lane, found [llength $cell]"
    }}
    set_property LOC $site $cell
}}
{places}
"""


def routed_design():
    """Tcl for the routed design: no bitstream that misses its times, unless asked for one."""
    return """\
# Refuse to go on with a design that is too slow. vop/vivado/constraints.py wrote this.
phys_opt_design
foreach kind {setup hold} {
    set worst [get_timing_paths -quiet -max_paths 1 -nworst 1 -$kind]
    if {[llength $worst] == 0} {
        error "expected a path with a $kind slack, found none: are the clocks constrained?"
    }
    set slack [get_property SLACK $worst]
    puts "worst $kind slack: $slack ns"
    if {$slack < 0} {
        report_timing_summary -max_paths 10 -file top_timing_missed.rpt
        set missed "$kind is missed by [expr {-$slack}] ns: see top_timing_missed.rpt"
        if {![info exists ::env(IGNORE_TIMING)] || $::env(IGNORE_TIMING) ne "1"} {
            error "$missed; IGNORE_TIMING=1 makes a bitstream all the same"
        }
        puts "CRITICAL WARNING: $missed"
    }
}
"""
