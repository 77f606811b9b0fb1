# SPDX-License-Identifier: BSD-2-Clause
"""The bench: how many cycles and how many TLPs the card takes, on every machine the same.

`python -m sim.bench` measures; `keys` says what, `model/` holds block, link and host.
"""
