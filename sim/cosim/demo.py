# SPDX-License-Identifier: BSD-2-Clause
"""`make demo`: boots a host with the simulated card, attaches a share, drives the card's shell.

Environment: SHARE (directory to serve), CARD (commands for the card's shell), INTERACTIVE=1,
FIRMWARE=auto|baremetal|zephyr, WAVES=1.

Exit status: 0 if every command on the card succeeded, every copy equals its source on the host,
and the bridge found no fault; 1 if not; 2 for bad input.
"""

import argparse
import filecmp
import json
import os
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from .artifacts import BUILD, ROOT, Missing
from .channel import ChannelClosed, CommandFailed, Late
from .commands import copy_on_share, split_commands
from .host_machine import MOUNT, HostMachine
from .report import FINISHED, table, traffic_between
from .run import CosimFailed
from .terminal import hand_over

__all__ = ["main"]

DEFAULT_SHARE = ROOT / "sim" / "cosim" / "share"
DEFAULT_CARD = ("ls /host; cat /host/hello.txt; cp /host/a.bin /host/b.bin; "
                "stat /host/b.bin; df")  # fmt: skip
BIG_FILE_BYTES = 1 << 20
REPORT = BUILD / "demo" / "report.json"
WAVES = BUILD / "demo" / "card.vcd"
# Wall time for one command: the card's own bounds are shorter, but its clock runs slower.
COMMAND_TIMEOUT_S = 1200
BAD_INPUT = 2

_START = time.monotonic()


class BadInput(Exception):
    """The user asked for what cannot be done; the text says what was wrong."""


@dataclass(frozen=True)
class Options:
    """What was asked for, checked."""

    share: Path
    commands: list[str]
    interactive: bool
    firmware: str
    waves: bool


def say(stage, text):
    """Print one line of progress: seconds since the start, the stage, what happens."""
    print(f"[{time.monotonic() - _START:6.1f} s] {stage:<8} {text}", flush=True)


def options_from(environment):
    """Check what the user gave.

    Raises
    ------
    BadInput
        If any of it makes no sense.
    """
    share = Path(environment.get("SHARE") or DEFAULT_SHARE).absolute()
    if not share.exists():
        raise BadInput(f"SHARE={share}: there is no such directory")
    if not share.is_dir():
        raise BadInput(f"SHARE={share}: not a directory")
    if not os.access(share, os.R_OK | os.X_OK):
        raise BadInput(f"SHARE={share}: you may not read it")
    if share == DEFAULT_SHARE:
        _lay_out_default_share()
    commands = split_commands(environment.get("CARD") or DEFAULT_CARD)
    if not commands:
        raise BadInput("CARD names no command")
    flags = {}
    for name in ("INTERACTIVE", "WAVES"):
        value = environment.get(name) or "0"
        if value not in ("0", "1"):
            raise BadInput(f"{name} must be 0 or 1, not {value!r}")
        flags[name] = value == "1"
    firmware = _choose_firmware(environment)
    return Options(share, commands, flags["INTERACTIVE"], firmware, flags["WAVES"])


def _choose_firmware(environment):
    wanted = environment.get("FIRMWARE") or "auto"
    tree = environment.get("ZEPHYR_BASE")
    if wanted not in ("auto", "baremetal", "zephyr"):
        raise BadInput(f"FIRMWARE must be auto, baremetal or zephyr, not {wanted!r}")
    if wanted == "zephyr" and not tree:
        raise BadInput("FIRMWARE=zephyr needs a Zephyr tree: set ZEPHYR_BASE")
    if wanted == "auto":
        return "zephyr" if tree and Path(tree).is_dir() else "baremetal"
    return wanted


def _lay_out_default_share():
    """The default share's big file is made, not kept in the repository."""
    big = DEFAULT_SHARE / "a.bin"
    if not big.exists() or big.stat().st_size != BIG_FILE_BYTES:
        block = bytes(range(251))  # a prime: no alignment of the data path hides an error
        big.write_bytes((block * (BIG_FILE_BYTES // len(block) + 1))[:BIG_FILE_BYTES])


class Demo:
    """One run. ``problems`` collects why it is not a success; nothing is raised for those."""

    def __init__(self, options):
        self._options = options
        self.outcomes = []
        self.problems = []
        self.waves = None

    def run(self):
        """Run every stage; returns the traffic counters, or ``None`` if the run broke off."""
        options = self._options
        machine = HostMachine("demo", options.share, options.firmware, waves=options.waves)
        machine.progress = say
        try:
            with machine:
                self._attach(machine)
                if options.interactive:
                    say("shell", "the card's shell is yours; Ctrl-] leaves it")
                    hand_over(machine.console)
                    print(flush=True)  # what was left stands behind a prompt
                    machine.shell.new_line(COMMAND_TIMEOUT_S)
                else:
                    for command in options.commands:
                        self._command(machine, command)
                machine.shell.run(f"mark {FINISHED}", COMMAND_TIMEOUT_S)
                say("end", "powering off")
        except (CosimFailed, CommandFailed, Late, ChannelClosed) as error:
            self.problems.append(str(error))
        self.waves = machine.waves()
        try:
            counters = machine.counters()
        except CosimFailed as error:
            self.problems.append(str(error))
            return None
        self.problems += [f"bridge: {fault}" for fault in counters["faults"]]
        return traffic_between(counters)

    def _attach(self, machine):
        say("boot", "Linux is up, the card is on its PCI bus; loading vop_host")
        machine.load_driver()
        say("card", f"firmware {self._options.firmware} is online; starting vopd")
        machine.start_daemon()
        machine.wait_mounted()
        say("mount", f"{self._options.share} is attached: the card has mounted it at {MOUNT}")

    def _command(self, machine, command):
        print(f"card:/> {command}", flush=True)
        began = time.monotonic()
        outcome = machine.shell.run(command, COMMAND_TIMEOUT_S,
                                    lambda: say("card", "still at it"))  # fmt: skip
        self.outcomes.append(outcome)
        if outcome.output:
            print(outcome.output.removesuffix("\n"), flush=True)
        if outcome.status != 0:
            self.problems.append(f"on the card: {command}: status {outcome.status}")
            return
        copy = copy_on_share(command, self._options.share, MOUNT)
        if copy is None:
            return
        source, destination = copy
        seconds = time.monotonic() - began
        if destination.is_file() and filecmp.cmp(source, destination, shallow=False):
            size = destination.stat().st_size
            say("compare", f"{source.name} and {destination.name} are equal on the host: "
                           f"{size} bytes, {seconds:.1f} s")  # fmt: skip
        else:
            self.problems.append(f"on the host, {destination} is not equal to {source}")


def write_report(options, demo, traffic):
    """Write `build/demo/report.json`."""
    report = {
        "firmware": options.firmware,
        "share": str(options.share),
        "commands": [asdict(outcome) for outcome in demo.outcomes],
        "problems": demo.problems,
        **(traffic or {}),
    }
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")


def main(words=None):
    """Run the demo; returns the exit status."""
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args(words)
    for path in (REPORT, WAVES):
        path.unlink(missing_ok=True)
    try:
        options = options_from(os.environ)
        demo = Demo(options)
        traffic = demo.run()
    except (BadInput, Missing) as error:
        print(f"demo: {error}", file=sys.stderr)
        return BAD_INPUT
    write_report(options, demo, traffic)
    if demo.waves:
        print(f"  waveforms: {demo.waves.replace(WAVES).relative_to(ROOT)}")
    if traffic:
        print(table(traffic))
    print(f"  report: {REPORT.relative_to(ROOT)}; logs: build/cosim/demo")
    for problem in demo.problems:
        print(f"demo: {problem}", file=sys.stderr)
    return 1 if demo.problems else 0


if __name__ == "__main__":
    sys.exit(main())
