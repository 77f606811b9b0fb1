# SPDX-License-Identifier: Apache-2.0
"""Fixtures: vopd built with sanitizers over the fake driver, and running programs."""

import fcntl
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest
from fake_card import LATE_SECONDS, FakeCard, eventually

TOP = Path(__file__).resolve().parents[2]
DAEMON = TOP / "host-driver" / "daemon"


def make_daemon(*settings):
    """Build the daemon; test processes that run side by side take turns."""
    lock = TOP / "build" / "daemon.lock"
    lock.parent.mkdir(exist_ok=True)
    with open(lock, "w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        subprocess.run(["make", "-s", "-C", DAEMON, *settings], check=True)


@pytest.fixture(scope="session")
def vopd_program():
    """Path of vopd, built with ASan and UBSan over the fake driver."""
    make_daemon("SANITIZE=1")
    return TOP / "build" / "host-test" / "vopd"


@pytest.fixture(scope="session")
def vopctl_program():
    """Path of vopctl as users get it."""
    make_daemon()
    return TOP / "build" / "host" / "vopctl"


@pytest.fixture(scope="session")
def sanitized_vopctl_program():
    """The same, built with ASan and UBSan over the fake driver of the self-test."""
    make_daemon("SANITIZE=1")
    return TOP / "build" / "host-test" / "vopctl"


@pytest.fixture
def card():
    """A fake card; its path is short, as a socket's must be."""
    with tempfile.TemporaryDirectory(prefix="vop") as folder:
        card = FakeCard(Path(folder))
        yield card
        card.close()


@pytest.fixture
def share(tmp_path):
    """A folder to share."""
    folder = tmp_path / "share, with a comma"
    folder.mkdir()
    return folder


class Vopd:
    """A running vopd, its standard error in a file."""

    def __init__(self, program, card, log, *options):
        self._log = log
        self.control = card.folder / "control"
        with log.open("wb") as errors:
            self.process = subprocess.Popen(
                [program, f"--device={card.folder}", f"--control={self.control}", *options],
                stderr=errors,
                stdin=subprocess.DEVNULL,
                cwd=log.parent,  # diod 1.0.24 may dump core there, when it ends with fids open
            )

    def log(self):
        """What vopd has said."""
        return self._log.read_text()

    def ask(self, request):
        """Send a request to the control socket; return the answer."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
            connection.settimeout(LATE_SECONDS)
            connection.connect(str(self.control))
            connection.send(request.encode())
            return connection.recv(8192).decode()

    def wait(self):
        """Wait for the end; return the exit status."""
        return self.process.wait(LATE_SECONDS)

    def stop(self):
        """End vopd as init would; return the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def diod(self):
        """Process id of its diod."""
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        (pid,) = path.read_text().split()
        return int(pid)

    def freeze_diod(self):
        """Stop diod, and wait until each of its threads stands still; returns its process id."""
        return freeze(self.diod())

    def freeze(self):
        """Stop vopd in the same way."""
        return freeze(self.process.pid)


def freeze(pid):
    """Stop a process, and wait until each of its threads stands still; returns ``pid``."""
    os.kill(pid, signal.SIGSTOP)
    threads = Path(f"/proc/{pid}/task")
    eventually(
        lambda: all(
            thread.read_text().rpartition(")")[2].split()[0] == "T"
            for thread in threads.glob("*/stat")
        )
    )
    return pid


@pytest.fixture
def start_vopd(vopd_program, card, tmp_path):
    """Start vopd on the fake card; it must end cleanly, and no sanitizer may have spoken."""
    if not shutil.which("diod", path=os.environ["PATH"] + ":/usr/sbin"):
        pytest.skip("diod is not installed (apt-get install diod)")
    running = []

    def start(*options):
        options = (f"--diod={shutil.which('diod') or '/usr/sbin/diod'}", *options)
        running.append(Vopd(vopd_program, card, tmp_path / f"vopd{len(running)}.log", *options))
        return running[-1]

    yield start
    for vopd in running:
        if vopd.process.poll() is None:
            assert vopd.stop() == 0, vopd.log()
        assert "Sanitizer" not in vopd.log(), vopd.log()
        assert "runtime error" not in vopd.log(), vopd.log()
