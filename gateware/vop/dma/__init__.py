# SPDX-License-Identifier: BSD-2-Clause
"""Bytes between card RAM and host memory: split, aligned, tagged."""
