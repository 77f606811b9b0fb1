# SPDX-License-Identifier: Apache-2.0
"""A 9P2000.L server over a dictionary of files in one directory; just what a copy needs.

Ref: github.com/chaos/diod, protocol.md.
"""

import struct

ENOENT = 2
RLERROR = 7
QTDIR = 0x80
MSIZE = 65536


def _qid(name):
    return struct.pack("<BIQ", 0 if name else QTDIR, 0, hash(name) & 0xFFFF)


class Tiny9p:
    """``files`` maps names to bytes and is what a story looks at."""

    def __init__(self, files):
        self.files = files
        self.fids = {}
        self._handlers = {
            12: self._lopen,
            14: self._lcreate,
            24: self._getattr,
            100: self._version,
            104: self._attach,
            110: self._walk,
            116: self._read,
            118: self._write,
            120: self._clunk,
        }

    def answer(self, request):
        """Return the reply to one message."""
        size, kind, tag = struct.unpack_from("<IBH", request)
        assert size == len(request)
        try:
            body = self._handlers[kind](request[7:])
            kind += 1
        except FileNotFoundError:
            kind, body = RLERROR, struct.pack("<I", ENOENT)
        return struct.pack("<IBH", 7 + len(body), kind, tag) + body

    def _version(self, body):
        msize = struct.unpack_from("<I", body)[0]
        return struct.pack("<I", min(msize, MSIZE)) + body[4:]

    def _attach(self, body):
        self.fids[struct.unpack_from("<I", body)[0]] = ""
        return _qid("")

    def _walk(self, body):
        fid, new, count = struct.unpack_from("<IIH", body)
        name = self.fids[fid]
        if count:
            name = body[12 : 12 + struct.unpack_from("<H", body, 10)[0]].decode()
            if name not in self.files:
                raise FileNotFoundError
        self.fids[new] = name
        return struct.pack("<H", count) + (_qid(name) if count else b"")

    def _lopen(self, body):
        return _qid(self.fids[struct.unpack_from("<I", body)[0]]) + bytes(4)

    def _lcreate(self, body):
        fid, length = struct.unpack_from("<IH", body)
        self.fids[fid] = body[6 : 6 + length].decode()
        self.files[self.fids[fid]] = b""
        return _qid(self.fids[fid]) + bytes(4)

    def _getattr(self, body):
        name = self.fids[struct.unpack_from("<I", body)[0]]
        mode = 0o100644 if name else 0o40755
        size = len(self.files.get(name, b""))
        head = struct.pack("<Q", 0x7FF) + _qid(name) + struct.pack("<III", mode, 0, 0)
        return head + struct.pack("<QQQ", 1, 0, size) + bytes(8 * 12)

    def _read(self, body):
        fid, offset, count = struct.unpack_from("<IQI", body)
        data = self.files[self.fids[fid]][offset : offset + count]
        return struct.pack("<I", len(data)) + data

    def _write(self, body):
        fid, offset, count = struct.unpack_from("<IQI", body)
        data = body[16:]
        assert count == len(data)
        old = self.files[self.fids[fid]]
        self.files[self.fids[fid]] = old[:offset] + data + old[offset + count :]
        return struct.pack("<I", count)

    def _clunk(self, body):
        del self.fids[struct.unpack_from("<I", body)[0]]
        return b""
