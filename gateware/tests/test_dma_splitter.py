# SPDX-License-Identifier: BSD-2-Clause
"""Transfers cut at 4 KiB, MPS and MRRS."""

import random

import pytest
from copier_models import simulate
from vop.dma.splitter import Splitter


@pytest.mark.parametrize("limit_log2", [7, 8, 9, 12, 14])
def test_pieces_cover_the_transfer_and_all_but_the_ends_are_full(limit_log2):
    splitter = Splitter(card_bits=20)
    rng = random.Random(limit_log2)
    limit = min(1 << limit_log2, 4096)
    cases = [(0xFFFF_FFFF_FFFF_E001, 5, 4096), (0, 0, 1), (limit - 1, 7, 2), (limit, 0, limit),
             *((rng.getrandbits(63), rng.getrandbits(12), rng.randrange(1, 20000))
               for _ in range(30))]

    async def story(ctx):
        ctx.set(splitter.limit_log2, limit_log2)
        for host, card, length in cases:
            ctx.set(splitter.transfer.payload,
                    {"host_address": host, "card_address": card, "bytes": length})
            ctx.set(splitter.transfer.valid, 1)
            assert ctx.get(splitter.transfer.ready)
            await ctx.tick()
            ctx.set(splitter.transfer.valid, 0)
            pieces = []
            ctx.set(splitter.piece.ready, 1)
            while not pieces or not pieces[-1].last:
                assert ctx.get(splitter.piece.valid)
                pieces.append(ctx.get(splitter.piece.payload))
                await ctx.tick()
            ctx.set(splitter.piece.ready, 0)
            assert not ctx.get(splitter.piece.valid)

            assert sum(piece.bytes for piece in pieces) == length
            assert [piece.first for piece in pieces] == [1] + [0] * (len(pieces) - 1)
            done = 0
            for piece in pieces:
                assert piece.host_address == host + done
                assert piece.card_address == card + done
                assert piece.host_address % limit + piece.bytes <= limit
                done += piece.bytes
            assert all(piece.bytes == limit for piece in pieces[1:-1])
    simulate(splitter, story, background=[])
