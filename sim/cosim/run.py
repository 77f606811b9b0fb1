# SPDX-License-Identifier: BSD-2-Clause
"""One co-simulation: simulator and QEMU, started together and ended together."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sim.harness.build import BUILD_ROOT

from .artifacts import BUILD, ROOT
from .channel import Channel, ChannelClosed, GuestShell, Late
from .initramfs import build_initramfs
from .qemu import qemu_command
from .simulator import CONFIGURATION, COUNTERS, DISTURBANCE, SOCKET, TLPS, WAVES

__all__ = ["Cosim", "CosimFailed"]

BOOT_TIMEOUT_S = 180
MODEL_TIMEOUT_S = 600
END_TIMEOUT_S = 30
LAST_WORDS_LINES = 40


class CosimFailed(Exception):
    """The run cannot go on, or was not clean; the text says why."""


class Cosim:
    """Context manager around a running host machine with the simulated card in it.

    Parameters
    ----------
    name : :class:`str`
        Logs and counters go to `build/cosim/NAME`, emptied first.
    share : path or None
        Directory to give to the guest, mounted at `/share`.
    firmware : path or None
        Image that the guest finds as `/lib/firmware/vop/card.bin`.
    programs, modules : iterable of path
        Of ours, for the guest: `/bin` and `/lib/modules`.
    remap : bool
        Whether the machine grants a device several MSI vectors.
    msix : bool
        Whether the card offers MSI-X, of which every machine grants several.
    card : bool
        Whether there is a card at all.
    simulator : list of :class:`str`
        Words that start the simulator process; the run's directory is added.

    Attributes
    ----------
    guest : :class:`~sim.cosim.channel.GuestShell`
        Runs commands in the guest.
    console : :class:`~sim.cosim.channel.Channel`
        The card's console, once the guest relays it.
    progress : callable
        Told each stage of the start, as a word and a text.
    """

    def __init__(self, name, *, share=None, firmware=None, programs=(), modules=(), remap=False,
                 msix=False, card=True, waves=False, simulator=None):  # fmt: skip
        self.directory = BUILD / "cosim" / name
        self._name = name
        self._share = share
        self._remap = remap
        self._card = card
        self._programs = programs
        self._files = {f"/lib/modules/{Path(module).name}": module for module in modules}
        if firmware is not None:
            self._files["/lib/firmware/vop/card.bin"] = firmware
        words = simulator or [sys.executable, "-m", "sim.cosim.simulator", name]
        self._simulator_words = [*words, *(["--waves"] if waves else []),
                                 *(["--msix"] if msix else [])]  # fmt: skip
        self._processes = {}
        self._channels = []
        self._sockets = None
        self.guest = None
        self.console = None
        self.progress = lambda stage, text: None

    def __enter__(self):
        try:
            self._start()
        except BaseException:
            self._kill()
            raise
        return self

    def __exit__(self, kind, *_exception):
        self._end()
        self._kill()

    def counters(self):
        """What the bridge counted and complained of; valid once the run has ended."""
        path = self.directory / COUNTERS
        if not path.exists():
            raise CosimFailed(f"the simulator left no counters; see {self.directory}/simulator.log")
        return json.loads(path.read_text())

    def configuration(self):
        """The model's configuration space when the card wrote its marker last; while it runs."""
        return (self._sockets / CONFIGURATION).read_bytes()

    def tlps(self):
        """TLPs between the last two changes of the card's marker: see :mod:`sim.cosim.tlp_log`."""
        return json.loads((self._sockets / TLPS).read_text())

    def disturb(self, *words):
        """Let link and slot have these faults from now on: see :mod:`sim.cosim.disturbance`."""
        (self._sockets / DISTURBANCE).write_text(" ".join(words))

    def waves(self):
        """Path of the waveforms, once the run has ended, or ``None``."""
        path = self.directory / WAVES
        return path if path.exists() else None

    def last_words(self, lines=LAST_WORDS_LINES):
        """The end of each process' log, by the log's name: what to read first after a failure."""
        return {path.name: "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
                for path in sorted(self.directory.glob("*.log"))}  # fmt: skip

    def check(self):
        """Raise :class:`CosimFailed` if a process has ended that should run."""
        for name, process in self._processes.items():
            if process.poll() is not None:
                raise CosimFailed(
                    f"{name} ended with status {process.returncode}; "
                    f"see {self.directory}/{name}.log"
                )

    # Start

    def _start(self):
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir(parents=True)
        # The path of a socket may have 107 bytes at most: not below a deep clone, then.
        self._sockets = Path(tempfile.mkdtemp(prefix="vop-"))
        initramfs = build_initramfs(
            self.directory / "initramfs.gz", programs=self._programs, files=self._files
        )
        if self._card:
            self.progress("card", "starting the simulated card; its model is built if it is new")
            self._spawn("simulator", [*self._simulator_words, self._sockets])
            self._wait_for_card()
        control = self._channel("control")
        self.console = self._channel("card")
        words = qemu_command(
            initramfs=initramfs, log=self.directory / "guest.log", control=control.path,
            card=self.console.path, share=self._share, remap=self._remap,
            card_socket=self._sockets / SOCKET if self._card else None,
        )  # fmt: skip
        self.progress("boot", "starting QEMU and a stock Linux kernel")
        self._spawn("qemu", words)
        for channel in self._channels:
            channel.accept(BOOT_TIMEOUT_S)
        self.guest = GuestShell(control)
        try:
            self.guest.wait_ready(BOOT_TIMEOUT_S)
            if self._share is not None:
                self.guest.check(
                    "mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144,"
                    "cache=none,access=client share /share"
                )
        except (ChannelClosed, Late) as error:
            self.check()
            raise CosimFailed(
                f"the guest did not boot: {error}; see {self.directory}/guest.log"
            ) from error

    def _channel(self, name):
        channel = Channel(self._sockets / name)
        self._channels.append(channel)
        return channel

    def _spawn(self, name, words):
        with open(self.directory / f"{name}.log", "w") as log:
            self._processes[name] = subprocess.Popen(
                [str(word) for word in words], stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, cwd=ROOT, start_new_session=True)  # fmt: skip

    def _wait_for_card(self):
        """QEMU connects once and never again: it is started when the bridge listens."""
        end = time.monotonic() + MODEL_TIMEOUT_S
        while not (self._sockets / SOCKET).exists():
            self.check()
            if time.monotonic() > end:
                raise CosimFailed(f"the simulator was not ready in {MODEL_TIMEOUT_S} s")
            time.sleep(0.05)

    # End

    def _end(self):
        """Let the guest power off, then QEMU's end ends the bridge."""
        for channel in self._channels:
            channel.close()
        self._channels = []
        for name in ("qemu", "simulator"):
            process = self._processes.get(name)
            try:
                if process is not None:
                    process.wait(END_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                return

    def _kill(self):
        """Whatever still runs ends now: a half-dead pair would wait for each other."""
        for process in self._processes.values():
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        for channel in self._channels:
            channel.close()
        if self._sockets is not None:
            left = (
                self._sockets / COUNTERS,
                BUILD_ROOT / "runs" / f"serve-run-{self._name}" / WAVES,
            )
            for path in left:
                if path.exists():
                    shutil.move(path, self.directory / path.name)
            shutil.rmtree(self._sockets, ignore_errors=True)
