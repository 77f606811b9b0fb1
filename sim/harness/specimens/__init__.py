# SPDX-License-Identifier: BSD-2-Clause
"""Story modules for the harness's own tests: one that passes, and the ways to be red."""
