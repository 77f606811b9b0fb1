# SPDX-License-Identifier: BSD-2-Clause
"""A byte channel to a virtio-serial port of the guest, and the control shell behind one."""

import select
import socket
import time

__all__ = ["Channel", "ChannelClosed", "Late", "GuestShell", "CommandFailed"]

#: What the kernel's log says of a bug.
_COMPLAINTS = "BUG|WARNING|Oops|Call Trace|lockup|general protection|use-after-free"


class ChannelClosed(Exception):
    """The guest, or QEMU, is gone."""


class Late(Exception):
    """No answer within the bound."""


class CommandFailed(Exception):
    """A command in the guest ended with a status other than 0."""


class Channel:
    """One end of a virtio-serial port: listens at ``path``, where QEMU connects when it starts."""

    def __init__(self, path):
        self.path = path
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(1)
        self._connection = None

    def accept(self, timeout_s):
        """Wait for QEMU to connect."""
        self._listener.settimeout(timeout_s)
        try:
            self._connection, _ = self._listener.accept()
        except TimeoutError:
            raise Late(f"QEMU did not connect to {self.path.name} in {timeout_s} s") from None
        self._connection.setblocking(True)

    def fileno(self):
        """Descriptor for `select`."""
        return self._connection.fileno()

    def send(self, data):
        """Send all of ``data``."""
        try:
            self._connection.sendall(data)
        except OSError as error:
            raise ChannelClosed(f"{self.path.name}: {error}") from None

    def receive(self, timeout_s):
        """What has come, at least one byte; ``b""`` if nothing came in ``timeout_s`` seconds."""
        if not select.select([self._connection], [], [], max(timeout_s, 0))[0]:
            return b""
        try:
            data = self._connection.recv(65536)
        except OSError as error:
            raise ChannelClosed(f"{self.path.name}: {error}") from None
        if not data:
            raise ChannelClosed(f"{self.path.name}: the guest is gone")
        return data

    def close(self):
        """Close the channel. The guest powers off when its control channel is closed."""
        for end in (self._connection, self._listener):
            if end is not None:
                end.close()
        self.path.unlink(missing_ok=True)


class GuestShell:
    """Runs shell commands in the guest, one at a time.

    The form of the exchange is that of `guest/init`.
    """

    def __init__(self, channel):
        self._channel = channel
        self._number = 0
        self._received = b""

    def wait_ready(self, timeout_s):
        """Wait until the guest has booted."""
        self._answer(0, timeout_s, "the guest's start")

    def run(self, command, timeout_s=30):
        """Run ``command`` (one line); returns ``(status, output)``.

        Raises
        ------
        Late
            If it is not done after ``timeout_s`` seconds.
        ChannelClosed
            If the guest is gone.
        """
        if "\n" in command:
            raise ValueError("a guest command must be one line")
        self._number += 1
        self._channel.send(f"{self._number} {command}\n".encode())
        return self._answer(self._number, timeout_s, command)

    def kernel_complaints(self):
        """Lines of the kernel's log that tell of a bug; "" if there is none."""
        status, lines = self.run(f"dmesg | grep -E '{_COMPLAINTS}'")
        if status > 1:
            raise CommandFailed(f"in the guest: reading the kernel's log: status {status}")
        return lines

    def check(self, command, timeout_s=30):
        """Run ``command``; returns its output, or raises :class:`CommandFailed`."""
        status, output = self.run(command, timeout_s)
        if status:
            raise CommandFailed(f"in the guest: {command}: status {status}\n{output.strip()}")
        return output

    def _answer(self, number, timeout_s, what):
        end = time.monotonic() + timeout_s
        mark = b"\x1e%d " % number
        while True:
            output, found, rest = self._received.partition(mark)
            if found and b"\n" in rest:
                status, _, self._received = rest.partition(b"\n")
                return int(status), output.decode(errors="replace")
            left_s = end - time.monotonic()
            if left_s <= 0:
                raise Late(f"{what}: no answer in {timeout_s} s")
            self._received += self._channel.receive(left_s)
