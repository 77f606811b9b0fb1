# SPDX-License-Identifier: BSD-2-Clause
"""A module that cannot be imported: red."""

raise ImportError("as intended")
