# SPDX-License-Identifier: BSD-2-Clause
"""Bounded proofs of what must never happen, each with a planted bug that it finds."""
