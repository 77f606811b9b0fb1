# SPDX-License-Identifier: BSD-2-Clause
"""A directory with all that Vivado needs to make a board's bitstream, and that a person may read.

=========================  =====================================================
file                       what
=========================  =====================================================
`build_top.*`              run Vivado on `top.tcl`
`top.tcl`                  the steps, from sources to bitstream
`top.v`, `VexRiscv_*.v`    the gateware, the firmware in its memories
`top.xdc`                  pins and input clocks
`asynchronous.xdc`         pins without a clock
`pcie_7x_0.tcl`            makes the PCIe block's IP
`linked.tcl`               clock crossings and places of the transceivers
`routed.tcl`               judges the timing
=========================  =====================================================
"""

from ..shims.pcie_7x_ip import MODULE
from .constraints import linked_design, routed_design
from .ip import recipe
from .top import CPU_HZ, BoardTop

__all__ = ["IP", "LINKED", "ROUTED", "TOP", "prepare", "write"]

TOP = "top"
IP = f"{MODULE}.tcl"
LINKED = "linked.tcl"
ROUTED = "routed.tcl"


def prepare(board, **parameters):
    """Files of the project by name, for ``board`` and the ``parameters`` of its card.

    Raises
    ------
    ValueError
        If the card cannot be built so.
    """
    firmware = parameters.get("firmware", b"")
    if len(firmware) > board.ram_bytes:
        raise ValueError(f"Firmware must fit into {board.ram_bytes} bytes of card RAM on "
                         f"{board.title}, and has {len(firmware)}")
    platform = board.platform(toolchain="Vivado")
    platform.add_file(IP, recipe(board.link, ram_bytes=board.ram_bytes))
    platform.add_file(LINKED, linked_design(board, cpu_hz=CPU_HZ))
    platform.add_file(ROUTED, routed_design())
    plan = platform.build(
        BoardTop(board, **parameters), name=TOP, do_build=False, emit_src=False,
        script_after_read=f"source {IP}",
        script_after_synth=f"source {LINKED}",
        script_after_route=f"source {ROUTED}")
    return {name: content for name, content in plan.files.items() if "debug" not in name}


def write(files, folder):
    """Write ``files`` into ``folder``; return their paths, sorted."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, content in sorted(files.items()):
        path = folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        if path.suffix == ".sh":
            path.chmod(0o755)
        paths.append(path)
    return paths
