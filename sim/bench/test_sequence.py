# SPDX-License-Identifier: BSD-2-Clause
"""Small requests are found in a list of TLPs, and told without what differs between them."""

from .sequence import exchanges, shape


def sent(size=64, *, before=(), address=0x1000_0000):
    writes = [size, 32, 2, 2]
    lines = [("card", "memory_write", "", address, each) for each in writes]
    return [*before, *lines, ("card", "msi", "", 0xFEE0_0000, 4)]


def answered(size=64, *, stores=1):
    return [
        ("host", "memory_write", "bar2", 0x2000, size),
        *[("host", "memory_write", "bar0", 0x1050, 8)] * stores,
    ]


def test_an_exchange_ends_where_the_card_writes_again():
    lines = [*sent(), *answered(), *sent(), *answered(), *sent()]

    assert exchanges(lines) == [[*sent(), *answered()]]


def test_requests_that_differ_in_size_and_place_have_one_shape():
    first = shape([*sent(17, address=0x1100_0000), *answered(9)])

    assert first == shape([*sent(64), *answered(64)])
    assert first == (
        "card memory_write up to 64",
        "card memory_write 32",
        "card memory_write 2",
        "card memory_write 2",
        "card msi 4",
        "host memory_write bar2 up to 64",
        "host memory_write bar0 8",
    )


def test_one_store_more_is_another_shape():
    assert shape([*sent(), *answered()]) != shape([*sent(), *answered(stores=4)])


def test_a_record_of_the_exchange_before_is_told():
    record = ("card", "memory_write", "", 0x1001_0000, 16)

    told = shape([*sent(before=[record]), *answered()])

    assert told is not None
    assert told[0] == "card memory_write 16"


def test_a_read_is_told():
    read = ("card", "memory_read", "", 0x1002_0000, 64)

    told = shape([*sent(before=[read]), *answered()])

    assert told is not None
    assert "card memory_read 64" in told


def test_what_is_no_small_request_has_no_shape():
    assert shape([*sent(65), *answered()]) is None
    assert shape([*sent(), *answered(65)]) is None
    assert shape(sent()) is None
    assert shape(answered()) is None
