# SPDX-License-Identifier: BSD-2-Clause
"""SQRL Acorn CLE-215: the NiteFury II under another name, pin by pin. Not tried on hardware."""

from dataclasses import replace

from . import nitefury2

__all__ = ["BOARD"]

BOARD = replace(nitefury2.BOARD, title="SQRL Acorn CLE-215")
