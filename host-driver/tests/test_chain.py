# SPDX-License-Identifier: BSD-2-Clause
"""The kernel module's chain checks, compiled in user space under ASan and UBSan."""

import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
KERNEL = HERE.parent / "kernel"

NEXT, WRITE, INDIRECT = 1, 2, 4
RAM_BYTES = 0x4_0000


@pytest.fixture(scope="module")
def chain_walk(tmp_path_factory):
    """A function that runs one command of the program and returns the lines it prints."""
    program = tmp_path_factory.mktemp("chain") / "chain_walk"
    subprocess.run(
        [
            "gcc",
            "-g",
            "-O1",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-pthread",
            "-fsanitize=address,undefined",
            "-fno-sanitize-recover=all",
            f"-I{HERE / 'shim'}",
            f"-I{KERNEL}",
            HERE / "chain_walk.c",
            KERNEL / "vop_host_chain.c",
            "-o",
            program,
        ],
        check=True,
    )

    def run(*arguments, ring=()):
        lines = "\n".join(" ".join(str(field) for field in descriptor) for descriptor in ring)
        done = subprocess.run(
            [program, *map(str, arguments)],
            input=lines,
            check=True,
            capture_output=True,
            text=True,
            timeout=120,
        )
        return done.stdout.splitlines()

    return run


def walk(chain_walk, ring, head=0, ram_bytes=RAM_BYTES):
    return chain_walk("walk", len(ring), head, ram_bytes, ring=ring)


def test_a_chain_gives_its_segments_in_order(chain_walk):
    ring = [(0x300, 3, WRITE, 0), (0x100, 1, NEXT, 2), (0x200, 2, NEXT, 0)]

    assert walk(chain_walk, ring, head=1) == ["ok", "r 0x100 1", "r 0x200 2", "w 0x300 3"]


def test_a_chain_may_use_every_descriptor(chain_walk):
    ring = [(n, 1, NEXT, n + 1) for n in range(127)] + [(127, 1, 0, 0)]

    assert len(walk(chain_walk, ring)) == 1 + 128


def test_a_buffer_may_touch_the_end_of_card_ram_and_be_empty(chain_walk):
    ring = [(RAM_BYTES - 16, 16, NEXT, 1), (RAM_BYTES, 0, 0, 0)]

    assert walk(chain_walk, ring)[0] == "ok"


@pytest.mark.parametrize(
    ("fault", "head", "ring"),
    [
        ("bad_head", 2, [(0, 1, 0, 0), (0, 1, 0, 0)]),
        ("bad_head", 0xFFFF, [(0, 1, 0, 0), (0, 1, 0, 0)]),
        ("bad_next", 0, [(0, 1, NEXT, 2), (0, 1, 0, 0)]),
        ("bad_next", 0, [(0, 1, NEXT, 0xFFFF), (0, 1, 0, 0)]),
        ("loop", 0, [(0, 1, NEXT, 0), (0, 1, 0, 0)]),
        ("loop", 0, [(0, 1, NEXT, 1), (0, 1, NEXT, 0)]),
        ("indirect", 0, [(0, 16, INDIRECT, 0)]),
        ("indirect", 0, [(0, 16, NEXT, 1), (0, 16, INDIRECT | WRITE, 0)]),
        ("bad_flags", 0, [(0, 1, 8, 0)]),
        ("bad_flags", 0, [(0, 1, 0x8000, 0)]),
        ("bad_order", 0, [(0, 1, NEXT | WRITE, 1), (0, 1, 0, 0)]),
        ("bad_address", 0, [(RAM_BYTES, 1, 0, 0)]),
        ("bad_address", 0, [(RAM_BYTES - 1, 2, 0, 0)]),
        ("bad_address", 0, [(0, RAM_BYTES + 1, 0, 0)]),
        ("bad_address", 0, [(1, 0xFFFF_FFFF, 0, 0)]),
        ("bad_address", 0, [(0x7FFF_FFFF_FFFF_FFFF, 1, 0, 0)]),
        ("bad_address", 0, [(1 << 32, 1, 0, 0)]),
        ("bad_address", 0, [(-1, 1, 0, 0)]),
    ],
)
def test_a_broken_chain_is_refused_by_name(chain_walk, fault, head, ring):
    assert walk(chain_walk, ring, head) == [fault]


def test_lengths_that_exceed_32_bits_together_are_refused(chain_walk):
    ring = [(0, 0x8000_0000, NEXT, 1), (0, 0x8000_0000, 0, 0)]

    assert walk(chain_walk, ring, ram_bytes=0xFFFF_FFFF) == ["bad_length"]


@pytest.mark.parametrize(
    ("avail", "last", "answer"),
    [
        (0, 0, ["ok", "0"]),
        (16, 0, ["ok", "16"]),
        (3, 0xFFFE, ["ok", "5"]),
        (17, 0, ["bad_avail"]),
        (0xFFFF, 0, ["bad_avail"]),
    ],
)
def test_the_avail_index_may_lead_by_the_ring_and_no_more(chain_walk, avail, last, answer):
    assert chain_walk("pending", avail, last, 16) == answer


def test_pieces_stop_at_segments_and_at_the_limit_and_skip_empty_ones(chain_walk):
    ring = [(0x1000, 5, NEXT, 1), (0x2000, 0, NEXT, 2), (0x3000, 3, 0, 0)]

    assert chain_walk("pieces", 3, 0, 4, ring=ring) == [
        "0x1000 4 left 4",
        "0x1004 1 left 3",
        "0x3000 3 left 0",
    ]


def test_a_ring_that_changes_under_the_walk_never_gives_an_illegal_chain(chain_walk):
    [verdict] = chain_walk("storm", 1, 200_000)

    assert verdict.endswith(" 0 broken")
