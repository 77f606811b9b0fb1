# SPDX-License-Identifier: Apache-2.0
"""9P2000.L messages as the card would send them, and the client that sends them."""

import os
import struct

__all__ = ["NOFID", "NOTAG", "RLERROR", "Client", "message", "string"]

NOFID = 0xFFFFFFFF
NOTAG = 0xFFFF
RLERROR = 7
TYPES = {
    "lopen": 12,
    "lcreate": 14,
    "getattr": 24,
    "readdir": 40,
    "version": 100,
    "attach": 104,
    "walk": 110,
    "read": 116,
    "write": 118,
    "clunk": 120,
}


def string(text):
    """Encode a 9P string."""
    return struct.pack("<H", len(text.encode())) + text.encode()


def message(kind, body=b"", tag=1, size=None):
    """Encode a message; `kind` is a name or a number, `size` may lie."""
    number = TYPES.get(kind, kind)
    return struct.pack("<IBH", 7 + len(body) if size is None else size, number, tag) + body


class Client:
    """A 9P client on queue 0 of a fake card's device."""

    def __init__(self, device, writable=65536, pieces=1):
        self.device = device
        self.writable = writable
        self.pieces = pieces

    def call(self, kind, body, tag=1):
        """Send one request; return the body of its reply, or raise what the server says."""
        reply = self.device.request(message(kind, body, tag), self.writable, self.pieces)
        size, number, reply_tag = struct.unpack_from("<IBH", reply)
        assert size == len(reply), f"size field {size} in a reply of {len(reply)} bytes"
        assert reply_tag == tag
        if number == RLERROR:
            (code,) = struct.unpack_from("<I", reply, 7)
            raise OSError(code, os.strerror(code))
        assert number == TYPES[kind] + 1
        return reply[7:]

    def attach(self, msize=65536, fid=1, user=0, aname=""):
        """Begin a session; return the msize that was granted."""
        body = self.call("version", struct.pack("<I", msize) + string("9P2000.L"), NOTAG)
        self.call(
            "attach",
            struct.pack("<II", fid, NOFID) + string("") + string(aname) + struct.pack("<I", user),
        )
        return struct.unpack_from("<I", body)[0]

    def walk(self, fid, new_fid, *names):
        """Walk from a fid to a new one."""
        self.call(
            "walk", struct.pack("<IIH", fid, new_fid, len(names)) + b"".join(map(string, names))
        )

    def create(self, fid, name):
        """Create a file in the folder of `fid`, which then stands for the file."""
        self.call(
            "lcreate",
            struct.pack("<I", fid)
            + string(name)
            + struct.pack("<III", os.O_CREAT | os.O_RDWR, 0o644, 0),
        )

    def open(self, fid, flags=os.O_RDONLY):
        """Open the file that a fid stands for."""
        self.call("lopen", struct.pack("<II", fid, flags))

    def read(self, fid, offset, count):
        """Read bytes of an open file."""
        return self.call("read", struct.pack("<IQI", fid, offset, count))[4:]

    def write(self, fid, offset, data):
        """Write bytes to an open file; return how many were taken."""
        body = self.call("write", struct.pack("<IQI", fid, offset, len(data)) + data)
        return struct.unpack("<I", body)[0]

    def is_alive(self):
        """Return true if the server walks to the root and lets go of it; else raise."""
        self.walk(1, 99)
        self.call("clunk", struct.pack("<I", 99))
        return True
