# SPDX-License-Identifier: BSD-2-Clause
"""Whose turn it is among the channels."""

from amaranth.hdl import Cat, Mux

__all__ = ["next_turn"]


def next_turn(requests, last):
    """Number of the first of ``requests`` above ``last``, round and round; ``last`` if none asks.

    Parameters
    ----------
    requests : value
        Bit per requester, 8 at most.
    last : value
        Who had the turn before.
    """
    above = Cat(requests[n] & (last < n) for n in range(len(requests)))
    choice = last
    for n in reversed(range(len(requests))):
        choice = Mux(requests[n], n, choice)
    for n in reversed(range(len(requests))):
        choice = Mux(above[n], n, choice)
    return choice
