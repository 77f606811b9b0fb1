# SPDX-License-Identifier: BSD-2-Clause
"""A module without a story: red."""
